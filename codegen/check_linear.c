/* SPDX-License-Identifier: Apache-2.0 */
/* Can a linear form of bounded variables be 0? If all coefficients are numbers, a search decides it. Else the form is
 * divided by run-time sizes, or its variables are shown to be 0 one by one: a coefficient that is more than all else
 * together admits only 0. */
#include "codegen/check.h"

/* ---- signs of dimensions ---- */

static int64_t least(const Module *m, int s) { return m->size[s].least > 1 ? m->size[s].least : 1; }

/* The smallest value of a term for sizes from their least values to their bounds; saturates. */
static double min_value(const Module *m, const DimTerm *t) {
  double v = (double)t->coef;
  for (int s = 0; s < m->nsize; s++)
    for (int e = 0; e < t->exp[s]; e++) v *= (double)(v < 0 ? m->size[s].bound : least(m, s));
  return v;
}

/* The next combination of sizes; false after the last. */
static bool next_sizes(const Module *m, int64_t *size) {
  for (int s = 0; s < m->nsize; size[s] = least(m, s), s++)
    if (size[s]++ < m->size[s].bound) return true;
  return false;
}

enum { MOST_SIZES = 8, MOST_VALUES = 1024 };

/* The first combination, the least sizes; false: there are too many to try. */
static bool first_sizes(const Module *m, int64_t *size) {
  double values = 1;
  for (int s = 0; s < m->nsize; s++) size[s] = least(m, s), values *= (double)m->size[s].bound;
  return values >= 1 && values <= MOST_VALUES;
}

bool dim_is_positive(Module *m, Dim d) {
  int n;
  if (d >= 0) return d > 0;
  const DimTerm *t = dim_terms(m, d, &n);
  double min = 0, max = 0;
  for (int i = 0; i < n; i++) min += min_value(m, &t[i]), max += t[i].coef > 0;
  int64_t size[MOST_SIZES];
  if (min >= 1 || !max || !first_sizes(m, size)) return min >= 1;
  do {
    if (dim_value(m, d, size) < 1) return false;
  } while (next_sizes(m, size));
  return true;
}

/* Not negative; 0: a tensor without elements at some sizes. */
static bool is_natural(Module *m, Dim d) { return dim_is_positive(m, dim_add(m, d, 1)); }

static Dim negated(Module *m, Dim d) { return dim_sub(m, 0, d); }

/* ---- terms ---- */

void linear_add(LinearForm *s, Dim coef, Dim lo, Dim hi) {
  if (!coef || (!lo && !hi)) return;
  if (!is_natural(s->m, coef)) {
    Dim swap = lo;
    coef = negated(s->m, coef);
    lo = negated(s->m, hi), hi = negated(s->m, swap);
  }
  for (int i = 0; i < s->n; i++)
    if (s->t[i].coef == coef) {
      s->t[i].lo = dim_add(s->m, s->t[i].lo, lo);
      s->t[i].hi = dim_add(s->m, s->t[i].hi, hi);
      return;
    }
  s->t[s->n++] = (LinearTerm){coef, lo, hi};
}

/* By size at the bounds, the largest coefficient first. */
static void sort_terms(LinearForm *s) {
  for (int i = 1; i < s->n; i++) {
    LinearTerm t = s->t[i];
    int k = i;
    for (; k > 0 && dim_bound(s->m, s->t[k - 1].coef) < dim_bound(s->m, t.coef); k--) s->t[k] = s->t[k - 1];
    s->t[k] = t;
  }
}

/* ---- numbers: search ---- */

enum { MOST_TRIALS = 4096 };

typedef struct Search {
  int n, trials;
  int64_t c[2 * MAX_AXES], lo[2 * MAX_AXES], hi[2 * MAX_AXES];
  int64_t min[2 * MAX_AXES + 1], max[2 * MAX_AXES + 1], divisor[2 * MAX_AXES + 1]; /* of the terms from i on */
} Search;

