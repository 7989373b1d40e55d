/* Reading and writing of what the commands work on. */
#include "codegen/c/tile.h"
#include "driver/driver.h"
#include "driver/embed.h"
#include "frontend/elab.h"
#include "passes/pass.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { E_READ = 501, E_WRITE = 502 };

static bool read_stdin(Ctx *c, Loc *start) {
  Str s = {.c = c};
  char buf[65536];
  for (size_t n; (n = fread(buf, 1, sizeof buf, stdin)) > 0;) str_put(&s, buf, n);
  if (ferror(stdin)) return false;
  *start = source_add(c, "<stdin>", s.s ? s.s : "", s.n);
  return true;
}

bool load_source(Ctx *c, const char *path, Loc *start) {
  errno = 0;
  if (strcmp(path, "-") ? source_read(c, path, start) : read_stdin(c, start)) return true;
  diag_error(c, E_READ, 0, 1, "%s: %s", path, errno ? strerror(errno) : "could not be read");
  return false;
}

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

static const char *carried(const char *name, size_t *n) {
  const Embedded *e = embed_find(name);
  if (e) *n = e->n;
  return e ? e->text : NULL;
}

/* build and run are fast unless told otherwise, and report plans what they would; all else is exact. */
static bool is_strict(const Args *a) {
  if (args_has(a, OPT_fp)) return !strcmp(a->value[OPT_fp], "strict");
  return !((unsigned)(C_build | C_run | C_report) >> a->cmd & 1);
}

Module *load_module(Args *a, const char *path) {
  ElabOptions o = {.carried = carried};
  o.opt = (Options){.strict = is_strict(a), .off = a->off, .verify = args_has(a, OPT_verify), .align = 64,
                    .infer_only = args_has(a, OPT_only)};
  if ((unsigned)(C_build | C_run | C_report) >> a->cmd & 1) o.opt.panel = TILE_PANEL; /* what native kernels read */
  int errors = diag_errors(a->c);
  Loc start;
  Module *m;
  if (!load_source(a->c, path, &start)) return NULL;
  if (a->cmd == CMD_opt || ends_with(path, ".ir")) {
    m = ir_parse(a->c, start);
    m->opt = o.opt;
  } else {
    m = elaborate(a->c, start, path, &o);
  }
  if (diag_errors(a->c) > errors) return NULL;
  if (o.opt.infer_only) module_infer_only(m);
  return m;
}

static int head_len(const TrainInfo *t) { return (int)strlen(t->name[0] ? t->name : "train"); }

/* What is planned has one training step, or none. */
static bool one_train(const Module *m) {
  const TrainInfo *t = m->train;
  if (m->ntrain <= 1) return true;
  Diag *d = diag_error(m->c, 715, t[1].loc, head_len(&t[1]),
                       "a second train section: a program trains by one in this version");
  diag_label(m->c, d, t[0].loc, head_len(&t[0]), "the first one");
  return false;
}

Module *load_planned(Args *a, const char *path) {
  Module *m = load_module(a, path);
  return m && one_train(m) && passes_run(m, &(PassRun){0}) ? m : NULL;
}

bool save_file(Ctx *c, const char *path, const char *text, size_t n) {
  errno = 0;
  FILE *f = fopen(path, "wb");
  bool well = f && fwrite(text, 1, n, f) == n;
  if (f && fclose(f)) well = false;
  if (!well) diag_error(c, E_WRITE, 0, 1, "%s: %s", path, errno ? strerror(errno) : "could not be written");
  return well;
}

void put_json_text(Str *s, const char *text) {
  str_puts(s, "\"");
  for (const char *p = text; *p; p++) {
    unsigned char ch = (unsigned char)*p;
    if (ch == '"' || ch == '\\') str_printf(s, "\\%c", ch);
    else if (ch < 0x20) str_printf(s, "\\u%04x", ch);
    else str_put(s, p, 1);
  }
  str_puts(s, "\"");
}
