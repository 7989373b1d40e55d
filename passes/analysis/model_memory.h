/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent region of the caller's memory: head | weights and states | optimizer; then comes the arena. */
#ifndef GRADC_MODEL_MEMORY_H
#define GRADC_MODEL_MEMORY_H
#include "ir/ir.h"

/* The head is struct NAME_run: { u64 seed; u32 step, steps, steps_per_epoch; f32 loss, metrics…, loss_scale; u32
 * calls; i32 status; f32 sums… }; loss_scale only if some section scales its loss, calls only if an export draws random
 * numbers, status and sums only on a device. */
enum { HEAD_LOSS = 20, HEAD_METRICS = 24 };

/* Alignment of every offset in the caller's memory: a cache line; under a budget, with less than 64 KiB of weights and
 * states, a vector register. */
int64_t plan_align(const Module *m);
int64_t plan_round(const Module *m, int64_t bytes); /* rounded up to that */

/* Bytes of the two slots for inputs and results that a program keeps on its device (Options.slots), else 0. */
int64_t plan_slots(const Module *m);
/* What Options.ram leaves for head, weights and arena; 0: there is no budget. */
int64_t plan_budget(const Module *m);

/* The metrics of all train sections, each name once, then the loss scale: the fields after the loss. */
const char **head_metrics(const Module *m, int *n);

int64_t head_calls(const Module *m); /* byte offset of the field `calls`; -1: none */
int head_sections(const Module *m);  /* counters of train sections in the C interface; 0: fewer than two */
/* Byte offset of the field `status`, which the kernels of a device set, and after which are the sums over passes, one
 * of the loss and of each metric; -1: none. */
int64_t head_status(const Module *m);
int head_others(const Module *m); /* results of training graphs, other than metrics, before it: only IR text has them */
int head_sums(const Module *m);   /* how many sums: none without accumulation over passes */

/* Byte offset in the head of a training graph's result; `index` is its number among the results. */
int64_t head_offset(const Module *m, const char *name, int index);

/* Sets Var.offset, Module.head_bytes and persistent_bytes. Weights with equal hints are adjacent, and the tensors of
 * each optimizer state are in the order of their weights, so that equal updates run over contiguous memory. */
void plan_model_memory(Module *m);

#endif
