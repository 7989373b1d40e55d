/* Graphs run on the file's initial weights: as code made in this process, or in the reference interpreter, with
 * --interpret, or where that is done sooner. Strict mode gives the same bits either way. */
#ifndef GRADC_ENGINE_H
#define GRADC_ENGINE_H
#include "driver/interpret.h"

typedef struct Engine {
  Args *a;
  Module *m;
  Interp *in;                  /* has the values, and the run's counters; runs the graphs where there is no code */
  const void *const *given;    /* weights of a file; NULL: the initial ones */
  struct Jit *jit;             /* NULL: interpreted */
  struct Native *native;
} Engine;

/* Runs the passes, and compiles unless --interpret stands or so many calls of the graphs are not worth it and neither
 * --cc nor --jit asks for it. f64: all floats become f64 before that. The module is of no other use from here on. Not
 * EXIT_WELL: reported; to be closed in any case. */
int engine_open(Engine *e, Args *a, Module *m, Graph *const *want, int n, double calls, bool f64);
bool engine_init(Engine *e);   /* initial values, or those of --weights; false: reported */
bool engine_run(Engine *e, const Graph *g, Val *const *ports, Val **results); /* as interpret_run */
Val *engine_var(Engine *e, int var);                /* a copy of its value */
void engine_set_var(Engine *e, int var, Val *v);    /* v may be kept: it is to be set again whenever it changes */
void engine_close(Engine *e);
#endif
