/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/sweep_plan.h"
#include "frontend/elab.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values and ranges ---- */

typedef struct Range {
  double low, high;
  bool log;
  int points; /* 0: not given */
} Range;

static bool number(const char *s, const char *end, double *v) {
  char text[64], *after;
  size_t n = (size_t)(end - s);
  if (!n || n >= sizeof text) return false;
  memcpy(text, s, n);
  text[n] = 0;
  if (strspn(text, "0123456789.eE+-") != n) return false; /* strtod also reads nan, inf, 0x1 */
  *v = strtod(text, &after);
  return !*after && isfinite(*v);
}

/* A..B, A..B:lin, A..B:log, and with a number of points. False: it is a value. */
static bool range_of(const char *text, Range *r) {
  const char *dots = strstr(text, ".."), *colon = dots ? strchr(dots, ':') : NULL;
  const char *end = colon ? colon : text + strlen(text);
  *r = (Range){0};
  if (!dots || !number(text, dots, &r->low) || !number(dots + 2, end, &r->high)) return false;
  if (!colon) return true;
  r->log = !strncmp(colon + 1, "log", 3);
  if (!r->log && strncmp(colon + 1, "lin", 3) != 0) return false;
  char *after;
  long n = colon[4] ? strtol(colon + 4, &after, 10) : 0;
  if (colon[4] && (*after || n < 1 || n > SWEEP_MOST || colon[4] < '0' || colon[4] > '9')) return false;
  r->points = (int)n;
  return true;
}

static double between(const Range *r, double t) {
  return r->log ? exp(log(r->low) + t * (log(r->high) - log(r->low))) : r->low + t * (r->high - r->low);
}

static const char *value_text(Ctx *c, const SweepAxis *x, double v) {
  if (x->kind == CK_INT) return ctx_strf(c, "%.0f", v);
  const char *s = ctx_strf(c, "%.6g", v);
  return strpbrk(s, ".e") ? s : ctx_strf(c, "%s.0", s);
}

/* 1e-2 and 0.01 are one value. */
static const char *canonical(Ctx *c, const SweepAxis *x, const char *item) {
  double v;
  const char *text = x->kind == CK_FLOAT && number(item, item + strlen(item), &v) ? value_text(c, x, v) : item;
  return text != item && strtod(text, NULL) == v ? text : item;
}

static bool refuse(Args *a, const SweepAxis *x, const char *item, const char *why) {
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`--set %s`: `%s` %s", x->name, item, why);
  diag_help(a->c, d, "LR=1e-4..1e-1:log8 has 8 values, WIDTH=0.1..0.5:lin5 has 5, LAYERS=1..4 and HIDDEN=64,128 too");
  return false;
}

static bool check_range(Args *a, const SweepAxis *x, const char *item, const Range *r, bool random) {
  if (x->kind != CK_INT && x->kind != CK_FLOAT) return refuse(a, x, item, "is a range, and the constant is no number");
  if (r->high < r->low) return refuse(a, x, item, "ends below its beginning");
  if (r->log && r->low <= 0) return refuse(a, x, item, "has no logarithm: `log` needs ends above 0");
  if (x->kind == CK_INT &&
      (floor(r->low) != r->low || floor(r->high) != r->high || fabs(r->low) > 1e15 || fabs(r->high) > 1e15))
    return refuse(a, x, item, "is a range of an int constant, whose ends are whole numbers");
  if (random || r->points || (x->kind == CK_INT && !r->log)) return true;
  return refuse(a, x, item, "lacks the number of its values");
}

/* ---- the values of an axis ---- */

static bool add_value(Args *a, SweepAxis *x, const char *v) {
  for (int i = 0; i < x->n; i++)
    if (!strcmp(x->item[i], v)) return true;
  if (x->n < SWEEP_MOST) {
    *VEC_PUSH(a->c, x->item, x->n, x->cap) = v;
    return true;
  }
  diag_error(a->c, E_USAGE, 0, 1, "`--set %s` has more than %d values", x->name, SWEEP_MOST);
  return false;
}

/* The end of the part that begins at s: a comma outside of brackets and strings. */
static const char *item_end(const char *s) {
  int depth = 0;
  bool string = false;
  for (; *s && (*s != ',' || depth > 0 || string); s++) {
    if (*s == '\\' && string && s[1]) s++;
    else if (*s == '"') string = !string;
    else if (!string && strchr("([", *s)) depth++;
    else if (!string && strchr(")]", *s)) depth--;
  }
  return s;
}

static bool expand(Args *a, SweepAxis *x, const char *item, bool random) {
  Range r;
  if (!range_of(item, &r)) {
    bool meant = (strstr(item, "..") || strchr(item, ':')) && (x->kind == CK_INT || x->kind == CK_FLOAT);
    return meant ? refuse(a, x, item, "is no range") : add_value(a, x, canonical(a->c, x, item));
  }
  if (!check_range(a, x, item, &r, random)) return false;
  if (random) return add_value(a, x, item);
  int64_t n = r.points ? r.points : (int64_t)(r.high - r.low) + 1;
  if (n > SWEEP_MOST) return refuse(a, x, item, "has too many values");
  for (int64_t i = 0; i < n; i++)
    if (!add_value(a, x, value_text(a->c, x, n == 1 ? r.low : between(&r, (double)i / (double)(n - 1))))) return false;
  return true;
}

/* The kind of the constant. One that nothing in the file uses yet is found by setting it. False: there is none. */
static bool find_constant(Args *a, const Module *m, SweepAxis *x, const char *value) {
  for (int i = 0; i < m->nconstant; i++)
    if (!strcmp(m->constant[i].name, x->name)) {
      x->kind = m->constant[i].kind;
      return true;
    }
  Args one = *a;
  one.set = (const char *[]){ctx_strf(a->c, "%s=%.*s", x->name, (int)strcspn(value, ".:,"), value)};
  one.nset = 1;
  x->kind = CK_FLOAT;
  return load_module(&one, a->operand[0]) != NULL;
}

