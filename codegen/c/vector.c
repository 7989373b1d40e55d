/* SPDX-License-Identifier: Apache-2.0 */
/* Prints values as vectors of GC_VEC elements along the lane axis. f32, f64, i32 and u32 are vectors of these types, a
 * bool is an i32 mask of all ones or zeros. A nest with values of other types is not vectorized. The tail of an axis
 * runs the same code on fewer lanes. */
#include "codegen/c/native_text.h"
#include "codegen/c/vector.h"
#include <ctype.h>
#include <string.h>

/* Operands are vectors. A function of prim/ without a row is v_NAME. An op of f64 without a row, and a function without
 * a form for vectors, is evaluated lane by lane, by its scalar body. */
static const TokenText TOKEN[] = {
  {"ABS", "f", "v_abs($a)", "abs"},
  {"ABS", "i", "gc_isel($a < 0, (gc_vi)(0u - (gc_vu)$a), $a)", NULL},
  {"ABS", "u", "$a", NULL},
  {"SIGN", "f", "v_sign($a)", "sign"},
  {"SIGN", "i", "(gc_vi)(($a < 0) - ($a > 0))", NULL},
  {"SIGN", "u", "(gc_vu)(0 - ($a > 0u))", NULL},
  {"FLOOR", "f", "v_floor($a)", "floor"},
  {"FLOOR", "iu", "$a", NULL},
  {"CEIL", "f", "v_ceil($a)", "ceil"},
  {"CEIL", "iu", "$a", NULL},
  {"ROUND", "f", "v_round($a)", "round"},
  {"ROUND", "iu", "$a", NULL},
  {"sqrt", "f", "gc_sqrt($a)", "sqrt"},
  {"rsqrt", "f", "(1.0f / gc_sqrt($a))", "sqrt"},
  {"IDIV", "f", "v_idiv($a, $b)", "idiv"},
  {"IDIV", "i", "v_idiv_i32($a, $b)", "idiv_i32"},
  {"IDIV", "u", "v_idiv_u32($a, $b)", "idiv_u32"},
  {"MOD", "f", "v_mod($a, $b)", "mod"},
  {"MOD", "i", "v_mod_i32($a, $b)", "mod_i32"},
  {"MOD", "u", "v_mod_u32($a, $b)", "mod_u32"},
  {"MAX", "f", "v_max($a, $b)", "max"},
  {"MAX", "i", "gc_isel($a > $b, $a, $b)", NULL},
  {"MAX", "u", "(gc_vu)gc_isel((gc_vi)($a > $b), (gc_vi)$a, (gc_vi)$b)", NULL},
  {"MIN", "f", "v_min($a, $b)", "min"},
  {"MIN", "i", "gc_isel($a < $b, $a, $b)", NULL},
  {"MIN", "u", "(gc_vu)gc_isel((gc_vi)($a < $b), (gc_vi)$a, (gc_vi)$b)", NULL},
  {"EQ", "fiub", "(gc_vi)($a == $b)", NULL},
  {"NE", "fiub", "(gc_vi)($a != $b)", NULL},
  {"LT", "fiu", "(gc_vi)($a < $b)", NULL},
  {"LE", "fiu", "(gc_vi)($a <= $b)", NULL},
  {"EQ", "d", "GC_NARROWED($a == $b)", NULL},
  {"NE", "d", "GC_NARROWED($a != $b)", NULL},
  {"LT", "d", "GC_NARROWED($a < $b)", NULL},
  {"LE", "d", "GC_NARROWED($a <= $b)", NULL},
  {"OVER", "f", "(gc_vi)(($a == $a) & ~($b <= $a))", NULL},
  {"OVER", "iu", "(gc_vi)($b > $a)", NULL},
  {"UNDER", "f", "(gc_vi)(($a == $a) & ~($a <= $b))", NULL},
  {"UNDER", "iu", "(gc_vi)($b < $a)", NULL},
  {"OVER", "d", "GC_NARROWED(($a == $a) & ~($b <= $a))", NULL},
  {"UNDER", "d", "GC_NARROWED(($a == $a) & ~($a <= $b))", NULL},
  {"AND", "b", "($a & $b)", NULL},
  {"OR", "b", "($a | $b)", NULL},
  {"NOT", "b", "~$a", NULL},
  {"BITAND", "iu", "($a & $b)", NULL},
  {"BITOR", "iu", "($a | $b)", NULL},
  {"BITXOR", "iu", "($a ^ $b)", NULL},
  {"BITNOT", "iu", "~$a", NULL},
  {"SHL", "i", "v_shl_i32($a, $b)", "shift"},
  {"SHL", "u", "v_shl_u32($a, $b)", "shift"},
  {"SHR", "i", "v_shr_i32($a, $b)", "shift"},
  {"SHR", "u", "v_shr_u32($a, $b)", "shift"},
  {"SEL", "f", "gc_sel($a, $b, $c)", NULL},
  {"SEL", "d", "gc_seld($a, $b, $c)", NULL},
  {"SEL", "ib", "gc_isel($a, $b, $c)", NULL},
  {"SEL", "u", "(gc_vu)gc_isel($a, (gc_vi)$b, (gc_vi)$c)", NULL},
  {NULL, NULL, NULL, NULL},
};

