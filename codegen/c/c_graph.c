/* A graph as a C function's statements: one call per kernel, in order; scans as loops around their body's function. */
#include "codegen/c/c.h"
#include "codegen/c/graph.h"
#include <ctype.h>
#include <string.h>

const char *c_ident(CPrint *p, const char *name) {
  char *s = ctx_strf(p->c, "%s", name);
  for (char *x = s; *x; x++)
    if (!isalnum((unsigned char)*x)) *x = '_';
  return s;
}

/* ---- places ---- */

static const char *ctype_of(const Graph *g, Id n) {
  return dtype_info[node_type(g, n)->dtype].c;
}

static const char *at_offset(CPrint *p, const char *type, const char *base, int64_t offset) {
  if (!offset) return ctx_strf(p->c, "(%s *)%s", type, base);
  return ctx_strf(p->c, "(%s *)(%s + %lld)", type, base, (long long)offset);
}

/* The pointer to a buffer, as an argument. */
static const char *place(CGraph *c, Id n) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  Op op = (Op)node_get(g, n)->op;
  const Anno *a = &g->anno[n];
  if (op == OP_param || op == OP_state) {
    int v = var_find(p->m, node_attr(g, n, 0)->s);
    return at_offset(p, ctype_of(g, n), "m", p->m->var[v].offset);
  }
  if (op == OP_input)
    for (int i = 0; i < g->nport; i++)
      if (g->port[i] == n) return c->in[i];
  switch (a->space) {
  case SP_ARENA: return at_offset(p, ctype_of(g, n), "a", a->offset);
  case SP_VAR: return at_offset(p, ctype_of(g, n), "m", p->m->var[a->index].offset);
  case SP_HEAD: return at_offset(p, ctype_of(g, n), "m", a->offset);
  case SP_OUT: return c->out[a->index];
  default: break;
  }
  diag_error(p->c, 403, node_get(g, n)->loc, 1, "internal: a value of `%s` has no place", g->name);
  return "0";
}

/* ---- comments ---- */

/* "mlp.nn:12: relu -> f32[64,512]" */
static const char *call_comment(CGraph *c, const Group *gr) {
  const Graph *g = c->g;
  Id n = gr->nwrite ? gr->write[gr->nwrite - 1] : gr->root;
  SourcePos at = source_pos(c->p->c, node_get(g, gr->root)->loc);
  Str s = {.c = c->p->c};
  if (at.line) {
    const char *slash = strrchr(at.file, '/');
    str_printf(&s, "%s:%d: ", slash ? slash + 1 : at.file, at.line);
  }
  for (int i = 0; i < gr->nread; i++) {
    Op op = (Op)node_get(g, gr->read[i])->op;
    if (op == OP_param || op == OP_state || op == OP_input)
      str_printf(&s, "%s%s", node_attr(g, gr->read[i], 0)->s, i + 1 < gr->nread ? ", " : "");
    else str_printf(&s, "_%s", i + 1 < gr->nread ? ", " : "");
  }
  str_printf(&s, " -> ");
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].value == n) str_printf(&s, "%s ", g->out[i].name);
  str_puts(&s, type_text(c->p->m, node_get(g, n)->type));
  return s.s;
}

/* ---- kernels ---- */

void c_stmt(CGraph *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s\n", 2 * c->indent, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

static void call_kernel(CGraph *c, const Group *gr) {
  CPrint *p = c->p;
  Kernel *k = kernel_build(c->gs, gr);
  Str s = {.c = p->c};
  CPlan plan;
  const char *name = c_kernel(p, k, &plan);
  c_wait(c, k, &plan);
  for (int i = 0; i < k->nbuf; i++) str_printf(&s, "%s%s", i ? ", " : "",
                                                 k->buf[i].table ? c_table(p, c->g, k->buf[i].node) : place(c,
                                                     k->buf[i].node));
  for (int i = 0; i < p->m->nsize; i++)
    if (k->sizes >> i & 1) str_printf(&s, "%sn_%s", s.n ? ", " : "", p->m->size[i].name);
  if (k->uses_run) str_printf(&s, "%srun", s.n ? ", " : "");
  if (k->nstream) str_puts(&s, ", pass, turn");
  for (int i = 0; i < k->nstream; i++) str_printf(&s, ", %lluu", (unsigned long long)k->stream[i]);
  const char *sep = s.n ? ", " : "";
  if (c_takes_part(&plan)) str_printf(&s, plan.serial ? "%s0, 1" : "%spart, parts", sep);
  c->parallel |= !plan.serial;
  c->uses_run |= k->uses_run;
  c->uses_random |= k->nstream > 0;
  c->sizes |= k->sizes;
  c_stmt(c, "/* %s */", call_comment(c, gr));
  c_stmt(c, "%s%s(%s);", p->native && plan.serial ? "if (part == 0) " : "", name, s.s ? s.s : "");
}

/* Check mode: the stores of a kernel are looked through behind its call. */
static void check_stores(CGraph *c, const Group *gr) {
  CPrint *p = c->p;
  for (int i = 0; i < gr->nwrite; i++) {
    const Node *d = node_get(c->g, gr->write[i]);
    if (type_get(p->m, d->type)->dtype != DT_F32) continue;
    SourcePos at = source_pos(p->c, d->loc);
    p->helper |= CH_CHECK;
    str_printf(&p->nodes, "  {\"%s\", \"%s\", %d},\n", op_info[d->op].name, at.file, at.line);
    p->helper |= CH_BARRIER;
    c_stmt(c, "if (bad) gc_check(call, %s, %s, %d);", place(c, gr->write[i]), c_dim(p, type_count(p->m, d->type)),
           ++p->nnodes);
  }
}

static bool is_loss(const Graph *g, const Group *gr) {
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0 && !strcmp(g->out[i].name, "loss"))
      for (int k = 0; k < gr->nwrite; k++)
        if (gr->write[k] == g->out[i].value) return true;
  return false;
}

