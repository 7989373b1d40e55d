/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of .npy (versions 1 to 3) and idx (the format of MNIST). The first axis counts records. The shape in
 * the header must agree with the length of the file. */
#include "data.h"
#include <stdio.h>
#include <string.h>

bool array_file_finish(ArrayFile *a, char *err) {
  uint64_t total = a->size;
  a->per_record = 1;
  for (int i = 0; i < a->rank; i++) {
    if (__builtin_mul_overflow(total, a->dim[i], &total) ||
        (i > 0 && __builtin_mul_overflow(a->per_record, a->dim[i], &a->per_record)))
      return rt_fail(err, "the shape overflows");
    if (a->dim[i] > UINT32_MAX)
      return rt_fail(err, "an axis of %llu elements is too long", (unsigned long long)a->dim[i]);
  }
  if (a->rank == 0 && !a->any_rank) return rt_fail(err, "a scalar; expected an array whose first axis counts records");
  a->n = a->rank ? a->dim[0] : 1;
  if (a->header_only) return true;
  uint64_t have = a->file.n - a->offset;
  if (have < total)
    return rt_fail(err, "truncated: the shape needs %llu bytes of data, the file has %llu", (unsigned long long)total,
                   (unsigned long long)have);
  if (have > total) return rt_fail(err, "%llu bytes follow the last element", (unsigned long long)(have - total));
  return true;
}

/* The value of 'key' in the header's Python dictionary; NULL: no such key. */
static const char *entry(const char *header, const char *key) {
  char *quoted = rt_printf("'%s'", key);
  const char *p = strstr(header, quoted);
  if (p) {
    p += strlen(quoted);
    while (*p == ' ') p++;
    p = *p == ':' ? p + 1 : NULL;
    while (p && *p == ' ') p++;
  }
  rt_free(quoted);
  return p;
}

