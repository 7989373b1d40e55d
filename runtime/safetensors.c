/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of safetensors: 8 bytes of header length, a JSON object of tensors, their data. Rejected are: a header
 * longer than the file or 100 MB, text that is not such an object, duplicate names, unknown element types, shapes that
 * overflow or disagree with their bytes, data that overlaps, leaves gaps or does not end with the file, and tensors
 * whose stored hash differs from that of their bytes. */
#include "json.h"
#include "rand.h"
#include "safetensors.h"
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  int size, dtype;
} types[] = {
  {"BOOL", 1, GC_BOOL}, {"U8", 1, GC_U8},   {"I8", 1, GC_I8},   {"U16", 2, GC_U16}, {"I16", 2, GC_I16},
  {"U32", 4, GC_U32},   {"I32", 4, GC_I32}, {"F32", 4, GC_F32}, {"F64", 8, GC_F64}, {"F16", 2, GC_F16},
  {"BF16", 2, GC_BF16}, {"I64", 8, GC_I64}, {"U64", 8, -1},     {"F8_E4M3", 1, -1}, {"F8_E5M2", 1, -1},
};

static bool read_shape(Json *j, StTensor *t, uint64_t *count) {
  *count = 1;
  t->rank = 0;
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do {
    uint64_t v;
    if (!json_u64(j, &v)) return false;
    if (t->rank == GC_MAX_RANK) return rt_fail(j->err, "`%.99s` has more than %d axes", t->name, GC_MAX_RANK);
    if (v > INT64_MAX || __builtin_mul_overflow(*count, v, count))
      return rt_fail(j->err, "the shape of `%.99s` overflows", t->name);
    t->dim[t->rank++] = (int64_t)v;
  } while (json_accept(j, ','));
  return json_expect(j, ']');
}

static bool read_offsets(Json *j, StTensor *t) {
  uint64_t a, b;
  if (!json_expect(j, '[') || !json_u64(j, &a) || !json_expect(j, ',') || !json_u64(j, &b) || !json_expect(j, ']'))
    return false;
  if (a > b || b > SIZE_MAX) return rt_fail(j->err, "the data of `%.99s` ends before it begins", t->name);
  t->begin = (size_t)a;
  t->end = (size_t)b;
  t->bytes = (size_t)(b - a);
  return true;
}

const char *st_type_name(GcDType t) {
  for (int i = 0; i < COUNT(types); i++)
    if (types[i].dtype == (int)t) return types[i].name;
  return "";
}

bool st_set_type(StTensor *t, const char *name) {
  for (int i = 0; i < COUNT(types); i++) {
    if (strcmp(name, types[i].name)) continue;
    t->size = types[i].size;
    t->kind = !strncmp(name, "F8", 2) ? 0 : !strcmp(name, "BF16") ? 'h' : (char)(name[0] | 32);
    t->dtype = types[i].dtype;
    t->type = t->given = types[i].name;
    return true;
  }
  return false;
}

static bool read_type(Json *j, StTensor *t, int *size) {
  char *s = json_string(j);
  if (!s) return false;
  if (st_set_type(t, s)) *size = t->size;
  else rt_fail(j->err, "`%.99s` has the unknown element type `%.40s`", t->name, s);
  rt_free(s);
  return *size != 0;
}

