// SPDX-License-Identifier: Apache-2.0
/* GGUF, versions 2 and 3, little-endian (docs/gguf.md of ggml): metadata, descriptions of the tensors, and their data
 * at multiples of the alignment. A shape is stored with its last axis first. */
#include "weights/weights.h"
#include <string.h>

typedef struct Gguf {
  const unsigned char *at, *end;
  WeightFile *w;
  const GgufType **type; /* of each tensor */
  uint64_t *offset;
  uint64_t align;
  char *err;
} Gguf;

static bool cut(const Gguf *g) { return rt_fail(g->err, "truncated in its header"); }

static bool number(Gguf *g, int bytes, uint64_t *v) {
  *v = 0;
  if (g->end - g->at < bytes) return cut(g);
  for (int i = 0; i < bytes; i++) *v |= (uint64_t)*g->at++ << 8 * i;
  return true;
}

/* A text in the file. */
static bool text(Gguf *g, const char **s, size_t *n) {
  uint64_t v;
  if (!number(g, 8, &v)) return false;
  if (v > (uint64_t)(g->end - g->at)) return cut(g);
  *s = (const char *)g->at;
  *n = (size_t)v;
  g->at += v;
  return true;
}

/* ---- metadata ---- */

enum Kind { U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, ARRAY, U64, I64, F64, KINDS };
static const int bytes_of[KINDS] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

static char *shown(uint32_t kind, uint64_t v) {
  int unused = 64 - 8 * bytes_of[kind];
  float f;
  double d;
  uint32_t w = (uint32_t)v;
  memcpy(&f, &w, 4);
  memcpy(&d, &v, 8);
  if (kind == BOOL) return rt_strdup(v ? "true" : "false");
  if (kind == F32 || kind == F64) return rt_printf("%.9g", kind == F32 ? (double)f : d);
  if (kind == I8 || kind == I16 || kind == I32 || kind == I64)
    return rt_printf("%lld", (long long)((int64_t)(v << unused) >> unused));
  return rt_printf("%llu", (unsigned long long)v);
}

/* Skips the elements of an array, which are said by their number. */
static bool array(Gguf *g, char **value) {
  uint64_t kind, n, v;
  if (!number(g, 4, &kind) || !number(g, 8, &n)) return false;
  if (kind >= KINDS || kind == ARRAY) return rt_fail(g->err, "metadata of an unknown type");
  const char *s;
  size_t length;
  if (kind == TEXT)
    for (uint64_t i = 0; i < n; i++)
      if (!text(g, &s, &length)) return false;
  if (kind != TEXT && __builtin_mul_overflow(n, (uint64_t)bytes_of[kind], &v)) return cut(g);
  if (kind != TEXT && v > (uint64_t)(g->end - g->at)) return cut(g);
  if (kind != TEXT) g->at += v;
  *value = rt_printf("[%llu]", (unsigned long long)n);
  return true;
}

static bool entry(Gguf *g) {
  enum { SHOWN = 4096 };
  const char *key, *s;
  size_t nkey, n;
  uint64_t kind, v = 0;
  char *value = NULL;
  if (!text(g, &key, &nkey) || !number(g, 4, &kind)) return false;
  if (kind >= KINDS) return rt_fail(g->err, "metadata of an unknown type");
  if (kind == TEXT) {
    if (!text(g, &s, &n)) return false;
    value = rt_printf("%.*s", (int)(n < SHOWN ? n : SHOWN), s);
  } else if (kind == ARRAY) {
    if (!array(g, &value)) return false;
  } else {
    if (!number(g, bytes_of[kind], &v)) return false;
    value = shown((uint32_t)kind, v);
  }
  char *name = rt_printf("%.*s", (int)(nkey < SHOWN ? nkey : SHOWN), key);
  if (!strcmp(name, "general.alignment")) g->align = kind == U32 ? v : 0;
  weights_meta(g->w, name, value);
  return true;
}

/* ---- tensors ---- */

static bool shape(Gguf *g, StTensor *t) {
  uint64_t rank, dim[GC_MAX_RANK];
  if (!number(g, 4, &rank)) return false;
  if (rank > GC_MAX_RANK) return rt_fail(g->err, "`%.99s` has more than %d axes", t->name, GC_MAX_RANK);
  for (uint64_t i = 0; i < rank; i++)
    if (!number(g, 8, &dim[i])) return false;
  while (rank--)
    if (!weights_axis(t, dim[rank], g->err)) return false;
  return true;
}

