/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

typedef struct Range {
  uint32_t from, to;
} Range;

static bool in_ranges(uint32_t u, const Range *r, int n) {
  for (int i = 0; i < n; i++)
    if (u >= r[i].from && u <= r[i].to) return true;
  return false;
}

/* Blocks that terminals show two columns wide, and those that take none. */
static const Range WIDE[] = {
  {0x1100, 0x115F}, {0x2E80, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
  {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD},
};
static const Range NARROW[] = {{0x300, 0x36F}, {0x200B, 0x200D}, {0xFE00, 0xFE0F}};
/* Control characters and those that change the direction of text: they could make one line look like another. */
static const Range UNSAFE[] = {{0, 0x1F}, {0x7F, 0x9F}, {0x202A, 0x202E}, {0x2066, 0x2069}};

bool utf8_step(const char *p, size_t n, int *used, int *width) {
  const unsigned char *s = (const unsigned char *)p;
  static const uint32_t MIN[] = {0, 0, 0x80, 0x800, 0x10000};
  int len = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
  *used = *width = 1;
  if (!len || (size_t)len > n) return false;
  uint32_t u = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
  for (int i = 1; i < len; i++) {
    if (s[i] >> 6 != 2) return false;
    u = u << 6 | (s[i] & 0x3F);
  }
  if (u < MIN[len] || u > 0x10FFFF || (u >= 0xD800 && u <= 0xDFFF)) return false;
  *used = len;
#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
  if (in_ranges(u, UNSAFE, COUNT(UNSAFE))) return false;
  *width = in_ranges(u, WIDE, COUNT(WIDE)) ? 2 : in_ranges(u, NARROW, COUNT(NARROW)) ? 0 : 1;
#undef COUNT
  return true;
}
