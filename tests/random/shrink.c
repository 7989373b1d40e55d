/* SPDX-License-Identifier: Apache-2.0 */
/* Reduces a failing module: drops lines, blocks and nodes while it still fails. */
#include "random.h"
#include <stdlib.h>
#include <string.h>

static int count_values(const char *text) {
  int n = 0;
  for (const char *p = text; (p = strstr(p, "\n  %")); p++) n++;
  return n;
}

/* ---- lines: results, writes, weights, graphs ---- */

/* The next line that may be dropped alone, from `from` on; its end in *end. NULL: none. */
static const char *next_line(const char *from, const char **end) {
  for (const char *p = from; *p; p = *end) {
    const char *nl = strchr(p, '\n');
    *end = nl ? nl + 1 : p + strlen(p);
    if (!strncmp(p, "graph ", 6)) {
      const char *close = strstr(p, "\n}\n");
      if (close) *end = close + 3;
      return p;
    }
    static const char *const begin[] = {"param ", "state ", "optim ", "size "};
    for (int i = 0; i < 4; i++)
      if (!strncmp(p, begin[i], strlen(begin[i]))) return p;
  }
  return NULL;
}

typedef struct Text {
  const char *in;
  char *out;
} Text;

static void reprint(Ctx *c, void *arg) {
  Text *t = arg;
  Module *m = ir_parse(c, source_add(c, "s", t->in, strlen(t->in)));
  Str s = {.c = c};
  if (!diag_errors(c) && m->ngraph) ir_print(&s, m);
  if (s.s) t->out = strdup(s.s);
}

/* The text without one part, printed again. NULL: that is not a valid module. */
static char *without(const char *text, const char *from, const char *end) {
  size_t a = (size_t)(from - text), n = strlen(end);
  char *s = malloc(a + n + 1);
  memcpy(s, text, a);
  memcpy(s + a, end, n + 1);
  Ctx *c = ctx_new();
  Text t = {.in = s};
  ctx_try(c, reprint, &t);
  ctx_free(c);
  free(s);
  return t.out;
}

static bool drop_lines(char **text, Fails *fails, void *arg, int *budget) {
  bool any = false;
  const char *end;
  for (const char *p = *text; *budget > 0 && (p = next_line(p, &end));) {
    char *less = without(*text, p, end);
    size_t at = (size_t)(p - *text);
    *budget -= less != NULL;
    if (less && fails(less, arg)) {
      free(*text);
      *text = less;
      any = true;
      p = *text + at;
    } else {
      free(less);
      p = end;
    }
  }
  return any;
}

/* ---- nodes ---- */

/* Candidate `way` for node n of graph number gi: 0 an input in its place, 1.. one of its operands of the same type,
 * else a constant. n = 0: output number `way` is dropped. The dead go with it. */
typedef struct Edit {
  const char *text;
  int gi, way;
  Id n;
  char *out;
  bool possible;
} Edit;

static Id replacement(Rebuild *r, const Edit *e) {
  Graph *g = r->old;
  const Node *d = node_get(g, e->n);
  double one = 1;
  Module *m = g->m;
  if (d->type == 0 || type_get(m, d->type)->dtype == DT_TUPLE) return 0;
  if (e->way == 0) {
    if (g->kind == GK_BODY || d->op == OP_input) return 0;
    Id n = graph_input(r->new, ctx_strf(m->c, "v%u", e->n), d->type, 0);
    return n;
  }
  if (e->way <= (int)d->nin) {
    Id x = node_in(g, e->n, e->way - 1);
    return node_get(g, x)->type == d->type ? r->map[x] : 0;
  }
  if (d->op == OP_const) return 0;
  return graph_leaf(r->new, OP_const, d->type, attr_make(m, OP_const, &(AttrVal){.fv = &one, .n = 1}), 0);
}

static void edit(Ctx *c, void *arg) {
  Edit *e = arg;
  Module *m = ir_parse(c, source_add(c, "s", e->text, strlen(e->text)));
  if (diag_errors(c) || e->gi >= m->ngraph) return;
  Graph *g = m->graph[e->gi], bare = *g;
  if (e->n ? e->n >= (Id)g->n : e->way >= g->nout || g->nout < 2 || g->kind == GK_BODY) return;
  if (!e->n) memmove(bare.out + e->way, bare.out + e->way + 1, (size_t)(--bare.nout - e->way) * sizeof *bare.out);
  bool *live = ctx_alloc(c, (size_t)g->n);
  for (int i = 0; i < bare.nout; i++) live[bare.out[i].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; live[n] && n != e->n && i < node_get(g, n)->nin; i++) live[node_in(g, n, (int)i)] = true;
  if (e->n && !live[e->n]) return;
  for (uint32_t i = 0; e->n && e->way > 0 && i < node_get(g, e->n)->nin; i++)
    if ((int)i == e->way - 1) live[node_in(g, e->n, (int)i)] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; live[n] && n != e->n && i < node_get(g, n)->nin; i++) live[node_in(g, n, (int)i)] = true;
  bare.nport = g->kind == GK_BODY ? g->nport : 0;
  Rebuild r = graph_rebuild_begin(&bare);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!live[n] || r.map[n]) continue;
    if (n == e->n) r.map[n] = replacement(&r, e);
    else if (node_get(g, n)->op == OP_input) r.map[n] = graph_input(r.new, node_name(g, n), node_get(g, n)->type, 0);
    else graph_copy_node(&r, n);
    if (!r.map[n]) return;
  }
  graph_rebuild_end(&r);
  *g = bare;
  Str s = {.c = c};
  ir_print(&s, m);
  if (!diag_errors(c) && strcmp(s.s, e->text)) e->out = strdup(s.s);
}

static char *edited(const char *text, int gi, Id n, int way) {
  Edit e = {.text = text, .gi = gi, .n = n, .way = way};
  Ctx *c = ctx_new();
  ctx_try(c, edit, &e);
  ctx_free(c);
  return e.out;
}

static bool adopt(char **text, char *less, Fails *fails, void *arg, int *budget) {
  if (!less || --*budget < 0 || !fails(less, arg)) return free(less), false;
  free(*text);
  *text = less;
  return true;
}

static bool drop_nodes(char **text, Fails *fails, void *arg, int *budget) {
  enum { GRAPHS = 12, WAYS = 5 };
  bool any = false;
  for (int gi = 0; gi<GRAPHS && * budget> 0; gi++) {
    for (int way = 8; way >= 0; way--) any |= adopt(text, edited(*text, gi, 0, way), fails, arg, budget);
    for (Id n = (Id)count_values(*text) + 8; n > 0 && *budget > 0; n--)
      for (int way = 0; way < WAYS; way++) {
        int before = count_values(*text);
        char *less = edited(*text, gi, n, way);
        if (less && count_values(less) > before) free(less), less = NULL;
        if (less && count_values(less) == before && way == 0) free(less), less = NULL; /* a leaf for a leaf */
        if (adopt(text, less, fails, arg, budget)) {
          any = true;
          break;
        }
      }
  }
  return any;
}

char *shrink(const char *text, Fails *fails, void *arg, int budget) {
  char *s = strdup(text);
  for (bool more = true; more && budget > 0;) {
    more = drop_lines(&s, fails, arg, &budget);
    more |= drop_nodes(&s, fails, arg, &budget);
  }
  return s;
}
