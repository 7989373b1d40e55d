/* SPDX-License-Identifier: Apache-2.0 */
/* Weights by their names: `net`, `net.block_2`, `net.block_2.linear_1.w`. A name is that in files: the `use`, the calls
 * below it, numbered where a def is called more than once, and the weight. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include <string.h>

static const CallSite *kid_named(Elab *e, const CallSite *i, const char *word) {
  for (int k = 0; k < i->nkid; k++) {
    const CallSite *kid = i->kid[k];
    bool many = table_get(&i->count, kid->name) > 1;
    if (!strcmp(word, many ? ctx_strf(e->c, "%s_%d", kid->name, kid->ordinal) : kid->name)) return kid;
  }
  return NULL;
}

static int var_named(const CallSite *i, const char *word) {
  for (int k = 0; k < i->nvar; k++)
    if (!strcmp(i->var[k].name, word)) return i->var[k].var;
  return -1;
}

static const char *first_word(Elab *e, const char *name) { return ctx_intern(e->c, name, strcspn(name, ".")); }

/* The root of the instance that the first word names; NULL: it names none. */
static const CallSite *instance_root(Elab *e, const Ast *a) {
  Value v;
  const char *word = first_word(e, a->text);
  Item *it = scope_find(&e->cur.f->scope, word) ? NULL : el_item(e, e->cur.f->file, word);
  if (it && it->kind != IT_USE) return NULL;
  if (!el_lookup(e, word, a, &v) || v.kind != V_FN || !v.fn->instance) return NULL;
  return v.fn->instance->root;
}

PartKind el_part(Elab *e, const Ast *a, Part *p) {
  *p = (Part){.site = a->kind == AST_NAME ? instance_root(e, a) : NULL, .var = -1};
  if (!p->site) return PART_OTHER;
  for (const char *at = strchr(a->text, '.'); at; at = strchr(at + 1, '.')) {
    const char *word = first_word(e, at + 1);
    const CallSite *kid = p->var < 0 ? kid_named(e, p->site, word) : NULL;
    if (kid) p->site = kid;
    else if (p->var >= 0 || (p->var = var_named(p->site, word)) < 0) return PART_UNKNOWN;
  }
  return PART_FOUND;
}

bool el_part_has(const Elab *e, const Part *p, int var) {
  if (p->var >= 0) return p->var == var;
  for (const CallSite *i = e->var[var].site; i; i = i->up)
    if (i == p->site) return true;
  return false;
}

static const CallSite *same_site(Elab *e, const CallSite *i, const CallSite *from, const CallSite *to) {
  if (i == from) return to;
  const CallSite *up = same_site(e, i->up, from, to);
  for (int k = 0; up && k < up->nkid; k++)
    if (up->kid[k]->name == i->name && up->kid[k]->ordinal == i->ordinal) return up->kid[k];
  return NULL;
}

int el_part_same(Elab *e, const Part *from, int var, const Part *to) {
  if (to->var >= 0) return to->var;
  const CallSite *i = from->var < 0 ? same_site(e, e->var[var].site, from->site, to->site) : NULL;
  return i ? var_named(i, e->var[var].name) : -1;
}

/* ---- messages ---- */

static void list_weights(Elab *e, const CallSite *i, const char ***word, int *n, int *cap) {
  for (int k = 0; k < i->nvar; k++)
    *VEC_PUSH(e->c, *word, *n, *cap) = ctx_name(e->c, ctx_strf(e->c, "%s.%s", el_site_path(e, i), i->var[k].name));
  for (int k = 0; k < i->nkid; k++) list_weights(e, i->kid[k], word, n, cap);
}

void el_unknown_part(Elab *e, const Ast *a) {
  const CallSite *root = instance_root(e, a);
  const char **word = NULL, *dot = strchr(a->text, '.');
  int n = 0, cap = 0;
  if (!root || e->trial) return;
  list_weights(e, root, &word, &n, &cap);
  if (!n) {
    Diag *d = el_error(e, E_UNKNOWN_WEIGHT, a, "`%s` has no weights yet: its first call makes them", root->name);
    diag_help(e->c, d, "call `%s` before this line", root->name);
    return;
  }
  Diag *d = el_error(e, E_UNKNOWN_WEIGHT, a, "`%s` has no weight `%s`", root->name, dot ? dot + 1 : "");
  const char *near = diag_suggest(e->c, a->text, word, n);
  if (near) diag_help(e->c, d, "did you mean `%s`?", near);
  else diag_help(e->c, d, "it has %d, the first is `%s`; `gradc ir` lists them", n, word[0]);
}

bool el_weight_named(Elab *e, const Ast *a, Value *v) {
  Part p;
  PartKind kind = strchr(a->text, '.') ? el_part(e, a, &p) : PART_OTHER;
  *v = v_error();
  if (kind == PART_OTHER) return false;
  if (e->trial) return true; /* its weights belong to no instance */
  if (kind == PART_UNKNOWN || p.var < 0) {
    el_unknown_part(e, a);
    return true;
  }
  *v = (Value){.kind = V_STATE, .i = p.var};
  if (e->m->var[p.var].kind == VK_PARAM)
    *v = (Value){.kind = V_TENSOR, .id = graph_var(e->cur.root, p.var, a->caret), .g = e->cur.root};
  return true;
}