/* Not i64: compilers make vectors of its plain loops, which are faster than vectors of GC_VEC elements of 8 bytes. */
bool vec_has_type(int t) { return dtype_is_float(t) || t == DT_I32 || t == DT_U32 || t == DT_BOOL; }

const char *vec_type(int t) {
  return dtype_computed(t) == DT_F32 ? "gc_vf" : t == DT_F64 ? "gc_vd" : t == DT_U32 ? "gc_vu" : "gc_vi";
}

/* Some functions reduce large arguments lane by lane, with scalar functions of another section. */
static void use_prim(Emitter *p, const char *want) {
  prim_use_form(p, PRIM_VECTOR, want);
  if (!strcmp(want, "sin") || !strcmp(want, "cos") || !strcmp(want, "tan")) prim_use(p, "trig");
  if (!strcmp(want, "idiv") || !strcmp(want, "mod")) prim_use(p, "divmod");
}

void vec_use_half(Emitter *p, int t) {
  p->native->halves |= 1u << t;
  use_prim(p, dtype_info[t].name);
}

/* The suffix of the functions that load and store an element type. */
static const char *access_name(NestText *c, int t) {
  if (dtype_is_half(t)) vec_use_half(c->p, t);
  static const char *const name[DT_COUNT] = {
    [DT_BOOL] = "b", [DT_U32] = "u", [DT_I32] = "i", [DT_F32] = "f", [DT_F64] = "d", [DT_F16] = "h", [DT_BF16] = "bh"};
  return name[t];
}

static DType token_type(Op op, DType t, DType from) { return op_info[op].flags & OPF_SELECT ? t : from; }

bool vec_has_op(Op op, DType t, DType from) {
  const char *body = op_info[op].body;
  if (op_info[op].flags & OPF_CAST || !isupper((unsigned char)body[0]) || from == DT_F64) return true;
  BodyCall call = body_call(body);
  return call.is_prim || token_find(TOKEN, &call, token_type(op, t, from));
}

/* ---- expressions ---- */

static const char *paren(NestText *c, const char *x) { return text_is_atomic(x) ? x : ctx_strf(c->p->c, "(%s)", x); }

const char *vec_splat(NestText *c, int t, const char *x) {
  Emitter *p = c->p;
  if (t == DT_BOOL) return ctx_strf(p->c, "GC_SPLATI(-(int32_t)(%s != 0))", paren(c, x));
  const char *kind = dtype_computed(t) == DT_F32 ? "" : t == DT_F64 ? "D" : t == DT_U32 ? "U" : "I";
  return ctx_strf(p->c, "GC_SPLAT%s(%s)", kind, x);
}

