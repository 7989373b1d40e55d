// SPDX-License-Identifier: Apache-2.0
/* Models and graphs: ModelProto, GraphProto, ValueInfoProto, TensorProto. */
#include "export/export.h"
#include "ir/scan.h"
#include "ir/sizes.h"
#include <string.h>

void export_refuse(Export *x, const char *what, const char *help) {
  Diag *d = diag_error(x->c, E_ONNX_EXPORT, node_get(x->at->g, x->n)->loc, 1, "%s cannot be written as ONNX", what);
  if (*help) diag_help(x->c, d, "%s", help);
  x->failed = true;
}

void export_tensor(Str *b, const char *name, const Type *t, const int64_t *dim, const void *p) {
  size_t n = (size_t)dtype_info[t->dtype].bytes;
  for (int i = 0; i < t->rank; i++) {
    n *= (size_t)dim[i];
    pb_put_int(b, 1, dim[i]);
  }
  pb_put_int(b, 2, export_type(t->dtype));
  pb_put_text(b, 8, name);
  pb_put_bytes(b, 9, p, n);
}

static void put_typed_port(Export *x, Str *b, uint32_t field, const char *name, int element, const Type *t) {
  size_t info = pb_open(b, field), type, tensor, shape;
  pb_put_text(b, 1, name);
  type = pb_open(b, 2);
  tensor = pb_open(b, 1);
  pb_put_int(b, 1, element);
  shape = pb_open(b, 2);
  for (int i = 0; i < t->rank; i++) {
    size_t dim = pb_open(b, 1);
    if (dim_is_const(t->dim[i])) pb_put_int(b, 1, t->dim[i]);
    else pb_put_text(b, 2, dim_text(x->m, t->dim[i]));
    pb_close(b, dim);
  }
  pb_close(b, shape);
  pb_close(b, tensor);
  pb_close(b, type);
  pb_close(b, info);
}

static void put_port(Export *x, Str *b, uint32_t field, const char *name, const Type *t) {
  put_typed_port(x, b, field, name, export_type(t->dtype), t);
}

/* ---- nodes ---- */

static void graph_begin(Export *x, GraphExport *e, const Graph *g) {
  *e = (GraphExport){.g = g, .node = {.c = x->c}, .outer = x->at};
  e->value = ctx_array(x->c, g->n, sizeof *e->value);
  e->tuple = ctx_array(x->c, g->n, sizeof *e->tuple);
  e->result = ctx_array(x->c, g->n, sizeof *e->result);
  export_forms(e, x->c);
  x->at = e;
  x->n = 0;
}

static void write_node(Export *x, Id n) {
  GraphExport *e = x->at;
  x->n = n;
  if (e->form[n] == FORM_RELU) {
    int type = export_computed(node_type(e->g, n)->dtype);
    export_give(x, NODE(x, "Relu", export_in_as(x, 2, type)), type);
  } else {
    write_row[node_get(e->g, n)->op].fn(x, n);
  }
  bool own = x->last.op && x->last.nout == 1 && x->last.out[0] == e->value[n];
  if (own && e->result[n]) e->value[n] = x->last.out[0] = e->result[n];
}

/* Results that are no node's, such as inputs, and further names of one value. */
static void write_results(Export *x, const char **name) {
  const Graph *g = x->at->g;
  x->n = 0;
  for (int i = 0; i < g->nout && !x->failed; i++) {
    const char *v = x->at->value[g->out[i].value];
    if (v == name[i]) continue;
    NODE(x, "Identity", v);
    x->last.out[0] = name[i];
  }
  export_flush(x);
}

static void write_nodes(Export *x) {
  const GraphExport *e = x->at;
  for (Id n = 1; n < (Id)e->g->n && !x->failed; n++)
    if (e->needed[n] && !e->value[n]) write_node(x, n);
}

/* ---- bodies of scans ---- */

/* Ports of the body are scanned, carried and captured values; ONNX has the carries first. */
static void body_port(Export *x, const Graph *g, int i, Str *ports) {
  const char *name = export_unique(x, node_name(g, g->port[i]));
  put_port(x, ports, 11, name, node_type(g, g->port[i]));
  x->at->value[g->port[i]] = name;
}

void export_body(Export *x, const Scan *s, const char *const *captured, const char *extra, Str *to) {
  GraphExport e;
  Id at = x->n;
  const Graph *g = s->body;
  Str ports = {.c = x->c};
  const char **name = ctx_array(x->c, g->nout, sizeof *name);
  graph_begin(x, &e, g);
  for (int i = 0; i < s->nc; i++) body_port(x, g, s->nx + i, &ports);
  for (int i = 0; i < s->nx; i++) body_port(x, g, i, &ports);
  for (int i = 0; i < s->ncap; i++) e.value[g->port[s->nx + s->nc + i]] = captured[i];
  if (extra) put_typed_port(x, &ports, 11, extra, ONNX_INT64, &(Type){.rank = 0});
  for (int i = 0; i < g->nout; i++) {
    name[i] = export_unique(x, g->out[i].name ? g->out[i].name : "result");
    put_port(x, &ports, 12, name[i], node_type(g, g->out[i].value));
    e.result[g->out[i].value] = name[i];
  }
  write_nodes(x);
  write_results(x, name);
  str_put(to, e.node.s ? e.node.s : "", e.node.n);
  pb_put_text(to, 2, g->name);
  str_put(to, ports.s, ports.n);
  x->at = e.outer;
  x->n = at;
}

/* ---- the model ---- */

