/* The part of the caller's memory that outlives a call: head | weights and states | optimizer, then the arena. */
#ifndef GRADC_PERSIST_H
#define GRADC_PERSIST_H
#include "ir/ir.h"

/* The head is struct NAME_run: { u64 seed; u32 step, steps, steps_per_epoch; f32 loss, metrics…, loss_scale; u32 calls },
 * the last but one only where some section scales its loss, the last only where an export draws random numbers. */
enum { HEAD_LOSS = 20, HEAD_METRICS = 24 };

/* Every place in the caller's memory is a multiple of it: a cache line; under a budget, where weights and states take
 * less than 64 KiB, a vector register. */
int64_t plan_align(const Module *m);
int64_t plan_round(const Module *m, int64_t bytes); /* up to such a multiple */

/* The metrics of all train sections, each name once, and the loss's scale: what stands behind the loss. */
const char **head_metrics(const Module *m, int *n);

int64_t head_calls(const Module *m); /* byte offset of the number of such calls; -1: it is not there */

/* Byte offset in the head of a training graph's result; `index` counts its results. */
int64_t head_offset(const Module *m, const char *name, int index);

/* Sets Var.offset, Module.head_bytes and persistent_bytes. Weights with equal hints lie next to each other, and each
 * optimizer state's tensors in the order of their weights, so that equal updates run over contiguous memory. */
void persist_plan(Module *m);

/* The weight that an optimizer state belongs to, by its name: "net.w" of "optim.net.w.m" and "optim.SECTION.net.w.m".
 * *rest is what follows. -1: none. */
int persist_owner(Module *m, const char *name, const char **rest);
#endif
