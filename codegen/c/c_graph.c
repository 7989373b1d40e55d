/* A graph as a C function's statements: one call per kernel, in order; scans as loops around their body's function. */
#include "codegen/c/c.h"
#include "codegen/c/graph.h"
#include "codegen/c/model.h"
#include "codegen/c/weights.h"
#include <string.h>

/* ---- places ---- */

static const char *ctype_of(const Graph *g, Id n) {
  return dtype_info[node_type(g, n)->dtype].c;
}

static const char *at_offset(CPrint *p, const char *type, const char *base, int64_t offset) {
  if (!offset) return ctx_strf(p->c, "(%s *)%s", type, base);
  return ctx_strf(p->c, "(%s *)(%s + %lld)", type, base, (long long)offset);
}

/* The pointer to a buffer, as an argument. */
const char *c_place(CGraph *c, Id n) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  const Anno *a = &g->anno[n];
  int var = node_var(g, n);
  if (var >= 0 && p->m->var[var].rom) return c_weights_place(p, var);
  if (var >= 0) return at_offset(p, ctype_of(g, n), "m", p->m->var[var].offset);
  if (node_is_input(g, n))
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
const char *c_call_comment(CGraph *c, const Group *gr) {
  const Graph *g = c->g;
  Id n = gr->nwrite ? gr->write[gr->nwrite - 1] : gr->root;
  SourcePos at = source_pos(c->p->c, node_get(g, gr->root)->loc);
  Str s = {.c = c->p->c};
  if (at.line) {
    const char *slash = strrchr(at.file, '/');
    str_printf(&s, "%s:%d: ", slash ? slash + 1 : at.file, at.line);
  }
  for (int i = 0; i < gr->nread; i++) {
    if (node_info(g, gr->read[i])->flags & MEMORY)
      str_printf(&s, "%s%s", node_attr(g, gr->read[i], 0)->s, i + 1 < gr->nread ? ", " : "");
    else str_printf(&s, "_%s", i + 1 < gr->nread ? ", " : "");
  }
  str_printf(&s, " -> ");
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].value == n) str_printf(&s, "%s ", g->out[i].name);
  str_puts(&s, type_text(c->p->m, node_get(g, n)->type));
  return c_comment(c->p, s.s);
}

/* ---- kernels ---- */

void c_stmt(CGraph *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s\n", 2 * c->indent, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

static void call_kernel(CGraph *c, const Group *gr, Kernel *k) {
  CPrint *p = c->p;
  Str s = {.c = p->c};
  CPlan plan;
  const char *name = c_kernel(p, k, &plan);
  c_wait(c, k, &plan);
  for (int i = 0; i < k->nbuf; i++) str_printf(&s, "%s%s", i ? ", " : "",
                                                 k->buf[i].table ? c_table(p, c->g, k->buf[i].node) : c_place(c,
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
  c_stmt(c, "/* %s */", c_call_comment(c, gr));
  c_stmt(c, "%s%s(%s);", p->native && plan.serial ? "if (part == 0) " : "", name, s.s ? s.s : "");
}

/* Check mode of a training step: the stores of a kernel are looked through behind its call. */
static void check_stores(CGraph *c, const Group *gr) {
  CPrint *p = c->p;
  for (int i = 0; i < gr->nwrite; i++) {
    const Node *d = node_get(c->g, gr->write[i]);
    DType t = (DType)type_get(p->m, d->type)->dtype;
    if (dtype_computed(t) != DT_F32) continue;
    SourcePos at = source_pos(p->c, d->loc);
    p->helper |= dtype_is_half(t) ? CH_CHECK_HALF : CH_CHECK;
    str_printf(&p->nodes, "  {\"%s\", ", op_info[d->op].name);
    c_string(&p->nodes, at.file);
    str_printf(&p->nodes, ", %d},\n", at.line);
    p->helper |= CH_BARRIER;
    const char *count = c_dim(p, type_count(p->m, d->type)), *y = c_place(c, gr->write[i]);
    if (t == DT_F32) c_stmt(c, "gc_check(call, %s, %s, %d);", y, count, ++p->nnodes);
    else c_stmt(c, "gc_check_half(call, %s, %s, %d, %s);", y, count, ++p->nnodes, c_table_number(p, t, 1.0 / 0.0));
  }
}

void c_graph_body(CGraph *c) {
  const Graph *g = c->g;
  int checked = graph_checked(g), errors = diag_errors(c->p->c);
  Kernel **kernel = kernels_build(c->gs);
  if (diag_errors(c->p->c) > errors || plan_check_graph(c->gs, kernel)) return;
  for (int i = 0; i < c->gs->n; i++) {
    const Group *gr = &c->gs->group[i];
    if (gr->cls == KC_SCAN) c_scan(c, gr);
    else call_kernel(c, gr, kernel[i]);
    if (c->p->native && graph_trains(g)) check_stores(c, gr);
    if (checked < 0 || c->gs->writer[g->out[checked].value] != i) continue;
    c->p->helper |= CH_FINITE;
    if (c->p->native) c_barrier(c);
    Id loss = g->out[checked].value;
    const char *cast = node_type(g, loss)->dtype == DT_F32 ? "" : "(float)";
    c_stmt(c, "if (!gc_finite(%s*%s)) return -1;", cast, c_place(c, loss));
    c->uses_run = true;
  }
}
