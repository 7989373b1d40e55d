/* SPDX-License-Identifier: Apache-2.0 */
/* The text form of modules and graphs. print -> parse -> print is a fixpoint.
 *
 * Values are numbered in order of printing; rank-0 constants are printed where they are used, with their dtype when it
 * is not that of the first other operand. Annotations follow as `!name=value`, the source location comes last. */
#include "graph_text.h"
#include "ir_words.h"
#include "prim/decimal.h"
#include <stdio.h>
#include <string.h>

const char *number_text(Ctx *c, double v) {
  char text[DECIMAL_TEXT];
  return ctx_strf(c, "%s", decimal_print(decimal_f64, v, text));
}

const char *dtype_number_text(Ctx *c, int t, double v) {
  static const DecimalFormat *const format[] = {&decimal_f32, &decimal_f64, &decimal_f16, &decimal_bf16};
  char text[DECIMAL_TEXT];
  if (t == DT_BOOL) return v != 0 ? "true" : "false";
  if (!dtype_is_float(t)) return ctx_strf(c, "%lld", (long long)v);
  return ctx_strf(c, "%s", decimal_element(*format[t - DT_F32], v, text));
}

typedef struct Printer {
  Str *out;
  Graph *g;
  uint32_t *num; /* printed number of each node; 0: inlined */
} Printer;

static bool anno_is_zero(const Graph *g, Id n) {
  if ((int)n >= g->nanno) return true;
  const Annotation *a = &g->anno[n];
  return !a->kernel && !a->stored && !a->space && !a->alias && !a->pos && !a->scratch;
}

/* Printed at its uses. A clone has a line: it is not the same node as an equal number elsewhere. */
static bool is_literal(const Graph *g, Id n) {
  return node_is_const(g, n) && node_type(g, n)->rank == 0 && anno_is_zero(g, n) &&
         !attr_get(g->m, node_get(g, n)->attr)->clone;
}

/* Integers have all their digits, never an exponent. */
static const char *element_text(Ctx *c, int dtype, double v) {
  if (dtype_is_float(dtype) || (double)(int64_t)v != v) return number_text(c, v);
  return ctx_strf(c, "%lld", (long long)v);
}

static void print_literal(Printer *p, Id n, int operand_dtype) {
  const Type *t = node_type(p->g, n);
  double v = node_attr(p->g, n, ATTR(const, value))->fv[0];
  if (t->dtype == DT_BOOL) str_puts(p->out, v != 0 ? "true" : "false");
  else str_puts(p->out, element_text(p->g->m->c, t->dtype, v));
  if (t->dtype != DT_BOOL && t->dtype != operand_dtype) str_printf(p->out, ":%s", dtype_info[t->dtype].name);
}

/* The dtype that a literal operand of node n need not state: that of the first operand that is none. */
static int operand_dtype(const Graph *g, Id n) {
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (!is_literal(g, node_in(g, n, (int)i))) return node_type(g, node_in(g, n, (int)i))->dtype;
  return -1;
}

static void print_quoted(Str *out, const char *s) {
  str_puts(out, "\"");
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') str_printf(out, "\\%c", *s);
    else if ((unsigned char)*s < 32) str_printf(out, "\\x%02x", *s);
    else str_put(out, s, 1);
  }
  str_puts(out, "\"");
}

static void print_value(Str *out, Module *m, int dtype, AttrKind kind, const AttrVal *v) {
  switch (kind) {
  case AK_INT: str_printf(out, "%lld", (long long)v->i); break;
  case AK_BOOL: str_puts(out, v->i ? "true" : "false"); break;
  case AK_FLOAT: str_puts(out, element_text(m->c, dtype, v->f)); break;
  case AK_STR: print_quoted(out, v->s); break;
  case AK_DIM: str_puts(out, dim_text(m, v->i)); break;
  case AK_DTYPE: str_puts(out, dtype_info[v->i].name); break;
  case AK_GRAPH: str_printf(out, "@%s", m->graph[v->i]->name); break;
  case AK_INTS:
  case AK_DIMS:
  case AK_FLOATS:
    str_puts(out, "[");
    for (int i = 0; i < v->n; i++) {
      str_puts(out, i ? "," : "");
      if (kind == AK_FLOATS) str_puts(out, element_text(m->c, dtype, v->fv[i]));
      else if (kind == AK_DIMS) str_puts(out, dim_text(m, v->v[i]));
      else str_printf(out, "%lld", (long long)v->v[i]);
    }
    str_puts(out, "]");
  }
}

