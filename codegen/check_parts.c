/* Kernels that follow one another without a barrier: a part may be at work on the second one while another part is still
 * at the first. */
#include "codegen/check.h"

static int bytes_of(const Kernel *k, int buf) { return dtype_info[k->buf[buf].type].bytes; }

static int nest_of(const Kernel *k, const KNest *n) {
  int i = 0;
  while (k->nest[i] != n) i++;
  return i;
}

/* Whether a and b may touch one byte at indices of the axes shared out that are to each other as `how` says. */
static bool may_meet(const CheckPart *x, const Access *a, int split_a, const CheckPart *y, const Access *b, int split_b,
                     Between how) {
  Module *m = x->k->gs->g->m;
  int64_t size_a = bytes_of(x->k, a->buf), size_b = bytes_of(y->k, b->buf);
  int64_t apart = x->place[a->buf].from - y->place[b->buf].from;
  CheckSum s = {.m = m};
  s.k = dim_add(m, dim_of(m, apart), dim_sub(m, dim_mul(m, a->at->k, size_a), dim_mul(m, b->at->k, size_b)));
  if (size_a != size_b || apart % size_a) sum_add(&s, 1, dim_of(m, 1 - size_b), size_a - 1); /* bytes within them */
  for (int i = 0; i < a->nest->axes.n; i++)
    if (i != split_a) sum_add_axis(&s, dim_mul(m, a->at->coef[i], size_a), 0, a->nest->axes.axis[i].extent, ANY);
  for (int i = 0; i < b->nest->axes.n; i++)
    if (i != split_b) sum_add_axis(&s, 0, dim_mul(m, b->at->coef[i], size_b), b->nest->axes.axis[i].extent, ANY);
  sum_add_axis(&s, dim_mul(m, a->at->coef[split_a], size_a), dim_mul(m, b->at->coef[split_b], size_b),
               a->nest->axes.axis[split_a].extent, how);
  return !sum_never_zero(&s);
}

/* Whether the byte that both touch, if any, is touched by one part. */
static bool by_one_part(const CheckPart *x, const Access *a, const CheckPart *y, const Access *b) {
  if (x->serial || y->serial || x->tasks || y->tasks) return false;
  int i = nest_of(x->k, a->nest), j = nest_of(y->k, b->nest), p = x->split[i], q = y->split[j];
  if (p < 0 || q < 0 || x->grain[i] != y->grain[j]) return false;
  if (a->nest->axes.axis[p].extent != b->nest->axes.axis[q].extent) return false;
  if (x->k->buf[a->buf].cols || y->k->buf[b->buf].cols) return false; /* addresses in panels are no bytes */
  return !may_meet(x, a, p, y, b, q, ABOVE) && !may_meet(x, a, p, y, b, q, BELOW);
}

const char *parts_check(const CheckPart *first, const CheckPart *second, Id *node) {
  const Kernel *f = first->k, *s = second->k;
  Access *v = NULL, *w = NULL;
  int nv = 0, nw = 0;
  if (first->serial && second->serial) return NULL;
  for (int i = 0; i < f->nbuf; i++)
    for (int j = 0; j < s->nbuf; j++) {
      if ((!f->buf[i].written && !s->buf[j].written) || !places_meet(&first->place[i], &second->place[j])) continue;
      if (!v) v = kernel_accesses(f, &nv), w = kernel_accesses(s, &nw);
      for (int a = 0; a < nv; a++)
        for (int b = 0; b < nw && v[a].buf == i; b++)
          if (w[b].buf == j && (v[a].store || w[b].store) && !by_one_part(first, &v[a], second, &w[b]))
            return *node = s->buf[j].node, "a thread may be at it while another one is still at the kernel before";
    }
  return NULL;
}
