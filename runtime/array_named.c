/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays among others in a file: npz, which is a zip archive (APPNOTE 6.3.10) of .npy files, stored or deflated, also
 * with 64-bit sizes; and safetensors. */
#include "data.h"
#include "safetensors.h"
#include <string.h>

static bool missing(ArrayName of, int n, const char *const *name, char *err) {
  if (!of.name) return rt_fail(err, "there is no array %d; there are %d", of.number, n);
  const char *near = rt_suggest(of.name, name, n);
  char *list = rt_strdup(n ? "" : "none");
  for (int i = 0; i < n && strlen(list) < 200; i++) list = rt_printf("%s%s%s", list, i ? ", " : "", name[i]);
  return near ? rt_fail(err, "there is no array `%.99s`\ndid you mean `%.99s`?", of.name, near)
              : rt_fail(err, "there is no array `%.99s`\nits arrays are %.250s", of.name, list);
}

/* ---- safetensors ---- */

static const StTensor *tensor(const StFile *f, ArrayName of, char *err) {
  const StTensor *t = of.name ? st_find(f, of.name) : of.number < f->n ? &f->t[of.number] : NULL;
  if (t) return t;
  const char **name = rt_array((size_t)f->n + 1, sizeof *name);
  for (int i = 0; i < f->n; i++) name[i] = f->t[i].name;
  missing(of, f->n, name, err);
  rt_free(name);
  return NULL;
}

bool array_file_safetensors(ArrayFile *a, const Bytes *file, ArrayName of, bool *owned, char *err) {
  StFile f;
  *owned = false;
  if (!st_parse(*file, &f, err)) return false;
  const StTensor *t = tensor(&f, of, err);
  bool ok = t && (t->kind || rt_fail(err, "`%.99s` has 8-bit floats, which are not read", t->name));
  if (ok) {
    a->file = (Bytes){file->p, (size_t)(f.data - file->p) + t->end};
    a->offset = (size_t)(f.data - file->p) + t->begin;
    a->size = (size_t)t->size;
    a->kind = t->kind;
    a->swap = false;
    a->rank = t->rank;
    for (int i = 0; i < t->rank; i++) a->dim[i] = (uint64_t)t->dim[i];
    ok = array_file_finish(a, err);
  }
  f.file = (Bytes){0};
  st_free(&f);
  return ok;
}

/* ---- zip ---- */

static uint64_t number(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = bytes; i--;) v = v << 8 | p[i];
  return v;
}

typedef struct Entry {
  char *name;                /* without .npy */
  uint64_t size, packed, at; /* of the contents; of what is stored; of the local header */
  uint32_t crc;
  int method;
} Entry;
typedef struct Zip {
  const Bytes *file;
  uint64_t at, n; /* the central directory */
  uint64_t entries;
} Zip;

/* Sizes of 2^32 - 1 are in the extra field 1, in the order of the header. */
static void wide_sizes(Entry *e, const unsigned char *p, size_t n) {
  uint64_t *const value[] = {&e->size, &e->packed, &e->at};
  for (; n >= 4 && n - 4 >= number(p + 2, 2); n -= 4 + number(p + 2, 2), p += 4 + number(p + 2, 2)) {
    size_t left = (size_t)number(p + 2, 2), at = 4;
    for (int i = 0; i < 3 && number(p, 2) == 1; i++) {
      if (*value[i] != UINT32_MAX || left < 8) continue;
      *value[i] = number(p + at, 8);
      at += 8;
      left -= 8;
    }
  }
}

static bool find_directory(Zip *z, char *err) {
  enum { END = 22, END64 = 56, LOCATOR = 20 };
  const Bytes *f = z->file;
  size_t least = f->n > END + 65535 ? f->n - END - 65535 : 0, at = f->n >= END ? f->n - END + 1 : 0;
  const unsigned char *p = f->p;
  while (at > least && memcmp(p + at - 1, "PK\5\6", 4)) at--;
  if (at <= least) return rt_fail(err, "not an npz file, or truncated");
  at--;
  z->entries = number(p + at + 10, 2);
  z->n = number(p + at + 12, 4);
  z->at = number(p + at + 16, 4);
  if (at >= LOCATOR && !memcmp(p + at - LOCATOR, "PK\6\7", 4)) {
    uint64_t wide = number(p + at - LOCATOR + 8, 8);
    if (wide > f->n || f->n - wide < END64 || memcmp(p + wide, "PK\6\6", 4))
      return rt_fail(err, "its directory is damaged");
    z->entries = number(p + wide + 32, 8);
    z->n = number(p + wide + 40, 8);
    z->at = number(p + wide + 48, 8);
  }
  return (z->at <= f->n && z->n <= f->n - z->at && z->entries <= z->n / 46) || rt_fail(err, "its directory is damaged");
}

