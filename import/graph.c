// SPDX-License-Identifier: Apache-2.0
/* The walk over the nodes of a graph, in its order, with functions expanded. */
#include "import/import.h"
#include "import/small_float.h"
#include <string.h>

enum { MAX_NODES = 200000, MAX_DEPTH = 64 };

/* ---- scopes: names of values, interned, in a table by address ---- */

typedef struct Entry {
  const char *name;
  Value *v;
} Entry;
struct Scope {
  Import *m;
  Scope *outer;
  Entry *entry;
  size_t n, cap;
  const OnnxOpset *opset;
  int nopset;
};

Scope *onnx_scope_new(Import *m, Scope *outer) {
  Scope *s = ctx_alloc(m->c, sizeof *s);
  *s = (Scope){.m = m, .outer = outer};
  s->opset = outer ? outer->opset : m->model->opset;
  s->nopset = outer ? outer->nopset : m->model->nopset;
  return s;
}

static Entry *entry_of(const Scope *s, const char *name) {
  if (!s->cap) return NULL;
  size_t i = (size_t)hash_bytes(&name, sizeof name, 0) % s->cap;
  while (s->entry[i].name && s->entry[i].name != name) i = (i + 1) % s->cap;
  return &s->entry[i];
}

void onnx_scope_bind(Scope *s, const char *name, Value *v) {
  if (2 * (s->n + 1) > s->cap) {
    Scope old = *s;
    s->cap = old.cap ? 2 * old.cap : 64;
    s->entry = ctx_array(s->m->c, (int)s->cap, sizeof *s->entry);
    for (size_t i = 0; i < old.cap; i++)
      if (old.entry[i].name) *entry_of(s, old.entry[i].name) = old.entry[i];
  }
  Entry *e = entry_of(s, name);
  if (!e->name) s->n++;
  *e = (Entry){name, v};
}

Value *onnx_scope_find(Scope *s, const char *name) {
  for (; s; s = s->outer) {
    Entry *e = entry_of(s, name);
    if (e && e->name) return e->v;
  }
  return NULL;
}

static int64_t opset_of(const Scope *s, const char *domain) {
  for (int i = 0; i < s->nopset; i++)
    if (!strcmp(s->opset[i].domain, domain)) return s->opset[i].version;
  return 0;
}

/* ---- nodes ---- */

const OpRow *op_row(const char *domain, const char *name) {
#define OP(name, since, fn, arg) {"", #name, since, fn, arg},
#define IN(domain, name, since, fn, arg) {domain, #name, since, fn, arg},
  static const OpRow rows[] = {
#include "import/ops.def"
  };
#undef OP
#undef IN
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (!strcmp(rows[i].name, name) && !strcmp(rows[i].domain, domain)) return &rows[i];
  return NULL;
}

static const OnnxFunction *function_of(const Import *m, const OnnxNode *n) {
  for (int i = 0; i < m->model->nfunction; i++) {
    const OnnxFunction *f = &m->model->function[i];
    if (!strcmp(f->name, n->op) && !strcmp(f->domain, n->domain)) return f;
  }
  return NULL;
}

static const OnnxAttr *attr_named(const OnnxAttr *a, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (!strcmp(a[i].name, name)) return &a[i];
  return NULL;
}

/* The node of a function's body with the attributes that the call gives, or their defaults. */
static OnnxNode with_attributes(Import *m, const OnnxNode *body, const OnnxNode *call, const OnnxFunction *f) {
  OnnxNode n = *body;
  n.attr = ctx_array(m->c, body->nattr, sizeof *n.attr);
  n.nattr = 0;
  for (int i = 0; i < body->nattr; i++) {
    const OnnxAttr *a = &body->attr[i], *given = a;
    if (a->ref) given = attr_named(call->attr, call->nattr, a->ref);
    if (a->ref && !given) given = attr_named(f->attr, f->nattr, a->ref);
    if (!given) continue;
    n.attr[n.nattr] = *given;
    n.attr[n.nattr++].name = a->name;
  }
  return n;
}

