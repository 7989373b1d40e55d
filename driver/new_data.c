/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/driver.h"
#include "driver/new.h"
#include "lib/embed.h"
#include <string.h>

/* Of [0, 1): the same numbers on every machine. */
static double draw(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) / 16777216.0;
}

bool new_leaves(Ctx *c, const char *dir) {
  static const struct {
    const char *kind;
    double length, width;
  } leaf[] = {{"ash", 8, 3}, {"birch", 5, 4}, {"willow", 9, 1.5}};
  uint32_t state = 1;
  Str s = {.c = c};
  str_puts(&s, "length,width,kind\n");
  for (int i = 0; i < 150; i++) {
    double size = 0.7 + 0.6 * draw(&state), wide = 0.8 + 0.4 * draw(&state);
    str_printf(&s, "%.2f,%.2f,%s\n", leaf[i % 3].length * size, leaf[i % 3].width * size * wide, leaf[i % 3].kind);
  }
  return new_file(c, dir, "leaves.csv", s.s, s.n);
}

/* ---- PNG (ISO/IEC 15948) of 16 x 16 grey values, in one stored block of deflate ---- */

enum { SIDE = 16, ROWS = SIDE * (SIDE + 1) };

static void put_u32(Str *s, uint32_t v) {
  str_put(s, (char[]){(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v}, 4);
}

static uint32_t crc(const char *p, size_t n) {
  uint32_t c = ~0u;
  for (size_t i = 0; i < n; i++) {
    c ^= (unsigned char)p[i];
    for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
  }
  return ~c;
}

static void put_chunk(Str *s, const char *type, const char *data, size_t n) {
  put_u32(s, (uint32_t)n);
  size_t at = s->n;
  str_put(s, type, 4);
  str_put(s, data, n);
  put_u32(s, crc(s->s + at, n + 4));
}

static bool put_png(Ctx *c, const char *dir, const char *name, const unsigned char *rows) {
  static const char header[] = {0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 0, 0, 0, 0};
  static const char block[] = {0x78, 0x01, 1, ROWS & 255, ROWS >> 8, (char)(~ROWS & 255), (char)(~ROWS >> 8 & 255)};
  Str s = {.c = c}, data = {.c = c};
  uint32_t low = 1, high = 0;
  for (int i = 0; i < ROWS; i++) {
    low = (low + rows[i]) % 65521;
    high = (high + low) % 65521;
  }
  str_put(&data, block, sizeof block);
  str_put(&data, (const char *)rows, ROWS);
  put_u32(&data, high << 16 | low);
  str_put(&s, "\x89PNG\r\n\x1a\n", 8);
  put_chunk(&s, "IHDR", header, sizeof header);
  put_chunk(&s, "IDAT", data.s, data.n);
  put_chunk(&s, "IEND", "", 0);
  return new_file(c, dir, name, s.s, s.n);
}

static void draw_shape(unsigned char *rows, bool circle, uint32_t *state) {
  double x = 6 + 3 * draw(state), y = 6 + 3 * draw(state), r = 3 + 2 * draw(state);
  for (int i = 0; i < SIDE; i++) {
    *rows++ = 0; /* a row without a filter */
    for (int j = 0; j < SIDE; j++) {
      double a = i - y, b = j - x;
      bool inside = circle ? a * a + b * b < r * r : a < r && a > -r && b < r && b > -r;
      *rows++ = (unsigned char)((inside ? 200 : 20) + 40 * draw(state));
    }
  }
}

bool new_shapes(Ctx *c, const char *dir) {
  uint32_t state = 2;
  unsigned char rows[ROWS];
  for (int k = 0; k < 2; k++) {
    const char *folder = ctx_strf(c, "%s/shapes/%s", dir, k ? "square" : "circle");
    if (!make_folders(c, folder)) return false;
    for (int i = 0; i < 60; i++) {
      draw_shape(rows, !k, &state);
      if (!put_png(c, folder, ctx_strf(c, "%02d.png", i), rows)) return false;
    }
  }
  return true;
}

/* A text that is there: the page of the library. */
bool new_text(Ctx *c, const char *dir) {
  size_t n;
  const char *text = embed_text("docs/std.md", &n);
  return new_file(c, dir, "text.txt", text, n);
}
