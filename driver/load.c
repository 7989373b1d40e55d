/* Reading and writing of what the commands work on. */
#include "codegen/c/tile.h"
#include "driver/driver.h"
#include "driver/weights.h"
#include "lib/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { E_READ = 501, E_WRITE = 502 };

static bool read_stdin(Ctx *c, Loc *start) {
  Str s = {.c = c};
  char buf[65536];
  for (size_t n; (n = fread(buf, 1, sizeof buf, stdin)) > 0;) str_put(&s, buf, n);
  if (ferror(stdin)) {
    diag_error(c, E_READ, 0, 1, "standard input: %s", strerror(errno));
    return false;
  }
  *start = source_add(c, "<stdin>", s.s ? s.s : "", s.n);
  return true;
}

bool load_source(Ctx *c, const char *path, Loc *start) {
  if (strcmp(path, "-")) return unit_read(c, path, start);
  return read_stdin(c, start);
}

/* build and run are fast unless told otherwise, and report plans what they would; all else is exact. */
static bool is_strict(const Args *a) {
  if (args_has(a, OPT_fp)) return !strcmp(a->value[OPT_fp], "strict");
  return !((unsigned)(C_build | C_run | C_report) >> a->cmd & 1);
}

Module *load_module(Args *a, const char *path) {
  Unit u = {.path = path, .ir = a->cmd == CMD_opt, .warnings_are_errors = args_has(a, OPT_warnings)};
  const char *e = a->value[OPT_expression];
  if (a->cmd == CMD_eval) u.expression = source_add(a->c, "-e", e, strlen(e));
  u.opt = (Options){.strict = is_strict(a), .off = a->off, .verify = args_has(a, OPT_verify),
                    .infer_only = args_has(a, OPT_only)};
  if (args_has(a, OPT_ram)) args_bytes(a->value[OPT_ram], &u.opt.ram);
  if ((unsigned)(C_build | C_run | C_report) >> a->cmd & 1) u.opt.panel = TILE_PANEL; /* what native kernels read */
  Loc start;
  return load_source(a->c, path, &start) ? unit_module(a->c, &u, start) : NULL;
}

Module *load_planned(Args *a, const char *path) {
  Module *m = load_module(a, path);
  return m && unit_plan(m) ? m : NULL;
}

static bool write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t k = write(fd, p, n);
    if (k < 0 && errno != EINTR) return false;
    if (k > 0) p += k, n -= (size_t)k;
  }
  return true;
}

/* What is no regular file, such as a pipe, is written to as it is. */
bool save_file(Ctx *c, const char *path, const char *text, size_t n, unsigned mode) {
  struct stat st;
  bool there = stat(path, &st) == 0, beside = !there || S_ISREG(st.st_mode);
  char *real = there && beside ? realpath(path, NULL) : NULL; /* a link stays one */
  const char *to = real ? ctx_strf(c, "%s", real) : path, *name = beside ? ctx_strf(c, "%s.XXXXXX", to) : to;
  free(real);
  mode_t mask = umask(0);
  umask(mask);
  bool closed = there && !mode && access(path, W_OK); /* a rename would not mind */
  int fd = closed ? -1 : beside ? mkstemp((char *)name) : open(name, O_WRONLY | O_CLOEXEC);
  bool well = fd >= 0 && write_all(fd, text, n);
  if (well && beside) well = !fchmod(fd, mode ? mode & ~mask : there ? st.st_mode & 07777 : 0666 & ~mask);
  if (fd >= 0 && close(fd)) well = false;
  if (well && beside) well = !rename(name, to);
  if (well) return true;
  diag_error(c, E_WRITE, 0, 1, "%s: %s", path, strerror(errno));
  if (fd >= 0 && beside) unlink(name);
  return false;
}

static bool fits(const Module *m, const Var *v, const WeightView *t) {
  const Type *type = type_get(m, v->type);
  bool same = t->dtype == (int)type->dtype && t->rank == type->rank;
  for (int i = 0; same && i < t->rank; i++) same = t->dim[i] == type->dim[i];
  return same;
}

const void *const *load_weights(Module *m, const char *path) {
  const char *why;
  const void **values = ctx_alloc(m->c, sizeof *values * (size_t)(m->nvar + 1));
  Weights *file = weights_read(path, &why);
  if (!file) {
    diag_error(m->c, 505, 0, 1, "%s", why);
    return NULL;
  }
  for (int i = 0; i < m->nvar; i++) {
    const Var *v = &m->var[i];
    const WeightView *t = v->kind == VK_OPTIM ? NULL : weights_find(file, v->name);
    if (t && fits(m, v, t)) {
      values[i] = t->values;
    } else if (v->kind == VK_PARAM || t) {
      diag_error(m->c, 505, v->loc, 1, "%s: `%s` %s, the model has %s", path, v->name,
                 t ? "has another shape or element type" : "is missing", type_text(m, v->type));
      return NULL;
    }
  }
  return values;
}
