/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the text form of print.c. Any byte string gives a module and, where it is wrong, located errors (0402, 0403);
 * reading stops at the first error, since a dump is written by a machine. */
#include "ir_reader.h"
#include <stdlib.h>
#include <string.h>

#define INEXACT "a constant holds the integers that are doubles: this one is made of its halves"

typedef struct Operand {
  Id id;
  double lit;
  int dtype;
  bool literal, boolean, inexact;
} Operand;

static Operand operand(Reader *r) {
  Operand o = {.dtype = -1};
  if (rd_take(r, "%")) {
    int64_t k = rd_natural(r, MAX_NODES);
    if (k < 1 || k > r->nval || !r->val[k - 1]) rd_fail(r, "%%%lld is not defined above", (long long)k);
    else o.id = r->val[k - 1];
    return o;
  }
  o.literal = true;
  if (rd_take(r, "true") || rd_take(r, "false")) {
    o.boolean = true;
    o.lit = r->p[-2] == 'u';
    o.dtype = DT_BOOL;
    return o;
  }
  r->inexact = false;
  o.lit = rd_number(r);
  o.inexact = r->inexact;
  if (rd_take(r, ":")) {
    o.dtype = dtype_find(rd_word(r));
    if (o.dtype < 0) rd_fail(r, "not an element type");
  }
  return o;
}

static Id operand_node(Reader *r, const Operand *o, int dtype) {
  if (!o->literal) return o->id;
  int t = o->dtype >= 0 ? o->dtype : dtype;
  if (t < 0 || t >= DT_COUNT) return (Id)rd_fail(r, "a literal alone must state its type, as in `1:f32`");
  if (o->inexact && !dtype_is_float(t)) return (Id)rd_fail(r, INEXACT);
  AttrId a = attr_make(r->m, OP_const, &(AttrVal){.fv = &o->lit, .n = 1});
  return graph_leaf(r->g, OP_const, type_make(r->m, (DType)t, 0, NULL), a, 0);
}

static void annotations(Reader *r, Id n) {
  Annotation a = {0};
  if (!rd_peek(r, "!")) return;
  while (rd_take(r, "!")) {
    const char *w = rd_word(r);
    rd_expect(r, "=");
    int space = SP_ARENA;
    while (space < NSPACES && strcmp(space_name[space], w)) space++;
    if (space < NSPACES) {
      int64_t at = rd_natural(r, INT64_MAX);
      a.space = (uint8_t)space;
      if (space == SP_ARENA || space == SP_HEAD) a.offset = at;
      else a.index = (uint32_t)at;
    } else if (!strcmp(w, "kernel")) {
      a.kernel = (uint32_t)rd_natural(r, UINT32_MAX);
    } else if (!strcmp(w, "pos")) {
      a.pos = (uint32_t)rd_natural(r, UINT32_MAX);
    } else if (!strcmp(w, "stored")) {
      a.stored = (uint32_t)rd_natural(r, r->m->nstored);
    } else if (!strcmp(w, "scratch")) {
      a.scratch = rd_natural(r, INT64_MAX);
    } else if (!strcmp(w, "alias")) {
      if (rd_expect(r, "%"))
        *VEC_PUSH(r->c, r->forward, r->nforward, r->capforward) =
          (struct ForwardAlias){n, rd_natural(r, MAX_NODES), r->p};
    } else {
      rd_fail(r, "unknown annotation `%s`", w);
    }
  }
  if (!r->failed) graph_annotate(r->g)[n] = a;
}

/* `# file:line:col` to the end of the line; any other comment is passed over. */
static Loc location(Reader *r) {
  Loc at = 0;
  if (rd_take(r, "#")) {
    rd_blanks(r);
    const char *e = memchr(r->p, '\n', (size_t)(r->end - r->p));
    if (!e) e = r->end;
    char *s = ctx_strf(r->c, "%.*s", (int)(e - r->p), r->p), *col = strrchr(s, ':'), *line = NULL;
    if (col) *col++ = 0, line = strrchr(s, ':');
    if (line) {
      *line++ = 0;
      int l = atoi(line), k = atoi(col);
      if (l > 0 && k > 0) at = source_at(r->c, s, l, k);
    }
    r->p = e;
  }
  return at;
}

static void end_of_line(Reader *r) {
  rd_blanks(r);
  if (r->p < r->end && *r->p != '\n') rd_fail(r, "the end of the line is expected here");
}

