/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/layers.h"
#include "ir/scan.h"
#include <string.h>

/* The graph that the costs are of, as in cost.c. */
static Graph *main_graph(Module *m) {
  for (int i = 0; i < m->ntrain; i++)
    if (m->train[i].step || m->train[i].pass) return m->train[i].step ? m->train[i].step : m->train[i].pass;
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_EXPORT) return m->graph[i];
  return NULL;
}

static Layer *add_row(Layers *l, const char *name, int scope, Loc at, TypeId type) {
  Layer *x = VEC_PUSH(l->m->c, l->row, l->n, l->cap);
  *x = (Layer){.name = name, .op = scope_call(l->m, scope), .scope = scope, .at = at, .type = type, .measured = -1};
  return x;
}

/* The row of what is in a scope: that of the call, of the one that makes it, or one for all outside of instances. */
static int row_of(Layers *l, int scope) {
  const Module *m = l->m;
  for (int s = scope; s; s = m->scope[s].up)
    if (l->row_of[s] >= 0) return l->row_of[s];
  const char *root = scope ? m->scope[scope].path : "";
  const char *name = !strncmp(root, "train", 5) ? "(loss)" : !strncmp(root, "optim", 5) ? "(optimizer)" : "(other)";
  for (int i = 0; i < l->n; i++)
    if (!l->row[i].at && !strcmp(l->row[i].name, name)) return i;
  add_row(l, name, 0, 0, 0);
  return l->n - 1;
}

static void count_nodes(Layers *l, const Graph *g, double times) {
  for (Id n = 1; n < (Id)g->n; n++) {
    OpClass cls = node_info(g, n)->cls;
    if (cls == CL_LEAF) continue;
    if (cls == CL_SCAN) {
      Scan s = scan_of(g, n);
      count_nodes(l, s.body, times * (double)dim_bound(l->m, s.length));
    }
    int at = row_of(l, source_scope(l->m->c, node_get(g, n)->loc));
    l->row[at].nodes++;
    l->row[at].macs += times * node_macs(g, n);
  }
}

/* The layer that a weight is declared in: the longest path that its name begins with. */
static Layer *layer_of_weight(Layers *l, const char *name) {
  Layer *best = NULL;
  size_t most = 0;
  for (int i = 0; i < l->n; i++) {
    size_t n = strlen(l->row[i].name);
    if (!l->row[i].at || n <= most || strncmp(l->row[i].name, name, n) != 0 || name[n] != '.') continue;
    best = &l->row[i];
    most = n;
  }
  return best;
}

static void count_weights(Layers *l) {
  Module *m = l->m;
  for (int i = 0; i < m->nvar; i++) {
    Layer *x = m->var[i].kind == VK_PARAM ? layer_of_weight(l, m->var[i].name) : NULL;
    if (x) x->parameters += (double)dim_bound(m, type_count(m, m->var[i].type));
  }
}

/* Removes rows of calls that only make other calls. */
static void drop_empty(Layers *l) {
  int n = 0;
  for (int i = 0; i < l->n; i++) {
    const Layer *x = &l->row[i];
    if (x->scope) l->row_of[x->scope] = x->nodes || x->parameters > 0 ? n : -1;
    if (x->nodes || x->parameters > 0) l->row[n++] = *x;
  }
  l->n = n;
}

static bool has_weights(const Module *m, const char *path) {
  size_t n = strlen(path);
  for (int i = 0; i < m->nvar; i++)
    if (m->var[i].kind == VK_PARAM && !strncmp(m->var[i].name, path, n) && m->var[i].name[n] == '.') return true;
  return false;
}

/* Calls in the file are layers, and those of the standard library that have weights. */
static bool is_layer(const Layers *l, const LayerCall *k) {
  if (k->graph != l->g || l->row_of[k->scope] >= 0) return false;
  return k->user || has_weights(l->m, l->m->scope[k->scope].path);
}