static void print_attrs(Printer *p, Id n) {
  const OpInfo *info = node_info(p->g, n);
  const Attr *a = attr_get(p->g->m, node_get(p->g, n)->attr);
  const char *sep = "{";
  int first = 0;
  if (info->cls == CL_LEAF && info->nfields && info->field[0].kind == AK_STR) {
    print_quoted(p->out, a->v[0].s); /* param "net.w" */
    first = 1;
  }
  for (int i = first; i < a->n; i++, sep = ", ") {
    str_printf(p->out, "%s%s=", sep, info->field[i].name);
    print_value(p->out, p->g->m, node_type(p->g, n)->dtype, info->field[i].kind, &a->v[i]);
  }
  if (a->clone) str_printf(p->out, "%sclone=%u", sep, a->clone), sep = ", ";
  if (a->hints) str_printf(p->out, "%shints=%u", sep, a->hints), sep = ", ";
  if (sep[0] == ',') str_puts(p->out, "}");
}

static void print_anno(Printer *p, Id n) {
  if (anno_is_zero(p->g, n)) return;
  const Annotation *a = &p->g->anno[n];
  if (a->kernel) str_printf(p->out, " !kernel=%u", a->kernel);
  if (a->pos) str_printf(p->out, " !pos=%u", a->pos);
  if (a->stored) str_printf(p->out, " !stored=%u", a->stored);
  if (a->space)
    str_printf(p->out, " !%s=%lld", space_name[a->space],
               (long long)(a->space == SP_ARENA || a->space == SP_HEAD ? a->offset : a->index));
  if (a->scratch) str_printf(p->out, " !scratch=%lld", (long long)a->scratch);
  if (a->alias) str_printf(p->out, " !alias=%%%u", p->num[a->alias]);
}

static void print_loc(Str *out, Module *m, Loc loc, size_t line_start) {
  if (!loc) return;
  SourcePos at = source_pos(m->c, loc);
  size_t width = out->n - line_start;
  str_printf(out, "%*s# %s:%d:%d", width < 54 ? (int)(55 - width) : 1, "", at.file, at.line, at.col);
}

static void print_operand(Printer *p, Id x, int dtype) {
  if (p->num[x]) str_printf(p->out, "%%%u", p->num[x]);
  else print_literal(p, x, dtype);
}

static void print_computation(Printer *p, Id n) {
  Graph *g = p->g;
  const Node *d = node_get(g, n);
  str_printf(p->out, "%s = %s", type_text(g->m, d->type), op_info[d->op].name);
  if (d->nin) {
    int dtype = operand_dtype(g, n);
    str_puts(p->out, "(");
    for (uint32_t i = 0; i < d->nin; i++) {
      str_puts(p->out, i ? ", " : "");
      print_operand(p, node_in(g, n, (int)i), dtype);
    }
    str_puts(p->out, ")");
  }
  if (op_info[d->op].nfields || d->attr) str_puts(p->out, " ");
  print_attrs(p, n);
}

void graph_put_value(Str *out, Graph *g, const uint32_t *number, Id n) {
  Printer p = {out, g, (uint32_t *)number};
  print_computation(&p, n);
}

static void print_node(Printer *p, Id n) {
  size_t start = p->out->n;
  str_printf(p->out, "  %%%u: ", p->num[n]);
  print_computation(p, n);
  print_anno(p, n);
  print_loc(p->out, p->g->m, node_get(p->g, n)->loc, start);
  str_puts(p->out, "\n");
}

uint32_t *graph_numbers(Graph *g) {
  uint32_t *number = ctx_alloc(g->m->c, (size_t)g->n * sizeof *number), next = 0;
  for (int i = 0; i < g->nport; i++) number[g->port[i]] = ++next; /* first, as reading them back makes them */
  for (Id n = 1; n < (Id)g->n; n++)                               /* all of them now: an alias may name a later value */
    if (!is_literal(g, n) && !number[n]) number[n] = ++next;
  return number;
}

