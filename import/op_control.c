// SPDX-License-Identifier: Apache-2.0
/* If with a known condition, Loop with a known number of iterations and Scan: their bodies, as often as they run. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

enum { ITERATIONS = 4096 };

bool import_body(Oper *o, const OnnxGraph *g, Value **in, int n, Value **out) {
  Scope *s = onnx_scope_new(o->m, o->scope);
  if (g->nin != n) return op_refuse(o, E_ONNX_NODE, "the body takes another number of inputs"), false;
  import_initialisers(o->m, s, g);
  for (int i = 0; i < n; i++) onnx_scope_bind(s, g->in[i].name, in[i]);
  import_nodes(o->m, s, g->node, g->nnode);
  for (int i = 0; i < g->nout; i++) {
    out[i] = onnx_scope_find(s, g->out[i].name);
    if (!out[i] || out[i]->failed) return op_refuse(o, E_ONNX_NODE, "its body is refused"), false;
  }
  return true;
}

void op_if(Oper *o) {
  const Tensor *t;
  if (!op_known(o, 0, &t)) return;
  const OnnxAttr *a = op_attr(o, tensor_integer(t, 0) ? "then_branch" : "else_branch");
  if (!a || !a->g || a->g->nout != o->nout) return op_refuse(o, E_ONNX_NODE, "a branch is missing");
  Value **out = ctx_array(o->m->c, o->nout, sizeof *out);
  if (!import_body(o, a->g, NULL, 0, out)) return;
  for (int i = 0; i < o->nout; i++) *o->out[i] = *out[i];
}

/* The values of one output of all iterations along a new axis, and their shape; NULL: refused. */
static const char *stacked(Oper *o, Value **v, int n, int axis, bool back, Shape *s) {
  Str b = {.c = o->m->c};
  if (!n) return op_refuse(o, E_ONNX_NODE, "no iteration"), NULL;
  *s = (Shape){.type = v[0]->s.type, .rank = v[0]->s.rank + 1};
  if (axis < 0) axis += s->rank;
  if (axis < 0 || axis >= s->rank || s->rank > MAX_RANK)
    return op_refuse(o, E_ONNX_NODE, "an axis is out of range"), NULL;
  for (int i = 0, k = 0; i < s->rank; i++) s->dim[i] = i == axis ? n : v[0]->s.dim[k++];
  for (int i = 0; i < n; i++) {
    Value *x = v[back ? n - 1 - i : i];
    str_printf(&b, "%s%s", i ? ", " : "", onnx_text(o->m, x));
    if (x->list || x->absent || shape_count(&x->s) * n != shape_count(s))
      return op_refuse(o, E_ONNX_SHAPE, "iterations differ in their shapes"), NULL;
  }
  return op_str(o, "stack([%s], axis = %d)", b.s, axis);
}

static void give_stacked(Oper *o, int out, Value **v, int n, int axis, bool back) {
  Shape s;
  const char *text = stacked(o, v, n, axis, back, &s);
  if (text) op_give(o, out, s, "%s", text);
}

