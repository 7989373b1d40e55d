/* SPDX-License-Identifier: Apache-2.0 */
#include "json_record.h"
#include "columns.h"
#include "session.h"
#include <math.h>
#include <string.h>

enum { SHOWN = 40 };

void json_records_begin(JsonRecords *k, Session *sess, const GcData *d) {
  *k = (JsonRecords){.sess = sess, .d = d, .trained = learned_of(sess)->path};
  k->classes = rt_array((size_t)d->nfields + 1, sizeof *k->classes);
  k->seen = rt_array((size_t)d->nfields + 1, sizeof *k->seen);
  k->found = rt_array((size_t)d->nfields + 1, sizeof *k->found);
  k->nclasses = rt_array((size_t)d->nfields + 1, sizeof *k->nclasses);
  for (int f = 0; f < d->nfields; f++)
    if (d->fields[f].columns->key) k->classes[f] = classes_find(sess, d->fields[f].columns, 0);
}

void json_records_end(JsonRecords *k) {
  rt_free(k->classes);
  rt_free(k->seen);
  rt_free(k->found);
  rt_free(k->nclasses);
}

static bool refuse(JsonRecords *k, int field, int code, char *why, char *help) {
  k->code = code;
  k->field = field;
  k->why = why;
  k->help = help;
  k->missing = false;
  return false;
}

static const char *member_of(const JsonRecords *k, int f) { return k->d->fields[f].columns->first; }

typedef struct Want { /* the shape that a field takes */
  const GcField *f;
  GcDType type;
  int rank;
  const int64_t *dim;
  uint64_t count;
} Want;

static Want want_of(const GcData *d, int f) {
  const GcField *g = &d->fields[f];
  Want w = {.f = g, .type = (GcDType)(d->bind ? g->raw_dtype : g->dtype), .count = 1};
  w.rank = d->bind ? d->bind->in[f].rank : g->rank;
  w.dim = d->bind ? d->bind->in[f].dim : g->dim;
  for (int i = 0; i < w.rank; i++) w.count *= (uint64_t)w.dim[i];
  return w;
}

/* ---- a missing value ---- */

/* Consumes the word null, if it is next. */
static bool accept_null(Json *j) {
  const char *p = j->p;
  while (p < j->end && (*p == ' ' || *p == '\t')) p++;
  if (j->end - p < 4 || memcmp(p, "null", 4)) return false;
  j->p = p + 4;
  return true;
}

/* Elements of a field's raw value are missing: all, or those that are NaN. */
static bool fill(JsonRecords *k, int f, void *to, bool all) {
  const GcField *g = &k->d->fields[f];
  Want w = want_of(k->d, f);
  bool mean = k->d->missing == GC_MISSING_MEAN, list = g->length || (g->pad && (all || mean));
  if (k->d->missing == GC_MISSING_SKIP) return k->missing = true;
  if (k->classes[f] || list)
    return refuse(
      k, f, E_FIELD_VALUE,
      rt_printf("`%s` is missing, and a %s has no %s", member_of(k, f), list ? "list" : "class", mean ? "mean" : "0"),
      rt_strdup("`missing = skip` leaves such records out"));
  if (mean && !gc_is_float(w.type))
    return refuse(k, f, E_FIELD_VALUE,
                  rt_printf("`%s` is missing, and the mean is not %s", member_of(k, f), gc_dtype_name[w.type]), NULL);
  for (size_t i = 0; i < w.count; i++) {
    double v = all ? NAN : num_load(w.type, to, i);
    if (v != v) num_store(w.type, to, i, mean ? NAN : 0);
  }
  return true;
}

/* ---- a class ---- */

static bool unknown_class(JsonRecords *k, int f, const char *word) {
  const Classes *all = k->classes[f];
  const char *near = all->known ? rt_suggest(word, (const char *const *)all->name, all->n) : NULL;
  char *help = !all->known ? rt_printf("%s has no names of classes", k->trained)
               : near      ? rt_printf("did you mean `%s`?", near)
                           : rt_printf("the classes are %s", classes_list(all));
  return refuse(k, f, E_UNKNOWN_CLASS, rt_printf("`%s`: `%.*s` is no class of training", member_of(k, f), SHOWN, word),
                help);
}

/* The text of a class or a date: a string, or a number. NULL: it is neither. */
static char *text_of(Json *j) {
  if (json_accept(j, '"')) {
    j->p--;
    return json_string(j);
  }
  const char *first = j->p;
  while (j->p < j->end && strchr("+-.0123456789aeflrstuE", *j->p) && *j->p) j->p++;
  return j->p > first ? rt_printf("%.*s", (int)(j->p - first), first) : NULL;
}

