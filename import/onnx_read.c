// SPDX-License-Identifier: Apache-2.0
/* Messages of onnx.proto: the numbers of fields are those of the schema. */
#include "import/onnx.h"
#include <string.h>

typedef struct Reader {
  Ctx *c;
  const char *why; /* NULL: no error so far */
  int depth;       /* of nested graphs */
} Reader;

static void bad(Reader *r, const char *why) {
  if (!r->why) r->why = why;
}

/* The next field of a message, false at its end and after an error. */
static bool next(Reader *r, Pb *m, PbField *f) {
  if (r->why) return false;
  int k = pb_next(m, f);
  if (k < 0) bad(r, "the bytes are no protocol buffer");
  return k > 0;
}

static Pb bytes(Reader *r, const PbField *f) {
  if (f->wire != PB_BYTES) bad(r, "a field has another wire type than the schema");
  return f->bytes;
}

static const char *text(Reader *r, const PbField *f) {
  Pb b = bytes(r, f);
  if (b.p == b.end) return "";
  if (memchr(b.p, 0, pb_size(b))) bad(r, "a name has a zero byte");
  return ctx_intern(r->c, (const char *)b.p, pb_size(b));
}

/* Of a list; of a string with a zero byte only what precedes it. */
static const char *string(Reader *r, const PbField *f) {
  Pb b = bytes(r, f);
  return b.p == b.end ? "" : ctx_intern(r->c, (const char *)b.p, pb_size(b));
}

static int64_t number(Reader *r, const PbField *f) {
  if (f->wire != PB_VARINT) bad(r, "a field has another wire type than the schema");
  return (int64_t)f->value;
}

static float bits_float(uint64_t bits) {
  uint32_t b = (uint32_t)bits;
  float f;
  memcpy(&f, &b, sizeof f);
  return f;
}

/* ---- tensors and types ---- */

static void add_dim(Reader *r, OnnxTensor *t, PbField *f) {
  uint64_t n;
  bool malformed = false;
  while (pb_number(f, PB_VARINT, &n, &malformed)) {
    if (t->rank == ONNX_MAX_RANK) return bad(r, "a tensor has more than 32 axes");
    if (n > (uint64_t)1 << 47) return bad(r, "a tensor has a size that is negative or above 2^47");
    t->dim[t->rank++] = (int64_t)n;
  }
  if (malformed) bad(r, "the shape of a tensor is malformed");
}

static uint64_t decimal(Reader *r, const char *s) {
  uint64_t n = 0;
  if (!*s) bad(r, "a number of external data is empty");
  for (; *s; s++) {
    if (*s < '0' || *s > '9' || n > UINT64_MAX / 100) bad(r, "a number of external data is malformed");
    n = n * 10 + (uint64_t)(*s - '0');
  }
  return n;
}

static void external(Reader *r, OnnxTensor *t, Pb m) {
  const char *key = "", *value = "";
  for (PbField f; next(r, &m, &f);) {
    if (f.number == 1) key = text(r, &f);
    if (f.number == 2) value = text(r, &f);
  }
  if (!strcmp(key, "location")) t->location = value;
  if (!strcmp(key, "offset")) t->offset = decimal(r, value);
  if (!strcmp(key, "length")) t->length = decimal(r, value);
}

static void read_tensor(Reader *r, Pb m, OnnxTensor *t) {
  *t = (OnnxTensor){.name = "", .message = m};
  for (PbField f; next(r, &m, &f);) switch (f.number) {
    case 1: add_dim(r, t, &f); break;
    case 2: t->type = (int)number(r, &f); break;
    case 8: t->name = text(r, &f); break;
    case 9:
      t->raw = bytes(r, &f);
      t->has_raw = true;
      break;
    case 13: external(r, t, bytes(r, &f)); break;
    case 14: t->external = number(r, &f) == 1; break;
    }
}

static void read_dim(Reader *r, Pb m, OnnxDim *d) {
  *d = (OnnxDim){.value = -1};
  for (PbField f; next(r, &m, &f);) {
    if (f.number == 1) d->value = number(r, &f);
    if (f.number == 2) d->param = text(r, &f);
  }
}

