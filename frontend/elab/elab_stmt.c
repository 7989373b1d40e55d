/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: blocks, bindings, static `if` and `for`, assertions, hints. */
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include <math.h>
#include <string.h>

static bool failed_before(const Elab *e, const Ast *s) {
  for (int i = 0; i < e->nfailed; i++)
    if (e->failed[i] == s) return true;
  return false;
}

/* ---- hints ---- */

/* Whether the statement computes something that could be recomputed, or is a `use`. */
static bool computes(const Ast *a) {
  switch (a->kind) {
  case AST_PARAM:
  case AST_STATE:
  case AST_ASSERT:
  case AST_FIELD:
  case AST_BUDGET:
  case AST_DEF:
  case AST_CONST:
  case AST_DIM:
  case AST_DATA:
  case AST_TRAIN:
  case AST_TARGET:
  case AST_TEST:
  case AST_IMPORT: return false;
  default: return true;
  }
}

/* @lr(x) belongs to weights, not to what a statement computes. */
static void check_rate(Elab *e, const Ast *a, const Ast *h) {
  if (a->kind != AST_PARAM && a->kind != AST_USE)
    el_fail(e, E_UNKNOWN_HINT, h, "`@lr` must precede a `param` or a `use`");
  else if (h->n != 1 || h->kid[0]->kind == AST_NAMED)
    el_fail(e, E_ARG_COUNT, h, "`@lr` takes one number, the factor of the learning rate");
}

double el_read_rate(Elab *e, const Ast *a) {
  double rate = 1, x;
  for (int i = 0; a->hints && i < a->hints->n; i++) {
    const Ast *h = a->hints->kid[i];
    if (strcmp(h->text, "lr") || h->n != 1 || h->kid[0]->kind == AST_NAMED) continue;
    Value v = el_static(e, h->kid[0]);
    if (v_bad(v)) continue;
    if (v_number(v, &x) && x > 0 && x < HUGE_VAL) rate *= x;
    else
      el_fail(e, E_SETTING_VALUE, h->kid[0], "the factor of `@lr` is a number above 0, not %s; `@freeze` is for 0",
              v_text(e, v));
  }
  return rate;
}

static const struct {
  const char *name;
  uint32_t bit;
  int unsupported;
} known[] = {
  {"nodecay", HINT_NODECAY, 0},
  {"freeze", HINT_FREEZE, 0},
  {"checkpoint", HINT_CHECKPOINT, 0},
  {"fp32", HINT_FP32, 0},
  {"lr", 0, 0},
  {"quant", 0, E_UNSUPPORTED_QUANTISATION},
};
enum { NKNOWN = sizeof known / sizeof *known };

const char *elab_hint(int i) {
  for (int k = 0; k < NKNOWN; k++)
    if (!known[k].unsupported && i-- == 0) return known[k].name;
  return NULL;
}

/* Hints whose effect this version has; the others of the language are refused by name. */
uint32_t el_read_hints(Elab *e, const Ast *a) {
  uint32_t bits = 0;
  for (int i = 0; a->hints && i < a->hints->n; i++) {
    const Ast *h = a->hints->kid[i];
    int k = 0;
    while (k < NKNOWN && strcmp(h->text, known[k].name)) k++;
    if (k == NKNOWN) {
      const char *words[NKNOWN];
      for (int w = 0; w < NKNOWN; w++) words[w] = known[w].name;
      Diag *d = el_error(e, E_UNKNOWN_HINT, h, "unknown hint `@%s`", h->text);
      const char *s = diag_suggest(e->c, h->text, words, NKNOWN);
      if (s) diag_help(e->c, d, "did you mean `@%s`?", s);
    } else if (known[k].unsupported) {
      el_fail(e, known[k].unsupported, h, "`@%s` is not in this version", h->text);
    } else if (!strcmp(h->text, "lr")) {
      check_rate(e, a, h);
    } else if (h->n) {
      el_fail(e, E_ARG_COUNT, h, "`@%s` takes no arguments", h->text);
    } else if (known[k].bit == HINT_CHECKPOINT && !computes(a)) {
      el_fail(e, E_UNKNOWN_HINT, h, "`@checkpoint` must precede a statement that computes a value, or a `use`");
    } else {
      bits |= known[k].bit;
    }
  }
  return bits;
}

