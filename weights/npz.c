// SPDX-License-Identifier: Apache-2.0
/* npz: a zip archive of .npy files. The runtime's readers read them; they are written without compression, with 64-bit
 * sizes where they are needed. */
#include "runtime/data.h"
#include "runtime/zip.h"
#include "weights/weights.h"
#include <string.h>

/* ---- reading ---- */

static const char *type_of(const ArrayFile *a, char text[8]) {
  if (a->kind == 'b') return "BOOL";
  snprintf(text, 8, "%c%d", a->kind & ~32, (int)(8 * a->size));
  return text;
}

static bool add_array(WeightFile *w, const ArrayFile *a, char *name, char *err) {
  char text[8];
  StTensor *t = weights_add(w, name, type_of(a, text));
  for (int i = 0; i < a->rank; i++)
    if (!weights_axis(t, a->dim[i], err)) return false;
  return true;
}

static void copy(const ArrayFile *a, unsigned char *to, size_t n) {
  const unsigned char *from = a->file.p + a->offset;
  bool plain = !a->swap && !a->fortran;
  if (plain && n) memcpy(to, from, n);
  for (size_t i = 0; i < n && !plain; i++) {
    size_t byte = i % a->size;
    to[i] = from[array_file_place(a, i / a->size) * a->size + (a->swap ? a->size - 1 - byte : byte)];
  }
}

bool npy_read(const Bytes *file, bool values, WeightFile *w, char *err) {
  ArrayFile a = {.file = *file, .any_rank = true};
  if (!array_file_npy(&a, err) || !add_array(w, &a, rt_strdup("array"), err) || !weights_place(w, values, file->n, err))
    return false;
  if (values) copy(&a, weights_data(w, 0), w->f.t[0].bytes);
  return true;
}

static bool read_array(const Zip *z, ZipEntry *e, ArrayFile *a, bool *owned, char *err) {
  char why[ERR_TEXT];
  size_t n = strlen(e->name);
  *a = (ArrayFile){.any_rank = true};
  *owned = false;
  if (n < 5 || strcmp(e->name + n - 4, ".npy") != 0) return rt_fail(err, "`%.99s` is no .npy file", e->name);
  e->name[n - 4] = 0;
  if (!zip_read(z, e, 0, &a->file, owned, err)) return false;
  return array_file_npy(a, why) || rt_fail(err, "`%.99s`: %.300s", e->name, why);
}

bool npz_read(const Bytes *file, bool values, WeightFile *w, char *err) {
  Zip z;
  ZipEntry e = {0};
  if (!zip_open(&z, file, err)) return false;
  ArrayFile *a = rt_array((size_t)z.entries + 1, sizeof *a);
  bool *owned = rt_array((size_t)z.entries + 1, 1), ok = true;
  uint64_t at = z.at, most = 0;
  for (uint64_t i = 0; i < z.entries && ok; i++) {
    ok = zip_next(&z, &at, &e) || rt_fail(err, "its directory is damaged");
    ok = ok && read_array(&z, &e, &a[i], &owned[i], err);
    if (ok) ok = add_array(w, &a[i], e.name, err); /* which takes the name */
    else rt_free(e.name);
    e.name = NULL;
    most += a[i].file.n;
  }
  ok = ok && weights_place(w, values, most, err);
  for (int i = 0; i < w->f.n && ok && values; i++) copy(&a[i], weights_data(w, i), w->f.t[i].bytes);
  for (uint64_t i = 0; i < z.entries; i++)
    if (owned[i]) rt_free(a[i].file.p);
  rt_free(a);
  rt_free(owned);
  return ok;
}

/* ---- writing ---- */

enum { LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR = 20, DATE = 0x21 }; /* 1 January 1980 */

typedef struct Entry {
  uint64_t at, size;
  uint32_t crc;
  char *name;
} Entry;

typedef struct Writer {
  IoFile to;
  uint64_t at;
} Writer;

static void put(Writer *w, uint64_t v, int bytes) {
  unsigned char b[8];
  for (int i = 0; i < bytes; i++) b[i] = (unsigned char)(v >> 8 * i);
  io_write(&w->to, b, (size_t)bytes);
  w->at += (uint64_t)bytes;
}

static void put_bytes(Writer *w, const void *p, size_t n) {
  io_write(&w->to, p, n);
  w->at += n;
}

