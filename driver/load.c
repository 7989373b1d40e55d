/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the files of the commands. */
#include "codegen/build/fd.h"
#include "codegen/target.h"
#include "driver/driver.h"
#include "driver/weights_file.h"
#include "lib/pipeline.h"
#include "runtime/io.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_stdin(Ctx *c, Loc *start) {
  Str s = {.c = c};
  char buf[65536];
  for (size_t n; (n = fread(buf, 1, sizeof buf, stdin)) > 0;) str_put(&s, buf, n);
  if (ferror(stdin)) {
    diag_error(c, E_FILE_READ, 0, 1, "standard input: %s", strerror(errno));
    return false;
  }
  *start = source_add(c, "<stdin>", s.s ? s.s : "", s.n);
  return true;
}

/* A file of the folder that may be meant: with its ending, or spelt alike; NULL: there is none. */
static const char *near_file(Ctx *c, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *near = ctx_strf(c, "%s.nn", path);
  if (io_exists(near)) return near;
  const char *folder = slash ? ctx_strf(c, "%.*s", (int)(slash - path), path) : ".", **names = NULL;
  int n = 0, kept = 0, cap = 0;
  char **all = io_list(*folder ? folder : "/", &n);
  for (int i = 0; all && i < n; i++) {
    const char *dot = strrchr(all[i], '.');
    if (dot && (!strcmp(dot, ".nn") || !strcmp(dot, ".ir"))) *VEC_PUSH(c, names, kept, cap) = ctx_strf(c, "%s", all[i]);
    free(all[i]);
  }
  free(all);
  near = diag_suggest(c, base, names, kept);
  if (!near && kept == 1) near = names[0];
  return near && slash ? ctx_strf(c, "%s/%s", folder, near) : near;
}

bool load_source(Ctx *c, const char *path, Loc *start) {
  if (!strcmp(path, "-")) return read_stdin(c, start);
  errno = 0;
  if (source_read(c, path, start)) return true;
  Diag *d = diag_error(c, E_FILE_READ, 0, 1, "%s: %s", path, errno ? strerror(errno) : "could not be read");
  const char *near = near_file(c, path);
  if (near) diag_help(c, d, "did you mean `%s`?", near);
  return false;
}

/* The default of --fp: fast for build, run, and report (which shows the plan of these); strict for the others. */
static bool is_strict(const Args *a) {
  if (args_has(a, OPT_fp)) return !strcmp(a->value[OPT_fp], "strict");
  if (args_has(a, OPT_native)) return false;
  return !((unsigned)(C_build | C_run | C_serve | C_generate | C_report | C_tune) >> a->cmd & 1);
}

/* That of the command line, else that of the file. */
static void choose_device(Args *a, Module *m) {
  unsigned command = args_has(a, OPT_native) ? (unsigned)C_build : 1u << a->cmd;
  bool asked = args_has(a, OPT_device) || args_has(a, OPT_cuda) || args_has(a, OPT_cpu);
  if (m->opt.file_device && !asked && command & (C_build | C_run | C_serve | C_generate | C_test | C_eval | C_report))
    a->value[OPT_cuda] = "";
  m->opt.device = args_device(a) != NULL;
  m->opt.slots = m->opt.device && !(command & C_emit); /* emitted functions take inputs of the caller */
  if (!(command & (C_build | C_run | C_serve | C_generate | C_report)) || m->opt.device) return;
  target_set_options(&target_native, &m->opt);
}

/* cuBLASLt adds in an order of its own, and only for a GPU. */
static bool choose_gemm(Args *a, Module *m) {
  if (!args_has(a, OPT_gemm)) return true;
  const char *way = a->value[OPT_gemm], *needs = !m->opt.device ? "a GPU: --cuda" : NULL;
  m->opt.library_gemm = !strcmp(way, "cublaslt");
  if (m->opt.library_gemm && m->opt.strict) needs = "--fp=fast: in strict mode all products are generated";
  if (!needs) return true;
  diag_error(a->c, E_USAGE, 0, 1, "`--gemm=%s` needs %s", way, needs);
  return false;
}