void ir_print_graph(Str *out, Graph *g) {
  Printer p = {out, g, graph_numbers(g)};
  str_printf(out, "graph %s(", g->name);
  for (int i = 0; i < g->nport; i++)
    str_printf(out, "%s%s: %s", i ? ", " : "", node_name(g, g->port[i]),
               type_text(g->m, node_get(g, g->port[i])->type));
  str_puts(out, ")");
  if (strcmp(g->name, graph_kind_name[g->kind])) str_printf(out, " %s", graph_kind_name[g->kind]);
  if (g->training) str_puts(out, " training");
  if (dtype_is_half(g->precision)) str_printf(out, " precision=%s", dtype_info[g->precision].name);
  if (g->tf32) str_puts(out, " precision=tf32");
  if (g->arena >= 0) str_printf(out, " arena=%lld", (long long)g->arena);
  str_puts(out, " {\n");
  for (int i = 0; i < g->nport; i++) print_node(&p, g->port[i]);
  for (Id n = 1; n < (Id)g->n; n++)
    if (p.num[n] > (uint32_t)g->nport) print_node(&p, n);
  for (int i = 0; i < g->nout; i++) {
    size_t start = out->n;
    str_puts(out, "  ");
    if (g->out[i].var >= 0) {
      print_quoted(out, g->out[i].name);
      str_puts(out, " := ");
    } else {
      str_printf(out, "%s = ", g->out[i].name);
    }
    print_operand(&p, g->out[i].value, -1);
    print_loc(out, g->m, g->out[i].loc, start);
    str_puts(out, "\n");
  }
  str_puts(out, "}\n");
}

static void print_var(Str *out, Module *m, const Var *v) {
  size_t start = out->n;
  str_printf(out, "%s ", var_kind_name[v->kind]);
  print_quoted(out, v->name);
  str_printf(out, ": %s", type_text(m, v->type));
  if (v->hints) str_printf(out, " !hints=%u", v->hints);
  if (v->stored) str_printf(out, " !stored=%u", v->stored);
  if (v->offset >= 0) str_printf(out, " !at=%lld", (long long)v->offset);
  print_loc(out, m, v->loc, start);
  str_puts(out, "\n");
}

/* Bodies of scans come before the graphs that name them, so that one pass reads the text back. */
static void print_graph_after_bodies(Str *out, Module *m, int index, bool *done) {
  Graph *g = m->graph[index];
  if (done[index]) return;
  done[index] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    const OpInfo *info = node_info(g, n);
    for (int i = 0; i < info->nfields; i++)
      if (info->field[i].kind == AK_GRAPH) print_graph_after_bodies(out, m, (int)node_attr(g, n, i)->i, done);
  }
  str_puts(out, "\n");
  ir_print_graph(out, g);
}

void ir_print(Str *out, Module *m) {
  str_printf(out, "module %s\n", m->name);
  if (m->total_bytes >= 0)
    str_printf(out, "memory head=%lld persistent=%lld arena=%lld total=%lld\n", (long long)m->head_bytes,
               (long long)m->persistent_bytes, (long long)m->arena_bytes, (long long)m->total_bytes);
  for (int i = 0; i < m->nsize; i++) {
    size_t start = out->n;
    str_printf(out, "size %s <= %lld", m->size[i].name, (long long)m->size[i].bound);
    print_loc(out, m, m->size[i].loc, start);
    str_puts(out, "\n");
  }
  for (int i = 0; i < m->nstored; i++) {
    const StorageOrder *s = &m->stored[i];
    str_puts(out, "stored [");
    for (int k = 0; k < s->rank; k++) str_printf(out, "%s%d", k ? "," : "", s->perm[k]);
    str_puts(out, "]");
    if (s->panel) str_printf(out, " panel=%u axis=%d", s->panel, s->panel_axis);
    str_puts(out, "\n");
  }
  for (int i = 0; i < m->nvar; i++) print_var(out, m, &m->var[i]);
  bool *done = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) print_graph_after_bodies(out, m, i, done);
}
