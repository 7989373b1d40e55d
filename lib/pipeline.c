/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pipeline.h"
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/analysis/budget.h"
#include "passes/transform/strip.h"
#include "passes/pass.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

bool pipeline_read(Ctx *c, const char *path, Loc *start) {
  errno = 0;
  if (source_read(c, path, start)) return true;
  diag_error(c, E_FILE_READ, 0, 1, "%s: %s", path, errno ? strerror(errno) : "could not be read");
  return false;
}

Module *pipeline_module(Ctx *c, const PipelineInput *u, Loc start) {
  ElabOptions o = {.opt = u->opt,
                   .builtin = embed_text,
                   .search = u->search,
                   .shape = file_shape,
                   .columns = file_columns,
                   .expression = u->expression,
                   .watch = u->watch,
                   .set = u->set,
                   .nset = u->nset};
  int errors = diag_errors(c);
  Module *m;
  if (u->ir || ends_with(u->path, ".ir")) {
    if (u->nset) diag_error(c, E_UNKNOWN_CONSTANT, 0, 1, "IR text has no constants to set: set those of the .nn file");
    m = ir_parse(c, start);
    m->opt = u->opt;
  } else {
    m = elaborate(c, start, u->path, &o);
  }
  if (u->warnings_are_errors) diag_promote(c);
  if (diag_errors(c) > errors) return NULL;
  if (u->opt.infer_only) module_infer_only(m);
  return m;
}

bool pipeline_check(Module *m, bool all) {
  return !ir_verify(m) && passes_run(m, &(PassRun){.stop_after = all ? NULL : "precision"});
}

bool pipeline_plan(Module *m) {
  module_drop_tests(m);
  return passes_run(m, &(PassRun){0}) && budget_met(m);
}

bool pipeline_check_runnable(const Module *m) {
  for (int i = 0; i < m->ngraph && !m->ntrain; i++) {
    if (!graph_trains(m->graph[i])) continue;
    Diag *d = diag_error(m->c, E_IR_CANNOT_TRAIN, m->graph[i]->loc, 1,
                         "`%s` cannot run: IR text has no data, batch or steps", m->graph[i]->name);
    diag_help(m->c, d, "build the .nn file; `gradc emit --c` writes this graph as C");
    return false;
  }
  return true;
}

const char *pipeline_folder(Ctx *c, const char *path) {
  char *real = realpath(path, NULL), *slash = real ? strrchr(real, '/') : NULL;
  const char *dir = slash ? ctx_strf(c, "%.*s", (int)(slash - real), real) : NULL;
  free(real);
  return dir;
}