void c_graph_body(CGraph *c) {
  const Graph *g = c->g;
  for (int i = 0; i < c->gs->n; i++) {
    const Group *gr = &c->gs->group[i];
    if (gr->cls == KC_SCAN) c_scan(c, gr);
    else call_kernel(c, gr);
    if (c->p->native && g->kind != GK_BODY) check_stores(c, gr);
    if (!g->checks || !is_loss(g, gr)) continue;
    c->p->helper |= CH_FINITE;
    if (c->p->native) c_barrier(c);
    c_stmt(c, "if (!gc_finite(run->loss)) return -1;");
    c->uses_run = true;
  }
}

/* ---- scans ---- */

static const char *bytes_of(CPrint *p, const Type *t) {
  Dim n = dtype_info[t->dtype].bytes;
  for (int i = 0; i < t->rank; i++) n = dim_mul(p->m, n, t->dim[i]);
  return c_dim(p, n);
}

/* Bytes of the axes before or behind the scanned one. */
static const char *part_of(CPrint *p, const Type *t, int axis, bool inner) {
  Dim n = inner ? dtype_info[t->dtype].bytes : 1;
  for (int i = inner ? axis + 1 : 0; i < (inner ? t->rank : axis); i++) n = dim_mul(p->m, n, t->dim[i]);
  return c_dim(p, n);
}

/* The pointer to turn t of a stacked buffer, or to the slice that stands for it. */
static const char *turn_place(CGraph *c, const Type *t, int axis, const char *base, const char *scratch,
                              int64_t slice) {
  CPrint *p = c->p;
  const char *type = dtype_info[t->dtype].c;
  if (slice >= 0) return ctx_strf(p->c, "(%s *)(%s + %lld)", type, scratch, (long long)slice);
  Dim n = 1;
  for (int i = axis + 1; i < t->rank; i++) n = dim_mul(p->m, n, t->dim[i]);
  return ctx_strf(p->c, "%s + t * (%s)", base, c_dim(p, n));
}

/* Copies around a body are made by one thread, between barriers. */
static const char *only_first(const CGraph *c) {
  return c->p->native ? "if (part == 0) " : "";
}

static void copy_slice(CGraph *c, const Type *t, int axis, const char *stacked, const char *slice, bool back) {
  CPrint *p = c->p;
  const char *inner = part_of(p, t, axis, true), *len = c_dim(p, t->dim[axis]), *rows = part_of(p, t, axis, false);
  const char *whole = ctx_strf(p->c, "(const unsigned char *)(%s) + t * (%s)", stacked, inner);
  p->helper |= CH_ROWS;
  if (back)
    c_stmt(c, "%sgc_rows((unsigned char *)(%s) + t * (%s), (%s) * (%s), (const unsigned char *)%s, %s, %s, %s);",
           only_first(c), stacked, inner,
           len, inner, slice, inner, rows, inner);
  else
    c_stmt(c, "%sgc_rows((unsigned char *)%s, %s, %s, (%s) * (%s), %s, %s);", only_first(c), slice, inner, whole, len,
           inner, rows, inner);
}

