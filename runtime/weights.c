/* SPDX-License-Identifier: Apache-2.0 */
/* Reads weights from files: all of them, or those that a file has, under other names. */
#include "checkpoint.h"
#include "device.h"
#include "json.h"
#include "learned.h"
#include "num.h"
#include "vars.h"
#include <string.h>

enum { SHOWN = 20 };

/* `old=new` of --init-map. */
typedef struct Rename {
  const char *text;
  char *old, *new;
  bool used, fits; /* it renames a tensor of the file; to a weight of the model */
} Rename;

typedef struct Taking {
  Session *sess;
  const StFile *f;
  const char *path;
  unsigned kinds, optional; /* the vars to read; those that may be missing */
  Rename *map;
  int nmap;
  bool partial;
  char **name;   /* per tensor of the file: its name in the model; NULL: it is left out */
  int *by, *var; /* per tensor: the rename, the var; -1: none */
  int *source;   /* per var: its tensor; -1: none */
  int wrong;
} Taking;

/* Counts a mistake; whether it is to be reported. */
static bool mistake(Taking *k) { return k->wrong++ < SHOWN; }

static const char *mismatch(const GcVar *v, const StTensor *t) { /* NULL: it fits */
  bool same = t->rank == v->rank;
  for (int i = 0; same && i < v->rank; i++) same = t->dim[i] == v->dim[i];
  if (same && t->dtype == v->dtype) return NULL;
  char *want = num_shape(v->rank, v->dim, v->dtype, NULL);
  char *have =
    t->dtype < 0 ? rt_strdup("of another element type") : num_shape(t->rank, t->dim, (GcDType)t->dtype, NULL);
  return rt_printf("is %s in the file, the model has %s", have, want);
}

static int find_var(const GcModel *m, const char *name) {
  for (int i = 0; i < m->nvars; i++)
    if (!strcmp(m->vars[i].name, name)) return i;
  return -1;
}

/* ---- names ---- */

/* What follows a prefix of whole names, "" or ".…"; NULL: it is not one. */
static const char *after(const char *name, const char *prefix) {
  size_t n = strlen(prefix);
  if (strncmp(name, prefix, n)) return NULL;
  return name[n] == 0 || name[n] == '.' ? name + n : NULL;
}

static char *trimmed(const char *s, size_t n) {
  while (n && s[n - 1] == '.') n--;
  return rt_printf("%.*s", (int)n, s);
}

static void read_map(Taking *k, const char *const *map, int n) {
  k->map = rt_array((size_t)n + 1, sizeof *k->map);
  k->nmap = n;
  for (int i = 0; i < n; i++) {
    const char *eq = map[i] ? strchr(map[i], '=') : NULL;
    if (!eq || !eq[0] || (eq == map[i] && !eq[1]))
      rt_die(E_OPTION_VALUE,
             "--init-map takes 'old=new', not `%s`\nold: a name, or the beginning of names, in the file; new: in the "
             "model, empty to leave them out",
             map[i] ? map[i] : "");
    k->map[i] = (Rename){.text = map[i], .old = trimmed(map[i], (size_t)(eq - map[i]))};
    k->map[i].new = trimmed(eq + 1, strlen(eq + 1));
    for (int j = 0; j < i; j++)
      if (!strcmp(k->map[j].old, k->map[i].old))
        rt_die(E_OPTION_VALUE, "--init-map names `%s` twice: `%s` and `%s`", k->map[i].old, map[j], map[i]);
  }
}

/* The rename with the longest matching beginning; -1: none. */
static int rename_of(const Taking *k, const char *name) {
  int best = -1;
  for (int i = 0; i < k->nmap; i++) {
    const char *old = k->map[i].old;
    if (*old && !after(name, old)) continue;
    if (best < 0 || strlen(old) > strlen(k->map[best].old)) best = i;
  }
  return best;
}

static char *renamed(const Rename *r, const char *name) { /* NULL: left out */
  if (!*r->new) return NULL;
  return *r->old ? rt_printf("%s%s", r->new, after(name, r->old)) : rt_printf("%s.%s", r->new, name);
}

