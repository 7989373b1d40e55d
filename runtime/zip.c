/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives (APPNOTE 6.3.10): entries stored or deflated, also with 64-bit sizes. */
#include "zip.h"
#include <string.h>

static uint64_t number(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = bytes; i--;) v = v << 8 | p[i];
  return v;
}

/* Sizes of 2^32 - 1 are in the extra field 1, in the order of the header. */
static void wide_sizes(ZipEntry *e, const unsigned char *p, size_t n) {
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

bool zip_open(Zip *z, const Bytes *file, char *err) {
  *z = (Zip){.file = file};
  enum { END = 22, END64 = 56, LOCATOR = 20 };
  const Bytes *f = z->file;
  size_t least = f->n > END + 65535 ? f->n - END - 65535 : 0, at = f->n >= END ? f->n - END + 1 : 0;
  const unsigned char *p = f->p;
  while (at > least && memcmp(p + at - 1, "PK\5\6", 4)) at--;
  if (at <= least) return rt_fail(err, "not a zip archive, or truncated");
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

bool zip_next(const Zip *z, uint64_t *at, ZipEntry *e) {
  const unsigned char *p = z->file->p + *at;
  uint64_t left = z->at + z->n - *at;
  if (left < 46 || memcmp(p, "PK\1\2", 4)) return false;
  size_t name = (size_t)number(p + 28, 2), extra = (size_t)number(p + 30, 2), comment = (size_t)number(p + 32, 2);
  if (left - 46 < name + extra + comment) return false;
  *e = (ZipEntry){.method = number(p + 8, 2) & 1 ? -1 : (int)number(p + 10, 2),
                  .crc = (uint32_t)number(p + 16, 4),
                  .packed = number(p + 20, 4),
                  .size = number(p + 24, 4),
                  .at = number(p + 42, 4)};
  wide_sizes(e, p + 46 + name, extra);
  e->name = rt_printf("%.*s", (int)name, (const char *)p + 46);
  *at += 46 + name + extra + comment;
  return true;
}

/* Where the entry's bytes are. */
static bool packed_bytes(const Zip *z, const ZipEntry *e, Bytes *b, char *err) {
  const Bytes *f = z->file;
  bool ok = e->at <= f->n && f->n - e->at >= 30 && !memcmp(f->p + e->at, "PK\3\4", 4);
  uint64_t begin = ok ? e->at + 30 + number(f->p + e->at + 26, 2) + number(f->p + e->at + 28, 2) : 0;
  ok = ok && begin <= f->n && f->n - begin >= e->packed && (e->method != 0 || e->packed == e->size);
  if (ok) *b = (Bytes){f->p + begin, (size_t)e->packed};
  return ok || rt_fail(err, "`%.99s` is damaged or truncated", e->name);
}

bool zip_read(const Zip *z, const ZipEntry *e, size_t head, Bytes *to, bool *owned, char *err) {
  char why[ERR_TEXT];
  Bytes b;
  *owned = false;
  if (!packed_bytes(z, e, &b, err)) return false;
  if (e->method != 0 && e->method != 8)
    return rt_fail(err, "`%.99s` is %s, which is not read", e->name,
                   e->method < 0 ? "encrypted" : "compressed by another method than deflate");
  *owned = e->method == 8;
  if (!*owned) {
    *to = (Bytes){b.p, head && b.n > head ? head : b.n};
    return head || gz_crc32(b.p, b.n) == e->crc || rt_fail(err, "`%.99s`: the checksum does not agree", e->name);
  }
  if (head) return *owned = gz_head_raw(&b, head, to);
  if (e->size / 1100 > e->packed) *owned = rt_fail(err, "`%.99s`: its length is impossible", e->name);
  else *owned = gz_inflate_raw(&b, (size_t)e->size, e->crc, to, why) || rt_fail(err, "`%.99s`: %.300s", e->name, why);
  return *owned;
}
