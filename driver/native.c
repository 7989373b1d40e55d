#include "driver/native.h"
#include "runtime/rt.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct Native { App app; };

Native *native_new(const GcModel *m) {
  rt_host = &rt_program;
  Native *n = rt_alloc(sizeof *n);
  n->app.m = m;
  app_memory(&n->app);
  return n;
}

int native_init(Native *n, const GcRun *head) {
  const GcGraph *g = n->app.m->init;
  memset(n->app.mem, 0, n->app.m->bytes);
  *n->app.run = *head;
  return g && g->fn ? app_call(&n->app, g, NULL, NULL, NULL) : 0;
}

void native_set(Native *n, int var, const void *dense) {
  var_from_logical(&n->app.m->vars[var], n->app.mem, dense);
}

void native_get(const Native *n, int var, void *dense) {
  var_to_logical(&n->app.m->vars[var], n->app.mem, dense);
}

void native_restart(Native *n, int64_t calls) {
  if (calls >= 0) memset((char *)n->app.mem + calls, 0, sizeof(uint32_t));
}

int native_run(Native *n, const char *export, const void *const *in, void *const *out) {
  const GcModel *m = n->app.m;
  for (int i = 0; i < m->nexports; i++)
    if (!strcmp(m->exports[i].name, export)) return app_call(&n->app, &m->exports[i], in, out, NULL);
  return -1;
}

void native_free(Native *n) {
  if (n) munmap(n->app.mem, n->app.m->bytes);
  free(n);
}
