// SPDX-License-Identifier: Apache-2.0
/* gradc import: ONNX models to .nn files. */
#include "driver/driver.h"
#include "driver/onnx_check.h"
#include "driver/onnx_file.h"
#include <stdlib.h>
#include <string.h>

/* --dim NAME=N and --const NAME=FILE, which args.c lists in a->set. */
static bool read_settings(Args *a, Import *m) {
  Bound *bound = ctx_array(a->c, a->nset, sizeof *bound);
  m->given = ctx_array(a->c, a->nset, sizeof *m->given);
  m->bound = bound;
  for (int i = 0; i < a->nset; i++) {
    bool constant = !strncmp(a->set[i], "const ", 6);
    const char *s = a->set[i] + (constant ? 6 : 0), *eq = strchr(s, '='), *name;
    if (!eq || eq == s) {
      diag_error(a->c, E_USAGE, 0, 1, "`--%s` takes NAME=%s, not `%s`", constant ? "const" : "dim",
                 constant ? "FILE" : "N", s);
      return false;
    }
    name = ctx_intern(a->c, s, (size_t)(eq - s));
    if (constant) {
      const char *own;
      Given *g = &m->given[m->ngiven++];
      if (!onnx_file_tensor(a->c, eq + 1, &own, &g->value)) return false;
      g->name = name;
      g->constant = true;
      continue;
    }
    bound[m->nbound].name = name;
    if (!args_bytes(eq + 1, &bound[m->nbound++].size)) {
      diag_error(a->c, E_USAGE, 0, 1, "`--dim %s` takes a size of at least 1", s);
      return false;
    }
  }
  return true;
}

static int import_file(Args *a, const char *path, const char *dir) {
  Ctx *c = a->c;
  OnnxModel o;
  Import m = {.c = c, .model = &o, .folder = onnx_folder(c, path), .body = {.c = c}};
  if (!read_settings(a, &m)) return EXIT_USAGE;
  if (!onnx_file_model(c, path, &o)) return EXIT_MODEL;
  if (!import_run(&m)) {
    import_report(&m, path);
    return EXIT_MODEL;
  }
  const char *slash = strrchr(path, '/');
  size_t n;
  const char *text = import_text(&m, slash ? slash + 1 : path, &n);
  if (!make_folders(c, dir)) return EXIT_RESOURCES;
  if (m.nweight && !onnx_write_weights(&m, ctx_strf(c, "%s/model.safetensors", dir))) return EXIT_RESOURCES;
  return save_file(c, ctx_strf(c, "%s/model.nn", dir), text, n, 0) ? EXIT_OK : EXIT_RESOURCES;
}

int cmd_import(Args *a) {
  int status = EXIT_OK;
  if (args_has(a, OPT_import_check)) {
    for (int i = 0; i < a->noperand; i++) {
      int s = onnx_check_folder(a, a->operand[i]);
      if (s) status = s;
    }
    return status;
  }
  if (a->noperand != 1 || !args_has(a, OPT_output)) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`gradc import` takes one model and `-o DIR`");
    diag_help(a->c, d, "gradc import %s -o model/", a->operand[0]);
    return EXIT_USAGE;
  }
  return import_file(a, a->operand[0], a->value[OPT_output]);
}