static bool read_class(JsonRecords *k, int f, Json *j, void *to) {
  Classes *all = k->classes[f];
  GcDType t = want_of(k->d, f).type;
  char *word = text_of(j);
  if (!word || !*word)
    return refuse(
      k, f, E_FIELD_VALUE,
      rt_printf("`%s` is not the name of a class: a string that is not empty, or a number", member_of(k, f)), NULL);
  if (!all->known && k->trained) return unknown_class(k, f, word);
  int n = all->known ? classes_number(all, word, strlen(word)) : classes_add(all, word, strlen(word));
  if (n < 0) return unknown_class(k, f, word);
  rt_free(word);
  return num_store(t, to, 0, n) ||
         refuse(k, f, E_FIELD_VALUE, rt_printf("`%s`: class %d is not %s", member_of(k, f), n, gc_dtype_name[t]), NULL);
}

/* ---- a date ---- */

static bool read_date(JsonRecords *k, int f, Json *j, void *to) {
  GcDType t = want_of(k->d, f).type;
  char *word = text_of(j);
  CsvField text = {word, word ? strlen(word) : 0};
  double days;
  if (!word || !csv_date(&text, &days))
    return refuse(k, f, E_FIELD_VALUE,
                  rt_printf("`%s`: %s%.*s%s is not a date, such as 2024-02-29 or 2024-02-29T12:00", member_of(k, f),
                            word ? "`" : "", SHOWN, word ? word : "this", word ? "`" : ""),
                  NULL);
  if (num_store(t, to, 0, days)) return true;
  return refuse(k, f, E_FIELD_VALUE, rt_printf("`%s`: `%s` is not %s", member_of(k, f), word, gc_dtype_name[t]), NULL);
}

/* ---- an array ---- */

static bool shape_fits(const Want *w, const JsonArray *a) {
  bool pads = w->f->pad > 0;
  if (pads && a->rank && !a->dim[0]) return true;
  if (!w->f->raw_count) return a->n == w->count;
  for (int i = pads; i < w->rank && a->rank == w->rank; i++)
    if (a->dim[i] != w->dim[i]) return false;
  return a->rank == w->rank;
}

static bool too_many(JsonRecords *k, int f, const Want *w) {
  const char *name = member_of(k, f), *shape = num_shape(w->rank, w->dim, w->type, NULL);
  bool pads = w->f->pad > 0;
  unsigned long long most = pads ? (unsigned long long)w->f->pad : w->count;
  return refuse(k, f, E_RECORD_SHAPE,
                rt_printf("`%s` has more than the %llu %s of %s", name, most, pads ? "entries" : "numbers", shape),
                pads ? rt_printf("padded(field(\"%s\"), N) takes lists of up to N entries", name) : NULL);
}

static bool read_array(JsonRecords *k, int f, Json *j, void *to) {
  Want w = want_of(k->d, f);
  JsonArray a = {.type = w.type, .to = to, .room = w.count, .gaps = k->d->missing != GC_MISSING_ERROR};
  const char *first = j->p + strspn(j->p, " \t"), *name = member_of(k, f);
  if (!json_array(j, &a)) {
    char *help = *first == '"' ? rt_printf("classes(field(\"%s\")) numbers the different strings", name) : NULL;
    return a.over ? too_many(k, f, &w) : refuse(k, f, E_FIELD_VALUE, rt_printf("`%s`: %s", name, j->err), help);
  }
  if (shape_fits(&w, &a)) {
    for (uint64_t i = a.n; i < w.count; i++) num_store(w.type, to, i, w.f->pad_value);
    return !a.gaps || !a.missing || fill(k, f, to, false);
  }
  return refuse(
    k, f, E_RECORD_SHAPE,
    rt_printf("`%s` is %s, the data section takes %s", name, num_shape(a.rank, a.dim, w.type, NULL),
              num_shape(w.rank, w.dim, w.type, NULL)),
    a.rank == w.rank && !w.f->pad ? rt_printf("padded(field(\"%s\"), N) takes lists of up to N entries", name) : NULL);
}

/* ---- the length of a list ---- */

static bool read_length(JsonRecords *k, int f, Json *j, void *to) {
  GcDType t = want_of(k->d, f).type;
  int64_t n = 0;
  if (!json_accept(j, '['))
    return refuse(k, f, E_FIELD_VALUE, rt_printf("`%s` is no list, so it has no length", member_of(k, f)), NULL);
  if (!json_accept(j, ']')) {
    do {
      if (!json_skip(j, 0)) return false;
      n++;
    } while (json_accept(j, ','));
    if (!json_expect(j, ']')) return false;
  }
  return num_store(t, to, 0, (double)n) ||
         refuse(k, f, E_FIELD_VALUE,
                rt_printf("`%s`: the length %lld is not %s", member_of(k, f), (long long)n, gc_dtype_name[t]), NULL);
}

