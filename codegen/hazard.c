/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/hazard.h"

/* Row t of the parallel axis accesses row t of the buffer and no other: fills in the rows of the access. */
static bool is_partitioned_by_row(const Kernel *k, const KernelSchedule *s, int buf, MemoryAccess *a) {
  if (k->nnest != 1 || s->gemm || s->attend || s->nest[0].par_axis < 0) return false;
  const KNest *n = k->nest[0];
  Module *m = n->axes.m;
  int axis = s->nest[0].par_axis;
  Dim row = 0, count = type_count(m, node_get(k->gs->g, k->buf[buf].node)->type);
  for (int i = 1; i < n->nval + n->nstore; i++) {
    const KVal *v = i < n->nval ? &n->val[i] : NULL;
    const KStore *w = v ? NULL : &n->store[i - n->nval];
    if (v ? v->kind != KV_LOAD || v->buf != buf : w->buf != buf) continue;
    const Affine *at = v ? &v->at : &w->at;
    if (at->k || !at->coef[axis] || (row && at->coef[axis] != row)) return false;
    row = at->coef[axis];
    for (int x = 0; x < n->axes.n; x++)
      if (at->coef[x] && n->axes.axis[x].kind != AX_LOOP) return false;
  }
  if (!row || dim_mul(m, row, n->axes.axis[axis].extent) != count) return false;
  a->rows = true;
  a->extent = n->axes.axis[axis].extent;
  a->row = dim_mul(m, row, dtype_info[k->buf[buf].type].bytes);
  a->grain = s->nest[0].grain;
  return true;
}

/* The bytes of a buffer: in a separate space (inputs, results), in the arena, or in the rest of the caller's
 * memory. */
static void buffer_range(const Graph *g, Id n, MemoryAccess *a) {
  const Module *m = g->m;
  const Annotation *x = &g->anno[n];
  int var = node_var(g, n);
  a->space = 0;
  a->lo = x->offset;
  if (var >= 0) a->lo = m->var[var].offset;
  else if (node_is_input(g, n)) a->space = 2 + (int)n, a->lo = 0;
  else if (x->space == SP_VAR) a->lo = m->var[x->index].offset;
  else if (x->space == SP_OUT) a->space = -1 - (int)x->index, a->lo = 0;
  else if (x->space != SP_HEAD) a->space = 1;
  a->hi = a->lo + type_bytes(g->m, node_get(g, n)->type);
}

MemoryAccess hazard_access(const Graph *g, Id n, bool write) {
  MemoryAccess a = {.write = write};
  buffer_range(g, n, &a);
  return a;
}

/* What all threads access while they run the kernel. */
static MemoryAccess scratch_access(const Kernel *k) {
  int64_t at = *group_scratch_at(k->gs->g, k->group);
  return (MemoryAccess){.space = 1, .lo = at, .hi = at + k->group->scratch, .write = true};
}

bool hazard_conflict(const MemoryAccess *a, const MemoryAccess *b) {
  if (!a->write && !b->write) return false;
  if (a->space != b->space || a->hi <= b->lo || b->hi <= a->lo) return false;
  if (a->serial && b->serial) return false;
  return !(a->rows && b->rows && a->lo == b->lo && a->extent == b->extent && a->row == b->row && a->grain == b->grain);
}

bool hazard_add(Hazards *h, const Kernel *k, const KernelSchedule *s) {
  Ctx *c = k->gs->g->m->c;
  int first = h->n;
  bool barrier = false;
  for (int i = 0; i < k->nbuf; i++) {
    const KBuf *b = &k->buf[i];
    for (int write = 0; write < 2 && !b->table; write++) {
      if (write ? !b->written : !b->read) continue;
      MemoryAccess a = hazard_access(k->gs->g, b->node, write);
      a.serial = s->serial;
      if (!s->serial) is_partitioned_by_row(k, s, i, &a);
      for (int j = 0; j < first && !barrier; j++) barrier = hazard_conflict(&h->access[j], &a);
      *VEC_PUSH(c, h->access, h->n, h->cap) = a;
    }
  }
  if (schedule_splits(s)) {
    MemoryAccess a = scratch_access(k);
    for (int j = 0; j < first && !barrier; j++) barrier = hazard_conflict(&h->access[j], &a);
    *VEC_PUSH(c, h->access, h->n, h->cap) = a;
  }
  if (!barrier) return false;
  h->n -= first;
  memmove(h->access, h->access + first, (size_t)h->n * sizeof *h->access);
  return true;
}
