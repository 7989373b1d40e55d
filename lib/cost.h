/* What a model costs before it runs. */
#ifndef GRADC_COST_H
#define GRADC_COST_H
#include "passes/flops.h"
#include "passes/gradients.h"

typedef struct Cost {
  Ctx *c;
  Module *m;
  Rates rates;                   /* of one core of the machine that --isa names */
  double parameters, trained, flops; /* trained: of the parameters, those that training changes */
  double recomputed, seconds;    /* of the flops, those of values computed before; the time of a step or call, */
  bool timed;                    /* where somebody has measured the machine */
  int64_t activations;
  const Lives *fullest;          /* the graph with the most bytes alive; NULL: none */
  const Live *top; int ntop;     /* the largest of its values alive at the peak */
  Gradients gradients;           /* of all training graphs; bytes: of the one with the most */
  Loc kept_by, gathered_by;      /* clip = norm(..), accumulate; 0: neither */
  bool memory;                   /* --memory: */
  int64_t stack;                 /* -1: not known, */
  const char *why;
} Cost;

bool cost_isa(Ctx *c, const char *isa);           /* false: it is no machine, and reported. NULL: native */
Cost cost_of(Module *m, const char *isa);         /* of a planned module; isa NULL: native */
double cost_recompute_percent(const Cost *k);     /* what is computed again, of what would be computed without that */
const char *cost_place(Ctx *c, Loc loc);          /* "m.nn:5:3"; "" */
void cost_json(Str *s, const Cost *k);            /* one object, without an end of line */
#endif
