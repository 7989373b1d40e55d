/* SPDX-License-Identifier: Apache-2.0 */
/* A data section: finds its files, binds its records (runs the bind graph on their raw fields), and checks them all
 * before the first step. */
#include "data.h"
#include "learned.h"
#include "session.h"
#include "stream.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S(name) &name##_source,
static const DataSource *const sources[] = {DATA_SOURCES(S)};
#undef S

const DataSource *data_source(const GcData *d) {
  if (d->stream) return &stream_source;
  for (int i = 0; i < COUNT(sources); i++)
    if (!strcmp(sources[i]->name, d->kind)) return sources[i];
  rt_die(E_NOT_SUPPORTED, "data %s: the source `%s` is not supported", d->name, d->kind);
}

/* The value of --data for this section, or NULL. If there is one section, NAME= may be left out. */
static const char * override(const Session *sess, const GcData *d) {
  size_t n = strlen(d->name);
  const char *found = NULL;
  for (int i = 0; i < sess->o.data.n; i++) {
    const char *s = sess->o.data.v[i];
    if (!strncmp(s, d->name, n) && s[n] == '=') found = s + n + 1;
    else if (sess->m->ndata == 1 && (!strchr(s, '=') || io_exists(s))) found = s;
  }
  return found;
}

static void check_overrides(const Session *sess) {
  for (int i = 0; i < sess->o.data.n; i++) {
    const char *s = sess->o.data.v[i], *eq = strchr(s, '=');
    bool known = sess->m->ndata == 1 && (!eq || io_exists(s));
    for (int k = 0; k < sess->m->ndata && eq; k++)
      if (strlen(sess->m->data[k].name) == (size_t)(eq - s) && !strncmp(sess->m->data[k].name, s, (size_t)(eq - s)))
        known = true;
    if (!known && !sess->m->ndata) rt_die(E_UNKNOWN_OPTION, "--data %s: this model has no data section", s);
    if (!known) rt_die(E_UNKNOWN_OPTION, "--data %s: no such data section\n--data %s=PATH", s, sess->m->data[0].name);
  }
}

/* Resolves a path or pattern of the model: relative to the .nn file, else to the current folder. NULL: neither file
 * exists. */
static char *find(const GcData *d, const char *path) {
  if (d->stream && !strcmp(path, "-")) return rt_strdup(path);
  char *beside = path[0] == '/' || !d->dir || !*d->dir ? NULL : rt_printf("%s/%s", d->dir, path);
  if (beside && io_matches(beside)) return beside;
  rt_free(beside);
  return io_matches(path) ? rt_strdup(path) : NULL;
}

/* Splits the A,B of --data. If the source reads a single file, commas belong to its name. */
static char **split(const char *list, int max_files, int *n) {
  *n = 1;
  for (const char *s = list; *s && max_files > 1; s++) *n += *s == ',';
  char **v = rt_array((size_t)*n, sizeof *v), *copy = rt_strdup(list);
  int i = 0;
  for (char *s = copy; s; i++) {
    v[i] = s;
    s = max_files > 1 ? strchr(s, ',') : NULL;
    if (s) *s++ = 0;
  }
  return v;
}

/* The files of a pattern, or of a path. */
static char **expand(const Data *d, const char *path, const char *from, int *n) {
  char **v = io_glob(path, n);
  if (*n) return v;
  if (d->d->stream && !strcmp(path, "-")) {
    v = rt_array((size_t)(*n = 1), sizeof *v);
    v[0] = rt_strdup(path);
    return v;
  }
  if (from) rt_die(E_FILE_MISSING, "cannot open `%s` (--data %s)", path, d->d->name);
  return NULL;
}

