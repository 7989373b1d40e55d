/* SPDX-License-Identifier: Apache-2.0 */
/* The form `columns`: accumulations along axes that are not the fastest, so that consecutive threads have consecutive
 * columns. In the first launch each thread accumulates a chunk of a column's terms, and puts the result into scratch
 * memory; in the second one it combines the chunks of a column in order, and computes what follows. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"
#include "codegen/cuda/reduce.h"

typedef struct ColumnsPlan {
  NestSchedule first, second; /* all outer axes are points */
  int phase;                  /* that accumulates */
  Dim columns, terms;
  int64_t chunk;   /* terms of a chunk */
  int wide, high;  /* threads of a block of the first launch: columns, and chunks of each */
  int64_t *at;     /* per accumulation: its first byte in the scratch memory */
  int64_t *at_arg; /* and of the indices of argmax */
} ColumnsPlan;

/* ---- decisions ---- */

enum { FULL_GRID = 1 << 18, LEAST_CHUNK = 64 };

/* One phase accumulates, in loops that store nothing. */
static bool find_phase(const KNest *n, ColumnsPlan *p) {
  p->phase = -1;
  if (!n->nacc || n->par_axis >= 0) return false;
  for (int i = 0; i < n->nphase; i++) {
    if (n->phase[i].skip || (n->phase[i].naxis && p->phase >= 0)) return false;
    if (n->phase[i].naxis) p->phase = i;
  }
  for (int i = 0; i < n->nacc; i++)
    if (n->acc[i].phase != p->phase || n->acc[i].order != KO_CHUNK) return false;
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].level == KS_INNER) return false;
  return p->phase >= 0;
}

/* In fast mode about as many chunks as terms in a chunk. */
static int64_t chunk_of(const Module *m, int64_t terms) {
  int64_t chunk = LEAST_CHUNK;
  if (m->opt.strict) return STRICT_CHUNK;
  while (chunk * chunk < terms) chunk *= 2;
  return chunk;
}

/* The nest up to the accumulations, without stores. */
static KNest *accumulating(const KNest *n, int phase) {
  KNest *copy = ctx_alloc(n->axes.m->c, sizeof *copy);
  *copy = *n;
  copy->nphase = phase + 1;
  copy->nstore = 0;
  return copy;
}

static NestSchedule scheduled(const KNest *n, const NestSchedule *s) {
  NestSchedule r = schedule_scalar(n);
  r.narrow = s->narrow;
  r.grid = true;
  r.npoint = s->npoint;
  memcpy(r.point, s->point, sizeof r.point);
  return r;
}

static int64_t find_places(ColumnsPlan *p, const KNest *n, int64_t chunks, int64_t columns) {
  int64_t bytes = 0;
  p->at = ctx_alloc(n->axes.m->c, sizeof *p->at * (size_t)(n->nacc + 1));
  p->at_arg = ctx_alloc(n->axes.m->c, sizeof *p->at_arg * (size_t)(n->nacc + 1));
  for (int i = 0; i < n->nacc; i++) {
    p->at[i] = bytes;
    bytes += divide_up(chunks * columns * dtype_info[n->acc[i].type].bytes, 16) * 16;
    p->at_arg[i] = bytes;
    if (acc_is_arg(&n->acc[i])) bytes += divide_up(chunks * columns * 4, 16) * 16;
  }
  return bytes;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  ColumnsPlan *p = ctx_alloc(m->c, sizeof *p);
  (void)k;
  if (!find_phase(n, p)) return false;
  p->columns = index_product(n, s->point, s->npoint);
  p->terms = index_product(n, n->phase[p->phase].axis, n->phase[p->phase].naxis);
  int64_t columns = dim_bound(m, p->columns), terms = dim_bound(m, p->terms);
  p->chunk = chunk_of(m, terms);
  int64_t chunks = divide_up(terms, p->chunk);
  if (chunks < 2 || columns > FULL_GRID || chunks > 65535 || (double)chunks * (double)columns > 0x1p30) return false;
  p->first = scheduled(accumulating(n, p->phase), s);
  p->second = scheduled(n, s);
  for (p->wide = 1; p->wide < CUDA_BLOCK && p->wide < columns;) p->wide *= 2;
  p->high = CUDA_BLOCK / p->wide;
  int64_t scratch = find_places(p, n, chunks, columns);
  *f = (FormShape){.launches = 2, .scratch = scratch, .plan = p};
  f->launch[0] =
    (LaunchShape){.grid = {{p->columns, p->wide}, {p->terms, (int)(p->chunk * p->high)}}, .block = CUDA_BLOCK};
  f->launch[1] = (LaunchShape){.grid[0] = {p->columns, CUDA_BLOCK}, .block = CUDA_BLOCK};
  return true;
}

/* ---- as text ---- */

static bool is_second(const NestText *c) { return c->s == &((const ColumnsPlan *)c->form)->second; }

