/* SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include <stdlib.h>
#include <string.h>

/* One of the two graphs. */
typedef struct Side {
  Graph *g;
  uint32_t *number;
  uint64_t *hash;           /* per node: of what it computes */
  Id *to;                   /* per node: its partner; 0: none */
  uint32_t *first, *reader; /* readers of n: reader[first[n]] .. reader[first[n + 1]] */
} Side;

/* ---- equality across modules ---- */

static bool same_value(const Module *ma, const Module *mb, AttrKind kind, const AttrVal *a, const AttrVal *b) {
  switch (kind) {
  case AK_INT:
  case AK_BOOL:
  case AK_DTYPE: return a->i == b->i;
  case AK_FLOAT: return !memcmp(&a->f, &b->f, sizeof a->f);
  case AK_STR: return !strcmp(a->s, b->s);
  case AK_DIM: return !strcmp(dim_text((Module *)ma, a->i), dim_text((Module *)mb, b->i));
  case AK_GRAPH: return !strcmp(ma->graph[a->i]->name, mb->graph[b->i]->name);
  default: break;
  }
  if (a->n != b->n) return false;
  for (int i = 0; i < a->n; i++) {
    if (kind == AK_FLOATS && memcmp(&a->fv[i], &b->fv[i], sizeof *a->fv)) return false;
    if (kind == AK_INTS && a->v[i] != b->v[i]) return false;
    if (kind == AK_DIMS && strcmp(dim_text((Module *)ma, a->v[i]), dim_text((Module *)mb, b->v[i]))) return false;
  }
  return true;
}

/* Op, attributes and type; operands apart. */
static bool same_node(const Side *x, Id a, const Side *y, Id b) {
  const Module *ma = x->g->m, *mb = y->g->m;
  const Node *p = node_get(x->g, a), *q = node_get(y->g, b);
  if (p->op != q->op || p->nin != q->nin) return false;
  if (strcmp(type_text((Module *)ma, p->type), type_text((Module *)mb, q->type))) return false;
  const Attr *v = attr_get(ma, p->attr), *w = attr_get(mb, q->attr);
  if (v->n != w->n || v->clone != w->clone || v->hints != w->hints) return false;
  for (int i = 0; i < v->n; i++)
    if (!same_value(ma, mb, op_info[p->op].field[i].kind, &v->v[i], &w->v[i])) return false;
  return true;
}

static uint64_t hash_text(const char *s, uint64_t h) { return hash_bytes(s, strlen(s), h); }

/* Of the text of the value without its operands' numbers, and of the operands' hashes. */
static uint64_t node_hash(Side *x, Id n, const uint32_t *none) {
  Graph *g = x->g;
  Str s = {.c = g->m->c};
  graph_put_value(&s, g, none, n);
  uint64_t h = hash_text(s.s, 1);
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) h = hash_bytes(&x->hash[node_in(g, n, (int)i)], sizeof h, h);
  return h;
}

static Side side_of(Graph *g) {
  Ctx *c = g->m->c;
  Side x = {.g = g, .number = graph_numbers(g)};
  uint32_t *fill, *any = ctx_array(c, g->n, sizeof *any);
  for (Id n = 1; n < (Id)g->n; n++) any[n] = 1; /* operands are all printed as %1 */
  x.hash = ctx_array(c, g->n, sizeof *x.hash);
  x.to = ctx_array(c, g->n, sizeof *x.to);
  x.first = ctx_array(c, g->n + 1, sizeof *x.first);
  x.reader = ctx_array(c, g->nins, sizeof *x.reader);
  fill = ctx_array(c, g->n + 1, sizeof *fill);
  for (Id n = 1; n < (Id)g->n; n++) {
    const char *literal = x.number[n] ? NULL : "literal";
    x.hash[n] = literal ? hash_text(literal, node_hash(&x, n, any)) : node_hash(&x, n, any);
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) x.first[node_in(g, n, (int)i) + 1]++;
  }
  for (int n = 1; n <= g->n; n++) x.first[n] += x.first[n - 1];
  memcpy(fill, x.first, sizeof *fill * (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) x.reader[fill[node_in(g, n, (int)i)]++] = n;
  return x;
}

