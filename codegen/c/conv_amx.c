/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/conv_amx.h"
#include "codegen/target.h"

/* Limits of conv_amx.inc: units of packed weights, elements of rows of the image, rows at a time. */
enum { MAX_WEIGHTS = 1 << 18, MAX_IMAGE = 1 << 17, MAX_ROWS = 64, TILE = 16, PAIRS = 32, TOGETHER = 4 };

/* Elements that are inside, of those that the row's taps read. */
static void find_inside(ConvAmx *x, const RowCheck *c, int64_t width) {
  const ConvRows *r = &x->rows;
  int64_t unit = c->size ? c->step / r->stride : 1;
  x->first = 0, x->last = (width - 1) * r->stride + (r->taps - 1) * r->dilation + 1;
  if (!c->size) return;
  if (c->at < 0) x->first = divide_up(-c->at, unit);
  if (x->last > divide_up(c->size - c->at, unit)) x->last = divide_up(c->size - c->at, unit);
  if (x->last < x->first) x->last = x->first;
}

bool conv_amx_find(const Kernel *k, const GemmDesc *g, ConvAmx *x) {
  Module *m = k->gs->g->m;
  RowCheck check = {0};
  ConvRows *r = &x->rows;
  int64_t width, columns, segments = 1, dim;
  *x = (ConvAmx){.rows = {.g = *g}};
  if (g->group || !operand_is_bf16(&g->a) || !operand_is_bf16(&g->b) || !conv_rows_axes(k, g, r, &check)) return false;
  if (r->channel_a != 1) return false;
  if (!dim_number(m, g->m.dim[g->m.n - 1], &width) || !dim_number(m, g->n.dim[0], &columns)) return false;
  if (check.size && (check.step % r->stride || check.step < r->stride)) return false;
  for (int i = 0; i < r->g.k.n; i++) segments *= dim_number(m, r->g.k.dim[i], &dim) ? dim : MAX_ROWS + 1;
  int64_t parts = r->dilation == 1 ? 1 : r->taps; /* runs of a segment */
  if (segments * parts > MAX_ROWS / TOGETHER || width < 1 || columns < 1) return false;
  find_inside(x, &check, width);
  int64_t run = divide_up(r->taps / parts * r->channels, PAIRS) * PAIRS, tiles = divide_up(width, TILE);
  int64_t line = ((TILE * tiles - 1) * r->stride + (parts - 1) * r->dilation) * r->channels + run;
  return segments * parts * run / 2 * PANEL_WIDTH <= MAX_WEIGHTS && (TOGETHER * segments + 1) * line <= MAX_IMAGE &&
         TILE * run <= MAX_IMAGE;
}
