/* By a C compiler: units become objects in a private folder, they one shared object, which is loaded from memory. */
#define _GNU_SOURCE
#include "codegen/jit/image.h"
#include "codegen/jit/spawn.h"
#include "codegen/jit/way.h"
#include "ir/ctx.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_LINES = 20 };

typedef struct Run { /* of cc_compile */
  const JitJob *job;
  JitBlob *out;
  const char *dir, *error; /* error: the first */
  JitFault fault;
  const char **file; int nfile, capfile; /* in the folder, to be removed */
  bool well;
} Run;

static const char *compiler(const JitJob *job) { return job->cc ? job->cc : "cc"; }

static const char *path_in(Ctx *c, Run *r, const char *name, int number) {
  return *VEC_PUSH(c, r->file, r->nfile, r->capfile) = ctx_strf(c, "%s/%s%d", r->dir, name, number);
}

static bool fail(Run *r, JitFault fault, const char *why) {
  if (r->error) return false;
  r->error = why;
  r->fault = fault;
  return false;
}

static bool fail_at(Ctx *c, Run *r, const char *path, int err) {
  return fail(r, JIT_SYSTEM, ctx_strf(c, "%s: %s", path, strerror(err)));
}

static bool put_file(Ctx *c, Run *r, const char *path, const char *p, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  while (fd >= 0 && n) {
    ssize_t k = write(fd, p, n);
    if (k < 0 && errno != EINTR) break;
    if (k > 0) p += k, n -= (size_t)k;
  }
  int err = errno;
  if (fd >= 0 && close(fd) && !n) n = 1, err = errno;
  return fd >= 0 && !n ? true : fail_at(c, r, path, err);
}

/* The whole file, malloced. */
static bool get_file(Ctx *c, Run *r, const char *path, JitBlob *b) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st)) return fail_at(c, r, path, errno);
  *b = (JitBlob){malloc((size_t)st.st_size + 1), 0};
  ssize_t k = 1;
  while (b->p && b->n < (size_t)st.st_size && (k = read(fd, b->p + b->n, (size_t)st.st_size - b->n)) > 0)
    b->n += (size_t)k;
  close(fd);
  if (!b->p) ctx_abort(c);
  b->p[b->n] = 0;
  if (b->n == (size_t)st.st_size) return true;
  free(b->p);
  *b = (JitBlob){0};
  return fail_at(c, r, path, EIO);
}

/* ---- commands ---- */

typedef struct Words { Ctx *c; const char **v; int n, cap; } Words;
typedef struct Command { Words w; const char *log; Spawned s; int status; } Command;

static void word(Words *w, const char *s) { *VEC_PUSH(w->c, w->v, w->n, w->cap) = s; }

static Command command(Ctx *c, Run *r, int number) {
  Command k = {.w = {.c = c}, .log = path_in(c, r, "log", number)};
  word(&k.w, compiler(r->job));
  word(&k.w, "-O3");
  for (int i = 0; i < r->job->nflags; i++) word(&k.w, r->job->flags[i]);
  word(&k.w, "-fPIC");
  return k;
}

static const char *first_lines(Ctx *c, Run *r, const char *log) { /* of what the compiler said */
  JitBlob b;
  if (!get_file(c, r, log, &b)) return "";
  char *end = b.p;
  for (int i = 0; i < LOG_LINES && *end; i++) end = strchr(end, '\n') ? strchr(end, '\n') + 1 : end + strlen(end);
  const char *text = ctx_strf(c, "%.*s", (int)(end - b.p), b.p);
  free(b.p);
  return text;
}

static bool judge(Ctx *c, Run *r, const Command *k) {
  if (k->status == 0 || r->error) return !r->error;
  const char *cc = compiler(r->job);
  if (k->s.err) return fail(r, JIT_NO_COMPILER, ctx_strf(c, "`%s`: %s", cc, strerror(k->s.err)));
  bool ended = WIFSIGNALED(k->status);
  return fail(r, JIT_REFUSED, ctx_strf(c, "`%s` %s %d\n%s", cc, ended ? "was ended by signal" : "failed with status",
                                       ended ? WTERMSIG(k->status) : WEXITSTATUS(k->status),
                                       first_lines(c, r, k->log)));
}

/* Side by side. No memory is asked for while one of them runs: all are waited for, come what may. */
static bool run_all(Ctx *c, Run *r, Command *k, int n) {
  for (int i = 0; i < n; i++) word(&k[i].w, NULL);
  for (int i = 0; i < n; i++) k[i].s = spawn_start(k[i].w.v, k[i].log);
  for (int i = 0; i < n; i++) k[i].status = spawn_wait(&k[i].s);
  bool well = true;
  for (int i = 0; i < n; i++) well = judge(c, r, &k[i]) && well;
  return well;
}

