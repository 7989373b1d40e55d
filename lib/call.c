/* SPDX-License-Identifier: Apache-2.0 */
/* Calls exports, and infers their run-time sizes. */
#include "lib/lib.h"
#include <string.h>

typedef struct ExportCall {
  gradc_model *m;
  int export;
  const gradc_array *in, *out;
  int nin, nout;
  const int64_t *size; /* as given */
  int64_t *to;         /* receives sizes or a shape */
  int output;
} ExportCall;

static const GcGraph *graph_of(const ExportCall *k) {
  const GcModel *g = k->m->sess.m;
  if (k->export < 0 || k->export >= g->nexports)
    rt_die(E_NO_SUCH_ENTRY, "%s has no export %d: there are %d", g->name, k->export, g->nexports);
  return &g->exports[k->export];
}

static void infer(const GcGraph *g, const gradc_array *in, int64_t *size) {
  for (int s = 0; s < g->nsizes; s++) size[s] = -1;
  for (int i = 0; i < g->nin; i++)
    for (int d = 0; d < g->in[i].rank && in[i].rank == g->in[i].rank && in[i].shape; d++) {
      int s = session_size_of(g, g->in[i].dim[d]);
      if (s >= 0 && size[s] < 0) size[s] = in[i].shape[d];
    }
  for (int s = 0; s < g->nsizes; s++)
    if (size[s] < 0)
      rt_die(E_SIZE_MISMATCH,
             "`%s` has a size `%s`, which cannot be inferred from the shapes of its inputs\npass the sizes", g->name,
             g->sizes[s]);
}

static void check_sizes(const GcGraph *g, const int64_t *size) {
  for (int s = 0; s < g->nsizes; s++)
    if (size[s] < 0 || size[s] > g->size_bound[s])
      rt_die(E_SIZE_MISMATCH, "`%s` of `%s` must be between 0 and %lld, not %lld", g->sizes[s], g->name,
             (long long)g->size_bound[s], (long long)size[s]);
}

static void shape_of(const GcGraph *g, const GcPort *p, const int64_t *size, int64_t *shape) {
  for (int i = 0; i < p->rank; i++) shape[i] = p->dim[i] < 0 ? session_dim(g, p->dim[i], size) : p->dim[i];
}

static void check_number(const GcGraph *g, const ExportCall *k) {
  if (k->nin != g->nin || (g->nin && !k->in))
    rt_die(E_ARRAY_MISMATCH, "`%s` takes %d input%s, not %d", g->name, g->nin, g->nin == 1 ? "" : "s",
           k->in ? k->nin : 0);
}

static void call(void *arg) {
  ExportCall *k = arg;
  const GcGraph *g = graph_of(k);
  const gradc_function *f = &k->m->export[k->export];
  int64_t size[GRADC_MAX_SIZES], shape[GRADC_MAX_RANK];
  check_number(g, k);
  if (k->nout != g->nout || (g->nout && !k->out))
    rt_die(E_ARRAY_MISMATCH, "`%s` has %d output%s, not %d", g->name, g->nout, g->nout == 1 ? "" : "s",
           k->out ? k->nout : 0);
  if (k->size) memcpy(size, k->size, (size_t)g->nsizes * sizeof *size);
  else infer(g, k->in, size);
  check_sizes(g, size);
  const void **in = rt_array((size_t)g->nin + 1, sizeof *in);
  void **out = rt_array((size_t)g->nout + 1, sizeof *out);
  for (int i = 0; i < g->nin; i++) {
    shape_of(g, &g->in[i], size, shape);
    array_check(&k->in[i], &f->input[i], shape, "input");
    in[i] = k->in[i].data;
  }
  for (int i = 0; i < g->nout; i++) {
    shape_of(g, &g->out[i], size, shape);
    array_check(&k->out[i], &f->output[i], shape, "output");
    out[i] = k->out[i].data;
  }
  int status = session_call(&k->m->sess, g, in, out, size);
  if (status != -1) session_check(g, status); /* -1: results are NaN or Inf, which is not an error here */
}

gradc_status gradc_call(gradc_model *m, int export_, const gradc_array *in, int nin, const gradc_array *out, int nout,
                        const int64_t *size, gradc_error **error) {
  ExportCall k = {.m = m, .export = export_, .in = in, .nin = nin, .out = out, .nout = nout, .size = size};
  return model_call(m, call, &k, error);
}

static void output_shape(void *arg) {
  ExportCall *k = arg;
  const GcGraph *g = graph_of(k);
  if (k->output < 0 || k->output >= g->nout)
    rt_die(E_NO_SUCH_ENTRY, "`%s` has no output %d: there are %d", g->name, k->output, g->nout);
  if (!k->to || (g->nsizes && !k->size)) rt_die(E_BAD_CALL, "size or shape is NULL");
  check_sizes(g, k->size);
  shape_of(g, &g->out[k->output], k->size, k->to);
}

gradc_status gradc_output_shape(gradc_model *m, int export_, int output, const int64_t *size, int64_t *shape,
                                gradc_error **error) {
  ExportCall k = {.m = m, .export = export_, .output = output, .size = size, .to = shape};
  return model_call(m, output_shape, &k, error);
}

static void infer_sizes(void *arg) {
  ExportCall *k = arg;
  const GcGraph *g = graph_of(k);
  int64_t size[GRADC_MAX_SIZES];
  check_number(g, k);
  infer(g, k->in, size);
  check_sizes(g, size);
  if (g->nsizes && !k->to) rt_die(E_BAD_CALL, "size is NULL");
  memcpy(k->to, size, (size_t)g->nsizes * sizeof *size);
}

gradc_status gradc_infer_sizes(gradc_model *m, int export_, const gradc_array *in, int nin, int64_t *size,
                               gradc_error **error) {
  ExportCall k = {.m = m, .export = export_, .in = in, .nin = nin, .to = size};
  return model_call(m, infer_sizes, &k, error);
}
