/* SPDX-License-Identifier: Apache-2.0 */
/* Nests of attention: one whose points are queries, and for the gradients of k and v one whose points are keys. */
#include "codegen/kernel_build.h"

/* The indices of a point, and of the operand that is being added. */
typedef struct Rows {
  KAttend *k;
  Affine batch, head, shared, query, key;
  KRowOperand *x;
  KPhase *phase;
} Rows;

static int axis_of(const Affine *idx) {
  for (int i = 0; i < MAX_AXES; i++)
    if (idx->coef[i]) return i;
  return -1;
}

static Affine inner(KBuild *b, Rows *r, int *axis, Dim extent) {
  Affine idx = kernel_inner(b, r->phase, extent);
  *axis = axis_of(&idx);
  return idx;
}

/* Begins the phase of an operand whose rows are of queries or keys: its indices are those of the point, or inner
 * axes. */
static void operand_index(KBuild *b, Rows *r, KRowOperand *x, bool of_queries, Dim length, Affine *idx) {
  const Attend *a = &r->k->a;
  bool keys = r->k->rows == KR_KEYS, each = of_queries == keys;
  *x = (KRowOperand){-1, -1, -1, -1};
  r->x = x;
  r->phase = kernel_phase(b);
  idx[0] = r->batch;
  idx[1] = r->head;
  if (of_queries) {
    Affine shared = keys ? inner(b, r, &x->head, a->shared) : r->shared;
    idx[1] = affine_scale(b->m, &idx[1], a->shared);
    idx[1] = affine_add(b->m, &idx[1], &shared);
  }
  idx[2] = each ? inner(b, r, &x->row, of_queries ? a->t : a->s) : of_queries ? r->query : r->key;
  if (length) idx[3] = inner(b, r, &x->col, length);
}

static void add_load(KBuild *b, Rows *r, AttendOperand role, Dim length) {
  Affine idx[MAX_RANK];
  bool of_queries = role != AT_K && role != AT_V;
  operand_index(b, r, &r->k->load[role], of_queries, length, idx);
  int v = kernel_value(b, r->k->a.in[role], idx);
  r->x->at = v;
  if (!b->failed && b->nest->val[v].kind != KV_LOAD) kernel_fail(b, r->k->a.in[role], "not in memory");
}

/* Result `element` of the tuple. */
static void add_store(KBuild *b, Rows *r, int number, int element, bool of_queries, Dim length) {
  Affine idx[MAX_RANK];
  operand_index(b, r, &r->k->store[number], of_queries, length, idx);
  for (int i = 0; i < b->group->nnode; i++) {
    Id n = b->group->node[i];
    if (n == b->group->root || node_attr(b->g, n, ATTR(get, index))->i != element) continue;
    r->x->at = b->nest->nstore;
    kernel_store(b, n, idx, 0, length ? KS_INNER : KS_OUTER, false);
    return;
  }
  kernel_fail(b, b->group->root, "a result is missing");
}

static void add_nest(KBuild *b, KRows rows, Rows *r) {
  Attend a = attend_of(b->g, b->group->root);
  kernel_nest(b);
  KAttend *k = ctx_alloc(b->m->c, sizeof *k);
  *k = (KAttend){.rows = rows, .a = a, .shared = -1, .query = -1, .key = -1};
  for (int i = 0; i < AT_OPERANDS; i++) k->load[i].at = -1;
  *r = (Rows){.k = k};
  b->nest->attend = k;
  r->batch = kernel_outer(b, a.batch);
  r->head = kernel_outer(b, a.heads);
  k->batch = axis_of(&r->batch), k->head = axis_of(&r->head);
  kernel_sizes(b, a.t), kernel_sizes(b, a.s), kernel_sizes(b, a.shared);
  if (rows == KR_KEYS) {
    r->key = kernel_outer(b, a.s);
    k->key = axis_of(&r->key);
  } else {
    r->shared = kernel_outer(b, a.shared);
    r->query = kernel_outer(b, a.t);
    k->shared = axis_of(&r->shared), k->query = axis_of(&r->query);
  }
  add_load(b, r, AT_Q, a.d);
  add_load(b, r, AT_K, a.d);
  add_load(b, r, AT_V, a.e);
  if (!a.in[AT_LENGTHS]) return;
  k->load[AT_LENGTHS] = (KRowOperand){kernel_value(b, a.in[AT_LENGTHS], &r->batch), -1, -1, -1};
}

static void add_back(KBuild *b, KRows rows) {
  Rows r;
  add_nest(b, rows, &r);
  const Attend *a = &r.k->a;
  add_load(b, &r, AT_LSE, 0);
  add_load(b, &r, AT_G, a->e);
  add_load(b, &r, AT_DELTA, 0);
  if (rows == KR_QUERIES) {
    add_store(b, &r, 0, 0, true, a->d);
    return;
  }
  add_store(b, &r, 0, 1, false, a->d);
  add_store(b, &r, 1, 2, false, a->e);
}

void kernel_attend(KBuild *b) {
  Rows r;
  if (attend_of(b->g, b->group->root).back) {
    add_back(b, KR_QUERIES);
    add_back(b, KR_KEYS);
    return;
  }
  add_nest(b, KR_FORWARD, &r);
  add_store(b, &r, 0, 0, true, r.k->a.e);
  add_store(b, &r, 1, 1, true, 0);
}
