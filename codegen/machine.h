/* What the native dialect knows of a machine: vector width, register tile, cache blocking. Chosen by `--isa`, or for
 * `native` by asking the processor that gradc runs on. Results never depend on it in strict mode. */
#ifndef GRADC_MACHINE_H
#define GRADC_MACHINE_H
#include <stdbool.h>

/* What one core does in a nanosecond, for estimates: operations of contractions (between the peaks that were measured on
 * machines of the kind), multiplications of element-wise loops, bytes from memory. */
typedef struct Pace { double contract, element, bytes; } Pace;

typedef struct Machine {
  const char *name;
  const char *cflags; /* for the C compiler, separated by blanks; "" for the baseline */
  const char *least;  /* the same for code that any processor of the row runs */
  const char *tune;   /* the same beside a -march */
  int vec;            /* floats in a vector */
  int mr, nv;         /* register tile of contractions: mr rows by nv vectors */
  int kc, mc;         /* cache block of contractions: contracted elements, rows */
  Pace pace;
} Machine;

const Machine *machine_find(const char *isa); /* NULL: no such name */
/* The row for what a compiler takes for -march; generic if it is not known here. */
const Machine *machine_of_march(const char *march);
const Machine *machine_at(int i);             /* the table's rows in order; NULL past the end */
bool machine_known(const char *isa);          /* a row, or a -march of this table: a compiler may take others */
const char *machine_names(int i);             /* the table's names for -march in lists, with blanks; NULL past the end */
/* The pace of a row, or where it is known better, of this processor. False: nobody has measured the machine. */
bool machine_pace(const char *isa, Pace *p);
bool machine_here(const Machine *m);          /* whether the row is one of the architecture that gradc runs on */
bool machine_runs(const Machine *m);          /* whether this processor can run the row's code */
#endif