static void call_function(Oper *o, const OnnxFunction *f) {
  Scope *s = onnx_scope_new(o->m, NULL);
  OnnxNode *body = ctx_array(o->m->c, f->nnode, sizeof *body);
  if (f->nopset) {
    s->opset = f->opset;
    s->nopset = f->nopset;
  }
  Value *none = onnx_value(o->m, (Shape){.rank = 0});
  none->left_out = true;
  for (int i = 0; i < f->nin; i++) onnx_scope_bind(s, f->in[i], has_in(o, i) ? o->in[i] : none);
  for (int i = 0; i < f->nnode; i++) body[i] = with_attributes(o->m, &f->node[i], o->n, f);
  import_nodes(o->m, s, body, f->nnode);
  for (int i = 0; i < f->nout && i < o->nout; i++) {
    Value *v = onnx_scope_find(s, f->out[i]);
    if (v) *o->out[i] = *v;
    else if (has_out(o, i)) op_refuse(o, E_ONNX_NODE, "the function has no result `%s`", f->out[i]);
  }
}

static bool operands(Oper *o) {
  bool failed = false;
  for (int i = 0; i < o->nin; i++) {
    const char *name = o->n->in[i];
    o->in[i] = *name ? onnx_scope_find(o->scope, name) : NULL;
    if (*name && !o->in[i]) op_refuse(o, E_ONNX_NODE, "operand `%s` is not defined before", name);
    if (o->in[i] && o->in[i]->left_out) o->in[i] = NULL;
    if (!o->in[i]) continue;
    failed |= o->in[i]->failed;
    o->inputs |= o->in[i]->inputs;
  }
  return !failed && !o->refused;
}

/* Most operators of version 6 are those of 7; forms for training are not. */
static bool is_old(const Oper *o) {
  bool training = !strcmp(o->n->op, "BatchNormalization") || !strcmp(o->n->op, "Dropout");
  if (training) return !op_int(o, "is_test", 0) || !op_int(o, "spatial", 1);
  return o->opset < 6 && strcmp(o->n->op, "Not");
}

/* Version 6 aligns the second operand with an axis of the first: axes of size 1 follow its own. */
static void old_axis(Oper *o) {
  if (o->opset >= 7 || !op_int(o, "broadcast", 0) || !op_attr(o, "axis") || !has_in(o, 0) || !has_in(o, 1)) return;
  Shape s = o->in[1]->s;
  int64_t more = o->in[0]->s.rank - op_int(o, "axis", 0) - s.rank;
  for (int64_t i = 0; i < more && s.rank < MAX_RANK; i++) s.dim[s.rank++] = 1;
  if (more <= 0) return;
  Value *v = onnx_value(o->m, s);
  v->inputs = o->in[1]->inputs;
  v->text = op_let(o, "t", "reshape(%s, %s)", onnx_text(o->m, o->in[1]), shape_list(o->m->c, s.dim, s.rank));
  o->in[1] = v;
}

/* Floats of 8 and 4 bits and integers below 8 are moved and converted; nothing is computed with them. */
static bool narrow_operand(const Oper *o) {
  static const char moves[] = " Cast CastLike QuantizeLinear DequantizeLinear BitCast Identity Reshape Transpose Slice "
                              "Concat Split Squeeze Unsqueeze Flatten Expand Gather GatherElements GatherND Tile Shape "
                              "Size If Loop Scan ConstantOfShape OptionalGetElement OptionalHasElement ";
  bool narrow = false;
  for (int i = 0; i < o->nin; i++)
    narrow |= o->in[i] && (is_small_float(o->in[i]->s.type) || onnx_type(o->in[i]->s.type)->bits < 8);
  return narrow && !strstr(moves, ctx_strf(o->m->c, " %s ", o->n->op));
}

