/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files, for tests. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* A file's contents in malloc memory, NUL-terminated; n (may be NULL) gets the length. NULL: cannot be opened. */
static inline char *read_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  size_t cap = 1 << 16, len = 0, got;
  char *s = malloc(cap + 1);
  while ((got = fread(s + len, 1, cap - len, f)) > 0)
    if ((len += got) == cap) s = realloc(s, (cap *= 2) + 1);
  fclose(f);
  s[len] = 0;
  if (n) *n = len;
  return s;
}

static inline bool write_file(const char *path, const char *s, size_t n) {
  FILE *f = fopen(path, "wb");
  return f && fwrite(s ? s : "", 1, n, f) == n && fclose(f) == 0;
}
#endif
