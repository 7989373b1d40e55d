// SPDX-License-Identifier: Apache-2.0
/* Test data beside an ONNX model, test_data_set_N/{input,output}_K.pb: operands of the import, and test blocks. */
#include "driver/onnx_file.h"
#include <string.h>
#include <unistd.h>

enum { TEST_ELEMENTS = 1024 }; /* of a set that is written as a block */

bool onnx_read_given(Ctx *c, const OnnxModel *o, const char *set, Import *m) {
  const OnnxGraph *g = o->graph;
  Given *all = ctx_array(c, m->ngiven + g->nin, sizeof *all);
  int before = m->ngiven;
  for (int i = 0; i < before; i++) all[i] = m->given[i];
  m->given = all;
  for (int i = 0; i < g->nin; i++) {
    const char *path = ctx_strf(c, "%s/input_%d.pb", set, i), *name;
    Given *v = &all[m->ngiven];
    const OnnxTypeInfo *type = onnx_type(g->in[i].type);
    if (access(path, R_OK) || strcmp(g->in[i].kind, "tensor") || !type || type->dtype < 0) continue; /* refused later */
    if (!onnx_file_tensor(c, path, &name, &v->value)) return false;
    v->name = g->in[i].name;
    for (int k = 0; k < g->nin; k++)
      if (!strcmp(g->in[k].name, name)) v->name = g->in[k].name;
    bool known = false;
    for (int k = 0; k < before; k++) known |= !strcmp(all[k].name, v->name);
    if (!known) m->ngiven++;
  }
  return true;
}

static const char *literal(Ctx *c, const Value *v, const Tensor *t, int64_t *left) {
  const void *narrow;
  int64_t at;
  bool same = t->type == v->s.type && t->rank == v->s.rank;
  for (int i = 0; same && i < t->rank; i++) same = t->dim[i] == v->s.dim[i];
  *left -= t->count;
  return same && *left >= 0 && tensor_narrow(c, t, &narrow, &at) ? tensor_text(c, t) : NULL;
}

/* One block, or NULL: it has too many numbers, none, or others than the program takes. */
static const char *block(Ctx *c, Import *m, const OnnxModel *o, const char *set, const char *title) {
  Import data = {.c = c};
  Str b = {.c = c};
  int64_t left = TEST_ELEMENTS;
  bool asserted = false;
  if (!onnx_read_given(c, o, set, &data)) return NULL;
  str_printf(&b, "\ntest \"%s\" {\n    outputs = net(", title);
  for (int i = 0; i < m->nin; i++) {
    const char *x = NULL;
    for (int k = 0; k < data.ngiven && !x; k++)
      if (!strcmp(data.given[k].name, m->in[i].v->onnx)) x = literal(c, m->in[i].v, &data.given[k].value, &left);
    if (!x) return NULL;
    str_printf(&b, "%s%s", i ? ", " : "", x);
  }
  str_puts(&b, ")\n");
  for (int i = 0; i < m->nout; i++) {
    const char *path = ctx_strf(c, "%s/output_%d.pb", set, i), *name, *y, *got;
    Tensor t;
    if (access(path, R_OK) || !onnx_file_tensor(c, path, &name, &t)) return NULL;
    if (!(y = literal(c, m->out[i].v, &t, &left))) return NULL;
    got = m->nout == 1 ? "outputs" : ctx_strf(c, "outputs[%d]", i);
    if (t.count == 0 || m->out[i].v->inputs & INPUT_RANDOM) continue;
    asserted = true;
    bool real = dtype_is_float(onnx_type(t.type)->dtype);
    str_printf(&b, real ? "    assert all(onnx_close(%s, %s))\n" : "    assert all(%s == %s)\n", got, y);
  }
  str_puts(&b, "}\n");
  return asserted ? b.s : NULL;
}

const char *onnx_test_blocks(Ctx *c, Import *m, const OnnxModel *o, const char *folder) {
  Str all = {.c = c};
  bool constant = false;
  for (int i = 0; i < m->ngiven; i++) constant |= m->given[i].constant;
  for (int n = 0; n == 0 || !constant; n++) { /* further sets may have other constants */
    const char *name = ctx_strf(c, "test_data_set_%d", n), *set = ctx_strf(c, "%s/%s", folder, name);
    if (access(set, R_OK)) break;
    const char *text = block(c, m, o, set, name);
    if (text) str_puts(&all, text);
  }
  return all.s;
}
