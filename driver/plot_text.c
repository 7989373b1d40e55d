/* SPDX-License-Identifier: Apache-2.0 */
/* A chart in characters. Braille: eight dots in a character, two across and four down; a character has the colour of
 * the curve that was drawn last there. ASCII: one dot in a character, a letter for each curve. */
#include "driver/plot.h"
#include "driver/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Canvas {
  const PlotText *o;
  int columns, rows;    /* characters */
  int across, down;     /* dots in one */
  unsigned char *bits;  /* braille: the dots of a character; ASCII: its letter */
  unsigned char *owner; /* 1 + colour */
} Canvas;

enum { AXIS = 10, NARROW = 7, LEAST = 4 };
static const char *const colour[] = {"36", "33", "32", "35", "34", "31", "37"};
enum { COLOURS = sizeof colour / sizeof *colour };

/* Bits of U+2800 by column and row. */
static const unsigned char dot_bit[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};

static char letter(const PlotCurve *k, int number) {
  return (char)((k->dashed ? 'A' : 'a') + (number < 26 ? number : 25));
}

static void dot(Canvas *v, const PlotCurve *k, int number, int x, int y) {
  if (x < 0 || y < 0 || x >= v->columns * v->across || y >= v->rows * v->down) return;
  int at = y / v->down * v->columns + x / v->across;
  if (v->o->braille) v->bits[at] |= dot_bit[x % 2][y % 4];
  else v->bits[at] = (unsigned char)letter(k, number);
  v->owner[at] = (unsigned char)(1 + k->colour % COLOURS);
}

/* Dashed lines have gaps of two dots. */
static void stroke(Canvas *v, const PlotCurve *k, int number, const int *from, const int *to) {
  int dx = abs(to[0] - from[0]), dy = abs(to[1] - from[1]), n = dx > dy ? dx : dy;
  for (int i = 0; i <= n; i++) {
    double t = n ? (double)i / n : 0;
    int x = from[0] + (int)lround(t * (to[0] - from[0])), y = from[1] + (int)lround(t * (to[1] - from[1]));
    if (!k->dashed || !v->o->braille || !i || i == n || (x + y) % 4 < 2) dot(v, k, number, x, y);
  }
}

static void draw(Canvas *v, const Chart *c, const PlotCurve *k, int number) {
  int last[2], here[2];
  bool any = false;
  int w = v->columns * v->across - 1, h = v->rows * v->down - 1;
  for (int i = 0; i < k->n; i++) {
    double y = chart_y(c, k->y[i]);
    if (isnan(y)) {
      any = false;
      continue;
    }
    here[0] = (int)lround((k->x[i] - c->x0) / (c->x1 - c->x0) * w);
    here[1] = (int)lround((c->y1 - y) / (c->y1 - c->y0) * h);
    stroke(v, k, number, any ? last : here, here);
    memcpy(last, here, sizeof last);
    any = true;
  }
}

static void put_cell(const Canvas *v, int at, int *on) {
  unsigned bits = v->bits[at];
  int want = v->o->colour && bits ? v->owner[at] : 0;
  if (want != *on) fputs(want ? "\033[" : "\033[0m", stdout);
  if (want && want != *on) printf("%sm", colour[want - 1]);
  *on = want;
  if (!v->o->braille || !bits) putchar(bits ? (int)bits : ' ');
  else printf("%c%c%c", 0xE2, 0xA0 | bits >> 6, 0x80 | (bits & 63));
}

static void put_row(const Canvas *v, int row, int axis, const char *value) {
  int on = 0, end = v->columns;
  while (end && !v->bits[row * v->columns + end - 1]) end--;
  printf("%*.*s %s", axis - 2, axis - 2, value, v->o->braille ? "\xE2\x94\x82" : "|");
  for (int x = 0; x < end; x++) put_cell(v, row * v->columns + x, &on);
  puts(on ? "\033[0m" : "");
}

static void put_axis(const Canvas *v, const Chart *k, int axis) {
  char left[32], right[32];
  printf("%*s", axis - 1, "");
  fputs(v->o->braille ? "\xE2\x94\x94" : "+", stdout);
  for (int x = 0; x < v->columns; x++) fputs(v->o->braille ? "\xE2\x94\x80" : "-", stdout);
  snprintf(left, sizeof left, "%.0f", k->x0);
  snprintf(right, sizeof right, "%.0f", k->x1);
  int room = v->columns - (int)strlen(left) - (int)strlen(right);
  printf("\n%*s%s", axis, "", left);
  if (room > 6) printf("%*s%*s%s", room / 2 + 2, "step", room - room / 2 - 2, "", right);
  else if (room > 0) printf("%*s%s", room, "", right);
  putchar('\n');
}

static void put_legend(const Chart *k, const PlotText *o) {
  int used = 0;
  for (int i = 0; i < k->n; i++) {
    const PlotCurve *u = &k->curve[i];
    int n = text_columns(u->label), most = o->width - 3;
    if (most < 1) most = 1;
    bool next = used && used + 2 + 3 + n > o->width;
    if (next) putchar('\n');
    if (used && !next) fputs("  ", stdout);
    used = next || !used ? 3 + n : used + 2 + 3 + n;
    if (o->colour) printf("\033[%sm", colour[u->colour % COLOURS]);
    if (o->braille) fputs(u->dashed ? "\xE2\xA0\x91\xE2\xA0\xA4" : "\xE2\xA0\x89\xE2\xA0\x89", stdout);
    else printf("%c ", letter(u, i));
    if (o->colour) fputs("\033[0m", stdout);
    printf(" %.*s", n > most ? most : (int)strlen(u->label), u->label);
  }
  if (k->n) putchar('\n');
}

void plot_text(Ctx *c, const Chart *k, const PlotText *o) {
  int axis = o->width >= 40 ? AXIS : NARROW;
  Canvas v = {.o = o, .columns = o->width - axis, .rows = o->height};
  if (v.columns < LEAST) v.columns = LEAST;
  v.across = o->braille ? 2 : 1;
  v.down = o->braille ? 4 : 1;
  size_t cells = (size_t)v.columns * (size_t)v.rows;
  v.bits = ctx_alloc(c, cells);
  v.owner = ctx_alloc(c, cells);
  for (int i = 0; i < k->n; i++) draw(&v, k, &k->curve[i], i);
  puts(k->title);
  int every = v.rows > 8 ? (v.rows - 1 + 3) / 4 : v.rows > 1 ? v.rows - 1 : 1;
  for (int row = 0; row < v.rows; row++) {
    double y = v.rows > 1 ? k->y1 - (k->y1 - k->y0) * row / (v.rows - 1) : k->y1;
    bool tick = row == v.rows - 1 || (row % every == 0 && row + every / 2 < v.rows);
    put_row(&v, row, axis, tick ? chart_value(c, k, y) : "");
  }
  put_axis(&v, k, axis);
  put_legend(k, o);
}