static bool read_member(JsonRecords *k, int f, Json *j, void *to) {
  if (k->d->missing && accept_null(j)) return fill(k, f, to, true);
  if (k->classes[f]) return read_class(k, f, j, to);
  if (k->d->fields[f].columns->cell == GC_DATE) return read_date(k, f, j, to);
  return k->d->fields[f].length ? read_length(k, f, j, to) : read_array(k, f, j, to);
}

/* ---- an object ---- */

static bool member(JsonRecords *k, Json *j, const char *name, void *const *to) {
  const char *first = j->p;
  bool used = false;
  for (int f = 0; f < k->d->nfields; f++) {
    if (!to[f] || strcmp(member_of(k, f), name)) continue;
    if (k->seen[f]) return refuse(k, f, E_RECORD_FORMAT, rt_printf("the object has `%s` twice", name), NULL);
    k->seen[f] = k->found[f] = used = true;
    j->p = first;
    if (!read_member(k, f, j, to[f])) return false;
  }
  return used || json_skip(j, 0);
}

/* The members of the object, for a field that is not among them. */
static bool lacks(JsonRecords *k, int f, const char *s, size_t n) {
  char err[ERR_TEXT];
  Json j = {s, s + n, err};
  const char *name[64];
  int names = 0;
  char *list = rt_strdup("");
  json_accept(&j, '{');
  for (bool more = true; more && names < COUNT(name); more = json_accept(&j, ',')) {
    char *key = json_string(&j);
    if (!key || !json_expect(&j, ':') || !json_skip(&j, 0)) break;
    name[names++] = key;
    if (strlen(list) < 200) list = rt_printf("%s%s%s", list, *list ? ", " : "", key);
  }
  const char *near = rt_suggest(member_of(k, f), name, names);
  return refuse(k, f, E_UNKNOWN_COLUMN, rt_printf("there is no member `%s`", member_of(k, f)),
                near ? rt_printf("did you mean `%s`?", near) : rt_printf("its members are %s", names ? list : "none"));
}

static bool record(JsonRecords *k, const char *s, size_t n, void *const *to) {
  char err[ERR_TEXT];
  Json j = {s, s + n, err};
  k->why = k->help = NULL;
  k->missing = false;
  memset(k->seen, 0, (size_t)k->d->nfields * sizeof *k->seen);
  bool ok = json_expect(&j, '{');
  bool empty = ok && json_accept(&j, '}');
  while (ok && !empty) {
    char *name = json_string(&j);
    ok = name && json_expect(&j, ':');
    ok = ok && member(k, &j, name, to);
    rt_free(name);
    if (!ok || !json_accept(&j, ',')) break;
  }
  ok = ok && (empty || json_expect(&j, '}')) && json_end(&j);
  if (!ok && k->why) return false;
  if (!ok) return refuse(k, -1, E_RECORD_FORMAT, rt_printf("not a JSON object: %s", err), NULL);
  for (int f = 0; f < k->d->nfields; f++)
    if (to[f] && !k->seen[f] && !(k->d->missing ? fill(k, f, to[f], true) : lacks(k, f, s, n))) return false;
  return !k->missing;
}

/* A record that is left out adds no classes. */
bool json_record(JsonRecords *k, const char *s, size_t n, void *const *to) {
  for (int f = 0; f < k->d->nfields; f++) k->nclasses[f] = k->classes[f] ? k->classes[f]->n : 0;
  bool ok = record(k, s, n, to);
  for (int f = 0; f < k->d->nfields && !ok; f++)
    if (k->classes[f]) classes_drop(k->classes[f], k->nclasses[f]);
  return ok;
}

int json_record_shape(const char *s, size_t n, const char *member, int64_t *dim) {
  char err[ERR_TEXT], *name = NULL;
  Json j = {s, s + n, err};
  int rank = -1;
  bool found = false, more = json_accept(&j, '{');
  while (more && !found) {
    rt_free(name);
    name = json_string(&j);
    if (!name || !json_expect(&j, ':')) break;
    found = !strcmp(name, member);
    more = found || (json_skip(&j, 0) && json_accept(&j, ','));
  }
  rt_free(name);
  if (!found) return -1;
  JsonArray a = {.type = GC_F64, .room = (uint64_t)(j.end - j.p)};
  a.to = rt_array((size_t)a.room + 1, sizeof(double));
  if (json_array(&j, &a) && (a.rank || !a.missing)) rank = a.rank;
  for (int i = 0; i < rank; i++) dim[i] = a.dim[i];
  rt_free(a.to);
  return rank;
}
