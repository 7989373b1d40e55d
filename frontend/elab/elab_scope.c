/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/elab/elab_scope.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"

static bool is_instance(const CallSite *s) { return s->weights && s->weight < 0; }

static int scope_of(const Elab *e, CallSite *s) {
  Module *m = e->m;
  if (s->scope) return s->scope;
  int up = s->up ? scope_of(e, s->up) : 0;
  if (!m->nscope) VEC_PUSH(e->c, m->scope, m->nscope, m->capscope);
  *VEC_PUSH(e->c, m->scope, m->nscope, m->capscope) = (CallScope){.up = up, .instance = is_instance(s)};
  *VEC_PUSH(e->c, ((Elab *)e)->scoped, ((Elab *)e)->nscoped, ((Elab *)e)->capscoped) = s;
  return s->scope = m->nscope - 1;
}

Loc el_scope_loc(const Elab *e, Loc at) {
  CallSite *site = e->cur.f ? e->cur.f->site : NULL;
  at = el_user_loc(e, at, NULL);
  return site && !e->trial ? source_within(e->c, at, scope_of(e, site)) : at;
}

void el_layer(Elab *e, Value v, Loc at) {
  CallSite *s = e->cur.f->site;
  if (e->trial || v_bad(v) || !is_instance(s)) return;
  TypeId type = v.kind == V_TENSOR ? node_get(v.g, v.id)->type : 0;
  *VEC_PUSH(e->c, e->m->layer, e->m->nlayer, e->m->caplayer) =
    (LayerCall){scope_of(e, s), e->cur.root, type, el_user_loc(e, at, NULL), !el_in_builtin(e, at)};
}

void el_finish_scopes(Elab *e) {
  for (int i = 0; i < e->nscoped; i++) e->m->scope[e->scoped[i]->scope].path = el_site_path(e, e->scoped[i]);
}