/* False: damaged. */
static bool read_entry(const Zip *z, uint64_t *at, Entry *e) {
  const unsigned char *p = z->file->p + *at;
  uint64_t left = z->at + z->n - *at;
  if (left < 46 || memcmp(p, "PK\1\2", 4)) return false;
  size_t name = (size_t)number(p + 28, 2), extra = (size_t)number(p + 30, 2), comment = (size_t)number(p + 32, 2);
  if (left - 46 < name + extra + comment) return false;
  *e = (Entry){.method = number(p + 8, 2) & 1 ? -1 : (int)number(p + 10, 2),
               .crc = (uint32_t)number(p + 16, 4),
               .packed = number(p + 20, 4),
               .size = number(p + 24, 4),
               .at = number(p + 42, 4)};
  wide_sizes(e, p + 46 + name, extra);
  size_t stem = name > 4 && !memcmp(p + 46 + name - 4, ".npy", 4) ? name - 4 : name;
  e->name = rt_printf("%.*s", (int)stem, (const char *)p + 46);
  *at += 46 + name + extra + comment;
  return true;
}

static bool find_entry(const Zip *z, ArrayName of, Entry *e, char *err) {
  uint64_t at = z->at;
  const char **name = rt_array((size_t)z->entries + 1, sizeof *name);
  bool found = false, ok = true;
  for (uint64_t i = 0; i < z->entries && ok && !found; i++) {
    ok = read_entry(z, &at, e);
    found = ok && (of.name ? !strcmp(e->name, of.name) : i == (uint64_t)of.number);
    name[i] = e->name;
  }
  if (!ok) rt_fail(err, "its directory is damaged");
  if (ok && !found) missing(of, (int)z->entries, name, err);
  rt_free(name);
  return found;
}

/* Where the entry's bytes are. */
static bool packed_bytes(const Zip *z, const Entry *e, Bytes *b, char *err) {
  const Bytes *f = z->file;
  bool ok = e->at <= f->n && f->n - e->at >= 30 && !memcmp(f->p + e->at, "PK\3\4", 4);
  uint64_t begin = ok ? e->at + 30 + number(f->p + e->at + 26, 2) + number(f->p + e->at + 28, 2) : 0;
  ok = ok && begin <= f->n && f->n - begin >= e->packed && (e->method != 0 || e->packed == e->size);
  if (ok) *b = (Bytes){f->p + begin, (size_t)e->packed};
  return ok || rt_fail(err, "`%.99s` is damaged or truncated", e->name);
}

static bool unpack(const Entry *e, const Bytes *b, ArrayFile *a, bool *owned, char *err) {
  enum { HEAD = 65536 };
  char why[ERR_TEXT];
  *owned = e->method == 8;
  if (e->method != 0 && e->method != 8)
    return rt_fail(err, "`%.99s` is %s, which is not read", e->name,
                   e->method < 0 ? "encrypted" : "compressed by another method than deflate");
  if (!*owned) {
    a->file = *b;
    return a->header_only || gz_crc32(b->p, b->n) == e->crc ||
           rt_fail(err, "`%.99s`: the checksum does not agree", e->name);
  }
  if (a->header_only) return gz_head_raw(b, HEAD, &a->file);
  if (e->size / 1100 > e->packed) return rt_fail(err, "`%.99s`: its length is impossible", e->name);
  *owned = gz_inflate_raw(b, (size_t)e->size, e->crc, &a->file, why);
  return *owned || rt_fail(err, "`%.99s`: %.300s", e->name, why);
}

bool array_file_npz(ArrayFile *a, const Bytes *file, ArrayName of, bool *owned, char *err) {
  Zip z = {.file = file};
  Entry e;
  Bytes b;
  char why[ERR_TEXT];
  *owned = false;
  if (!find_directory(&z, err) || !find_entry(&z, of, &e, err) || !packed_bytes(&z, &e, &b, err) ||
      !unpack(&e, &b, a, owned, err))
    return false;
  if (a->header_only && !*owned && a->file.n > 65536) a->file.n = 65536;
  return array_file_npy(a, why) || rt_fail(err, "`%.99s`: %.300s", e.name, why);
}
