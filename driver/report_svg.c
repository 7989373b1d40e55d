/* SPDX-License-Identifier: Apache-2.0 */
/* The memory plan as SVG: kernels in execution order from left to right, arena addresses from the bottom up, a box for
 * each value. Lines show the bytes alive and the lower bound. */
#include "driver/report_plan.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

enum { WIDTH = 1280, LEFT = 104, RIGHT = 40, TOP = 168, PLOT = 480, BAND = 19, BOTTOM = 72, LABEL_PX = 12 };
static const double CHAR_PX = 6.9; /* average width of a label's character */

static const char *const fill[USE_COUNT][2] = {
  /* two tones each, so that neighbours differ */
  {"#3f6ea8", "#5585bd"}, {"#4f9d94", "#68b3aa"}, {"#e08a2e", "#eba352"},
  {"#c94f5c", "#d96d78"}, {"#8f959e", "#a5abb3"},
};

typedef struct Svg {
  const Plan *p;
  Str s;
  double step_px, byte_px, base; /* base: y of address 0 */
} Svg;

static void escaped(Str *s, const char *t) {
  for (; *t; t++) {
    if (*t == '&') str_puts(s, "&amp;");
    else if (*t == '<') str_puts(s, "&lt;");
    else if (*t == '>') str_puts(s, "&gt;");
    else if (*t == '"') str_puts(s, "&quot;");
    else if ((unsigned char)*t >= 0x20) str_put(s, t, 1);
  }
}

static double x_of(const Svg *v, double step) { return LEFT + step * v->step_px; }
static double y_of(const Svg *v, double bytes) { return v->base - bytes * v->byte_px; }