/* An axis of an input from which the run-time size follows: `size` itself, or coef * size + more. */
static bool find_size(Export *x, const Graph *g, int size) {
  for (int p = 0; p < g->nport; p++) {
    const Type *t = node_type(g, g->port[p]);
    for (int a = 0; a < t->rank; a++) {
      int n, terms = 0;
      int64_t more = 0, coef = 0;
      if (dim_is_const(t->dim[a])) continue;
      const DimTerm *d = dim_terms(x->m, t->dim[a], &n);
      for (int i = 0; i < n; i++) {
        int degree = 0;
        for (int k = 0; k < 8; k++) degree += d[i].exp[k];
        if (degree == 0) more = d[i].coef;
        else if (degree == 1 && d[i].exp[size]) coef = d[i].coef, terms++;
        else terms = 2;
      }
      if (terms != 1) continue;
      export_int(x, "start", a);
      export_int(x, "end", a + 1);
      const char *v = NODE(x, "Shape", x->at->value[g->port[p]]);
      if (more) v = NODE(x, "Sub", v, export_const_ints(x, &more, 1));
      if (coef != 1) v = NODE(x, "Div", v, export_const_ints(x, &coef, 1));
      x->size[size] = v;
      return true;
    }
  }
  return false;
}

const char *export_var(Export *x, int v) {
  if (!x->vars[v]) {
    x->vars[v] = export_unique(x, x->m->var[v].name);
    *VEC_PUSH(x->c, x->read, x->nread, x->capread) = v;
    x->bytes += type_bytes(x->m, x->m->var[v].type);
  }
  return x->vars[v];
}

/* Inputs, then the states that the export writes, with their values as defaults. */
static void main_ports(Export *x, const Graph *g, Str *ports) {
  for (int i = 0; i < g->nport; i++) {
    const char *name = export_unique(x, node_name(g, g->port[i]));
    x->at->value[g->port[i]] = name;
    put_port(x, ports, 11, name, node_type(g, g->port[i]));
  }
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    const Var *v = &x->m->var[g->out[i].var];
    put_port(x, ports, 11, export_var(x, g->out[i].var), type_get(x->m, v->type));
  }
}

static void put_entry(Str *b, const char *key, const char *value) {
  size_t open = pb_open(b, 13);
  pb_put_text(b, 1, key);
  pb_put_text(b, 2, value);
  pb_close(b, open);
}

/* A weight: in the model, or a place in the file beside it. */
static void put_weight(Export *x, Str *b, int v, int64_t *at) {
  const Type *t = type_get(x->m, x->m->var[v].type);
  int64_t n = type_bytes(x->m, x->m->var[v].type);
  size_t open = pb_open(b, 5);
  if (!x->external) {
    export_tensor(b, x->vars[v], t, t->dim, x->values[v]);
  } else {
    for (int i = 0; i < t->rank; i++) pb_put_int(b, 1, t->dim[i]);
    pb_put_int(b, 2, export_type(t->dtype));
    pb_put_text(b, 8, x->vars[v]);
    put_entry(b, "location", x->external);
    put_entry(b, "offset", ctx_strf(x->c, "%lld", (long long)*at));
    put_entry(b, "length", ctx_strf(x->c, "%lld", (long long)n));
    pb_put_int(b, 14, 1);
  }
  pb_close(b, open);
  *at += n;
}

static void put_model(Export *x, const Graph *g, const Str *nodes, const Str *ports, Str *b) {
  int64_t at = 0;
  *b = (Str){.c = x->c, .cap = nodes->n + ports->n + x->init.n + (x->external ? 0 : (size_t)x->bytes)};
  b->cap += 4096 + 256 * (size_t)x->nread;
  b->s = ctx_alloc(x->c, b->cap); /* large: it does not grow */
  pb_put_int(b, 1, EXPORT_IR_VERSION);
  pb_put_text(b, 2, "gradc");
  pb_put_text(b, 3, x->version);
  size_t graph = pb_open(b, 7);
  if (nodes->n) str_put(b, nodes->s, nodes->n);
  pb_put_text(b, 2, g->name);
  if (x->init.n) str_put(b, x->init.s, x->init.n);
  for (int i = 0; i < x->nread; i++) put_weight(x, b, x->read[i], &at);
  str_put(b, ports->s, ports->n);
  pb_close(b, graph);
  size_t opset = pb_open(b, 8);
  pb_put_int(b, 2, EXPORT_OPSET);
  pb_close(b, opset);
}

bool export_model(Export *x, const Graph *g, Str *model) {
  GraphExport e;
  Str ports = {.c = x->c};
  const char **name = ctx_array(x->c, g->nout, sizeof *name);
  x->init = x->attr = (Str){.c = x->c};
  x->size = ctx_array(x->c, x->m->nsize, sizeof *x->size);
  x->vars = ctx_array(x->c, x->m->nvar, sizeof *x->vars);
  graph_begin(x, &e, g);
  main_ports(x, g, &ports);
  for (int i = 0; i < g->nout; i++) {
    bool written = g->out[i].var >= 0;
    name[i] = export_unique(x, written ? ctx_strf(x->c, "%s.next", g->out[i].name) : g->out[i].name);
    put_port(x, &ports, 12, name[i], node_type(g, g->out[i].value));
    e.result[g->out[i].value] = name[i];
  }
  for (int i = 0; i < x->m->nsize && i < 8; i++)
    if (graph_sizes(g) >> i & 1) find_size(x, g, i);
  write_nodes(x);
  write_results(x, name);
  x->at = NULL;
  if (x->failed) return false;
  put_model(x, g, &e.node, &ports, model);
  return true;
}