/* Few operators can do without the first operand. */
static bool lacks_operand(const Oper *o) {
  static const char free[] =
    " Constant Loop Scan Optional OptionalHasElement SequenceEmpty RandomNormal RandomUniform ";
  return !has_in(o, 0) && !strstr(free, ctx_strf(o->m->c, " %s ", o->n->op));
}

/* Few operators take sequences. */
static bool list_operand(const Oper *o) {
  static const char lists[] = " ConcatFromSequence Identity If Loop Optional OptionalGetElement OptionalHasElement "
                              "SequenceAt SequenceErase SequenceInsert SequenceLength SequenceMap ";
  bool list = false;
  for (int i = 0; i < o->nin; i++) list |= o->in[i] && (o->in[i]->list || o->in[i]->absent);
  return list && !strstr(lists, ctx_strf(o->m->c, " %s ", o->n->op));
}

static void run_node(Oper *o) {
  const OnnxFunction *f = function_of(o->m, o->n);
  const OpRow *r = op_row(o->n->domain, o->n->op);
  o->number = ++o->m->nodes;
  if (o->m->depth > MAX_DEPTH || o->number > MAX_NODES) {
    op_refuse(o, E_ONNX_NODE, "graphs, loops and functions expand to too many nodes");
  } else if (f) {
    call_function(o, f);
  } else if (!r) {
    op_refuse(o, E_ONNX_OPERATOR, "the operator is not supported");
  } else if (o->opset < 7 && !*o->n->domain && is_old(o)) {
    op_refuse(o, E_ONNX_OPERATOR, "version %d of the operators is older than 7", o->opset);
  } else if (lacks_operand(o)) {
    op_refuse(o, E_ONNX_NODE, "operand 1 is missing");
  } else if (list_operand(o)) {
    op_refuse(o, E_ONNX_TYPE, "of a sequence");
  } else if (narrow_operand(o)) {
    op_refuse(o, E_ONNX_TYPE, "of floats or integers below 8 bits");
  } else {
    o->arg = r->arg;
    old_axis(o);
    r->fn(o);
  }
}

static void import_node(Import *m, Scope *s, const OnnxNode *n) {
  Oper o = {.m = m, .scope = s, .n = n, .nin = n->nin, .nout = n->nout};
  o.opset = (int)opset_of(s, n->domain);
  o.in = ctx_array(m->c, n->nin, sizeof *o.in);
  o.out = ctx_array(m->c, n->nout, sizeof *o.out);
  for (int i = 0; i < n->nout; i++) {
    o.out[i] = onnx_value(m, (Shape){.type = ONNX_FLOAT});
    o.out[i]->onnx = n->out[i];
  }
  int before = m->nline;
  bool ok = operands(&o);
  if (ok) run_node(&o);
  else if (!function_of(m, n) && !op_row(n->domain, n->op)) /* counted, also after others that are refused */
    op_refuse(&o, E_ONNX_OPERATOR, "the operator is not supported");
  if (!ok || o.refused) m->nline = before;
  for (int i = 0; i < n->nout; i++) {
    Value *v = o.out[i];
    if (!ok || o.refused || (!v->text && !v->known && !v->list && !v->absent)) v->failed = true;
    if (*n->out[i]) onnx_scope_bind(s, n->out[i], v);
  }
}

/* Whether a node's results are read, by name: of the nodes of one graph, those that are needed. */
static void mark_names(Scope *used, const OnnxNode *n, Value *mark) {
  for (int i = 0; i < n->nin; i++) onnx_scope_bind(used, n->in[i], mark);
  const OnnxAttr *of = strcmp(n->op, "Gradient") ? NULL : attr_named(n->attr, n->nattr, "y");
  if (of) onnx_scope_bind(used, ctx_intern(used->m->c, (const char *)of->s.p, pb_size(of->s)), mark);
  for (int i = 0; i < n->nattr; i++) {
    const OnnxGraph *g = n->attr[i].g;
    if (!g) continue;
    for (int k = 0; k < g->nnode; k++) mark_names(used, &g->node[k], mark);
    for (int k = 0; k < g->nout; k++) onnx_scope_bind(used, g->out[k].name, mark);
  }
}