static bool tensor(Gguf *g, int i) {
  const char *s;
  size_t n;
  uint64_t id;
  if (!text(g, &s, &n)) return false;
  StTensor *t = weights_add(g->w, rt_printf("%.*s", (int)(n < 4096 ? n : 4096), s), "F32");
  if (!shape(g, t) || !number(g, 4, &id) || !number(g, 8, &g->offset[i])) return false;
  const GgufType *type = g->type[i] = gguf_type((uint32_t)id);
  if (!type) return rt_fail(g->err, "`%.99s` has the unknown type %llu", t->name, (unsigned long long)id);
  int64_t row = t->rank ? t->dim[t->rank - 1] : 1;
  if (row % type->block)
    return rt_fail(g->err, "`%.99s`: rows of %lld elements are no blocks of %d", t->name, (long long)row, type->block);
  if (type->as) st_set_type(t, type->as);
  t->given = type->name;
  t->bytes = (size_t)(weights_count(t) / type->block) * (size_t)type->bytes;
  return true;
}

static bool load(const Gguf *g, int i, const unsigned char *data) {
  const StTensor *t = &g->w->f.t[i];
  const GgufType *type = g->type[i];
  const unsigned char *from = data + g->offset[i];
  unsigned char *to = weights_data(g->w, i);
  float block[256]; /* `to` follows the tensor before it, at any byte */
  int64_t blocks = weights_count(t) / type->block;
  if (!type->as)
    return rt_fail(g->err, "`%.99s` is %s; F32, F16, BF16, Q8_0, Q4_0, Q4_K and Q6_K are read", t->name, type->name);
  if (!type->load && t->bytes) memcpy(to, from, t->bytes);
  for (int64_t k = 0; k < blocks && type->load; k++, to += type->block * 4) {
    type->load(from + k * type->bytes, block);
    memcpy(to, block, (size_t)type->block * 4);
  }
  return true;
}

static bool tensors(Gguf *g, const Bytes *file, uint64_t n, bool values) {
  for (uint64_t i = 0; i < n; i++)
    if (!tensor(g, (int)i)) return false;
  if (!g->align || (g->align & (g->align - 1)) || g->align > 1 << 20) return rt_fail(g->err, "a wrong alignment");
  size_t head = (size_t)(g->at - file->p), begin = (head + g->align - 1) / g->align * g->align;
  if (n && begin > file->n) return cut(g);
  for (int i = 0; i < g->w->f.n; i++) {
    const StTensor *t = &g->w->f.t[i];
    if (g->offset[i] % g->align || g->offset[i] > file->n - begin || t->bytes > file->n - begin - g->offset[i])
      return rt_fail(g->err, "truncated: `%.99s` ends after the file", t->name);
  }
  uint64_t most = (uint64_t)file->n * 8; /* Q4_0 has the least: 18 bytes for 128 */
  if (!weights_place(g->w, values, most, g->err)) return false;
  for (int i = 0; i < g->w->f.n && values; i++)
    if (!load(g, i, file->p + begin)) return false;
  return true;
}

bool gguf_read(const Bytes *file, bool values, WeightFile *w, char *err) {
  enum { LEAST = 24, ENTRY = 13, TENSOR = 24 }; /* the shortest forms, in bytes */
  Gguf g = {.at = file->p + 4, .end = file->p + file->n, .w = w, .align = 32, .err = err};
  uint64_t version, n, entries;
  if (file->n < LEAST) return cut(&g);
  number(&g, 4, &version);
  number(&g, 8, &n);
  number(&g, 8, &entries);
  if (version != 2 && version != 3)
    return rt_fail(err, "version %llu of GGUF is not read", (unsigned long long)version);
  if (n > file->n / TENSOR || entries > file->n / ENTRY) return cut(&g);
  for (uint64_t i = 0; i < entries; i++)
    if (!entry(&g)) return false;
  g.type = rt_array((size_t)n + 1, sizeof *g.type);
  g.offset = rt_array((size_t)n + 1, sizeof *g.offset);
  bool ok = tensors(&g, file, n, values);
  rt_free(g.type);
  rt_free(g.offset);
  return ok;
}