void op_loop(Oper *o) {
  const OnnxAttr *a = op_attr(o, "body");
  const OnnxGraph *g = a ? a->g : NULL;
  const Tensor *t;
  int64_t most = ITERATIONS + 1, n = 0;
  bool go = true;
  if (!g || o->nin < 2 || g->nout != o->nout + 1) return op_refuse(o, E_ONNX_NODE, "the body does not fit");
  if (has_in(o, 0) && op_known(o, 0, &t)) most = tensor_integer(t, 0);
  if (has_in(o, 1) && op_known(o, 1, &t)) go = tensor_integer(t, 0) != 0;
  if (o->refused) return;
  int carried = o->nin - 2, scanned = o->nout - carried;
  Value **in = ctx_array(o->m->c, o->nin, sizeof *in), **out = ctx_array(o->m->c, g->nout, sizeof *out);
  Value ***all = ctx_array(o->m->c, scanned < 0 ? 0 : scanned, sizeof *all);
  for (int i = 0; i < scanned; i++) all[i] = ctx_array(o->m->c, ITERATIONS, sizeof **all);
  for (int i = 0; i < carried; i++) in[2 + i] = o->in[2 + i];
  for (; go && n < most; n++) {
    if (n == ITERATIONS) return op_refuse(o, E_ONNX_NODE, "more than %d iterations", ITERATIONS);
    int64_t *number = ctx_alloc(o->m->c, 8);
    bool *yes = ctx_alloc(o->m->c, 1);
    *number = n;
    *yes = true;
    in[0] = onnx_value(o->m, (Shape){.type = ONNX_INT64});
    in[1] = onnx_value(o->m, (Shape){.type = ONNX_BOOL});
    in[0]->known = ctx_alloc(o->m->c, sizeof(Tensor));
    in[1]->known = ctx_alloc(o->m->c, sizeof(Tensor));
    *in[0]->known = (Tensor){.type = ONNX_INT64, .count = 1, .data = number};
    *in[1]->known = (Tensor){.type = ONNX_BOOL, .count = 1, .data = yes};
    if (!import_body(o, g, in, o->nin, out)) return;
    if (!out[0]->known) {
      o->m->wanted |= out[0]->inputs;
      return op_refuse(o, E_ONNX_SHAPE, "its condition is known at run time only");
    }
    go = tensor_integer(out[0]->known, 0) != 0;
    for (int i = 0; i < carried; i++) in[2 + i] = out[1 + i];
    for (int i = 0; i < scanned; i++) all[i][n] = out[1 + carried + i];
  }
  for (int i = 0; i < carried && i < o->nout; i++) *o->out[i] = *in[2 + i];
  for (int i = 0; i < scanned; i++) give_stacked(o, carried + i, all[i], (int)n, 0, false);
}

/* Element k along an axis, without the axis. */
static Value *slice_of(Oper *o, Value *x, int axis, int64_t k) {
  Shape s = {.type = x->s.type};
  Str b = {.c = o->m->c};
  for (int i = 0; i < x->s.rank; i++) {
    if (i != axis) s.dim[s.rank++] = x->s.dim[i];
    if (i < axis) str_puts(&b, ":, ");
  }
  Value *v = onnx_value(o->m, s);
  v->inputs = x->inputs;
  v->text = op_let(o, "x_t", "%s[%s%lld]", onnx_text(o->m, x), b.s ? b.s : "", (long long)k);
  return v;
}

static int64_t nth(const int64_t *v, int n, int i, int64_t otherwise) { return v && i < n ? v[i] : otherwise; }

/* Of version 8: records along axis 0, time along axis 1; operand 0, the lengths of the records, is optional. */
static void scan_8(Oper *o, const OnnxGraph *g, int nx) {
  int nc = o->nin - 1 - nx, ny = o->nout - nc, nb;
  const int64_t *back = op_ints(o, "directions", &nb);
  if (!g || nx < 1 || nc < 0 || ny < 0 || g->nout != o->nout) return op_refuse(o, E_ONNX_NODE, "the body does not fit");
  const Shape *x = op_shape(o, 1 + nc);
  int64_t records = x->dim[0], n = x->dim[1];
  const Tensor *length;
  for (int i = 1; i < o->nin; i++)
    if (op_shape(o, i)->rank < 1 + (i > nc) || op_shape(o, i)->dim[0] != records ||
        (i > nc && op_shape(o, i)->dim[1] != n))
      return op_refuse(o, E_ONNX_NODE, "the axes differ in size");
  if (records * n > ITERATIONS) return op_refuse(o, E_ONNX_NODE, "more than %d iterations", ITERATIONS);
  if (has_in(o, 0) && op_known(o, 0, &length))
    for (int64_t i = 0; i < length->count; i++)
      if (tensor_integer(length, i) != n) op_refuse(o, E_ONNX_NODE, "records of different lengths");
  if (o->refused) return;
  Ctx *c = o->m->c;
  Value **in = ctx_array(c, o->nin, sizeof *in), **out = ctx_array(c, g->nout, sizeof *out);
  Value ***all = ctx_array(c, g->nout, sizeof *all), **step = ctx_array(c, (int)n * g->nout, sizeof *step);
  for (int i = 0; i < g->nout; i++) all[i] = ctx_array(c, (int)records, sizeof **all);
  for (int64_t b = 0; b < records; b++) {
    for (int i = 0; i < nc; i++) in[i] = slice_of(o, o->in[1 + i], 0, b);
    for (int64_t k = 0; k < n; k++) {
      for (int i = 0; i < nx; i++)
        in[nc + i] = slice_of(o, slice_of(o, o->in[1 + nc + i], 0, b), 0, nth(back, nb, i, 0) ? n - 1 - k : k);
      if (!import_body(o, g, in, nc + nx, out)) return;
      for (int i = 0; i < nc; i++) in[i] = out[i];
      for (int i = 0; i < ny; i++) step[i * n + k] = out[nc + i];
    }
    for (int i = 0; i < nc; i++) all[i][b] = in[i];
    for (int i = 0; i < ny; i++) {
      Shape s;
      const char *text = stacked(o, step + i * n, (int)n, 0, false, &s);
      if (!text) return;
      Value *v = all[nc + i][b] = onnx_value(o->m, s);
      v->text = op_let(o, "steps", "%s", text);
      v->inputs = o->inputs;
    }
  }
  for (int i = 0; i < g->nout; i++) give_stacked(o, i, all[i], (int)records, 0, false);
}

