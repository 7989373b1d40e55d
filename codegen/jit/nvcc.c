/* SPDX-License-Identifier: Apache-2.0 */
/* The nvcc backend: runs nvcc for each unit in a work folder. */
#include "codegen/jit/nvcc.h"
#include "codegen/build/cc_run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *nvcc_find(Ctx *c) {
  const char *home = getenv("CUDA_HOME"), *path = cc_find(c, "nvcc");
  if (!path && home && *home) path = cc_find(c, ctx_strf(c, "%s/bin/nvcc", home));
  return path ? path : cc_find(c, "/usr/local/cuda/bin/nvcc");
}

typedef struct Run {
  const JitJob *job;
  const JitUnit *unit;
  JitBlob *out;
  WorkFolder folder;
  CcResult result;
} Run;

static CcResult build(Run *r) {
  const WorkFolder *f = &r->folder;
  const JitJob *job = r->job;
  CcArgs k = cc_command(f->c, job->cc);
  bool code = false;
  for (int i = 0; i < job->nflags; i++) code |= !strncmp(job->flags[i], "-arch=sm_", 9);
  cc_args(&k, job->flags, job->nflags);
  cc_args(&k, r->unit->flags, r->unit->nflags);
  const char *const files[] = {code ? "-cubin" : "-ptx", "-o", work_folder_path(f, "image"),
                               work_folder_path(f, "model.cu")};
  cc_args(&k, files, 4);
  CcResult ok = work_folder_write(f, "model.cu", r->unit->text, r->unit->n);
  if (!ok.fault) ok = cc_run(f, &k, 1);
  return ok.fault ? ok : work_folder_read(f, "image", &r->out->p, &r->out->n);
}

static void build_unit(Ctx *c, void *arg) {
  Run *r = arg;
  r->result = work_folder_make(c, &r->folder);
  if (!r->result.fault) r->result = build(r);
}

static bool nvcc_compile(const JitJob *job, int unit, JitBlob *out, JitError *error) {
  Run r = {.job = job, .unit = &job->unit[unit], .out = out};
  Ctx *c = ctx_new();
  bool done = c && ctx_try(c, build_unit, &r), ok = done && !r.result.fault; /* done: else out of memory */
  work_folder_remove(&r.folder);
  *error = (JitError){0};
  if (done && !ok) *error = jit_error_of(r.result);
  if (c) ctx_free(c);
  return ok;
}

/* By path, size and modification time. */
static char *nvcc_identity(const JitJob *job) {
  struct stat st;
  char text[256];
  if (stat(job->cc, &st)) return NULL;
  snprintf(text, sizeof text, "nvcc %.100s %lld %lld.%09ld", job->cc, (long long)st.st_size,
           (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  return strdup(text);
}

const JitBackend jit_backend_nvcc = {.name = "nvcc", .identity = nvcc_identity, .compile = nvcc_compile};
