/* SPDX-License-Identifier: Apache-2.0 */
/* Loop levels; and joining adjacent axes that every address treats as one. */
#include "codegen/kernel.h"

int nest_level(const KNest *n, const KPhase *p, uint32_t needs) {
  for (int i = p ? p->naxis - 1 : -1; i >= 0; i--)
    if (needs >> p->axis[i] & 1) return n->nouter + i + 1;
  for (int i = n->nouter - 1; i >= 0; i--)
    if (needs >> n->outer[i] & 1) return i + 1;
  return 0;
}

/* ---- joining axes ---- */

typedef bool AffineFn(Module *m, Affine *e, int i, int j, Dim extent);

/* A step along i moves e as far as all of axis j does. */
static bool is_contiguous(Module *m, Affine *e, int i, int j, Dim extent) {
  return e->coef[i] == dim_mul(m, e->coef[j], extent);
}

static bool drop(Module *m, Affine *e, int i, int j, Dim extent) {
  (void)m, (void)j, (void)extent;
  e->coef[i] = 0;
  return true;
}

static bool each_affine(KNest *n, Module *m, AffineFn *fn, int i, int j) {
  Dim extent = n->axes.axis[j].extent;
  for (int k = 1; k < n->nval; k++)
    if (!fn(m, &n->val[k].at, i, j, extent)) return false;
  for (int k = 0; k < n->nstore; k++)
    if (!fn(m, &n->store[k].at, i, j, extent)) return false;
  for (int k = 0; k < n->nacc; k++)
    if (!fn(m, &n->acc[k].index, i, j, extent)) return false;
  for (int k = 0; k < n->axes.n; k++)
    if (n->axes.axis[k].kind == AX_QUOTIENT && !fn(m, &n->axes.axis[k].e, i, j, extent)) return false;
  return true;
}

static void rename_need(uint32_t *needs, int i, int j) {
  if (*needs >> i & 1) *needs = (*needs & ~(1u << i)) | 1u << j;
}

static void join_axes(KNest *n, Module *m, int i, int j) {
  each_affine(n, m, drop, i, j);
  n->axes.axis[j].extent = dim_mul(m, n->axes.axis[i].extent, n->axes.axis[j].extent);
  for (int k = 1; k < n->nval; k++) rename_need(&n->val[k].needs, i, j);
  for (int k = 0; k < n->axes.n; k++)
    if (n->axes.axis[k].kind != AX_LOOP) rename_need(&n->axes.axis[k].needs, i, j);
  if (n->par_axis == i) n->par_axis = j;
}

bool nest_join_axes(KNest *n, Module *m, int i, int j) {
  if (!each_affine(n, m, is_contiguous, i, j)) return false;
  join_axes(n, m, i, j);
  return true;
}

static void remove_at(int *list, int *n, int at) {
  for (int i = at; i + 1 < *n; i++) list[i] = list[i + 1];
  --*n;
}

/* Joins the adjacent inner axes i and j, if they are adjacent in every phase that has one of them. */
static bool join_in_phases(KNest *n, Module *m, int i, int j) {
  for (int p = 0; p < n->nphase; p++) {
    const KPhase *ph = &n->phase[p];
    for (int k = 0; k < ph->naxis; k++) {
      if (ph->axis[k] == i && (k + 1 == ph->naxis || ph->axis[k + 1] != j)) return false;
      if (ph->axis[k] == j && (k == 0 || ph->axis[k - 1] != i)) return false;
    }
  }
  if (!each_affine(n, m, is_contiguous, i, j)) return false;
  join_axes(n, m, i, j);
  for (int p = 0; p < n->nphase; p++)
    for (int k = 0; k < n->phase[p].naxis; k++)
      if (n->phase[p].axis[k] == i) remove_at(n->phase[p].axis, &n->phase[p].naxis, k);
  return true;
}

void nest_coalesce(KNest *n, Module *m) {
  if (n->par_axis >= 0) return; /* that axis must stay as it is for the partition */
  if (n->attend) return;        /* it names its axes */
  for (int k = n->nouter - 2; k >= 0; k--) {
    int i = n->outer[k], j = n->outer[k + 1];
    if (!each_affine(n, m, is_contiguous, i, j)) continue;
    join_axes(n, m, i, j);
    remove_at(n->outer, &n->nouter, k);
  }
  for (int p = 0; p < n->nphase; p++)
    for (int k = n->phase[p].naxis - 2; k >= 0; k--) join_in_phases(n, m, n->phase[p].axis[k], n->phase[p].axis[k + 1]);
}
