/* Shared by the tests of the plan checker. */
#ifndef TESTS_PLAN_H
#define TESTS_PLAN_H
#include "codegen/check.h"

/* execute.c: runs the kernels of a planned graph on memory that holds, for each byte, which element of which value was
 * stored there last. True: some load found another element than its own, something lay outside of its memory, or at the
 * end a result or weight does not hold its value. Kernels run as parts and vectors may run them: outer points in
 * rising, falling and random order and all in step, nests that are not bound to an order in any. size: of the run-time
 * sizes. */
bool plan_goes_wrong(const Groups *gs, Kernel *const *kernel, const int64_t *size, uint64_t seed);

/* Two kernels, each index of whose split axes is a part of its own: whether a byte that one of the two stores is
 * touched by different parts. */
bool parts_go_wrong(const CheckPart *first, const CheckPart *second, const int64_t *size);
#endif