static void read_shape(Reader *r, Pb m, OnnxValueInfo *v) {
  v->rank = 0;
  for (PbField f; next(r, &m, &f);) {
    if (f.number != 1) continue;
    if (v->rank == ONNX_MAX_RANK) return bad(r, "a tensor has more than 32 axes");
    read_dim(r, bytes(r, &f), &v->dim[v->rank++]);
  }
}

static void read_type(Reader *r, Pb m, OnnxValueInfo *v) {
  static const char *const kind[] = {[4] = "sequence", [5] = "map", [8] = "sparse tensor", [9] = "optional"};
  for (PbField f; next(r, &m, &f);) {
    if (f.number < 10 && kind[f.number]) v->kind = kind[f.number];
    if (f.number != 1) continue;
    v->kind = "tensor";
    Pb t = bytes(r, &f);
    for (PbField g; next(r, &t, &g);) {
      if (g.number == 1) v->type = (int)number(r, &g);
      if (g.number == 2) read_shape(r, bytes(r, &g), v);
    }
  }
}

static void read_value_info(Reader *r, Pb m, OnnxValueInfo *v) {
  *v = (OnnxValueInfo){.name = "", .kind = "value without a type", .rank = -1};
  for (PbField f; next(r, &m, &f);) {
    if (f.number == 1) v->name = text(r, &f);
    if (f.number == 2) read_type(r, bytes(r, &f), v);
  }
}

/* ---- nodes ---- */

static void read_graph(Reader *r, Pb m, OnnxGraph *g);

static void add_ints(Reader *r, OnnxAttr *a, PbField *f, int *cap) {
  uint64_t n;
  bool malformed = false;
  while (pb_number(f, PB_VARINT, &n, &malformed)) *VEC_PUSH(r->c, a->ints, a->ni, *cap) = (int64_t)n;
  if (malformed) bad(r, "a list of ints is malformed");
}

static void add_floats(Reader *r, OnnxAttr *a, PbField *f, int *cap) {
  uint64_t n;
  bool malformed = false;
  while (pb_number(f, PB_FIXED32, &n, &malformed)) *VEC_PUSH(r->c, a->floats, a->nf, *cap) = bits_float(n);
  if (malformed) bad(r, "a list of floats is malformed");
}

static void read_attr(Reader *r, Pb m, OnnxAttr *a) {
  int cap_i = 0, cap_f = 0, cap_s = 0;
  *a = (OnnxAttr){.name = ""};
  for (PbField f; next(r, &m, &f);) switch (f.number) {
    case 1: a->name = text(r, &f); break;
    case 2: a->f = bits_float(f.value); break;
    case 3: a->i = number(r, &f); break;
    case 4: a->s = bytes(r, &f); break;
    case 5:
      a->t = ctx_alloc(r->c, sizeof *a->t);
      read_tensor(r, bytes(r, &f), a->t);
      break;
    case 6:
      a->g = ctx_alloc(r->c, sizeof *a->g);
      read_graph(r, bytes(r, &f), a->g);
      break;
    case 7: add_floats(r, a, &f, &cap_f); break;
    case 8: add_ints(r, a, &f, &cap_i); break;
    case 9: *VEC_PUSH(r->c, a->strings, a->nstrings, cap_s) = string(r, &f); break;
    case 20: a->kind = (int)number(r, &f); break;
    case 21: a->ref = text(r, &f); break;
    }
  if (a->ref && !*a->ref) a->ref = NULL;
}

static void read_property(Reader *r, Pb m, OnnxNode *n) {
  static const char wanted[] = "namespace";
  bool found = false;
  for (PbField f; next(r, &m, &f);) {
    Pb b = bytes(r, &f);
    if (f.number == 1) found = pb_size(b) == strlen(wanted) && !memcmp(b.p, wanted, strlen(wanted));
    if (f.number == 2 && found) n->space = string(r, &f);
  }
}