const char *vec_select(NestText *c, int t, const char *mask, const char *a, const char *b) {
  if (dtype_is_float(t)) return ctx_strf(c->p->c, "gc_sel%s(%s, %s, %s)", t == DT_F64 ? "d" : "", mask, a, b);
  if (t == DT_I32) return ctx_strf(c->p->c, "gc_isel(%s, %s, %s)", mask, a, b);
  return ctx_strf(c->p->c, "(%s)gc_isel(%s, (gc_vi)%s, (gc_vi)%s)", vec_type(t), mask, paren(c, a), paren(c, b));
}

/* Value v as a vector. */
const char *vec_arg(NestText *c, int v) {
  const char *x = c->text[v];
  return nest_is_vector(c, v) ? x : vec_splat(c, c->n->val[v].type, x);
}

/* A function that evaluates an op lane by lane, on arrays, so that compilers can vectorize it. OP_NONE: a cast. */
static const char *by_lanes(NestText *c, Op op, DType t, DType from, const char *const *arg, int nargs) {
  Emitter *p = c->p;
  DType in = from == DT_BOOL ? DT_I32 : from, to = t == DT_BOOL ? DT_I32 : t;
  Str s = {.c = p->c}, call = {.c = p->c};
  const char *lane[3] = {"0", "0", "0"};
  bool made;
  str_puts(&s, "(");
  for (int i = 0; i < nargs; i++) {
    str_printf(&s, "%s%s v%d", i ? ", " : "", vec_type(in), i);
    str_printf(&call, "%s%s", i ? ", " : "", arg[i]);
    lane[i] = ctx_strf(p->c, from == DT_BOOL ? "(x%d[i] & 1)" : "x%d[i]", i);
  }
  str_printf(&s, ") {\n  %s r[GC_LANES];\n", dtype_info[to].c);
  for (int i = 0; i < nargs; i++)
    str_printf(&s, "  %s x%d[GC_LANES];\n  gc_store_%s(x%d, v%d);\n", dtype_info[in].c, i, access_name(c, in), i, i);
  const char *value = op ? text_op(p, op, t, from, lane) : text_cast(p, t, from, lane[0]);
  str_printf(&s, "  for (int i = 0; i < GC_LANES; i++) r[i] = %s%s;\n  return gc_load_%s(r);\n}\n",
             t == DT_BOOL ? "-(int32_t)" : "", paren(c, value), access_name(c, to));
  Interned *e = text_intern(p, s.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "gc_lanes%d", p->nkernel - 1);
    str_printf(&p->helpers, "static inline %s %s%s\n", vec_type(t), e->name, s.s);
  }
  return ctx_strf(p->c, "%s(%s)", e->name, call.s);
}

static const char *cast(NestText *c, DType to, DType from, const char *x) {
  Emitter *p = c->p;
  if (to == from) return x;
  from = dtype_computed(from);
  if (dtype_is_half(to)) {
    vec_use_half(p, to);
    return ctx_strf(p->c, "gc_round_%s(%s)", access_name(c, to), cast(c, DT_F32, from, x));
  }
  if (to == from) return x;
  if (dtype_is_float(to) && (dtype_is_float(from) || (to == DT_F64 && from != DT_BOOL)))
    return ctx_strf(p->c, "__builtin_convertvector(%s, %s)", x, vec_type(to));
  if (to == DT_F64 || from == DT_F64) return by_lanes(c, OP_NONE, to, from, &x, 1);
  if (to == DT_BOOL) return ctx_strf(p->c, from == DT_F32 ? "(gc_vi)(%s != 0.0f)" : "(gc_vi)(%s != 0)", x);
  if (from == DT_BOOL)
    return to == DT_F32 ? ctx_strf(p->c, "gc_sel(%s, GC_SPLAT(1.0f), GC_SPLAT(0.0f))", x)
                        : ctx_strf(p->c, to == DT_U32 ? "(gc_vu)(%s & 1)" : "(%s & 1)", x);
  if (to == DT_F32) return ctx_strf(p->c, "__builtin_convertvector(%s, gc_vf)", x);
  if (from == DT_F32) {
    use_prim(p, to == DT_I32 ? "to_i32" : "to_u32");
    return ctx_strf(p->c, to == DT_I32 ? "v_to_i32(%s)" : "v_to_u32(%s)", x);
  }
  if (to == DT_U32) return ctx_strf(p->c, "(gc_vu)gc_isel(%s < 0, GC_SPLATI(0), %s)", x, x); /* saturates */
  return ctx_strf(p->c, "gc_isel((gc_vi)(%s > 0x7fffffffu), GC_SPLATI(0x7fffffff), (gc_vi)%s)", x, x);
}

