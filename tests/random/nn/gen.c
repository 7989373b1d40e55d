/* SPDX-License-Identifier: Apache-2.0 */
/* The common parts of the generator of programs: text, types, values in scope. */
#include "tests/random/nn/nn.h"
#include <stdlib.h>
#include <string.h>

void put(Text *t, const char *fmt, ...) {
  for (;;) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->s ? t->s + t->n : NULL, t->cap - t->n, fmt, ap);
    va_end(ap);
    if (t->n + (size_t)n < t->cap) {
      t->n += (size_t)n;
      return;
    }
    t->cap = 2 * t->cap + (size_t)n + 256;
    t->s = realloc(t->s, t->cap);
    if (!t->s) exit(2);
  }
}

uint32_t pr(Prog *p, uint32_t n) { return rnd(&p->r, n); }
bool pc(Prog *p, int percent) { return chance(&p->r, percent); }

int pdim(Prog *p) {
  static const int some[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17}, room[] = {8, 15, 16, 17, 24, 31, 32, 33, 48, 64};
  if (p->roomy && pc(p, 75)) return room[pr(p, sizeof room / sizeof *room)];
  return pc(p, 4) ? 63 + (int)pr(p, 3) : some[pr(p, sizeof some / sizeof *some)];
}

int pdepth(Prog *p) {
  static const int room[] = {4, 8, 8, 16, 17, 32};
  return p->roomy || pc(p, 15) ? room[pr(p, 6)] : 1 + (int)pr(p, 4);
}

/* ---- types ---- */

Ty ty_of(DType t, int rank, ...) {
  Ty y = {.t = t, .rank = rank};
  va_list ap;
  va_start(ap, rank);
  for (int i = 0; i < rank; i++) y.dim[i] = va_arg(ap, int);
  va_end(ap);
  return y;
}

int64_t ty_count(const Prog *p, const Ty *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= t->dim[i] == DIM_B ? p->batch : t->dim[i] == DIM_T ? p->bound : t->dim[i];
  return n;
}

bool ty_known(const Ty *t) {
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] < 0) return false;
  return true;
}

bool ty_same(const Ty *a, const Ty *b) {
  return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

Ty ty_without(Ty t, int axis) {
  memmove(t.dim + axis, t.dim + axis + 1, (size_t)(--t.rank - axis) * sizeof *t.dim);
  return t;
}

bool ty_float(const Ty *t) { return dtype_is_float(t->t); }
bool ty_f32(const Ty *t) { return t->t == DT_F32; }

static const char *list_of(const Ty *t, int first, const char *b, const char *size) {
  enum { TEXTS = 8 };
  static char text[TEXTS][120];
  static int at;
  char *s = text[at = (at + 1) % TEXTS];
  size_t n = 0;
  s[0] = 0;
  for (int i = first; i < t->rank; i++) {
    const char *comma = i > first ? ", " : "";
    if (t->dim[i] >= 0) n += (size_t)snprintf(s + n, 120 - n, "%s%d", comma, t->dim[i]);
    else n += (size_t)snprintf(s + n, 120 - n, "%s%s", comma, t->dim[i] == DIM_B ? b : size);
  }
  return s;
}

const char *ty_dims(const Ty *t, int first) { return list_of(t, first, "-1", "-1"); }
const char *ty_sizes(const Ty *t) { return list_of(t, 0, "B", "T"); }

const char *ty_text(const Ty *t) {
  enum { TEXTS = 8 };
  static char text[TEXTS][140];
  static int at;
  char *s = text[at = (at + 1) % TEXTS];
  if (t->rank) snprintf(s, sizeof text[0], "%s[%s]", dtype_info[t->t].name, ty_sizes(t));
  else snprintf(s, sizeof text[0], "%s", dtype_info[t->t].name);
  return s;
}

/* ---- values ---- */

const Value *pv(Prog *p, Pred *pred) {
  int found[MAX_VALUES], n = 0;
  for (int i = 0; i < p->n; i++)
    if (pred(&p->v[i].ty)) found[n++] = i;
  if (!n) return NULL;
  int from = n > 4 && pc(p, 65) ? n - 4 : 0; /* chains rather than bushes */
  return &p->v[found[from + (int)pr(p, (uint32_t)(n - from))]];
}

const Value *bound_as(Prog *p, int id, Ty t) {
  if (p->n == MAX_VALUES) p->n--;
  p->v[p->n] = (Value){id, t};
  return &p->v[p->n++];
}

const Value *bind(Prog *p, Ty t, const char *fmt, ...) {
  char s[600];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(s, sizeof s, fmt, ap);
  va_end(ap);
  if (p->layers && pc(p, 4)) put(&p->body, "    @%s\n", pc(p, 70) ? "checkpoint" : "fp32");
  put(&p->body, "    v%d = %s\n", p->next, s);
  return bound_as(p, p->next++, t);
}

int axis_of(Prog *p, const Ty *t) { return t->rank ? (int)pr(p, (uint32_t)t->rank) : -1; }

int known_axis(Prog *p, const Ty *t) {
  int found[8], n = 0;
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] > 0) found[n++] = i;
  return n ? found[pr(p, (uint32_t)n)] : -1;
}

void grow(Prog *p, int n) {
  static const struct {
    int weight;
    Maker *make;
  } maker[] = {
    {10, make_elementwise}, {10, make_broadcast}, {6, make_outer},       {10, make_reduction},     {6, make_cumsum},
    {14, make_view},        {6, make_matmul},     {3, make_derivative},  {9, make_index_notation}, {7, make_nn_scan},
    {22, make_std},         {5, make_weight},     {6, make_epilogue_of},
  };
  uint32_t all = 0;
  for (size_t i = 0; i < sizeof maker / sizeof *maker; i++) all += (uint32_t)maker[i].weight;
  for (int made = 0, tries = 0; made < n && tries < 8 * n; tries++) {
    uint32_t k = pr(p, all);
    size_t i = 0;
    while (k >= (uint32_t)maker[i].weight) k -= (uint32_t)maker[i++].weight;
    made += maker[i].make(p);
  }
  make_wanted(p);
}