/* ---- matching ---- */

typedef struct Keyed {
  uint64_t hash;
  Id n;
} Keyed;

static int by_hash(const void *x, const void *y) {
  const Keyed *a = x, *b = y;
  if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
  return a->n < b->n ? -1 : a->n > b->n;
}

static Keyed *sorted(const Side *x, int *n) {
  Keyed *k = ctx_array(x->g->m->c, x->g->n, sizeof *k);
  *n = 0;
  for (Id i = 1; i < (Id)x->g->n; i++) k[(*n)++] = (Keyed){x->hash[i], i};
  qsort(k, (size_t)*n, sizeof *k, by_hash);
  return k;
}

static void pair(Side *x, Id a, Side *y, Id b) {
  x->to[a] = b;
  y->to[b] = a;
}

/* Values that compute the same from the same inputs and weights, in order. */
static void match_equal(Side *x, Side *y) {
  int na, nb;
  Keyed *a = sorted(x, &na), *b = sorted(y, &nb);
  for (int i = 0, k = 0; i < na && k < nb;) {
    if (a[i].hash == b[k].hash) pair(x, a[i++].n, y, b[k++].n);
    else if (a[i].hash < b[k].hash) i++;
    else k++;
  }
}

/* The operands are partners; a literal has the same value. */
static bool same_operands(const Side *x, Id a, const Side *y, Id b) {
  if (node_get(x->g, a)->nin != node_get(y->g, b)->nin) return false;
  for (uint32_t i = 0; i < node_get(y->g, b)->nin; i++)
    if (x->to[node_in(x->g, a, (int)i)] != node_in(y->g, b, (int)i)) return false;
  return true;
}

static int line_of(const Side *x, Id n) { return source_pos(x->g->m->c, node_get(x->g, n)->loc).line; }

/* How well a and b fit: 0 not at all. */
static int fit(const Side *x, Id a, const Side *y, Id b) {
  bool op = node_get(x->g, a)->op == node_get(y->g, b)->op, line = line_of(x, a) == line_of(y, b);
  bool operands = same_operands(x, a, y, b), same = same_node(x, a, y, b);
  if (!x->number[a] != !y->number[b]) return 0;
  const OpInfo *info = node_info(x->g, a);
  if (info->cls == CL_LEAF && op && info->nfields && info->field[0].kind == AK_STR)
    return strcmp(node_attr(x->g, a, 0)->s, node_attr(y->g, b, 0)->s) ? 0 : 9;
  if (info->cls == CL_LEAF) return op ? 1 + line + same : 0;
  if (op && same && operands) return 9;
  if (op && operands) return 7 + line;
  if (op && same && line) return 6;
  if (op && line) return 4;
  if (operands && line) return 3;
  return op && same ? 2 : 0;
}

/* The best partner of b among the unmatched: readers of its operands' partners first, then any on that line. */
static Id partner(const Side *x, const Side *y, Id b) {
  Id best = 0;
  int most = 0;
  for (uint32_t i = 0; i < node_get(y->g, b)->nin && most < 9; i++) {
    Id in = y->to[node_in(y->g, b, (int)i)];
    for (uint32_t k = in ? x->first[in] : 0; in && k < x->first[in + 1]; k++) {
      int f = x->to[x->reader[k]] ? 0 : fit(x, x->reader[k], y, b);
      if (f > most) most = f, best = x->reader[k];
    }
  }
  for (Id a = 1; a < (Id)x->g->n && most < 4; a++) {
    int f = x->to[a] ? 0 : fit(x, a, y, b);
    if (f > most) most = f, best = a;
  }
  return best;
}

static void match_rest(Side *x, Side *y) {
  for (Id b = 1; b < (Id)y->g->n; b++) {
    if (y->to[b]) continue;
    Id a = partner(x, y, b);
    if (a) pair(x, a, y, b);
  }
}

/* ---- report ---- */

typedef struct Lines {
  Str text;
  int same, changed, added, removed;
} Lines;

