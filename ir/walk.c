/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over a graph. */
#include "ir.h"

void graph_postorder(const Graph *g, int nroot, const Id *root, Id low, EnterFn *enters, bool *seen, IdList *list) {
  typedef struct Step {
    Id n;
    uint32_t next;
  } Step; /* next: the operand to go to */
  Ctx *c = g->m->c;
  struct {
    Step *v;
    int n, cap;
  } path = {0};
  for (int i = 0; i < nroot; i++) {
    if (root[i] < low || seen[root[i]]) continue;
    seen[root[i]] = true;
    *VEC_PUSH(c, path.v, path.n, path.cap) = (Step){root[i], 0};
    while (path.n) {
      Step *s = &path.v[path.n - 1];
      if (s->next == node_get(g, s->n)->nin || (!s->next && enters && !enters(g, s->n))) {
        *VEC_PUSH(c, list->v, list->n, list->cap) = s->n;
        path.n--;
        continue;
      }
      Id x = node_in(g, s->n, (int)s->next++);
      if (x < low || seen[x]) continue;
      seen[x] = true;
      *VEC_PUSH(c, path.v, path.n, path.cap) = (Step){x, 0};
    }
  }
}
