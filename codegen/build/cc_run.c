/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "codegen/build/cc_run.h"
#include "codegen/build/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- the folder ---- */

static CcResult system_error(Ctx *c, const char *path) {
  return (CcResult){CC_SYSTEM, ctx_strf(c, "%s: %s", path, strerror(errno))};
}

CcResult work_folder_make(Ctx *c, WorkFolder *f) {
  const char *base = getenv("TMPDIR");
  char *path = ctx_strf(c, "%s/gradc-XXXXXX", base && *base ? base : "/tmp");
  *f = (WorkFolder){c, mkdtemp(path)};
  return f->path ? (CcResult){CC_OK, NULL} : system_error(c, path);
}

/* Empties and closes the folder. */
static void remove_entries(int fd) {
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  if (!d && fd >= 0) close(fd);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    if (!unlinkat(dirfd(d), e->d_name, 0)) continue;
    remove_entries(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
  }
  if (d) closedir(d);
}

void work_folder_remove(const WorkFolder *f) {
  if (!f->path) return;
  remove_entries(open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  rmdir(f->path);
}

const char *work_folder_path(const WorkFolder *f, const char *name) { return ctx_strf(f->c, "%s/%s", f->path, name); }

CcResult work_folder_write(const WorkFolder *f, const char *name, const void *p, size_t n) {
  const char *path = work_folder_path(f, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_error(f->c, path);
  CcResult result = {CC_OK, NULL};
  if (!fd_write_all(fd, p, n)) result = system_error(f->c, path);
  if (close(fd) && !result.fault) result = system_error(f->c, path);
  return result;
}

CcResult work_folder_read(const WorkFolder *f, const char *name, char **p, size_t *n) {
  const char *path = work_folder_path(f, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  bool ok = fd >= 0 && !fstat(fd, &st);
  *n = ok ? (size_t)st.st_size : 0;
  *p = ok ? calloc(*n + 1, 1) : NULL;
  bool no_memory = ok && !*p;
  if (!no_memory) ok = ok && fd_read_all(fd, *p, *n);
  CcResult error = system_error(f->c, path);
  if (fd >= 0) close(fd);
  if (no_memory) ctx_abort(f->c);
  if (ok) return (CcResult){CC_OK, NULL};
  free(*p);
  *p = NULL;
  *n = 0;
  return error;
}

/* ---- commands ---- */

CcArgs cc_command(Ctx *c, const char *cc) {
  CcArgs k = {.c = c};
  cc_arg(&k, cc ? cc : "cc");
  return k;
}

void cc_arg(CcArgs *k, const char *arg) { *VEC_PUSH(k->c, k->v, k->n, k->cap) = arg; }

void cc_args(CcArgs *k, const char *const *arg, int n) {
  for (int i = 0; i < n; i++) cc_arg(k, arg[i]);
}

void cc_words(CcArgs *k, const char *s) {
  while (s && *s) {
    size_t n = strcspn(s, " \t\n");
    if (n) cc_arg(k, ctx_intern(k->c, s, n));
    s += n + strspn(s + n, " \t\n");
  }
}

const char *cc_find(Ctx *c, const char *name) {
  const char *path = strchr(name, '/') ? "" : getenv("PATH");
  for (const char *p = path ? path : "/bin:/usr/bin"; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
    int n = (int)strcspn(p, ":");
    const char *file = n ? ctx_strf(c, "%.*s/%s", n, p, name) : name;
    struct stat st;
    if (!access(file, X_OK) && !stat(file, &st) && S_ISREG(st.st_mode)) return file;
  }
  return NULL;
}

/* ---- running them ---- */

typedef struct Process {
  const char *log; /* receives standard output and error */
  pid_t pid;
  int err;    /* 0, or the errno of a failed start or wait */
  int status; /* as of waitpid */
} Process;

static void start(Process *p, const CcArgs *k) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t none;
  sigemptyset(&none);
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, p->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_init(&attr);
  posix_spawnattr_setsigmask(&attr, &none); /* the caller may block signals; the compiler does not */
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
  p->err = posix_spawnp(&p->pid, k->v[0], &files, &attr, (char *const *)k->v, environ);
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&files);
}

static void wait_for(Process *p) {
  while (!p->err && waitpid(p->pid, &p->status, 0) < 0)
    if (errno != EINTR) p->err = errno;
}

static const char *first_lines(Ctx *c, const char *path) {
  enum { LINES = 20, BYTES = 16384 };
  char text[BYTES + 1], *end = text;
  FILE *f = fopen(path, "re");
  size_t n = f ? fread(text, 1, BYTES, f) : 0;
  if (f) fclose(f);
  text[n] = 0;
  for (int i = 0; i < LINES && *end; i++) {
    char *line = strchr(end, '\n');
    end = line ? line + 1 : end + strlen(end);
  }
  if (end > text && end[-1] == '\n') end--;
  return ctx_strf(c, "%.*s", (int)(end - text), text);
}

static CcResult result_of(Ctx *c, const char *cc, const Process *p) {
  if (p->err) return (CcResult){CC_NOT_STARTED, ctx_strf(c, "`%s`: %s", cc, strerror(p->err))};
  if (p->status == 0) return (CcResult){CC_OK, NULL};
  bool killed = WIFSIGNALED(p->status);
  const char *log = first_lines(c, p->log);
  const char *text = ctx_strf(c, "`%s` %s %d%s%s", cc, killed ? "was ended by signal" : "failed with status",
                              killed ? WTERMSIG(p->status) : WEXITSTATUS(p->status), *log ? "\n" : "", log);
  return (CcResult){killed ? CC_KILLED : CC_REFUSED, text};
}

/* Allocates nothing while commands run: running out of memory unwinds, and would leave them running. */
CcResult cc_run(const WorkFolder *f, CcArgs *k, int n) {
  Process *p = ctx_alloc(f->c, sizeof *p * (size_t)n);
  CcResult first = {CC_OK, NULL};
  for (int i = 0; i < n; i++) {
    p[i] = (Process){.log = work_folder_path(f, ctx_strf(f->c, "%d.log", i))};
    cc_arg(&k[i], NULL);
  }
  for (int i = 0; i < n; i++) start(&p[i], &k[i]);
  for (int i = 0; i < n; i++) wait_for(&p[i]);
  for (int i = 0; i < n && !first.fault; i++) first = result_of(f->c, k[i].v[0], &p[i]);
  return first;
}

const char *cc_version(Ctx *c, const char *program) {
  WorkFolder f;
  CcArgs k = cc_command(c, program);
  cc_arg(&k, "--version");
  CcResult r = work_folder_make(c, &f);
  if (!r.fault) r = cc_run(&f, &k, 1);
  const char *text = r.fault ? "" : first_lines(c, work_folder_path(&f, "0.log"));
  work_folder_remove(&f);
  return text;
}

/* Of GCC, -O1 and the passes beyond it that make kernels faster: small constant loops such as the taps of a convolution
 * unrolled, constants kept in registers, and the loops vectorised that have no vectors in their text. Without
 * -fexpensive-optimizations a step of a tiny network takes a third longer. The others take a fifth of -O3's time. */
static const char GCC_LEVEL[] = "-O1 -fexpensive-optimizations -fpeel-loops -fgcse -fstrict-aliasing -ftree-vectorize "
                                "-fvect-cost-model=dynamic -ftree-loop-distribute-patterns";

const char *cc_level(Ctx *c, const char *cc) {
  bool gcc = strstr(cc_version(c, cc ? cc : "cc"), "Free Software Foundation");
  return gcc ? GCC_LEVEL : "-O3";
}
