/* SPDX-License-Identifier: Apache-2.0 */
/* Two kernels without a barrier between them: one thread may run the second while another one still runs the first. */
#include "codegen/check.h"

static int bytes_of(const Kernel *k, int buf) { return dtype_info[k->buf[buf].type].bytes; }

static int nest_of(const Kernel *k, const KNest *n) {
  int i = 0;
  while (k->nest[i] != n) i++;
  return i;
}

/* True if a and b may access one byte at indices of the parallel axes related by `how`. */
static bool may_alias(const CheckPartition *x, const Access *a, int par_a, const CheckPartition *y, const Access *b,
                      int par_b, Between how) {
  Module *m = x->k->gs->g->m;
  int64_t size_a = bytes_of(x->k, a->buf), size_b = bytes_of(y->k, b->buf);
  int64_t apart = x->location[a->buf].from - y->location[b->buf].from;
  LinearForm s = {.m = m};
  s.k = dim_add(m, dim_of(m, apart), dim_sub(m, dim_mul(m, a->at->k, size_a), dim_mul(m, b->at->k, size_b)));
  if (size_a != size_b || apart % size_a) linear_add(&s, 1, dim_of(m, 1 - size_b), size_a - 1); /* bytes within them */
  for (int i = 0; i < a->nest->axes.n; i++)
    if (i != par_a) linear_add_axis(&s, dim_mul(m, a->at->coef[i], size_a), 0, a->nest->axes.axis[i].extent, ANY);
  for (int i = 0; i < b->nest->axes.n; i++)
    if (i != par_b) linear_add_axis(&s, 0, dim_mul(m, b->at->coef[i], size_b), b->nest->axes.axis[i].extent, ANY);
  linear_add_axis(&s, dim_mul(m, a->at->coef[par_a], size_a), dim_mul(m, b->at->coef[par_b], size_b),
                  a->nest->axes.axis[par_a].extent, how);
  return !linear_never_zero(&s);
}

/* True if every byte that both access is accessed by the same thread. */
static bool by_one_thread(const CheckPartition *x, const Access *a, const CheckPartition *y, const Access *b) {
  if (x->serial || y->serial || x->tasks || y->tasks) return false;
  int i = nest_of(x->k, a->nest), j = nest_of(y->k, b->nest), p = x->par_axis[i], q = y->par_axis[j];
  if (p < 0 || q < 0 || x->grain[i] != y->grain[j]) return false;
  if (a->nest->axes.axis[p].extent != b->nest->axes.axis[q].extent) return false;
  if (x->k->buf[a->buf].cols || y->k->buf[b->buf].cols) return false; /* addresses in panels are not byte offsets */
  return !may_alias(x, a, p, y, b, q, ABOVE) && !may_alias(x, a, p, y, b, q, BELOW);
}

/* A buffer of the kernel is in the scratch of the other one. */
static bool in_scratch(const CheckLocation *scratch, const CheckPartition *x, Id *node) {
  for (int i = 0; i < x->k->nbuf; i++)
    if (locations_overlap(scratch, &x->location[i])) return *node = x->k->buf[i].node, true;
  return false;
}

const char *threads_check(const CheckPartition *first, const CheckPartition *second, Id *node) {
  const Kernel *f = first->k, *s = second->k;
  Access *v = NULL, *w = NULL;
  int nv = 0, nw = 0;
  if (first->serial && second->serial) return NULL;
  if (locations_overlap(&first->scratch, &second->scratch)) {
    *node = s->group->root;
    return "its scratch is that of the kernel before, which another thread may still run";
  }
  if (in_scratch(&first->scratch, second, node) || in_scratch(&second->scratch, first, node))
    return "it is in scratch that another thread may access at the same time";
  for (int i = 0; i < f->nbuf; i++)
    for (int j = 0; j < s->nbuf; j++) {
      if (!f->buf[i].written && !s->buf[j].written) continue;
      if (!locations_overlap(&first->location[i], &second->location[j])) continue;
      if (!v) v = kernel_accesses(f, &nv), w = kernel_accesses(s, &nw);
      for (int a = 0; a < nv; a++)
        for (int b = 0; b < nw && v[a].buf == i; b++)
          if (w[b].buf == j && (v[a].store || w[b].store) && !by_one_thread(first, &v[a], second, &w[b]))
            return *node = s->buf[j].node, "a thread may access it while another one still runs the kernel before";
    }
  return NULL;
}
