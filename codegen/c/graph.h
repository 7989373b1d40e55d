/* Printing graphs: c_graph.c (statements), c_portable.c and c_native.c (functions around them). */
#ifndef GRADC_C_GRAPH_H
#define GRADC_C_GRAPH_H
#include "codegen/c/c.h"
#include "codegen/check.h"
#include "ir/scan.h"
#include "ir/sizes.h"

/* Memory that a kernel touches, for barriers. */
typedef struct CAccess {
  int space;               /* 0: the caller's memory, 1: the arena, others: an input or result */
  int64_t lo, hi;          /* bytes */
  bool write, serial, rows;
  Dim extent, row;         /* rows: thread t touches its run of `extent` rows, `row` bytes each */
  int grain;
} CAccess;

/* One graph being printed. In C scope: m (the caller's memory), a (the arena), run, pass, turn, n_SIZE. */
typedef struct CGraph {
  CPrint *p;
  const Graph *g;
  Groups *gs;
  Str *o;
  int indent;
  const char **in, **out;  /* expressions of the ports' and results' pointers */
  bool uses_run, uses_random;
  uint32_t sizes;          /* run-time sizes that are used */
  CAccess *access; int naccess, capaccess; /* since the last barrier */
  CheckPart *running; int nrunning, caprunning; /* kernels since then */
  bool parallel;           /* some kernel is shared out */
} CGraph;

void c_stmt(CGraph *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void c_graph_body(CGraph *c);
const char *c_place(CGraph *c, Id n);         /* the pointer to a buffer, as an argument */
const char *c_call_comment(CGraph *c, const Group *gr);
void c_scan(CGraph *c, const Group *gr);      /* c_scan.c */
bool c_counts_calls(const Graph *g);         /* an export that draws random numbers: they go on with each call */
void c_barrier(CGraph *c);                    /* c_share.c */
void c_wait(CGraph *c, const Kernel *k, const CPlan *plan); /* a barrier where kernel k needs one */
int64_t c_port_range(const Graph *g, int port); /* > 0: integer values lie in [0, range) */
void c_print_checks(CGraph *c);               /* refusals at the start of a call */
void c_helpers(CPrint *p, Str *out);
const char *c_body_function(CPrint *p, const Graph *body, bool *parallel); /* its name; printed at its first use */

/* c_names.c: names of the .nn file in C and C++. */
const char *c_ident(CPrint *p, const char *name);
const char *c_model_name(Ctx *c, const char *name); /* `name`, or another where NAME_x might be a name of ours */
const char *c_comment(CPrint *p, const char *text); /* as it may stand in a comment */
void c_name_params(CGraph *c);                /* of ports and results, distinct in their function, into c->in, c->out */
const char *c_metric_name(CPrint *p, const char *metric); /* a member of struct NAME_run */
const char **c_var_names(CPrint *p);          /* one a variable, distinct */
#endif