void import_nodes(Import *m, Scope *s, const OnnxNode *node, int n) {
  m->depth++;
  for (int i = 0; i < n; i++) import_node(m, s, &node[i]);
  m->depth--;
}

bool import_initialisers(Import *m, Scope *s, const OnnxGraph *g) {
  for (int i = 0; i < g->ninit; i++) {
    const OnnxTensor *t = &g->init[i];
    Value *v = onnx_value(m, (Shape){.type = ONNX_FLOAT});
    const char *why;
    v->known = ctx_alloc(m->c, sizeof *v->known);
    v->onnx = t->name;
    v->weight = true;
    if (onnx_tensor_values(m->c, t, m->folder, v->known, &why)) {
      v->s = shape_of(v->known->type, v->known->rank, v->known->dim);
    } else {
      v->failed = true;
      *VEC_PUSH(m->c, m->refusal, m->nrefusal, m->capr) = (Refusal){E_ONNX_TYPE, t->name, "initializer", why, 0};
    }
    onnx_scope_bind(s, t->name, v);
  }
  return true;
}

/* ---- inputs and outputs of the graph ---- */

/* The first node that reads or computes the value; NULL: none. */
static const OnnxNode *node_of_port(const Import *m, const char *name, bool reads) {
  const OnnxGraph *g = m->model->graph;
  for (int i = 0; i < g->nnode; i++) {
    const OnnxNode *n = &g->node[i];
    for (int k = 0; k < (reads ? n->nin : n->nout); k++)
      if (!strcmp(reads ? n->in[k] : n->out[k], name)) return n;
  }
  return NULL;
}

static void refuse_port(Import *m, int code, const char *name, const char *role, const char *why) {
  bool reads = !strcmp(role, "input");
  const OnnxNode *n = node_of_port(m, name, reads);
  if (n)
    why = ctx_strf(m->c, "%s (%s of %s `%s`)", why, reads ? "operand" : "result", n->op,
                   *n->name  ? n->name
                   : n->nout ? n->out[0]
                             : "");
  *VEC_PUSH(m->c, m->refusal, m->nrefusal, m->capr) = (Refusal){code, name, role, why, 0};
}

static bool port_type(Import *m, const OnnxValueInfo *v, const char *role) {
  const OnnxTypeInfo *t = onnx_type(v->type);
  const char *why = NULL;
  if (strcmp(v->kind, "tensor")) why = ctx_strf(m->c, "its type is `%s`", v->kind);
  else if (!t || t->dtype < 0) why = ctx_strf(m->c, "its elements are %s", t ? t->name : "of no known type");
  if (why) refuse_port(m, E_ONNX_TYPE, v->name, role, why);
  return !why;
}

static Given *given_of(Import *m, const char *name) {
  for (int i = 0; i < m->ngiven; i++)
    if (!strcmp(m->given[i].name, name)) return &m->given[i];
  return NULL;
}

static int64_t size_of(Import *m, const OnnxDim *d, const Given *g, int axis) {
  for (int i = 0; d->param && i < m->nbound; i++)
    if (!strcmp(m->bound[i].name, d->param)) return m->bound[i].size;
  if (g && axis < g->value.rank) return g->value.dim[axis];
  return d->value;
}

static bool input_shape(Import *m, const OnnxValueInfo *info, const Given *g, Shape *s) {
  int rank = g ? g->value.rank : info->rank;
  *s = (Shape){.type = info->type, .rank = rank};
  if (rank < 0 || rank > MAX_RANK) {
    refuse_port(m, E_ONNX_SHAPE, info->name, "input",
                rank < 0 ? "the model does not say its shape" : "it has more than 8 axes");
    return false;
  }
  for (int i = 0; i < rank; i++) {
    static const OnnxDim open = {.value = -1};
    const OnnxDim *d = i < info->rank ? &info->dim[i] : &open;
    s->dim[i] = size_of(m, d, g, i);
    if (s->dim[i] >= 0) continue;
    refuse_port(m, E_ONNX_SHAPE, info->name, "input",
                ctx_strf(m->c, "axis %d has no fixed size: give it by --dim %s=N", i, d->param ? d->param : "NAME"));
    return false;
  }
  return true;
}

