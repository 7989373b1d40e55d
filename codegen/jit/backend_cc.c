/* SPDX-License-Identifier: Apache-2.0 */
/* The cc backend: compiles units to objects in a work folder, links them to one shared object and loads it from memory.
 * */
#define _GNU_SOURCE
#include "codegen/build/cc_run.h"
#include "codegen/jit/backend.h"
#include "codegen/jit/memory_dso.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Run { /* one call of cc_compile */
  const JitJob *job;
  JitBlob *out;
  WorkFolder folder;
  CcResult result;
} Run;

static CcArgs command(const Run *r, const char *level) {
  const JitJob *job = r->job;
  CcArgs k = cc_command(r->folder.c, job->cc);
  cc_words(&k, level);
  cc_args(&k, job->flags, job->nflags);
  cc_arg(&k, "-fPIC");
  return k;
}

static bool has_level(const JitUnit *u) {
  for (int i = 0; i < u->nflags; i++)
    if (!strncmp(u->flags[i], "-O", 2)) return true;
  return false;
}

static CcResult build(Run *r) {
  const WorkFolder *f = &r->folder;
  Ctx *c = f->c;
  const JitJob *job = r->job;
  CcArgs *unit = ctx_alloc(c, sizeof *unit * (size_t)job->nunit), link = command(r, "-O3");
  const char *level = cc_level(c, job->cc);
  CcResult ok = {CC_OK, NULL};
  cc_arg(&link, "-shared");
  for (int i = 0; i < job->nunit && !ok.fault; i++) {
    const JitUnit *u = &job->unit[i];
    const char *source = ctx_strf(c, "unit%d.c", i), *object = work_folder_path(f, ctx_strf(c, "unit%d.o", i));
    const char *const files[] = {"-c", work_folder_path(f, source), "-o", object};
    ok = work_folder_write(f, source, u->text, u->n);
    unit[i] = command(r, has_level(u) ? "-O3" : level);
    cc_args(&unit[i], u->flags, u->nflags);
    cc_args(&unit[i], files, 4);
    cc_arg(&link, object);
  }
  for (int i = 0; i < job->nobject && !ok.fault; i++) {
    const char *object = ctx_strf(c, "object%d.o", i);
    ok = work_folder_write(f, object, job->object[i].p, job->object[i].n);
    cc_arg(&link, work_folder_path(f, object));
  }
  cc_arg(&link, "-o");
  cc_arg(&link, work_folder_path(f, "code.so"));
  if (!ok.fault) ok = cc_run(f, unit, job->nunit);
  if (!ok.fault) ok = cc_run(f, &link, 1);
  return ok.fault ? ok : work_folder_read(f, "code.so", &r->out->p, &r->out->n);
}

static void build_job(Ctx *c, void *arg) {
  Run *r = arg;
  r->result = work_folder_make(c, &r->folder);
  if (!r->result.fault) r->result = build(r);
}

JitError jit_error_of(CcResult r) {
  static const JitFault fault[] = {
    [CC_SYSTEM] = JIT_SYSTEM,
    [CC_NOT_STARTED] = JIT_NO_COMPILER,
    [CC_KILLED] = JIT_REFUSED,
    [CC_REFUSED] = JIT_REFUSED,
  };
  return (JitError){fault[r.fault], strdup(r.text)};
}

static bool cc_compile(const JitJob *job, int unit, JitBlob *out, JitError *error) {
  (void)unit;
  Run r = {.job = job, .out = out};
  Ctx *c = ctx_new();
  bool done = c && ctx_try(c, build_job, &r), ok = done && !r.result.fault; /* done: else out of memory */
  work_folder_remove(&r.folder);
  *error = (JitError){0};
  if (done && !ok) *error = jit_error_of(r.result);
  if (c) ctx_free(c);
  return ok;
}

/* ---- the cache key ---- */

typedef struct Identity {
  const JitJob *job;
  const char *text;
} Identity;

/* The lines of /proc/cpuinfo that identify the processor, since the code of -march=native depends on it. */
static const char *processor(Ctx *c) {
  static const char *const key[] = {"model name", "flags", "Features", "CPU implementer", "CPU part", "isa"};
  char line[8192];
  Str s = {.c = c};
  FILE *f = fopen("/proc/cpuinfo", "re");
  str_puts(&s, "");
  while (f && fgets(line, sizeof line, f) && *line != '\n') /* up to the blank line after the first processor */
    for (size_t i = 0; i < sizeof key / sizeof *key; i++)
      if (!strncmp(line, key[i], strlen(key[i]))) str_puts(&s, line);
  if (f) fclose(f);
  return s.s;
}

/* Identifies the compiler without running it, by path, size and modification time; and the processor. */
static void identify(Ctx *c, void *arg) {
  Identity *id = arg;
  const char *file = cc_find(c, id->job->cc ? id->job->cc : "cc");
  struct stat st;
  if (!file || stat(file, &st)) return;
  id->text = ctx_strf(c, "%s %lld %lld.%09ld %s", file, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                      st.st_mtim.tv_nsec, processor(c));
}

static char *cc_identity(const JitJob *job) {
  Identity id = {.job = job};
  Ctx *c = ctx_new();
  char *text = c && ctx_try(c, identify, &id) && id.text ? strdup(id.text) : NULL;
  if (c) ctx_free(c);
  return text;
}

/* ---- the code ---- */

static void *cc_load(const JitJob *job, const JitBlob *blob, int n, JitError *error) {
  (void)job;
  (void)n;
  return memory_dso_load(blob->p, blob->n, error);
}

static const void *cc_symbol(void *code, const char *name) { return memory_dso_symbol(code, name); }
static void cc_free(void *code) { memory_dso_free(code); }

const JitBackend jit_backend_cc = {"cc and dlopen", true, cc_identity, cc_compile, cc_load, cc_symbol, cc_free};
