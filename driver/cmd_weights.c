// SPDX-License-Identifier: Apache-2.0
/* gradc weights: lists, converts, renames and compares files of weights. */
#include "driver/driver.h"
#include "driver/table.h"
#include "lib/embed.h"
#include "runtime/json.h"
#include "weights/rules.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool open_file(Args *a, const char *path, bool values, WeightFile *w) {
  char err[ERR_TEXT];
  if (weights_open(path, values, w, err)) return true;
  Diag *d = diag_error(a->c, w->unsafe ? E_WEIGHTS_CODE : E_WEIGHTS_FILE, 0, 1, "%s", err);
  if (w->unsafe) diag_help(a->c, d, "nothing was run; in PyTorch, torch.save(model.state_dict(), FILE) saves tensors");
  return false;
}

/* ---- rules ---- */

/* The text of --map: the name of one in gradc, or a file. */
static const char *rules_text(Args *a, const char *path, size_t *n) {
  const char *text = embed_text(ctx_strf(a->c, "weights/maps/%s.map", path), n);
  Bytes b;
  char err[ERR_TEXT];
  if (text) return text;
  if (io_read_all(path, &b, err)) {
    *n = b.n;
    return (const char *)b.p;
  }
  Str names = {.c = a->c};
  for (int i = 0; i < nembedded; i++) {
    const char *name = embedded[i].name, *base = name + strlen("weights/maps/");
    if (strncmp(name, "weights/maps/", strlen("weights/maps/")) != 0) continue;
    str_printf(&names, "%s%.*s", names.n ? ", " : "", (int)strcspn(base, "."), base);
  }
  Diag *d = diag_error(a->c, E_FILE_READ, 0, 1, "%s", err);
  diag_help(a->c, d, "maps that gradc has: %s", names.s);
  return NULL;
}

static bool apply_map(Args *a, WeightFile *w) {
  const char *path = a->value[OPT_map];
  char err[ERR_TEXT];
  size_t n;
  WeightRules r;
  int untouched = 0;
  if (!path) return true;
  const char *text = rules_text(a, path, &n);
  if (!text) return false;
  bool ok = rules_parse(&r, text, n, err) && rules_apply(&r, w, &untouched, err);
  rules_free(&r);
  if (!ok) diag_error(a->c, E_WEIGHTS_RULES, 0, 1, "%s: %s", path, err);
  if (ok && untouched)
    fprintf(stderr, "%d tensor%s, which no rule of %s matches, keep%s the name\n", untouched, untouched > 1 ? "s" : "",
            path, untouched > 1 ? "" : "s");
  return ok;
}

/* ---- the model's weights ---- */

static const char *shape_text(Ctx *c, const StTensor *t, const char *between) {
  Str s = {.c = c};
  str_puts(&s, "[");
  for (int i = 0; i < t->rank; i++) str_printf(&s, "%s%lld", i ? between : "", (long long)t->dim[i]);
  str_puts(&s, "]");
  return s.s;
}

static bool fit_var(Args *a, Module *m, const Var *v, WeightFile *w) {
  const Type *type = type_get(m, v->type);
  char err[ERR_TEXT];
  StTensor *t = (StTensor *)st_find(&w->f, v->name);
  if (!t && v->kind == VK_STATE) return true; /* keeps its initial value */
  bool same = t && t->rank == type->rank;
  for (int i = 0; same && i < t->rank; i++) same = t->dim[i] == type->dim[i];
  if (!same || !weights_cast(&w->f, t, (GcDType)type->dtype, err)) {
    diag_error(a->c, E_WEIGHTS_MISMATCH, v->loc, 1, "`%s` %s, the model has %s", v->name,
               !t     ? "is missing"
               : same ? "has another element type"
                      : ctx_strf(a->c, "is %s%s", t->type, shape_text(a->c, t, ", ")),
               type_text(m, v->type));
    return false;
  }
  return true;
}

/* --for m.nn: all weights are there, in their shapes; element types become the model's, other tensors are left out. */
static bool fit_model(Args *a, WeightFile *w) {
  if (!args_has(a, OPT_for)) return true;
  Module *m = load_module(a, a->value[OPT_for]);
  bool ok = m != NULL;
  for (int i = 0; m && i < m->nvar; i++)
    if (m->var[i].kind != VK_OPTIM) ok &= fit_var(a, m, &m->var[i], w);
  int kept = 0;
  for (int i = 0; ok && i < w->f.n; i++) {
    bool used = false;
    for (int k = 0; k < m->nvar; k++) used |= !strcmp(m->var[k].name, w->f.t[i].name);
    if (used) w->f.t[kept++] = w->f.t[i];
  }
  if (ok && kept < w->f.n)
    fprintf(stderr, "%d tensor%s left out, which %s does not have\n", w->f.n - kept,
            w->f.n - kept > 1 ? "s are" : " is", a->value[OPT_for]);
  if (ok) w->f.n = kept;
  return ok;
}

/* ---- listing ---- */

static void list_json(Ctx *c, const WeightFile *w) {
  Str s = {.c = c};
  for (int i = 0; i < w->f.nmeta; i++) {
    str_puts(&s, "{\"key\":");
    str_json(&s, w->f.meta[i].key);
    str_puts(&s, ",\"value\":");
    str_json(&s, w->f.meta[i].value);
    str_puts(&s, "}\n");
  }
  for (int i = 0; i < w->f.n; i++) {
    const StTensor *t = &w->f.t[i];
    str_puts(&s, "{\"name\":");
    str_json(&s, t->name);
    str_printf(&s, ",\"type\":\"%s\",\"shape\":%s,\"bytes\":%zu}\n", t->given, shape_text(c, t, ","), t->bytes);
  }
  if (s.n) fwrite(s.s, 1, s.n, stdout);
}