Module *load_module(Args *a, const char *path) {
  PipelineInput u = {.path = path, .ir = a->cmd == CMD_opt, .warnings_are_errors = args_has(a, OPT_warnings)};
  u.set = a->set;
  u.nset = a->nset;
  const char *e = a->value[OPT_expression];
  if (a->cmd == CMD_eval) u.expression = source_add(a->c, "-e", e, strlen(e));
  u.opt = (Options){
    .strict = is_strict(a), .off = a->off, .verify = args_has(a, OPT_verify), .infer_only = args_has(a, OPT_only)};
  if (args_has(a, OPT_ram)) args_bytes(a->value[OPT_ram], &u.opt.ram);
  u.opt.remarks = a->remark_kinds;
  Loc start;
  Module *m = load_source(a->c, path, &start) ? pipeline_module(a->c, &u, start) : NULL;
  if (m) choose_device(a, m);
  a->remarks = m;
  return m && choose_gemm(a, m) ? m : NULL;
}

Module *load_planned(Args *a, const char *path) {
  Module *m = load_module(a, path);
  return m && pipeline_plan(m) ? m : NULL;
}

bool make_folders(Ctx *c, const char *dir) {
  if (io_make_folder(dir, false)) return true;
  diag_error(c, E_FILE_WRITE, 0, 1, "%s: %s", dir, strerror(errno));
  return false;
}

/* A file that is not regular, such as a pipe, is written in place. */
bool save_file(Ctx *c, const char *path, const char *text, size_t n, unsigned mode) {
  struct stat st;
  bool exists = stat(path, &st) == 0, beside = !exists || S_ISREG(st.st_mode);
  char *real = exists && beside ? realpath(path, NULL) : NULL; /* a symbolic link stays one */
  const char *to = real ? ctx_strf(c, "%s", real) : path, *name = beside ? ctx_strf(c, "%s.XXXXXX", to) : to;
  free(real);
  mode_t mask = umask(0);
  umask(mask);
  bool read_only = exists && !mode && access(path, W_OK); /* a rename would succeed nevertheless */
  int fd = read_only ? -1 : beside ? mkstemp((char *)name) : open(name, O_WRONLY | O_CLOEXEC);
  bool ok = fd >= 0 && fd_write_all(fd, text, n);
  if (ok && beside) ok = !fchmod(fd, mode ? mode & ~mask : exists ? st.st_mode & 07777 : 0666 & ~mask);
  if (fd >= 0 && close(fd)) ok = false;
  if (ok && beside) ok = !rename(name, to);
  if (ok) return true;
  diag_error(c, E_FILE_WRITE, 0, 1, "%s: %s", path, strerror(errno));
  if (fd >= 0 && beside) unlink(name);
  return false;
}

static bool fits(const Module *m, const Var *v, const WeightView *t) {
  const Type *type = type_get(m, v->type);
  bool same = t->dtype == (int)type->dtype && t->rank == type->rank;
  for (int i = 0; same && i < t->rank; i++) same = t->dim[i] == type->dim[i];
  return same;
}

const void *const *load_weights(Module *m, const char *path, Weights **opened) {
  const char *why;
  const void **values = ctx_alloc(m->c, sizeof *values * (size_t)(m->nvar + 1));
  Weights *file = weights_read(path, &why);
  if (!file) {
    diag_error(m->c, E_WEIGHTS_MISMATCH, 0, 1, "%s", why);
    return NULL;
  }
  if (opened) *opened = file;
  for (int i = 0; i < m->nvar; i++) {
    const Var *v = &m->var[i];
    const WeightView *t = v->kind == VK_OPTIM ? NULL : weights_find(file, v->name);
    bool average = v->kind == VK_STATE && v->owner >= 0; /* a file without averages has its weights */
    if (!t && average) t = weights_find(file, m->var[v->owner].name);
    if (t && fits(m, v, t)) {
      values[i] = t->values;
    } else if (v->kind == VK_PARAM || t) {
      diag_error(m->c, E_WEIGHTS_MISMATCH, v->loc, 1, "%s: `%s` %s, the model has %s", path, v->name,
                 t ? "has another shape or element type" : "is missing", type_text(m, v->type));
      return NULL;
    }
  }
  return values;
}
