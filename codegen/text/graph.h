/* SPDX-License-Identifier: Apache-2.0 */
/* Printing graphs as statements (graph.c, scan.c, checks.c); a target prints the functions around them. */
#ifndef GRADC_TEXT_GRAPH_H
#define GRADC_TEXT_GRAPH_H
#include "codegen/text/text.h"
#include "ir/scan.h"
#include "ir/sizes.h"

/* One graph being printed. Its text may use: m (the caller's memory), a (the arena), run, pass, iteration, n_SIZE. */
typedef struct GraphText {
  Emitter *p;
  const Graph *g;
  Str *o;
  int indent;
  const char **in, **out; /* pointers of inputs and results, as expressions */
  bool uses_run, uses_random;
  uint32_t sizes; /* bit set of the run-time sizes that are used */
} GraphText;

/* How a target prints the steps of a graph whose function all threads run. Target.steps NULL: one thread runs it,
 * without barriers and check mode. */
typedef struct StepText {
  const char *one_thread;             /* prefix of a statement that only one thread runs */
  const char *params, *args, *unused; /* additional ones of the functions of scan bodies; unused: casts to void */
  void (*call)(GraphText *c, const Step *s, const char *name, const char *args);
  void (*kernel)(GraphText *c, const Step *s); /* NULL: `call` of the kernel's function */
  void (*loss_test)(GraphText *c, Id value);   /* NULL: the graph's function returns -1 */
  void (*barrier)(GraphText *c);
  void (*copy_rows)(GraphText *c, const char *args); /* gc_rows(args), partitioned over all threads */
  void (*check_stores)(GraphText *c, const Group *gr);
  void (*mark)(GraphText *c, const Step *s); /* after a call; NULL: kernels are not measured */
  void (*scan)(GraphText *c, const Step *s); /* before a scan; NULL: nothing */
  bool called_again;                         /* the function's caller repeats a graph that has graph_again */
} StepText;
const StepText *step_text(const GraphText *c);

void graph_stmt(GraphText *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void graph_body(GraphText *c);
const char *buffer_text(GraphText *c, Id n); /* the pointer to a buffer, as an expression */
const char *argument_text(GraphText *c, const Kernel *k, const KArg *a);
const char *call_comment(GraphText *c, const Group *gr);
void scan_print(GraphText *c, const Group *gr); /* scan.c */
bool graph_counts_calls(const Graph *g);        /* an export that draws different random numbers in each call */
Ranges input_ranges(const Graph *g, int port);  /* of an integer input */
int64_t input_range(const Graph *g, int port);  /* > 0: all columns have values in [0, range) */
void checks_print(GraphText *c);                /* checks at the start of a call: the following two */
void size_checks_print(GraphText *c);
void input_checks_print(GraphText *c);    /* of what is in memory */
bool graph_checks_inputs(const Graph *g); /* there are some of the latter */
void helpers_print(Emitter *p, Str *out);
/* interface.c: what the interfaces of emitted programs share. */
bool interface_has(const Module *m, const Graph *g); /* the graph is a function of it */
bool interface_counts(const Module *m); /* the run header has steps and loss: some function trains, or reads them */
void interface_params(GraphText *c, Str *s); /* ", const float *in_x, ptrdiff_t n_B, float *out_y" */
void interface_run(Emitter *p, Str *h);      /* the definition of struct NAME_run */
/* Accumulated gradients, which are adjacent: their first and last byte. */
void interface_sums(const Emitter *p, const Graph *pass, int64_t *from, int64_t *to);

const char *graph_comment(Emitter *p, const Graph *g); /* shapes of its inputs and results */
const char *ctype_of(const Graph *g, Id n);
const char *body_function(Emitter *p, const Graph *body); /* its name; printed at its first use */

/* names.c: names of the .nn file in C and C++. */
const char *text_ident(Emitter *p, const char *name);
const char *model_identifier(Ctx *c, const char *name); /* `name`, or another where NAME_x might clash with our names */
const char *text_comment(Emitter *p, const char *text); /* escaped for a comment */
void name_params(GraphText *c);                         /* distinct names of inputs and results: c->in, c->out */
const char *metric_identifier(Emitter *p, const char *metric); /* a member of struct NAME_run */
const char **var_identifiers(Emitter *p);                      /* one per variable, distinct */
#endif
