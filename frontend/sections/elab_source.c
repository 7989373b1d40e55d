/* SPDX-License-Identifier: Apache-2.0 */
/* `source = csv("train.csv")` and the like. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_data.h"
#include "frontend/syntax/foreign.h"
#include <string.h>

typedef struct SourceKind {
  const char *name, *params;
} SourceKind;
static const SourceKind source_kinds[] = {
  {"csv", "header? sep? decimal? *"},
  {"idx", "*"},
  {"npy", "*"},
  {"npz", "*"},
  {"safetensors", "*"},
  {"jsonl", "*"},
  {"images", "*"},
  {"text", "path window"},
  {"tokens", "path dtype window"},
  {"uniform", "n lo hi columns?"},
  {"normal", "n mean? std? columns?"},
};
static const struct {
  const char *name, *help;
} unsupported_kinds[] = {
  {"mnist", "its files are read by idx(\"train-images-idx3-ubyte.gz\", \"train-labels-idx1-ubyte.gz\")"},
  {"cifar10", "its pictures are read by images(...), its arrays by npy(...)"},
  {"cifar100", "its pictures are read by images(...), its arrays by npy(...)"},
  {"arrow", "pandas or polars write it as csv, or numpy as npz"},
  {"feather", "pandas or polars write it as csv, or numpy as npz"},
  {"parquet", "pandas or polars write it as csv, or numpy as npz"},
  {"hdf5", "numpy writes its arrays as npz"},
};
enum {
  NKINDS = sizeof source_kinds / sizeof *source_kinds,
  NUNSUPPORTED = sizeof unsupported_kinds / sizeof *unsupported_kinds
};

static bool unknown_kind(Elab *e, const Ast *a, const char *name) {
  const char *words[NKINDS];
  const char *dot = strrchr(name, '.'), *known = dot ? strrchr(name, '_') : NULL; /* pd.read_csv, np.load_npy */
  for (int i = 0; i < NKINDS; i++) words[i] = source_kinds[i].name;
  for (int i = 0; i < NUNSUPPORTED; i++)
    if (foreign_same(known ? known + 1 : dot ? dot + 1 : name, unsupported_kinds[i].name)) {
      Diag *d = el_error(e, E_UNSUPPORTED_SOURCE, a, "the data source `%s` is not in this version", name);
      diag_help(e->c, d, "%s", unsupported_kinds[i].help);
      return false;
    }
  Diag *d = el_error(e, E_UNKNOWN_SOURCE, a, "unknown data source `%s`", name);
  const char *s = diag_suggest(e->c, name, words, NKINDS);
  for (int i = 0; known && i < NKINDS; i++)
    if (!strcmp(known + 1, words[i])) s = words[i];
  const char *foreign = foreign_name(e->c, dot ? ctx_name(e->c, dot + 1) : name, "x");
  if (s) diag_help(e->c, d, "did you mean `%s`?", s);
  else if (foreign) diag_help(e->c, d, "%s", foreign);
  else diag_help(e->c, d, "a source is csv, images, text, npy, npz, ...; `csv(\"rows.csv\")` reads a table");
  return false;
}

static bool add_path(Elab *e, DataInfo *d, const Arg *a, int *cap) {
  if (a->name || a->v.kind != V_STR || !a->v.s[0]) {
    el_error_at(e, E_SETTING_VALUE, a->at, a->len, "a path in quotes belongs here, not %s",
                a->name ? a->name : v_text(e, a->v));
    return false;
  }
  *VEC_PUSH(e->c, d->paths, d->npaths, *cap) = a->v.s;
  return true;
}

/* A number or a list of them, one per column. */
static bool columns(Elab *e, const Arg *a, double fallback, DataInfo *d, const double **out) {
  const List *l = a->set && a->v.kind == V_LIST ? a->v.list : NULL;
  int n = l ? l->n : 1;
  double *x = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *x);
  for (int i = 0; i < n; i++) {
    Value v = !a->set ? v_float(fallback) : l ? l->v[i] : a->v;
    if (v_number(v, &x[i])) continue;
    el_error_at(e, E_SETTING_VALUE, a->at, a->len, "numbers belong here, not %s", v_text(e, v));
    return false;
  }
  if (n > d->ncols) d->ncols = n;
  *out = x;
  return true;
}

