/* SPDX-License-Identifier: Apache-2.0 */
/* The memory plan as a drawing in the terminal: kernels in execution order from left to right, arena addresses from the
 * bottom up, each cell shows the value stored there. And as JSON lines. */
#include "driver/report_plan.h"
#include "passes/analysis/model_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 16, MARGIN = 16, MIN_WIDTH = 60, MAX_WIDTH = 200, LABELS = 12 };

const char *const use_text[USE_COUNT] = {
  "kept for the backward pass", "forward pass", "backward pass", "gradients of weights", "scratch",
};

/* The characters of the drawing, in UTF-8 or in ASCII. */
typedef struct Glyphs {
  const char *shade[USE_COUNT], *again, *tick, *side, *corner, *floor, *peak;
} Glyphs;
static const Glyphs utf8 = {{"█", "▓", "▒", "░", "·"}, "↻", "┤", "│", "└", "─", "▲"};
static const Glyphs ascii = {{"#", "=", "o", "+", "."}, "@", "+", "|", "+", "-", "^"};
static const int color[USE_COUNT][2] = {{25, 31}, {65, 72}, {130, 137}, {125, 132}, {240, 243}}; /* two tones each */

/* ---- what is drawn, shared with the SVG ---- */

Plan plan_of(Module *m, Graph *g) {
  Plan p = {.c = m->c, .m = m, .l = liveness_make(g)};
  p.grads = gradient_buffers_find(p.l);
  return p;
}

Use plan_use(const Plan *p, const LiveRange *v) {
  if (v->scratch) return USE_SCRATCH;
  if (v->kept) return USE_KEPT;
  if (p->grads.weight[v->node]) return USE_GRADIENT;
  return v->forward ? USE_FORWARD : USE_BACKWARD;
}

bool plan_is_recomputed(const Plan *p, const LiveRange *v) {
  return attr_get(p->m, node_get(p->l->g, v->node)->attr)->clone != 0;
}

const char *plan_name(const Plan *p, const LiveRange *v) {
  const Node *d = node_get(p->l->g, v->node);
  if (v->scratch) return ctx_strf(p->c, "%s, scratch", op_info[d->op].name);
  return ctx_strf(p->c, "%s %s", op_info[d->op].name, type_text(p->m, d->type));
}

const char *plan_location(const Plan *p, const LiveRange *v) {
  SourcePos s = source_pos(p->c, node_get(p->l->g, v->node)->loc);
  return s.line ? ctx_strf(p->c, "%s:%d:%d", s.file, s.line, s.col) : "";
}

const char *grouped(Ctx *c, double v) {
  char *s = ctx_strf(c, "%.0f", v), *out = ctx_alloc(c, 2 * strlen(s) + 1);
  size_t n = strlen(s), k = 0;
  for (size_t i = 0; i < n; i++) {
    if (i && (n - i) % 3 == 0 && s[i - 1] != '-') out[k++] = ',';
    out[k++] = s[i];
  }
  return out;
}

int plan_labels(const Plan *p, const LiveRange **v, int max) {
  int n, shown = 0;
  const LiveRange *at_peak = live_at_peak(p->l, &n);
  for (int i = 0; i < n && shown < max; i++)
    if (at_peak[i].bytes * 100 >= p->l->peak) v[shown++] = &at_peak[i];
  return shown;
}

/* ---- the terminal ---- */

typedef struct Map {
  const Plan *p;
  int width; /* columns of the drawing */
  bool color;
  const Glyphs *glyph;
  int *step;              /* per column: the step that it shows, of several the one with the most bytes alive */
  const LiveRange **cell; /* row 0 is the bottom; NULL: free */
  char *label;            /* per cell; 0: none */
} Map;

static int drawing_width(void) {
  int known = terminal_width(1), n = known ? known : 80;
  return n < MIN_WIDTH ? MIN_WIDTH : n > MAX_WIDTH ? MAX_WIDTH : n;
}

static int column_of(const Map *m, int step) { /* the first column of the step */
  int steps = m->p->l->gs->n;
  return (int)((int64_t)step * m->width / (steps ? steps : 1));
}

