/* A data section: its files found, its records bound (raw fields through the bind graph), checked once and for all,
 * and handed out in the order of training or hold-out. */
#include "rt.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const SourceKind *const kinds[] = {
  &kind_csv, &kind_idx, &kind_npy, &kind_text, &kind_tokens, &kind_uniform, &kind_normal,
};

static const SourceKind *kind_of(const GcData *d) {
  for (int i = 0; i < COUNT(kinds); i++) if (!strcmp(kinds[i]->name, d->kind)) return kinds[i];
  rt_die(681, "data %s: the source `%s` is not there yet", d->name, d->kind);
}

/* The value of --data for this section, or NULL. A path without NAME= serves where there is one section. */
static const char *override(const App *a, const GcData *d) {
  size_t n = strlen(d->name);
  const char *found = NULL;
  for (int i = 0; i < a->o.ndata; i++) {
    const char *s = a->o.data[i];
    if (!strncmp(s, d->name, n) && s[n] == '=') found = s + n + 1;
    else if (a->m->ndata == 1 && (!strchr(s, '=') || io_exists(s))) found = s;
  }
  return found;
}

static void check_overrides(const App *a) {
  for (int i = 0; i < a->o.ndata; i++) {
    const char *s = a->o.data[i], *eq = strchr(s, '=');
    bool known = a->m->ndata == 1 && (!eq || io_exists(s));
    for (int k = 0; k < a->m->ndata && eq; k++)
      if (strlen(a->m->data[k].name) == (size_t)(eq - s) && !strncmp(a->m->data[k].name, s, (size_t)(eq - s)))
        known = true;
    if (!known && !a->m->ndata) rt_die(600, "--data %s: this model has no data section", s);
    if (!known) rt_die(600, "--data %s: no such data section\n--data %s=PATH", s, a->m->data[0].name);
  }
}

/* A path of the model: beside the .nn file, or else from the current folder. NULL: neither is there. */
static char *find(const GcData *d, const char *path) {
  char *beside = path[0] == '/' || !d->dir || !*d->dir ? NULL : rt_printf("%s/%s", d->dir, path);
  if (beside && io_exists(beside)) return beside;
  rt_free(beside);
  return io_exists(path) ? rt_strdup(path) : NULL;
}

/* A,B of --data; where the source reads a single file, commas are part of its name. */
static char **split(const char *list, int most, int *n) {
  *n = 1;
  for (const char *s = list; *s && most > 1; s++) *n += *s == ',';
  char **v = rt_array((size_t)*n, sizeof *v), *copy = rt_strdup(list);
  int i = 0;
  for (char *s = copy; s; i++) {
    v[i] = s;
    s = most > 1 ? strchr(s, ',') : NULL;
    if (s) *s++ = 0;
  }
  return v;
}

static void find_files(Data *d, const SourceKind *kind) {
  const GcData *g = d->d;
  const char *given = override(d->app, g);
  if (given && !kind->max_files) rt_die(600, "--data %s: the source `%s` reads no files", g->name, g->kind);
  if (given) {
    d->path = split(given, kind->max_files, &d->npaths);
    for (int i = 0; i < d->npaths; i++)
      if (!io_exists(d->path[i])) rt_die(680, "cannot open `%s` (--data %s)", d->path[i], g->name);
  } else {
    d->npaths = g->npaths;
    d->path = rt_array((size_t)g->npaths, sizeof *d->path);
    for (int i = 0; i < g->npaths; i++) {
      d->path[i] = find(g, g->paths[i]);
      bool two = g->dir && *g->dir && g->paths[i][0] != '/';
      if (!d->path[i])
        rt_die(680, "data %s: cannot open `%s%s%s`%s%s%s\ngive its place with --data %s=PATH", g->name,
               two ? g->dir : "", two ? "/" : "", g->paths[i], two ? " nor `" : "", two ? g->paths[i] : "",
               two ? "`" : "", g->name);
    }
  }
  if (d->npaths < kind->min_files || d->npaths > kind->max_files)
    rt_die(680, "data %s: `%s` takes %s%d file%s, %d were given", g->name, g->kind,
           kind->max_files > 1 ? "at least " : "", kind->min_files, kind->min_files == 1 ? "" : "s", d->npaths);
}

bool data_available(App *a, const GcData *d) {
  if (override(a, d)) return true;
  for (int i = 0; i < d->npaths; i++) {
    char *p = find(d, d->paths[i]);
    rt_free(p);
    if (!p) return false;
  }
  return true;
}

char *data_where(const Data *d, uint64_t record, int field) {
  const GcField *f = &d->d->fields[field];
  const char *name = d->d->name;
  if (d->npaths) name = d->path[f->raw_first < d->npaths && d->npaths > 1 ? f->raw_first : 0];
  return rt_printf("%s: record %llu, field %d", name, (unsigned long long)record + 1, f->raw_first);
}

GcDType data_raw_type(const Data *d, int field) {
  const GcField *f = &d->d->fields[field];
  return d->d->bind ? f->raw_dtype : f->dtype;
}

void data_convert(const Data *d, uint64_t record, int field, void *raw, size_t i, double v) {
  GcDType t = data_raw_type(d, field);
  char text[NUM_TEXT];
  if (!num_store(t, raw, i, v))
    rt_die(610, "%s: %s is not %s", data_where(d, record, field), num_show(v, text), gc_dtype_name[t]);
}

