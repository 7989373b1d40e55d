/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/checkpoint/checkpoint.h"
#include "passes/analysis/joint.h"
#include "passes/analysis/model_memory.h"
#include "passes/costs.h"
#include <stdlib.h>
#include <string.h>

/* ---- operands of buffers ---- */

typedef struct Maker {
  StepModel *m;
  const bool *is_backward; /* per node */
  Id *stack;
  int nstack, capstack;
  int *stamp; /* per node: 1 + the last buffer whose operands were searched through it */
  int *list;
  int nlist, caplist;
} Maker;

static void push(Maker *k, Id n, int mark) {
  if (k->stamp[n] == mark) return;
  k->stamp[n] = mark;
  *VEC_PUSH(k->m->c, k->stack, k->nstack, k->capstack) = n;
}

/* Walks from the buffer to the buffers and leaves it is computed from; nodes between are computed with it. */
static void find_operands(Maker *k, int b) {
  StepModel *m = k->m;
  const Graph *g = m->g;
  Buf *x = &m->buf[b];
  double moved = (double)x->bytes;
  k->nlist = 0;
  x->elem = x->fuses_away = true;
  push(k, x->node, b + 1);
  while (k->nstack) {
    Id n = k->stack[--k->nstack];
    if (n != x->node && m->number[n]) {
      *VEC_PUSH(m->c, k->list, k->nlist, k->caplist) = m->number[n] - 1;
      moved += (double)m->buf[m->number[n] - 1].bytes;
      x->tiny |= m->buf[m->number[n] - 1].bytes / TINY_FRACTION >= x->bytes;
      continue;
    }
    x->seconds += node_seconds(g, n, &common_rates);
    OpClass cls = node_info(g, n)->cls;
    x->elem &= cls == CL_ELEM || cls == CL_LEAF;
    x->fuses_away &= cls == CL_ELEM || cls == CL_LEAF || cls == CL_VIEW;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) push(k, node_in(g, n, (int)i), b + 1);
  }
  if (x->bytes && moved / common_rates.bytes > x->seconds) x->seconds = moved / common_rates.bytes;
  int *from = ctx_alloc(m->c, sizeof *from * (size_t)(k->nlist + 1));
  if (k->nlist) memcpy(from, k->list, sizeof *from * (size_t)k->nlist);
  x->from = from;
  x->nfrom = k->nlist;
}

static void find_buffers(StepModel *m) {
  const Graph *g = m->g;
  int *number = ctx_alloc(m->c, sizeof *number * (size_t)g->n), cap = 0;
  m->number = number;
  for (int t = 0; t < m->gs->n; t++) {
    const Group *p = &m->gs->group[t];
    if (m->is_backward[t]) continue;
    if (p->cls == KC_SCAN) {
      *VEC_PUSH(m->c, m->buf, m->nbuf, cap) = (Buf){.node = p->root, .start = t, .last = t};
      number[p->root] = m->nbuf;
    }
    for (int i = 0; i < p->nwrite; i++) {
      Id b = p->write[i];
      *VEC_PUSH(m->c, m->buf, m->nbuf, cap) = (Buf){.node = b, .bytes = m->sched->bytes[b], .start = t, .last = t};
      number[b] = m->nbuf;
    }
  }
  for (int t = 0; t < m->gs->n; t++)
    for (int i = 0; i < m->gs->group[t].nread; i++) {
      int b = number[m->gs->group[t].read[i]];
      if (!b) continue;
      if (m->is_backward[t]) m->buf[b - 1].needed_by_backward = true;
      else m->buf[b - 1].last = t;
    }
}

/* Element-wise buffers with one fusible reader in each pass disappear into that reader's kernel. Their operands stay
 * alive until it has run. */
static void find_fused_away(StepModel *m) {
  uint8_t *readers[2] = {ctx_alloc(m->c, (size_t)m->nbuf + 1), ctx_alloc(m->c, (size_t)m->nbuf + 1)};
  for (int t = 0; t < m->gs->n; t++) {
    const Group *p = &m->gs->group[t];
    for (int i = 0; i < p->nread; i++) {
      int b = m->number[p->read[i]];
      uint8_t *n = b ? &readers[m->is_backward[t]][b - 1] : NULL;
      if (n) *n = p->cls > KC_ROW || *n ? 2 : 1;
    }
  }
  for (int i = m->nbuf - 1; i >= 0; i--) {
    Buf *b = &m->buf[i];
    b->fuses_away &= b->bytes && readers[0][i] == 1 && readers[1][i] == 1;
    for (int k = 0; b->fuses_away && k < b->nfrom; k++)
      if (m->buf[b->from[k]].last < b->last) m->buf[b->from[k]].last = b->last;
  }
}

/* ---- blocks ---- */

