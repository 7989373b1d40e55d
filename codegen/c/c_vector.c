/* Values of the native dialect that differ from lane to lane: vectors of GC_VEC elements along the nest's lane axis.
 * f32, f64, i32 and u32 are vectors of these; a bool is a mask of i32, all ones or zero. Other types stay scalar, and
 * with them the whole nest. A partial vector at the end of an axis runs the same code on fewer lanes. */
#include "codegen/c/nest.h"
#include <ctype.h>
#include <string.h>

/* kinds: as in c_body.c. $a $b $c: operands as vectors. need: section of prim.h. What f64 has no row for goes lane by lane,
 * by its scalar body. */
typedef struct VToken { const char *name, *kinds, *text, *need; } VToken;
static const VToken TOKEN[] = {
  {"ABS", "f", "v_abs($a)", "abs"},       {"ABS", "i", "gc_isel($a < 0, (gc_vi)(0u - (gc_vu)$a), $a)", NULL},
  {"ABS", "u", "$a", NULL},               {"SIGN", "f", "v_sign($a)", "sign"},
  {"SIGN", "i", "(gc_vi)(($a < 0) - ($a > 0))", NULL}, {"SIGN", "u", "(gc_vu)(0 - ($a > 0u))", NULL},
  {"FLOOR", "f", "v_floor($a)", "floor"}, {"FLOOR", "iu", "$a", NULL},
  {"CEIL", "f", "v_ceil($a)", "ceil"},    {"CEIL", "iu", "$a", NULL},
  {"ROUND", "f", "v_round($a)", "round"}, {"ROUND", "iu", "$a", NULL},
  {"EXP", "f", "v_exp($a)", "exp"},       {"EXPM1", "f", "v_expm1($a)", "expm1"},
  {"LOG", "f", "v_log($a)", "log"},       {"LOG1P", "f", "v_log1p($a)", "log1p"},
  {"SQRT", "f", "gc_sqrt($a)", "sqrt"},   {"RSQRT", "f", "(1.0f / gc_sqrt($a))", "sqrt"},
  {"SIN", "f", "v_sin($a)", "sin"},       {"COS", "f", "v_cos($a)", "cos"},
  {"TANH", "f", "v_tanh($a)", "tanh"},    {"SIGMOID", "f", "v_sigmoid($a)", "sigmoid"},
  {"ERF", "f", "v_erf($a)", "erf"},       {"POW", "f", "v_pow($a, $b)", "pow"},
  {"IDIV", "f", "v_idiv($a, $b)", "idiv"}, {"IDIV", "i", "v_idiv_i32($a, $b)", "idiv_i32"},
  {"IDIV", "u", "v_idiv_u32($a, $b)", "idiv_u32"},
  {"MOD", "f", "v_mod($a, $b)", "mod"},   {"MOD", "i", "v_mod_i32($a, $b)", "mod_i32"},
  {"MOD", "u", "v_mod_u32($a, $b)", "mod_u32"},
  {"MAX", "f", "v_max($a, $b)", "max"},   {"MAX", "i", "gc_isel($a > $b, $a, $b)", NULL},
  {"MAX", "u", "(gc_vu)gc_isel((gc_vi)($a > $b), (gc_vi)$a, (gc_vi)$b)", NULL},
  {"MIN", "f", "v_min($a, $b)", "min"},   {"MIN", "i", "gc_isel($a < $b, $a, $b)", NULL},
  {"MIN", "u", "(gc_vu)gc_isel((gc_vi)($a < $b), (gc_vi)$a, (gc_vi)$b)", NULL},
  {"EQ", "fiub", "(gc_vi)($a == $b)", NULL}, {"NE", "fiub", "(gc_vi)($a != $b)", NULL},
  {"LT", "fiu", "(gc_vi)($a < $b)", NULL},   {"LE", "fiu", "(gc_vi)($a <= $b)", NULL},
  {"EQ", "d", "GC_NARROWED($a == $b)", NULL}, {"NE", "d", "GC_NARROWED($a != $b)", NULL},
  {"LT", "d", "GC_NARROWED($a < $b)", NULL},  {"LE", "d", "GC_NARROWED($a <= $b)", NULL},
  {"OVER", "f", "(gc_vi)(($a == $a) & ~($b <= $a))", NULL}, {"OVER", "iu", "(gc_vi)($b > $a)", NULL},
  {"UNDER", "f", "(gc_vi)(($a == $a) & ~($a <= $b))", NULL}, {"UNDER", "iu", "(gc_vi)($b < $a)", NULL},
  {"OVER", "d", "GC_NARROWED(($a == $a) & ~($b <= $a))", NULL},
  {"UNDER", "d", "GC_NARROWED(($a == $a) & ~($a <= $b))", NULL},
  {"AND", "b", "($a & $b)", NULL},        {"OR", "b", "($a | $b)", NULL},
  {"NOT", "b", "~$a", NULL},              {"SEL", "f", "gc_sel($a, $b, $c)", NULL},
  {"SEL", "d", "gc_seld($a, $b, $c)", NULL},
  {"SEL", "ib", "gc_isel($a, $b, $c)", NULL}, {"SEL", "u", "(gc_vu)gc_isel($a, (gc_vi)$b, (gc_vi)$c)", NULL},
};

