#include "codegen/jit/way.h"
#include <stdlib.h>

struct Jit {
  const JitWay *way;
  void *code;
};

static const JitWay *choose(const JitJob *job) {
  (void)job;
  return &jit_way_cc;
}

Jit *jit_load(const JitJob *job, JitError *error) {
  Jit *j = calloc(1, sizeof *j);
  JitBlob b = {0};
  *error = (JitError){0};
  if (!j) return NULL;
  j->way = choose(job);
  if (j->way->compile(job, 0, &b, error)) j->code = j->way->load(job, &b, 1, error);
  free(b.p);
  if (j->code) return j;
  free(j);
  return NULL;
}

const void *jit_symbol(const Jit *j, const char *name) { return j->way->symbol(j->code, name); }

void jit_free(Jit *j) {
  if (!j) return;
  j->way->free(j->code);
  free(j);
}

bool jit_has_clang(void) { return false; }
const char *jit_describe(void) { return jit_way_cc.name; }
