/* SPDX-License-Identifier: Apache-2.0 */
/* Scans: steps of one or two carries, some with an output of its own, over any axis of any view, with captured values,
 * last carries, unused results, and nested scans. */
#include "tests/random/nn/nn.h"
#include <string.h>

static bool scannable(const Ty *t) { return t->t == DT_F32 && t->rank > 0 && t->rank < 5; }

/* A step's expression over x and h (and w), of the carry's type. */
static const char *step_form(Prog *p, bool captures) {
  static const char *const form[] = {
    "h + x", "tanh(x + 0.5 * h)", "max(h, x)", "0.5 * h + x * x", "h * sigmoid(x)", "h - x", "where(x > h, x, h)", "x",
    "h"};
  static const char *const with[] = {"tanh(x * w + h)", "h * w + x", "min(h, w) + x", "h + x - w"};
  return captures ? with[pr(p, 4)] : form[pr(p, 9)];
}

/* Writes a step def and returns its number: x, h [, c] [, w] of the type t; what is before its carries is `output`. */
static int step_def(Prog *p, int carries, const char *output, bool captures, bool nested) {
  int id = p->next++;
  const char *c = carries > 1 ? ", c: f32[...]" : "", *w = captures ? ", w: f32[...]" : "";
  int inner = nested ? step_def(p, 1, "", false, false) : 0;
  put(&p->defs, "def step%d(x: f32[...], h: f32[...]%s%s) {\n", id, c, w);
  if (nested)
    put(&p->defs, "    x = scan(x, axis = 0, step = step%d, carry = x[0] * 0.5%s)\n", inner,
        pc(p, 30) ? ", reverse = true" : "");
  if (pc(p, 30)) put(&p->defs, "    unused = exp(x) * 2\n");
  if (p->layers && pc(p, 15)) put(&p->defs, "    @checkpoint\n");
  put(&p->defs, "    a = %s\n", step_form(p, captures));
  if (p->layers && pc(p, 10)) put(&p->defs, "    a = dropout(a, 0.25)\n");
  const char *more = pc(p, 50) ? "c + a * 0.25" : pc(p, 50) ? "c" : "a";
  if (carries == 1) put(&p->defs, *output ? "    [%sa]\n}\n" : "    %sa\n}\n", output);
  else put(&p->defs, "    [%s%s, %s]\n}\n", output, pc(p, 70) ? "a" : "c", more);
  return id;
}

bool make_nn_scan(Prog *p) {
  const Value *a = pv(p, scannable);
  if (!a) return false;
  Value x = *a;
  int axis = axis_of(p, &x.ty);
  if (x.ty.dim[axis] == 0) return false;
  Ty t = ty_without(x.ty, axis);
  bool nested = t.rank > 0 && t.dim[0] > 0 && pc(p, 15), captures = pc(p, 30);
  static const char *const outputs[] = {"a * x, ", "x, ", "sin(h), "};
  int carries = 1 + pc(p, 30);
  int id = step_def(p, carries, pc(p, 30) ? outputs[pr(p, 3)] : "", captures, nested);
  char at[40] = "", step[100], carry[100], call[400];
  for (int i = 0; i < axis; i++) strcat(at, ":, ");
  int n = snprintf(carry, sizeof carry, pc(p, 50) ? "v%d[%s0] * 0" : "0.5 * v%d[%s0]", x.id, at);
  if (carries > 1) snprintf(carry + n, sizeof carry - (size_t)n, ", v%d[%s0] + 1", x.id, at);
  if (captures) snprintf(step, sizeof step, "step%d(w = 0.5 * v%d[%s0])", id, x.id, at);
  else snprintf(step, sizeof step, "step%d", id);
  snprintf(call, sizeof call,
           carries > 1 ? "scan(v%d, axis = %d, step = %s, carry = [%s]%s"
                       : "scan(v%d, axis = %d, step = %s, carry = %s%s",
           x.id, axis, step, carry, pc(p, 30) ? ", reverse = true" : "");
  if (carries == 1 && pc(p, 10)) {
    put(&p->body, "    unused%d = %s)\n", id, call);
    return true;
  }
  Ty y = t; /* stacked along the axis */
  memmove(y.dim + axis + 1, y.dim + axis, (size_t)(y.rank++ - axis) * sizeof *y.dim);
  y.dim[axis] = x.ty.dim[axis];
  if (pc(p, 70)) return bind(p, y, "%s)", call);
  int v = p->next, last = v + 1; /* with the last carries */
  p->next += 1 + carries;
  if (carries == 1) put(&p->body, "    v%d, v%d = %s, states = true)\n", v, last, call);
  else put(&p->body, "    v%d, v%d, v%d = %s, states = true)\n", v, last, last + 1, call);
  for (int i = 0; i < carries; i++) bound_as(p, last + i, t);
  return pc(p, 30) || bound_as(p, v, y);
}