static bool is_vector_type(int t) {
  return dtype_is_float(t) || t == DT_I32 || t == DT_U32 || t == DT_BOOL;
}

const char *cnv_type(int t) {
  return dtype_computed(t) == DT_F32 ? "gc_vf" : t == DT_F64 ? "gc_vd" : t == DT_U32 ? "gc_vu" : "gc_vi";
}

/* The ending of the functions that load and store an element type. */
static const char *access_name(CNest *c, int t) {
  if (dtype_is_half(t)) c->p->halves |= 1u << t, c_vprim_use(c->p, dtype_info[t].name);
  static const char *const name[DT_COUNT] = {[DT_BOOL] = "b", [DT_U32] = "u", [DT_I32] = "i", [DT_F32] = "f",
                                             [DT_F64] = "d", [DT_F16] = "h", [DT_BF16] = "bh"};
  return name[t];
}

bool cnv_is(const CNest *c, int v) {
  return c->lane >= 0 && c->n->val[v].needs >> c->lane & 1;
}

static const VToken *find_token(const char *body, DType kind_of) {
  size_t n = strcspn(body, "(");
  char kind = kind_of == DT_F64 ? 'd' : dtype_info[kind_of].kind;
  for (size_t i = 0; i < sizeof TOKEN / sizeof *TOKEN; i++)
    if (strlen(TOKEN[i].name) == n && !memcmp(TOKEN[i].name, body, n) && strchr(TOKEN[i].kinds, kind)) return &TOKEN[i];
  return NULL;
}

static DType token_type(const char *body, DType t, DType from) {
  return !strncmp(body, "SEL(", 4) ? t : from;
}

/* ---- which nests ---- */

static bool op_is_vector(const KNest *n, const KVal *v) {
  const char *body = op_info[v->op].body;
  DType from = (DType)n->val[v->arg[0]].type;
  if (!strncmp(body, "CAST(", 5) || !isupper((unsigned char)body[0])) return true;
  return from == DT_F64 || find_token(body, token_type(body, (DType)v->type, from)) != NULL;
}

/* Whether everything that differs along axis `a` can be a vector. */
static bool is_lane(const CNest *c, int a) {
  const KNest *n = c->n;
  Module *m = c->p->m;
  if (dim_bound(m, n->axes.axis[a].extent) < 4 || n->axes.axis[a].kind != AX_LOOP) return false;
  for (int i = 0; i < n->axes.n; i++)
    if (n->axes.axis[i].kind != AX_LOOP && c->used_axes[0] >> i & 1 && n->axes.axis[i].needs >> a & 1) return false;
  for (int i = 1; i < n->nval; i++) {
    const KVal *v = &n->val[i];
    if (!c->uses[i] || !(v->needs >> a & 1)) continue;
    if (v->kind == KV_LOAD && c->k->buf[v->buf].cols && !c->panels_open) return false;
    if (!is_vector_type(v->type) || (v->kind == KV_OP && !op_is_vector(n, v))) return false;
    if (v->kind == KV_RANDOM && dim_bound(m,
                                          type_count(m, node_get(c->k->gs->g,
                                                                 v->node)->type)) > INT32_MAX) return false;
  }
  for (int i = 0; i < n->nstore; i++) {
    const KBuf *b = &c->k->buf[n->store[i].buf];
    if (!is_vector_type(b->type) || (b->cols && !c->panels_open)) return false;
  }
  return true;
}

static bool is_outer(const KNest *n, int a) {
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] == a) return true;
  return false;
}