static void node(Reader *r) {
  const char *line = r->p;
  if (!rd_expect(r, "%")) return;
  if (rd_natural(r, MAX_NODES) != r->nval + 1) rd_fail(r, "values are numbered in order: %%%d is next", r->nval + 1);
  rd_expect(r, ":");
  TypeId t = rd_type(r);
  rd_expect(r, "=");
  const char *name = rd_word(r);
  int op = r->failed ? -1 : op_find(name);
  if (op < 0) {
    rd_fail(r, "`%s` is not an op", name);
    return;
  }
  Operand *o = NULL;
  int n = 0, cap = 0, dtype = -1;
  if (rd_take(r, "(")) {
    if (!rd_peek(r, ")")) do
        *VEC_PUSH(r->c, o, n, cap) = operand(r);
      while (rd_take(r, ","));
    rd_expect(r, ")");
  }
  if (op_info[op].arity >= 0 && n != op_info[op].arity)
    rd_fail(r, "`%s` takes %d operands, not %d", name, op_info[op].arity, n);
  r->inexact = false;
  AttrId a = rd_attrs(r, (Op)op);
  if (!r->failed && r->inexact && !dtype_is_float(type_get(r->m, t)->dtype)) rd_fail(r, INEXACT);
  if (r->failed) return;
  Id *in = ctx_alloc(r->c, (size_t)(n + 1) * sizeof *in);
  for (int i = 0; i < n && dtype < 0; i++)
    if (!o[i].literal) dtype = node_type(r->g, o[i].id)->dtype;
  for (int i = 0; i < n; i++)
    if (!(in[i] = operand_node(r, &o[i], dtype))) return;
  Loc loc = r->start + (Loc)(line - r->text);
  int errors = diag_errors(r->c);
  Id id = op_info[op].cls == CL_LEAF ? graph_leaf(r->g, (Op)op, t, a, loc) : graph_node(r->g, (Op)op, in, n, a, loc);
  r->failed |= !id || diag_errors(r->c) != errors;
  if (r->failed) return;
  if (node_get(r->g, id)->type != t)
    rd_fail(r, "this `%s` has type %s", name, type_text(r->m, node_get(r->g, id)->type));
  *VEC_PUSH(r->c, r->val, r->nval, r->capval) = id;
  annotations(r, id);
  r->g->node[id].loc = location(r);
  end_of_line(r);
}

static void output(Reader *r) {
  rd_blanks(r);
  bool write = *r->p == '"';
  const char *name = write ? rd_quoted(r) : rd_word(r);
  rd_expect(r, write ? ":=" : "=");
  Operand o = operand(r);
  int var = write && !r->failed ? var_find(r->m, name) : -1;
  if (write && var < 0) rd_fail(r, "no weight or state of that name");
  Id v = r->failed ? 0 : operand_node(r, &o, -1);
  if (r->failed || !v) return;
  if (write && node_get(r->g, v)->type != r->m->var[var].type) rd_fail(r, "the type differs from that of \"%s\"", name);
  Loc at = location(r);
  if (write) graph_write(r->g, var, v, at);
  else graph_result(r->g, name, v, at);
  end_of_line(r);
}

static void ports(Reader *r) {
  rd_expect(r, "(");
  if (!rd_peek(r, ")")) do {
      const char *name = rd_word(r);
      rd_expect(r, ":");
      TypeId t = rd_type(r);
      if (!r->failed) graph_input(r->g, name, t, 0);
    } while (rd_take(r, ","));
  rd_expect(r, ")");
}

static void resolve_aliases(Reader *r) {
  for (int i = 0; i < r->nforward && !r->failed; i++) {
    const struct ForwardAlias *l = &r->forward[i];
    r->p = l->at;
    if (l->value < 1 || l->value > r->nval) rd_fail(r, "there is no value %%%lld", (long long)l->value);
    else r->g->anno[l->node].alias = r->val[l->value - 1];
  }
}

static void graph(Reader *r) {
  const char *name = rd_word(r);
  if (!r->failed && graph_find(r->m, name)) rd_fail(r, "there is a graph `%s` already", name);
  if (r->failed) return;
  r->g = graph_new(r->m, name, GK_TEST, 0);
  r->nval = r->nforward = 0;
  ports(r);
  int kind = -1;
  for (int i = 0; i < NKINDS; i++)
    if (!strcmp(name, graph_kind_name[i])) kind = i;
  while (!r->failed && !rd_take(r, "{")) {
    if (rd_take(r, "arena=")) {
      r->g->arena = rd_natural(r, INT64_MAX);
      continue;
    }
    if (rd_take(r, "precision=")) {
      const char *word = rd_word(r);
      int t = dtype_find(word);
      if (dtype_is_half(t)) r->g->precision = (DType)t;
      else if (!strcmp(word, "tf32")) r->g->tf32 = true;
      else rd_fail(r, "the precision of a graph is f16, bf16 or tf32");
      continue;
    }
    const char *w = rd_word(r);
    int i = 0;
    while (i < NKINDS && strcmp(graph_kind_name[i], w)) i++;
    if (i < NKINDS) kind = i;
    else if (!strcmp(w, "training")) r->g->training = true;
    else rd_fail(r, "`%s` is not a kind of graph", w);
  }
  if (!r->failed && kind < 0) rd_fail(r, "the kind of this graph is missing");
  if (r->failed) return;
  r->g->kind = (GraphKind)kind;
  while (!r->failed && !rd_take(r, "}")) {
    rd_blanks(r);
    if (r->p >= r->end) rd_fail(r, "`}` expected before the end");
    else if (*r->p == '\n') r->p++;
    else if (*r->p == '#') location(r);
    else if (*r->p == '%') node(r);
    else output(r);
  }
  const char *end = r->p;
  resolve_aliases(r);
  if (!r->failed) r->p = end;
}

