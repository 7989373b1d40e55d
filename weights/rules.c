// SPDX-License-Identifier: Apache-2.0
#include "weights/rules.h"
#include <stdlib.h>
#include <string.h>

enum { STARS = 8 };

/* A layer's kind says in which order its weight has its axes: axis i of the language's is axis order[i] of the file's,
 * for weights of `rank` axes. */
typedef struct WeightKind {
  const char *name, *what;
  int rank, order[5];
} WeightKind;
static const WeightKind kinds[] = {
  {"linear", "[out, in] of PyTorch", 2, {1, 0}},
  {"conv1d", "[in, out] of GPT-2", 2, {0, 1}},
  {"embedding", "[entries, width]", 2, {0, 1}},
  {"conv", "[out, in, height, width] of PyTorch", 4, {0, 1, 2, 3}},
  {"hwio", "[height, width, in, out] of TensorFlow and JAX", 4, {3, 2, 0, 1}},
};

/* ---- reading ---- */

typedef struct Span {
  const char *p, *end;
} Span;

static Span trim(const char *p, const char *end) {
  while (p < end && strchr(" \t\r", *p)) p++;
  while (p < end && strchr(" \t\r", end[-1])) end--;
  return (Span){p, end};
}

static const char *find(Span s, const char *what) {
  size_t n = strlen(what);
  for (const char *p = s.p; p + n <= s.end; p++)
    if (!memcmp(p, what, n)) return p;
  return NULL;
}

static int stars(const char *s) {
  int n = 0;
  for (; *s; s++) n += *s == '*';
  return n;
}

static bool check_pattern(const WeightRule *r, char *err) {
  bool open = false, ok = *r->old != 0;
  for (const char *p = r->old; *p; p++) {
    if (*p == '[' || *p == ']') {
      ok = ok && open == (*p == ']');
      open = *p == '[';
    }
    if (*p == '*' && (p[1] == '*' || open)) ok = false;
  }
  if (!ok || open) return rt_fail(err, "line %d: `%.200s` is no pattern", r->line, r->old);
  if (stars(r->old) > STARS) return rt_fail(err, "line %d: more than %d `*`", r->line, STARS);
  return stars(r->new) <= stars(r->old) ||
         rt_fail(err, "line %d: `%.200s` has more `*` than `%.200s`", r->line, r->new, r->old);
}

static bool read_kind(WeightRule *r, Span s, char *err) {
  for (int i = 0; i < COUNT(kinds); i++)
    if (strlen(kinds[i].name) == (size_t)(s.end - s.p) && !memcmp(kinds[i].name, s.p, strlen(kinds[i].name)))
      r->kind = &kinds[i];
  return r->kind || rt_fail(err, "line %d: `%.*s` is no kind; there are linear, conv1d, embedding, conv and hwio",
                            r->line, (int)(s.end - s.p < 99 ? s.end - s.p : 99), s.p);
}

static bool read_line(WeightRules *r, Span s, int line, char *err) {
  const char *arrow = find(s, "->");
  if (!arrow) return rt_fail(err, "line %d is not `OLD -> NEW` or `OLD -> NEW : KIND`", line);
  Span old = trim(s.p, arrow), new = trim(arrow + 2, s.end);
  const char *colon = find(new, ":");
  Span kind = colon ? trim(colon + 1, new.end) : (Span){0};
  if (colon) new = trim(new.p, colon);
  r->rule = rt_realloc(r->rule, rt_mul((size_t)r->n + 1, sizeof *r->rule));
  WeightRule *w = &r->rule[r->n++];
  *w = (WeightRule){.line = line};
  w->old = rt_printf("%.*s", (int)(old.end - old.p), old.p);
  w->new = rt_printf("%.*s", (int)(new.end - new.p), new.p);
  return check_pattern(w, err) && (!colon || read_kind(w, kind, err));
}

bool rules_parse(WeightRules *r, const char *text, size_t n, char *err) {
  enum { LONG = 1000 };
  const char *p = text, *end = text + n;
  *r = (WeightRules){0};
  for (int line = 1; p < end; line++) {
    const char *e = memchr(p, '\n', (size_t)(end - p));
    if (!e) e = end;
    const char *hash = memchr(p, '#', (size_t)(e - p));
    Span s = trim(p, hash ? hash : e);
    if (memchr(p, 0, (size_t)(e - p)) || s.end - s.p > LONG) return rt_fail(err, "line %d is no rule", line);
    if (s.p < s.end && !read_line(r, s, line, err)) return false;
    p = e + 1;
  }
  return r->n || rt_fail(err, "no rule");
}