/* Appends sets of as many files as there are paths: a pattern among them stands for one file in each set. */
static void add_sets(Data *d, char **path, int npaths, bool given) {
  char ***file = rt_array((size_t)npaths + 1, sizeof *file);
  int sets = 0, n;
  for (int i = 0; i < npaths; i++) {
    file[i] = expand(d, path[i], given ? path[i] : NULL, &n);
    if (i && n != sets)
      rt_die(E_FILE_MISSING, "data %s: %d files are `%s`, %d are `%s`", d->d->name, sets, path[0], n, path[i]);
    sets = n;
  }
  d->path = rt_realloc(d->path, (size_t)(d->npaths + sets * npaths + 1) * sizeof *d->path);
  for (int s = 0; s < sets; s++)
    for (int i = 0; i < npaths; i++) d->path[d->npaths++] = file[i][s];
  rt_free(file);
}

static void find_files(Data *d, const DataSource *kind) {
  const GcData *g = d->d;
  const char *given = override(d->sess, g);
  if (given && !kind->max_files)
    rt_die(E_UNKNOWN_OPTION, "--data %s: the source `%s` reads no files", g->name, g->kind);
  int n = g->npaths, group = g->group ? g->group : g->npaths;
  char **path = given ? split(given, kind->max_files, &n) : rt_array((size_t)n + 1, sizeof *path);
  if (given) group = n;
  for (int i = 0; i < n && !given; i++) {
    path[i] = find(g, g->paths[i]);
    bool two = g->dir && *g->dir && g->paths[i][0] != '/';
    if (!path[i])
      rt_die(E_FILE_MISSING, "data %s: cannot open `%s%s%s`%s%s%s\nname the file with --data %s=PATH", g->name,
             two ? g->dir : "", two ? "/" : "", g->paths[i], two ? " nor `" : "", two ? g->paths[i] : "",
             two ? "`" : "", g->name);
  }
  d->group = group;
  for (int i = 0; i < n; i += group) add_sets(d, path + i, group, given);
  rt_free(path);
  if (group < kind->min_files || group > kind->max_files)
    rt_die(E_FILE_MISSING, "data %s: `%s` takes %s%d file%s, not %d", g->name, g->kind,
           kind->max_files > 1 ? "at least " : "", kind->min_files, kind->min_files == 1 ? "" : "s", group);
}

bool data_available(Session *sess, const GcData *d) {
  if (override(sess, d)) return true;
  for (int i = 0; i < d->npaths; i++) {
    char *p = find(d, d->paths[i]);
    rt_free(p);
    if (!p) return false;
  }
  return true;
}

const Data *data_part(const Data *d, uint64_t *record) {
  int lo = 0, hi = d->nparts;
  if (!hi) return d;
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (d->first[mid] <= *record) lo = mid;
    else hi = mid;
  }
  *record -= d->first[lo];
  return d->part[lo];
}

char *data_where(const Data *d, uint64_t record, int field) {
  d = data_part(d, &record);
  const GcField *f = &d->d->fields[field];
  const char *name = d->d->name;
  const DataSource *k = data_source(d->d);
  if (k->name_of && d->source) return k->name_of(d, record);
  if (d->npaths) name = d->path[f->raw_first < d->npaths && d->npaths > 1 ? f->raw_first : 0];
  const GcColumn *c = f->columns;
  unsigned long long r = data_number(d, record) + 1;
  if (!c || !c->first) return rt_printf("%s: record %llu, field %d", name, r, f->raw_first);
  if (!strcmp(c->first, c->last)) return rt_printf("%s: record %llu, column `%s`", name, r, c->first);
  return rt_printf("%s: record %llu, columns `%s` to `%s`", name, r, c->first, c->last);
}

char *data_place(const Data *d, uint64_t record, int field) {
  d = data_part(d, &record);
  const DataSource *k = data_source(d->d);
  return k->place && d->source ? k->place(d, record, field) : rt_strdup("");
}

GcDType data_raw_type(const Data *d, int field) {
  const GcField *f = &d->d->fields[field];
  return d->d->bind ? f->raw_dtype : f->dtype;
}

