/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/elab/elab_seen.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"

enum { MAX_FORMS = 3 }; /* of one expression, in calls that differ */

typedef struct Form {
  Value v;
  int next; /* another form of the same expression; -1 */
} Form;
typedef struct Seen {
  ElabWatch *w;
  Table first; /* expression -> its first form */
  Form *form;  /* beside w->seen */
  int nform, capform;
} Seen;

struct Seen *el_watch(Ctx *c, ElabWatch *w) {
  Seen *s = ctx_alloc(c, sizeof *s);
  s->w = w;
  return s;
}

static bool same_form(Value a, Value b) {
  if (a.kind != V_TENSOR || b.kind != V_TENSOR) return v_same(a, b);
  return a.g->m == b.g->m && a.g->node[a.id].type == b.g->node[b.id].type;
}

static double cost(const ElabWatch *w, const Graph *g, int from) {
  double sum = 0;
  for (int n = from; w->flops && n < g->n; n++) sum += w->flops(g, (Id)n);
  return sum;
}

static void add(Elab *e, Seen *s, const Ast *a, Value v, double flops) {
  Form *form = VEC_PUSH(e->c, s->form, s->nform, s->capform);
  *form = (Form){v, table_get(&s->first, (const char *)a)};
  table_set(e->c, &s->first, (const char *)a, s->nform - 1);
  int64_t bytes = v.kind == V_TENSOR ? type_bytes(v.g->m, v.g->node[v.id].type) : -1;
  *VEC_PUSH(e->c, s->w->seen, s->w->nseen, s->w->capseen) = (ElabSeen){a->at, a->len, v_text(e, v), bytes, flops};
}

/* Of defs that nothing calls only the trials with open sizes count: the others invent numbers. */
void el_saw(Elab *e, const Ast *a, Value v, const Graph *g, int from) {
  Seen *s = e->seen;
  const File *f = e->cur.f ? e->cur.f->file : NULL;
  if (v_bad(v) || v.kind == V_NONE || !f || f->builtin || (e->trial && !e->m->open_sizes)) return;
  int forms = 0, i = table_get(&s->first, (const char *)a);
  for (; i >= 0 && !same_form(s->form[i].v, v); i = s->form[i].next) forms++;
  bool tensor = v.kind == V_TENSOR && g == e->cur.b.g;
  if (i >= 0) { /* a graph that had the nodes already gave no cost */
    if (tensor && s->w->seen[i].flops == 0) s->w->seen[i].flops = cost(s->w, g, from);
  } else if (forms < MAX_FORMS) {
    add(e, s, a, v, tensor ? cost(s->w, g, from) : 0);
  }
}