/* A single number applies to every column. */
static bool widen(Elab *e, const DataInfo *d, const Arg *a, const char *other, const double **x) {
  int n = a->set && a->v.kind == V_LIST ? a->v.list->n : 1;
  if (n == d->ncols) return true;
  if (a->set && a->v.kind == V_LIST) {
    el_error_at(e, E_SETTING_VALUE, a->at, a->len, "%d numbers here, %d %s", n, d->ncols, other);
    return false;
  }
  double *w = ctx_alloc(e->c, (size_t)d->ncols * sizeof *w);
  for (int i = 0; i < d->ncols; i++) w[i] = (*x)[0];
  *x = w;
  return true;
}

static bool read_synthetic(Elab *e, Call *k, DataInfo *d) {
  bool normal = !strcmp(d->kind, "normal"), counted = k->arg[3].set;
  int64_t n = 0;
  const char *other = counted ? "columns" : "in the other list";
  if (!el_want_int(e, k, 0, 1, &d->count) || (counted && !el_want_int(e, k, 3, 1, &n))) return false;
  if (n > EL_MAX_ELEMENTS)
    return el_arg_reject(e, E_TOO_MANY_ELEMENTS, k, 3, "a record of more than %d numbers", EL_MAX_ELEMENTS);
  if (!columns(e, &k->arg[1], 0, d, &d->lo) || !columns(e, &k->arg[2], 1, d, &d->hi)) return false;
  if (counted) d->ncols = (int)n;
  if (!widen(e, d, &k->arg[1], other, &d->lo) || !widen(e, d, &k->arg[2], other, &d->hi)) return false;
  for (int i = 0; i < d->ncols; i++)
    if (!normal && d->lo[i] > d->hi[i])
      return el_arg_reject(e, E_STATIC_RANGE, k, 1, "`lo` is above `hi` in column %d", i);
  return true;
}

/* text(path, window); tokens(path, dtype, window), of u16 or u32. */
static bool read_window(Elab *e, Call *k, DataInfo *d, int *cap) {
  bool tokens = k->n == 3;
  Value t = tokens ? k->arg[1].v : v_str("u8");
  if (!add_path(e, d, &k->arg[0], cap) || !el_want_int(e, k, tokens ? 2 : 1, 1, &d->window)) return false;
  int type = t.kind == V_STR ? dtype_find(t.s) : -1;
  if (tokens && type != DT_U16 && type != DT_U32)
    return el_arg_reject(e, E_SETTING_VALUE, k, 1, "the tokens of a file are u16 or u32, not %s", v_text(e, t));
  d->element = (DType)type;
  return true;
}

enum { CSV_NAMED = 3 };
static const char *const csv_named[CSV_NAMED] = {"header", "sep", "decimal"};

static bool read_args(Elab *e, Call *k, DataInfo *d) {
  int cap = 0;
  if (!strcmp(d->kind, "uniform") || !strcmp(d->kind, "normal")) return read_synthetic(e, k, d);
  if (!strcmp(d->kind, "text") || !strcmp(d->kind, "tokens")) return read_window(e, k, d, &cap);
  bool csv = el_is_csv(d);
  for (int i = 0; csv && i < CSV_NAMED; i++)
    if (k->arg[i].set && !el_csv_argument(e, d, csv_named[i], k->arg[i].v, k->arg[i].ast)) return false;
  for (int i = csv ? CSV_NAMED : 0; i < k->n; i++) {
    if (el_is_images(d) && k->arg[i].name) {
      Diag *g =
        el_error_at(e, E_UNKNOWN_ARG, k->arg[i].at, k->arg[i].len, "`images` has no argument `%s`", k->arg[i].name);
      diag_help(e->c, g, "it has the folder; a size is set by resize(field(0), H, W) in the line of the picture");
      return false;
    }
    if ((csv || el_is_images(d) || el_is_archive(d)) && d->npaths) {
      Diag *g = el_error_at(e, E_ARG_COUNT, k->arg[i].at, k->arg[i].len, "`%s` reads one %s; this is one too many",
                            d->kind, el_is_images(d) ? "folder" : "file");
      diag_help(e->c, g, "concat([%s(...), %s(...)]), or a pattern such as \"part-*\", reads several", d->kind,
                d->kind);
      return false;
    }
    if (!add_path(e, d, &k->arg[i], &cap)) return false;
  }
  if (d->npaths || d->stream) return true;
  el_error_at(e, E_ARG_COUNT, k->caret, k->caret_len, "`%s` needs a path", d->kind);
  return false;
}

