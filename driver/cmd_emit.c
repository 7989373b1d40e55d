/* SPDX-License-Identifier: Apache-2.0 */
/* gradc emit: the model as portable C or CUDA. */
#include "codegen/codegen.h"
#include "driver/project.h"
#include "driver/toolchain.h"
#include "driver/weights_file.h"
#include "lib/embed.h"
#include "lib/pipeline.h"
#include "passes/pass.h"
#include "passes/transform/strip.h"
#include "runtime/json.h"
#include "runtime/rt.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The names in a JSON list; their number. */
static int read_names(Ctx *c, const char *list, const char ***name) {
  char err[ERR_TEXT];
  Json j = {list, list + strlen(list), err};
  int n = 0, cap = 0;
  if (!json_expect(&j, '[')) return 0;
  do {
    char *s = json_string(&j);
    if (!s) break;
    *VEC_PUSH(c, *name, n, cap) = ctx_strf(c, "%s", s);
    bool line = !strchr(s, '\n') && strlen(s) < 2000;
    rt_free(s);
    if (!line) return 0; /* no macro can have it */
  } while (json_accept(&j, ','));
  return n;
}

/* What the weights file says of the classes of fields, "classes.SECTION.FIELD". Fields of several columns with classes
 * are left out; of fields with one name in several sections those of the first count. */
static void name_classes(Module *m, Weights *file, EmitOptions *o) {
  static const char of[] = "classes.";
  ClassNames *all = NULL;
  const char *key, *list;
  int cap = 0;
  for (int i = 0; weights_note(file, i, &key, &list); i++) {
    const char *dot = strncmp(key, of, sizeof of - 1) ? NULL : strchr(key + sizeof of - 1, '.');
    ClassNames k = {.field = dot ? ctx_strf(m->c, "%s", dot + 1) : NULL};
    bool known = !dot || strchr(dot + 1, '.');
    for (int n = 0; n < o->nclasses && !known; n++) known = !strcmp(all[n].field, k.field);
    if (!known && (k.n = read_names(m->c, list, &k.name))) *VEC_PUSH(m->c, all, o->nclasses, cap) = k;
  }
  o->classes = all;
}

/* Reads --weights, and tells the passes which variables are constant. */
static bool give_weights(Args *a, Module *m, EmitOptions *o) {
  const char *as = args_has(a, OPT_weights_as) ? a->value[OPT_weights_as] : "embed";
  o->weights_as = !strcmp(as, "blob") ? WEIGHTS_BLOB : !strcmp(as, "extern") ? WEIGHTS_EXTERN : WEIGHTS_EMBED;
  if (!args_has(a, OPT_weights)) return true;
  Weights *file;
  o->values = load_weights(m, a->value[OPT_weights], &file);
  if (!o->values) return false;
  name_classes(m, file, o);
  m->opt.rom = m->opt.infer_only && o->weights_as != WEIGHTS_BLOB && !args_has(a, OPT_cuda); /* a GPU's are in mem */
  for (int i = 0; i < m->nvar && o->weights_as != WEIGHTS_BLOB; i++) m->var[i].given = o->values[i] != NULL;
  module_drop_given_init(m);
  return true;
}

static int check_project(Args *a) {
  static const OptionId others[] = {OPT_cuda, OPT_native, OPT_weights_as};
  static const OptionId needed[] = {OPT_target, OPT_replace, OPT_json};
  bool project = args_has(a, OPT_project);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (project && args_has(a, others[i]) &&
        (others[i] != OPT_weights_as || strcmp(a->value[OPT_weights_as], "embed"))) {
      diag_error(a->c, E_USAGE, 0, 1, "`--project` and `%s` exclude each other", option_info[others[i]].flag);
      return EXIT_USAGE;
    }
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (!project && args_has(a, needed[i])) {
      diag_error(a->c, E_USAGE, 0, 1, "`%s` needs --project=KIND", option_info[needed[i]].flag);
      return EXIT_USAGE;
    }
  if (!project || args_has(a, OPT_target)) return EXIT_OK;
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`--project` needs --target=PROCESSOR");
  diag_help(a->c, d, "one of %s", option_info[OPT_target].choices);
  return EXIT_USAGE;
}