Layers layers_find(Module *m) {
  Layers l = {.m = m, .g = main_graph(m), .row_of = ctx_array(m->c, m->nscope, sizeof(int))};
  for (int i = 0; i < m->nscope; i++) l.row_of[i] = -1;
  for (int i = 0; i < m->nlayer; i++) {
    const LayerCall *k = &m->layer[i];
    if (!is_layer(&l, k)) continue;
    add_row(&l, m->scope[k->scope].path, k->scope, k->at, k->type);
    l.row_of[k->scope] = l.n - 1;
  }
  if (!l.g) return l;
  count_weights(&l);
  count_nodes(&l, l.g, 1);
  drop_empty(&l);
  return l;
}

void layers_cost(Layers *l, const Cost *k) {
  const Module *m = l->m;
  int rows = l->n + 3, *host = ctx_array(m->c, rows, sizeof *host);
  for (int i = 0; i < k->steps.n; i++) {
    const StepCost *s = &k->steps.v[i];
    const Graph *g = s->kernel->gs->g;
    int at = row_of(l, group_scope(g, s->kernel->group));
    for (int j = 0; j < s->kernel->group->nnode; j++) {
      int part = row_of(l, source_scope(m->c, node_get(g, s->kernel->group->node[j])->loc));
      if (part != at && !host[part]) host[part] = at + 1;
    }
    Layer *x = &l->row[at];
    x->kernels++;
    x->flops += s->times * s->cost.flops;
    x->bytes += s->times * s->cost.bytes;
    x->seconds += s->times * s->cost.seconds;
  }
  for (int i = 0; i < l->n; i++)
    if (!l->row[i].kernels && host[i]) l->row[i].host = &l->row[host[i] - 1];
}

bool layer_is_shown(const Layer *x) { return x->at || x->kernels || x->measured > 0; }

Layer *layers_row(Layers *l, const char *name) {
  for (int s = 1; s < l->m->nscope; s++)
    if (!strcmp(l->m->scope[s].path, name)) return &l->row[row_of(l, s)];
  return *name ? NULL : &l->row[row_of(l, 0)];
}

/* ---- as JSON ---- */

static void put_shape(Str *s, Module *m, TypeId type) {
  const Type *t = type ? type_get(m, type) : NULL;
  int64_t n;
  if (!t || t->dtype == DT_TUPLE) {
    str_puts(s, "null");
    return;
  }
  str_puts(s, "[");
  for (int i = 0; i < t->rank; i++) {
    if (i) str_puts(s, ",");
    if (dim_number(m, t->dim[i], &n)) str_printf(s, "%lld", (long long)n);
    else str_json(s, dim_text(m, t->dim[i]));
  }
  str_puts(s, "]");
}

static void put_ms(Str *s, const char *key, bool known, double seconds) {
  str_printf(s, ",\"%s\":", key);
  if (known) str_printf(s, "%.6g", 1e3 * seconds);
  else str_puts(s, "null");
}

void layers_json(Str *s, const Layers *l, const Layer *x) {
  SourcePos p = source_pos(l->m->c, x->at);
  str_puts(s, "{\"layer\":");
  str_json(s, x->name);
  str_puts(s, ",\"shape\":");
  put_shape(s, l->m, x->type);
  str_printf(s, ",\"parameters\":%.0f,\"macs\":%.0f,\"line\":%d,\"file\":", x->parameters, x->macs, p.line);
  str_json(s, p.file);
  str_printf(s, ",\"flops\":%.0f,\"bytes\":%.0f", x->flops, x->bytes);
  put_ms(s, "predicted_ms", x->seconds > 0 || x->host, x->seconds);
  if (x->measured >= 0) put_ms(s, "measured_ms", true, x->measured);
  str_puts(s, ",\"fused_into\":");
  if (x->host) str_json(s, x->host->name);
  else str_puts(s, "null");
  str_puts(s, "}");
}