static int64_t divisor_of(int64_t a, int64_t b) { return b ? divisor_of(b, a % b) : a; }

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); } /* b > 0 */

/* True if the terms from i on can add up to -k, or the search was given up. */
static bool search(Search *s, int i, int64_t k) {
  if (++s->trials > MOST_TRIALS) return true;
  if (-k < s->min[i] || -k > s->max[i]) return false;
  if (i == s->n) return k == 0;
  if (k % s->divisor[i]) return false;
  /* c * x is in -k - (what the others can be) */
  int64_t from = -floor_div(k + s->max[i + 1], s->c[i]), to = floor_div(-k - s->min[i + 1], s->c[i]);
  if (from < s->lo[i]) from = s->lo[i];
  if (to > s->hi[i]) to = s->hi[i];
  for (int64_t x = from; x <= to; x++)
    if (search(s, i + 1, k + s->c[i] * x)) return true;
  return false;
}

static int64_t at_sizes(const LinearForm *s, Dim d, const int64_t *size, bool max) {
  if (size) return dim_value(s->m, d, size);
  return max ? dim_bound(s->m, d) : dim_lower_bound(s->m, d);
}

/* At these sizes; NULL: coefficients are numbers, sizes do not matter. */
static bool never_by_search(const LinearForm *s, const int64_t *size) {
  Search r = {0};
  for (int i = 0; i < s->n; i++) {
    int64_t c = at_sizes(s, s->t[i].coef, size, true), lo = at_sizes(s, s->t[i].lo, size, false);
    int64_t hi = at_sizes(s, s->t[i].hi, size, true);
    if (lo > hi) return true; /* some loop has no iterations */
    if (c) r.c[r.n] = c, r.lo[r.n] = lo, r.hi[r.n++] = hi;
  }
  for (int i = r.n - 1; i >= 0; i--) {
    r.min[i] = r.min[i + 1] + r.c[i] * r.lo[i];
    r.max[i] = r.max[i + 1] + r.c[i] * r.hi[i];
    r.divisor[i] = divisor_of(r.c[i], r.divisor[i + 1]);
  }
  return !search(&r, 0, at_sizes(s, s->k, size, true));
}

static bool all_numbers(const LinearForm *s) {
  int64_t x;
  bool numbers = dim_number(s->m, s->k, &x);
  for (int i = 0; i < s->n; i++) numbers &= dim_number(s->m, s->t[i].coef, &x);
  return numbers;
}

static bool never_by_values(const LinearForm *s) {
  int64_t size[MOST_SIZES];
  if (!first_sizes(s->m, size)) return false;
  do {
    if (!never_by_search(s, size)) return false;
  } while (next_sizes(s->m, size));
  return true;
}

/* ---- polynomials in run-time sizes ---- */

/* Shifts multiples of a coefficient from k into the range of its term, the largest coefficient first. */
static void absorb(LinearForm *s) {
  Dim q;
  for (int i = 0; i < s->n && s->k; i++)
    if (dim_div(s->m, s->k, s->t[i].coef, &q)) {
      s->t[i].lo = dim_add(s->m, s->t[i].lo, q);
      s->t[i].hi = dim_add(s->m, s->t[i].hi, q);
      s->k = 0;
    }
}

/* True if x of term i must be 0: its coefficient is more than all else together. */
static bool must_be_zero(const LinearForm *s, int i) {
  Module *m = s->m;
  Dim min = s->k, max = s->k;
  for (int j = 0; j < s->n; j++) {
    if (j == i) continue;
    min = dim_add(m, min, dim_mul(m, s->t[j].coef, s->t[j].lo));
    max = dim_add(m, max, dim_mul(m, s->t[j].coef, s->t[j].hi));
  }
  return dim_is_positive(m, dim_add(m, s->t[i].coef, min)) && dim_is_positive(m, dim_sub(m, s->t[i].coef, max));
}