/* Inner lanes: the axis runs fastest in every phase that has loops, and sums over it go by lanes. */
static bool lane_suits_inner(const CNest *c, int a) {
  const KNest *n = c->n;
  for (int p = 0; p < n->nphase; p++) {
    const KPhase *ph = &n->phase[p];
    if (!ph->naxis) continue;
    if (ph->axis[ph->naxis - 1] != a || ph->skip) return false;
    int64_t extent;
    bool whole = dim_number(c->p->m, n->axes.axis[a].extent, &extent) && extent % STRICT_LANES == 0;
    for (int i = 0; i < n->nacc; i++) {
      const KAcc *k = &n->acc[i];
      if (k->phase != p) continue;
      if (!ca_is_arg(k) && (k->order != KO_LANES || (ph->naxis > 1 && !whole))) return false;
      if (!is_vector_type(k->type) || k->type == DT_BOOL) return false;
    }
  }
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].level == KS_INNER && !n->store[i].at.coef[a]) return false;
  return true;
}

/* Outer lanes: every result differs from lane to lane. */
static bool lane_suits_outer(const CNest *c, int a) {
  for (int i = 0; i < c->n->nstore; i++)
    if (!c->n->store[i].at.coef[a]) return false;
  for (int i = 0; i < c->n->nacc; i++)
    if (!(c->n->val[c->n->acc[i].value].needs >> a & 1)) return false;
  return true;
}

/* Accesses next to each other along the axis, less those that would have to be gathered. */
static int lane_score(const CNest *c, int a) {
  int score = 0;
  for (int i = 1; i < c->n->nval; i++)
    if (c->uses[i] && c->n->val[i].kind == KV_LOAD && c->n->val[i].at.coef[a])
      score += c->n->val[i].at.coef[a] == 1 ? 2 : -3;
  for (int i = 0; i < c->n->nstore; i++)
    if (c->n->store[i].at.coef[a]) score += c->n->store[i].at.coef[a] == 1 ? 2 : -4;
  return score;
}

void cnv_choose(CNest *c) {
  const KNest *n = c->n;
  int best = 0;
  c->lane = -1;
  if (!c->p->native) return;
  c->vec = c->p->o->machine ? c->p->o->machine->vec : 4;
  for (int a = 0; a < n->axes.n; a++) {
    bool outer = is_outer(n, a);
    if (!is_lane(c, a) || !(outer ? lane_suits_outer(c, a) : lane_suits_inner(c, a))) continue;
    int score = lane_score(c, a);
    if (score <= best) continue;
    best = score;
    c->lane = a;
    c->lane_outer = outer;
  }
}

/* ---- expressions ---- */

static const char *paren(CNest *c, const char *x) {
  return c_atomic(x) ? x : ctx_strf(c->p->c, "(%s)", x);
}

const char *cnv_splat(CNest *c, int t, const char *x) {
  CPrint *p = c->p;
  if (t == DT_BOOL) return ctx_strf(p->c, "GC_SPLATI(-(int32_t)(%s != 0))", paren(c, x));
  const char *kind = dtype_computed(t) == DT_F32 ? "" : t == DT_F64 ? "D" : t == DT_U32 ? "U" : "I";
  return ctx_strf(p->c, "GC_SPLAT%s(%s)", kind, x);
}

const char *cnv_select(CNest *c, int t, const char *mask, const char *a, const char *b) {
  if (dtype_is_float(t)) return ctx_strf(c->p->c, "gc_sel%s(%s, %s, %s)", t == DT_F64 ? "d" : "", mask, a, b);
  return ctx_strf(c->p->c, "(%s)gc_isel(%s, (gc_vi)%s, (gc_vi)%s)", cnv_type(t), mask, paren(c, a), paren(c, b));
}

/* Value v as a vector. */
const char *cnv_arg(CNest *c, int v) {
  const char *x = c->text[v];
  return cnv_is(c, v) ? x : cnv_splat(c, c->n->val[v].type, x);
}

/* A function that goes lane by lane, through arrays, so that compilers can make vectors of it again. A bool is a mask.
 * OP_NONE: a conversion. */