uint32_t el_fp32_hint(const Elab *e, uint32_t hints) {
  const Graph *g = e->cur.root;
  return g && (dtype_is_half(g->precision) || g->tf32) ? hints & HINT_FP32 : 0;
}

/* @checkpoint starts a region, which ends with its statement; the enclosing region then continues. Evaluation and
 * inference recompute nothing. The only other hint that nodes carry is @fp32, in graphs of another precision. */
SavedHints el_push_hints(Elab *e, uint32_t hints, double rate) {
  SavedHints around = {e->cur.hints, e->cur.b.hints, e->cur.rate};
  e->cur.rate *= rate;
  e->cur.hints |= hints & ~HINT_CHECKPOINT;
  if (hints & HINT_CHECKPOINT && e->cur.training)
    e->cur.b.hints = (e->cur.b.hints & HINT_FP32) | ++e->nregion * HINT_REGION;
  e->cur.b.hints |= el_fp32_hint(e, hints);
  return around;
}

void el_pop_hints(Elab *e, SavedHints around) {
  e->cur.hints = around.vars;
  e->cur.b.hints = around.nodes;
  e->cur.rate = around.rate;
}

/* ---- bindings ---- */

Value el_list_items(Elab *e, Value v, const Ast *at) {
  if (v.kind == V_LIST || v_bad(v)) return v;
  if (v.kind != V_TENSOR) return el_fail(e, E_UNPACK, at, "%s cannot be taken apart", v_kind(v));
  Id x = el_local_node(e, v);
  Type t = *el_type(e, x);
  if (t.rank && e->m->open_sizes && !dim_is_const(t.dim[0])) return v_error();
  if (!t.rank || !dim_is_const(t.dim[0]))
    return el_fail(e, E_UNPACK, at, "%s cannot be taken apart along its first axis", v_text(e, v));
  if (t.dim[0] > EL_MAX_ELEMENTS / 2) /* an item takes two nodes */
    return el_fatal(e, E_TOO_MANY_ELEMENTS, at->caret, at->caret_len, "taking apart an axis of %lld",
                    (long long)t.dim[0]);
  Value l = v_list(e, (int)t.dim[0], NULL);
  Dim start[MAX_RANK] = {0}, stop[MAX_RANK];
  dims_copy(stop, t.dim, t.rank);
  for (int i = 0; i < l.list->n; i++) {
    start[0] = i;
    stop[0] = i + 1;
    l.list->v[i] = v_tensor(e, b_reshape(&e->cur.b, b_slice(&e->cur.b, x, start, stop, NULL), t.rank - 1, t.dim + 1));
  }
  return l;
}

/* The size of the first axis; -1 if there is none, or it is not known at compile time. */
static int64_t first_axis(const Elab *e, Value v) {
  const Type *t = type_get(e->m, v.g->node[v.id].type);
  return t->rank && dim_is_const(t->dim[0]) ? t->dim[0] : -1;
}

static void bind_name(Elab *e, const Ast *name, Value v) {
  scope_set(e->c, &e->cur.f->scope, name->text, v, name->at, name->len);
}

bool el_bind(Elab *e, const Ast *bind, Value v) {
  int n = bind->n - 1;
  if (v.kind == V_NONE) v = el_fail(e, E_NO_VALUE, bind->kid[n], "this has no value to bind");
  if (n == 1) {
    bind_name(e, bind->kid[0], v);
    return !v_bad(v);
  }
  int64_t count = v.kind == V_LIST ? v.list->n : v.kind == V_TENSOR ? first_axis(e, v) : n;
  Value l = v_error();
  if (count < 0 || count == n) {
    l = el_list_items(e, v, bind->kid[n]);
  } else {
    Diag *d = el_error(e, E_UNPACK, bind, "%d names for %lld parts", n, (long long)count);
    e->cur.f->lacks_names = true;
    el_label_operand(e, d, bind->kid[n], v);
  }
  for (int i = 0; i < n; i++) bind_name(e, bind->kid[i], v_bad(l) ? l : l.list->v[i]);
  return !v_bad(l);
}

/* Names that a failed statement would have bound must not be "unknown" afterwards. */
static void poison(Elab *e, const Ast *s) {
  switch (s->kind) {
  case AST_BIND:
    for (int i = 0; i + 1 < s->n; i++) bind_name(e, s->kid[i], v_error());
    break;
  case AST_INDEXDEF:
  case AST_PARAM:
  case AST_STATE:
  case AST_USE: scope_set(e->c, &e->cur.f->scope, s->text, v_error(), s->caret, s->caret_len); break;
  case AST_FOR:
  case AST_IF:
  case AST_BLOCK:
    for (int i = 0; i < s->n; i++)
      if (s->kid[i]) poison(e, s->kid[i]);
    break;
  default: break;
  }
}

