/* SPDX-License-Identifier: Apache-2.0 */
/* BPE over characters: of SentencePiece (tokenizer.model), where the piece of the greatest score is joined first, and
 * of tokenizer.json with spaces as U+2581, where the pair of the lowest rank is; of equal ones the leftmost. Characters
 * without a piece become those of their bytes. */
#include "tokenizer.h"
#include <string.h>

typedef struct Part { /* of the text, in a list; n 0: joined with the one before */
  size_t at, n;
  int id, prev, next; /* id -1: no piece. -1: none */
  bool fixed;         /* never joined */
} Part;
typedef struct Pair { /* two parts that may be joined; it is out of date if their bytes have another number */
  double rank;
  int left, id;
  size_t n;
} Pair;
typedef struct Merging {
  const Tokenizer *t;
  const char *s;
  Part *part;
  Pair *heap; /* the first is the best one */
  int nheap, capheap;
} Merging;

static bool before(const Pair *a, const Pair *b) { return a->rank != b->rank ? a->rank < b->rank : a->left < b->left; }

static void push(Merging *m, Pair p) {
  if (m->nheap == m->capheap)
    m->heap = rt_realloc(m->heap, rt_mul((size_t)(m->capheap = m->capheap * 2 + 64), sizeof *m->heap));
  int at = m->nheap++;
  for (; at && before(&p, &m->heap[(at - 1) / 2]); at = (at - 1) / 2) m->heap[at] = m->heap[(at - 1) / 2];
  m->heap[at] = p;
}

static Pair pop(Merging *m) {
  Pair best = m->heap[0], last = m->heap[--m->nheap];
  int at = 0;
  for (int k = 1; k < m->nheap; k = 2 * at + 1) {
    if (k + 1 < m->nheap && before(&m->heap[k + 1], &m->heap[k])) k++;
    if (!before(&m->heap[k], &last)) break;
    m->heap[at] = m->heap[k];
    at = k;
  }
  if (m->nheap) m->heap[at] = last;
  return best;
}

static void consider(Merging *m, int left) {
  const Part *a = left < 0 ? NULL : &m->part[left], *b = a && a->next >= 0 ? &m->part[a->next] : NULL;
  if (!b || a->fixed || b->fixed) return;
  Pair p = {0, left, -1, a->n + b->n};
  if (!m->t->pieces) {
    const Merge *k = a->id < 0 || b->id < 0 ? NULL : bpe_merge(m->t, a->id, b->id);
    if (k) p.id = k->id;
    if (k) p.rank = k->rank;
  } else if (p.n <= (size_t)m->t->longest) {
    p.id = tokenizer_find(m->t, m->s + a->at, p.n);
    if (p.id >= 0 && m->t->token[p.id].kind != TOKEN_NORMAL) p.id = -1;
    if (p.id >= 0) p.rank = -(double)m->t->token[p.id].score;
  }
  if (p.id >= 0) push(m, p);
}

/* The longest piece of the user that the text begins with; -1: none. */
static int user_piece(const Tokenizer *t, const char *s, size_t n) {
  size_t most = n < (size_t)t->longest ? n : (size_t)t->longest;
  for (size_t k = t->users ? most : 0; k; k--) {
    int id = tokenizer_find(t, s, k);
    if (id >= 0 && t->token[id].kind == TOKEN_USER) return id;
  }
  return -1;
}

static int cut(Merging *m, size_t n) { /* the number of parts */
  int parts = 0;
  m->part = rt_array(n + 1, sizeof *m->part);
  for (size_t at = 0; at < n; parts++) {
    uint32_t c;
    int user = user_piece(m->t, m->s + at, n - at);
    size_t bytes = user < 0 ? utf8_next(m->s + at, n - at, &c) : (size_t)m->t->token[user].n;
    int id = user < 0 ? tokenizer_find(m->t, m->s + at, bytes) : user;
    if (id >= 0 && m->t->token[id].kind != TOKEN_NORMAL && user < 0) id = -1;
    m->part[parts] = (Part){at, bytes, id, parts - 1, parts + 1, user >= 0};
    at += bytes;
  }
  if (parts) m->part[parts - 1].next = -1;
  return parts;
}

static void join(Merging *m, Pair p) {
  Part *a = &m->part[p.left];
  if (!a->n || a->next < 0 || a->n + m->part[a->next].n != p.n) return;
  Part *b = &m->part[a->next];
  const Merge *k = !m->t->pieces ? bpe_merge(m->t, a->id, b->id) : NULL;
  if (!m->t->pieces && (!k || k->rank != p.rank)) return; /* of other parts with these bytes */
  a->n = p.n;
  a->id = p.id;
  a->next = b->next;
  if (b->next >= 0) m->part[b->next].prev = p.left;
  b->n = 0;
  consider(m, a->prev);
  consider(m, p.left);
}

void merge_encode(const Tokenizer *t, const char *text, size_t n, Ids *to) {
  Merging m = {.t = t, .s = text};
  int parts = cut(&m, n);
  for (int i = 0; i + 1 < parts; i++) consider(&m, i);
  while (m.nheap) join(&m, pop(&m));
  bool unknown = false;
  for (int i = parts ? 0 : -1; i >= 0; i = m.part[i].next) {
    const Part *p = &m.part[i];
    if (p->id >= 0) ids_add(to, p->id);
    else pieces_unknown(t, text + p->at, p->n, unknown && !t->each_unknown, to);
    unknown = p->id < 0;
  }
  rt_free(m.heap);
  rt_free(m.part);
}