static const char *by_lanes(CNest *c, Op op, DType t, DType from, const char *const *arg, int nargs) {
  CPrint *p = c->p;
  DType in = from == DT_BOOL ? DT_I32 : from, to = t == DT_BOOL ? DT_I32 : t;
  Str s = {.c = p->c}, call = {.c = p->c};
  const char *lane[3] = {"0", "0", "0"};
  bool made;
  str_puts(&s, "(");
  for (int i = 0; i < nargs; i++) {
    str_printf(&s, "%s%s v%d", i ? ", " : "", cnv_type(in), i);
    str_printf(&call, "%s%s", i ? ", " : "", arg[i]);
    lane[i] = ctx_strf(p->c, from == DT_BOOL ? "(x%d[i] & 1)" : "x%d[i]", i);
  }
  str_printf(&s, ") {\n  %s r[GC_LANES];\n", dtype_info[to].c);
  for (int i = 0; i < nargs; i++)
    str_printf(&s, "  %s x%d[GC_LANES];\n  gc_store_%s(x%d, v%d);\n", dtype_info[in].c, i, access_name(c, in), i, i);
  const char *value = op ? c_body(p, op, t, from, lane) : c_cast(p, t, from, lane[0]);
  str_printf(&s, "  for (int i = 0; i < GC_LANES; i++) r[i] = %s%s;\n  return gc_load_%s(r);\n}\n",
             t == DT_BOOL ? "-(int32_t)" : "", paren(c, value), access_name(c, to));
  CKernel *e = c_intern(p, s.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "gc_lanes%d", p->nkernel - 1);
    str_printf(&p->helpers, "static inline %s %s%s\n", cnv_type(t), e->name, s.s);
  }
  return ctx_strf(p->c, "%s(%s)", e->name, call.s);
}

static const char *cast(CNest *c, DType to, DType from, const char *x) {
  CPrint *p = c->p;
  if (to == from) return x;
  from = dtype_computed(from);
  if (dtype_is_half(to)) {
    c->p->halves |= 1u << to, c_vprim_use(p, dtype_info[to].name);
    return ctx_strf(p->c, "gc_round_%s(%s)", access_name(c, to), cast(c, DT_F32, from, x));
  }
  if (to == from) return x;
  if (dtype_is_float(to) && dtype_is_float(from)) return ctx_strf(p->c, "__builtin_convertvector(%s, %s)", x, cnv_type(to));
  if (to == DT_F64 && from != DT_BOOL) return ctx_strf(p->c, "__builtin_convertvector(%s, gc_vd)", x);
  if (to == DT_F64 || from == DT_F64) return by_lanes(c, OP_NONE, to, from, &x, 1);
  if (to == DT_BOOL) return ctx_strf(p->c, from == DT_F32 ? "(gc_vi)(%s != 0.0f)" : "(gc_vi)(%s != 0)", x);
  if (from == DT_BOOL)
    return to == DT_F32 ? ctx_strf(p->c, "gc_sel(%s, GC_SPLAT(1.0f), GC_SPLAT(0.0f))", x)
                        : ctx_strf(p->c, to == DT_U32 ? "(gc_vu)(%s & 1)" : "(%s & 1)", x);
  if (to == DT_F32) return ctx_strf(p->c, "__builtin_convertvector(%s, gc_vf)", x);
  if (from == DT_F32) {
    c_vprim_use(p, to == DT_I32 ? "to_i32" : "to_u32");
    return ctx_strf(p->c, to == DT_I32 ? "v_to_i32(%s)" : "v_to_u32(%s)", x);
  }
  if (to == DT_U32) return ctx_strf(p->c, "(gc_vu)gc_isel(%s < 0, GC_SPLATI(0), %s)", x, x); /* saturates */
  return ctx_strf(p->c, "gc_isel((gc_vi)(%s > 0x7fffffffu), GC_SPLATI(0x7fffffff), (gc_vi)%s)", x, x);
}

