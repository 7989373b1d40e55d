/* SPDX-License-Identifier: Apache-2.0 */
/* The form `segments` of scatters: a block owns a few rows of the result, and a column for each of its threads. It
 * goes through all indices, lists those of its rows in order of position, and adds their elements to each row, in that
 * order: so the bits are those of the plain form. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"

/* Entries of the list: position and row. It is emptied when another step might not fit. */
enum { OWNED_ROWS = 64, LISTED = 1024, LIST_BYTES = LISTED * 4, COUNTS_AT = 2 * LIST_BYTES, WARPS = CUDA_BLOCK / 32 };

typedef struct SegmentsPlan {
  NestSchedule s;
  int index;                         /* the axis of the result whose index is a value */
  int position[MAX_AXES], nposition; /* inner axes of the indices, and those whose elements go to the same place */
  int column[MAX_AXES], ncolumn;
  Dim positions, columns;
  int wide; /* threads of a block along columns: whole warps; the others take other rows */
} SegmentsPlan;

/* ---- decisions ---- */

/* The one indirect axis of the store. */
static int indirect_axis(const KNest *n) {
  int found = -1;
  for (int i = 0; i < n->axes.n; i++) {
    if (!n->store[0].at.coef[i] || n->axes.axis[i].kind == AX_LOOP) continue;
    if (n->axes.axis[i].kind != AX_INDIRECT || found >= 0) return -1;
    found = i;
  }
  return found;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  SegmentsPlan *p = ctx_alloc(m->c, sizeof *p);
  if (n->nphase != 1 || n->nacc || n->nstore != 1 || !n->store[0].add || n->phase[0].skip) return false;
  p->index = indirect_axis(n);
  if (p->index < 0 || dtype_is_half(k->buf[n->store[0].buf].type)) return false;
  for (int i = 0; i < n->phase[0].naxis; i++) {
    int a = n->phase[0].axis[i];
    bool summed = n->axes.axis[p->index].needs >> a & 1 || !n->store[0].at.coef[a];
    if (summed && p->ncolumn) return false;
    if (summed) p->position[p->nposition++] = a;
    else p->column[p->ncolumn++] = a;
  }
  p->positions = index_product(n, p->position, p->nposition);
  p->columns = index_product(n, p->column, p->ncolumn);
  p->s = schedule_scalar(n);
  p->s.narrow = s->narrow;
  p->s.grid = true;
  for (int i = 0; i < n->nouter; i++) p->s.point[p->s.npoint++] = n->outer[i];
  Dim planes = index_product(n, n->outer, n->nouter);
  if (dim_bound(m, planes) > 65535 || dim_bound(m, p->columns) > 65535 * CUDA_BLOCK) return false;
  if (dim_bound(m, p->positions) >= 1 << 30) return false;
  for (p->wide = 32; p->wide < CUDA_BLOCK && p->wide < dim_bound(m, p->columns);) p->wide *= 2;
  *f = (FormShape){.launches = 1, .plan = p};
  f->launch[0] =
    (LaunchShape){.grid = {{n->axes.axis[p->index].extent, OWNED_ROWS}, {p->columns, p->wide}, {planes, 1}},
                  .block = CUDA_BLOCK,
                  .shared_bytes = COUNTS_AT + WARPS * 4};
  return true;
}

/* ---- as text ---- */

static void print_begin(NestText *c) {
  const SegmentsPlan *p = c->form;
  const char *wide = c->s->narrow ? "" : "(gc_i64)";
  nest_line(c, "const int lane = gc_thread() %% 32, warp = gc_thread() / 32;");
  nest_line(c, "const gc_saddr listed = gc_shared(), rows = listed + %d, counts = listed + %d;", LIST_BYTES, COUNTS_AT);
  nest_line(c, "const %s first = %sgc_block() * %d, column = %sgc_block_y() * %d + gc_thread() %% %d;",
            nest_index_type(c), wide, OWNED_ROWS, wide, p->wide, p->wide);
  index_declare(c, c->n->outer, c->n->nouter, "gc_block_z()");
  for (int d = 0; d < c->n->nouter; d++) nest_values(c, -1, d);
  nest_values(c, 0, c->n->nouter);
  nest_line(c, "int count = 0;");
}