/* A token or a call of a function of prim/ over vector operands. */
static const char *vec_call(NestText *c, Op op, DType t, DType from, const char *const *arg) {
  BodyCall b = body_call(op_info[op].body);
  DType kind_of = token_type(op, t, from);
  const TokenText *k = token_find(TOKEN, &b, kind_of);
  if (!k && (!b.is_prim || b.is_scalar || kind_of == DT_F64)) return by_lanes(c, op, t, from, arg, b.nargs);
  const char *fn = ctx_strf(c->p->c, "%.*s", (int)b.n, b.name);
  const char *text = k ? k->text : ctx_strf(c->p->c, b.nargs == 1 ? "v_%s($a)" : "v_%s($a, $b)", fn);
  const char *section = k ? k->section : fn;
  Str s = {.c = c->p->c};
  if (section) use_prim(c->p, section);
  for (const char *x = text; *x; x++) {
    if (*x != '$') str_put(&s, x, 1);
    else x++, str_puts(&s, paren(c, arg[b.arg[*x - 'a']]));
  }
  return s.s;
}

/* The body over vector operands. */
const char *vec_op(NestText *c, Op op, DType t, DType from, const char *const *arg) {
  const char *body = op_info[op].body;
  bool casts = op_info[op].flags & OPF_CAST;
  if (dtype_is_half(t) && !casts) return cast(c, t, DT_F32, vec_op(c, op, DT_F32, dtype_computed(from), arg));
  if (casts) return cast(c, t, from, paren(c, arg[0]));
  if (isupper((unsigned char)body[0])) return vec_call(c, op, t, from, arg);
  Str s = {.c = c->p->c};
  bool wraps = t == DT_I32 && body[1];
  if (wraps) str_puts(&s, "(gc_vi)(");
  for (const char *x = body; *x; x++) {
    if (wraps && *x == '-' && x == body) str_puts(&s, "0u - ");
    else if (!islower((unsigned char)*x)) str_put(&s, x, 1);
    else {
      const char *a = body[1] ? paren(c, arg[*x - 'a']) : arg[*x - 'a'];
      if (*body == '-' && *a == '-') str_puts(&s, " ");
      str_printf(&s, "%s%s", wraps ? "(gc_vu)" : "", a);
    }
  }
  if (wraps) str_puts(&s, ")");
  return s.s;
}

/* A load: contiguous, or a gather; of c->remaining lanes in a tail. */
static const char *load_text(NestText *c, const KVal *v) {
  Emitter *p = c->p;
  const char *name = access_name(c, v->type);
  const char *at = ctx_strf(p->c, "%s + %s", nest_buf_name(c, v->buf), text_affine(p, &v->at));
  Dim step = v->at.coef[c->s->lane];
  if (step == 1 && !c->remaining) return ctx_strf(p->c, "gc_load_%s(%s)", name, at);
  if (step == 1) return ctx_strf(p->c, "gc_loadn_%s(%s, %s)", name, at, c->remaining);
  const char *lanes = c->remaining ? c->remaining : "GC_LANES";
  return ctx_strf(p->c, "gc_gather_%s(%s, %s, %s)", name, at, text_dim(p, step), lanes);
}

