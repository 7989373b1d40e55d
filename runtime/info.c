/* SPDX-License-Identifier: Apache-2.0 */
/* `info`: lists the weights and states in the model's order. */
#include "checkpoint.h"
#include "device.h"
#include "json.h"
#include "num.h"
#include "vars.h"

static void json_line(const Session *sess, const GcVar *v, bool hash) {
  char *name = json_quote(v->name);
  rt_out("{\"name\":%s,\"shape\":[", name);
  for (int i = 0; i < v->rank; i++) rt_out("%s%lld", i ? "," : "", (long long)v->dim[i]);
  rt_out("],\"dtype\":\"%s\",\"kind\":\"%s\"", gc_dtype_name[v->dtype], v->kind == GC_PARAM ? "param" : "state");
  if (hash) rt_out(",\"hash\":\"%016llx\"", (unsigned long long)var_hash(v, sess->mem));
  rt_out("}\n");
  rt_free(name);
}

static void text_line(const Session *sess, const GcVar *v, int width, bool hash) {
  char *shape = num_shape(v->rank, v->dim, v->dtype, NULL);
  rt_out("%-*s  %-5s  %s", width, v->name, v->kind == GC_PARAM ? "param" : "state", shape);
  if (hash) rt_out("  %016llx", (unsigned long long)var_hash(v, sess->mem));
  rt_out("\n");
  rt_free(shape);
}

int gc_info(Session *sess) {
  const GcModel *m = sess->m;
  bool hash = sess->o.weights != NULL; /* without a file there are no values */
  int width = 0;
  if (hash) {
    session_memory(sess);
    session_init(sess);
    weights_load(sess, sess->o.weights);
    mirror_down(sess);
  }
  for (int i = 0; i < m->nvars; i++) {
    int n = snprintf(NULL, 0, "%s", m->vars[i].name);
    if (m->vars[i].kind != GC_OPTIM && n > width) width = n;
  }
  for (int i = 0; i < m->nvars; i++) {
    if (m->vars[i].kind == GC_OPTIM) continue;
    if (sess->o.json) json_line(sess, &m->vars[i], hash);
    else text_line(sess, &m->vars[i], width, hash);
  }
  if (!sess->o.json) {
    rt_out("%.0f parameters, %zu bytes of memory\n", m->parameters, m->bytes);
    if (hash) rt_out("weights_hash %016llx\n", (unsigned long long)vars_hash(m, sess->mem));
  }
  rt_out_flush();
  return 0;
}
