/* SPDX-License-Identifier: Apache-2.0 */
/* After an internal error: a folder with what is needed to see it again. */
#include "driver/driver.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The messages of internal errors; "": there are none. */
static const char *internal_errors(Ctx *c) {
  Str s = {.c = c};
  DiagView v;
  const Diag *d;
  for (int i = 0; diag_view(c, i, &v, &d); i++)
    if (!v.warn && (v.code == E_INTERNAL || v.code == E_PASS_BROKE_GRAPH || v.code == E_PLAN_REFUSED))
      str_printf(&s, "%s\n", diag_text(c, d));
  return s.s ? s.s : "";
}

/* A new folder gradc-repro-N of the working folder; NULL: it cannot be made. */
static const char *make_folder(Ctx *c) {
  for (int i = 1; i < 1000; i++) {
    const char *name = ctx_strf(c, "gradc-repro-%d", i);
    if (!mkdir(name, 0777)) return name;
    if (errno != EEXIST) return NULL;
  }
  return NULL;
}

/* Where a source is put: by its path if that is below the working folder, else by its name. */
static const char *place_of(Ctx *c, const char *path) {
  const char *slash = strrchr(path, '/');
  bool inside = *path != '/' && strncmp(path, "../", 3) != 0 && !strstr(path, "/../");
  return inside || !slash ? path : ctx_strf(c, "%s", slash + 1);
}

static bool is_operand(const Args *a, const char *word) {
  for (int i = 0; i < a->noperand; i++)
    if (!strcmp(a->operand[i], word)) return true;
  return false;
}

/* The command as it was given, over the copies. */
static const char *script(const Args *a, int argc, char **argv) {
  Str s = {.c = a->c};
  str_puts(&s, "#!/bin/sh\n# gradc " GRADC_VERSION "\ncd \"$(dirname \"$0\")\" || exit 1\n\"${GRADC:-gradc}\"");
  for (int i = 1; i < argc; i++) {
    str_puts(&s, " '");
    for (const char *p = is_operand(a, argv[i]) ? place_of(a->c, argv[i]) : argv[i]; *p; p++)
      if (*p == '\'') str_puts(&s, "'\\''");
      else str_put(&s, p, 1);
    str_puts(&s, "'");
  }
  str_puts(&s, "\n");
  return s.s;
}

static bool save_source(Ctx *c, const char *folder, const char *name, const char *text, size_t n) {
  const char *to = ctx_strf(c, "%s/%s", folder, place_of(c, name)), *slash = strrchr(to, '/');
  return make_folders(c, ctx_strf(c, "%.*s", (int)(slash - to), to)) && save_file(c, to, text, n, 0);
}

const char *repro_write(const Args *a, int argc, char **argv) {
  Ctx *c = a->c;
  const char *errors = internal_errors(c), *folder = *errors ? make_folder(c) : NULL, *name, *text;
  size_t n;
  if (!folder) return NULL;
  bool ok = true;
  for (int i = 0; ok && (name = source_of_number(c, i, &text, &n)); i++)
    if (n && strncmp(name, "std/", 4) != 0 && strncmp(name, "runtime/", 8) != 0 && *name != '<' && *name != '-')
      ok = save_source(c, folder, name, text, n);
  const char *sh = script(a, argc, argv);
  ok = ok && save_file(c, ctx_strf(c, "%s/run.sh", folder), sh, strlen(sh), 0777) &&
       save_file(c, ctx_strf(c, "%s/message.txt", folder), errors, strlen(errors), 0);
  return ok ? folder : NULL;
}
