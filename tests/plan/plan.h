/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the plan checker. */
#ifndef TESTS_PLAN_H
#define TESTS_PLAN_H
#include "codegen/check.h"

/* execute.c: runs the kernels of a planned graph on memory that records, for each byte, which element of which value
 * was stored there last. True: some load found another element than it needs, an access was outside of its memory, or
 * at the end a result or weight does not hold its value. Outer points run in the orders that threads and vectors may
 * give: rising, falling, random, and all in lockstep; nests without a prescribed order in any. size: of the run-time
 * sizes. */
bool plan_goes_wrong(const Groups *gs, Kernel *const *kernel, const int64_t *size, uint64_t seed);

/* Two kernels, with one thread for each index of their parallel axes: whether a byte that one of the two stores is
 * accessed by different threads. */
bool threads_conflict(const CheckPartition *first, const CheckPartition *second, const int64_t *size);
#endif
