/* The budget of memory, Options.ram: which of several plans it takes, and what is said when none fits. */
#ifndef GRADC_BUDGET_H
#define GRADC_BUDGET_H
#include "ir/ir.h"

/* A way to run the module: Module.total_bytes of a variant after layout, fuse, order and memory, and the time that it
 * adds to a step, in any unit. */
typedef struct Candidate { int64_t bytes; double added; } Candidate;

/* The fastest that takes at most `ram` bytes (0: any), the first of equals; where none does, the one that takes least.
 * So the planned bytes of what is chosen tell whether the budget is met, and if not, the least budget that works. */
int budget_choose(const Candidate *v, int n, int64_t ram);

/* Whether the planned module keeps its budget. If not, it is reported: the largest tensors alive when the arena is
 * fullest, the largest weights, what would help, and the least budget that works. */
bool budget_met(Module *m);
#endif