/* The row of this thread's position, from `first` on; -1: the block does not own it. */
static void print_row(NestText *outer) {
  NestText scope = nest_inner_scope(outer), *c = &scope;
  const SegmentsPlan *p = c->form;
  nest_line(c, "const int at = base + gc_thread();");
  nest_line(c, "int row = -1;");
  nest_open_block(c, "if (at < %s)", index_operand(c, p->positions));
  index_declare(c, p->position, p->nposition, "at");
  for (int i = 0; i < p->nposition; i++) nest_values(c, 0, c->n->nouter + i + 1);
  nest_line(c, "if (i%d >= first && i%d < first + %d) row = (int)(i%d - first);", p->index, p->index, OWNED_ROWS,
            p->index);
  nest_close_block(c);
}

/* Appends positions and rows, in order. */
static void print_append(NestText *c) {
  nest_line(c, "const uint32_t owned = gc_ballot(row >= 0);");
  nest_line(c, "if (lane == 0) gc_sts_u32(counts + warp * 4, (uint32_t)gc_popc(owned));");
  nest_line(c, "gc_sync();");
  nest_line(c, "int place = count + gc_popc(owned & ((1u << lane) - 1));");
  nest_open_block(c, "for (int w = 0; w < %d; w++)", WARPS);
  nest_line(c, "const int n = (int)gc_lds_u32(counts + w * 4);");
  nest_line(c, "if (w < warp) place += n;");
  nest_line(c, "count += n;");
  nest_close_block(c);
  nest_open_block(c, "if (row >= 0)");
  nest_line(c, "gc_sts_u32(listed + place * 4, (uint32_t)at);");
  nest_line(c, "gc_sts_u32(rows + place * 4, (uint32_t)row);");
  nest_close_block(c);
  nest_line(c, "gc_sync();");
}

static void print_add(NestText *outer) {
  NestText scope = nest_inner_scope(outer), *c = &scope;
  const SegmentsPlan *p = c->form;
  const KStore *s = &c->n->store[0];
  index_declare(c, p->position, p->nposition, "position");
  index_declare(c, p->column, p->ncolumn, "column");
  nest_line(c, "const %s i%d = first + r;", nest_index_type(c), p->index);
  c->axis_done[p->index] = true;
  for (int i = 0; i < p->nposition + p->ncolumn; i++) nest_values(c, 0, c->n->nouter + i + 1);
  nest_line(c, "if (!y) y = &%s, sum = *y;", nest_element(c, s->buf, &s->at));
  nest_line(c, "sum += %s;", c->text[s->value]);
}

/* Adds what is listed to each row. */
static void print_rows(NestText *c) {
  const SegmentsPlan *p = c->form;
  const char *type = dtype_info[c->k->buf[c->n->store[0].buf].type].c;
  if (p->wide == CUDA_BLOCK) nest_open_block(c, "for (int r = 0; r < %d; r++)", OWNED_ROWS);
  else nest_open_block(c, "for (int r = gc_thread() / %d; r < %d; r += %d)", p->wide, OWNED_ROWS, CUDA_BLOCK / p->wide);
  nest_line(c, "%s *y = 0, sum = 0;", type);
  nest_open_block(c, "for (int from = 0; from < count; from += 32)");
  nest_line(c, "const int its = from + lane < count ? (int)gc_lds_u32(rows + (from + lane) * 4) : -1;");
  nest_open_block(c, "for (uint32_t left = gc_ballot(its == r); left; left &= left - 1)");
  nest_line(c, "const int entry = from + gc_popc((left & (0 - left)) - 1);");
  nest_line(c, "const int position = (int)gc_lds_u32(listed + entry * 4);");
  nest_line(c, "if (column >= %s) continue;", index_operand(c, p->columns));
  print_add(c);
  nest_close_block(c);
  nest_close_block(c);
  nest_line(c, "if (y) *y = sum;");
  nest_close_block(c);
}

static void print(Emitter *e, const Launch *l, Str *body) {
  static const ParallelText text = {0};
  const SegmentsPlan *p = l->plan;
  NestText nest = nest_text(e, l->step->kernel, &p->s, body), *c = &nest;
  c->parallel = &text;
  c->form = p;
  print_begin(c);
  nest_open_block(c, "for (int base = 0; base < %s; base += %d)", index_operand(c, p->positions), CUDA_BLOCK);
  print_row(c);
  print_append(c);
  nest_line(c, "if (count <= %d && base + %d < %s) continue;", LISTED - CUDA_BLOCK, CUDA_BLOCK,
            index_operand(c, p->positions));
  print_rows(c);
  nest_line(c, "count = 0;");
  nest_close_block(c);
}

const Form form_segments = {"segments", suits, print};