/* Paths are positional; the others, which are named, come first. */
static bool csv_arguments(Elab *e, Call *k) {
  Arg *all = ctx_alloc(e->c, (size_t)(k->n + CSV_NAMED) * sizeof *all);
  int n = CSV_NAMED;
  for (int i = 0; i < k->n; i++) {
    int at = 0;
    while (k->arg[i].name && at < CSV_NAMED && strcmp(csv_named[at], k->arg[i].name)) at++;
    if (at == CSV_NAMED) {
      Diag *g =
        el_error_at(e, E_UNKNOWN_ARG, k->arg[i].at, k->arg[i].len, "`csv` has no argument `%s`", k->arg[i].name);
      const char *help = foreign_help(FOREIGN_DATA, k->arg[i].name);
      if (!help) help = "it has `header`, `sep` and `decimal`";
      diag_help(e->c, g, "%s", help);
      return false;
    }
    all[k->arg[i].name ? at : n++] = k->arg[i];
  }
  k->arg = all;
  k->n = n;
  return true;
}

/* csv("train.csv"), of the kind and arguments that it sets in d. */
static bool read_source(Elab *e, const Ast *a, DataInfo *d) {
  if (a->kind != AST_CALL || a->kid[0]->kind != AST_NAME)
    return el_reject(e, E_UNKNOWN_SOURCE, a, "a source is a call, such as csv(\"train.csv\")");
  const char *name = a->kid[0]->text;
  int kind = 0;
  while (kind < NKINDS && strcmp(source_kinds[kind].name, name)) kind++;
  if (kind == NKINDS) return unknown_kind(e, a->kid[0], name);
  Call k = {.name = name, .at = a->at, .len = a->len, .caret = a->caret, .caret_len = a->caret_len};
  k.arg = ctx_alloc(e->c, (size_t)a->n * sizeof *k.arg);
  const char *params = source_kinds[kind].params;
  bool paths = params[strlen(params) - 1] == '*', csv = !strcmp(name, "csv");
  for (int i = 1; i < a->n; i++) {
    const Ast *x = a->kid[i], *v = x->kind == AST_NAMED ? x->kid[0] : x;
    Arg *arg = &k.arg[k.n++];
    *arg = (Arg){.name = x->kind == AST_NAMED ? x->text : NULL, .ast = v, .set = true, .at = x->at, .len = x->len};
    bool type = v->kind == AST_NAME && dtype_find(v->text) >= 0;
    arg->v = v->kind == AST_SLICE ? el_fail(e, E_SETTING_VALUE, v, "a slice is not allowed here")
             : type               ? v_str(v->text)
                                  : el_static(e, v);
    if (v_bad(arg->v)) return false;
  }
  d->kind = source_kinds[kind].name;
  if (csv && !csv_arguments(e, &k)) return false;
  if (!csv && !paths && !el_bind_params(e, params, &k)) return false;
  return read_args(e, &k, d);
}

/* Whether two sources differ in their paths alone. */
static bool read_alike(const DataInfo *a, const DataInfo *b) {
  return a->npaths == b->npaths && a->window == b->window && a->element == b->element && a->header == b->header &&
         a->sep == b->sep && a->decimal == b->decimal;
}

/* concat([a, b]): sources of one kind. Their paths follow one another. */
static bool read_concat(Elab *e, const Ast *a, DataInfo *d) {
  const Ast *list = a->n == 2 ? a->kid[1] : NULL;
  const DataInfo blank = *d;
  int cap = 0;
  if (!list || list->kind != AST_LIST || !list->n)
    return el_reject(e, E_ARG_COUNT, a, "`concat` takes a list of sources: concat([csv(\"a.csv\"), csv(\"b.csv\")])");
  DataInfo first = blank;
  const char **paths = NULL;
  int n = 0;
  for (int i = 0; i < list->n; i++) {
    DataInfo part = blank;
    const Ast *x = list->kid[i];
    if (!read_source(e, x, &part)) return false;
    if (!part.npaths)
      return el_reject(e, E_SETTING_CONFLICT, x, "`%s` has no files to read one after the other", part.kind);
    if (!i) first = part;
    if (strcmp(first.kind, part.kind) || !read_alike(&first, &part))
      return el_reject(e, E_SETTING_CONFLICT, x, "the sources of `concat` are of one kind and read in one way");
    for (int k = 0; k < part.npaths; k++) *VEC_PUSH(e->c, paths, n, cap) = part.paths[k];
  }
  *d = first;
  d->group = first.npaths;
  d->paths = paths;
  d->npaths = n;
  return true;
}

