// SPDX-License-Identifier: Apache-2.0
/* gradc import: ONNX models to .nn files. */
#include "driver/driver.h"
#include "driver/onnx_check.h"
#include "driver/onnx_file.h"
#include <stdlib.h>
#include <string.h>

/* N: all sizes up to N where that is possible; 1..N: all; N..N: that one. */
static bool read_size(const char *s, Bound *b) {
  const char *dots = strstr(s, ".."), *to = dots ? dots + 2 : s;
  bool one = dots && (size_t)(dots - s) == strlen(to) && !strncmp(s, to, strlen(to));
  if (!args_bytes(to, &b->size)) return false;
  b->open = !one && (!dots || !strncmp(s, "1..", 3)) && b->size > 1;
  b->must = b->open && dots;
  return !dots || one || !strncmp(s, "1..", 3);
}

/* Without 1..N only a single size can stay open. */
static void fix_sizes(Bound *b, int n) {
  bool must = false;
  for (int i = 0; i < n; i++) must |= b[i].must;
  for (int i = 0; i < n; i++) b[i].open = b[i].must || (b[i].open && n == 1 && !must);
}

/* The name in front of the `=` of a setting; NULL: reported. */
static const char *name_of(Args *a, OptionId o, const char *s) {
  const char *eq = strchr(s, '=');
  if (eq && eq > s && eq[1]) return ctx_intern(a->c, s, (size_t)(eq - s));
  diag_error(a->c, E_USAGE, 0, 1, "`%s` takes %s, not `%s`", option_info[o].flag, option_info[o].value, s);
  return NULL;
}

static bool read_constants(Args *a, Import *m) {
  m->given = ctx_array(a->c, a->nconstant, sizeof *m->given);
  for (int i = 0; i < a->nconstant; i++) {
    const char *own, *name = name_of(a, OPT_const, a->constant[i]);
    Given *g = &m->given[m->ngiven++];
    if (!name || !onnx_file_tensor(a->c, strchr(a->constant[i], '=') + 1, &own, &g->value)) return false;
    g->name = name;
    g->constant = true;
  }
  return true;
}

static bool read_sizes(Args *a, Import *m) {
  Bound *bound = ctx_array(a->c, a->nset, sizeof *bound);
  m->bound = bound;
  int open = 0;
  for (int i = 0; i < a->nset; i++) {
    Bound *b = &bound[m->nbound++];
    const char *s = a->set[i];
    if (!(b->name = name_of(a, OPT_dim, s))) return false;
    if (!read_size(strchr(s, '=') + 1, b)) {
      diag_error(a->c, E_USAGE, 0, 1, "`--dim %s` takes a size of at least 1, 1..N for all up to N, or N..N", s);
      return false;
    }
    if (b->must && open++) {
      diag_error(a->c, E_USAGE, 0, 1, "`--dim %s`: only one size may stay open", s);
      return false;
    }
  }
  fix_sizes(bound, m->nbound);
  return true;
}

static Bound *open_bound(const Import *m) {
  for (int i = 0; i < m->nbound; i++)
    if (m->bound[i].open) return (Bound *)&m->bound[i];
  return NULL;
}

static bool import_one(Import *m, const char *path) {
  if (import_run(m)) return true;
  import_report(m, path);
  return false;
}

/* Imports with several sizes instead of the open one; m is the last import. NULL: reported, or, if it need not stay
 * open, m and the size are as before. */
static const char *open_text(Import *m, Bound *b, const char *path, const char *source, size_t *n) {
  static const int64_t size[OPEN_SIZES] = {5, 7, 11};
  const char *merged = NULL;
  bool used = true;
  const int64_t bound = b->size;
  Import one[OPEN_SIZES];
  int i = 0;
  for (; i < OPEN_SIZES; i++) {
    b->size = size[i];
    one[i] = *m;
    if (!(b->must ? import_one(&one[i], path) : import_run(&one[i]))) break;
  }
  b->size = bound;
  if (i < OPEN_SIZES) return NULL;
  if (import_open_weights(one)) merged = import_open(one, source, size, import_word(m->c, b->name), bound, &used, n);
  if (!used) {
    if (b->must) diag_error(m->c, E_ONNX_SHAPE, 0, 1, "%s: no input has the open dimension `%s`", path, b->name);
    b->open = false;
    return NULL;
  }
  if (merged) *m = one[0];
  if (merged || !b->must) return merged;
  Diag *d = diag_error(m->c, E_ONNX_SHAPE, 0, 1,
                       "%s: what it computes depends on the size `%s` in another way than linear", path, b->name);
  diag_help(m->c, d, "give it one size: --dim %s=%lld", b->name, (long long)bound);
  return NULL;
}

static int import_file(Args *a, const char *path, const char *dir) {
  Ctx *c = a->c;
  OnnxModel o;
  Import m = {.c = c, .model = &o, .folder = onnx_folder(c, path)};
  if (!read_sizes(a, &m) || !read_constants(a, &m)) return EXIT_USAGE;
  if (!onnx_file_model(c, path, &o)) return EXIT_MODEL;
  if (!onnx_read_given(c, &o, ctx_strf(c, "%s/test_data_set_0", m.folder), &m)) return EXIT_MODEL;
  const char *slash = strrchr(path, '/'), *source = slash ? slash + 1 : path, *text = NULL;
  Bound *open = open_bound(&m);
  size_t n;
  if (open) text = open_text(&m, open, path, source, &n);
  if (!text && !(open && open->must) && import_one(&m, path)) {
    if (open && open->open)
      fprintf(stderr,
              "note: `%s` is %lld and no other size: what is computed depends on it in another way than linear\n",
              open->name, (long long)open->size);
    m.tests = onnx_test_blocks(c, &m, &o, m.folder);
    text = import_text(&m, source, &n);
  }
  if (!text) return EXIT_MODEL;
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