static bool read_tensor(Json *j, StTensor *t) {
  enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
  int size = 0;
  unsigned seen = 0;
  uint64_t count = 0, bytes;
  if (!json_expect(j, '{')) return false;
  do {
    char *key = json_string(j);
    if (!key || !json_expect(j, ':')) {
      rt_free(key);
      return false;
    }
    unsigned k = !strcmp(key, "dtype")          ? DTYPE
                 : !strcmp(key, "shape")        ? SHAPE
                 : !strcmp(key, "data_offsets") ? OFFSETS
                                                : 0;
    bool ok = k && !(seen & k);
    if (!ok) rt_fail(j->err, "`%.99s` has a second or unknown entry `%.40s`", t->name, key);
    rt_free(key);
    if (!ok) return false;
    seen |= k;
    if (!(k == DTYPE ? read_type(j, t, &size) : k == SHAPE ? read_shape(j, t, &count) : read_offsets(j, t)))
      return false;
  } while (json_accept(j, ','));
  if (!json_expect(j, '}')) return false;
  if (seen != (DTYPE | SHAPE | OFFSETS))
    return rt_fail(j->err, "`%.99s` lacks its element type, shape or offsets", t->name);
  if (__builtin_mul_overflow(count, (uint64_t)size, &bytes) || bytes != t->end - t->begin)
    return rt_fail(j->err, "the shape of `%.99s` disagrees with its %zu bytes", t->name, t->end - t->begin);
  return true;
}

static bool read_metadata(Json *j, StFile *f) {
  if (f->meta) return rt_fail(j->err, "two __metadata__ entries");
  int cap = 8;
  f->meta = rt_array((size_t)cap, sizeof *f->meta);
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return true;
  do {
    if (f->nmeta == cap) f->meta = rt_realloc(f->meta, rt_mul((size_t)(cap *= 2), sizeof *f->meta));
    StMeta *m = &f->meta[f->nmeta];
    m->key = json_string(j);
    if (!m->key || !json_expect(j, ':') || !(m->value = json_string(j))) return false;
    f->nmeta++;
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

static bool read_header(Json *j, StFile *f) {
  int cap = 0;
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return json_end(j);
  do {
    char *name = json_string(j);
    if (!name || !json_expect(j, ':')) {
      rt_free(name);
      return false;
    }
    if (!strcmp(name, "__metadata__")) {
      rt_free(name);
      if (!read_metadata(j, f)) return false;
      continue;
    }
    if (f->n == cap) f->t = rt_realloc(f->t, rt_mul((size_t)(cap = cap ? cap * 2 : 64), sizeof *f->t));
    StTensor *t = &f->t[f->n++];
    memset(t, 0, sizeof *t);
    t->name = name;
    if (!read_tensor(j, t)) return false;
  } while (json_accept(j, ','));
  return json_expect(j, '}') && json_end(j);
}

static int by_offset(const void *a, const void *b) {
  const StTensor *s = a, *t = b;
  if (s->begin != t->begin) return s->begin < t->begin ? -1 : 1;
  return s->end != t->end ? (s->end < t->end ? -1 : 1) : 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const StTensor *)a)->name, ((const StTensor *)b)->name);
}

static int by_key(const void *a, const void *b) { return strcmp(((const StMeta *)a)->key, ((const StMeta *)b)->key); }

static bool check_layout(StFile *f, size_t have, char *err) {
  size_t at = 0;
  if (f->n) qsort(f->t, (size_t)f->n, sizeof *f->t, by_offset);
  for (int i = 0; i < f->n; i++) {
    const StTensor *t = &f->t[i];
    if (t->end > have)
      return rt_fail(err, "truncated: `%.99s` ends at byte %zu of its data, the file has %zu", t->name, t->end, have);
    if (t->begin < at) return rt_fail(err, "`%.99s` overlaps another tensor", t->name);
    if (t->begin > at) return rt_fail(err, "%zu bytes before `%.99s` belong to no tensor", t->begin - at, t->name);
    at = t->end;
  }
  if (at != have) return rt_fail(err, "%zu bytes at the end belong to no tensor", have - at);
  return st_sort(f, err);
}

bool st_sort(StFile *f, char *err) {
  if (f->n) qsort(f->t, (size_t)f->n, sizeof *f->t, by_name);
  for (int i = 1; i < f->n; i++)
    if (!strcmp(f->t[i - 1].name, f->t[i].name)) return rt_fail(err, "two tensors named `%.99s`", f->t[i].name);
  if (f->nmeta) qsort(f->meta, (size_t)f->nmeta, sizeof *f->meta, by_key);
  for (int i = 1; i < f->nmeta; i++)
    if (!strcmp(f->meta[i - 1].key, f->meta[i].key))
      return rt_fail(err, "two entries `%.99s` in __metadata__", f->meta[i].key);
  return true;
}