/* Reports combinations of options that make no sense. */
static int check_options(Args *a) {
  const char *as = args_has(a, OPT_weights_as) ? a->value[OPT_weights_as] : "";
  static const OptionId native[] = {OPT_cc, OPT_cflags, OPT_isa};
  for (size_t i = 0; i < sizeof native / sizeof *native; i++)
    if (args_has(a, native[i])) {
      diag_error(a->c, E_USAGE, 0, 1, "`%s` is of C for this machine: it needs --native", option_info[native[i]].flag);
      return EXIT_USAGE;
    }
  if (as[0] && !args_has(a, OPT_weights)) {
    diag_error(a->c, E_USAGE, 0, 1, "`--weights-as=%s` needs --weights=FILE", as);
    return EXIT_USAGE;
  }
  if (args_has(a, OPT_cuda) && args_has(a, OPT_c)) {
    diag_error(a->c, E_USAGE, 0, 1, "`--cuda` and `--c` exclude each other");
    return EXIT_USAGE;
  }
  if (args_has(a, OPT_cuda) && !strcmp(as, "extern")) {
    diag_error(a->c, E_USAGE, 0, 1, "`--weights-as=extern` maps a file into memory of the host, where a GPU's are not");
    return EXIT_USAGE;
  }
  if (args_has(a, OPT_forms) && !args_has(a, OPT_cuda)) {
    diag_error(a->c, E_USAGE, 0, 1, "`--forms` is of CUDA kernels: it needs --cuda");
    return EXIT_USAGE;
  }
  if (args_has(a, OPT_arch) && (!args_has(a, OPT_cuda) || strncmp(a->value[OPT_arch], "sm_", 3) != 0)) {
    diag_error(a->c, E_USAGE, 0, 1, "`--gpu` names what --cuda makes kernels for, such as sm_90a");
    return EXIT_USAGE;
  }
  if (!strcmp(as, "extern") && !args_has(a, OPT_only)) {
    diag_error(a->c, E_USAGE, 0, 1, "`--weights-as=extern` needs --only=infer: mapped weights are never written");
    return EXIT_USAGE;
  }
  return EXIT_OK;
}

/* The file's name without .nn; the module's name if it has another ending or characters that #include does not allow.
 * */
static const char *stem(const Module *m, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  bool source = dot && dot > base && !strcmp(dot, ".nn") && !strpbrk(base, "\"\\'?");
  for (const char *s = base; *s; s++) source &= (unsigned char)*s >= ' ' && *s != 127;
  return source ? ctx_strf(m->c, "%.*s", (int)(dot - base), base) : m->name;
}

/* --native: the C that `gradc build` compiles. */
static int emit_native(Args *a) {
  WorkFolder f;
  static const OptionId others[] = {OPT_c, OPT_cuda, OPT_only, OPT_weights, OPT_weights_as, OPT_forms, OPT_arch};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (args_has(a, others[i])) {
      diag_error(a->c, E_USAGE, 0, 1, "`--native` and `%s` exclude each other", option_info[others[i]].flag);
      return EXIT_USAGE;
    }
  if (!args_has(a, OPT_output) || !a->value[OPT_output][0]) a->value[OPT_output] = ".";
  if (!output_check(a, OPT_output, ".c .h", "a folder, with the C and a build.sh", "`-o .` writes them here"))
    return EXIT_USAGE;
  if (!temp_make(a->c, &f)) return EXIT_RESOURCES;
  int status = toolchain_build(a, &f, "program");
  temp_remove(&f);
  return status;
}

/* --project: `model` is what emit_program made. */
static int emit_project(Args *a, Module *m, const char *name, const Artifacts *model, const char *dir) {
  Project p = {.c = a->c, .m = m, .board = board_find(a->value[OPT_target]), .kind = a->value[OPT_project]};
  p.name = name;
  p.model = model;
  project_files(&p);
  int status = project_write(&p, dir, args_has(a, OPT_replace));
  if (status == EXIT_OK) project_report(&p, dir, args_has(a, OPT_json));
  return status;
}

int cmd_emit(Args *a) {
  Ctx *c = a->c;
  if (check_project(a) != EXIT_OK) return EXIT_USAGE;
  if (args_has(a, OPT_native)) return emit_native(a);
  int status = check_options(a);
  const char *ends = args_has(a, OPT_cuda) ? "cu" : "c";
  if (!output_check(a, OPT_output, ctx_strf(c, ".%s .h", ends),
                    ctx_strf(c, "a folder, with a .%s and a .h that are called after the model", ends),
                    "`-o .` writes them here"))
    return EXIT_USAGE;
  if (status != EXIT_OK) return status;
  Module *m = load_module(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  const char *name = args_has(a, OPT_project) ? m->name : stem(m, a->operand[0]);
  EmitOptions o = {.version = GRADC_VERSION, .flags = "", .builtin = embed_text, .header = ctx_strf(c, "%s.h", name)};
  o.plain_forms = args_has(a, OPT_forms) && !strcmp(a->value[OPT_forms], "plain");
  const Target *target = args_has(a, OPT_cuda) ? &target_cuda : &target_portable;
  m->opt.sm = args_sm(a->value[OPT_arch]);
  Artifacts out;
  if (!give_weights(a, m, &o) || !pipeline_plan(m) || !emit_program(m, target, &o, &out)) return EXIT_MODEL;
  const char *dir = args_has(a, OPT_output) ? a->value[OPT_output] : ".";
  if (!dir[0]) dir = ".";
  if (args_has(a, OPT_project)) return emit_project(a, m, name, &out, dir);
  const struct {
    const char *path;
    const Str *text;
  } file[] = {
    {ctx_strf(c, "%s/%s.%s", dir, name, ends), &out.code},
    {ctx_strf(c, "%s/%s", dir, o.header), &out.header},
    {ctx_strf(c, "%s/%s.weights", dir, name), &out.weights},
  };
  int n = out.weights.n ? 3 : 2, i = 0;
  if (!make_folders(c, dir)) return EXIT_RESOURCES;
  while (i < n && save_file(c, file[i].path, file[i].text->s, file[i].text->n, 0)) i++;
  for (int k = 0; k < i && i < n; k++) unlink(file[k].path); /* no partial output */
  return i == n ? EXIT_OK : EXIT_RESOURCES;
}