static bool npy_type(ArrayFile *a, const char *p, char *err) {
  if (!p || *p != '\'' || !p[1] || !p[2] || !p[3] || p[4] != '\'')
    return rt_fail(err, "its element type is not one of b1 u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8");
  char order = p[1];
  a->kind = p[2];
  a->size = (size_t)(p[3] - '0');
  a->swap = order == '>';
  bool integer = (a->kind == 'u' || a->kind == 'i') && (a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
  bool real = a->kind == 'f' && (a->size == 2 || a->size == 4 || a->size == 8);
  if (!strchr("<>|=", order) || !(integer || real || (a->kind == 'b' && a->size == 1)))
    return rt_fail(err, "element type %.5s is not one of b1 u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8", p);
  return true;
}

static bool npy_shape(ArrayFile *a, const char *p, char *err) {
  if (!p || *p++ != '(') return rt_fail(err, "the header has no shape");
  a->rank = 0;
  while (true) {
    while (*p == ' ' || *p == ',') p++;
    if (*p == ')') return true;
    uint64_t v = 0;
    if (*p < '0' || *p > '9') return rt_fail(err, "the shape is malformed");
    for (; *p >= '0' && *p <= '9'; p++) {
      if (v > UINT32_MAX) return rt_fail(err, "the shape overflows");
      v = v * 10 + (uint64_t)(*p - '0');
    }
    if (a->rank == GC_MAX_RANK) return rt_fail(err, "more than %d axes", GC_MAX_RANK);
    a->dim[a->rank++] = v;
  }
}

static bool npy_header(ArrayFile *a, const char *header, char *err) {
  const char *order = entry(header, "fortran_order");
  if (!order) return rt_fail(err, "the header has no `fortran_order`");
  a->fortran = !strncmp(order, "True", 4);
  return npy_type(a, entry(header, "descr"), err) && npy_shape(a, entry(header, "shape"), err) &&
         array_file_finish(a, err);
}

bool array_file_npy(ArrayFile *a, char *err) {
  const unsigned char *p = a->file.p;
  if (a->file.n < 12 || memcmp(p, "\x93NUMPY", 6)) return rt_fail(err, "not a .npy file");
  if (p[6] < 1 || p[6] > 3) return rt_fail(err, "unsupported version %d of the .npy format", p[6]);
  size_t first = p[6] == 1 ? 10 : 12, n = p[8] | (size_t)p[9] << 8;
  if (p[6] > 1) n |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
  if (n > a->file.n - first || n > 1 << 20) return rt_fail(err, "truncated in its header");
  char *header = rt_alloc(n + 1);
  memcpy(header, p + first, n);
  a->offset = first + n;
  bool ok = npy_header(a, header, err);
  rt_free(header);
  return ok;
}

bool array_file_idx(ArrayFile *a, char *err) {
  static const struct {
    unsigned char code;
    char kind, size;
  } types[] = {
    {0x08, 'u', 1}, {0x09, 'i', 1}, {0x0B, 'i', 2}, {0x0C, 'i', 4}, {0x0D, 'f', 4}, {0x0E, 'f', 8},
  };
  const unsigned char *p = a->file.p;
  if (a->file.n < 4 || p[0] || p[1]) return rt_fail(err, "not an idx file (its first bytes are not 0 0)");
  a->kind = 0;
  for (int i = 0; i < COUNT(types); i++) {
    if (types[i].code != p[2]) continue;
    a->kind = types[i].kind;
    a->size = (size_t)types[i].size;
  }
  a->rank = p[3];
  a->swap = a->size > 1;
  if (!a->kind) return rt_fail(err, "not an idx file (unknown element type 0x%02x)", p[2]);
  if (a->rank < 1 || a->rank > GC_MAX_RANK) return rt_fail(err, "an idx file with %d axes", a->rank);
  a->offset = 4 + 4 * (size_t)a->rank;
  if (a->file.n < a->offset) return rt_fail(err, "truncated in its header");
  for (int i = 0; i < a->rank; i++) {
    const unsigned char *d = p + 4 + 4 * i;
    a->dim[i] = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
  }
  return array_file_finish(a, err);
}

uint64_t array_file_place(const ArrayFile *a, uint64_t i) {
  uint64_t stride = 1, at = 0;
  if (!a->fortran) return i;
  for (int k = 0; k + 1 < a->rank; k++) stride *= a->dim[k];
  for (int k = a->rank; k-- > 0; stride /= k ? a->dim[k - 1] : 1) {
    at += i % a->dim[k] * stride;
    i /= a->dim[k];
  }
  return at;
}

static uint64_t element_bits(const ArrayFile *a, uint64_t i) {
  const unsigned char *p = a->file.p + a->offset + array_file_place(a, i) * a->size;
  uint64_t u = 0;
  if (a->swap)
    for (size_t k = 0; k < a->size; k++) u = u << 8 | p[k];
  else memcpy(&u, p, a->size);
  return u;
}

bool array_file_wide(const ArrayFile *a, uint64_t i, char text[]) {
  if (a->size != 8 || (a->kind != 'i' && a->kind != 'u')) return false;
  uint64_t u = element_bits(a, i);
  bool minus = a->kind == 'i' && u >> 63;
  uint64_t size = minus ? 0 - u : u;
  if (size >> 53) snprintf(text, NUM_TEXT, "%s%llu", minus ? "-" : "", (unsigned long long)size);
  return size >> 53;
}

double array_file_get(const ArrayFile *a, uint64_t i) {
  uint64_t u = element_bits(a, i);
  if (a->kind == 'f' || a->kind == 'h') {
    if (a->size == 8) {
      double d;
      memcpy(&d, &u, 8);
      return d;
    }
    uint16_t h = (uint16_t)u;
    uint32_t w = (uint32_t)u;
    float f;
    if (a->size == 2) return num_load(a->kind == 'h' ? GC_BF16 : GC_F16, &h, 0);
    memcpy(&f, &w, 4);
    return f;
  }
  if (a->kind != 'i') return (double)u;
  int unused = 64 - 8 * (int)a->size;
  return (double)((int64_t)(u << unused) >> unused);
}

static bool shape_of_one(ArrayFile *a, const char *path, bool idx) {
  enum { HEAD = 4096 };
  char err[ERR_TEXT];
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  Bytes b = {rt_alloc(HEAD), 0};
  b.n = fread(b.p, 1, HEAD, f);
  fclose(f);
  *a = (ArrayFile){.header_only = true, .file = b};
  bool ok = !gz_is(&b) || gz_head(&b, &a->file);
  ok = ok && (idx ? array_file_idx(a, err) : array_file_npy(a, err));
  if (a->file.p != b.p) rt_free(a->file.p);
  rt_free(b.p);
  a->file = (Bytes){0};
  return ok;
}

bool array_file_shape(ArrayFile *a, const char *path, const char *kind, ArrayName of) {
  char err[ERR_TEXT];
  Bytes b;
  bool owned = false;
  if (!strcmp(kind, "idx") || !strcmp(kind, "npy")) return shape_of_one(a, path, kind[0] == 'i');
  if (!strcmp(kind, "jsonl")) return of.name && jsonl_shape(a, path, of.name);
  if (!io_map(path, &b)) return false;
  *a = (ArrayFile){.header_only = true};
  bool ok = (kind[0] == 's' ? array_file_safetensors : array_file_npz)(a, &b, of, &owned, err);
  if (owned) rt_free(a->file.p);
  io_unmap(&b);
  a->file = (Bytes){0};
  return ok;
}