/* The head of a .npy file of version 1, a multiple of 64 bytes, in new memory. */
static char *npy_head(const StTensor *t, size_t *n) {
  enum { FIXED = 10 };
  char *shape = rt_strdup("");
  for (int i = 0; i < t->rank; i++) {
    char *longer = rt_printf("%s%s%lld%s", shape, i ? ", " : "", (long long)t->dim[i], t->rank == 1 ? "," : "");
    rt_free(shape);
    shape = longer;
  }
  char kind = !strcmp(t->type, "BOOL") ? 'b' : t->kind;
  char *dict = rt_printf("{'descr': '%c%c%d', 'fortran_order': False, 'shape': (%s), }", t->size == 1 ? '|' : '<', kind,
                         t->size, shape);
  *n = (FIXED + strlen(dict) + 1 + 63) / 64 * 64;
  char *head = rt_alloc(*n + 1);
  memset(head, ' ', *n);
  memcpy(head, "\x93NUMPY\1\0", 8);
  head[8] = (char)((*n - FIXED) & 255);
  head[9] = (char)((*n - FIXED) >> 8);
  memcpy(head + FIXED, dict, strlen(dict));
  head[*n - 1] = '\n';
  rt_free(dict);
  rt_free(shape);
  return head;
}

static uint64_t least(uint64_t v) { return v < UINT32_MAX ? v : UINT32_MAX; }

/* The part that local and central headers share, from "version needed" to the length of the name. */
static void put_common(Writer *w, const Entry *e) {
  bool wide = e->size >= UINT32_MAX;
  put(w, wide ? 45 : 20, 2);
  put(w, 1 << 11, 2); /* names are UTF-8 */
  put(w, 0, 4);       /* stored; time */
  put(w, DATE, 2);
  put(w, e->crc, 4);
  put(w, least(e->size), 4);
  put(w, least(e->size), 4);
  put(w, strlen(e->name), 2);
}

static void put_entry(Writer *w, const StFile *f, const StTensor *t, Entry *e) {
  size_t n, bytes = t->end - t->begin;
  char *head = npy_head(t, &n), *all = rt_alloc(n + bytes + 1);
  memcpy(all, head, n);
  memcpy(all + n, f->data + t->begin, bytes);
  *e = (Entry){w->at, n + bytes, gz_crc32((unsigned char *)all, n + bytes), rt_printf("%s.npy", t->name)};
  put(w, 0x04034b50, 4);
  put_common(w, e);
  put(w, e->size >= UINT32_MAX ? 20 : 0, 2);
  put_bytes(w, e->name, strlen(e->name));
  if (e->size >= UINT32_MAX) {
    put(w, 1 | 16 << 16, 4);
    put(w, e->size, 8);
    put(w, e->size, 8);
  }
  put_bytes(w, all, n + bytes);
  rt_free(head);
  rt_free(all);
}

static void put_central(Writer *w, const Entry *e) {
  int wide = (e->size >= UINT32_MAX ? 16 : 0) + (e->at >= UINT32_MAX ? 8 : 0);
  put(w, 0x02014b50, 4);
  put(w, 45, 2);
  put_common(w, e);
  put(w, wide ? (uint64_t)wide + 4 : 0, 2);
  put(w, 0, 6); /* comment, disk, kind of text */
  put(w, 0, 4); /* attributes outside of zip */
  put(w, least(e->at), 4);
  put_bytes(w, e->name, strlen(e->name));
  if (wide) put(w, 1 | (uint64_t)wide << 16, 4);
  if (e->size >= UINT32_MAX) put(w, e->size, 8), put(w, e->size, 8);
  if (e->at >= UINT32_MAX) put(w, e->at, 8);
}

static void put_end(Writer *w, uint64_t begin, uint64_t entries) {
  uint64_t at = w->at, n = at - begin;
  if (begin >= UINT32_MAX || entries >= UINT16_MAX) {
    put(w, 0x06064b50, 4);
    put(w, END64 - 12, 8);
    put(w, 45 | 45 << 16, 4);
    put(w, 0, 8);
    put(w, entries, 8);
    put(w, entries, 8);
    put(w, n, 8);
    put(w, begin, 8);
    put(w, 0x07064b50, 4);
    put(w, 0, 4);
    put(w, at, 8);
    put(w, 1, 4);
  }
  put(w, 0x06054b50, 4);
  put(w, 0, 4);
  put(w, entries < UINT16_MAX ? entries : UINT16_MAX, 2);
  put(w, entries < UINT16_MAX ? entries : UINT16_MAX, 2);
  put(w, least(n), 4);
  put(w, least(begin), 4);
  put(w, 0, 2);
}

bool npz_write(const StFile *f, const char *path, char *err) {
  for (int i = 0; i < f->n; i++)
    if (f->t[i].kind == 'h' || !f->t[i].kind || strlen(f->t[i].name) > 4096)
      return rt_fail(err, "`%.99s` is %s, which NumPy does not have", f->t[i].name, f->t[i].type);
  Entry *e = rt_array((size_t)f->n + 1, sizeof *e);
  Writer w = {0};
  io_create(&w.to, path);
  for (int i = 0; i < f->n && !w.to.err; i++) put_entry(&w, f, &f->t[i], &e[i]);
  uint64_t begin = w.at;
  for (int i = 0; i < f->n && !w.to.err; i++) put_central(&w, &e[i]);
  put_end(&w, begin, (uint64_t)f->n);
  for (int i = 0; i < f->n; i++) rt_free(e[i].name);
  rt_free(e);
  return io_commit(&w.to, err);
}
