/* gradc emit: the model as portable C. */
#include "codegen/codegen.h"
#include "driver/driver.h"
#include "lib/embed.h"
#include "lib/unit.h"
#include "passes/pass.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the passes must know of the weights that the program brings. */
static bool give_weights(Args *a, Module *m, EmitOptions *o) {
  const char *as = args_has(a, OPT_weights_as) ? a->value[OPT_weights_as] : "embed";
  o->weights_as = !strcmp(as, "blob") ? WEIGHTS_BLOB : !strcmp(as, "extern") ? WEIGHTS_EXTERN : WEIGHTS_EMBED;
  if (!args_has(a, OPT_weights)) return true;
  o->values = load_weights(m, a->value[OPT_weights]);
  if (!o->values) return false;
  m->opt.rom = m->opt.infer_only && o->weights_as != WEIGHTS_BLOB;
  for (int i = 0; i < m->nvar && o->weights_as != WEIGHTS_BLOB; i++) m->var[i].given = o->values[i] != NULL;
  module_given(m);
  return true;
}

/* Refuses combinations of options that mean nothing. */
static int check_options(Args *a) {
  const char *as = args_has(a, OPT_weights_as) ? a->value[OPT_weights_as] : "";
  if (as[0] && !args_has(a, OPT_weights)) {
    diag_error(a->c, 500, 0, 1, "`--weights-as=%s` needs --weights=FILE", as);
    return EXIT_USAGE;
  }
  if (!strcmp(as, "extern") && !args_has(a, OPT_only)) {
    diag_error(a->c, 500, 0, 1, "`--weights-as=extern` needs --only=infer: mapped weights are never written");
    return EXIT_USAGE;
  }
  return EXIT_WELL;
}

static bool make_folders(Ctx *c, const char *dir) {
  char *path = ctx_strf(c, "%s", dir);
  for (char *p = path + 1;; p++) {
    char end = *p;
    if (end && end != '/') continue;
    *p = 0;
    if (mkdir(path, 0777) && errno != EEXIST) {
      diag_error(c, 502, 0, 1, "%s: %s", path, strerror(errno));
      return false;
    }
    *p = end;
    if (!end) return true;
  }
}

/* The file's name without its ending; that of the module where it has none, or holds what C gives a meaning of its own
 * in an #include. */
static const char *stem(const Module *m, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  bool source = dot && dot > base && !strcmp(dot, ".nn") && !strpbrk(base, "\"\\'?");
  for (const char *s = base; *s; s++) source &= (unsigned char)*s >= ' ' && *s != 127;
  return source ? ctx_strf(m->c, "%.*s", (int)(dot - base), base) : m->name;
}

int cmd_emit(Args *a) {
  Ctx *c = a->c;
  int status = check_options(a);
  if (!output_fits(a, OPT_output, ".c .h", "a folder, with a .c and a .h that are called after the model",
                   "`-o .` writes them here"))
    return EXIT_USAGE;
  if (status != EXIT_WELL) return status;
  Module *m = load_module(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  const char *name = stem(m, a->operand[0]);
  EmitOptions o = {.version = GRADC_VERSION, .flags = "", .carried = embed_text, .header = ctx_strf(c, "%s.h", name)};
  Str code = {.c = c}, header = {.c = c}, weights = {.c = c};
  if (!give_weights(a, m, &o) || !unit_plan(m) || !emit_portable(m, &o, &code, &header)) return EXIT_MODEL;
  emit_weights(m, &o, &weights);
  const char *dir = args_has(a, OPT_output) ? a->value[OPT_output] : ".";
  if (!dir[0]) dir = ".";
  const struct { const char *path; const Str *text; } file[] = {
    {ctx_strf(c, "%s/%s.c", dir, name), &code}, {ctx_strf(c, "%s/%s", dir, o.header), &header},
    {ctx_strf(c, "%s/%s.weights", dir, name), &weights},
  };
  int n = weights.n ? 3 : 2, i = 0;
  if (!make_folders(c, dir)) return EXIT_RESOURCES;
  while (i < n && save_file(c, file[i].path, file[i].text->s, file[i].text->n, 0)) i++;
  for (int k = 0; k < i && i < n; k++) unlink(file[k].path); /* half of a program is of no use */
  return i == n ? EXIT_WELL : EXIT_RESOURCES;
}