/* stream(jsonl(), buffer = 1024): the records of a text that is read once. */
static bool read_stream(Elab *e, const Ast *a, DataInfo *d) {
  enum { BUFFER = 1024 };
  const Ast *of = NULL, *buffer = NULL;
  bool ok = true;
  for (int i = 1; i < a->n; i++) {
    const Ast *x = a->kid[i];
    if (x->kind == AST_NAMED && strcmp(x->text, "buffer"))
      return el_reject(e, E_UNKNOWN_ARG, x, "`stream` has no argument `%s`", x->text);
    ok &= !(x->kind == AST_NAMED ? buffer : of);
    *(x->kind == AST_NAMED ? &buffer : &of) = x->kind == AST_NAMED ? x->kid[0] : x;
  }
  const Ast *kind = of && of->kind == AST_CALL ? of->kid[0] : NULL;
  if (!ok || !kind || kind->kind != AST_NAME)
    return el_reject(e, E_ARG_COUNT, of && !kind ? of : a,
                     "a stream is of csv or jsonl: stream(jsonl()), stream(csv(header = true), buffer = 1000)");
  if (strcmp(kind->text, "csv") && strcmp(kind->text, "jsonl")) {
    Diag *g = el_error(e, E_UNSUPPORTED_SOURCE, kind, "a stream is of csv or jsonl, not of `%s`", kind->text);
    diag_help(e->c, g, "stream(jsonl()) and stream(csv()) read records as text; binary ones are read from files");
    return false;
  }
  Value n = buffer ? el_static(e, buffer) : v_int(BUFFER);
  if (v_bad(n)) return false;
  if (n.kind != V_INT || n.i < 1 || n.i > EL_MAX_ELEMENTS)
    return el_reject(e, E_SETTING_VALUE, buffer, "`buffer` is the number of records to draw from, not %s",
                     v_text(e, n));
  d->stream = n.i;
  if (!read_source(e, of, d)) return false;
  int cap = 0;
  if (!d->npaths) *VEC_PUSH(e->c, d->paths, d->npaths, cap) = "-";
  return true;
}

/* What needs all records. */
bool el_stream_settings(Elab *e, const Section *s, const DataInfo *d) {
  static const char *const names[] = {"holdout", "cache", "missing"};
  for (int i = 0; d->stream && i < 3; i++) {
    const Ast *a = el_setting_value(s, names[i]);
    if (a && (i != 2 || d->missing == MISSING_MEAN) && (i || d->holdout > 0))
      return el_reject(e, E_SETTING_CONFLICT, a, "a stream is read once, so it has no `%s`%s", names[i],
                       i == 0   ? "; `validate.data` names other records to validate on"
                       : i == 2 ? " of the mean"
                                : "");
  }
  return true;
}

bool el_stream_line(Elab *e, const DataInfo *d, const Ast *at, const char *what) {
  return !d->stream || el_reject(e, E_SETTING_CONFLICT, at, "`%s` needs all records, and a stream is read once", what);
}

bool el_source_setting(Elab *e, const Section *s, DataInfo *d) {
  const Ast *a = el_setting_value(s, "source");
  if (!a) return el_reject(e, E_MISSING_SETTING, s->ast, "data section `%s` has no source", s->ast->text);
  const char *name = a->kind == AST_CALL && a->kid[0]->kind == AST_NAME ? a->kid[0]->text : "";
  bool concat = !strcmp(name, "concat");
  if (!strcmp(name, "stream")) return read_stream(e, a, d);
  return concat ? read_concat(e, a, d) : read_source(e, a, d);
}
