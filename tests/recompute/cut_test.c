/* SPDX-License-Identifier: Apache-2.0 */
/* Minimum cuts against all cuts: random networks of up to ten vertices. The sink's side must be that of a minimum cut,
 * and the smallest of all those. */
#include "passes/algo/mincut.h"
#include <stdio.h>

enum { NETS = 3000, MAX_VERTICES = 10 };

static uint32_t state = 1;
static int rnd(int n) {
  state = state * 1664525u + 1013904223u;
  return (int)((state >> 8) % (uint32_t)n);
}

typedef struct Arc {
  int from, to;
  int64_t room;
} Arc;

static int64_t weight(const Arc *a, int n, unsigned sink_side) {
  int64_t sum = 0;
  for (int i = 0; i < n && sum < CUT_NEVER; i++)
    if (!(sink_side >> a[i].from & 1) && sink_side >> a[i].to & 1) sum += a[i].room;
  return sum;
}

static bool check(Ctx *c) {
  Arc a[40];
  int n = 2 + rnd(MAX_VERTICES - 1), arcs = rnd(40);
  Net *net = net_new(c, n);
  for (int i = 0; i < arcs; i++) {
    a[i] = (Arc){rnd(n), rnd(n), rnd(5) ? rnd(20) : CUT_NEVER};
    net_edge(net, a[i].from, a[i].to, a[i].room);
  }
  int64_t min_weight = INT64_MAX;
  unsigned smallest = 0;
  for (unsigned side = 2; side < 1u << n; side += 2) {
    if (!(side & 2)) continue; /* source 0, sink 1 */
    int64_t w = weight(a, arcs, side);
    if (w < min_weight) min_weight = w, smallest = side;
    else if (w == min_weight) smallest &= side; /* cheapest cuts are closed under intersection */
  }
  if (min_weight >= CUT_NEVER) return true; /* no cut */
  const bool *side = net_cut(net, 0, 1);
  unsigned got = 0;
  for (int v = 0; v < n; v++) got |= (unsigned)side[v] << v;
  return got == smallest && weight(a, arcs, got) == min_weight;
}

int main(void) {
  int failed = 0;
  for (int i = 0; i < NETS; i++) {
    Ctx *c = ctx_new();
    uint32_t seed = state;
    if (!check(c) && failed++ < 5) printf("FAIL  the net made from %u\n", seed);
    ctx_free(c);
  }
  printf("%d passed, %d failed\n", NETS - failed, failed);
  return failed != 0;
}