/* The body over vector operands. */
const char *cnv_body(CNest *c, Op op, DType t, DType from, const char *const *arg) {
  const char *body = op_info[op].body;
  Str s = {.c = c->p->c};
  if (dtype_is_half(t) && strncmp(body, "CAST(", 5))
    return cast(c, t, DT_F32, cnv_body(c, op, DT_F32, dtype_computed(from), arg));
  if (isupper((unsigned char)body[0])) {
    if (!strncmp(body, "CAST(", 5)) return cast(c, t, from, paren(c, arg[0]));
    const VToken *k = find_token(body, token_type(body, t, from));
    char letter[3] = {'a', 'b', 'c'};
    int n = 0;
    for (const char *x = strchr(body, '('); *x; x++)
      if (islower((unsigned char)*x) && n < 3) letter[n++] = *x;
    if (!k) return by_lanes(c, op, t, from, arg, n);
    if (k->need) c_vprim_use(c->p, k->need);
    for (const char *x = k->text; *x; x++) {
      if (*x != '$') str_put(&s, x, 1);
      else x++, str_puts(&s, paren(c, arg[letter[*x - 'a'] - 'a']));
    }
    return s.s;
  }
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

/* p + l * stride for the lanes, of which `left` (NULL: all) are there. */
static const char *load_text(CNest *c, const KVal *v) {
  CPrint *p = c->p;
  const char *name = access_name(c, v->type);
  const char *at = ctx_strf(p->c, "%s + %s", cn_buf(c, v->buf), c_affine(p, &v->at));
  Dim step = v->at.coef[c->lane];
  if (step == 1 && !c->left) return ctx_strf(p->c, "gc_load_%s(%s)", name, at);
  if (step == 1) return ctx_strf(p->c, "gc_loadn_%s(%s, %s)", name, at, c->left);
  return ctx_strf(p->c, "gc_gather_%s(%s, %s, %s)", name, at, c_dim(p, step), c->left ? c->left : "GC_LANES");
}

const char *cnv_index(CNest *c, const Affine *at) {
  Dim step = at->coef[c->lane];
  const char *base = c_affine(c->p, at);
  if (step == 1) return ctx_strf(c->p->c, "(GC_SPLATI((int32_t)(%s)) + GC_LANE)", base);
  return ctx_strf(c->p->c, "(GC_SPLATI((int32_t)(%s)) + GC_LANE * (int32_t)(%s))", base, c_dim(c->p, step));
}

static const char *random_text(CNest *c, const KVal *v) {
  c_vprim_use(c->p, "random");
  c_prim_use(c->p, "random_key");
  c->p->helper |= CH_RANDOM; /* a function of its own: compilers take long for each copy of it */
  return ctx_strf(c->p->c, "gc_random((gc_vu)%s, key%d, run, pass, turn)", cnv_index(c, &v->at), v->stream);
}

static const char *select_text(CNest *c, const KVal *v) {
  const char *around = cnv_splat(c, v->type, c_number(c->p, (DType)v->type, v->c));
  return ctx_strf(c->p->c, "(%s ? %s : %s)", cn_guards(c, v), cnv_arg(c, v->arg[0]), around);
}

const char *cnv_text(CNest *c, int i) {
  const KVal *v = &c->n->val[i];
  switch (v->kind) {
  case KV_LOAD: return load_text(c, v);
  case KV_INDEX: return cast(c, (DType)v->type, DT_I32, cnv_index(c, &v->at));
  case KV_RANDOM: return random_text(c, v);
  case KV_SELECT: return select_text(c, v);
  case KV_ACC: return cast(c, (DType)v->type, dtype_computed(v->type), cn_acc(c, v->arg[0]));
  default: break;
  }
  const char *arg[3] = {"0", "0", "0"};
  for (int k = 0; k < v->nargs; k++) arg[k] = cnv_arg(c, v->arg[k]);
  return cnv_body(c, (Op)v->op, (DType)v->type, (DType)c->n->val[v->arg[0]].type, arg);
}

void cnv_store(CNest *c, const KStore *s) {
  CPrint *p = c->p;
  const char *name = access_name(c, c->k->buf[s->buf].type);
  const char *at = ctx_strf(p->c, "%s + %s", cn_buf(c, s->buf), c_affine(p, &s->at)), *v = cnv_arg(c, s->value);
  Dim step = s->at.coef[c->lane];
  const char *left = c->left ? c->left : "GC_LANES", *d = c_dim(p, step);
  if (s->add && step == 1) v = ctx_strf(p->c, "gc_loadn_%s(%s, %s) + %s", name, at, left, paren(c, v));
  else if (s->add) v = ctx_strf(p->c, "gc_gather_%s(%s, %s, %s) + %s", name, at, d, left, paren(c, v));
  if (step == 1 && !c->left) cn_line(c, "gc_store_%s(%s, %s);", name, at, v);
  else if (step == 1) cn_line(c, "gc_storen_%s(%s, %s, %s);", name, at, v, c->left);
  else cn_line(c, "gc_scatter_%s(%s, %s, %s, %s);", name, at, d, v, left);
}
