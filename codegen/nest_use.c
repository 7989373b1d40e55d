/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/nest_use.h"

int nest_loop_level(const KNest *n, int phase, uint32_t needs) {
  uint32_t outer = 0;
  for (int i = 0; i < n->nouter; i++) outer |= 1u << n->outer[i];
  if (phase < 0) return needs & ~outer ? MAX_AXES : nest_level(n, NULL, needs);
  return nest_level(n, &n->phase[phase], needs);
}

static void use_axes(NestUse *u, const KNest *n, int phase, const Affine *e);

static void use_axis(NestUse *u, const KNest *n, int phase, int a) {
  const Axis *x = &n->axes.axis[a];
  if (x->kind == AX_LOOP || u->axes[phase + 1] >> a & 1) return;
  u->axes[phase + 1] |= 1u << a;
  u->axes[0] |= 1u << a;
  if (x->kind == AX_QUOTIENT) use_axes(u, n, phase, &x->e);
}

static void use_axes(NestUse *u, const KNest *n, int phase, const Affine *e) {
  for (int i = 0; i < n->axes.n; i++)
    if (e->coef[i]) {
      u->indexed |= 1u << i;
      use_axis(u, n, phase, i);
    }
}

/* Notes a use of value v at a loop level of a phase; its operands are used where v is evaluated. */
static void use_value(NestUse *u, const KNest *n, int v, int phase, int level) {
  const KVal *x = &n->val[v];
  bool here = x->phase == phase && nest_loop_level(n, phase, x->needs) == level;
  u->same_loop[v] = here && (!u->uses[v] || u->same_loop[v]);
  if (u->uses[v]++) return;
  level = nest_loop_level(n, x->phase, x->needs);
  for (int i = 0; i < x->nargs && x->kind != KV_ACC; i++) use_value(u, n, x->arg[i], x->phase, level);
  for (int i = 0; i < n->axes.n; i++) {
    bool guard = x->guards >> i & 1;
    if (guard) u->select |= 1u << i;
    if (x->at.coef[i]) u->indexed |= 1u << i;
    if (!x->at.coef[i] && !guard) continue;
    use_axis(u, n, x->phase, i);
    if (phase != x->phase) use_axis(u, n, phase, i);
  }
  for (int i = 0; i < n->axes.n; i++) { /* indices of indirect axes */
    const Axis *a = &n->axes.axis[i];
    if (a->kind != AX_INDIRECT || !(u->axes[0] >> i & 1) || u->uses[a->value]) continue;
    use_value(u, n, a->value, x->phase, -1);
    u->same_loop[a->value] = false;
  }
}

static int inner_level(const KNest *n, int phase) { return n->nouter + n->phase[phase].naxis; }

static void use_store(NestUse *u, const KNest *n, int i) {
  const KStore *s = &n->store[i];
  use_value(u, n, s->value, s->phase, s->level == KS_INNER ? inner_level(n, s->phase) : n->nouter);
  use_axes(u, n, s->phase, &s->at);
  for (int k = 0; k < n->axes.n; k++) { /* scatter: its index is a value */
    const Axis *a = &n->axes.axis[k];
    if (!s->at.coef[k] || a->kind != AX_INDIRECT) continue;
    use_value(u, n, a->value, s->phase, -1);
    u->same_loop[a->value] = false;
  }
  /* Before several stores all values are evaluated, since a store may overwrite what the value of another one loads. */
  for (int k = 0; k < n->nstore; k++)
    if (n->store[k].phase == s->phase && k != i) u->same_loop[s->value] = false;
}

NestUse nest_use(const KNest *n) {
  Ctx *c = n->axes.m->c;
  NestUse u = {.uses = ctx_alloc(c, (size_t)(n->nval + 1) * sizeof *u.uses),
               .same_loop = ctx_alloc(c, (size_t)(n->nval + 1) * sizeof *u.same_loop),
               .axes = ctx_alloc(c, (size_t)(n->nphase + 1) * sizeof *u.axes)};
  for (int i = 0; n->attend && i < AT_OPERANDS; i++) { /* others are arguments by address */
    int v = n->attend->load[i].at;
    if (v >= 0 && krow_is_number(n->attend, i)) use_value(&u, n, v, n->val[v].phase, n->nouter);
  }
  if (n->attend || n->sort) return u;
  for (int i = 0; i < n->nacc; i++) {
    if (n->acc[i].phase < 0) continue; /* printed before */
    use_value(&u, n, n->acc[i].value, n->acc[i].phase, inner_level(n, n->acc[i].phase));
    use_axes(&u, n, n->acc[i].phase, &n->acc[i].index);
  }
  for (int i = 0; i < n->nstore; i++) use_store(&u, n, i);
  for (int p = 0; p < n->nphase; p++)
    for (int a = 0; a < n->axes.n; a++) {
      if (!(n->phase[p].skip >> a & 1)) continue;
      use_axis(&u, n, p, a);
      if (nest_loop_level(n, p, n->axes.axis[a].needs) <= n->nouter) u.select |= 1u << a;
      else u.skip |= 1u << a;
    }
  return u;
}
