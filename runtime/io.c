/* SPDX-License-Identifier: Apache-2.0 */
/* Files. A replacement is written to a temporary file, synced, renamed, and the folder is synced: after a crash at any
 * point either the old or the new file is there, complete. Every system call that can fail goes through step(), where
 * test builds inject faults. */
#define _GNU_SOURCE
#include "io.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

#ifdef GC_FAULTS
/* GC_FAULT_KILL=N, GC_FAULT_TERM=N: SIGKILL or SIGTERM before call N. GC_FAULT_IO=N: call N fails with EIO; with
 * GC_FAULT_FROM all later calls too. Standard input and output are tested from outside. */
static bool step(void) {
  static long count;
  const char *kill_at = getenv("GC_FAULT_KILL"), *term_at = getenv("GC_FAULT_TERM"), *fail_at = getenv("GC_FAULT_IO");
  count++;
  if (kill_at && count == atol(kill_at)) raise(SIGKILL);
  if (term_at && count == atol(term_at)) raise(SIGTERM);
  if (fail_at && (count == atol(fail_at) || (count > atol(fail_at) && getenv("GC_FAULT_FROM")))) {
    errno = EIO;
    return false;
  }
  return true;
}
#else
static bool step(void) { return true; }
#endif

static int open_file(const char *path, int flags) { return step() ? open(path, flags | O_CLOEXEC, 0666) : -1; }

static int close_file(int fd) {
  bool ok = step();
  int r = close(fd); /* an injected fault must not leak the descriptor */
  if (!ok) errno = EIO;
  return ok ? r : -1;
}

static ssize_t read_some(int fd, void *p, size_t n) {
  ssize_t r;
  do r = step() ? read(fd, p, n) : -1;
  while (r < 0 && errno == EINTR);
  return r;
}

static ssize_t write_some(int fd, const void *p, size_t n) {
  ssize_t r;
#ifdef GC_FAULTS
  if (n > 1) n = (n + 1) / 2; /* so that a fault can hit the middle of a write */
#endif
  do r = step() ? write(fd, p, n) : -1;
  while (r < 0 && errno == EINTR);
  return r;
}

static unsigned char *grow(unsigned char *p, size_t n, int fd) { /* closes the file if memory runs out */
  unsigned char *q = rt_try_realloc(p, n);
  if (q) return q;
  if (fd) close(fd);
  rt_out_of_memory(n);
}

bool io_read_all(const char *path, Bytes *out, char *err) {
  bool pipe = !strcmp(path, "-");
  int fd = pipe ? 0 : open_file(path, O_RDONLY);
  if (fd < 0) return rt_fail(err, "%s: cannot open: %s", path, strerror(errno));
  struct stat st = {0};
  size_t cap = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : BUFFER;
  bool device = !pipe && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)); /* which may have no end, as /dev/zero */
  unsigned char *p = grow(NULL, cap + 1, fd);
  size_t n = 0;
  ssize_t r = 0;
  while (true) {
    if (n == cap) p = grow(p, (cap *= 2) + 1, fd);
    r = read_some(fd, p + n, cap - n);
    if (r <= 0) break;
    n += (size_t)r;
    if (device) break;
  }
  int e = errno;
  if (!pipe) close(fd);
  if (device && r > 0) {
    rt_free(p);
    return rt_fail(err, "%s: cannot read: it is a device, not a file", path);
  }
  if (r < 0) {
    rt_free(p);
    return rt_fail(err, "%s: cannot read: %s", path, strerror(e));
  }
  p[n] = 0;
  *out = (Bytes){p, n};
  return true;
}

bool io_read_data(const char *path, Bytes *out, char *err) {
  Bytes b;
  char why[ERR_TEXT];
  if (!io_read_all(path, &b, err)) return false;
  if (!gz_is(&b)) {
    *out = b;
    return true;
  }
  bool ok = gz_inflate(&b, out, why);
  rt_free(b.p);
  return ok || rt_fail(err, "%s: not a valid gzip file: %.400s", path, why);
}

static void begin(IoFile *f, const char *path, const char *tmp) {
  f->err = 0;
  f->used = 0;
  f->buf = rt_alloc(BUFFER);
  f->path = rt_strdup(path);
  f->tmp = tmp ? rt_strdup(tmp) : NULL;
  f->folder = rt_strdup(path);
  char *slash = strrchr(f->folder, '/');
  if (!slash) strcpy(f->folder, *path ? "." : "");
  else slash[slash == f->folder] = 0;
}

static void end(IoFile *f) {
  rt_free(f->buf);
  rt_free(f->path);
  rt_free(f->tmp);
  rt_free(f->folder);
  f->buf = NULL;
  f->fd = -1;
}

static void failed(IoFile *f) {
  if (!f->err) f->err = errno ? errno : EIO;
}

void io_create(IoFile *f, const char *path) {
  char *tmp = rt_printf("%s.tmp", path);
  begin(f, path, tmp);
  rt_free(tmp);
  f->fd = open_file(f->tmp, O_WRONLY | O_CREAT | O_TRUNC);
  if (f->fd < 0) failed(f);
  struct stat st; /* the new file gets the mode of the old one */
  if (f->fd >= 0 && stat(path, &st) == 0 && (!step() || fchmod(f->fd, st.st_mode & 07777) != 0)) failed(f);
}