static void choose_steps(Map *m) {
  const Liveness *l = m->p->l;
  int steps = l->gs->n;
  int64_t *live = ctx_alloc(m->p->c, sizeof *live * (size_t)(steps + 2));
  for (int i = 0; i < l->n; i++) {
    live[l->v[i].start] += l->v[i].bytes;
    live[l->v[i].end + 1] -= l->v[i].bytes;
  }
  for (int t = 1; t < steps; t++) live[t] += live[t - 1];
  for (int x = 0; x < m->width; x++) m->step[x] = (int)((int64_t)x * steps / m->width);
  for (int t = 0; t < steps; t++) {
    int x = column_of(m, t);
    if (x < m->width && live[t] > live[m->step[x]]) m->step[x] = t;
  }
}

static void fill_cells(Map *m) {
  const Liveness *l = m->p->l;
  int64_t top = l->g->arena;
  for (int x = 0; x < m->width; x++)
    for (int i = 0; i < l->n; i++) {
      const LiveRange *v = &l->v[i];
      if (v->start > m->step[x] || v->end < m->step[x]) continue;
      for (int y = 0; y < ROWS; y++) {
        double at = (y + 0.5) * (double)top / ROWS;
        if (at >= (double)v->offset && at < (double)(v->offset + v->bytes)) m->cell[y * m->width + x] = v;
      }
    }
}

/* Puts each label into the middle of its value's cells, if there are any. */
static void put_labels(Map *m, const LiveRange **v, int n) {
  for (int k = 0; k < n; k++) {
    int first = 0, last = -1, low = ROWS, high = -1;
    for (int i = 0; i < ROWS * m->width; i++) {
      const LiveRange *c = m->cell[i];
      if (!c || c->node != v[k]->node || c->scratch != v[k]->scratch) continue;
      int x = i % m->width, y = i / m->width;
      if (last < 0 || x < first) first = x;
      if (x > last) last = x;
      if (y < low) low = y;
      if (y > high) high = y;
    }
    if (last >= 0) m->label[(low + high) / 2 * m->width + (first + last) / 2] = (char)('a' + k);
  }
}

static void put_cell(const Map *m, int i, const LiveRange *left) {
  const LiveRange *v = m->cell[i];
  const char text[2] = {m->label[i], 0};
  Use use = v ? plan_use(m->p, v) : USE_COUNT;
  if (m->color && v != left && left) fputs("\033[0m", stdout);
  if (m->color && v != left && v) printf("\033[97;48;5;%dm", color[use][(v - m->p->l->v) % 2]);
  bool again = v && plan_is_recomputed(m->p, v) && i % 3 == 0;
  fputs(text[0] ? text : again ? m->glyph->again : m->color || !v ? " " : m->glyph->shade[use], stdout);
}

static void put_rows(const Map *m) {
  Ctx *c = m->p->c;
  int64_t top = m->p->l->g->arena;
  for (int y = ROWS - 1; y >= 0; y--) {
    bool tick = y == ROWS - 1 || y == ROWS / 2 - 1;
    printf("%*s %s", MARGIN - 3, tick ? grouped(c, (double)top * (y + 1) / ROWS) : "",
           tick ? m->glyph->tick : m->glyph->side);
    for (int x = 0; x < m->width; x++) put_cell(m, y * m->width + x, x ? m->cell[y * m->width + x - 1] : NULL);
    puts(m->color ? "\033[0m" : "");
  }
  printf("%*s %s", MARGIN - 3, "0", m->glyph->corner);
  int peak = column_of(m, m->p->l->peak_step);
  while (peak < m->width - 1 && m->step[peak] != m->p->l->peak_step) peak++;
  for (int x = 0; x < m->width; x++) fputs(x == peak ? m->glyph->peak : m->glyph->floor, stdout);
  printf("\n%*s ", MARGIN - 2, "kernel");
  const char *last = ctx_strf(c, "%d", m->p->l->gs->n - 1), *mid = ctx_strf(c, "peak at %d", m->p->l->peak_step);
  int at = peak - (int)strlen(mid) / 2, max = m->width - (int)strlen(mid) - (int)strlen(last) - 1;
  if (at > max) at = max;
  if (at < 2) at = 2;
  printf("0%*s%s%*s\n\n", at - 1, "", mid, m->width - at - (int)strlen(mid), last);
}