static void text(Svg *v, double x, double y, const char *style, const char *t) {
  str_printf(&v->s, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
  escaped(&v->s, t);
  str_puts(&v->s, "</text>\n");
}

static void line(Svg *v, double x0, double y0, double x1, double y1, const char *style) {
  str_printf(&v->s, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x0, y0, x1, y1, style);
}

static void box(Svg *v, double x, double y, double w, double h, const char *style) {
  str_printf(&v->s, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" %s/>\n", x, y, w, h, style);
}

/* ---- above the plot ---- */

static int64_t bytes_of(const Module *m, VarKind kind) {
  int64_t n = 0;
  for (int i = 0; i < m->nvar; i++)
    if (m->var[i].kind == kind && !m->var[i].rom) n += plan_round(m, type_bytes((Module *)m, m->var[i].type));
  return n;
}

/* All memory as one bar: the persistent variables and the arena. */
static void put_total(Svg *v) {
  Ctx *c = v->p->c;
  const Module *m = v->p->m;
  const struct {
    const char *name, *color;
    int64_t bytes;
  } section[] = {
    {"weights", "#59636e", bytes_of(m, VK_PARAM)},
    {"states", "#77818c", bytes_of(m, VK_STATE)},
    {"optimizer", "#98a1aa", bytes_of(m, VK_OPTIM)},
    {"arena", "#2f4b6e", m->arena_bytes},
  };
  double wide = WIDTH - LEFT - RIGHT, x = LEFT, y = 66, total = (double)(m->total_bytes > 0 ? m->total_bytes : 1);
  for (int i = 0; i < 4; i++) {
    double w = wide * (double)section[i].bytes / total;
    if (!section[i].bytes) continue;
    box(v, x, y, w > 1 ? w - 1 : w, 22, ctx_strf(c, "rx=\"2\" fill=\"%s\"", section[i].color));
    const char *t = ctx_strf(c, "%s %s", section[i].name, grouped(c, (double)section[i].bytes));
    if ((double)strlen(t) * CHAR_PX > w - 8) t = section[i].name;
    if ((double)strlen(t) * CHAR_PX < w - 8) text(v, x + 6, y + 15, "fill=\"#fff\"", t);
    x += w;
  }
}

static void put_legend(Svg *v) {
  bool seen[USE_COUNT] = {false}, again = false;
  double x = LEFT, y = TOP - 40;
  for (int i = 0; i < v->p->l->n; i++) {
    seen[plan_use(v->p, &v->p->l->v[i])] = true;
    again |= plan_is_recomputed(v->p, &v->p->l->v[i]);
  }
  for (int k = 0; k < USE_COUNT; k++) {
    if (!seen[k]) continue;
    box(v, x, y - 11, 14, 14, ctx_strf(v->p->c, "rx=\"2\" fill=\"%s\"", fill[k][0]));
    text(v, x + 20, y, "", use_text[k]);
    x += 44 + (double)strlen(use_text[k]) * CHAR_PX;
  }
  if (again) {
    box(v, x, y - 11, 14, 14, "rx=\"2\" fill=\"#8f959e\"");
    box(v, x, y - 11, 14, 14, "rx=\"2\" fill=\"url(#again)\"");
    text(v, x + 20, y, "", "recomputed");
    x += 44 + 10 * CHAR_PX;
  }
  line(v, x, y - 4, x + 16, y - 4, "stroke=\"#1b1f24\" stroke-width=\"1.6\"");
  text(v, x + 22, y, "", "bytes alive");
  x += 46 + 11 * CHAR_PX;
  line(v, x, y - 4, x + 16, y - 4, "stroke=\"#b3261e\" stroke-width=\"1.4\" stroke-dasharray=\"5 3\"");
  text(v, x + 22, y, "", "lower bound");
}

static void put_head(Svg *v) {
  const Plan *p = v->p;
  const Liveness *l = p->l;
  text(v, LEFT, 34, "font-size=\"20\" font-weight=\"600\"",
       ctx_strf(p->c, "%s: %s bytes of memory", p->m->name, grouped(p->c, (double)p->m->total_bytes)));
  put_total(v);
  text(v, LEFT, 108, "fill=\"#57606a\"",
       ctx_strf(p->c, "The arena of `%s`, %d kernels in execution order: %s bytes, lower bound %s", l->g->name,
                l->gs->n, grouped(p->c, (double)l->g->arena), grouped(p->c, (double)l->peak)));
  put_legend(v);
}

/* ---- the plot ---- */

/* The distance of ticks in bytes, a power of 2, for at most n ticks up to max. */
static int64_t tick_of(int64_t max, int n) {
  int64_t step = 1;
  while (max / step > n) step *= 2;
  return step;
}

static const char *short_bytes(Ctx *c, int64_t n) {
  static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  int k = 0;
  for (; n >= 1024 && n % 1024 == 0 && k < 4; k++) n /= 1024;
  return ctx_strf(c, "%lld %s", (long long)n, unit[k]);
}

static void put_axes(Svg *v) {
  const Liveness *l = v->p->l;
  Ctx *c = v->p->c;
  int steps = l->gs->n, every = 1;
  for (int64_t step = tick_of(l->g->arena, 8), at = 0; at <= l->g->arena; at += step) {
    line(v, LEFT, y_of(v, (double)at), WIDTH - RIGHT, y_of(v, (double)at), "stroke=\"#e4e7eb\"");
    text(v, LEFT - 8, y_of(v, (double)at) + 4, "text-anchor=\"end\" fill=\"#57606a\"", short_bytes(c, at));
  }
  while (steps / every > 24) every = every == 1 ? 2 : every == 2 ? 5 : every == 5 ? 10 : every * 2;
  for (int t = 0; t < steps; t += every)
    text(v, x_of(v, t + 0.5), v->base + BAND + 22, "text-anchor=\"middle\" fill=\"#57606a\"", ctx_strf(c, "%d", t));
  text(v, LEFT, v->base + BAND + 42, "fill=\"#57606a\"", "kernel, in the order of execution");
}

typedef struct Rect {
  double x, y, w, h;
} Rect;

static Rect rect_of(const Svg *v, const LiveRange *x) {
  return (Rect){x_of(v, x->start), y_of(v, (double)(x->offset + x->bytes)), (x->end - x->start + 1) * v->step_px,
                (double)x->bytes * v->byte_px};
}

static void put_value(Svg *v, const LiveRange *x, int number) {
  const Plan *p = v->p;
  Rect at = rect_of(v, x);
  int line = source_pos(p->c, node_get(p->l->g, x->node)->loc).line;
  str_printf(&v->s, "<g data-l=\"%d\"><title>", line); /* for report --html; a tooltip */
  escaped(&v->s,
          ctx_strf(p->c, "%s, %s%s\n%s bytes at %s, kernels %d to %d\n%s", plan_name(p, x), use_text[plan_use(p, x)],
                   plan_is_recomputed(p, x) ? ", recomputed" : "", grouped(p->c, (double)x->bytes),
                   grouped(p->c, (double)x->offset), x->start, x->end, plan_location(p, x)));
  str_puts(&v->s, "</title>\n");
  const char *edge = at.w > 4 && at.h > 4 ? "rx=\"2\" stroke=\"#fff\" stroke-width=\"0.8\"" : "";
  box(v, at.x, at.y, at.w, at.h, ctx_strf(p->c, "fill=\"%s\" %s", fill[plan_use(p, x)][number % 2], edge));
  if (plan_is_recomputed(p, x)) box(v, at.x, at.y, at.w, at.h, "fill=\"url(#again)\"");
  str_puts(&v->s, "</g>\n");
}

/* The longest form of the name that fits into the box. */
static void put_label(Svg *v, const LiveRange *x) {
  const Plan *p = v->p;
  Rect at = rect_of(v, x);
  const char *location = plan_location(p, x), *slash = strrchr(location, '/');
  const char *mark = plan_is_recomputed(p, x) ? "↻ " : "";
  const char *t[] = {ctx_strf(p->c, "%s%s  %s", mark, plan_name(p, x), slash ? slash + 1 : location),
                     ctx_strf(p->c, "%s%s", mark, plan_name(p, x)),
                     ctx_strf(p->c, "%s%s", mark, node_info(p->l->g, x->node)->name), mark};
  for (int i = 0; i < 4 && at.h >= LABEL_PX + 3; i++)
    if (*t[i] && (double)strlen(t[i]) * CHAR_PX <= at.w - 8) {
      text(v, at.x + 6, at.y + at.h / 2 + 4, "fill=\"#fff\" pointer-events=\"none\"", t[i]);
      return;
    }
}

static void put_lines(Svg *v) {
  const Liveness *l = v->p->l;
  Ctx *c = v->p->c;
  int steps = l->gs->n;
  int64_t *change = ctx_alloc(c, sizeof *change * (size_t)(steps + 2)), live = 0;
  for (int i = 0; i < l->n; i++) {
    int64_t n = plan_round(v->p->m, l->v[i].bytes);
    change[l->v[i].start] += n;
    change[l->v[i].end + 1] -= n;
  }
  str_puts(&v->s, "<path fill=\"none\" stroke=\"#fff\" stroke-width=\"3.6\" stroke-opacity=\"0.75\" d=\"");
  Str d = {.c = c};
  for (int t = 0; t < steps; t++) {
    live += change[t];
    str_printf(&d, "%s%.1f %.1f H%.1f", t ? " L" : "M", x_of(v, t), y_of(v, (double)live), x_of(v, t + 1));
  }
  str_printf(&v->s, "%s\"/>\n<path fill=\"none\" stroke=\"#1b1f24\" stroke-width=\"1.6\" d=\"%s\"/>\n", d.s, d.s);
  double y = y_of(v, (double)l->peak), x = x_of(v, l->peak_step + 0.5);
  line(v, LEFT, y, WIDTH - RIGHT, y, "stroke=\"#b3261e\" stroke-width=\"1.4\" stroke-dasharray=\"5 3\"");
  line(v, x, y, x, v->base, "stroke=\"#b3261e\" stroke-width=\"1\" stroke-dasharray=\"2 3\"");
  const char *anchor = x > WIDTH - 200 ? "end" : x < LEFT + 100 ? "start" : "middle";
  text(v, x, y - 8, ctx_strf(c, "text-anchor=\"%s\" fill=\"#b3261e\" font-weight=\"600\"", anchor),
       ctx_strf(c, "peak in kernel %d: %s bytes", l->peak_step, grouped(c, (double)l->peak)));
}

/* Below the axis: where the forward pass ends. */
static void put_band(Svg *v) {
  const Liveness *l = v->p->l;
  int loss = -1;
  for (int i = 0; i < l->n; i++)
    if (l->v[i].forward && !l->v[i].scratch && l->v[i].start > loss) loss = l->v[i].start;
  for (int t = 0, from = 0; t < l->gs->n; t++) {
    bool last = t + 1 == l->gs->n || (t <= loss) != (t + 1 <= loss);
    if (!last) continue;
    double x = x_of(v, from), w = x_of(v, t + 1) - x;
    const char *what = t <= loss ? "forward" : "backward and update";
    box(v, x, v->base + 4, w - 1, BAND - 4,
        ctx_strf(v->p->c, "fill=\"%s\"", fill[t <= loss ? USE_FORWARD : USE_BACKWARD][0]));
    if ((double)strlen(what) * CHAR_PX < w - 8)
      text(v, x + 6, v->base + BAND - 3, "fill=\"#fff\" font-size=\"11\"", what);
    from = t + 1;
  }
}

Str report_svg_text(const Plan *p) {
  const Liveness *l = p->l;
  int high = TOP + PLOT + BAND + BOTTOM;
  Svg v = {.p = p, .s = {.c = p->c}, .base = TOP + PLOT};
  v.step_px = (double)(WIDTH - LEFT - RIGHT) / (l->gs->n ? l->gs->n : 1);
  v.byte_px = (double)(PLOT - 24) / (double)(l->g->arena > 0 ? l->g->arena : 1);
  str_printf(&v.s,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
             "font-family=\"'Segoe UI','Helvetica Neue',Arial,sans-serif\" font-size=\"%d\" fill=\"#1b1f24\">\n",
             WIDTH, high, WIDTH, high, LABEL_PX);
  str_puts(&v.s, "<defs><pattern id=\"again\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
                 "patternTransform=\"rotate(45)\"><rect width=\"2.4\" height=\"7\" fill=\"#fff\" "
                 "fill-opacity=\"0.35\"/></pattern></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  put_head(&v);
  put_axes(&v);
  for (int i = 0; i < l->n; i++) put_value(&v, &l->v[i], i);
  put_lines(&v);
  for (int i = 0; i < l->n; i++) put_label(&v, &l->v[i]);
  put_band(&v);
  str_puts(&v.s, "</svg>\n");
  return v.s;
}

bool report_svg(const Plan *p, const char *path) {
  Str s = report_svg_text(p);
  return save_file(p->c, path, s.s, s.n, 0);
}
