/* SPDX-License-Identifier: Apache-2.0 */
/* Dimensions and index expressions as C text. */
#include "codegen/text/text.h"
#include <string.h>

static void put_term(Str *s, Module *m, const DimTerm *t, bool first) {
  int64_t k = t->coef;
  uint64_t mag = k < 0 ? 0 - (uint64_t)k : (uint64_t)k;
  bool any = false;
  str_puts(s, k < 0 ? (first ? "-" : " - ") : first ? "" : " + ");
  bool plain = true;
  for (int i = 0; i < 8; i++) plain &= !t->exp[i];
  if (mag != 1 || plain) str_printf(s, "%llu", (unsigned long long)mag), any = true;
  for (int i = 0; i < m->nsize; i++)
    for (int e = 0; e < t->exp[i]; e++, any = true) str_printf(s, "%sn_%s", any ? " * " : "", m->size[i].name);
}

const char *text_dim(Emitter *p, Dim d) {
  int n;
  const DimTerm *t = dim_terms(p->m, d, &n);
  Str s = {.c = p->c};
  for (int i = 0; i < n; i++) put_term(&s, p->m, &t[i], i == 0);
  return n ? s.s : "0";
}

/* The terms "coef * i" of all axes, then the constant. */
const char *text_affine(Emitter *p, const Affine *a) {
  Str s = {.c = p->c};
  for (int i = 0; i < MAX_AXES; i++) {
    int64_t k;
    if (!a->coef[i]) continue;
    const char *sep = s.n ? " + " : "";
    if (!dim_number(p->m, a->coef[i], &k)) {
      const char *d = text_dim(p, a->coef[i]);
      bool sum = strchr(d, ' ') && (strchr(d, '+') || strchr(d + 1, '-'));
      str_printf(&s, sum ? "%s(%s) * i%d" : "%s%s * i%d", sep, d, i);
    } else if (k == 1) {
      str_printf(&s, "%si%d", sep, i);
    } else if (k < 0) {
      str_puts(&s, s.n ? " - " : "-");
      if (k != -1) str_printf(&s, "%lld * ", -(long long)k);
      str_printf(&s, "i%d", i);
    } else {
      str_printf(&s, "%s%lld * i%d", sep, (long long)k, i);
    }
  }
  if (!s.n) return text_dim(p, a->k);
  if (a->k) {
    const char *d = text_dim(p, a->k);
    str_printf(&s, d[0] == '-' ? " - %s" : " + %s", d[0] == '-' ? d + 1 : d);
  }
  return s.s;
}