void c_scan(CGraph *c, const Group *gr) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  Scan s = scan_of(g, gr->root);
  const Type *tuple = node_type(g, gr->root);
  ScanScratch sc;
  scan_scratch(g, gr->root, &sc);
  const char *scratch = ctx_strf(p->c, "(a + %lld)", (long long)g->anno[gr->root].offset);
  bool parallel, slices = false;
  const char *body = c_body_function(p, s.body, &parallel);
  const char **result = ctx_alloc(p->c, (size_t)(s.nc + s.ny + 1) * sizeof *result);
  for (int i = 0; i < gr->nnode; i++)
    if (gr->node[i] != gr->root) result[node_attr(g, gr->node[i], 0)->i] = place(c, gr->node[i]);
  for (int i = 0; i < s.nx + s.ny; i++) slices |= sc.slice[i] >= 0;
  if (p->native) c_barrier(c);
  c->parallel |= parallel || g->kind == GK_BODY; /* the barriers around it are for all threads */
  c_stmt(c, "%s{ /* %s */", p->native && !parallel ? "if (part == 0) " : "", call_comment(c, gr));
  c->indent++;
  for (int i = 0; i < s.nc; i++) {
    const Type *t = type_get(p->m, tuple->elem[i]);
    const char *type = dtype_info[t->dtype].c, *n = bytes_of(p, t);
    p->helper |= CH_ROWS;
    c_stmt(c, "%s *c%d = %s, *d%d = (%s *)(%s + %lld);", type, i, result[i], i, type, scratch, (long long)sc.carry[i]);
    c_stmt(c, "%sgc_rows((unsigned char *)c%d, 0, (const unsigned char *)(%s), 0, 1, %s);", only_first(c), i, place(c,
        node_in(g, gr->root, s.nx + i)), n);
  }
  const char *len = c_dim(p, s.length);
  if (s.reverse) c_stmt(c, "for (ptrdiff_t t = %s; t-- > 0;) {", len);
  else c_stmt(c, "for (ptrdiff_t t = 0; t < %s; t++) {", len);
  c->indent++;
  Str args = {.c = p->c};
  str_printf(&args, "m, %s", sc.arena ? ctx_strf(p->c, "%s + %lld", scratch, (long long)sc.arena) : scratch);
  for (int i = 0; i < s.nx + s.nc + s.ncap; i++) {
    const char *x = i < s.nx || i >= s.nx + s.nc ? place(c, node_in(g, gr->root, i)) : ctx_strf(p->c, "c%d", i - s.nx);
    if (i < s.nx) {
      const Type *t = node_type(g, node_in(g, gr->root, i));
      const char *at = turn_place(c, t, s.axis, x, scratch, sc.slice[i]);
      if (sc.slice[i] >= 0) copy_slice(c, t, s.axis, x, at, false);
      x = at;
    }
    str_printf(&args, ", %s", x);
  }
  for (int i = 0; i < s.nc; i++) str_printf(&args, ", d%d", i);
  for (int i = 0; i < s.ny; i++)
    str_printf(&args, ", %s", turn_place(c, type_get(p->m, tuple->elem[s.nc + i]), s.axis, result[s.nc + i], scratch,
                                         sc.slice[s.nx + i]));
  uint32_t known = g->kind == GK_BODY ? ~0u : c_port_sizes(g); /* no body uses a size that its caller lacks */
  for (int i = 0; i < p->m->nsize; i++)
    str_puts(&args, known >> i & 1 ? ctx_strf(p->c, ", n_%s", p->m->size[i].name) : ", 0");
  c->sizes |= known;
  if (parallel) c_barrier(c);
  c_stmt(c, "%s(%s, pass, turn * (uint32_t)(%s) + (uint32_t)t%s);", body, args.s, len, p->native
         ? ", call, part, parts" : "");
  c->uses_random = true;
  if (parallel && slices) c_barrier(c);
  for (int i = 0; i < s.ny; i++)
    if (sc.slice[s.nx + i] >= 0)
      copy_slice(c, type_get(p->m, tuple->elem[s.nc + i]), s.axis, result[s.nc + i],
                 turn_place(c, type_get(p->m, tuple->elem[s.nc + i]), s.axis, "", scratch, sc.slice[s.nx + i]), true);
  for (int i = 0; i < s.nc; i++) {
    const char *type = dtype_info[type_get(p->m, tuple->elem[i])->dtype].c;
    c_stmt(c, "{ %s *e = c%d; c%d = d%d; d%d = e; }", type, i, i, i, i);
  }
  c->indent--;
  c_stmt(c, "}");
  if (parallel) c_barrier(c);
  for (int i = 0; i < s.nc; i++)
    c_stmt(c, "%sif (c%d != %s) gc_rows((unsigned char *)(%s), 0, (const unsigned char *)c%d, 0, 1, %s);",
           only_first(c), i, result[i], result[i], i,
           bytes_of(p, type_get(p->m, tuple->elem[i])));
  c->indent--;
  c_stmt(c, "}");
  if (p->native) c_barrier(c);
}
