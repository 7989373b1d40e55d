/* The inside of the elaborator, for frontend/elab*.c only.
 *
 * An expression elaborates to a Value: a static one (number, text, list, function) or a tensor, which is a node of the
 * graph being built. A call of a def opens a Frame with its own Scope; its place in the tree of calls is an Inst, which
 * outlives the graph, because weights are named by it and every graph must find the same ones again.
 *
 * After an error the value is V_ERROR. Whatever touches it is V_ERROR in silence, so that one fault is told once; a
 * statement that failed is not elaborated again in another graph. */
#ifndef GRADC_ELAB_PRIV_H
#define GRADC_ELAB_PRIV_H
#include "frontend/elab.h"
#include "frontend/elab_value.h"

enum { EL_MAX_CALLS = 256, EL_MAX_NESTING = 3000, EL_MAX_TURNS = 1000000, EL_MAX_TEXT = 4096 };

/* ---- names ---- */
typedef struct Table { /* interned pointer -> number >= 0 */
  const char **key;
  int *value, n, cap;
} Table;
int table_get(const Table *t, const char *key); /* -1: none */
void table_set(Ctx *c, Table *t, const char *key, int value);

typedef struct Binding {
  const char *name;
  Value v;
  Loc at;
  int len;
} Binding;
typedef struct Scope {
  Binding *b;
  int n, cap;
  Table find;          /* used from 16 bindings on */
} Scope;
Binding *scope_find(Scope *s, const char *name);
Binding *scope_set(Ctx *c, Scope *s, const char *name, Value v, Loc at, int len);

typedef enum ItemKind { IT_DEF, IT_CONST, IT_DIM, IT_USE, IT_DATA } ItemKind;
typedef struct Item {
  ItemKind kind;
  const char *name;
  const Ast *ast;
  File *file;          /* where it is written: imports list items of other files */
  Def *def;            /* DEF */
  Instance *inst;      /* USE, once met */
  Value v;             /* CONST, DIM, once evaluated */
  int state;           /* 0 not evaluated, 1 being evaluated, 2 done */
} Item;
struct File {
  const char *path;
  Loc start, end;
  const Ast *ast;
  bool carried;        /* part of the compiler */
  Item **item;
  int n, cap;
  Table find;
};

/* ---- calls and weights ---- */
typedef struct VarRec { const char *name; int var; } VarRec;
typedef struct Inst Inst;
struct Inst {          /* a place in the tree of calls */
  const char *name;    /* of the def, or of the `use` */
  int ordinal;         /* of calls of this name in the parent, from 1; 0: needs no suffix (a root) */
  Inst *up;
  Inst **kid;
  int nkid, capkid, cursor;
  Table count;         /* kids of a name */
  VarRec *var;
  int nvar, capvar;
  bool weights;        /* may declare weights: below a `use`, or an optimizer */
  int weight;          /* optimizer of that var; -1 */
  uint64_t path;       /* hash of the call path */
  int randoms, stamp;  /* random nodes made in the graph numbered stamp */
};
struct Instance {
  const char *name;
  Fn *fn;
  Inst *root;
  uint32_t hints;
  Loc at;
  bool called;
};
typedef struct VarInfo { /* beside Module.var until names are final */
  Inst *inst;
  const char *name;
  Value init;          /* number, list, function of the weight, or tensor of the init graph */
  int weight;          /* optimizer state: of that var; -1 */
  const char *section; /* optimizer state: of that train section, or NULL */
  Loc loc;
  int len;
} VarInfo;

typedef struct Frame Frame;
struct Frame {
  Frame *up;
  const char *name;    /* of the def; NULL for sections */
  File *file;
  Scope scope;
  Inst *inst;
  struct { const char *def; int n; } *count; /* calls so far */
  int ncount, capcount;
  Dim dots[MAX_RANK];  /* what `...` stands for */
  int ndots;           /* -1: not known yet */
  Loc call;
  int call_len;
  bool lacks_names;    /* a binding has other names than parts: one may be missing */
  bool told;           /* that weights are declared in a call from a section */
  const Ast *sig;      /* the DEF whose arguments are being bound */
  struct Wait *wait;   /* dimensions of arguments that other arguments must explain first */
  int nwait, capwait;
};

