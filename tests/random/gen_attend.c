/* SPDX-License-Identifier: Apache-2.0 */
/* Attention and its gradient, of any sizes, with heads that share keys and with lengths. */
#include "random.h"

static int64_t rnd_extent(Gen *r) { return (int64_t[]){1, 1, 2, 3, 3, 5, 17, 0}[rnd(r, 8)]; }

bool make_attend(Gen *r, Op op) {
  DType t = rnd_float(r), sum = dtype_computed(t);
  int64_t shared = chance(r, 60) ? 1 : 2, heads = 1 + (int64_t)rnd(r, 2), d = 1 + (int64_t)rnd(r, 5);
  int64_t e = chance(r, 70) ? d : 1 + (int64_t)rnd(r, 18);
  Dim batch = r->sized && chance(r, 30) ? rnd_size(r) : 1 + rnd(r, 2);
  Dim queries = r->sized && chance(r, 30) ? rnd_size(r) : rnd_extent(r);
  Dim keys = chance(r, 60) ? queries : r->sized && chance(r, 30) ? rnd_size(r) : rnd_extent(r);
  TypeId q = type_make(r->m, t, 4, (Dim[]){batch, heads * shared, queries, d});
  TypeId k = type_make(r->m, t, 4, (Dim[]){batch, heads, keys, d});
  TypeId v = type_make(r->m, t, 4, (Dim[]){batch, heads, keys, e});
  TypeId o = type_make(r->m, t, 4, (Dim[]){batch, heads * shared, queries, e});
  TypeId rows = type_make(r->m, sum, 3, (Dim[]){batch, heads * shared, queries});
  TypeId type[7] = {q, k, v, rows, o, rows}, lengths = type_make(r->m, DT_I32, 1, &batch);
  int nin = op == OP_attend ? 3 : 6;
  if (chance(r, 30)) type[nin++] = lengths;
  Id in[7];
  for (int i = 0; i < nin; i++)
    if (!small(r, type[i]) || !(in[i] = value_of(r, type[i]))) return false;
  AttrVal attr[] = {[ATTR(attend, scale)] = {.f = (double)rnd(r, 9) / 4 - 0.5},
                    [ATTR(attend, causal)] = {.i = chance(r, 50)}};
  Id n = graph_node(r->b.g, op, in, nin, attr_make(r->m, op, attr), 0);
  if (!n) return false;
  bool any = false;
  for (uint32_t i = 0; i < node_type(r->b.g, n)->ntuple; i++)
    if (chance(r, 80)) any |= keep(r, b_get(&r->b, n, (int)i)) != 0;
  return any;
}
