/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of safetensors: tensors in the model's order, logical row-major, the hash of each in __metadata__. The
 * bytes depend on names and values only: equal weights give equal files. */
#include "json.h"
#include "num.h"
#include "rand.h"
#include "safetensors.h"
#include "vars.h"
#include <string.h>

typedef struct Text {
  char *p;
  size_t n, cap;
} Text;

static void add(Text *t, const char *s) {
  size_t n = strlen(s);
  if (t->n + n + 1 > t->cap) t->p = rt_realloc(t->p, t->cap = (t->n + n + 1) * 2);
  memcpy(t->p + t->n, s, n + 1);
  t->n += n;
}

static void add_pair(Text *t, const char *key, const char *value) {
  char *k = json_quote(key), *v = json_quote(value);
  if (t->p[t->n - 1] != '{') add(t, ",");
  add(t, k);
  add(t, ":");
  add(t, v);
  rt_free(k);
  rt_free(v);
}

static void add_tensor(Text *t, const char *named, const char *type, int rank, const int64_t *dim, size_t begin,
                       size_t end) {
  char *name = json_quote(named), number[80];
  add(t, ",");
  add(t, name);
  add(t, ":{\"dtype\":\"");
  add(t, type);
  add(t, "\",\"shape\":[");
  for (int i = 0; i < rank; i++) {
    snprintf(number, sizeof number, i ? ",%lld" : "%lld", (long long)dim[i]);
    add(t, number);
  }
  snprintf(number, sizeof number, "],\"data_offsets\":[%zu,%zu]}", begin, end);
  add(t, number);
  rt_free(name);
}

static void add_hash(Text *t, const char *name, uint64_t hash) {
  char *key = rt_printf("hash.%s", name), value[17];
  snprintf(value, sizeof value, "%016llx", (unsigned long long)hash);
  add_pair(t, key, value);
  rt_free(key);
}

static Text begin(const StMeta *meta, int nmeta) {
  Text t = {0};
  add(&t, "{\"__metadata__\":{");
  add_pair(&t, "format", "gradc");
  for (int i = 0; i < nmeta; i++) add_pair(&t, meta[i].key, meta[i].value);
  return t;
}

static void end(Text *t) {
  add(t, "}");
  while ((t->n + 8) % 64) add(t, " "); /* aligns the data for mapped files */
}

static Text header(const GcModel *m, const void *mem, unsigned kinds, const StMeta *meta, int nmeta) {
  Text t = begin(meta, nmeta);
  size_t at = 0;
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    if (!(kinds & KIND_BIT(v->kind))) continue;
    add_hash(&t, v->name, var_hash(v, mem));
  }
  add(&t, "}");
  for (int i = 0; i < m->nvars; i++) {
    const GcVar *v = &m->vars[i];
    if (!(kinds & KIND_BIT(v->kind))) continue;
    size_t n = var_count(v) * gc_dtype_size[v->dtype];
    add_tensor(&t, v->name, st_type_name(v->dtype), v->rank, v->dim, at, at + n);
    at += n;
  }
  end(&t);
  return t;
}

/* A var of these kinds that memory does not hold in the order of the file. */
static bool is_copied(const GcVar *v, unsigned kinds) { return kinds & KIND_BIT(v->kind) && !var_is_row_major(v); }

bool st_write(const GcModel *m, const void *mem, unsigned kinds, const StMeta *meta, int nmeta, const char *path,
              char *err) {
  Text t = header(m, mem, kinds, meta, nmeta);
  uint64_t n = t.n;
  size_t max = 0;
  for (int i = 0; i < m->nvars; i++)
    if (is_copied(&m->vars[i], kinds) && m->vars[i].bytes > max) max = m->vars[i].bytes;
  void *p = rt_alloc(max); /* before the file is open: running out of memory later would leave the temporary file */
  IoFile f;
  io_create(&f, path);
  io_write(&f, &n, 8);
  io_write(&f, t.p, t.n);
  for (int i = 0; i < m->nvars && !f.err; i++) {
    const GcVar *v = &m->vars[i];
    if (!(kinds & KIND_BIT(v->kind))) continue;
    if (is_copied(v, kinds)) var_to_logical(v, mem, p);
    io_write(&f, is_copied(v, kinds) ? p : (const char *)mem + v->offset, var_count(v) * gc_dtype_size[v->dtype]);
  }
  rt_free(p);
  rt_free(t.p);
  return io_commit(&f, err);
}

bool st_write_tensors(const StFile *f, const char *path, char *err) {
  Text t = begin(f->meta, f->nmeta);
  size_t at = 0;
  for (int i = 0; i < f->n; i++)
    add_hash(&t, f->t[i].name, gc_hash(0, f->data + f->t[i].begin, f->t[i].end - f->t[i].begin));
  add(&t, "}");
  for (int i = 0; i < f->n; i++) {
    const StTensor *v = &f->t[i];
    add_tensor(&t, v->name, v->type, v->rank, v->dim, at, at + (v->end - v->begin));
    at += v->end - v->begin;
  }
  end(&t);
  uint64_t n = t.n;
  IoFile to;
  io_create(&to, path);
  io_write(&to, &n, 8);
  io_write(&to, t.p, t.n);
  for (int i = 0; i < f->n && !to.err; i++) io_write(&to, f->data + f->t[i].begin, f->t[i].end - f->t[i].begin);
  rt_free(t.p);
  return io_commit(&to, err);
}
