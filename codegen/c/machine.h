/* SPDX-License-Identifier: Apache-2.0 */
/* Machines of the native target: vector width, register tile, cache blocking, throughput. `--isa` chooses one; `native`
 * is that of the processor that gradc runs on. Results in strict mode never depend on it. */
#ifndef GRADC_MACHINE_H
#define GRADC_MACHINE_H
#include "passes/analysis/cost_model.h"

typedef struct Machine {
  const char *name;
  const char *cflags; /* of the C compiler, separated by blanks; "" for the baseline */
  const char *common; /* flags for code that runs on every processor of the row */
  const char *tune;   /* flags in addition to a -march */
  int vec;            /* floats in a vector */
  int mr, nv;         /* register tile of contractions: mr rows by nv vectors */
  int kc, mc;         /* cache block of contractions: contracted elements, rows */
  Rates rates;        /* of one core; contract: between the peaks measured on such machines */
} Machine;

const Machine *machine_find(const char *isa); /* NULL: no such name */
/* The row for a value of -march; generic if the value is not known. */
const Machine *machine_of_march(const char *march);
const Machine *machine_at(int i);    /* the table's rows in order; NULL past the end */
bool machine_known(const char *isa); /* a row or a value of -march in the table; compilers may know others */
const char *machine_list(Ctx *c);    /* all known names, for a message */
const char *machine_text(Ctx *c);    /* native: "avx512, 16 f32 in a vector" */
/* Throughput of one core of a machine, more precise for some processors that gradc runs on. False: not measured. */
bool machine_rates(const char *isa, Rates *r);
/* The same of `native`, at the clock that the processor has now if it is one of these. */
bool machine_rates_by_clock(Rates *r);
bool machine_here(const Machine *m); /* the row is of the architecture that gradc runs on */
bool machine_runs(const Machine *m); /* this processor can run the row's code */
#endif