static void var(Reader *r, VarKind kind) {
  const char *name = rd_quoted(r);
  rd_expect(r, ":");
  TypeId t = rd_type(r);
  if (!r->failed && var_find(r->m, name) >= 0) rd_fail(r, "\"%s\" is declared twice", name);
  if (r->failed) return;
  int number = var_add(r->m, name, kind, t, 0, 0); /* moves m->var */
  Var *v = &r->m->var[number];
  while (rd_take(r, "!")) {
    if (rd_take(r, "hints=")) v->hints = (uint32_t)rd_natural(r, UINT32_MAX);
    else if (rd_take(r, "stored=")) v->stored = (uint32_t)rd_natural(r, r->m->nstored);
    else if (rd_take(r, "at=")) v->offset = rd_natural(r, INT64_MAX);
    else rd_fail(r, "unknown annotation");
  }
  v->loc = location(r);
}

static void stored(Reader *r) {
  StorageOrder s = {0};
  unsigned seen = 0;
  rd_expect(r, "[");
  do {
    if (s.rank == MAX_RANK) {
      rd_fail(r, "more than %d axes", MAX_RANK);
      return;
    }
    s.perm[s.rank] = (uint8_t)rd_natural(r, MAX_RANK - 1);
    seen |= 1u << s.perm[s.rank++];
  } while (rd_take(r, ","));
  rd_expect(r, "]");
  if (!r->failed && seen != (1u << s.rank) - 1) rd_fail(r, "this is not a permutation");
  if (rd_take(r, "panel=")) {
    s.panel = (uint32_t)rd_natural(r, 1 << 20);
    rd_expect(r, "axis=");
    s.panel_axis = (uint8_t)rd_natural(r, s.rank - 1);
  }
  if (!r->failed) *VEC_PUSH(r->c, r->m->stored, r->m->nstored, r->m->capstored) = s;
}

static void size_line(Reader *r) {
  const char *name = rd_word(r);
  rd_expect(r, "<=");
  int64_t bound = rd_natural(r, INT64_MAX);
  if (!r->failed) dim_size(r->m, name, bound, 0);
  if (!r->failed) r->m->size[r->m->nsize - 1].loc = location(r);
}

static void memory_line(Reader *r) {
  rd_expect(r, "head=");
  r->m->head_bytes = rd_natural(r, INT64_MAX);
  rd_expect(r, "persistent=");
  r->m->persistent_bytes = rd_natural(r, INT64_MAX);
  rd_expect(r, "arena=");
  r->m->arena_bytes = rd_natural(r, INT64_MAX);
  rd_expect(r, "total=");
  r->m->total_bytes = rd_natural(r, INT64_MAX);
}

static void top(Reader *r) {
  rd_blanks(r);
  if (*r->p == '\n') r->p++;
  else if (*r->p == '#') location(r);
  else if (rd_take(r, "module ")) r->m->name = rd_word(r);
  else if (rd_take(r, "memory ")) memory_line(r);
  else if (rd_take(r, "size ")) size_line(r);
  else if (rd_take(r, "stored ")) stored(r);
  else if (rd_take(r, "graph ")) graph(r);
  else {
    for (int k = VK_PARAM; k <= VK_OPTIM; k++)
      if (rd_take(r, var_kind_name[k])) {
        var(r, (VarKind)k);
        return;
      }
    rd_fail(r, "`module`, `size`, `stored`, `param`, `state`, `optim` or `graph` is expected here");
  }
}

Module *ir_parse(Ctx *c, Loc start) {
  size_t n;
  Reader r = {.c = c, .start = start, .m = module_new(c, "module")};
  r.text = r.p = source_text(c, start, &n);
  r.end = r.p + n;
  r.failed = !source_is_text(c, start);
  while (!r.failed) {
    rd_blanks(&r);
    if (r.p >= r.end) break;
    top(&r);
  }
  roles_from_names(r.m);
  return r.m;
}
