/* Reading and writing of what the commands work on. */
#include "driver/driver.h"
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

Module *load_module(Args *a, const char *path) {
  Options opt = {.strict = !args_has(a, OPT_fp) ? a->cmd != CMD_build && a->cmd != CMD_run && a->cmd != CMD_report
                                                : !strcmp(a->value[OPT_fp], "strict"),
                 .off = a->off, .verify = args_has(a, OPT_verify), .align = 64, .infer_only = args_has(a, OPT_only)};
  Module *m;
  if (ends_with(path, ".ir") || a->cmd == CMD_opt) {
    Loc start;
    if (!load_source(a->c, path, &start)) return NULL;
    m = ir_parse(a->c, start);
    m->opt = opt;
  } else {
    m = elab_file(a->c, path, &opt);
  }
  if (!m || diag_errors(a->c)) return NULL;
  return m;
}

Module *load_planned(Args *a, const char *path) {
  Module *m = load_module(a, path);
  return m && passes_run(m, &(PassRun){0}) ? m : NULL;
}

bool save_file(Ctx *c, const char *path, const char *text, size_t n) {
  errno = 0;
  FILE *f = fopen(path, "wb");
  bool well = f && fwrite(text, 1, n, f) == n;
  if (f && fclose(f)) well = false;
  if (!well) diag_error(c, E_WRITE, 0, 1, "%s: %s", path, errno ? strerror(errno) : "could not be written");
  return well;
}

void json_string(Str *s, const char *text) {
  str_puts(s, "\"");
  for (const char *p = text; *p; p++) {
    unsigned char ch = (unsigned char)*p;
    if (ch == '"' || ch == '\\') str_printf(s, "\\%c", ch);
    else if (ch < 0x20) str_printf(s, "\\u%04x", ch);
    else str_put(s, p, 1);
  }
  str_puts(s, "\"");
}