static void add_input(Import *m, Scope *s, const OnnxValueInfo *info, int number) {
  Given *g = given_of(m, info->name);
  Value *v = onnx_value(m, (Shape){.type = ONNX_FLOAT});
  v->onnx = info->name;
  v->failed = !port_type(m, info, "input") || !input_shape(m, info, g, &v->s);
  onnx_scope_bind(s, info->name, v);
  if (v->failed) return;
  if (g && g->constant) {
    v->known = &g->value;
    return;
  }
  v->inputs = 1ull << (number < 62 ? number : 62);
  if (v->s.type == ONNX_BOOL && !v->s.rank) { /* a parameter `bool` is one of compile time */
    m->wanted |= v->inputs;
    v->failed = true;
    return refuse_port(m, E_ONNX_SHAPE, info->name, "input", "a bool without axes must be a constant: --const");
  }
  v->text = import_name(m, info->name, "x");
  *VEC_PUSH(m->c, m->in, m->nin, m->capi) = (ImportPort){import_word(m->c, info->name), v};
}

static void add_output(Import *m, Scope *s, const OnnxValueInfo *info) {
  Value *v = onnx_scope_find(s, info->name);
  if (!v) refuse_port(m, E_ONNX_NODE, info->name, "output", "no node computes it");
  if (v && (v->list || v->absent)) refuse_port(m, E_ONNX_TYPE, info->name, "output", "it is a sequence or absent");
  if (!v || v->failed || v->list || v->absent || !port_type(m, info, "output")) return;
  onnx_text(m, v);
  *VEC_PUSH(m->c, m->out, m->nout, m->capo) = (ImportPort){import_word(m->c, info->name), v};
}

/* The nodes that the outputs need, in their order. */
static const OnnxNode *needed_nodes(Import *m, const OnnxGraph *g, int *n) {
  Scope *used = onnx_scope_new(m, NULL);
  Value *mark = onnx_value(m, (Shape){.rank = 0});
  OnnxNode *keep = ctx_array(m->c, g->nnode, sizeof *keep);
  int at = g->nnode;
  for (int i = 0; i < g->nout; i++) onnx_scope_bind(used, g->out[i].name, mark);
  for (int i = g->nnode - 1; i >= 0; i--) {
    bool needed = false;
    for (int k = 0; k < g->node[i].nout; k++) needed |= *g->node[i].out[k] && onnx_scope_find(used, g->node[i].out[k]);
    if (!needed) continue;
    keep[--at] = g->node[i];
    mark_names(used, &g->node[i], mark);
  }
  *n = g->nnode - at;
  return keep + at;
}

bool import_graph(Import *m) {
  const OnnxGraph *g = m->model->graph;
  Scope *s = onnx_scope_new(m, NULL);
  int n;
  if (g->sparse) refuse_port(m, E_ONNX_TYPE, g->name, "graph", "it has sparse initialisers");
  import_initialisers(m, s, g);
  for (int i = 0; i < g->nin; i++) {
    Value *init = onnx_scope_find(s, g->in[i].name); /* the default of an input: a constant, unless it is given */
    if (init && !given_of(m, g->in[i].name)) continue;
    add_input(m, s, &g->in[i], i);
  }
  const OnnxNode *node = needed_nodes(m, g, &n);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < node[i].nin; k++) {
      Value *v = onnx_scope_find(s, node[i].in[k]);
      if (v) v->readers++;
    }
  import_nodes(m, s, node, n);
  for (int i = 0; i < g->nout; i++) add_output(m, s, &g->out[i]);
  return m->nrefusal == 0;
}
