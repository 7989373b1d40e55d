/* Whether a sum of terms with bounded factors can be 0: exactly, by search, where all coefficients are numbers; else by
 * showing, term by term, that the largest one is more than all others together, or by division by run-time sizes. */
#include "codegen/check.h"

/* ---- signs of dimensions ---- */

/* The least value of a term for sizes from 1 to their bounds; saturates. */
static double least_of(const Module *m, const DimTerm *t) {
  double v = (double)t->coef;
  for (int s = 0; s < m->nsize; s++)
    for (int e = 0; v < 0 && e < t->exp[s]; e++) v *= (double)m->size[s].bound;
  return v;
}

/* Goes through the values of all sizes; false after the last. */
static bool next_sizes(const Module *m, int64_t *size) {
  for (int s = 0; s < m->nsize; size[s++] = 1)
    if (size[s]++ < m->size[s].bound) return true;
  return false;
}

enum { MOST_SIZES = 8, MOST_VALUES = 1024 };

/* Sizes of 1 each; false: there are too many values to try them all. */
static bool first_sizes(const Module *m, int64_t *size) {
  double values = 1;
  for (int s = 0; s < m->nsize; s++) size[s] = 1, values *= (double)m->size[s].bound;
  return values >= 1 && values <= MOST_VALUES;
}

bool dim_is_positive(Module *m, Dim d) {
  int n;
  if (d >= 0) return d > 0;
  const DimTerm *t = dim_terms(m, d, &n);
  double least = 0, most = 0;
  for (int i = 0; i < n; i++) least += least_of(m, &t[i]), most += t[i].coef > 0;
  int64_t size[MOST_SIZES];
  if (least >= 1 || !most || !first_sizes(m, size)) return least >= 1;
  do {
    if (dim_value(m, d, size) < 1) return false;
  } while (next_sizes(m, size));
  return true;
}

/* 0 where a tensor has no elements for some sizes. */
static bool is_natural(Module *m, Dim d) { return dim_is_positive(m, dim_add(m, d, 1)); }

static Dim negated(Module *m, Dim d) { return dim_sub(m, 0, d); }

/* ---- terms ---- */

void sum_add(CheckSum *s, Dim coef, Dim lo, Dim hi) {
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
  s->t[s->n++] = (SumTerm){coef, lo, hi};
}

/* By size at the bounds, the largest coefficient first. */
static void sort_terms(CheckSum *s) {
  for (int i = 1; i < s->n; i++) {
    SumTerm t = s->t[i];
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
  int64_t least[2 * MAX_AXES + 1], most[2 * MAX_AXES + 1], divisor[2 * MAX_AXES + 1]; /* of the terms from i on */
} Search;

static int64_t divisor_of(int64_t a, int64_t b) { return b ? divisor_of(b, a % b) : a; }

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); } /* b > 0 */

/* Whether the terms from i on can be -k. True, too, when there was too much to try. */
static bool search(Search *s, int i, int64_t k) {
  if (++s->trials > MOST_TRIALS) return true;
  if (-k < s->least[i] || -k > s->most[i]) return false;
  if (i == s->n) return k == 0;
  if (k % s->divisor[i]) return false;
  /* c * x lies in -k - (what the others can be) */
  int64_t from = -floor_div(k + s->most[i + 1], s->c[i]), to = floor_div(-k - s->least[i + 1], s->c[i]);
  if (from < s->lo[i]) from = s->lo[i];
  if (to > s->hi[i]) to = s->hi[i];
  for (int64_t x = from; x <= to; x++)
    if (search(s, i + 1, k + s->c[i] * x)) return true;
  return false;
}

static int64_t at_sizes(const CheckSum *s, Dim d, const int64_t *size, bool most) {
  if (size) return dim_value(s->m, d, size);
  return most ? dim_bound(s->m, d) : dim_least(s->m, d);
}

/* With sizes of these values; NULL: for all at once, if coefficients are numbers. */
static bool never_by_search(const CheckSum *s, const int64_t *size) {
  Search r = {0};
  for (int i = 0; i < s->n; i++) {
    int64_t c = at_sizes(s, s->t[i].coef, size, true), lo = at_sizes(s, s->t[i].lo, size, false);
    int64_t hi = at_sizes(s, s->t[i].hi, size, true);
    if (lo > hi) return true; /* some loop has no iterations */
    if (c) r.c[r.n] = c, r.lo[r.n] = lo, r.hi[r.n++] = hi;
  }
  for (int i = r.n - 1; i >= 0; i--) {
    r.least[i] = r.least[i + 1] + r.c[i] * r.lo[i];
    r.most[i] = r.most[i + 1] + r.c[i] * r.hi[i];
    r.divisor[i] = divisor_of(r.c[i], r.divisor[i + 1]);
  }
  return !search(&r, 0, at_sizes(s, s->k, size, true));
}