static void put_legend(const Map *m, const LiveRange **v, int n) {
  const Plan *p = m->p;
  bool seen[USE_COUNT] = {false}, again = false;
  for (int i = 0; i < p->l->n; i++) {
    seen[plan_use(p, &p->l->v[i])] = true;
    again |= plan_is_recomputed(p, &p->l->v[i]);
  }
  for (int k = 0; k < USE_COUNT; k++) {
    if (!seen[k]) continue;
    if (m->color) printf("\033[48;5;%dm  \033[0m %s   ", color[k][0], use_text[k]);
    else printf("%s%s %s   ", m->glyph->shade[k], m->glyph->shade[k], use_text[k]);
  }
  printf("%s%s\n\n", again ? m->glyph->again : "", again ? " recomputed" : "");
  if (n) printf("largest at the peak:\n         bytes       offset    kernels\n");
  for (int k = 0; k < n; k++) {
    const char *mark = plan_is_recomputed(p, v[k]) ? m->glyph->again : "";
    printf("%c %12s %12s %10s  %s%s%s  %s\n", 'a' + k, grouped(p->c, (double)v[k]->bytes),
           grouped(p->c, (double)v[k]->offset), ctx_strf(p->c, "%d-%d", v[k]->start, v[k]->end), plan_name(p, v[k]),
           *mark ? " " : "", mark, plan_location(p, v[k]));
  }
}

void report_terminal(const Plan *p) {
  const Liveness *l = p->l;
  Map m = {
    .p = p, .width = drawing_width() - MARGIN, .color = terminal_color(1), .glyph = terminal_utf8() ? &utf8 : &ascii};
  size_t cells = (size_t)(ROWS * m.width);
  m.step = ctx_alloc(p->c, sizeof *m.step * (size_t)m.width);
  m.cell = ctx_alloc(p->c, sizeof *m.cell * cells);
  m.label = ctx_alloc(p->c, cells);
  printf("\nthe arena of `%s`, %d kernels in execution order: %s bytes, lower bound %s (+%.2f %%)\n\n", l->g->name,
         l->gs->n, grouped(p->c, (double)l->g->arena), grouped(p->c, (double)l->peak),
         l->peak ? 100.0 * (double)(l->g->arena - l->peak) / (double)l->peak : 0.0);
  if (!l->n) return;
  const LiveRange *label[LABELS];
  int n = plan_labels(p, label, LABELS);
  choose_steps(&m);
  fill_cells(&m);
  put_labels(&m, label, n);
  put_rows(&m);
  put_legend(&m, label, n);
}

/* ---- JSON ---- */

void report_lines(const Plan *p) {
  const Liveness *l = p->l;
  printf("{\"graph\":\"%s\",\"turns\":%d,\"peak_turn\":%d,\"arena_bytes\":%lld,\"bound_bytes\":%lld}\n", l->g->name,
         l->gs->n, l->peak_step, (long long)l->g->arena, (long long)l->peak);
  for (int i = 0; i < l->n; i++) {
    static const char *const use_key[USE_COUNT] = {"kept", "forward", "backward", "gradient", "scratch"};
    const LiveRange *v = &l->v[i];
    const Node *d = node_get(l->g, v->node);
    SourcePos at = source_pos(p->c, d->loc);
    Str s = {.c = p->c};
    str_printf(&s, "{\"op\":\"%s\",\"type\":\"%s\",\"bytes\":%lld,\"offset\":%lld,\"first_turn\":%d,\"last_turn\":%d,",
               op_info[d->op].name, type_text(p->m, d->type), (long long)v->bytes, (long long)v->offset, v->start,
               v->end);
    str_printf(&s, "\"use\":\"%s\",\"recomputed\":%s,\"file\":", use_key[plan_use(p, v)],
               plan_is_recomputed(p, v) ? "true" : "false");
    str_json(&s, at.file);
    str_printf(&s, ",\"line\":%d}", at.line);
    puts(s.s);
  }
}
