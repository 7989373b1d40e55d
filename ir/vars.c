/* SPDX-License-Identifier: Apache-2.0 */
/* A module's persistent tensors: finding and adding them, renaming and reordering them after its graphs were built;
 * roles by name. */
#include "tables.h"
#include <string.h>

static bool names_same(const void *a, const void *b) { return !strcmp(a, b); }

int var_find(const Module *m, const char *name) {
  int k = intern_find(&m->tab->vars, name, hash_bytes(name, strlen(name), 3), names_same);
  return k ? k - 1 : -1;
}

int var_add(Module *m, const char *name, VarKind kind, TypeId type, uint32_t hints, Loc loc) {
  name = ctx_name(m->c, name);
  intern_add(m->c, &m->tab->vars, (void *)name, hash_bytes(name, strlen(name), 3));
  *VEC_PUSH(m->c, m->var, m->nvar, m->capvar) =
    (Var){.name = name, .kind = kind, .type = type, .hints = hints, .offset = -1, .loc = loc, .owner = -1, .slot = ""};
  return m->nvar - 1;
}

/* The new names go into the nodes while the old ones can still be looked up. */
static bool rename_nodes(Module *m, Graph *g, const char *const *name) {
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++) {
    Node *d = &g->node[n];
    if (d->op != OP_param && d->op != OP_state) continue;
    int v = var_find(m, node_name(g, n));
    d->attr = attr_make(m, (Op)d->op, &(AttrVal){.s = name[v]});
    any = true;
  }
  return any;
}

/* Nodes are found by their attributes, so the graph's table must be rebuilt. */
static void rebuild(Graph *g) {
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  graph_rebuild_end(&r);
}

static void rename_outs(Module *m, Graph *g, const int *to) {
  g->nout_of = 0;
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    g->out[i].var = to[g->out[i].var];
    g->out[i].name = m->var[g->out[i].var].name;
  }
}

void vars_read_as(Graph *g, const int *by) {
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++) {
    int v = node_var(g, n);
    if (v < 0 || by[v] < 0) continue;
    const Var *to = &g->m->var[by[v]];
    Node *d = &g->node[n];
    d->op = to->kind == VK_PARAM ? OP_param : OP_state;
    d->attr = attr_make(g->m, (Op)d->op, &(AttrVal){.s = to->name});
    any = true;
  }
  if (any) rebuild(g);
}

/* order[i]: present number of the tensor that becomes number i; name[v]: new name of the present number v. */
void vars_arrange(Module *m, const int *order, const char *const *name) {
  int n = m->nvar;
  Var *old = m->var;
  int *to = ctx_alloc(m->c, (size_t)(n + 1) * sizeof *to);
  bool *any = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) any[i] = rename_nodes(m, m->graph[i], name);
  m->var = NULL;
  m->nvar = m->capvar = 0;
  memset(&m->tab->vars, 0, sizeof m->tab->vars);
  for (int i = 0; i < n; i++) {
    const Var *v = &old[order[i]];
    to[order[i]] = var_add(m, name[order[i]], v->kind, v->type, v->hints, v->loc);
    m->var[i].role = v->role;
  }
  for (int i = 0; i < n; i++)
    if (old[order[i]].owner >= 0) m->var[i].owner = to[old[order[i]].owner];
  for (int i = 0; i < m->ntrain; i++) {
    TrainInfo *t = &m->train[i];
    if (t->scale_var >= 0) t->scale_var = to[t->scale_var], t->skipped_var = to[t->skipped_var];
    for (int k = 0; k < t->nobserved; k++)
      if (t->observed[k]) t->observed[k] = 1 + to[t->observed[k] - 1];
  }
  for (int i = 0; i < m->ndata; i++)
    for (int f = 0; f < m->data[i].nfield; f++)
      for (int k = 0; k < m->data[i].field[f].nnorm; k++) {
        int *var = m->data[i].field[f].norm[k].var;
        for (int j = 0; j < 2; j++)
          if (var[j] >= 0) var[j] = to[var[j]];
      }
  for (int i = 0; i < m->ngraph; i++) {
    rename_outs(m, m->graph[i], to);
    if (any[i]) rebuild(m->graph[i]);
  }
}

/* The longest prefix of the name, ending at a dot, that names a weight; the slot follows that dot. */
static int owner_of(const Module *m, const char *name, const char **slot) {
  char *prefix = ctx_strf(m->c, "%s", name);
  for (char *dot = strrchr(prefix, '.'); dot; dot = strrchr(prefix, '.')) {
    *dot = 0;
    int v = var_find(m, prefix);
    *slot = name + (dot - prefix) + 1;
    if (v >= 0 && m->var[v].kind == VK_PARAM) return v;
  }
  *slot = "";
  return -1;
}

/* "optim.net.w.m" or "optim.SECTION.net.w.m": what precedes the weight's name is dropped. */
static void owner_from_name(Module *m, Var *v) {
  const char *name = v->name;
  for (int drop = 0; drop <= 2 && v->owner < 0; drop++) {
    v->owner = owner_of(m, name, &v->slot);
    const char *dot = strchr(name, '.');
    if (!dot) break;
    name = dot + 1;
  }
  if (v->owner >= 0 && !strcmp(v->slot, "grad")) v->role = VAR_GRAD_SUM;
  const char *dot = strrchr(v->name, '.');
  if (v->owner < 0 && dot && !strcmp(dot + 1, AGAIN_STATE)) v->role = VAR_AGAIN;
}

/* "ema.net.w" is the average of the weight "net.w". */
static void average_from_name(Module *m, Var *v) {
  int w = strncmp(v->name, "ema.", 4) ? -1 : var_find(m, v->name + 4);
  if (w < 0 || m->var[w].kind != VK_PARAM || m->var[w].type != v->type) return;
  v->owner = w;
  v->slot = "ema";
}

void roles_from_names(Module *m) {
  for (int v = 0; v < m->nvar; v++) {
    if (m->var[v].kind == VK_OPTIM) owner_from_name(m, &m->var[v]);
    if (m->var[v].kind == VK_STATE) average_from_name(m, &m->var[v]);
  }
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    for (int k = 0; k < g->nout && graph_trains(g); k++) {
      Out *o = &g->out[k];
      if (o->var >= 0) continue;
      if (!strcmp(o->name, "loss") && g->kind != GK_TRAIN_UPDATE) o->role = OUT_LOSS;
      if (!strcmp(o->name, SCALE_RESULT)) o->role = OUT_LOSS_SCALE;
    }
  }
}

/* ---- calls ---- */

const char *scope_path(const Module *m, int scope) {
  return scope > 0 && scope < m->nscope ? m->scope[scope].path : "";
}

const char *scope_call(const Module *m, int scope) {
  const char *path = scope_path(m, scope), *dot = strrchr(path, '.'), *own = dot ? dot + 1 : path;
  const char *number = strrchr(own, '_');
  bool numbered = number && number > own && number[1] && !number[1 + strspn(number + 1, "0123456789")];
  return numbered ? ctx_intern(m->c, own, (size_t)(number - own)) : own;
}