static bool excludes_zero(Module *m, const LinearTerm *t) {
  return dim_is_positive(m, t->lo) || dim_is_positive(m, negated(m, t->hi));
}

static void remove_term(LinearForm *s, int i) {
  for (; i + 1 < s->n; i++) s->t[i] = s->t[i + 1];
  s->n--;
}

/* The product of sizes in the first term of d, without its factor; 0: it has no sizes. */
static Dim sizes_in(Module *m, Dim d) {
  int n;
  int64_t number;
  if (dim_number(m, d, &number)) return 0;
  const DimTerm *t = dim_terms(m, d, &n);
  Dim g = 1;
  for (int s = 0; s < m->nsize; s++)
    for (int e = 0; e < t->exp[s]; e++) g = dim_mul(m, g, dim_size(m, m->size[s].name, m->size[s].bound, 0));
  return g;
}

/* d = q * g + rest, term by term. */
static Dim quotient(Module *m, Dim d, Dim g, Dim *rest) {
  int n;
  Dim all = 0, q;
  int64_t number;
  *rest = 0;
  if (dim_number(m, d, &number)) return *rest = d, 0;
  const DimTerm *t = dim_terms(m, d, &n);
  for (int i = 0; i < n; i++) {
    Dim x = dim_of(m, t[i].coef);
    for (int s = 0; s < m->nsize; s++)
      for (int e = 0; e < t[i].exp[s]; e++) x = dim_mul(m, x, dim_size(m, m->size[s].name, m->size[s].bound, 0));
    if (dim_div(m, x, g, &q)) all = dim_add(m, all, q);
    else *rest = dim_add(m, *rest, x);
  }
  return all;
}

enum { MAX_FACTOR = 64 };

/* The smallest w with w * g > d; 0: none was found. */
static int64_t factor_above(Module *m, Dim g, Dim d) {
  for (int64_t w = 1; w <= MAX_FACTOR; w++)
    if (dim_is_positive(m, dim_sub(m, dim_mul(m, g, w), d))) return w;
  return 0;
}

/* The form as g * big + rest, where g is a product of sizes in the largest coefficient. The rest is within a few
 * multiples of g, and becomes one more term of big. */
static bool never_divided(const LinearForm *s) {
  Module *m = s->m;
  LinearForm big = {.m = m};
  Dim g = s->n ? sizes_in(m, s->t[0].coef) : 0, q, min = 0, max = 0;
  if (!g) return false;
  big.k = quotient(m, s->k, g, &min);
  max = min;
  for (int i = 0; i < s->n; i++) {
    const LinearTerm *t = &s->t[i];
    if (dim_div(m, t->coef, g, &q)) {
      linear_add(&big, q, t->lo, t->hi);
      continue;
    }
    min = dim_add(m, min, dim_mul(m, t->coef, t->lo));
    max = dim_add(m, max, dim_mul(m, t->coef, t->hi));
  }
  int64_t above = factor_above(m, g, max), below = factor_above(m, g, negated(m, min));
  if (!above || !below) return false;
  linear_add(&big, 1, dim_of(m, 1 - below), above - 1);
  return linear_never_zero(&big);
}

static bool never_by_size(LinearForm *s) {
  if (never_divided(s)) return true;
  absorb(s);
  while (s->n) {
    int i = 0;
    while (i < s->n && !must_be_zero(s, i)) i++;
    if (i == s->n) return false;
    if (excludes_zero(s->m, &s->t[i])) return true;
    remove_term(s, i);
  }
  return dim_is_positive(s->m, s->k) || dim_is_positive(s->m, negated(s->m, s->k));
}

bool linear_never_zero(LinearForm *s) {
  if (s->empty) return true;
  sort_terms(s);
  for (int i = 0; i < s->n; i++)
    if (!is_natural(s->m, s->t[i].coef)) return false;
  if (all_numbers(s)) return never_by_search(s, NULL);
  LinearForm copy = *s;
  return never_by_size(&copy) || never_by_values(s);
}