static bool is_hash(const StMeta *m) { return !strncmp(m->key, "hash.", 5); }

static void list(Ctx *c, const WeightFile *w) {
  const StFile *f = &w->f;
  Table t = table_new(c, f->n);
  int name = table_column(&t, "name", 9, false), type = table_column(&t, "type", 5, false);
  int shape = table_column(&t, "shape", 5, false), bytes = table_column(&t, "bytes", 1, true);
  double elements = 0, total = 0;
  for (int i = 0; i < f->n; i++) {
    table_set_cell(&t, name, i, f->t[i].name);
    table_set_cell(&t, type, i, f->t[i].given);
    table_set_cell(&t, shape, i, shape_text(c, &f->t[i], ", "));
    table_set_cell(&t, bytes, i, ctx_strf(c, "%zu", f->t[i].bytes));
    elements += (double)weights_count(&f->t[i]);
    total += (double)f->t[i].bytes;
  }
  table_print(&t, 0);
  printf("%s: %d tensors, %.0f elements, %.0f bytes\n", w->format, f->n, elements, total);
  for (int i = 0; i < f->nmeta; i++)
    if (!is_hash(&f->meta[i])) printf("%s = %.200s\n", f->meta[i].key, f->meta[i].value);
}

/* ---- comparing ---- */

/* One line, or object, for a tensor that differs. x: the largest difference; < 0: none can be computed. */
static void differs(Args *a, const char *name, const char *what, const char *key, double x) {
  Str s = {.c = a->c};
  if (!args_has(a, OPT_json)) {
    if (x >= 0) printf("%s: max |difference| %g\n", name, x);
    else printf("%s: %s\n", name, what);
    return;
  }
  str_puts(&s, "{\"name\":");
  str_json(&s, name);
  str_printf(&s, ",\"%s\":", key);
  if (x >= 0 && isfinite(x)) str_printf(&s, "%.9g", x);
  else str_json(&s, what);
  puts(ctx_strf(a->c, "%s}", s.s));
}

static bool same_shape(const StTensor *x, const StTensor *y) {
  return x->rank == y->rank && !memcmp(x->dim, y->dim, (size_t)x->rank * sizeof *x->dim);
}

static int compare(Args *a, const WeightFile *x, const WeightFile *y) {
  int n = 0, equal = 0;
  double most = 0;
  for (int i = 0, k = 0; i < x->f.n || k < y->f.n;) {
    const StTensor *s = i < x->f.n ? &x->f.t[i] : NULL, *t = k < y->f.n ? &y->f.t[k] : NULL;
    int order = !s ? 1 : !t ? -1 : strcmp(s->name, t->name);
    double d = order || !same_shape(s, t) ? -1 : weights_distance(&x->f, s, &y->f, t);
    if (order) differs(a, order < 0 ? s->name : t->name, order < 0 ? "only in A" : "only in B", "only_in", -1);
    else if (d < 0)
      differs(a, s->name, ctx_strf(a->c, "%s and %s", shape_text(a->c, s, ", "), shape_text(a->c, t, ", ")), "shapes",
              -1);
    else if (d > 0) differs(a, s->name, "not finite", "max_difference", d);
    if (d > most) most = d;
    d == 0 ? equal++ : n++;
    i += order <= 0;
    k += order >= 0;
  }
  if (!args_has(a, OPT_json)) printf("%d tensors are equal, %d differ; max |difference| %g\n", equal, n, most);
  return n ? EXIT_MODEL : EXIT_OK;
}

static int diff(Args *a) {
  WeightFile x, y;
  if (a->noperand != 2) {
    diag_error(a->c, E_USAGE, 0, 1, "`gradc weights --diff` takes two files");
    return EXIT_USAGE;
  }
  if (!open_file(a, a->operand[0], true, &x) || !open_file(a, a->operand[1], true, &y) || !apply_map(a, &x))
    return EXIT_MODEL;
  int status = compare(a, &x, &y);
  st_free(&x.f);
  st_free(&y.f);
  return status;
}

/* ---- the command ---- */

/* What this writer adds itself. */
static void drop_metadata(StFile *f) {
  int kept = 0;
  for (int i = 0; i < f->nmeta; i++)
    if (!is_hash(&f->meta[i]) && strcmp(f->meta[i].key, "format") != 0) f->meta[kept++] = f->meta[i];
  f->nmeta = kept;
}

int cmd_weights(Args *a) {
  const char *out = a->value[OPT_output];
  char err[ERR_TEXT];
  WeightFile w;
  if (args_has(a, OPT_diff)) return diff(a);
  if (a->noperand != 1 || (out && !weights_suffix(out))) {
    diag_error(a->c, E_USAGE, 0, 1,
               a->noperand != 1 ? "`gradc weights` takes one file, or two with --diff"
                                : "`-o %s`: the suffix says the format, .safetensors or .npz",
               out);
    return EXIT_USAGE;
  }
  if (!open_file(a, a->operand[0], out != NULL || args_has(a, OPT_for), &w) || !apply_map(a, &w) || !fit_model(a, &w))
    return EXIT_MODEL;
  if (!out) {
    if (args_has(a, OPT_json)) list_json(a->c, &w);
    else list(a->c, &w);
    return EXIT_OK;
  }
  drop_metadata(&w.f);
  if (weights_write(&w.f, out, err)) return EXIT_OK;
  diag_error(a->c, E_FILE_WRITE, 0, 1, "%s", err);
  return EXIT_RESOURCES;
}
