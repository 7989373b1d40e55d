/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/conv_pairs.h"
#include "codegen/target.h"

/* Limits of conv_pairs.inc: units of packed weights, elements of rows of the image, such rows. */
enum { MAX_WEIGHTS = 1 << 18, MAX_IMAGE = 1 << 17, MAX_ROWS = 64, TILE = 16, STEP = 32, TOGETHER = 4 };

/* Elements that are inside, of those that the row's taps read. */
static void find_inside(ConvPairs *x, const RowCheck *c, int64_t width) {
  const ConvRows *r = &x->rows;
  int64_t unit = c->size ? c->step / r->stride : 1;
  x->first = 0, x->last = (width - 1) * r->stride + (r->taps - 1) * r->dilation + 1;
  if (!c->size) return;
  if (c->at < 0) x->first = divide_up(-c->at, unit);
  if (x->last > divide_up(c->size - c->at, unit)) x->last = divide_up(c->size - c->at, unit);
  if (x->last < x->first) x->last = x->first;
}

/* Runs of a segment, and the elements of one in packed weights: all taps, or one of them if they are dilated. */
static int64_t parts_of(const ConvRows *r) { return r->dilation == 1 ? 1 : r->taps; }
static int64_t run_of(const ConvRows *r) { return divide_up(r->taps / parts_of(r) * r->channels, STEP) * STEP; }

bool conv_pairs_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvPairs *x) {
  Module *m = k->gs->g->m;
  RowCheck check = {0};
  ConvRows *r = &x->rows;
  int64_t width, columns, segments = 1, dim;
  *x = (ConvPairs){.rows = {.g = *g}};
  if (g->group || !operand_is_bf16(&g->a) || !operand_is_bf16(&g->b) || !conv_rows_axes(k, g, r, &check)) return false;
  if (r->channel_a != 1) return false;
  if (!dim_number(m, g->m.dim[g->m.n - 1], &width) || !dim_number(m, g->n.dim[0], &columns)) return false;
  if (check.size && (check.step % r->stride || check.step < r->stride)) return false;
  for (int i = 0; i < r->g.k.n; i++) segments *= dim_number(m, r->g.k.dim[i], &dim) ? dim : MAX_ROWS + 1;
  int64_t parts = parts_of(r), run = run_of(r);
  if (segments * parts > MAX_ROWS / TOGETHER || TOGETHER * segments + 1 > MAX_ROWS || width < 1 || columns < 1)
    return false;
  find_inside(x, &check, width);
  int64_t tiles = divide_up(width, TILE);
  int64_t line = ((TILE * tiles - 1) * r->stride + (parts - 1) * r->dilation) * r->channels + run;
  if (segments * parts * run / 2 * PANEL_WIDTH > MAX_WEIGHTS || (TOGETHER * segments + 1) * line > MAX_IMAGE ||
      TILE * run > MAX_IMAGE)
    return false;
  r->pairs = true;
  if (r->channels % 2 == 0 && conv_rows_choose(r, mc, width, columns, segments)) x->tile = true;
  return true;
}

/* ---- text ---- */

/* Segment by segment, the pairs of channels one after another, of all taps. */
void conv_pairs_tile(Str *o, const ConvPairs *x) {
  const ConvRows *r = &x->rows;
  int cols = r->vecs * r->lanes;
  int64_t tap = (r->dilation == 1 ? r->channels : run_of(r)) / 2 * cols, run = parts_of(r) * run_of(r) / 2 * cols;
  str_puts(o, "(const uint16_t *const *line, const int *seg, long ns, long at, const gc_real *w, gc_real *c) {\n"
              "#ifdef GC_ADD_PAIR\n");
  for (int p = 0; p < r->pixels; p++)
    for (int j = 0; j < r->vecs; j++) str_printf(o, "  gc_vec c%d_%d = {0};\n", p, j);
  str_puts(o, "  for (long s = 0; s < ns; s++) {\n    const uint16_t *a = line[s] + at;\n");
  str_printf(o, "    const gc_real *b = w + seg[s] * %lldL;\n", (long long)run);
  str_printf(o, "    for (long k = 0; k < %lld; k++, a += 2, b += %d) {\n      gc_vec t", (long long)r->channels / 2,
             cols);
  for (int64_t t = 0; t < r->taps; t++)
    for (int j = 0; j < r->vecs; j++)
      str_printf(o, ", w%lld_%d = *(const gc_vecu *)(b + %lld)", (long long)t, j, (long long)(t * tap + j * r->lanes));
  str_puts(o, ";\n");
  for (int64_t i = 0; i < conv_rows_elements(r); i++) {
    if (!conv_rows_reads(r, i)) continue;
    str_printf(o, "      t = (gc_vec)(*(gc_int *)(a + %lld) - (gc_veci){0});", (long long)(i * r->channels));
    conv_rows_terms(o, r, i);
  }
  str_puts(o, "    }\n  }\n");
  for (int p = 0; p < r->pixels; p++)
    for (int j = 0; j < r->vecs; j++)
      str_printf(o, "  *(gc_vecu *)(c + %d) = c%d_%d;\n", p * PANEL_WIDTH + j * r->lanes, p, j);
  str_puts(o, "#else\n  (void)line, (void)seg, (void)ns, (void)at, (void)w, (void)c;\n#endif\n}\n");
}