typedef struct Body Body; /* a scan's body being built: values of outer graphs become inputs */
struct Body {
  Body *up;
  Graph *outer, *g;
  Id *from, *to;
  int n, cap, cap2;
};

typedef struct Memo { /* a call of an instance */
  const Inst *inst;
  const Graph *g;
  uint32_t hints; /* on precision */
  int n;
  const Value *arg;
  bool done;
  Value v;
} Memo;
typedef struct Origin { const char *def, *why; Loc at; } Origin; /* of a node's shape */
typedef struct Range { Id id; int64_t n; } Range; /* an input whose values index an axis of n */

struct Elab {
  Ctx *c;
  Module *m;
  const ElabOptions *o;
  File *file;          /* the main one */
  File *std;           /* names of the carried files */
  File **files;
  int nfiles, capfiles;
  Graph *g;            /* being built */
  Graph *root;         /* the same, but never a scan's body */
  Graph *init;
  Body *body;
  Frame *f;
  bool training, fatal, unparsed; /* unparsed: statements are missing, so nothing can be elaborated */
  uint32_t hints;      /* of the statements around */
  uint32_t nregion;    /* statements under @checkpoint so far */
  int depth, nesting, errors; /* errors: of files before this one */
  int64_t turns;
  int stamp;           /* number of the graph */
  VarInfo *var;
  int nvar, capvar;
  uint32_t nowned;     /* constants set apart from equal ones */
  const char *stream;  /* random streams by this name instead of by the call path */
  int nstream;
  const char *section; /* name of the train section being elaborated */
  Id *cur;             /* per var: its value now in the root graph; 0 unread */
  int ncur;
  struct Pool *memo;   /* calls of instances in the root graph and its scans */
  Origin *origin;
  int norigin, caporigin;
  int *origin_at;      /* per node of the root graph: 1 + number of its origin */
  int norigin_at;
  Range *range;        /* of the graph being built */
  int nrange, caprange;
  const Ast **failed;  /* statements */
  int nfailed, capfailed;
  struct Index *index; /* index notation being elaborated */
  struct DataCtx *data; /* data section being elaborated */
  int *asserts;        /* inside a test: number of its assertions so far */
  Table unknown;       /* names reported as unknown */
  const Ast *stmt, *unknown_in; /* the innermost statement; the last one with an unknown name */
  bool no_fields;      /* a data section without fields was reported: the names of fields are unknown */
  struct Told *told;   /* arguments reported not to fit */
  int ntold, captold;
  int writes;          /* of states so far */
  const Ast **effect;  /* expressions that stand as statements and write a state */
  int neffect, capeffect;
  int trial;           /* > 0: a def that nothing calls is tried (elab_trial.c); the weights so far */
};

static inline bool el_failed(const Elab *e) { return diag_errors(e->c) > e->errors; }

/* Lists of dimensions; `from` may be NULL when n is 0, as a Type's is. */
static inline void dims_copy(Dim *to, const Dim *from, int n) {
  for (int i = 0; i < n; i++) to[i] = from[i];
}
static inline bool dims_same(const Dim *a, const Dim *b, int n) {
  for (int i = 0; i < n; i++)
    if (a[i] != b[i]) return false;
  return true;
}