/* ---- control ---- */

Value el_if(Elab *e, const Ast *a) {
  Value c = el_expr(e, a->kid[0]);
  if (v_bad(c)) return c;
  if (c.kind == V_TENSOR) {
    Diag *d = el_error(e, E_NOT_STATIC, a->kid[0],
                       "the condition of `if` must be known at compile time; it is a tensor, %s", v_text(e, c));
    diag_help(e->c, d, "where(condition, a, b) chooses by a tensor's values");
    return v_error();
  }
  if (c.kind != V_BOOL) return el_fail(e, E_ARG_KIND, a->kid[0], "the condition of `if` is a bool, not %s", v_kind(c));
  const Ast *branch = a->kid[c.i ? 1 : 2];
  return branch ? branch->kind == AST_IF ? el_if(e, branch) : el_block(e, branch) : v_none();
}

static Value stmt_for(Elab *e, const Ast *a) {
  const Ast *over = a->kid[0];
  int64_t lo = 0, n = 0;
  Value v = v_none();
  if (over->kind == AST_RANGE) { /* without making the list */
    Value x = el_static(e, over->kid[0]), y = el_static(e, over->kid[1]);
    if (v_bad(x) || v_bad(y)) return v_error();
    if (x.kind != V_INT || y.kind != V_INT) return el_fail(e, E_ARG_KIND, over, "a range runs between ints");
    lo = x.i;
    n = y.i <= x.i ? 0 : __builtin_sub_overflow(y.i, x.i, &n) ? INT64_MAX : n;
  } else {
    v = el_expr(e, over);
    if (v.kind == V_INT) {
      Diag *d = el_error(e, E_UNPACK, over, "`for` runs over a range or a list, not %s", v_text(e, v));
      diag_help(e->c, d, "write `for %s in 0..%s`", a->text, el_source(e, over));
      return v_error();
    }
    v = el_list_items(e, v, over);
    if (v_bad(v)) return v;
    n = v.list->n;
  }
  if (n > EL_MAX_ELEMENTS)
    return el_fatal(e, E_TOO_MANY_ELEMENTS, over->caret, over->caret_len,
                    "a static loop of %lld iterations; at most %d", (long long)n, EL_MAX_ELEMENTS);
  for (int64_t i = 0; i < n && !e->fatal; i++) {
    if (++e->steps > EL_MAX_STEPS)
      return el_fatal(e, E_TOO_MANY_ELEMENTS, a->caret, a->caret_len, "static loops have too many iterations");
    scope_set(e->c, &e->cur.f->scope, a->text, over->kind == AST_RANGE ? v_int(lo + i) : v.list->v[i], a->caret,
              a->caret_len);
    if (v_bad(el_block(e, a->kid[1]))) return v_error();
  }
  return v_none();
}

/* Appends `name = value` of the numbers and texts that the expression names. */
static void put_values(Elab *e, const Ast *a, Str *s) {
  Binding *b = a && a->kind == AST_NAME ? scope_find(&e->cur.f->scope, a->text) : NULL;
  bool plain = b && (b->v.kind == V_INT || b->v.kind == V_FLOAT || b->v.kind == V_STR || b->v.kind == V_BOOL);
  const char *text = plain ? ctx_strf(e->c, "%s = %s", a->text, v_text(e, b->v)) : NULL;
  if (text && (!s->n || !strstr(s->s, text))) str_printf(s, s->n ? ", %s" : "%s", text);
  for (int i = 0; a && i < a->n; i++) put_values(e, a->kid[i], s);
}

/* The comment that follows an assertion on its line, which says what is asked for; NULL: there is none. */
static const char *comment_after(Elab *e, const Ast *cond) {
  enum { SHOWN = 160 };
  const char *s = source_part(e->c, cond->at + (Loc)cond->len, SHOWN);
  s += strspn(s, " \t}");
  if (*s != '#') return NULL;
  s += strspn(s, "# ");
  return *s == '\n' ? NULL : ctx_strf(e->c, "%.*s", (int)strcspn(s, "\r\n"), s);
}

