/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as the statements of a function: a call for each kernel, a loop around the body's function for each scan. */
#include "codegen/text/text.h"
#include "codegen/text/graph.h"
#include "codegen/text/descriptor.h"
#include "codegen/text/weights.h"
#include <string.h>

/* ---- buffers ---- */

const char *ctype_of(const Graph *g, Id n) { return dtype_info[node_type(g, n)->dtype].c; }

static const char *at_offset(Emitter *p, const char *type, const char *base, int64_t offset) {
  if (!offset) return ctx_strf(p->c, "(%s *)%s", type, base);
  return ctx_strf(p->c, "(%s *)(%s + %lld)", type, base, (long long)offset);
}

static const char *at_var(Emitter *p, const char *type, int var) {
  if (!p->var_name) return at_offset(p, type, "m", p->m->var[var].offset);
  return ctx_strf(p->c, "(%s *)(m + %s_AT_%s)", type, p->m->name, p->var_name[var]);
}

/* The pointer to a buffer, as an argument. */
const char *buffer_text(GraphText *c, Id n) {
  Emitter *p = c->p;
  const Graph *g = c->g;
  const Annotation *a = &g->anno[n];
  int var = node_var(g, n);
  if (var >= 0 && p->m->var[var].rom) return weights_location(p, var);
  if (var >= 0) return at_var(p, ctype_of(g, n), var);
  if (node_is_input(g, n))
    for (int i = 0; i < g->nport; i++)
      if (g->port[i] == n) return c->in[i];
  switch (a->space) {
  case SP_ARENA: return at_offset(p, ctype_of(g, n), "a", a->offset);
  case SP_VAR: return at_var(p, ctype_of(g, n), (int)a->index);
  case SP_HEAD: return at_offset(p, ctype_of(g, n), "m", a->offset);
  case SP_OUT: return c->out[a->index];
  default: break;
  }
  diag_error(p->c, E_INTERNAL, node_get(g, n)->loc, 1, "internal: a value of `%s` has no location", g->name);
  return "0";
}

/* ---- comments ---- */

/* "mlp.nn:12: net.linear_1: _, net.linear_1.w -> f32[64,512]" */
const char *call_comment(GraphText *c, const Group *gr) {
  const Graph *g = c->g;
  Id n = gr->nwrite ? gr->write[gr->nwrite - 1] : gr->root;
  SourcePos at = source_pos(c->p->c, node_get(g, gr->root)->loc);
  Str s = {.c = c->p->c};
  if (at.line) {
    const char *slash = strrchr(at.file, '/');
    const char *layer = scope_path(g->m, group_scope(g, gr));
    str_printf(&s, "%s:%d: %s%s", slash ? slash + 1 : at.file, at.line, layer, *layer ? ": " : "");
  }
  for (int i = 0; i < gr->nread; i++) {
    if (node_info(g, gr->read[i])->flags & OPF_CALLER_MEMORY)
      str_printf(&s, "%s%s", node_name(g, gr->read[i]), i + 1 < gr->nread ? ", " : "");
    else str_printf(&s, "_%s", i + 1 < gr->nread ? ", " : "");
  }
  str_printf(&s, " -> ");
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].value == n) str_printf(&s, "%s ", g->out[i].name);
  str_puts(&s, type_text(c->p->m, node_get(g, n)->type));
  return text_comment(c->p, s.s);
}

/* ---- kernels ---- */

void graph_stmt(GraphText *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_printf(c->o, "%*s%s\n", 2 * c->indent, "", ctx_vstrf(c->p->c, fmt, ap));
  va_end(ap);
}

const char *argument_text(GraphText *c, const Kernel *k, const KArg *a) {
  Emitter *p = c->p;
  const KBuf *b = a->kind == KA_BUF ? &k->buf[a->index] : NULL;
  if (b) return b->table ? kernel_constant_table(p, c->g, b->node) : buffer_text(c, b->node);
  if (a->kind == KA_SCRATCH) return ctx_strf(p->c, "a + %lld", (long long)*group_scratch_at(c->g, k->group));
  return a->kind == KA_STREAM ? ctx_strf(p->c, "%lluu", (unsigned long long)k->stream[a->index]) : a->name;
}