/* ---- elab_diag.c ---- */
/* Faults and nodes that arise inside the standard library stand at the user's call that led there. */
Loc el_user_place(const Elab *e, Loc at, int *len);
Loc el_stand(Elab *e, Loc at);                /* new nodes stand there; returns where they stood before */
Diag *el_error(Elab *e, int code, const Ast *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
Diag *el_error_at(Elab *e, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
Value el_fail(Elab *e, int code, const Ast *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
Value el_fatal(Elab *e, int code, Loc at, int len, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void el_label_operand(Elab *e, Diag *d, const Ast *a, Value v); /* its shape, and where that came from */
void el_primary_operand(Elab *e, Diag *d, const Ast *a, Value v); /* the same under the primary caret */
void el_label_call(Elab *e, Diag *d, const Call *k);
void el_note_sizes(Elab *e, Diag *d); /* what is wrong only in an evaluation was right with all sizes known */
void el_origin(Elab *e, Value v, const char *def, const char *why, Loc at);
bool el_told_name(Elab *e, const char *name);  /* that it is unknown, in whatever words; else it is from now on */
void el_not_a_tensor(Elab *e, const Ast *a);   /* said of a name: what else is said of it is the same mistake */
void el_unknown_name(Elab *e, const Ast *a, const char *name);

/* ---- elab_names.c ---- */
File *el_load(Elab *e, const char *path, Loc start, bool carried);
Item *el_item(Elab *e, const File *f, const char *name);      /* the file's own, then the standard library's */
Value el_item_value(Elab *e, Item *it, const Ast *at);
bool el_bounded(const Item *it);                              /* `dim T <= 1024`; NULL is none */
bool el_lookup(Elab *e, const char *name, const Ast *at, Value *v); /* false: no such name */
const char *el_suggest(Elab *e, const char *name);

/* ---- elab_expr.c ---- */
Value el_expr(Elab *e, const Ast *a);
Value el_static(Elab *e, const Ast *a);       /* must be known at compile time */
Value el_binary(Elab *e, int op, Value a, Value b, const Ast *at, const Ast *left, const Ast *right);
Value el_static_binary(Elab *e, int op, Value a, Value b, const Ast *at);
Value el_unary(Elab *e, int op, Value a, const Ast *at);
Id el_matmul(Elab *e, Id a, Id b, const Ast *at, const Ast *left, const Ast *right);
Id el_contract(Elab *e, Id a, const char *la, Id b, const char *lb, const char *out, Loc loc);
Value el_op(Elab *e, int op, const Value *v, int n, AttrId attr, const Call *k); /* element-wise, mixed operands */
Value el_subscript(Elab *e, const Ast *a);
Value el_static_op(Elab *e, int op, const Value *v, int n, const Call *k); /* exp(0.5); V_NONE: not of numbers */
int el_operator(int op, bool *turned);        /* the op of a binary AST_ operator, its operands exchanged; -1: none */

/* ---- elab_call.c ---- */
Value el_call_ast(Elab *e, const Ast *call, const Value *first, const Ast *first_ast);
Value el_call(Elab *e, const Fn *fn, Call *k);
Value el_call_value(Elab *e, const Ast *callee, Call *k);
bool el_collect(Elab *e, const Ast *call, const Value *first, const Ast *first_ast, Call *k);
void el_add_bound(Elab *e, const Fn *f, Call *k); /* what the function value has bound and the call does not name */
Memo *el_memo(Elab *e, const Inst *inst, int n, Value *arg); /* of such a call: !done where it is a new one */
struct Pool *el_memo_new(Elab *e);

/* ---- elab_def.c ---- */
Value el_call_fn(Elab *e, const Fn *f, Call *k, Inst *at); /* at: the place of the call's weights; NULL: a child's */
bool el_told(Elab *e, int code, const Ast *at, const char *why); /* already; else it is from now on */
Value el_body(Elab *e, const Def *d);
Value el_partial(Elab *e, const Ast *call);   /* a `use`: nothing is run */
Value el_apply(Elab *e, Value fn, const Value *v, int n, const Call *from); /* positional values */
Value el_call_def(Elab *e, const char *name, Arg *arg, int n, const Call *from); /* of the standard library */
bool el_bind_params(Elab *e, const char *params, Call *k);
int el_named_op(const char *name);            /* the op that is a function of that name; -1: none */

/* ---- elab_shape.c ---- */
typedef struct ParamType {
  bool tensor;
  int dtype;           /* DType, or P_ANY, P_FLOAT, P_WHOLE; static: the ValueKind it wants */
  const Ast *ast;
} ParamType;
enum { P_ANY = DT_COUNT + 1, P_FLOAT, P_WHOLE };
bool el_param_type(Elab *e, const Ast *type, ParamType *p);
bool el_unify(Elab *e, const ParamType *p, TypeId t, const Ast *arg, const char *name, const Call *k);
bool el_unify_rest(Elab *e, const Ast *def, const Call *k); /* patterns that had to wait */
bool el_shape(Elab *e, const Ast *type, int *rank, Dim *dim); /* all of it must be known */
TypeId el_declared(Elab *e, const Ast *type);                /* of param, state, field */
bool el_check_result(Elab *e, const Def *d, Value v);
bool el_dim(Elab *e, const Ast *a, Dim *d);
bool el_named_size(Elab *e, const Ast *a);                   /* a name in a shape that has no value: a shape variable */
const Ast *el_open_dim(Elab *e, const Ast *type);            /* a size that has no value yet, or NULL */
const char *el_source(Elab *e, const Ast *a);                /* its text */

/* ---- elab_stmt.c ---- */
Value el_block(Elab *e, const Ast *block);
Value el_stmt(Elab *e, const Ast *s);
Value el_if(Elab *e, const Ast *a);
bool el_bind(Elab *e, const Ast *bind, Value v);
uint32_t el_hints(Elab *e, const Ast *a);
typedef struct Hinted { uint32_t vars, nodes; } Hinted; /* what a statement stood under */
Hinted el_hint(Elab *e, uint32_t hints);                /* from now on these, too */
void el_hint_end(Elab *e, Hinted around);
uint32_t el_fp32(const Elab *e, uint32_t hints); /* of the hints those that nodes of this graph have: @fp32, or none */
Value el_list_items(Elab *e, Value v, const Ast *at); /* of a list or a tensor's first axis */

/* ---- elab_weight.c ---- */
Inst *inst_root(Elab *e, const char *name, bool weights);
Inst *inst_child(Elab *e, Frame *f, const char *name);
void inst_begin(Inst *i);
Value el_declare_var(Elab *e, const Ast *s);
void el_hint_weights(Elab *e, const Inst *i);  /* the present hints, for all weights of the calls at and below i */
Value el_assign(Elab *e, const Ast *s);
Id el_read_var(Elab *e, int var, Loc loc);
Instance *el_instance(Elab *e, const Ast *use, const char *name, Inst *root);
int64_t el_stream(Elab *e);
void el_finish_vars(Elab *e);
void el_init_graph(Elab *e);

/* ---- elab_index.c ---- */
Value el_index_def(Elab *e, const Ast *s);
Value el_index_reduce(Elab *e, const Ast *a);

/* ---- elab_intrinsic.c and others ---- */
const Intrinsic *el_intrinsic(const char *name);
extern const Intrinsic el_tensor_intrinsics[], el_window_intrinsics[], el_grad_intrinsics[], el_data_intrinsics[],
  el_reduce_intrinsics[];
bool el_want_int(Elab *e, Call *k, int arg, int64_t least, int64_t *v);
bool el_want_axis(Elab *e, Call *k, int arg, int rank, int64_t none, int64_t *axis);
bool el_want_axes(Elab *e, Call *k, int arg, int rank, bool all, int64_t *axes, int *n);
bool el_want_bool(Elab *e, Call *k, int arg, bool none, bool *v);
bool el_want_ints(Elab *e, Call *k, int arg, int n, int64_t least, int64_t *v); /* a number stands for n equal ones */
Id el_want_tensor(Elab *e, Call *k, int arg);
const Ast *el_arg_ast(const Call *k, int arg);
Value el_arg_fail(Elab *e, int code, const Call *k, int arg, const char *fmt, ...)
  __attribute__((format(printf, 5, 6)));
Value el_scan(Elab *e, Call *k);
Value el_rearrange(Elab *e, Call *k);
void el_note_range(Elab *e, Id index, int64_t n);

/* ---- elab.c: opening and closing graphs ---- */
/* What el_enter puts aside and el_leave restores. */
typedef struct Saved {
  Graph *g, *root;
  Body *body;
  Frame *f;
  bool training;
  uint32_t hints;
  Id *cur;
  struct Pool *memo;
  int ncur, norigin, norigin_at, nrange, caprange;
  Range *range;
  int *origin_at;
} Saved;
/* What belongs to no section, constants and initial values, is evaluated with the init graph. */
Saved el_outside(Elab *e);
/* Begins building graph g from a section of `file`: opens *f as its frame. */
Saved el_enter(Elab *e, Graph *g, bool training, Frame *f, File *file);
Saved el_enter_settings(Elab *e, const Ast *section, Frame *f); /* for those of a section without a graph of its own */
void el_leave(Elab *e, const Saved *s);
const char *el_graph_name(Elab *e, const char *stem, const char *section);

/* ---- elab_section.c ---- */
typedef struct Setting { const char *name; int later; } Setting; /* later: code of "not yet", or 0 */
typedef struct Section {
  const Ast *ast, *block;
  const Setting *set;
  int nset;
  const char *kind;
} Section;
bool el_settings(Elab *e, const Section *s);  /* misspelt, given twice, not yet, budgets */
void el_target_section(Elab *e, const Ast *a);
bool el_is_setting(const Section *s, const char *name);
const Ast *el_setting(const Section *s, const char *name);    /* the BIND, or NULL */
const Ast *el_setting_value(const Section *s, const char *name);
bool el_setting_int(Elab *e, const Section *s, const char *name, int64_t least, int64_t none, int64_t *v);

/* ---- elab_data.c, elab_source.c ---- */
void el_data_section(Elab *e, const Ast *a);
bool el_source_setting(Elab *e, const Section *s, DataInfo *d);
int el_data_find(const Module *m, const char *name);
bool el_in_field(const Elab *e);              /* in a data section: of a record alone, in training and hold-out alike */

/* ---- elab_train.c, elab_optim.c, elab_eval.c, elab_export.c ---- */
typedef struct Update { Id weight, grad; int var; Inst *inst; } Update;
void el_train_section(Elab *e, const Ast *a);
Value el_optimizer(Elab *e, const Ast *a);    /* the function (w, g) -> w */
bool el_is_norm(const Ast *clip);             /* norm(x) */
bool el_clip(Elab *e, const Ast *clip, Update *u, int n);
bool el_update(Elab *e, Value optim, const Ast *at, Update *u, int n);
int el_optim_var(Elab *e, const Update *u, const char *name); /* a state of the section beside the weight */
int el_section_var(Elab *e, const char *name, double init);   /* a number of the section, beside its optimizer's states */
bool el_split_eval(Elab *e, Graph *eval, TrainInfo *t, const char **name, const Id *result, int n);
void el_export(Elab *e, const Ast *a);
void el_test(Elab *e, const Ast *a, int number);

/* ---- elab_precision.c ---- */
typedef struct Held { int var, copy; } Held; /* a state, and the optimizer's copy of what it was before the step */
typedef struct LossScale {
  bool on;             /* else none of these functions does anything */
  TrainInfo *t;
  const Ast *at;
  int good, pass;      /* vars */
  Held *held; int nheld, capheld;
  Id fits;             /* no gradient of this graph has overflowed */
} LossScale;
bool el_precision(Elab *e, const Section *s, TrainInfo *t); /* the setting */
Id el_scale_loss(Elab *e, LossScale *s, TrainInfo *t, const Ast *at, Id loss);
void el_unscale(Elab *e, const LossScale *s, Update *u, int n);
void el_find_overflow(Elab *e, LossScale *s, const Update *u, int n);
void el_scale_pass(Elab *e, LossScale *s);
void el_scale_step(Elab *e, const LossScale *s); /* behind all other writes but those that hold after an overflow too */

/* ---- elab_uncalled.c, elab_trial.c ---- */
void el_check_uncalled(Elab *e);
Inst *el_trial_root(Elab *e);                 /* for weights of a trial's own */
void el_try_uncalled(Elab *e, Item *const *it, int n); /* what is wrong in defs however they are called */

/* ---- elab_warn.c ---- */
void el_warn(Elab *e);
void el_note_effect(Elab *e, const Ast *s);   /* the statement does more than give a value: it writes a state */
#endif
