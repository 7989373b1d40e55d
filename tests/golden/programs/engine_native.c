/* SPDX-License-Identifier: Apache-2.0 */
/* Native code in this process, through the library. */
#include "golden.h"
#include "lib/gradc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Native {
  gradc_model *m;
  char message[400];
} Native;

static const char *fails(Native *n, gradc_error *e) {
  snprintf(n->message, sizeof n->message, "%s", e ? gradc_error_text(e) : "failed without an error");
  gradc_error_free(e);
  return n->message;
}

static const gradc_dtype dtype[] = {GRADC_BOOL, GRADC_U8,  GRADC_I8,  GRADC_U16, GRADC_I16, GRADC_U32,
                                    GRADC_I32,  GRADC_F32, GRADC_F64, GRADC_F16, GRADC_BF16};

static gradc_array view(const Array *a) { return (gradc_array){array_bytes(a), dtype[a->kind], a->rank, a->dim}; }

static const char *set(void *state, const char *weight, const Array *a) {
  Native *n = state;
  gradc_error *e = NULL;
  gradc_array x = view(a);
  gradc_status s = gradc_write_weight(n->m, gradc_find_weight(n->m, weight), &x, &e);
  free(x.data);
  return s ? fails(n, e) : NULL;
}

static const char *get(void *state, const char *weight, Array *a) {
  Native *n = state;
  gradc_error *e = NULL;
  gradc_array x = view(a);
  gradc_status s = gradc_read_weight(n->m, gradc_find_weight(n->m, weight), &x, &e);
  if (!s) array_take(a, x.data);
  free(x.data);
  return s ? fails(n, e) : NULL;
}

static const char *call(void *state, const char *export, const Array *in, int nin, Array *out, int nout) {
  Native *n = state;
  gradc_error *e = NULL;
  gradc_array x[MAX_ARRAYS], y[MAX_ARRAYS];
  for (int i = 0; i < nin; i++) x[i] = view(&in[i]);
  for (int i = 0; i < nout; i++) y[i] = view(&out[i]);
  gradc_status s = gradc_call(n->m, gradc_find_export(n->m, export), x, nin, y, nout, NULL, &e);
  for (int i = 0; i < nout; i++) array_take(&out[i], y[i].data);
  for (int i = 0; i < nin; i++) free(x[i].data);
  for (int i = 0; i < nout; i++) free(y[i].data);
  return s ? fails(n, e) : NULL;
}

static const char *step(void *state, const Array *field, int nfield) {
  Native *n = state;
  gradc_error *e = NULL;
  gradc_array x[MAX_ARRAYS] = {{0}};
  for (int i = 0; i < nfield; i++) x[i] = view(&field[i]);
  gradc_status s = gradc_step(n->m, x, nfield, &e);
  for (int i = 0; i < nfield; i++) free(x[i].data);
  return s ? fails(n, e) : NULL;
}

static double loss(void *state) { return gradc_loss(((Native *)state)->m); }

const char *engine_native(Engine *e, const Source *s, bool strict) {
  Native *n = calloc(1, sizeof *n);
  gradc_options o = GRADC_OPTIONS;
  gradc_error *error = NULL;
  *e = (Engine){false, n, set, get, call, step, loss};
  o.strict = strict;
  o.threads = 1;
  return gradc_compile(&(gradc_source){s->nn, NULL, 0}, &o, &n->m, &error) ? fails(n, error) : NULL;
}