/* `enc.w`, or `net.w` (from `enc.w`). */
static char *shown(const Taking *k, int t) {
  const char *file = k->f->t[t].name, *name = k->name[t];
  return strcmp(file, name) ? rt_printf("`%s` (from `%s`)", name, file) : rt_printf("`%s`", name);
}

static void name_tensors(Taking *k) {
  const GcModel *m = k->sess->m;
  for (int i = 0; i < m->nvars; i++) k->source[i] = -1;
  for (int t = 0; t < k->f->n; t++) {
    const char *name = k->f->t[t].name;
    int r = k->by[t] = rename_of(k, name);
    k->name[t] = r < 0 ? rt_strdup(name) : renamed(&k->map[r], name);
    int v = k->var[t] = k->name[t] ? find_var(m, k->name[t]) : -1;
    if (r >= 0) k->map[r].used = true;
    if (r >= 0 && (v >= 0 || !k->name[t])) k->map[r].fits = true;
    if (v >= 0 && k->source[v] >= 0 && mistake(k))
      rt_error(E_WEIGHT_TWICE, "%s: `%s` and `%s` are both read into `%s`", k->path, k->f->t[k->source[v]].name, name,
               k->name[t]);
    if (v >= 0 && k->source[v] < 0) k->source[v] = t;
  }
}

/* Averages ema.WEIGHT that the file lacks are read from its weights. */
static void find_averages(Taking *k) {
  const GcModel *m = k->sess->m;
  for (int i = 0; i < m->nvars; i++) {
    bool average = m->vars[i].kind == GC_STATE && !strncmp(m->vars[i].name, "ema.", 4);
    int w = average && k->source[i] < 0 ? find_var(m, m->vars[i].name + 4) : -1;
    if (w >= 0 && m->vars[w].kind == GC_PARAM) k->source[i] = k->source[w];
  }
}

/* The first components of the names of the file, to say what a map may begin with. */
static char *beginnings(const StFile *f) {
  char *list = rt_strdup("");
  size_t before = 0;
  for (int i = 0; i < f->n; i++) { /* sorted by name */
    size_t n = strcspn(f->t[i].name, ".");
    if (i && n == before && !strncmp(f->t[i].name, f->t[i - 1].name, n)) continue;
    if (strlen(list) > 300) return rt_printf("%s, …", list);
    list = rt_printf("%s%s`%.*s`", list, *list ? ", " : "", (int)n, f->t[i].name);
    before = n;
  }
  return list;
}

/* A tensor that a map renames to what is no weight. */
static int first_by(const Taking *k, int map) {
  int t = 0;
  while (k->by[t] != map) t++;
  return t;
}

static void check_map(Taking *k) {
  for (int i = 0; i < k->nmap; i++) {
    const Rename *r = &k->map[i];
    if (r->fits || !mistake(k)) continue;
    if (!r->used)
      rt_error(E_INIT_MAP,
               "%s: `%s`: no tensor of the file that another map does not rename has or begins with this name\n"
               "its names begin with %s",
               k->path, r->text, beginnings(k->f));
    else
      rt_error(
        E_INIT_MAP,
        "%s: `%s`: `%s` becomes `%s`, but the model has no weight of this name, nor of another that the map gives",
        k->path, r->text, k->f->t[first_by(k, i)].name, k->name[first_by(k, i)]);
  }
}

/* ---- taking ---- */

static void check_vars(Taking *k) {
  const GcModel *m = k->sess->m;
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    int t = k->source[i];
    if (!(k->kinds & KIND_BIT(v->kind))) continue;
    const char *why = t >= 0                                          ? mismatch(v, &k->f->t[t])
                      : k->partial || k->optional & KIND_BIT(v->kind) ? NULL
                                                                      : "is missing";
    if (!why) continue;
    const char *help = t >= 0 && k->partial ? "\n--init-map 'NAME=' leaves a tensor of the file out" : "";
    if (mistake(k))
      rt_error(E_TENSORS_MISMATCH, "%s: %s %s%s", k->path, t >= 0 ? shown(k, t) : rt_printf("`%s`", v->name), why,
               help);
  }
  for (int t = 0; t < k->f->n && !k->partial; t++)
    if (k->name[t] && k->var[t] < 0 && mistake(k))
      rt_error(E_TENSORS_MISMATCH, "%s: the model has no %s", k->path, shown(k, t));
}

