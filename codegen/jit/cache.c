/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "codegen/jit/cache.h"
#include "codegen/build/fd.h"
#include "ir/ctx.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Limit of the folder's size. Beyond it the least recently used files are removed until a quarter is free. */
static const int64_t MAX_BYTES = (int64_t)256 << 20;
typedef struct Head {
  char magic[8];
  uint64_t n, sum;
  CacheKey key;
} Head;
static const char MAGIC[8] = "gradcjit";

CacheKey cache_key(void) { return (CacheKey){0, 1}; }

void cache_key_add(CacheKey *k, const void *p, size_t n) {
  k->a = hash_bytes(p, n, hash_bytes(&n, sizeof n, k->a));
  k->b = hash_bytes(p, n, hash_bytes(&n, sizeof n, k->b));
}

static bool path_of(char path[PATH_MAX], const char *folder, const char *name) {
  return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static bool key_path(char path[PATH_MAX], const char *folder, CacheKey k) {
  char name[40];
  snprintf(name, sizeof name, "%016llx%016llx", (unsigned long long)k.a, (unsigned long long)k.b);
  return path_of(path, folder, name);
}

/* Accepts only files that belong to this user, because their contents will be executed. */
static bool read_entry(int fd, CacheKey k, JitBlob *b) {
  Head h;
  struct stat st;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || !fd_read_all(fd, &h, sizeof h)) return false;
  if (memcmp(h.magic, MAGIC, sizeof MAGIC) || h.key.a != k.a || h.key.b != k.b) return false;
  if (h.n != (uint64_t)st.st_size - sizeof h || !(b->p = malloc(h.n ? h.n : 1))) return false;
  b->n = h.n;
  return fd_read_all(fd, b->p, b->n) && hash_bytes(b->p, b->n, 0) == h.sum;
}

bool cache_get(const char *folder, CacheKey k, JitBlob *b) {
  char path[PATH_MAX];
  int fd = folder && key_path(path, folder, k) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
  *b = (JitBlob){0};
  bool ok = fd >= 0 && read_entry(fd, k, b);
  if (ok) futimens(fd, NULL); /* marks it as recently used */
  if (fd >= 0) close(fd);
  if (ok) return true;
  free(b->p);
  *b = (JitBlob){0};
  return false;
}

/* ---- writing ---- */

static bool make_folder(const char *folder) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s", folder) >= PATH_MAX) return false;
  for (char *p = path + 1; *p; p++)
    if (*p == '/') {
      *p = 0;
      mkdir(path, 0700);
      *p = '/';
    }
  return mkdir(path, 0700) == 0 || errno == EEXIST;
}

typedef struct Entry {
  struct timespec used;
  int64_t bytes;
  char name[64];
} Entry;

static int by_age(const void *a, const void *b) {
  const struct timespec *x = &((const Entry *)a)->used, *y = &((const Entry *)b)->used;
  if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? -1 : 1;
  return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static Entry *list(const char *folder, int *n, int64_t *bytes) { /* NULL: empty, or cannot be listed */
  DIR *d = opendir(folder);
  Entry *e = NULL;
  int cap = 0;
  *n = 0;
  *bytes = 0;
  for (struct dirent *f; d && (f = readdir(d));) {
    struct stat st;
    if (fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) continue;
    if (strlen(f->d_name) >= sizeof e->name) continue;
    if (*n == cap) {
      Entry *more = realloc(e, sizeof *e * (size_t)(cap = 2 * cap + 64));
      if (!more) break;
      e = more;
    }
    e[*n] = (Entry){.used = st.st_mtim, .bytes = (int64_t)st.st_size};
    strcpy(e[(*n)++].name, f->d_name);
    *bytes += (int64_t)st.st_size;
  }
  if (d) closedir(d);
  return e;
}

CacheUse cache_use(const char *folder) {
  CacheUse u = {.max = MAX_BYTES};
  free(list(folder, &u.entries, &u.bytes));
  return u;
}

static void evict(const char *folder) {
  int n;
  int64_t bytes;
  char path[PATH_MAX];
  Entry *e = list(folder, &n, &bytes);
  bool full = bytes > MAX_BYTES;
  if (full) qsort(e, (size_t)n, sizeof *e, by_age);
  for (int i = 0; full && i < n && bytes > MAX_BYTES / 4 * 3; i++)
    if (path_of(path, folder, e[i].name) && !unlink(path)) bytes -= e[i].bytes;
  free(e);
}

void cache_put(const char *folder, CacheKey k, const JitBlob *b) {
  char path[PATH_MAX], beside[PATH_MAX];
  Head h = {.n = b->n, .sum = hash_bytes(b->p, b->n, 0), .key = k};
  memcpy(h.magic, MAGIC, sizeof MAGIC);
  if (!folder || !key_path(path, folder, k) || !path_of(beside, folder, "new.XXXXXX") || !make_folder(folder)) return;
  int fd = mkostemp(beside, O_CLOEXEC);
  if (fd < 0) return;
  bool ok = fd_write_all(fd, &h, sizeof h) && fd_write_all(fd, b->p, b->n);
  if (close(fd)) ok = false;
  if (!ok || rename(beside, path)) unlink(beside);
  else evict(folder);
}
