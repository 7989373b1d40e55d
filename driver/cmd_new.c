/* SPDX-License-Identifier: Apache-2.0 */
/* gradc new: a folder with a model and made-up data, which trains as it is. */
#include "driver/driver.h"
#include "driver/new.h"
#include "lib/embed.h"
#include "runtime/io.h"
#include <stdio.h>
#include <string.h>

typedef bool DataFn(Ctx *c, const char *dir);
static const struct {
  const char *kind;
  DataFn *data; /* NULL: none */
  const char *steps;
} kinds[] = {
  {"csv", new_leaves, "gradc build %s.nn -o %s && ./%s predict --input leaves.csv"},
  {"images", new_shapes, "gradc build %s.nn -o %s && ./%s predict --input shapes/circle"},
  {"text", new_text, "gradc build %s.nn -o %s && ./%s eval"},
  {"mcu", NULL, "gradc emit --project=make --target=cortex-m4 %s.nn -o %s-m4 && make -C %s-m4 run"},
  {"gpt", new_text, "gradc build %s.nn -o %s && ./%s eval"},
};
enum { NKINDS = sizeof kinds / sizeof *kinds };

static int unknown_kind(Ctx *c, const char *kind) {
  const char *words[NKINDS];
  for (int i = 0; i < NKINDS; i++) words[i] = kinds[i].kind;
  Diag *d = diag_error(c, E_USAGE, 0, 1, "there is no kind of project `%s`", kind);
  const char *near = diag_suggest(c, kind, words, NKINDS);
  if (near) diag_help(c, d, "did you mean `%s`?", near);
  else diag_help(c, d, "the kinds are csv, images, text, mcu and gpt");
  return EXIT_USAGE;
}

/* The name is that of a folder, of a file and of a program. */
static bool valid_name(Ctx *c, const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (*name && *name != '-' && strlen(name) <= 100 && !name[strspn(name, letters)]) return true;
  Diag *d = diag_error(c, E_USAGE, 0, 1, "`%s` is no name of a project", name);
  diag_help(c, d, "a name has letters, digits, `_` and `-`");
  return false;
}

bool new_file(Ctx *c, const char *dir, const char *name, const char *text, size_t n) {
  return save_file(c, ctx_strf(c, "%s/%s", dir, name), text, n, 0);
}

static bool write_model(Ctx *c, const char *kind, const char *name) {
  size_t n;
  const char *text = embed_text(ctx_strf(c, "driver/new/%s.nn", kind), &n), *at = strstr(text, "NAME");
  Str s = {.c = c};
  str_put(&s, text, (size_t)(at - text));
  str_puts(&s, name);
  str_put(&s, at + 4, n - (size_t)(at + 4 - text));
  return new_file(c, name, ctx_strf(c, "%s.nn", name), s.s, s.n);
}

int cmd_new(Args *a) {
  const char *kind = a->operand[0], *name = a->operand[1];
  int k = 0;
  while (k < NKINDS && strcmp(kinds[k].kind, kind)) k++;
  if (k == NKINDS) return unknown_kind(a->c, kind);
  if (!valid_name(a->c, name)) return EXIT_USAGE;
  if (io_exists(name)) {
    diag_error(a->c, E_FILE_WRITE, 0, 1, "%s is there already", name);
    return EXIT_RESOURCES;
  }
  if (!make_folders(a->c, name) || !write_model(a->c, kind, name) || (kinds[k].data && !kinds[k].data(a->c, name)))
    return EXIT_RESOURCES;
  printf("cd %s\ngradc run %s.nn\n", name, name);
  printf(kinds[k].steps, name, name, name);
  putchar('\n');
  return EXIT_OK;
}