static void check_bound(const Data *d, uint64_t record, int field, const void *p) {
  const GcField *f = &d->d->fields[field];
  size_t n = d->bytes[field] / gc_dtype_size[f->dtype];
  bool real = f->dtype >= GC_F32;
  if (!real && f->range <= 0) return;
  for (size_t i = 0; i < n; i++) {
    double v = num_load(f->dtype, p, i);
    if (real && v - v != 0)
      rt_die(618, "%s: `%s` is not finite", data_where(d, record, field), f->name);
    if (!real && (v < 0 || v >= (double)f->range))
      rt_die(617, "%s: %.0f is out of range: `%s` must lie in 0 to %lld", data_where(d, record, field), v, f->name,
             (long long)f->range - 1);
  }
}

static void bind(const Data *d, const SourceKind *k, uint64_t record, uint64_t epoch, void *const *dst) {
  const GcGraph *g = d->d->bind;
  for (int f = 0; f < d->d->nfields; f++) k->read(d, record, f, g ? d->raw[f] : dst[f]);
  if (!g) return;
  GcCall c = {.mem = d->app->mem, .in = (const void *const *)d->raw, .out = dst, .parts = 1, .record = record,
              .epoch = epoch};
  int status = g->fn(&c);
  if (status > 0 && status <= d->d->nfields)
    rt_die(617, "%s: the value is out of range", data_where(d, record, status - 1));
  app_check(g, status);
}

void data_get(const Data *d, uint64_t record, uint64_t epoch, void *const *dst) {
  if (!d->bound) {
    bind(d, kind_of(d->d), record, epoch, dst);
    return;
  }
  for (int f = 0; f < d->d->nfields; f++) memcpy(dst[f], d->bound[f] + record * d->bytes[f], d->bytes[f]);
}

static size_t elements(int rank, const int64_t *dim) {
  size_t n = 1;
  for (int i = 0; i < rank; i++) n = rt_mul(n, (size_t)dim[i]);
  return n;
}

static void measure(Data *d) {
  const GcData *g = d->d;
  size_t n = (size_t)g->nfields;
  d->raw_count = rt_array(n, sizeof *d->raw_count);
  d->raw_bytes = rt_array(n, sizeof *d->raw_bytes);
  d->bytes = rt_array(n, sizeof *d->bytes);
  d->raw = rt_array(n, sizeof *d->raw);
  d->to = rt_array(n, sizeof *d->to);
  for (int f = 0; f < g->nfields; f++) {
    const GcField *x = &g->fields[f];
    d->bytes[f] = rt_mul(elements(x->rank, x->dim), gc_dtype_size[x->dtype]);
    d->raw_count[f] = g->bind ? elements(g->bind->in[f].rank, g->bind->in[f].dim) : elements(x->rank, x->dim);
    d->raw_bytes[f] = rt_mul(d->raw_count[f], gc_dtype_size[data_raw_type(d, f)]);
    d->raw[f] = rt_alloc(d->raw_bytes[f] + 64);
    if (!strcmp(g->kind, "csv") && d->raw_count[f] != (size_t)x->raw_count)
      rt_die(616, "data %s: `%s` takes %zu values of %d columns", g->name, x->name, d->raw_count[f], x->raw_count);
  }
}

static bool keep_nothing(void) {
#ifdef GC_FAULTS
  return getenv("GC_KEEP_NOTHING") != NULL; /* tests take the way of data larger than memory */
#else
  return false;
#endif
}

/* Binds and checks every record. All are kept when they fit into a quarter of memory, which no result depends on. */
static void bind_all(Data *d, const SourceKind *k) {
  const GcData *g = d->d;
  uint64_t total = 0, limit = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE) / 4;
  void **dst = rt_array((size_t)g->nfields, sizeof *dst);
  for (int f = 0; f < g->nfields; f++) total += rt_mul(d->n, d->bytes[f]);
  bool keep = total <= limit && !keep_nothing();
  unsigned char **bound = rt_array((size_t)g->nfields, sizeof *bound);
  for (int f = 0; f < g->nfields; f++) {
    bound[f] = rt_mem(keep ? d->n * d->bytes[f] + 64 : d->bytes[f] + 64);
    dst[f] = bound[f];
  }
  for (uint64_t r = 0; r < d->n; r++) {
    for (int f = 0; f < g->nfields && keep; f++) dst[f] = bound[f] + r * d->bytes[f];
    bind(d, k, r, 0, dst);
    for (int f = 0; f < g->nfields; f++) check_bound(d, r, f, dst[f]);
  }
  rt_free(dst);
  if (!keep) return;
  d->bound = bound;
  k->close(d);
}

Data *data_open(App *a, const GcData *g, uint64_t seed) {
  const SourceKind *k = kind_of(g);
  check_overrides(a);
  Data *d = rt_alloc(sizeof *d);
  d->d = g;
  d->app = a;
  d->seed = seed;
  find_files(d, k);
  measure(d);
  k->open(d);
  if (d->n == 0) rt_die(615, "%s: no records", d->npaths ? d->path[0] : g->name);
  bind_all(d, k);
  order_prepare(d);
  return d;
}
