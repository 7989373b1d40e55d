/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as SVG. Of many points a curve keeps the first, the smallest, the largest and the last of each half pixel. */
#include "driver/plot.h"
#include <math.h>

enum { WIDTH = 960, LEFT = 76, RIGHT = 24, TOP = 44, PLOT = 300, BOTTOM = 52, LEGEND = 20 };

/* Okabe and Ito's colours, which colour-blind people tell apart. */
static const char *const palette[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};
enum { COLOURS = sizeof palette / sizeof *palette };

typedef struct Frame {
  const Chart *k;
  double top; /* y of the upper edge of the plot */
} Frame;

static double x_of(const Frame *f, double x) {
  return LEFT + (x - f->k->x0) / (f->k->x1 - f->k->x0) * (WIDTH - LEFT - RIGHT);
}
static double y_of(const Frame *f, double y) { return f->top + (f->k->y1 - y) / (f->k->y1 - f->k->y0) * PLOT; }

static void escaped(Str *s, const char *t) {
  for (; *t; t++) {
    if (*t == '&') str_puts(s, "&amp;");
    else if (*t == '<') str_puts(s, "&lt;");
    else if (*t == '>') str_puts(s, "&gt;");
    else if ((unsigned char)*t >= 0x20) str_put(s, t, 1);
  }
}

static void text(Str *s, double x, double y, const char *anchor, const char *t) {
  str_printf(s, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
  escaped(s, t);
  str_puts(s, "</text>\n");
}

static void rule(Str *s, double x0, double y0, double x1, double y1, const char *stroke) {
  str_printf(s, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x0, y0, x1, y1, stroke);
}

static void y_ticks(Str *s, const Frame *f) {
  const Chart *k = f->k;
  double step = tick_step(k->y1 - k->y0, 6);
  if (k->log && k->y1 - k->y0 > 2) step = fmax(1, floor(step + 0.5));
  for (double y = ceil(k->y0 / step - 1e-9) * step; y <= k->y1 + 1e-9 * step; y += step) {
    rule(s, LEFT, y_of(f, y), WIDTH - RIGHT, y_of(f, y), "#e3e5e8");
    text(s, LEFT - 8, y_of(f, y) + 4, "end", chart_value(s->c, k, y));
  }
}

static void x_ticks(Str *s, const Frame *f) {
  const Chart *k = f->k;
  double step = fmax(1, tick_step(k->x1 - k->x0, 8)), bottom = f->top + PLOT;
  for (double x = ceil(k->x0 / step) * step; x <= k->x1; x += step) {
    rule(s, x_of(f, x), bottom, x_of(f, x), bottom + 5, "#5f6670");
    text(s, x_of(f, x), bottom + 20, "middle", ctx_strf(s->c, "%.0f", x));
  }
  rule(s, LEFT, bottom, WIDTH - RIGHT, bottom, "#5f6670");
  text(s, (LEFT + WIDTH - RIGHT) / 2.0, bottom + 40, "middle", "step");
}

typedef struct Pen {
  Str *s;
  const Frame *f;
  bool down;         /* a part of the curve has begun */
  int cell;          /* half pixels */
  double x[4], y[4]; /* first, smallest, largest, last of the cell */
  int n;
} Pen;

static void move(Pen *p, double x, double y) {
  str_printf(p->s, "%c%.1f %.1f", p->down ? 'L' : 'M', x_of(p->f, x), y_of(p->f, y));
  p->down = true;
}

static void flush(Pen *p) {
  if (!p->n) return;
  move(p, p->x[0], p->y[0]);
  int low = p->x[1] <= p->x[2] ? 1 : 2; /* in the order of x */
  if (p->n > 2) move(p, p->x[low], p->y[low]), move(p, p->x[3 - low], p->y[3 - low]);
  if (p->n > 1) move(p, p->x[3], p->y[3]);
  p->n = 0;
}

static void point(Pen *p, double x, double y) {
  int cell = (int)(2 * x_of(p->f, x));
  if (p->n && cell != p->cell) flush(p);
  p->cell = cell;
  bool first = !p->n++;
  if (first || y < p->y[1]) p->x[1] = x, p->y[1] = y;
  if (first || y > p->y[2]) p->x[2] = x, p->y[2] = y;
  if (first) p->x[0] = x, p->y[0] = y;
  p->x[3] = x, p->y[3] = y;
}

static void curve(Str *s, const Frame *f, const PlotCurve *u) {
  Pen p = {.s = s, .f = f};
  int shown = 0;
  double x = 0, y = 0;
  str_printf(s, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-linejoin=\"round\"%s d=\"",
             palette[u->colour % COLOURS], u->dashed ? " stroke-dasharray=\"6 4\"" : "");
  for (int i = 0; i < u->n; i++) {
    double v = chart_y(f->k, u->y[i]);
    if (isnan(v)) flush(&p), p.down = false;
    else point(&p, x = u->x[i], y = v), shown++;
  }
  flush(&p);
  str_puts(s, "\"/>\n");
  if (shown == 1) /* a path of one point is not visible */
    str_printf(s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x_of(f, x), y_of(f, y),
               palette[u->colour % COLOURS]);
}

static void legend(Str *s, const Chart *k, double top) {
  for (int i = 0; i < k->n; i++) {
    const PlotCurve *u = &k->curve[i];
    double y = top + LEGEND * i;
    str_printf(s, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", LEFT,
               y - 4, LEFT + 28, y - 4, palette[u->colour % COLOURS], u->dashed ? " stroke-dasharray=\"6 4\"" : "");
    text(s, LEFT + 36, y, "start", u->label);
  }
}

static int height_of(const Chart *k) { return TOP + PLOT + BOTTOM + LEGEND * (k->n + 1); }

Str plot_svg(Ctx *c, const Chart *k, int n) {
  Str s = {.c = c};
  int height = 0;
  for (int i = 0; i < n; i++) height += height_of(&k[i]);
  str_printf(&s,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
             "font-family=\"sans-serif\" font-size=\"12\" fill=\"#23272e\">\n"
             "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
             WIDTH, height, WIDTH, height, WIDTH, height);
  double top = 0;
  for (int i = 0; i < n; i++) {
    Frame f = {&k[i], top + TOP};
    str_puts(&s, "<g font-size=\"15\" font-weight=\"bold\">\n");
    text(&s, LEFT, top + 28, "start", k[i].title);
    str_puts(&s, "</g>\n");
    y_ticks(&s, &f);
    x_ticks(&s, &f);
    for (int m = 0; m < k[i].n; m++) curve(&s, &f, &k[i].curve[m]);
    legend(&s, &k[i], top + TOP + PLOT + BOTTOM + LEGEND / 2.0);
    top += height_of(&k[i]);
  }
  str_puts(&s, "</svg>\n");
  return s;
}