static void print_begin(NestText *c) {
  const ColumnsPlan *p = c->form;
  const char *type = nest_index_type(c), *block = c->s->narrow ? "" : "(gc_i64)";
  const char *n = index_operand(c, p->columns);
  int wide = is_second(c) ? CUDA_BLOCK : p->wide;
  const char *thread = wide == CUDA_BLOCK ? "gc_thread()" : ctx_strf(c->p->c, "gc_thread() %% %d", wide);
  nest_line(c, "const %s column = %sgc_block() * %d + %s;", type, block, wide, thread);
  if (!is_second(c)) {
    const char *chunk =
      p->high == 1 ? "gc_block_y()" : ctx_strf(c->p->c, "gc_block_y() * %d + gc_thread() / %d", p->high, p->wide);
    nest_line(c, "const %s chunk = %s, from = chunk * %lld;", type, chunk, (long long)p->chunk);
    nest_line(c, "if (column >= %s || from >= %s) return;", n, text_dim(c->p, p->terms));
    nest_line(c, "const %s to = %s - from < %lld ? %s : from + %lld;", type, index_operand(c, p->terms),
              (long long)p->chunk, text_dim(c->p, p->terms), (long long)p->chunk);
  } else {
    nest_line(c, "const %s chunks = (%s + %lld) / %lld;", type, text_dim(c->p, p->terms), (long long)p->chunk - 1,
              (long long)p->chunk);
    nest_line(c, "if (column >= %s) return;", n);
  }
  index_declare(c, c->s->point, c->s->npoint, "column");
}

/* Of a chunk, in the scratch memory. */
static const char *place(NestText *c, const char *type, int64_t at, const char *chunk) {
  const ColumnsPlan *p = c->form;
  return ctx_strf(c->p->c, "((%s *)(scratch + %lld))[%s * %s + column]", type, (long long)at, chunk,
                  index_operand(c, p->columns));
}

static const char *acc_ctype(const KAcc *a) { return dtype_info[a->type].c; }

static void put_chunk(NestText *c) {
  const ColumnsPlan *p = c->form;
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    nest_line(c, "%s = %c%d;", place(c, acc_ctype(a), p->at[i], "chunk"), acc_is_arg(a) ? 'm' : 's', i);
    if (acc_is_arg(a)) nest_line(c, "%s = at%d;", place(c, "int32_t", p->at_arg[i], "chunk"), i);
  }
}

static void declare_values(NestText *c) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    nest_line(c, "%s %c%d = %s;", acc_ctype(a), acc_is_arg(a) ? 'm' : 's', i, acc_identity(c, a, false));
    if (acc_is_arg(a)) nest_line(c, "int32_t at%d = 0;", i);
  }
}

static void accumulate(NestText *c, int phase) {
  const KPhase *ph = &c->n->phase[phase];
  const char *type = nest_index_type(c);
  const char *term = ph->naxis == 1 ? ctx_strf(c->p->c, "i%d", ph->axis[0]) : "term";
  nest_open_block(c, "for (%s %s = from; %s < to; %s++)", type, term, term, term);
  if (ph->naxis > 1) index_declare(c, ph->axis, ph->naxis, term);
  for (int i = 0; i < ph->naxis; i++) nest_values(c, phase, c->n->nouter + i + 1);
  for (int i = 0; i < c->n->nacc; i++) acc_take(c, i, ctx_strf(c->p->c, "s%d", i));
  nest_close_block(c);
  put_chunk(c);
}

static void combine(NestText *c) {
  const ColumnsPlan *p = c->form;
  nest_open_block(c, "for (%s chunk = 0; chunk < chunks; chunk++)", nest_index_type(c));
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    const char *o = ctx_strf(c->p->c, "o%d", i), *s = ctx_strf(c->p->c, "s%d", i);
    nest_line(c, "const %s %s = %s;", acc_ctype(a), o, place(c, acc_ctype(a), p->at[i], "chunk"));
    if (acc_is_arg(a)) reduce_better(c, i, o, place(c, "int32_t", p->at_arg[i], "chunk"));
    else nest_line(c, "%s = chunk ? %s : %s;", s, acc_combine(c, a, s, o, false), o);
  }
  nest_close_block(c);
}

static void inner_loops(NestText *c, int phase, StrictOrder r) {
  (void)r;
  declare_values(c);
  if (is_second(c)) combine(c);
  else accumulate(c, phase);
}

static void print(Emitter *p, const Launch *l, Str *body) {
  static const ParallelText text = {.begin = print_begin, .inner_loops = inner_loops};
  const ColumnsPlan *plan = l->plan;
  NestText c = nest_text(p, l->step->kernel, l->part ? &plan->second : &plan->first, body);
  c.parallel = &text;
  c.form = plan;
  nest_print_text(&c);
}

const Form form_columns = {"columns", suits, print};