static void read_node(Reader *r, Pb m, OnnxNode *n) {
  *n = (OnnxNode){.name = "", .op = "", .domain = ""};
  for (PbField f; next(r, &m, &f);) switch (f.number) {
    case 1: *VEC_PUSH(r->c, n->in, n->nin, n->cap_in) = text(r, &f); break;
    case 2: *VEC_PUSH(r->c, n->out, n->nout, n->cap_out) = text(r, &f); break;
    case 3: n->name = text(r, &f); break;
    case 4: n->op = text(r, &f); break;
    case 5: read_attr(r, bytes(r, &f), VEC_PUSH(r->c, n->attr, n->nattr, n->cap_attr)); break;
    case 7: n->domain = text(r, &f); break;
    case 9: read_property(r, bytes(r, &f), n); break;
    }
  if (!strcmp(n->domain, "ai.onnx")) n->domain = "";
}

static void read_graph(Reader *r, Pb m, OnnxGraph *g) {
  enum { DEEPEST = 64 };
  *g = (OnnxGraph){.name = ""};
  if (r->depth == DEEPEST) return bad(r, "graphs are nested more than 64 deep");
  r->depth++;
  for (PbField f; next(r, &m, &f);) switch (f.number) {
    case 1: read_node(r, bytes(r, &f), VEC_PUSH(r->c, g->node, g->nnode, g->cap_node)); break;
    case 2: g->name = text(r, &f); break;
    case 5: read_tensor(r, bytes(r, &f), VEC_PUSH(r->c, g->init, g->ninit, g->cap_init)); break;
    case 11: read_value_info(r, bytes(r, &f), VEC_PUSH(r->c, g->in, g->nin, g->cap_in)); break;
    case 12: read_value_info(r, bytes(r, &f), VEC_PUSH(r->c, g->out, g->nout, g->cap_out)); break;
    case 15: g->sparse = true; break;
    }
  r->depth--;
}

static void read_opset(Reader *r, Pb m, OnnxOpset *o) {
  *o = (OnnxOpset){.domain = ""};
  for (PbField f; next(r, &m, &f);) {
    if (f.number == 1) o->domain = text(r, &f);
    if (f.number == 2) o->version = number(r, &f);
  }
  if (!strcmp(o->domain, "ai.onnx")) o->domain = "";
}

static void read_function(Reader *r, Pb m, OnnxFunction *f) {
  *f = (OnnxFunction){.name = "", .domain = ""};
  for (PbField g; next(r, &m, &g);) switch (g.number) {
    case 1: f->name = text(r, &g); break;
    case 4: *VEC_PUSH(r->c, f->in, f->nin, f->cap_in) = text(r, &g); break;
    case 5: *VEC_PUSH(r->c, f->out, f->nout, f->cap_out) = text(r, &g); break;
    case 7: read_node(r, bytes(r, &g), VEC_PUSH(r->c, f->node, f->nnode, f->cap_node)); break;
    case 9: read_opset(r, bytes(r, &g), VEC_PUSH(r->c, f->opset, f->nopset, f->cap_opset)); break;
    case 10: f->domain = text(r, &g); break;
    case 11: read_attr(r, bytes(r, &g), VEC_PUSH(r->c, f->attr, f->nattr, f->cap_attr)); break;
    }
}

bool onnx_read_model(Ctx *c, Pb m, OnnxModel *o, const char **why) {
  Reader r = {.c = c};
  *o = (OnnxModel){.producer = ""};
  for (PbField f; next(&r, &m, &f);) switch (f.number) {
    case 1: o->ir_version = number(&r, &f); break;
    case 2: o->producer = text(&r, &f); break;
    case 7:
      o->graph = ctx_alloc(c, sizeof *o->graph);
      read_graph(&r, bytes(&r, &f), o->graph);
      break;
    case 8: read_opset(&r, bytes(&r, &f), VEC_PUSH(c, o->opset, o->nopset, o->cap_opset)); break;
    case 25: read_function(&r, bytes(&r, &f), VEC_PUSH(c, o->function, o->nfunction, o->cap_function)); break;
    }
  if (!o->graph || !o->nopset) bad(&r, "there is no graph, or no version of the operators");
  *why = r.why;
  return !r.why;
}

bool onnx_read_tensor(Ctx *c, Pb m, OnnxTensor *t, const char **why) {
  Reader r = {.c = c};
  read_tensor(&r, m, t);
  *why = r.why;
  return !r.why;
}
