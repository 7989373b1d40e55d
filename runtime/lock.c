/* SPDX-License-Identifier: Apache-2.0 */
/* A run folder has one owner: the process that holds a flock on the file `lock` in it, which names the owner. The
 * kernel drops the lock when the process ends, so a file without a lock is stale. If the file system has no locks, or
 * the owner is on another machine, the contents decide: a process of this machine is alive if one with that number and
 * start time exists; a process of another machine may be alive. */
#define _GNU_SOURCE
#include "run.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Owner {
  long pid;
  unsigned long long start; /* start time of the process, in ticks since boot */
  char boot[64], host[128]; /* boot id and name of the machine */
} Owner;

static int lock_fd = -1;
static char *lock_path; /* of the lock that this process holds */

static void first_word(const char *path, char *to, size_t n) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t k = fd < 0 ? 0 : read(fd, to, n - 1);
  if (fd >= 0) close(fd);
  to[k < 0 ? 0 : k] = 0;
  to[strcspn(to, " \n")] = 0;
}

static unsigned long long start_of(long pid) { /* 0: unknown, or no such process */
  char path[40], text[1024];
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t k = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[k < 0 ? 0 : k] = 0;
  const char *p = strrchr(text, ')'); /* the program's name may contain anything, even `)` */
  for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
  return p ? strtoull(p + 1, NULL, 10) : 0;
}

static Owner self(void) {
  Owner o = {.pid = (long)getpid(), .start = start_of((long)getpid())};
  first_word("/proc/sys/kernel/random/boot_id", o.boot, sizeof o.boot);
  if (gethostname(o.host, sizeof o.host - 1)) strcpy(o.host, "?");
  o.host[strcspn(o.host, " \n")] = 0;
  if (!*o.boot) strcpy(o.boot, "?");
  return o;
}

static bool read_owner(int fd, Owner *o) {
  char text[400];
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  text[n < 0 ? 0 : n] = 0;
  *o = (Owner){0};
  return sscanf(text, "pid %ld\nstart %llu\nboot %63s\nhost %127s", &o->pid, &o->start, o->boot, o->host) == 4;
}

static bool write_owner(int fd, const Owner *o) {
  char text[400];
  int n = snprintf(text, sizeof text, "pid %ld\nstart %llu\nboot %s\nhost %s\n", o->pid, o->start, o->boot, o->host);
  return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
}

typedef enum Life { DEAD, ALIVE, UNKNOWN } Life;

/* locks: the file system has locks, and this file was not locked. */
static Life life_of(const Owner *o, const Owner *me, bool locks) {
  bool here = !strcmp(o->boot, me->boot);                       /* true also in another container of this machine */
  if (!here) return strcmp(o->host, me->host) ? UNKNOWN : DEAD; /* same name, other boot: before a reboot */
  if (locks) return DEAD;
  if (kill((pid_t)o->pid, 0) && errno == ESRCH) return DEAD;
  return start_of(o->pid) == o->start ? ALIVE : DEAD;
}

static _Noreturn void in_use(const char *folder, const Owner *o, bool known) {
  if (!known) rt_die(E_RUN_LOCKED, "%s is in use by another process", folder);
  rt_die(E_RUN_LOCKED, "%s is in use by process %ld on %s\nwait until that ends, or name another --run-dir", folder,
         o->pid, o->host);
}

static int try_lock(int fd) { /* 1: locked; 0: another process holds it; -1: the file system has no locks */
#ifdef GC_FAULTS
  if (getenv("GC_NO_LOCKS")) return -1;
#endif
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 1;
  return errno == EWOULDBLOCK ? 0 : -1;
}

/* Whether the locked file still has this name. An owner removes the file before it releases the lock. */
static bool is_current(int fd, const char *path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

void lock_acquire(const char *folder) {
  static bool registered;
  if (lock_path) return;
  char *path = rt_printf("%s/lock", folder);
  Owner me = self(), o;
  int fd, locked;
  while (true) {
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) rt_die(E_RUN_FILE, "%s: cannot write: %s", path, strerror(errno));
    locked = try_lock(fd);
    if (locked <= 0 || is_current(fd, path)) break;
    close(fd);
  }
  bool known = read_owner(fd, &o);
  if (locked == 0) in_use(folder, &o, known);
  Life life = known ? life_of(&o, &me, locked > 0) : DEAD;
  if (life == ALIVE) in_use(folder, &o, true);
  if (life == UNKNOWN)
    rt_die(E_RUN_LOCKED,
           "%s was locked by process %ld on %s, another machine, which may still write to it\n"
           "if that has ended, remove %s",
           folder, o.pid, o.host, path);
  if (!write_owner(fd, &me)) rt_die(E_RUN_FILE, "%s: cannot write: %s", path, strerror(errno));
  if (!registered) atexit(lock_release);
  registered = true;
  lock_fd = fd;
  lock_path = path;
}

void lock_release(void) { /* nothing here but system calls: a signal handler calls it */
  if (!lock_path) return;
  unlink(lock_path);
  close(lock_fd);
  lock_path = NULL;
}
