// SPDX-License-Identifier: Apache-2.0
/* gradc export: exports of a model as files of ONNX. */
#include "driver/interpret.h"
#include "driver/onnx_case.h"
#include "export/export.h"
#include "passes/pass.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_MODEL = 2000000000 }; /* bytes; a protocol buffer has fewer than 2^31 */

/* The values of all weights: those of --weights, else the initial ones, which states that a file lacks have, too. */
static const void *const *all_values(Args *a, Module *m) {
  const void **values = ctx_array(a->c, m->nvar, sizeof *values);
  bool missing = false;
  if (args_has(a, OPT_weights)) {
    const void *const *given = load_weights(m, a->value[OPT_weights], NULL);
    if (!given) return NULL;
    memcpy(values, given, sizeof *values * (size_t)m->nvar);
  }
  for (int i = 0; i < m->nvar; i++) missing |= !values[i] && m->var[i].kind != VK_OPTIM;
  if (!missing) return values;
  Interp *in = interp_new(m, false);
  if (!interpret_init(in)) return NULL;
  for (int i = 0; i < m->nvar; i++) {
    if (values[i]) continue;
    void *to = ctx_alloc(a->c, (size_t)type_bytes(m, m->var[i].type) + 1);
    val_store(in->var[i], (DType)type_get(m, m->var[i].type)->dtype, to);
    values[i] = to;
  }
  interp_free(in);
  return values;
}

static bool write_external(Export *x, const char *path) {
  FILE *f = fopen(path, "wb");
  bool ok = f != NULL;
  for (int i = 0; ok && i < x->nread; i++) {
    size_t n = (size_t)type_bytes(x->m, x->m->var[x->read[i]].type);
    ok = fwrite(x->values[x->read[i]], 1, n, f) == n;
  }
  if (f && fclose(f)) ok = false;
  if (!ok) diag_error(x->c, E_FILE_WRITE, 0, 1, "%s: %s", path, strerror(errno));
  return ok;
}

/* One line: file, nodes, weights, bytes. */
static void print_line(const Export *x, const char *path, size_t n) {
  printf("%s: %d nodes, %d weights, %lld bytes%s%s\n", path, x->nodes, x->nread,
         (long long)n + (x->external ? (long long)x->bytes : 0), x->external ? ", weights in " : "",
         x->external ? x->external : "");
}

static int64_t weight_bytes(const Module *m, const Graph *g) {
  int64_t n = 0;
  for (Id i = 1; i < (Id)g->n; i++)
    if (node_var(g, i) >= 0) n += type_bytes((Module *)m, m->var[node_var(g, i)].type);
  return n;
}

static int write_export(Args *a, Module *m, const Graph *g, const void *const *values, const char *path) {
  Ctx *c = a->c;
  Export x = {.c = c, .m = m, .values = values, .version = GRADC_VERSION};
  const char *slash = strrchr(path, '/'), *data = ctx_strf(c, "%s.data", path);
  if (args_has(a, OPT_external) || weight_bytes(m, g) > LARGEST_MODEL)
    x.external = ctx_strf(c, "%s.data", slash ? slash + 1 : path);
  Str model;
  if (!export_model(&x, g, &model)) return EXIT_MODEL;
  if (slash && slash > path && !make_folders(c, ctx_strf(c, "%.*s", (int)(slash - path), path))) return EXIT_RESOURCES;
  if (!save_file(c, path, model.s, model.n, 0)) return EXIT_RESOURCES;
  if (x.external && !write_external(&x, data)) return EXIT_RESOURCES;
  print_line(&x, path, model.n);
  if (!args_has(a, OPT_test_data)) return EXIT_OK;
  const char *folder = ctx_strf(c, "%s/%s", a->value[OPT_test_data], g->name);
  if (!make_folders(c, ctx_strf(c, "%s/test_data_set_0", folder))) return EXIT_RESOURCES;
  if (!save_file(c, ctx_strf(c, "%s/model.onnx", folder), model.s, model.n, 0)) return EXIT_RESOURCES;
  if (x.external && !write_external(&x, ctx_strf(c, "%s/%s", folder, x.external))) return EXIT_RESOURCES;
  return onnx_write_case(m, g, values, ctx_strf(c, "%s/test_data_set_0", folder));
}

/* Of several exports, each in a file of its name: m.onnx becomes m.predict.onnx. */
static const char *path_of(Ctx *c, const char *path, const Graph *g, int n) {
  size_t len = strlen(path);
  if (n == 1) return path;
  bool ends = len > 5 && !strcmp(path + len - 5, ".onnx");
  return ctx_strf(c, "%.*s.%s.onnx", (int)(ends ? len - 5 : len), path, g->name);
}

static bool wanted(const Args *a, const Graph *g) {
  return g->kind == GK_EXPORT && (!args_has(a, OPT_def) || !strcmp(g->name, a->value[OPT_def]));
}

static bool check_usage(Args *a) {
  if (!args_has(a, OPT_onnx) || !args_has(a, OPT_output) || !a->value[OPT_output][0]) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`gradc export` needs --onnx and `-o FILE`");
    diag_help(a->c, d, "gradc export --onnx %s --weights model.safetensors -o model.onnx", a->operand[0]);
    return false;
  }
  return output_check(a, OPT_output, ".nn .safetensors", "an ONNX model", "`-o model.onnx`");
}

int cmd_export(Args *a) {
  if (!check_usage(a)) return EXIT_USAGE;
  Module *m = load_module(a, a->operand[0]);
  if (!m || !passes_run(m, &(PassRun){.list = "autodiff,simplify,cse,dce"})) return EXIT_MODEL;
  int n = 0, status = EXIT_OK;
  for (int i = 0; i < m->ngraph; i++) n += wanted(a, m->graph[i]);
  if (!n) {
    const char *def = a->value[OPT_def];
    if (def) diag_error(a->c, E_NO_SUCH_ENTRY, 0, 1, "%s has no `export def %s`", a->operand[0], def);
    else diag_error(a->c, E_NO_SUCH_ENTRY, 0, 1, "%s has no `export def`", a->operand[0]);
    return EXIT_MODEL;
  }
  const void *const *values = all_values(a, m);
  if (!values) return EXIT_MODEL;
  for (int i = 0; i < m->ngraph && status == EXIT_OK; i++)
    if (wanted(a, m->graph[i]))
      status = write_export(a, m, m->graph[i], values, path_of(a->c, a->value[OPT_output], m->graph[i], n));
  return status;
}
