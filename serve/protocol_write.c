/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, and what a model says about itself. */
#include "runtime/npy.h"
#include "runtime/rt.h"
#include "serve/protocol.h"
#include <string.h>

const char *const protocol_type_name[] = {"BOOL",  "UINT8", "INT8", "UINT16", "INT16", "UINT32",
                                          "INT32", "FP32",  "FP64", "FP16",   "BF16",  "INT64"};
_Static_assert(COUNT(protocol_type_name) == GC_DTYPES, "a name per GcDType");

static void put_pair(JsonText *t, const char *key, const char *value) {
  char *q = json_quote(value);
  json_puts(t, key);
  json_puts(t, q);
  rt_free(q);
}

static void shape_of(const Infer *q, int i, int64_t *dim) {
  const GcGraph *g = q->of->g;
  for (int k = 0; k < g->out[i].rank; k++)
    dim[k] = g->out[i].dim[k] < 0 ? session_dim(g, g->out[i].dim[k], q->job.size) : g->out[i].dim[k];
}

static void put_shape(JsonText *t, int rank, const int64_t *dim) {
  char text[32];
  json_puts(t, "\"shape\":[");
  for (int i = 0; i < rank; i++) {
    snprintf(text, sizeof text, "%s%lld", i ? "," : "", (long long)dim[i]);
    json_puts(t, text);
  }
  json_puts(t, "]");
}

static bool is_binary(const Infer *q, int i) { return q->some ? q->as_binary[i] || q->binary : q->binary; }

static void put_output(const Infer *q, int i, JsonText *t) {
  const GcPort *p = &q->of->g->out[i];
  int64_t dim[GC_MAX_RANK];
  char text[80];
  shape_of(q, i, dim);
  put_pair(t, "{\"name\":", p->name);
  put_pair(t, ",\"datatype\":", protocol_type_name[p->dtype]);
  json_puts(t, ",");
  put_shape(t, p->rank, dim);
  if (is_binary(q, i)) {
    uint64_t n = session_elements(q->of->g, p, q->job.size) * gc_dtype_size[p->dtype];
    snprintf(text, sizeof text, ",\"parameters\":{\"binary_data_size\":%llu}}", (unsigned long long)n);
    json_puts(t, text);
    return;
  }
  json_puts(t, ",\"data\":");
  json_put_array(t, (GcDType)p->dtype, q->job.out[i], p->rank, dim, true);
  json_puts(t, "}");
}

static size_t write_v2(const Infer *q, JsonText *t) {
  const GcGraph *g = q->of->g;
  bool any = false;
  put_pair(t, "{\"model_name\":", q->model);
  json_puts(t, ",\"model_version\":\"1\"");
  if (q->id) put_pair(t, ",\"id\":", q->id);
  json_puts(t, ",\"outputs\":[");
  for (int i = 0, n = 0; i < g->nout; i++) {
    if (q->some && !q->asked[i]) continue;
    if (n++) json_puts(t, ",");
    put_output(q, i, t);
    any |= is_binary(q, i);
  }
  json_puts(t, "]}");
  size_t head = any ? t->n : 0;
  for (int i = 0; i < g->nout; i++)
    if ((!q->some || q->asked[i]) && is_binary(q, i))
      json_put(t, q->job.out[i], (size_t)session_elements(g, &g->out[i], q->job.size) * gc_dtype_size[g->out[i].dtype]);
  return head;
}

static void write_plain(const Infer *q, JsonText *t) {
  const GcGraph *g = q->of->g;
  json_puts(t, "{");
  for (int i = 0; i < g->nout; i++) {
    int64_t dim[GC_MAX_RANK];
    shape_of(q, i, dim);
    put_pair(t, i ? "," : "", g->out[i].name);
    json_puts(t, ":");
    json_put_array(t, (GcDType)g->out[i].dtype, q->job.out[i], g->out[i].rank, dim, false);
  }
  json_puts(t, "}\n");
}

size_t infer_write(const Infer *q, JsonText *to) {
  const GcGraph *g = q->of->g;
  int64_t dim[GC_MAX_RANK];
  if (q->form == BODY_V2) return write_v2(q, to);
  if (q->form == BODY_PLAIN || g->nout != 1) {
    write_plain(q, to);
    return 0;
  }
  shape_of(q, 0, dim);
  npy_head(to, (GcDType)g->out[0].dtype, g->out[0].rank, dim);
  npy_put(to, (GcDType)g->out[0].dtype, q->job.out[0], session_elements(g, &g->out[0], q->job.size));
  return 0;
}

static void put_ports(JsonText *t, const GcPort *p, int n) {
  for (int i = 0; i < n; i++) {
    int64_t dim[GC_MAX_RANK];
    for (int k = 0; k < p[i].rank; k++) dim[k] = p[i].dim[k] < 0 ? -1 : p[i].dim[k];
    put_pair(t, i ? ",{\"name\":" : "{\"name\":", p[i].name);
    put_pair(t, ",\"datatype\":", protocol_type_name[p[i].dtype]);
    json_puts(t, ",");
    put_shape(t, p[i].rank, dim);
    json_puts(t, "}");
  }
}

void protocol_model(const Served *s, const char *name, JsonText *to) {
  put_pair(to, "{\"name\":", name);
  json_puts(to, ",\"versions\":[\"1\"],\"platform\":\"gradc\",\"inputs\":[");
  put_ports(to, s->g->in, s->g->nin);
  json_puts(to, "],\"outputs\":[");
  put_ports(to, s->g->out, s->g->nout);
  json_puts(to, "]}\n");
}

void protocol_error(const char *text, JsonText *to) {
  put_pair(to, "{\"error\":", text);
  json_puts(to, "}\n");
}
