/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of a model, estimated from its graphs: memory, operations, time. */
#ifndef GRADC_COST_H
#define GRADC_COST_H
#include "codegen/kernel_cost.h"
#include "passes/analysis/gradient_buffers.h"

typedef struct Cost {
  Ctx *c;
  Module *m;
  double parameters, trained; /* elements of all weights, of those that are trained */
  double flops, recomputed;   /* of a step or call; of these, for rematerialised values */
  double macs;                /* multiply-adds of contractions, convolutions and attention: part of the flops */
  double work;                /* of the rest, in multiplications */
  StepCosts steps;            /* of one core of the machine that --isa names, if `timed` */
  bool timed;                 /* its throughput is known */
  int64_t activations;        /* bytes kept for the backward pass */
  const Liveness *fullest;    /* of the graph with the largest peak; NULL: none */
  const LiveRange *top;       /* the largest of its values alive at the peak, ntop of them */
  int ntop;
  GradientBuffers gradients; /* of all training graphs; bytes: of the one with the most */
  Loc clip, accumulate;      /* the settings that need gradient buffers: clip = norm(..), accumulate; 0: not set */
  bool memory;               /* --memory: `stack` is filled */
  int64_t stack;             /* bytes; -1: unknown, `why` is the reason */
  const char *why;
} Cost;

bool cost_isa(Ctx *c, const char *isa);       /* a known machine, or NULL; false: reported */
Cost cost_of(Module *m, const char *isa);     /* of a planned module; isa NULL: native, at its present clock */
double cost_recompute_percent(const Cost *k); /* rematerialised operations, in percent of the others */
const char *cost_location(Ctx *c, Loc loc);   /* "m.nn:5:3"; "": none */
void cost_json(Str *s, const Cost *k);        /* one object, without a newline */
#endif