void data_convert(const Data *d, uint64_t record, int field, void *raw, size_t i, double v) {
  GcDType t = data_raw_type(d, field);
  char text[NUM_TEXT];
  if (!num_store(t, raw, i, v))
    rt_die(E_FIELD_VALUE, "%s: %s is not %s", data_where(d, record, field), num_show(v, text), gc_dtype_name[t]);
}

static size_t elements(int rank, const int64_t *dim) {
  size_t n = 1;
  for (int i = 0; i < rank; i++) n = rt_mul(n, (size_t)dim[i]);
  return n;
}

static void compute_sizes(Data *d) {
  const GcData *g = d->d;
  size_t n = (size_t)g->nfields;
  d->raw_count = rt_array(n, sizeof *d->raw_count);
  d->raw_bytes = rt_array(n, sizeof *d->raw_bytes);
  d->bytes = rt_array(n, sizeof *d->bytes);
  d->raw = rt_array(n, sizeof *d->raw);
  for (int f = 0; f < g->nfields; f++) {
    const GcField *x = &g->fields[f];
    d->bytes[f] = rt_mul(elements(x->rank, x->dim), gc_dtype_size[x->dtype]);
    d->raw_count[f] = g->bind ? elements(g->bind->in[f].rank, g->bind->in[f].dim) : elements(x->rank, x->dim);
    d->raw_bytes[f] = rt_mul(d->raw_count[f], gc_dtype_size[data_raw_type(d, f)]);
    d->raw[f] = rt_alloc(d->raw_bytes[f] + 64);
  }
}

static bool bind_on_demand(void) {
#ifdef GC_FAULTS
  return getenv("GC_KEEP_NOTHING") != NULL; /* for tests: as with data larger than memory */
#else
  return false;
#endif
}

static void close_sources(Data *d, const DataSource *k) {
  for (int i = 0; i < d->nparts; i++) {
    k->close(d->part[i]);
    d->part[i]->source = NULL;
  }
  if (!d->nparts) k->close(d);
  d->source = NULL;
}

/* Whether all records stay in memory: if they fit into a quarter of it. */
static bool keeps(const Data *d, const size_t *bytes) {
  uint64_t total = 0, limit = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE) / 4;
  for (int f = 0; f < d->d->nfields; f++) total += rt_mul(d->n, bytes[f]);
  return d->d->cache == GC_CACHE_AUTO ? total <= limit && !bind_on_demand() : d->d->cache == GC_CACHE_ALL;
}

/* Binds and checks every record, as it is outside of training. What is kept are bound records, or raw ones if training
 * changes them. */
static void bind_all(Data *d, const DataSource *k) {
  const GcData *g = d->d;
  bool random = data_augments(g), keep = keeps(d, random ? d->raw_bytes : d->bytes);
  const size_t *bytes = random ? d->raw_bytes : d->bytes;
  void **dst = rt_array((size_t)g->nfields, sizeof *dst), **to = rt_array((size_t)g->nfields, sizeof *to);
  unsigned char **kept = rt_array((size_t)g->nfields, sizeof *kept);
  for (int f = 0; f < g->nfields; f++) {
    to[f] = dst[f] = rt_alloc_block(d->bytes[f] + 64);
    if (keep) kept[f] = rt_alloc_block(d->n * bytes[f] + 64);
  }
  for (uint64_t r = 0; r < d->n; r++) {
    for (int f = 0; f < g->nfields && keep && !random; f++) to[f] = kept[f] + r * bytes[f];
    data_bind(d, d->binder, r, -1, to);
    void **raw = g->bind ? d->binder->raw : dst;
    for (int f = 0; f < g->nfields && keep && random; f++) memcpy(kept[f] + r * bytes[f], raw[f], bytes[f]);
  }
  rt_free(dst);
  rt_free(to);
  if (!keep) return;
  if (random) d->raw_kept = kept;
  else d->bound = kept;
  close_sources(d, k);
}

void data_fault(Data *d, char *why) {
  why[strcspn(why, "\n")] = 0;
  if (!d->faulty++) d->first_fault = why;
}