static int by_bytes(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void find_small(StepModel *m) {
  int64_t all = 0, sum = 0, largest = 0, *bytes = ctx_alloc(m->c, sizeof *bytes * (size_t)(m->nbuf + 1));
  for (int i = 0; i < m->nbuf; i++) all += bytes[i] = m->buf[i].bytes;
  if (m->nbuf) qsort(bytes, (size_t)m->nbuf, sizeof *bytes, by_bytes);
  for (int i = 0, to; i < m->nbuf; i = to) { /* all of one size, or none */
    for (to = i; to < m->nbuf && bytes[to] == bytes[i]; to++) sum += bytes[to];
    if (sum > all / SMALL_FRACTION) break;
    largest = bytes[i];
  }
  for (int i = 0; i < m->nbuf; i++) m->buf[i].small = m->buf[i].bytes <= largest;
}

/* Ends a block after each forward step across which at most `width` buffers are alive, unless all of them were alive
 * across the block's start too. Returns the number of blocks. */
static int partition_blocks(StepModel *m, int width, int *block) {
  int n = m->gs->n, blocks = 0, over = 0, b = 0, end = -1 /* last use of the buffers stored since the block's start */;
  int *change = ctx_alloc(m->c, sizeof *change * (size_t)(n + 1));
  for (int i = 0; i < m->nbuf; i++) {
    if (m->buf[i].small || m->buf[i].fuses_away) continue;
    change[m->buf[i].start]++;
    change[m->buf[i].last]--;
  }
  for (int t = 0; t < n; t++) {
    over += change[t];
    block[t] = blocks;
    for (; b < m->nbuf && m->buf[b].start <= t; b++)
      if (!m->buf[b].small && !m->buf[b].fuses_away && m->buf[b].last > end) end = m->buf[b].last;
    if (m->is_backward[t] || over > width || over <= 0 || end <= t) continue;
    blocks++;
    end = -1;
  }
  return blocks + 1;
}

/* Merges neighbouring blocks if there are too many for the dynamic program. */
static int coarsen(int *block, int steps, int blocks) {
  int by = (blocks + MAX_BLOCKS - 1) / MAX_BLOCKS;
  for (int t = 0; t < steps; t++) block[t] /= by;
  return (blocks - 1) / by + 1;
}

/* The backward pass visits the blocks in reverse: a kernel belongs to the earliest block of which it loads something,
 * else to the block of the kernel before it. Backward kernels that run among forward ones keep their block. */
static void place_backward(const StepModel *m, int *block) {
  int at = m->nblock - 1, step = 0;
  for (int t = 0; t < m->gs->n; t++)
    if (!m->is_backward[t]) step = t;
  for (int t = 0; t < m->gs->n; t++) {
    int earliest = m->nblock;
    for (int i = 0; m->is_backward[t] && i < m->gs->group[t].nread; i++) {
      int b = m->number[m->gs->group[t].read[i]];
      if (b && !m->buf[b - 1].small && m->buf[b - 1].block < earliest) earliest = m->buf[b - 1].block;
    }
    if (earliest < m->nblock) block[t] = earliest;
    if (t < step || !m->is_backward[t]) continue;
    if (earliest < m->nblock) at = earliest;
    block[t] = at;
  }
}

static void find_blocks(StepModel *m) {
  int n = m->gs->n, *block = ctx_alloc(m->c, sizeof *block * (size_t)(n + 1));
  m->nblock = 1;
  find_small(m);
  for (int width = 1; width <= MAX_CUT_WIDTH && m->nblock < 3; width++) m->nblock = partition_blocks(m, width, block);
  m->nblock = coarsen(block, n, m->nblock);
  for (int i = 0; i < m->nbuf; i++) {
    Buf *b = &m->buf[i];
    b->block_input = !b->small && !b->fuses_away && block[b->last] > block[b->start];
    b->block = block[b->start] + b->block_input;
  }
  place_backward(m, block);
  m->block = block;
}

/* ---- buffers of the backward pass ---- */

static void find_backward_live(StepModel *m) {
  const Groups *gs = m->gs;
  const int64_t *bytes = m->sched->bytes;
  int *last_use = ctx_alloc(m->c, sizeof *last_use * (size_t)m->g->n);
  int64_t live = 0, *backward_live = ctx_alloc(m->c, sizeof *backward_live * (size_t)(gs->n + 1));
  for (int t = 0; t < gs->n; t++) {
    for (int i = 0; i < gs->group[t].nwrite; i++) last_use[gs->group[t].write[i]] = t;
    for (int i = 0; i < gs->group[t].nread; i++) last_use[gs->group[t].read[i]] = t;
  }
  for (int t = 0; t < gs->n; t++) {
    const Group *p = &gs->group[t];
    backward_live[t] = live;
    for (int i = 0; m->is_backward[t] && i < p->nwrite; i++) live += last_use[p->write[i]] > t ? bytes[p->write[i]] : 0;
    for (int i = 0; i < p->nread; i++)
      if (!m->number[p->read[i]] && last_use[p->read[i]] == t) live -= bytes[p->read[i]];
  }
  m->backward_live = backward_live;
  m->last_use = last_use;
}

StepModel *step_model_make(Graph *g, const bool *backward_nodes) {
  Ctx *c = g->m->c;
  StepModel *m = ctx_alloc(c, sizeof *m);
  *m = (StepModel){.c = c, .g = g, .gs = groups_make(g)};
  m->sched = sched_make(m->gs);
  bool *is_backward = ctx_alloc(c, (size_t)m->gs->n + 1);
  for (int t = 0; t < m->gs->n; t++) is_backward[t] = backward_nodes[m->gs->group[t].root];
  m->is_backward = is_backward;
  find_buffers(m);
  Maker k = {.m = m, .is_backward = backward_nodes, .stamp = ctx_alloc(c, sizeof(int) * (size_t)g->n)};
  for (int b = 0; b < m->nbuf; b++) find_operands(&k, b);
  find_fused_away(m);
  find_blocks(m);
  find_backward_live(m);
  m->available = ctx_alloc(c, (size_t)m->nbuf + 1);
  m->last = ctx_alloc(c, sizeof *m->last * (size_t)(m->nbuf + 1));
  return m;
}
