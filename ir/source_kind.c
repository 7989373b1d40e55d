/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a source is text: a binary file gets one error instead of one for each of its bytes. */
#include "diag.h"
#include <string.h>

enum { LOOKED_AT = 4096 };

/* What files begin with. */
static const struct {
  const char *bytes;
  int n;
  const char *what;
} MAGIC[] = {
  {"\x00\x00\xFE\xFF", 4, "UTF-32 text"},
  {"\xFF\xFE\x00\x00", 4, "UTF-32 text"},
  {"\xFF\xFE", 2, "UTF-16 text"},
  {"\xFE\xFF", 2, "UTF-16 text"},
  {"\x1F\x8B", 2, "a gzip file"},
  {"PK\x03\x04", 4, "a zip archive"},
  {"BZh", 3, "a bzip2 file"},
  {"\xFD"
   "7zXZ",
   5, "an xz file"},
  {"\x28\xB5\x2F\xFD", 4, "a zstd file"},
  {"\x7F"
   "ELF",
   4, "a program or object file (ELF)"},
  {"\x93NUMPY", 6, "a NumPy array (.npy)"},
  {"\x89HDF", 4, "an HDF5 file"},
  {"\x89PNG", 4, "a PNG image"},
  {"\xFF\xD8\xFF", 3, "a JPEG image"},
  {"%PDF-", 5, "a PDF document"},
  {"GIF8", 4, "a GIF image"},
  {"SQLite format 3", 15, "an SQLite database"},
};

/* Without a byte order mark: every other byte is zero. */
static bool is_utf16(const unsigned char *s, size_t n) {
  size_t zero[2] = {0, 0};
  if (n > LOOKED_AT) n = LOOKED_AT;
  for (size_t i = 0; i < n; i++) zero[i % 2] += !s[i];
  return n >= 8 && ((zero[0] * 4 > n && !zero[1]) || (zero[1] * 4 > n && !zero[0]));
}

/* Control characters that no text has, more than one in 20 bytes. */
static bool is_binary(const unsigned char *s, size_t n) {
  size_t odd = 0;
  for (size_t i = 0; i < n; i++) odd += s[i] < ' ' && !strchr("\t\n\v\f\r\033", s[i] ? s[i] : 1);
  return odd > 1 && odd * 20 > n;
}

static const char *not_text(const unsigned char *s, size_t n) {
  for (size_t i = 0; i < sizeof MAGIC / sizeof *MAGIC; i++)
    if (n >= (size_t)MAGIC[i].n && !memcmp(s, MAGIC[i].bytes, (size_t)MAGIC[i].n)) return MAGIC[i].what;
  if (n > 9 && s[8] == '{' && !s[3] && !s[7]) return "a safetensors file";
  if (n && memchr(s, 0, n < 16 ? n : 16) && !is_utf16(s, n)) return "a binary file";
  if (n > LOOKED_AT) n = LOOKED_AT;
  return is_utf16(s, n) ? "UTF-16 text" : is_binary(s, n) ? "a binary file" : NULL;
}

bool source_is_text(Ctx *c, Loc start) {
  size_t n;
  const char *s = source_text(c, start, &n), *what = not_text((const unsigned char *)s, n);
  if (!what) return true;
  /* source_at: a location without text, so that the bytes are not printed. */
  Diag *d = diag_error(c, E_NOT_TEXT, source_at(c, source_pos(c, start).file, 1, 1), 1,
                       "this is %s, not the text of a model", what);
  if (!strncmp(what, "UTF", 3)) diag_help(c, d, "save it as UTF-8");
  return false;
}
