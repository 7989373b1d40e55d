/* SPDX-License-Identifier: Apache-2.0 */
/* ccheck.c compiles a file of graphs and compares; ccheck_main.c writes the program that calls them, its input, and
 * what the interpreter says that it prints. */
#ifndef GRADC_CCHECK_H
#define GRADC_CCHECK_H
#include "ir/interp.h"

typedef struct CcheckOptions { /* as the head of ccheck.c says */
  const char *keep_dir, *isa, *skip;
  bool f64, extreme, fast, bound, some, fused, cuda, plain, near_enough;
  int sm;
  int64_t size;
} CcheckOptions;
extern CcheckOptions opt;

typedef struct CcheckField { /* of the expected output */
  DType type;
  int64_t count;
  const char *label;
  double slack, floor; /* relative, absolute */
} CcheckField;

typedef struct Case { /* one configuration */
  Ctx *c;
  Module *m, *ref; /* planned; as parsed */
  Interp *in;
  Str input, expect; /* what the program reads, what it must write */
  Str main;          /* its text */
  const char *dir, *what;
  CcheckField *field;
  int nfield, capfield;
  double slack; /* of the present graph's results, relative */
  bool rounded; /* it is that of the largest result, since operands are rounded */
} Case;

/* Makes `main`, `input` and `expect` of a compiled case. False: reported. */
bool ccheck_main(Case *k);
#endif