void rules_free(WeightRules *r) {
  for (int i = 0; i < r->n; i++) {
    rt_free(r->rule[i].old);
    rt_free(r->rule[i].new);
  }
  rt_free(r->rule);
}

/* ---- matching ---- */

static bool match(const char *p, const char *s, Span *star) {
  for (; *p && *p != '*'; p++) {
    if (*p == '[') {
      const char *close = strchr(p, ']');
      size_t n = (size_t)(close - p) - 1;
      if (!strncmp(p + 1, s, n) && match(close + 1, s + n, star)) return true;
      p = close;
    } else if (*p != *s++) return false;
  }
  if (!*p) return !*s;
  for (const char *e = s; *e && *e != '.';) { /* the shortest first */
    *star = (Span){s, ++e};
    if (match(p + 1, e, star + 1)) return true;
  }
  return false;
}

bool rules_match(const char *pattern, const char *name) {
  Span star[STARS + 1];
  return match(pattern, name, star);
}

static char *renamed(const WeightRule *r, const Span *star) {
  char *to = rt_strdup("");
  for (const char *p = r->new; *p;) {
    size_t plain = strcspn(p, "*");
    char *longer = rt_printf("%s%.*s", to, (int)plain, p);
    rt_free(to);
    to = longer;
    p += plain;
    if (!*p) break;
    int n = (int)(star->end - star->p);
    bool next = !strncmp(p, "*+1", 3) && n < 10 && (int)strspn(star->p, "0123456789") >= n;
    longer = next ? rt_printf("%s%d", to, atoi(star->p) + 1) : rt_printf("%s%.*s", to, n, star->p);
    rt_free(to);
    to = longer;
    p += strncmp(p, "*+1", 3) ? 1 : 3;
    star++;
  }
  return to;
}

/* ---- permuting ---- */

static void permute(WeightFile *w, StTensor *t, const WeightKind *k, unsigned char *scratch) {
  int64_t stride[5], dim[5], index[5] = {0}, step = t->size, n = weights_count(t);
  unsigned char *data = w->f.file.p + (t->begin + (size_t)(w->f.data - w->f.file.p));
  for (int i = t->rank; i--; step *= t->dim[i]) stride[i] = step;
  memcpy(dim, t->dim, (size_t)t->rank * sizeof *dim);
  for (int i = 0; i < t->rank; i++) t->dim[i] = dim[k->order[i]];
  int64_t from = 0;
  for (int64_t i = 0; i < n; i++) {
    memcpy(scratch + i * t->size, data + from, (size_t)t->size);
    for (int a = t->rank; a--;) {
      from += stride[k->order[a]];
      if (++index[a] < t->dim[a]) break;
      from -= stride[k->order[a]] * t->dim[a];
      index[a] = 0;
    }
  }
  memcpy(data, scratch, (size_t)n * (size_t)t->size);
}

static bool in_order(const WeightKind *k) {
  for (int i = 0; i < k->rank; i++)
    if (k->order[i] != i) return false;
  return true;
}

static bool lay_out(WeightFile *w, StTensor *t, const WeightRule *r, unsigned char **scratch, char *err) {
  if (!r->kind) return true;
  if (t->rank != r->kind->rank)
    return rt_fail(err, "line %d: `%.99s` has %d axes; a weight of kind %s is %s", r->line, t->name, t->rank,
                   r->kind->name, r->kind->what);
  if (in_order(r->kind) || !w->f.data) return true;
  *scratch = rt_realloc(*scratch, t->end - t->begin + 1);
  permute(w, t, r->kind, *scratch);
  return true;
}

static WeightRule *rule_of(const WeightRules *r, const char *name, Span *star) {
  for (int i = 0; i < r->n; i++)
    if (match(r->rule[i].old, name, star)) return &r->rule[i];
  return NULL;
}

bool rules_apply(WeightRules *r, WeightFile *w, int *untouched, char *err) {
  StFile *f = &w->f;
  Span star[STARS + 1];
  unsigned char *scratch = NULL;
  int kept = 0, matched = 0;
  bool ok = true;
  *untouched = 0;
  for (int i = 0; i < f->n; i++) {
    StTensor t = f->t[i];
    WeightRule *rule = rule_of(r, t.name, star);
    if (rule) {
      rule->used++;
      matched++;
      char *name = renamed(rule, star);
      ok = ok && (!*name || lay_out(w, &t, rule, &scratch, err));
      rt_free(t.name);
      t.name = name;
    } else {
      ++*untouched;
    }
    if (*t.name) f->t[kept++] = t;
    else rt_free(t.name);
  }
  f->n = kept;
  rt_free(scratch);
  if (!matched) return rt_fail(err, "no rule matches a tensor");
  return ok && st_sort(f, err);
}
