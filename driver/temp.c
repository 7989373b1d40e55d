/* A private temporary folder that is always removed. */
#include "driver/toolchain.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void signals_hold(bool hold) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

bool temp_make(Ctx *c, Temp *t) {
  const char *base = getenv("TMPDIR");
  char *dir = ctx_strf(c, "%s/gradc-XXXXXX", base && *base ? base : "/tmp");
  signals_hold(true);
  if (mkdtemp(dir)) {
    *t = (Temp){c, dir};
    return true;
  }
  diag_error(c, 502, 0, 1, "%s: %s", dir, strerror(errno));
  signals_hold(false);
  return false;
}

/* Folders below are only those that the build made: at most two deep. */
static void remove_folder(Ctx *c, const char *dir) {
  DIR *d = opendir(dir);
  if (d) {
    for (struct dirent *e; (e = readdir(d));) {
      if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
      const char *path = ctx_strf(c, "%s/%s", dir, e->d_name);
      if (unlink(path) && (errno == EISDIR || errno == EPERM)) remove_folder(c, path);
    }
    closedir(d);
  }
  rmdir(dir);
}

void temp_remove(Temp *t) {
  remove_folder(t->c, t->dir);
  signals_hold(false);
}

const char *temp_path(const Temp *t, const char *name) { return ctx_strf(t->c, "%s/%s", t->dir, name); }