static void take(Taking *k, WeightsTaken *to) {
  const GcModel *m = k->sess->m;
  to->initial = rt_array((size_t)m->nvars + 1, sizeof *to->initial);
  to->left = rt_array((size_t)k->f->n + 1, sizeof *to->left);
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    if (!(k->kinds & KIND_BIT(v->kind))) continue;
    if (k->source[i] < 0) to->initial[to->ninitial++] = v->name;
    else to->read++;
  }
  for (int t = 0; t < k->f->n; t++)
    if (k->var[t] < 0) to->left[to->nleft++] = rt_strdup(k->f->t[t].name);
  if (k->partial && !to->read && mistake(k))
    rt_error(E_TENSORS_MISMATCH, "%s: no tensor of the file is one of the model", k->path);
}

static void copy_vars(Taking *k) {
  const GcModel *m = k->sess->m;
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    if (k->source[i] < 0 || !(k->kinds & KIND_BIT(v->kind))) continue;
    var_from_logical(v, k->sess->mem, k->f->data + k->f->t[k->source[i]].begin);
    mirror_up(k->sess, v->offset, v->bytes);
  }
}

static void take_all(Taking *k, WeightsTaken *to) {
  size_t n = (size_t)k->f->n + 1;
  k->name = rt_array(n, sizeof *k->name);
  k->by = rt_array(n, sizeof *k->by);
  k->var = rt_array(n, sizeof *k->var);
  k->source = rt_array((size_t)k->sess->m->nvars + 1, sizeof *k->source);
  name_tensors(k);
  find_averages(k);
  check_map(k);
  check_vars(k);
  *to = (WeightsTaken){0};
  if (!k->wrong) take(k, to);
  if (k->wrong > SHOWN) rt_error(E_TENSORS_MISMATCH, "%s: and %d more", k->path, k->wrong - SHOWN);
  if (k->wrong) rt_quit(E_TENSORS_MISMATCH);
  copy_vars(k);
  for (int t = 0; t < k->f->n; t++) rt_free(k->name[t]);
  rt_free(k->name);
  rt_free(k->by);
  rt_free(k->var);
  rt_free(k->source);
}

void weights_from_file(Session *sess, const StFile *f, const char *path, unsigned kinds, unsigned optional) {
  Taking k = {.sess = sess, .f = f, .path = path, .kinds = kinds, .optional = optional};
  WeightsTaken taken;
  take_all(&k, &taken);
}

void weights_load_part(Session *sess, const char *path, const char *const *map, int nmap, bool partial,
                       WeightsTaken *taken) {
  StFile f;
  char err[ERR_TEXT];
  Taking k = {.sess = sess, .f = &f, .path = path, .kinds = KINDS_KEPT, .optional = KIND_BIT(GC_STATE)};
  k.partial = partial;
  read_map(&k, map, nmap);
  if (!io_exists(path)) rt_die(E_WEIGHTS_MISSING, "cannot open `%s`", path);
  if (!st_read(path, &f, err)) rt_die(E_WEIGHTS_CORRUPT, "%s", err);
  take_all(&k, taken);
  learned_take(sess, &f, path);
  if (partial) sess->learned->path = NULL; /* what the file lacks comes from the data */
  st_free(&f);
}

void weights_load(Session *sess, const char *path) {
  WeightsTaken taken;
  weights_load_part(sess, path, NULL, 0, false, &taken);
}

static char *quoted_list(const char *const *name, int n) {
  char *s = rt_strdup("[");
  for (int i = 0; i < n; i++) {
    char *q = json_quote(name[i]), *longer = rt_printf("%s%s%s", s, i ? "," : "", q);
    rt_free(s);
    rt_free(q);
    s = longer;
  }
  char *closed = rt_printf("%s]", s);
  rt_free(s);
  return closed;
}

char *weights_taken_json(const WeightsTaken *w) {
  return rt_printf("\"read\":%d,\"initial\":%s,\"left_over\":%s", w->read, quoted_list(w->initial, w->ninitial),
                   quoted_list((const char *const *)w->left, w->nleft));
}