const char *vec_index(NestText *c, const Affine *at) {
  Dim step = at->coef[c->s->lane];
  const char *base = text_affine(c->p, at);
  if (step == 1) return ctx_strf(c->p->c, "(GC_SPLATI((int32_t)(%s)) + GC_LANE)", base);
  return ctx_strf(c->p->c, "(GC_SPLATI((int32_t)(%s)) + GC_LANE * (int32_t)(%s))", base, text_dim(c->p, step));
}

static const char *random_text(NestText *c, const KVal *v) {
  use_prim(c->p, "random");
  prim_use(c->p, "random_key");
  helper_use(c->p, "gc_random"); /* not inlined: compilers take long for each copy of it */
  return ctx_strf(c->p->c, "gc_random((gc_vu)%s, key%d, run, pass, iteration)", vec_index(c, &v->at), v->stream);
}

static const char *select_text(NestText *c, const KVal *v) {
  const char *around = vec_splat(c, v->type, nest_constant(c, v));
  return ctx_strf(c->p->c, "(%s ? %s : %s)", nest_guards(c, v), vec_arg(c, v->arg[0]), around);
}

const char *vec_value(NestText *c, int i) {
  const KVal *v = &c->n->val[i];
  switch (v->kind) {
  case KV_LOAD: return load_text(c, v);
  case KV_INDEX: return cast(c, (DType)v->type, DT_I32, vec_index(c, &v->at));
  case KV_RANDOM: return random_text(c, v);
  case KV_SELECT: return select_text(c, v);
  case KV_ACC: return cast(c, (DType)v->type, dtype_computed(v->type), nest_acc_name(c, v->arg[0]));
  default: break;
  }
  const char *arg[3] = {"0", "0", "0"};
  for (int k = 0; k < v->nargs; k++) arg[k] = vec_arg(c, v->arg[k]);
  return vec_op(c, (Op)v->op, (DType)v->type, (DType)c->n->val[v->arg[0]].type, arg);
}

void vec_store(NestText *c, const KStore *s) {
  Emitter *p = c->p;
  const char *name = access_name(c, c->k->buf[s->buf].type);
  const char *at = ctx_strf(p->c, "%s + %s", nest_buf_name(c, s->buf), text_affine(p, &s->at));
  const char *v = vec_arg(c, s->value);
  Dim step = s->at.coef[c->s->lane];
  const char *lanes = c->remaining ? c->remaining : "GC_LANES", *d = text_dim(p, step);
  if (s->add && step == 1) v = ctx_strf(p->c, "gc_loadn_%s(%s, %s) + %s", name, at, lanes, paren(c, v));
  else if (s->add) v = ctx_strf(p->c, "gc_gather_%s(%s, %s, %s) + %s", name, at, d, lanes, paren(c, v));
  if (step == 1 && !c->remaining) nest_line(c, "gc_store_%s(%s, %s);", name, at, v);
  else if (step == 1) nest_line(c, "gc_storen_%s(%s, %s, %s);", name, at, v, c->remaining);
  else nest_line(c, "gc_scatter_%s(%s, %s, %s, %s);", name, at, d, v, lanes);
}

static void use_vectors(NestText *c) {
  NativeText *x = c->p->native;
  x->vectors = true;
  for (int i = 1; i < c->n->nval; i++) x->doubles |= c->n->val[i].type == DT_F64;
  vector_columns(c);
}

const LaneText vector_lanes = {
  .begin = use_vectors,
  .type = vec_type,
  .splat = vec_splat,
  .select = vec_select,
  .arg = vec_arg,
  .value = vec_value,
  .op = vec_op,
  .store = vec_store,
  .inner_loops = emit_inner_vectors,
  .outer_loop = emit_outer_vectors,
  .fetch = emit_fetch,
};
