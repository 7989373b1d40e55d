/* SPDX-License-Identifier: Apache-2.0 */
/* Access to weights, states and moments: their offsets NAME_AT_..., and the functions that copy them between the
 * storage order in mem and row-major order. */
#include "codegen/c/weight_access.h"
#include "codegen/text/weights.h"

/* A tensor: its axes in storage order, with their strides in bytes in row-major order. The last axis is stored in
 * panels of `panel` columns, each of them like a tensor, the last one narrower; without panels there is one. */
static const char COPY[] =
  "/* Axes in the stored order; `step`: bytes in row-major order; the last axis in panels, one or more. */\n"
  "static const struct gc_weight {\n  ptrdiff_t at, panel, dim[%d], step[%d];\n  int bytes, rank;\n} gc_weight[] = {\n"
  "%s};\n\n"
  "static int gc_move_weights(unsigned char *to, const unsigned char *from, ptrdiff_t at, int set) {\n"
  "  const struct gc_weight *w = gc_weight;\n"
  "  while (w < gc_weight + %d && w->at != at) w++;\n"
  "  if (w == gc_weight + %d) return 1;\n"
  "  const int last = w->rank - 1;\n"
  "  for (ptrdiff_t left = w->dim[last], row = 0; left > 0; left -= w->panel, row += w->panel * w->step[last]) {\n"
  "    ptrdiff_t index[%d] = {0}, dense = row, wide = left < w->panel ? left : w->panel;\n"
  "    for (int k = last; k >= 0;) {\n"
  "      for (ptrdiff_t c = 0; c < wide; c++)\n"
  "        for (int b = 0; b < w->bytes; b++, at++)\n"
  "          to[set ? at : dense + c * w->step[last] + b] = from[set ? dense + c * w->step[last] + b : at];\n"
  "      for (k = last - 1; k >= 0; k--) { /* the next row */\n"
  "        dense += w->step[k];\n"
  "        if (++index[k] < w->dim[k]) break;\n"
  "        dense -= w->dim[k] * w->step[k];\n"
  "        index[k] = 0;\n"
  "      }\n    }\n  }\n  return 0;\n}\n\n"
  "int %s_set_weight(void *mem, ptrdiff_t at, const void *values) {\n"
  "  return gc_move_weights((unsigned char *)mem, (const unsigned char *)values, at, 1);\n}\n\n"
  "int %s_get_weight(const void *mem, ptrdiff_t at, void *values) {\n"
  "  return gc_move_weights((unsigned char *)values, (const unsigned char *)mem, at, 0);\n}\n\n";

typedef struct Place {
  int rank;
  int64_t dim[MAX_RANK], step[MAX_RANK], panel;
} Place;

static Place place_of(Emitter *p, const Var *v) {
  const Type *t = type_get(p->m, v->type);
  const StorageOrder *st = v->stored ? &p->m->stored[v->stored - 1] : NULL;
  int64_t step[MAX_RANK], size = dtype_info[t->dtype].bytes;
  Place w = {0};
  for (int i = t->rank - 1; i >= 0; i--) step[i] = size, size *= dim_bound(p->m, t->dim[i]);
  for (int i = 0; i < t->rank; i++) {
    int axis = st ? st->perm[i] : i;
    if (st && st->panel && axis == st->panel_axis) continue;
    w.dim[w.rank] = dim_bound(p->m, t->dim[axis]), w.step[w.rank++] = step[axis];
  }
  if (st && st->panel) w.dim[w.rank] = dim_bound(p->m, t->dim[st->panel_axis]), w.step[w.rank++] = step[st->panel_axis];
  if (!st || !size) w = (Place){1, {size / dtype_info[t->dtype].bytes}, {dtype_info[t->dtype].bytes}, 0};
  w.panel = st && st->panel ? st->panel : w.dim[w.rank - 1];
  return w;
}

static const char *numbers(Emitter *p, const int64_t *v, int n) {
  Str s = {.c = p->c};
  for (int i = 0; i < n; i++) str_printf(&s, "%s%lld", i ? ", " : "", (long long)v[i]);
  return s.s;
}

void weight_access_print(Emitter *p, Str *functions, Str *header) {
  Module *m = p->m;
  Str rows = {.c = p->c};
  int n = weights_offsets(p, header), rank = 1;
  for (int v = 0; v < m->nvar; v++)
    if (!m->var[v].rom && place_of(p, &m->var[v]).rank > rank) rank = place_of(p, &m->var[v]).rank;
  for (int v = 0; v < m->nvar; v++) {
    const Var *x = &m->var[v];
    if (x->rom) continue;
    Place w = place_of(p, x);
    str_printf(&rows, "  {%lld, %lld, {%s}, {%s}, %d, %d},\n", (long long)x->offset, (long long)w.panel,
               numbers(p, w.dim, w.rank), numbers(p, w.step, w.rank), dtype_info[type_get(m, x->type)->dtype].bytes,
               w.rank);
  }
  if (!n) return;
  str_printf(functions, COPY, rank, rank, rows.s, n, n, rank, m->name, m->name);
  str_printf(header,
             "/* Copy the tensor at offset %s_AT_... from or to an array in row-major order. Return 0; 1: no\n"
             " * tensor has this offset. */\n"
             "int %s_set_weight(void *mem, ptrdiff_t at, const void *values);\n"
             "int %s_get_weight(const void *mem, ptrdiff_t at, void *values);\n",
             m->name, m->name, m->name);
}
