// SPDX-License-Identifier: Apache-2.0
#include "export/pb_write.h"
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static int varint(char *to, uint64_t v) {
  int n = 0;
  for (; v > 127; v >>= 7) to[n++] = (char)(v | 128);
  to[n++] = (char)v;
  return n;
}

static void put_varint(Str *b, uint64_t v) {
  char s[10];
  str_put(b, s, (size_t)varint(s, v));
}

static void put_key(Str *b, uint32_t field, int wire) { put_varint(b, (uint64_t)field << 3 | (unsigned)wire); }

void pb_put_int(Str *b, uint32_t field, int64_t v) {
  put_key(b, field, WIRE_VARINT);
  put_varint(b, (uint64_t)v);
}

void pb_put_float(Str *b, uint32_t field, float v) {
  put_key(b, field, WIRE_FIXED32);
  str_put(b, (const char *)&v, sizeof v); /* little-endian, as gradc's host */
}

void pb_put_bytes(Str *b, uint32_t field, const void *p, size_t n) {
  put_key(b, field, WIRE_BYTES);
  put_varint(b, n);
  if (n) str_put(b, p, n);
}

void pb_put_text(Str *b, uint32_t field, const char *s) { pb_put_bytes(b, field, s, strlen(s)); }

void pb_put_ints(Str *b, uint32_t field, const int64_t *v, int n) {
  size_t open = pb_open(b, field);
  for (int i = 0; i < n; i++) put_varint(b, (uint64_t)v[i]);
  pb_close(b, open);
}

size_t pb_open(Str *b, uint32_t field) {
  put_key(b, field, WIRE_BYTES);
  return b->n;
}

/* The length is known now: the contents move to their place after it. */
void pb_close(Str *b, size_t open) {
  char s[10];
  size_t length = b->n - open, n = (size_t)varint(s, length);
  str_put(b, s, n);
  memmove(b->s + open + n, b->s + open, length);
  memcpy(b->s + open, s, n);
}
