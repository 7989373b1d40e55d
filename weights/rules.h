// SPDX-License-Identifier: Apache-2.0
/* Rules that rename tensors and bring them into the layout of the language. A line is `OLD -> NEW : KIND`; `#` begins a
 * comment. In OLD, `*` stands for one or more characters without a dot, `[x]` for x or nothing. In NEW, the n-th `*` is
 * what the n-th stood for, `*+1` that number plus one; an empty NEW leaves the tensor out. The first rule that matches
 * a name is used; a tensor that none matches keeps its name. */
#ifndef GRADC_WEIGHT_RULES_H
#define GRADC_WEIGHT_RULES_H
#include "weights/weights.h"

typedef struct WeightRule {
  char *old, *new;
  const struct WeightKind *kind; /* NULL: as it is */
  int line, used;                /* used: tensors that it matched */
} WeightRule;
typedef struct WeightRules {
  WeightRule *rule;
  int n;
} WeightRules;

bool rules_parse(WeightRules *r, const char *text, size_t n, char *err);
/* Renames and permutes the tensors of w, which have values. untouched: those that no rule matched. */
bool rules_apply(WeightRules *r, WeightFile *w, int *untouched, char *err);
void rules_free(WeightRules *r);
/* Whether a name matches a pattern. */
bool rules_match(const char *pattern, const char *name);
#endif