void op_scan(Oper *o) {
  const OnnxAttr *a = op_attr(o, "body");
  const OnnxGraph *g = a ? a->g : NULL;
  int nx = (int)op_int(o, "num_scan_inputs", 0), nc = o->nin - nx, ny = o->nout - nc, na, nb, nd, ne;
  const int64_t *axes = op_ints(o, "scan_input_axes", &na), *back = op_ints(o, "scan_input_directions", &nb);
  const int64_t *to = op_ints(o, "scan_output_axes", &nd), *reverse = op_ints(o, "scan_output_directions", &ne);
  if (o->opset < 9) return scan_8(o, g, nx);
  if (!g || nx < 1 || nc < 0 || ny < 0 || g->nout != o->nout) return op_refuse(o, E_ONNX_NODE, "the body does not fit");
  int axis[64];
  int64_t n = -1;
  for (int i = 0; i < nx && i < 64; i++) {
    const Shape *x = op_shape(o, nc + i);
    int64_t k = nth(axes, na, i, 0);
    axis[i] = (int)(k < 0 ? k + x->rank : k);
    if (axis[i] < 0 || axis[i] >= x->rank) return op_refuse(o, E_ONNX_NODE, "an axis is out of range");
    if (n >= 0 && n != x->dim[axis[i]]) return op_refuse(o, E_ONNX_NODE, "the axes differ in size");
    n = x->dim[axis[i]];
  }
  if (nx > 64 || n > ITERATIONS) return op_refuse(o, E_ONNX_NODE, "more than %d iterations", ITERATIONS);
  Value **in = ctx_array(o->m->c, o->nin, sizeof *in), **out = ctx_array(o->m->c, g->nout, sizeof *out);
  Value ***all = ctx_array(o->m->c, ny, sizeof *all);
  for (int i = 0; i < ny; i++) all[i] = ctx_array(o->m->c, (int)n, sizeof **all);
  for (int i = 0; i < nc; i++) in[i] = o->in[i];
  for (int64_t k = 0; k < n; k++) {
    for (int i = 0; i < nx; i++) in[nc + i] = slice_of(o, o->in[nc + i], axis[i], nth(back, nb, i, 0) ? n - 1 - k : k);
    if (!import_body(o, g, in, o->nin, out)) return;
    for (int i = 0; i < nc; i++) in[i] = out[i];
    for (int i = 0; i < ny; i++) all[i][k] = out[nc + i];
  }
  for (int i = 0; i < nc; i++) *o->out[i] = *in[i];
  for (int i = 0; i < ny; i++)
    give_stacked(o, nc + i, all[i], (int)n, (int)nth(to, nd, i, 0), nth(reverse, ne, i, 0) != 0);
}