static void put_line(Str *o, const char *mark, const Side *x, Id n) {
  Str s = {.c = x->g->m->c};
  SourcePos p = source_pos(x->g->m->c, node_get(x->g, n)->loc);
  graph_put_value(&s, x->g, x->number, n);
  str_printf(o, "  %s %%%u: %s", mark, x->number[n], s.s);
  if (p.line) str_printf(o, "  # %s:%d:%d", p.file, p.line, p.col);
  str_puts(o, "\n");
}

static void compare_values(Lines *l, Side *x, Side *y) {
  for (Id a = 1; a < (Id)x->g->n; a++) {
    Id b = x->to[a];
    if (!x->number[a]) continue;
    if (!b) {
      l->removed++;
      put_line(&l->text, "-", x, a);
    } else if (same_node(x, a, y, b) && same_operands(x, a, y, b)) {
      l->same++;
    } else {
      l->changed++;
      put_line(&l->text, "~", x, a);
      put_line(&l->text, ">", y, b);
    }
  }
  for (Id b = 1; b < (Id)y->g->n; b++) {
    if (!y->number[b] || y->to[b]) continue;
    l->added++;
    put_line(&l->text, "+", y, b);
  }
}

static const Out *find_out(const Graph *g, const Out *like) {
  for (int i = 0; i < g->nout; i++)
    if (!strcmp(g->out[i].name, like->name) && (g->out[i].var >= 0) == (like->var >= 0)) return &g->out[i];
  return NULL;
}

static void compare_outs(Lines *l, Side *x, Side *y) {
  for (int i = 0; i < x->g->nout; i++) {
    const Out *a = &x->g->out[i], *b = find_out(y->g, a);
    if (b && x->to[a->value] == b->value) continue;
    str_printf(&l->text, b ? "  ~ result `%s` is another value\n" : "  - result `%s`\n", a->name);
    if (b) l->changed++;
    else l->removed++;
  }
  for (int i = 0; i < y->g->nout; i++) {
    if (find_out(x->g, &y->g->out[i])) continue;
    str_printf(&l->text, "  + result `%s`\n", y->g->out[i].name);
    l->added++;
  }
}

static int compare_graphs(Str *out, Graph *a, Graph *b) {
  Side x = side_of(a), y = side_of(b);
  Lines l = {.text = {.c = a->m->c}};
  match_equal(&x, &y);
  match_rest(&x, &y);
  compare_values(&l, &x, &y);
  compare_outs(&l, &x, &y);
  int all = l.changed + l.added + l.removed;
  if (all)
    str_printf(out, "graph %s: %d changed (~ >), %d added (+), %d removed (-), %d the same\n%s", a->name, l.changed,
               l.added, l.removed, l.same, l.text.s);
  return all;
}

static int compare_vars(Str *out, Module *a, Module *b) {
  int all = 0;
  for (int i = 0; i < a->nvar; i++) {
    int k = var_find(b, a->var[i].name);
    const char *type = type_text(a, a->var[i].type), *other = k < 0 ? NULL : type_text(b, b->var[k].type);
    if (other && !strcmp(type, other)) continue;
    str_printf(out, other ? "~ \"%s\": %s, now %s\n" : "- \"%s\": %s\n", a->var[i].name, type, other);
    all++;
  }
  for (int i = 0; i < b->nvar; i++) {
    if (var_find(a, b->var[i].name) >= 0) continue;
    str_printf(out, "+ \"%s\": %s\n", b->var[i].name, type_text(b, b->var[i].type));
    all++;
  }
  return all;
}

int ir_diff(Str *out, Module *a, Module *b) {
  int all = compare_vars(out, a, b);
  for (int i = 0; i < a->ngraph; i++) {
    Graph *g = graph_find(b, a->graph[i]->name);
    if (g) all += compare_graphs(out, a->graph[i], g);
    else str_printf(out, "- graph %s\n", a->graph[i]->name), all++;
  }
  for (int i = 0; i < b->ngraph; i++) {
    if (graph_find(a, b->graph[i]->name)) continue;
    str_printf(out, "+ graph %s\n", b->graph[i]->name);
    all++;
  }
  return all;
}
