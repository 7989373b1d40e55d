#include "passes/checkpoint.h"
#include "passes/joint.h"
#include "passes/persist.h"
#include <stdlib.h>
#include <string.h>

/* ---- what a buffer is computed from ---- */

typedef struct Maker {
  Model *m;
  const bool *late;  /* per node */
  Id *stack; int nstack, capstack;
  int *stamp;        /* per node: 1 + the buffer whose operands were last looked for there */
  int *list; int nlist, caplist;
} Maker;

static void push(Maker *k, Id n, int mark) {
  if (k->stamp[n] == mark) return;
  k->stamp[n] = mark;
  *VEC_PUSH(k->m->c, k->stack, k->nstack, k->capstack) = n;
}

enum { DIGEST = 256 }; /* of so many bytes that it is computed from one, at most, is its own */

/* Walks from the buffer down to buffers and leaves; what lies between is computed with it. */
static void find_operands(Maker *k, int b) {
  Model *m = k->m;
  const Graph *g = m->g;
  Buf *x = &m->buf[b];
  double moved = (double)x->bytes;
  k->nlist = 0;
  x->elem = x->melts = true;
  push(k, x->node, b + 1);
  while (k->nstack) {
    Id n = k->stack[--k->nstack];
    if (n != x->node && m->number[n]) {
      *VEC_PUSH(m->c, k->list, k->nlist, k->caplist) = m->number[n] - 1;
      moved += (double)m->buf[m->number[n] - 1].bytes;
      x->digest |= m->buf[m->number[n] - 1].bytes / DIGEST >= x->bytes;
      continue;
    }
    x->seconds += node_seconds(g, n, &common_rates);
    OpClass cls = node_info(g, n)->cls;
    x->elem &= cls == CL_ELEM || cls == CL_LEAF;
    x->melts &= cls == CL_ELEM || cls == CL_LEAF || cls == CL_VIEW;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) push(k, node_in(g, n, (int)i), b + 1);
  }
  if (x->bytes && moved / common_rates.bytes > x->seconds) x->seconds = moved / common_rates.bytes;
  int *from = ctx_alloc(m->c, sizeof *from * (size_t)(k->nlist + 1));
  if (k->nlist) memcpy(from, k->list, sizeof *from * (size_t)k->nlist);
  x->from = from;
  x->nfrom = k->nlist;
}

static void find_buffers(Model *m) {
  const Graph *g = m->g;
  int *number = ctx_alloc(m->c, sizeof *number * (size_t)g->n), cap = 0;
  m->number = number;
  for (int t = 0; t < m->gs->n; t++) {
    const Group *p = &m->gs->group[t];
    if (m->late[t]) continue;
    if (p->cls == KC_SCAN) {
      *VEC_PUSH(m->c, m->buf, m->nbuf, cap) = (Buf){.node = p->root, .birth = t, .last = t};
      number[p->root] = m->nbuf;
    }
    for (int i = 0; i < p->nwrite; i++) {
      Id b = p->write[i];
      *VEC_PUSH(m->c, m->buf, m->nbuf, cap) = (Buf){.node = b, .bytes = m->sched->bytes[b], .birth = t, .last = t};
      number[b] = m->nbuf;
    }
  }
  for (int t = 0; t < m->gs->n; t++)
    for (int i = 0; i < m->gs->group[t].nread; i++) {
      int b = number[m->gs->group[t].read[i]];
      if (!b) continue;
      if (m->late[t]) m->buf[b - 1].wanted = true;
      else m->buf[b - 1].last = t;
    }
}

/* Finds what melts: a map that is read by one kernel of maps or reductions in each part. Until that has
 * run, what it is made of is needed. */
static void find_melting(Model *m) {
  uint8_t *readers[2] = {ctx_alloc(m->c, (size_t)m->nbuf + 1), ctx_alloc(m->c, (size_t)m->nbuf + 1)};
  for (int t = 0; t < m->gs->n; t++) {
    const Group *p = &m->gs->group[t];
    for (int i = 0; i < p->nread; i++) {
      int b = m->number[p->read[i]];
      uint8_t *n = b ? &readers[m->late[t]][b - 1] : NULL;
      if (n) *n = p->cls > KC_ROW || *n ? 2 : 1;
    }
  }
  for (int i = m->nbuf - 1; i >= 0; i--) {
    Buf *b = &m->buf[i];
    b->melts &= b->bytes && readers[0][i] == 1 && readers[1][i] == 1;
    for (int k = 0; b->melts && k < b->nfrom; k++)
      if (m->buf[b->from[k]].last < b->last) m->buf[b->from[k]].last = b->last;
  }
}

/* ---- blocks ---- */

enum { MOST_BLOCKS = 64, WIDEST = 4, SMALL = 64 /* of no account: together less than such a part */ };