static bool check_hashes(const StFile *f, char *err) {
  for (int i = 0; i < f->n; i++) {
    const StTensor *t = &f->t[i];
    char *key = rt_printf("hash.%s", t->name), text[17];
    const char *want = st_meta(f, key);
    rt_free(key);
    if (!want) continue;
    uint64_t h = gc_hash(0, f->data + t->begin, t->end - t->begin);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)h);
    if (strcmp(text, want)) return rt_fail(err, "the bytes of `%.99s` are not those that were written", t->name);
  }
  return true;
}

bool st_parse(Bytes file, StFile *f, char *err) {
  enum { MAX_HEADER = 100000000 };
  char why[ERR_TEXT];
  memset(f, 0, sizeof *f);
  f->file = file;
  uint64_t n = 0;
  if (file.n < 8) return rt_fail(err, "not a safetensors file (%zu bytes)", file.n);
  memcpy(&n, file.p, 8);
  if (n > MAX_HEADER || n > file.n - 8)
    return rt_fail(err, "not a safetensors file, or truncated (a header of %llu bytes)", (unsigned long long)n);
  const char *text = (const char *)file.p + 8;
  if (n < 2 || *text != '{') return rt_fail(err, "not a safetensors file (its header does not begin with `{`)");
  Json j = {text, text + n, why};
  f->data = file.p + 8 + n;
  if (!read_header(&j, f)) return rt_fail(err, "header byte %zu: %.400s", (size_t)(j.p - text), why);
  return check_layout(f, file.n - 8 - (size_t)n, err) && check_hashes(f, err);
}

const char *weights_format(const Bytes *b) {
  static const struct {
    const char *begin, *format;
  } formats[] = {
    {"PK\3\4", "a zip archive, of PyTorch or NumPy"}, {"\x93NUMPY", "an array of NumPy"}, {"GGUF", "GGUF"}};
  for (int i = 0; i < COUNT(formats); i++)
    if (b->n >= strlen(formats[i].begin) && !memcmp(b->p, formats[i].begin, strlen(formats[i].begin)))
      return formats[i].format;
  return NULL;
}

bool st_read(const char *path, StFile *f, char *err) {
  Bytes b;
  char why[ERR_TEXT];
  if (!io_read_all(path, &b, err)) return false;
  const char *format = weights_format(&b);
  if (format && weights_read_other) {
    rt_free(b.p);
    return weights_read_other(path, f, err);
  }
  if (format) {
    rt_free(b.p);
    *f = (StFile){0};
    return rt_fail(err, "%s: %s: `gradc weights FILE -o x.safetensors` converts it", path, format);
  }
  return st_parse(b, f, why) || rt_fail(err, "%s: %.400s", path, why);
}

void st_free(StFile *f) {
  for (int i = 0; i < f->n; i++) rt_free(f->t[i].name);
  for (int i = 0; i < f->nmeta; i++) {
    rt_free(f->meta[i].key);
    rt_free(f->meta[i].value);
  }
  rt_free(f->t);
  rt_free(f->meta);
  rt_free(f->file.p);
}

const StTensor *st_find(const StFile *f, const char *name) {
  StTensor key = {.name = (char *)(uintptr_t)name};
  return f->n ? bsearch(&key, f->t, (size_t)f->n, sizeof *f->t, by_name) : NULL;
}

const char *st_meta(const StFile *f, const char *key) {
  StMeta k = {.key = (char *)(uintptr_t)key};
  const StMeta *m = f->nmeta ? bsearch(&k, f->meta, (size_t)f->nmeta, sizeof *f->meta, by_key) : NULL;
  return m ? m->value : NULL;
}
