// SPDX-License-Identifier: Apache-2.0
/* A separate file, because runtime/ and the compiler use the same names for different things. */
#include "driver/onnx_file.h"
#include "runtime/safetensors.h"
#include <stdio.h>
#include <string.h>

static bool read_bytes(Ctx *c, const char *path, Pb *to) {
  Bytes b;
  char err[ERR_TEXT];
  if (!io_read_all(path, &b, err)) {
    diag_error(c, E_FILE_READ, 0, 1, "%s", err);
    return false;
  }
  *to = (Pb){b.p, b.p + b.n};
  return true;
}

bool onnx_file_model(Ctx *c, const char *path, OnnxModel *m) {
  Pb bytes;
  const char *why;
  if (!read_bytes(c, path, &bytes)) return false;
  if (onnx_read_model(c, bytes, m, &why)) return true;
  diag_error(c, E_ONNX_FILE, 0, 1, "%s: no ONNX model: %s", path, why);
  return false;
}

bool onnx_file_tensor(Ctx *c, const char *path, const char **name, Tensor *t) {
  Pb bytes;
  const char *why;
  OnnxTensor o;
  if (!read_bytes(c, path, &bytes)) return false;
  bool ok = onnx_read_tensor(c, bytes, &o, &why);
  int code = ok && (!onnx_type(o.type) || onnx_type(o.type)->dtype < 0) ? E_ONNX_TYPE : E_ONNX_FILE;
  *name = o.name;
  if (ok && onnx_tensor_values(c, &o, onnx_folder(c, path), t, &why)) return true;
  diag_error(c, code, 0, 1, "%s: no ONNX tensor: %s", path, why);
  return false;
}

const char *onnx_folder(Ctx *c, const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? ctx_strf(c, "%.*s", (int)(slash - path) + 1, path) : ".";
}

static bool set_var(Import *m, GcVar *v, const ImportWeight *w, char *mem, size_t at) {
  const void *values;
  int64_t i;
  if (!tensor_narrow(m->c, w->v->known, &values, &i)) {
    diag_error(m->c, E_ONNX_RANGE, 0, 1, "constant `%s`: element %lld does not fit 32 bits", w->v->onnx, (long long)i);
    return false;
  }
  *v = (GcVar){.name = ctx_strf(m->c, "net.%s", w->name), .kind = w->param ? GC_PARAM : GC_STATE};
  v->dtype = (uint8_t)onnx_type(w->v->s.type)->dtype;
  v->rank = (uint8_t)w->v->s.rank;
  v->offset = at;
  v->bytes = (size_t)w->v->known->count * (size_t)dtype_info[v->dtype].bytes;
  for (int k = 0; k < v->rank; k++) {
    v->dim[k] = w->v->s.dim[k];
    v->stored[k] = (uint8_t)k;
  }
  memcpy(mem + at, values, v->bytes);
  return true;
}

bool onnx_write_weights(Import *m, const char *path) {
  GcVar *var = ctx_array(m->c, m->nweight, sizeof *var);
  size_t n = 0, at = 0;
  char err[ERR_TEXT];
  for (int i = 0; i < m->nweight; i++) n += (size_t)m->weight[i].v->known->count * 8 + 64;
  char *mem = rt_alloc(n + 64);
  for (int i = 0; i < m->nweight; i++) {
    if (!set_var(m, &var[i], &m->weight[i], mem, at)) return false;
    at += (var[i].bytes + 63) / 64 * 64;
  }
  GcModel g = {.name = "model", .vars = var, .nvars = m->nweight};
  bool ok = st_write(&g, mem, KINDS_KEPT, NULL, 0, path, err);
  rt_free(mem);
  if (!ok) diag_error(m->c, E_FILE_WRITE, 0, 1, "%s", err);
  return ok;
}