static Value does_not_hold(Elab *e, const Ast *cond) {
  Str values = {.c = e->c};
  Diag *d = el_error_at(e, E_ASSERT_FAILED, cond->at, cond->len, "`%s` does not hold", el_source(e, cond));
  const char *comment = comment_after(e, cond);
  if (comment) diag_help(e->c, d, "%s", comment);
  put_values(e, cond, &values);
  if (values.n) diag_note(e->c, d, "here %s", values.s);
  return v_error();
}

/* In a test an assertion is a result of the graph; elsewhere it is checked at compile time. */
static Value stmt_assert(Elab *e, const Ast *s) {
  const Ast *cond = s->kid[0];
  Value v = el_expr(e, cond);
  if (v_bad(v)) return v;
  bool test = e->asserts && !e->cur.f->name;
  if (v.kind == V_BOOL && !test) return v.i ? v_none() : does_not_hold(e, cond);
  if (v.kind != V_BOOL && v.kind != V_TENSOR)
    return el_fail(e, E_ARG_KIND, cond, "`assert` takes a bool, not %s", v_kind(v));
  if (!test) return el_fail(e, E_NOT_STATIC, cond, "outside `test` an assertion must be known at compile time");
  Id x = el_tensor(e, v, DT_BOOL, cond);
  if (!x) return v_error();
  if (el_type(e, x)->dtype != DT_BOOL)
    return el_fail(e, E_ARG_KIND, cond, "`assert` takes bools, not %s", v_text(e, v));
  graph_result(e->cur.root, ctx_strf(e->c, "assert_%d", ++*e->asserts), x, cond->caret);
  return v_none();
}

static Value stmt_use(Elab *e, const Ast *s) {
  CallSite *at = site_child(e, e->cur.f, s->text);
  ModuleInstance *instance = el_instance(e, s, s->text, at);
  Value v = instance ? v_fn(e, (Fn){.instance = instance, .at = s->caret}) : v_error();
  scope_set(e->c, &e->cur.f->scope, s->text, v, s->caret, s->caret_len);
  return instance ? v_none() : v;
}

static Value stmt(Elab *e, const Ast *s) {
  switch (s->kind) {
  case AST_BIND: return el_bind(e, s, el_expr(e, s->kid[s->n - 1])) ? v_none() : v_error();
  case AST_ASSIGN: return el_assign(e, s);
  case AST_INDEXDEF: return el_index_def(e, s);
  case AST_PARAM:
  case AST_STATE: return el_declare_var(e, s);
  case AST_USE: return stmt_use(e, s);
  case AST_FOR: return stmt_for(e, s);
  case AST_ASSERT: return stmt_assert(e, s);
  default: return el_expr(e, s);
  }
}

/* A statement that reported an error is never elaborated again, in another graph or call. */
Value el_stmt(Elab *e, const Ast *s) {
  if (e->fatal) return v_error();
  if (failed_before(e, s)) {
    poison(e, s);
    return v_error();
  }
  int before = diag_errors(e->c), writes = e->writes;
  const Ast *outer = e->stmt;
  e->stmt = s;
  SavedHints around =
    el_push_hints(e, s->hints ? el_read_hints(e, s) : 0, s->kind == AST_PARAM ? el_read_rate(e, s) : 1);
  Value v = stmt(e, s);
  el_pop_hints(e, around);
  e->stmt = outer;
  if (e->writes != writes) el_mark_effect(e, s);
  if (diag_errors(e->c) > before) {
    *VEC_PUSH(e->c, e->failed, e->nfailed, e->capfailed) = s;
    v = v_error();
  }
  if (v_bad(v)) poison(e, s);
  return v;
}

/* The value of a block is that of its last statement. An error in an earlier one does not end the block: the names
 * it binds are poisoned. In the standard library it does, since the mistake is in the call. */
Value el_block(Elab *e, const Ast *block) {
  Value v = v_none();
  bool bad = false;
  for (int i = 0; i < block->n; i++) {
    v = el_stmt(e, block->kid[i]);
    bad |= v_bad(v);
    if (bad && e->cur.f->file && e->cur.f->file->builtin) return v_error();
    const Ast *s = block->kid[i];
    if (i + 1 == block->n && (s->kind == AST_BIND || s->kind == AST_FOR)) return bad ? v_error() : v_none();
  }
  return bad && v.kind == V_NONE ? v_error() : v;
}
