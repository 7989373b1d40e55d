/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and states. A weight is named by the calls that lead to its declaration, so the tree of call sites outlives
 * the graphs: every graph that elaborates the same source finds the same sites, and the same weights, again. */
#ifndef GRADC_ELAB_WEIGHT_H
#define GRADC_ELAB_WEIGHT_H
#include "frontend/elab/elab_names.h"

typedef struct Frame Frame;
typedef struct VarRec {
  const char *name;
  int var;
} VarRec;
typedef struct CallSite CallSite;
struct CallSite {
  const char *name; /* of the def, or of the `use` */
  int ordinal;      /* among the calls of this name in the parent, from 1; 0: needs no suffix (a root) */
  CallSite *up;
  CallSite **kid;
  int nkid, capkid, cursor;
  Table count; /* calls of a name */
  VarRec *var;
  int nvar, capvar;
  bool weights;       /* may declare weights: below a `use`, or an optimizer */
  int weight;         /* the var that this optimizer updates; -1 */
  bool joint;         /* of an optimizer that updates all weights of its section together */
  uint64_t path;      /* hash of the call path */
  int scope;          /* in Module.scope; 0: not yet there */
  int randoms, stamp; /* random nodes made in the graph numbered stamp */
};
struct ModuleInstance { /* `use name = f(...)` */
  const char *name;
  Fn *fn;
  CallSite *root;
  uint32_t hints;
  double rate; /* of @lr */
  Loc at;
  bool called;
};
/* Of the state that is the average of a weight: what reads it in place of the weight. */
enum { AVERAGE_KEPT = 1, AVERAGE_EVAL = 2, AVERAGE_EXPORT = 4 };
typedef struct VarInfo { /* beside Module.var until names are final */
  CallSite *site;
  const char *name;
  Value init;          /* number, list, function of the weight, or tensor of the init graph */
  int weight;          /* optimizer state, average: its weight's var; -1 */
  uint8_t average;     /* AVERAGE_*; 0: it is none */
  const char *section; /* optimizer state: its train section, or NULL */
  double rate;         /* the factor of its learning rate, of @lr */
  Loc loc;
  int len;
} VarInfo;

CallSite *site_root(Elab *e, const char *name, bool weights);
CallSite *site_at(Elab *e, CallSite *up, const char *name, int ordinal); /* finds or makes it */
/* A state that no statement declares; the same in all graphs. v: its first value. from: what must have made it before;
 * NULL: nothing. -1: an error. */
int el_make_state(Elab *e, CallSite *site, const char *name, TypeId type, double v, const char *from, Loc loc, int len);
CallSite *site_child(Elab *e, Frame *f, const char *name);
void site_begin(CallSite *i);
ModuleInstance *el_instance(Elab *e, const Ast *use, const char *name, CallSite *root);
Value el_declare_var(Elab *e, const Ast *s);
void el_hint_weights(Elab *e, const CallSite *i); /* adds the current hints to all weights at and below i */
Value el_assign(Elab *e, const Ast *s);
Id el_read_var(Elab *e, int var, Loc loc);              /* its current value in the root graph */
void el_write_var(Elab *e, int var, Id value, Loc loc); /* the value that later reads in the root graph have */
const char *el_site_path(Elab *e, const CallSite *i);   /* as in the names of weights, by the calls known so far */
int64_t el_random_stream(Elab *e);                      /* of the next random node */
void el_finish_vars(Elab *e);                           /* final names and order */
void el_init_graph(Elab *e);

/* ---- elab_part.c: weights by their names ---- */
typedef struct Part { /* `net`, `net.block_2`: all weights there and below; `net.block_2.w`: one */
  const CallSite *site;
  int var; /* -1: all */
} Part;
typedef enum PartKind { PART_OTHER, PART_FOUND, PART_UNKNOWN } PartKind; /* OTHER: does not begin with an instance */
PartKind el_part(Elab *e, const Ast *a, Part *p);
bool el_part_has(const Elab *e, const Part *p, int var);
/* The weight of `to` that has the place of weight `var` of `from`; -1: none. If `to` is one weight, that. */
int el_part_same(Elab *e, const Part *from, int var, const Part *to);
void el_unknown_part(Elab *e, const Ast *a);           /* reports it */
bool el_weight_named(Elab *e, const Ast *a, Value *v); /* false: `a` does not name a weight of an instance */
#endif