static bool read_axis(Args *a, const Module *m, const char *text, SweepAxis *x, bool random, bool *unknown) {
  size_t n = setting_name(text);
  *x = (SweepAxis){.name = ctx_intern(a->c, text, n), .kind = CK_OTHER};
  if (!find_constant(a, m, x, text + n + 1)) {
    *unknown = true;
    return false;
  }
  for (const char *s = text + n + 1, *end; *s; s = end + (*end == ',')) {
    end = item_end(s);
    const char *item = ctx_intern(a->c, s, (size_t)(end - s));
    if (!*item || (*end == ',' && !end[1])) return refuse(a, x, text + n + 1, "lacks a value beside a comma");
    if (!expand(a, x, item, random)) return false;
  }
  return true;
}

/* ---- the trials ---- */

/* A folder's name from the settings; what a name of a file should not have is replaced, and then a hash tells names
 * apart. */
static const char *trial_name(Ctx *c, const SweepPlan *p, const SweepTrial *t) {
  enum { MOST = 120 };
  Str s = {.c = c};
  for (int i = 0; i < p->naxis; i++) str_printf(&s, "%s%s=%s", i ? "," : "", p->axis[i].name, t->value[i]);
  uint64_t hash = hash_bytes(s.s, s.n, 0);
  bool changed = s.n > MOST;
  for (char *q = s.s; *q; q++) {
    bool plain =
      (*q >= '0' && *q <= '9') || (*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z') || strchr("._=+-,", *q);
    if (!plain) *q = '_', changed = true;
  }
  return changed ? ctx_strf(c, "%.*s-%08x", MOST, s.s, (unsigned)hash) : s.s;
}

static bool has_trial(const SweepPlan *p, const SweepTrial *t) {
  for (int i = 0; i < p->n; i++)
    if (!strcmp(p->trial[i].name, t->name)) return true;
  return false;
}

static void add_trial(Ctx *c, SweepPlan *p, const char **value) {
  SweepTrial t = {.value = value};
  t.name = trial_name(c, p, &t);
  if (!has_trial(p, &t)) *VEC_PUSH(c, p->trial, p->n, p->cap) = t;
}

static const char **values(Ctx *c, const SweepPlan *p) {
  return ctx_alloc(c, sizeof(const char *) * (size_t)(p->naxis + 1));
}

static bool grid(Args *a, SweepPlan *p) {
  int64_t n = 1;
  for (int i = 0; i < p->naxis && n <= SWEEP_MOST; i++) n *= p->axis[i].n;
  if (n > SWEEP_MOST) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "this sweep has more than %d trials", SWEEP_MOST);
    diag_help(a->c, d, "--random N draws N of them");
    return false;
  }
  for (int64_t k = 0; k < n; k++) {
    const char **v = values(a->c, p);
    int64_t left = k;
    for (int i = p->naxis - 1; i >= 0; i--) {
      v[i] = p->axis[i].item[left % p->axis[i].n];
      left /= p->axis[i].n;
    }
    add_trial(a->c, p, v);
  }
  return true;
}

static double uniform(uint64_t seed, uint64_t draw, uint64_t axis, uint64_t what) { /* [0, 1) */
  uint64_t key[] = {draw, axis, what};
  return (double)(hash_bytes(key, sizeof key, seed + 0x9E3779B97F4A7C15u) >> 11) * 0x1p-53;
}

static const char *drawn(Ctx *c, const SweepAxis *x, uint64_t seed, uint64_t draw, uint64_t axis) {
  const char *item = x->item[(int)(uniform(seed, draw, axis, 0) * x->n)];
  Range r;
  if (!range_of(item, &r) || (x->kind != CK_INT && x->kind != CK_FLOAT)) return item;
  double t = uniform(seed, draw, axis, 1), v = between(&r, t);
  if (x->kind != CK_INT) return value_text(c, x, v);
  if (!r.log) v = floor(r.low + t * (r.high - r.low + 1)); /* each int equally likely */
  else v = floor(exp(log(r.low - 0.5) + t * (log(r.high + 0.5) - log(r.low - 0.5))) + 0.5);
  return value_text(c, x, v < r.low ? r.low : v > r.high ? r.high : v);
}

/* Draws that occurred before are left out; a small space may have fewer than n different ones. */
static bool draw(Args *a, SweepPlan *p, int64_t n, uint64_t seed) {
  for (uint64_t k = 0; p->n < n && k < 100 * (uint64_t)n; k++) {
    const char **v = values(a->c, p);
    for (int i = 0; i < p->naxis; i++) v[i] = drawn(a->c, &p->axis[i], seed, k, (uint64_t)i);
    add_trial(a->c, p, v);
  }
  return true;
}

bool sweep_plan(Args *a, const Module *m, int64_t random, uint64_t seed, SweepPlan *p) {
  *p = (SweepPlan){.axis = ctx_alloc(a->c, sizeof *p->axis * (size_t)(a->nset + 1)), .naxis = a->nset};
  for (int i = 0; i < a->nset; i++) {
    if (!read_axis(a, m, a->set[i], &p->axis[i], random > 0, &p->unknown)) return false;
    for (int k = 0; k < i; k++)
      if (!strcmp(p->axis[k].name, p->axis[i].name)) {
        diag_error(a->c, E_SETTING_CONFLICT, 0, 1, "the constant `%s` is set twice", p->axis[i].name);
        return false;
      }
  }
  return random > 0 ? draw(a, p, random, seed) : grid(a, p);
}