static void plain_call(GraphText *c, const Step *step, const char *name, const char *args) {
  (void)step;
  graph_stmt(c, "%s(%s);", name, args);
}

const StepText *step_text(const GraphText *c) {
  static const StepText plain = {.one_thread = "", .params = "", .args = "", .unused = "", .call = plain_call};
  return c->p->target->steps ? c->p->target->steps : &plain;
}

static void print_call(GraphText *c, const Step *step) {
  Emitter *p = c->p;
  const Kernel *k = step->kernel;
  const KernelSchedule *schedule = &step->schedule;
  Str args = {.c = p->c};
  const char *name = kernel_function(p, k, schedule);
  for (int i = 0; i < k->narg; i++)
    if (schedule_passes(schedule, &k->arg[i]))
      str_printf(&args, "%s%s", args.n ? ", " : "", argument_text(c, k, &k->arg[i]));
  c->uses_run |= k->uses_run;
  c->uses_random |= k->draws;
  c->sizes |= k->sizes;
  graph_stmt(c, "/* %s */", call_comment(c, step->group));
  step_text(c)->call(c, step, name, args.s ? args.s : "");
}

static void print_loss_test(GraphText *c, Id loss) {
  const char *cast = node_type(c->g, loss)->dtype == DT_F32 ? "" : "(float)";
  helper_use(c->p, "gc_finite");
  graph_stmt(c, "if (!gc_finite(%s*%s)) return -1;", cast, buffer_text(c, loss));
  c->uses_run = true;
}

static void print_steps(GraphText *c) {
  const StepList *list = graph_steps(&c->p->steps, (Graph *)c->g);
  const StepText *text = step_text(c);
  for (int i = 0; i < list->n; i++) {
    const Step *s = &list->step[i];
    switch (s->kind) {
    case STEP_CALL: text->kernel ? text->kernel(c, s) : print_call(c, s); break;
    case STEP_SCAN:
      if (step_text(c)->scan) step_text(c)->scan(c, s);
      scan_print(c, s->group);
      break;
    case STEP_BARRIER: text->barrier(c); break;
    case STEP_CHECK_STORES: text->check_stores(c, s->group); break;
    case STEP_LOSS_TEST: text->loss_test ? text->loss_test(c, s->value) : print_loss_test(c, s->value); break;
    }
    if (s->kind == STEP_CALL && text->mark) text->mark(c, s);
  }
}

/* A loop around the steps of a graph that is evaluated again while a var is not 0. Between two iterations all threads
 * have read the var. */
void graph_body(GraphText *c) {
  const StepText *text = step_text(c);
  int again = graph_again(c->g);
  if (again < 0 || text->called_again) {
    print_steps(c);
    return;
  }
  graph_stmt(c, "for (int again = 1; again;) {");
  c->indent++;
  print_steps(c);
  if (text->barrier) text->barrier(c);
  graph_stmt(c, "again = *%s != 0;", at_var(c->p, "const float", again));
  if (text->barrier) text->barrier(c);
  c->indent--;
  graph_stmt(c, "}");
}

bool graph_counts_calls(const Graph *g) { return g->kind == GK_EXPORT && g->draws; }

const char *graph_comment(Emitter *p, const Graph *g) {
  Str s = {.c = p->c};
  for (int i = 0; i < g->nport; i++)
    str_printf(&s, "%s%s: %s", i ? ", " : "", node_name(g, g->port[i]), type_text(p->m, node_get(g, g->port[i])->type));
  if (g->kind == GK_INIT) str_puts(&s, "initial weights and states");
  else str_puts(&s, g->nport ? " ->" : "->");
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0)
      str_printf(&s, " %s: %s", g->out[i].name, type_text(p->m, node_get(g, g->out[i].value)->type));
  uint32_t sizes = graph_sizes(g);
  for (int i = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1) str_printf(&s, "; %s <= %lld", p->m->size[i].name, (long long)p->m->size[i].bound);
  str_printf(&s, "; arena %lld bytes", (long long)g->arena);
  return text_comment(p, s.s);
}
