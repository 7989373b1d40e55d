/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/jit_executor.h"
#include "runtime/device.h"
#include "runtime/rt.h"
#include "runtime/session.h"
#include "runtime/vars.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct JitExecutor {
  Session sess;
};

JitExecutor *jit_executor_new(const GcModel *m) {
  JitExecutor *n = rt_alloc(sizeof *n);
  n->sess.m = m;
  session_memory(&n->sess);
  return n;
}

int jit_executor_init(JitExecutor *n, const GcRun *header) {
  const GcGraph *g = n->sess.m->init;
  const GcModel *m = n->sess.m;
  memset(n->sess.mem, 0, m->bytes);
  *n->sess.run = *header;
  mirror_up(&n->sess, m->head_bytes, m->persistent_bytes);
  return g && g->fn ? session_call(&n->sess, g, NULL, NULL, NULL) : 0;
}

void jit_executor_set(JitExecutor *n, int var, const void *dense) {
  const GcVar *v = &n->sess.m->vars[var];
  var_from_logical(v, n->sess.mem, dense);
  mirror_up(&n->sess, v->offset, v->bytes);
}

void jit_executor_get(const JitExecutor *n, int var, void *dense) {
  const GcVar *v = &n->sess.m->vars[var];
  mirror_down_part(&n->sess, v->offset, v->bytes);
  var_to_logical(v, n->sess.mem, dense);
}

void jit_executor_restart(JitExecutor *n, int64_t calls) {
  if (calls >= 0) memset((char *)n->sess.mem + calls, 0, sizeof(uint32_t));
}

int jit_executor_run(JitExecutor *n, const char *export, const void *const *in, void *const *out) {
  const GcModel *m = n->sess.m;
  for (int i = 0; i < m->nexports; i++)
    if (!strcmp(m->exports[i].name, export)) return session_call(&n->sess, &m->exports[i], in, out, NULL);
  return -1;
}

void jit_executor_free(JitExecutor *n) {
  if (n) session_close(&n->sess);
  if (n) munmap(n->sess.mem, n->sess.m->bytes);
  free(n);
}