static bool all_numbers(const CheckSum *s) {
  int64_t x;
  bool numbers = dim_number(s->m, s->k, &x);
  for (int i = 0; i < s->n; i++) numbers &= dim_number(s->m, s->t[i].coef, &x);
  return numbers;
}

static bool never_by_values(const CheckSum *s) {
  int64_t size[MOST_SIZES];
  if (!first_sizes(s->m, size)) return false;
  do {
    if (!never_by_search(s, size)) return false;
  } while (next_sizes(s->m, size));
  return true;
}

/* ---- polynomials in run-time sizes ---- */

/* Moves k into the range of the largest term that divides it: a part after another one begins at a multiple of it. */
static void absorb(CheckSum *s) {
  Dim q;
  for (int i = 0; i < s->n && s->k; i++)
    if (dim_div(s->m, s->k, s->t[i].coef, &q)) {
      s->t[i].lo = dim_add(s->m, s->t[i].lo, q);
      s->t[i].hi = dim_add(s->m, s->t[i].hi, q);
      s->k = 0;
    }
}

/* Whether x of term i must be 0, as its coefficient is more than all else. */
static bool must_be_zero(const CheckSum *s, int i) {
  Module *m = s->m;
  Dim least = s->k, most = s->k;
  for (int j = 0; j < s->n; j++) {
    if (j == i) continue;
    least = dim_add(m, least, dim_mul(m, s->t[j].coef, s->t[j].lo));
    most = dim_add(m, most, dim_mul(m, s->t[j].coef, s->t[j].hi));
  }
  return dim_is_positive(m, dim_add(m, s->t[i].coef, least)) && dim_is_positive(m, dim_sub(m, s->t[i].coef, most));
}

static bool excludes_zero(Module *m, const SumTerm *t) {
  return dim_is_positive(m, t->lo) || dim_is_positive(m, negated(m, t->hi));
}

static void remove_term(CheckSum *s, int i) {
  for (; i + 1 < s->n; i++) s->t[i] = s->t[i + 1];
  s->n--;
}

/* The product of sizes in the first term of d, without its number; 0: d has none. */
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

enum { MOST_PARTS = 64 };

/* The least w for which w times g is more than d; 0: none was found. */
static int64_t parts_of(Module *m, Dim g, Dim d) {
  for (int64_t w = 1; w <= MOST_PARTS; w++)
    if (dim_is_positive(m, dim_sub(m, dim_mul(m, g, w), d))) return w;
  return 0;
}

/* Divides by a product g of sizes that is in the largest coefficients: the rest lies within a few times g. */
static bool never_divided(const CheckSum *s) {
  Module *m = s->m;
  CheckSum big = {.m = m};
  Dim g = s->n ? sizes_in(m, s->t[0].coef) : 0, q, least = 0, most = 0;
  if (!g) return false;
  big.k = quotient(m, s->k, g, &least);
  most = least;
  for (int i = 0; i < s->n; i++) {
    const SumTerm *t = &s->t[i];
    if (dim_div(m, t->coef, g, &q)) {
      sum_add(&big, q, t->lo, t->hi);
      continue;
    }
    least = dim_add(m, least, dim_mul(m, t->coef, t->lo));
    most = dim_add(m, most, dim_mul(m, t->coef, t->hi));
  }
  int64_t above = parts_of(m, g, most), below = parts_of(m, g, negated(m, least));
  if (!above || !below) return false;
  sum_add(&big, 1, dim_of(m, 1 - below), above - 1);
  return sum_never_zero(&big);
}

static bool never_by_size(CheckSum *s) {
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

bool sum_never_zero(CheckSum *s) {
  if (s->empty) return true;
  sort_terms(s);
  for (int i = 0; i < s->n; i++)
    if (!is_natural(s->m, s->t[i].coef)) return false;
  if (all_numbers(s)) return never_by_search(s, NULL);
  CheckSum copy = *s;
  return never_by_size(&copy) || never_by_values(s);
}