static bool build(Ctx *c, Run *r) {
  int n = r->job->nunit;
  const char *code = path_in(c, r, "code", 0);
  Command *part = ctx_alloc(c, sizeof *part * (size_t)n), link = command(c, r, n);
  word(&link.w, "-shared");
  for (int i = 0; i < n; i++) {
    const JitUnit *u = &r->job->unit[i];
    const char *source = path_in(c, r, "unit", i), *object = path_in(c, r, "part", i);
    if (!put_file(c, r, source, u->text, u->n)) return false;
    part[i] = command(c, r, i);
    for (int k = 0; k < u->nflags; k++) word(&part[i].w, u->flags[k]);
    const char *const more[] = {"-c", "-x", "c", source, "-o", object};
    for (size_t m = 0; m < sizeof more / sizeof *more; m++) word(&part[i].w, more[m]);
    word(&link.w, object);
  }
  for (int i = 0; i < r->job->nobject; i++) {
    const char *object = path_in(c, r, "object", i);
    if (!put_file(c, r, object, r->job->object[i].p, r->job->object[i].n)) return false;
    word(&link.w, object);
  }
  word(&link.w, "-o");
  word(&link.w, code);
  return run_all(c, r, part, n) && run_all(c, r, &link, 1) && get_file(c, r, code, r->out);
}

static void build_job(Ctx *c, void *arg) {
  Run *r = arg;
  const char *base = getenv("TMPDIR");
  char *dir = ctx_strf(c, "%s/gradc-XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(dir)) {
    fail_at(c, r, dir, errno);
    return;
  }
  r->dir = dir;
  r->well = build(c, r);
}

static bool cc_compile(const JitJob *job, int unit, JitBlob *out, JitError *error) {
  (void)unit;
  Run r = {.job = job, .out = out};
  Ctx *c = ctx_new();
  bool whole = c && ctx_try(c, build_job, &r);
  for (int i = 0; i < r.nfile; i++)
    if (r.file[i]) unlink(r.file[i]);
  if (r.dir) rmdir(r.dir);
  *error = whole && !r.well ? (JitError){r.fault, strdup(r.error)} : (JitError){0};
  if (c) ctx_free(c);
  return whole && r.well;
}

/* The lines of /proc/cpuinfo that tell processors apart: `native` is another machine on each of them. */
static const char *processor(Ctx *c) {
  static const char *const key[] = {"model name", "flags", "Features", "CPU implementer", "CPU part", "isa"};
  char line[8192];
  Str s = {.c = c};
  FILE *f = fopen("/proc/cpuinfo", "re");
  str_puts(&s, "");
  while (f && fgets(line, sizeof line, f) && *line != '\n') /* an empty line: the next one */
    for (size_t i = 0; i < sizeof key / sizeof *key; i++)
      if (!strncmp(line, key[i], strlen(key[i]))) str_puts(&s, line);
  if (f) fclose(f);
  return s.s;
}

/* What tells one compiler from another without running it: where it lies, its size, when it was changed; and what tells
 * the processors apart that it compiles for. */
static void identify(Ctx *c, void *arg) {
  Run *r = arg;
  const char *cc = compiler(r->job), *path = strchr(cc, '/') ? "" : getenv("PATH");
  for (const char *p = path ? path : "/bin:/usr/bin"; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
    int n = (int)strcspn(p, ":");
    const char *file = n ? ctx_strf(c, "%.*s/%s", n, p, cc) : cc;
    struct stat st;
    if (access(file, X_OK) || stat(file, &st) || !S_ISREG(st.st_mode)) continue;
    r->error = ctx_strf(c, "%s %lld %lld.%09ld %s", file, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                        st.st_mtim.tv_nsec, processor(c));
    return;
  }
}

static char *cc_identity(const JitJob *job) {
  Run r = {.job = job};
  Ctx *c = ctx_new();
  char *text = c && ctx_try(c, identify, &r) && r.error ? strdup(r.error) : NULL;
  if (c) ctx_free(c);
  return text;
}

static void *cc_load(const JitJob *job, const JitBlob *blob, int n, JitError *error) {
  (void)job, (void)n;
  return image_load(blob->p, blob->n, error);
}

static const void *cc_symbol(void *code, const char *name) { return image_symbol(code, name); }
static void cc_free(void *code) { image_free(code); }

const JitWay jit_way_cc = {"cc and dlopen", true, cc_identity, cc_compile, cc_load, cc_symbol, cc_free};