static int by_bytes(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void find_small(Model *m) {
  int64_t all = 0, sum = 0, largest = 0, *bytes = ctx_alloc(m->c, sizeof *bytes * (size_t)(m->nbuf + 1));
  for (int i = 0; i < m->nbuf; i++) all += bytes[i] = m->buf[i].bytes;
  if (m->nbuf) qsort(bytes, (size_t)m->nbuf, sizeof *bytes, by_bytes);
  for (int i = 0, to; i < m->nbuf; i = to) { /* all of one size, or none */
    for (to = i; to < m->nbuf && bytes[to] == bytes[i]; to++) sum += bytes[to];
    if (sum > all / SMALL) break;
    largest = bytes[i];
  }
  for (int i = 0; i < m->nbuf; i++) m->buf[i].small = m->buf[i].bytes <= largest;
}

/* Parts the forward turns behind each one over which no more than `width` buffers lead, not all of which have led over
 * the one before; returns the number of blocks. */
static int part(Model *m, int width, int *block) {
  int n = m->gs->n, blocks = 0, over = 0, b = 0, end = -1 /* of those since the last one */;
  int *change = ctx_alloc(m->c, sizeof *change * (size_t)(n + 1));
  for (int i = 0; i < m->nbuf; i++) {
    if (m->buf[i].small || m->buf[i].melts) continue;
    change[m->buf[i].birth]++;
    change[m->buf[i].last]--;
  }
  for (int t = 0; t < n; t++) {
    over += change[t];
    block[t] = blocks;
    for (; b < m->nbuf && m->buf[b].birth <= t; b++)
      if (!m->buf[b].small && !m->buf[b].melts && m->buf[b].last > end) end = m->buf[b].last;
    if (m->late[t] || over > width || over <= 0 || end <= t) continue;
    blocks++;
    end = -1;
  }
  return blocks + 1;
}

/* Joins neighbours where there are more blocks than plans can be made for. */
static int coarsen(int *block, int turns, int blocks) {
  int by = (blocks + MOST_BLOCKS - 1) / MOST_BLOCKS;
  for (int t = 0; t < turns; t++) block[t] /= by;
  return (blocks - 1) / by + 1;
}

/* The backward part comes back from block to block: a kernel belongs to the earliest one of which it loads something, else
 * to the one that the kernel before it has come back to. What runs among the forward kernels stays where it is. */
static void place_backward(const Model *m, int *block) {
  int at = m->nblock - 1, turn = 0;
  for (int t = 0; t < m->gs->n; t++)
    if (!m->late[t]) turn = t;
  for (int t = 0; t < m->gs->n; t++) {
    int home = m->nblock;
    for (int i = 0; m->late[t] && i < m->gs->group[t].nread; i++) {
      int b = m->number[m->gs->group[t].read[i]];
      if (b && !m->buf[b - 1].small && m->buf[b - 1].home < home) home = m->buf[b - 1].home;
    }
    if (home < m->nblock) block[t] = home;
    if (t < turn || !m->late[t]) continue;
    if (home < m->nblock) at = home;
    block[t] = at;
  }
}

static void find_blocks(Model *m) {
  int n = m->gs->n, *block = ctx_alloc(m->c, sizeof *block * (size_t)(n + 1));
  m->nblock = 1;
  find_small(m);
  for (int width = 1; width <= WIDEST && m->nblock < 3; width++) m->nblock = part(m, width, block);
  m->nblock = coarsen(block, n, m->nblock);
  for (int i = 0; i < m->nbuf; i++) {
    Buf *b = &m->buf[i];
    b->entry = !b->small && !b->melts && block[b->last] > block[b->birth];
    b->home = block[b->birth] + b->entry;
  }
  place_backward(m, block);
  m->block = block;
}

/* ---- the backward part's own buffers ---- */

static void find_others(Model *m) {
  const Groups *gs = m->gs;
  const int64_t *bytes = m->sched->bytes;
  int *death = ctx_alloc(m->c, sizeof *death * (size_t)m->g->n);
  int64_t live = 0, *others = ctx_alloc(m->c, sizeof *others * (size_t)(gs->n + 1));
  for (int t = 0; t < gs->n; t++) {
    for (int i = 0; i < gs->group[t].nwrite; i++) death[gs->group[t].write[i]] = t;
    for (int i = 0; i < gs->group[t].nread; i++) death[gs->group[t].read[i]] = t;
  }
  for (int t = 0; t < gs->n; t++) {
    const Group *p = &gs->group[t];
    others[t] = live;
    for (int i = 0; m->late[t] && i < p->nwrite; i++) live += death[p->write[i]] > t ? bytes[p->write[i]] : 0;
    for (int i = 0; i < p->nread; i++)
      if (!m->number[p->read[i]] && death[p->read[i]] == t) live -= bytes[p->read[i]];
  }
  m->others = others;
  m->death = death;
}

Model *model_make(Graph *g, const bool *late_nodes) {
  Ctx *c = g->m->c;
  Model *m = ctx_alloc(c, sizeof *m);
  *m = (Model){.c = c, .g = g, .gs = groups_make(g)};
  m->sched = sched_make(m->gs);
  bool *late = ctx_alloc(c, (size_t)m->gs->n + 1);
  for (int t = 0; t < m->gs->n; t++) late[t] = late_nodes[m->gs->group[t].root];
  m->late = late;
  find_buffers(m);
  Maker k = {.m = m, .late = late_nodes, .stamp = ctx_alloc(c, sizeof(int) * (size_t)g->n)};
  for (int b = 0; b < m->nbuf; b++) find_operands(&k, b);
  find_melting(m);
  find_blocks(m);
  find_others(m);
  m->there = ctx_alloc(c, (size_t)m->nbuf + 1);
  m->last = ctx_alloc(c, sizeof *m->last * (size_t)(m->nbuf + 1));
  return m;
}