bool io_append(IoFile *f, const char *path, size_t keep) {
  begin(f, path, NULL);
  f->fd = open_file(path, O_WRONLY | O_CREAT);
  if (f->fd < 0) failed(f);
  else if (!step() || ftruncate(f->fd, (off_t)keep) != 0 || lseek(f->fd, 0, SEEK_END) < 0) failed(f);
  return !f->err;
}

static void write_out(IoFile *f, const unsigned char *p, size_t n) {
  while (n && !f->err) {
    ssize_t r = write_some(f->fd, p, n);
    if (r < 0) failed(f);
    else {
      p += r;
      n -= (size_t)r;
    }
  }
}

void io_write(IoFile *f, const void *p, size_t n) {
  if (f->used + n > BUFFER || n > BUFFER / 2) {
    write_out(f, f->buf, f->used);
    f->used = 0;
  }
  if (n > BUFFER / 2) {
    write_out(f, p, n);
    return;
  }
  memcpy(f->buf + f->used, p, n);
  f->used += n;
}

bool io_sync(IoFile *f) {
  write_out(f, f->buf, f->used);
  f->used = 0;
  if (!f->err && (!step() || fsync(f->fd) != 0) && errno != EINVAL) failed(f);
  return !f->err;
}

static bool sync_folder(const char *folder) {
  int fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return false;
  bool ok = step() && (fsync(fd) == 0 || errno == EINVAL); /* EINVAL: the file system cannot sync folders */
  int e = errno;
  close(fd);
  errno = e;
  return ok;
}

bool io_commit(IoFile *f, char *err) {
  bool opened = f->fd >= 0, ok = !f->err && io_sync(f);
  if (opened && close_file(f->fd) != 0) failed(f);
  ok = ok && !f->err;
  if (ok && (!step() || rename(f->tmp, f->path) != 0)) failed(f);
  else if (ok && !sync_folder(f->folder)) failed(f);
  if (f->err) {
    if (opened) unlink(f->tmp);
    rt_fail(err, "%s: cannot write: %s", f->path, strerror(f->err));
  }
  ok = !f->err;
  end(f);
  return ok;
}

bool io_close(IoFile *f) {
  bool ok = f->fd < 0 || io_sync(f);
  if (f->fd >= 0 && close_file(f->fd) != 0) ok = false;
  end(f);
  return ok;
}

bool io_remove(const char *path) { return (step() && unlink(path) == 0) || errno == ENOENT; }

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool io_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0;
}

char **io_glob(const char *pattern, int *n) {
  glob_t g = {0};
  *n = io_exists(pattern);
  if (*n) {
    char **v = rt_array(1, sizeof *v);
    v[0] = rt_strdup(pattern);
    return v;
  }
  if (!strpbrk(pattern, "*?[") || glob(pattern, GLOB_NOSORT, NULL, &g)) return NULL;
  *n = (int)g.gl_pathc;
  char **copy = rt_array((size_t)*n, sizeof *copy);
  for (int i = 0; i < *n; i++) copy[i] = rt_strdup(g.gl_pathv[i]);
  globfree(&g);
  qsort(copy, (size_t)*n, sizeof *copy, by_bytes);
  return copy;
}

bool io_matches(const char *pattern) {
  int n;
  char **v = io_glob(pattern, &n);
  for (int i = 0; i < n; i++) rt_free(v[i]);
  rt_free(v);
  return n > 0;
}

bool io_map(const char *path, Bytes *out) {
  struct stat st;
  int fd = open_file(path, O_RDONLY);
  void *p = MAP_FAILED;
  if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size)
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (fd >= 0) close(fd);
  if (p == MAP_FAILED) return false;
  *out = (Bytes){p, (size_t)st.st_size};
  return true;
}

void io_unmap(Bytes *b) { munmap(b->p, b->n); }

size_t io_mark(const Bytes *b) { return b->n >= 3 && !memcmp(b->p, "\xEF\xBB\xBF", 3) ? 3 : 0; }

bool io_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t io_mtime(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : INT64_MIN;
}

bool io_make_folder(const char *path, bool fresh) {
  char *p = rt_strdup(path);
  bool ok = true;
  for (char *s = p + 1; ok; s++) {
    if (*s && *s != '/') continue;
    char c = *s;
    *s = 0;
    ok = (step() && mkdir(p, 0777) == 0) || (errno == EEXIST && (c || !fresh));
    *s = c;
    if (!c) break;
  }
  struct stat st;
  int e = errno;
  if (ok && stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
    ok = false;
    e = ENOTDIR;
  }
  rt_free(p);
  errno = e;
  return ok;
}

static int by_version(const void *a, const void *b) { return strverscmp(*(char *const *)a, *(char *const *)b); }

char **io_list(const char *folder, int *n) {
  *n = 0;
  DIR *d = step() ? opendir(folder) : NULL;
  if (!d) return NULL;
  int cap = 16;
  char **names = rt_array(cap, sizeof *names);
  for (struct dirent *e; (e = readdir(d));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    if (*n == cap) names = rt_realloc(names, rt_mul(cap *= 2, sizeof *names));
    names[(*n)++] = rt_strdup(e->d_name);
  }
  closedir(d);
  qsort(names, *n, sizeof *names, by_version);
  return names;
}