void data_gap(Data *d, const char *where, uint64_t number) {
  if (d->skipped++) return;
  d->first_skipped = rt_printf("%s %llu", where, (unsigned long long)number);
  d->skipped_path = d->path[0];
}

bool data_fits(Data *d, uint64_t record, int field, size_t i, double v) {
  GcDType t = data_raw_type(d, field);
  char text[NUM_TEXT];
  if (num_store(t, d->raw[field], i, v)) return true;
  data_fault(d, rt_printf("%s: %s is not %s", data_where(d, record, field), num_show(v, text), gc_dtype_name[t]));
  return false;
}

void data_keep_usable(Data *d, bool (*usable)(Data *d, uint64_t record)) {
  uint64_t n = 0;
  if (!d->d->on_error && d->d->missing != GC_MISSING_SKIP) return;
  uint64_t *number = rt_array(d->n + 1, sizeof *number);
  for (uint64_t r = 0; r < d->n; r++)
    if (usable(d, r)) number[n++] = r;
  d->number = number;
  d->n = n;
}

uint64_t data_number(const Data *d, uint64_t record) { return d->number ? d->number[record] : record; }

static void open_files(Data *d, const DataSource *k) {
  int n = d->group && d->npaths > d->group ? d->npaths / d->group : 0;
  if (n) d->part = rt_array((size_t)n, sizeof *d->part);
  if (n) d->first = rt_array((size_t)n, sizeof *d->first);
  if (!n) k->open(d);
  for (int i = 0; i < n; i++) {
    Data *p = d->part[i] = rt_alloc(sizeof *p);
    *p = (Data){.d = d->d, .sess = d->sess, .seed = d->seed, .path = d->path + i * d->group, .npaths = d->group};
    p->raw_count = d->raw_count;
    p->raw_bytes = d->raw_bytes;
    p->bytes = d->bytes;
    p->raw = d->raw;
    k->open(p);
    d->first[i] = d->n;
    d->n += p->n;
    if (p->skipped && !d->skipped) {
      d->first_skipped = p->first_skipped;
      d->skipped_path = p->path[0];
    }
    d->skipped += p->skipped;
    if (p->faulty && !d->faulty) d->first_fault = p->first_fault;
    d->faulty += p->faulty;
  }
  d->nparts = n;
  if (k->finish) k->finish(n ? d->part : &d, n ? n : 1);
}

void data_open_all(Session *sess) {
  for (int i = 0; i < sess->nsections; i++) {
    SectionRun *u = &sess->section[i];
    for (int k = 0; k < i && u->t->data >= 0; k++)
      if (sess->section[k].t->data == u->t->data) u->data = sess->section[k].data;
    if (u->t->data >= 0 && !u->data) u->data = data_open(sess, &sess->m->data[u->t->data], session_seed(sess));
  }
  sess->data = sess->section[0].data;
}

Data *data_open(Session *sess, const GcData *g, uint64_t seed) {
  const DataSource *k = data_source(g);
  check_overrides(sess);
  Data *d = rt_alloc(sizeof *d);
  d->d = g;
  d->sess = sess;
  d->seed = seed;
  find_files(d, k);
  compute_sizes(d);
  learned_renew(sess);
  if (g->stream) {
    stream_open(d);
    d->binder = binder_new(d, false);
    return d;
  }
  open_files(d, k);
  if (d->n == 0 && d->faulty)
    rt_die(E_RECORD_COUNT, "%s: none of %llu records can be used; the first: %s", d->path[0],
           (unsigned long long)d->faulty, d->first_fault);
  if (d->n == 0) rt_die(E_RECORD_COUNT, "%s: no records", d->npaths ? d->path[0] : g->name);
  split_prepare(d);
  learned_fit(d);
  d->binder = binder_new(d, false);
  binder_renew(d, d->binder);
  bind_all(d, k);
  return d;
}
