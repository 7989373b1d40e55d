/* Scalar bodies as C: an op's body in ops.def is an operator expression or one token over a, b, c; this table says
 * what a token is for a kind of element, the functions being those of prim.h. */
#include "codegen/c/c.h"
#include "ir/decimal.h"
#include "ir/interp.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* kinds: f f32, d f64, i u b. $a $b $c: operands, $t: the C type, $s: the suffix of f64. need: section of prim.h, less
 * the suffix. */
typedef struct Token { const char *name, *kinds, *text, *need; } Token;
static const Token TOKEN[] = {
  {"ABS", "fd", "p_abs$s($a)", "abs"},       {"ABS", "i", "($a < 0 ? ($t)(0u - (uint32_t)$a) : $a)", NULL},
  {"ABS", "u", "$a", NULL},                  {"SIGN", "fd", "p_sign$s($a)", "sign"},
  {"SIGN", "i", "(($a > 0) - ($a < 0))", NULL}, {"SIGN", "u", "($a > 0)", NULL},
  {"FLOOR", "fd", "p_floor$s($a)", "floor"}, {"FLOOR", "iu", "$a", NULL},
  {"CEIL", "fd", "p_ceil$s($a)", "ceil"},    {"CEIL", "iu", "$a", NULL},
  {"ROUND", "fd", "p_round$s($a)", "round"}, {"ROUND", "iu", "$a", NULL},
  {"EXP", "fd", "p_exp$s($a)", "exp"},       {"EXPM1", "fd", "p_expm1$s($a)", "expm1"},
  {"LOG", "fd", "p_log$s($a)", "log"},       {"LOG1P", "fd", "p_log1p$s($a)", "log1p"},
  {"SQRT", "fd", "p_sqrt$s($a)", "sqrt"},    {"RSQRT", "fd", "p_rsqrt$s($a)", "rsqrt"},
  {"SIN", "fd", "p_sin$s($a)", "sin"},       {"COS", "fd", "p_cos$s($a)", "cos"},
  {"TANH", "fd", "p_tanh$s($a)", "tanh"},    {"SIGMOID", "fd", "p_sigmoid$s($a)", "sigmoid"},
  {"ERF", "fd", "p_erf$s($a)", "erf"},       {"POW", "fd", "p_pow$s($a, $b)", "pow"},
  {"IDIV", "fd", "p_idiv$s($a, $b)", "idiv"}, {"IDIV", "i", "p_idiv_i32($a, $b)", "idiv_i32"},
  {"IDIV", "ub", "p_idiv_u32($a, $b)", "idiv_u32"},
  {"MOD", "fd", "p_mod$s($a, $b)", "mod"},   {"MOD", "i", "p_mod_i32($a, $b)", "mod_i32"},
  {"MOD", "ub", "p_mod_u32($a, $b)", "mod_u32"},
  {"MAX", "fd", "p_max$s($a, $b)", "max"},   {"MAX", "iub", "($a > $b ? $a : $b)", NULL},
  {"MIN", "fd", "p_min$s($a, $b)", "min"},   {"MIN", "iub", "($a < $b ? $a : $b)", NULL},
  {"EQ", "fdiub", "($a == $b)", NULL},       {"NE", "fdiub", "($a != $b)", NULL},
  {"LT", "fdiub", "($a < $b)", NULL},        {"LE", "fdiub", "($a <= $b)", NULL},
  {"OVER", "fd", "($a == $a && !($b <= $a))", NULL}, {"OVER", "iub", "($b > $a)", NULL},
  {"UNDER", "fd", "($a == $a && !($a <= $b))", NULL}, {"UNDER", "iub", "($b < $a)", NULL},
  {"AND", "b", "($a & $b)", NULL},           {"OR", "b", "($a | $b)", NULL},
  {"NOT", "b", "!$a", NULL},                 {"SEL", "fdiub", "($a ? $b : $c)", NULL},
};

bool c_atomic(const char *s) {
  int depth = 0;
  if (*s == '-' || *s == '!') return false;
  for (; *s; s++) {
    if (*s == '(' || *s == '[') depth++;
    else if (*s == ')' || *s == ']') depth--;
    else if (depth == 0 && (*s == ' ' || *s == '?')) return false;
  }
  return true;
}

static const char *operand(CPrint *p, const char *x) {
  return c_atomic(x) ? x : ctx_strf(p->c, "(%s)", x);
}

static const Token *find_token(const char *name, size_t n, char kind) {
  for (size_t i = 0; i < sizeof TOKEN / sizeof *TOKEN; i++)
    if (strlen(TOKEN[i].name) == n && !memcmp(TOKEN[i].name, name, n) && strchr(TOKEN[i].kinds, kind)) return &TOKEN[i];
  return NULL;
}

/* TOKEN(x, y, z): each argument is one letter. */
static const char *token_body(CPrint *p, const char *body, DType t, DType from, const char *const *arg) {
  size_t n = strcspn(body, "(");
  char letter[3] = {'a', 'b', 'c'};
  int k = 0;
  for (const char *s = body + n; *s; s++)
    if (islower((unsigned char)*s) && k < 3) letter[k++] = *s;
  if (n == 4 && !memcmp(body, "CAST", 4)) return c_cast(p, t, from, arg[0]);
  DType kind_of = n == 3 && !memcmp(body, "SEL", 3) ? t : from;
  const char *suffix = kind_of == DT_F64 ? "_f64" : "";
  const Token *tok = find_token(body, n, *suffix ? 'd' : dtype_info[kind_of].kind);
  if (!tok) {
    diag_error(p->c, 403, p->at ? node_get(p->graph, p->at)->loc : 0, 1, "internal: %.*s of %s has no C", (int)n, body,
               dtype_info[kind_of].name);
    return "0";
  }
  if (tok->need) c_prim_use(p, ctx_strf(p->c, "%s%s", tok->need, suffix));
  Str s = {.c = p->c};
  for (const char *x = tok->text; *x; x++) {
    if (*x != '$') str_put(&s, x, 1);
    else if (*++x == 't') str_puts(&s, dtype_info[t].c);
    else if (*x == 's') str_puts(&s, suffix);
    else str_puts(&s, strchr(tok->text, ' ') && tok->text[0] == '(' ? operand(p, arg[letter[*x - 'a'] - 'a'])
                    : tok->text[0] == '!' ? operand(p, arg[letter[*x - 'a'] - 'a']) : arg[letter[*x - 'a'] - 'a']);
  }
  bool narrow = dtype_info[t].kind != 'f' && t != DT_BOOL && dtype_info[t].bytes < 4; /* C computes it as an int */
  return narrow ? ctx_strf(p->c, "(%s)%s", dtype_info[t].c, operand(p, s.s)) : s.s;
}

/* An f32 rounded to a 16-bit type, as an f32. */
static const char *rounded(CPrint *p, DType t, const char *x) {
  const char *name = dtype_info[t].name;
  c_prim_use(p, name);
  return ctx_strf(p->c, "p_from_%s(p_to_%s(%s))", name, name, x);
}

const char *c_widened(CPrint *p, DType t, const char *bits) {
  if (!dtype_is_half(t)) return bits;
  c_prim_use(p, dtype_info[t].name);
  return ctx_strf(p->c, "p_from_%s(%s)", dtype_info[t].name, bits);
}

const char *c_narrowed(CPrint *p, DType t, const char *x) {
  if (!dtype_is_half(t)) return x;
  c_prim_use(p, dtype_info[t].name);
  return ctx_strf(p->c, "(uint16_t)p_to_%s(%s)", dtype_info[t].name, x);
}

/* Ops that give what an operand holds. */
static bool keeps_digits(const char *body) {
  return !body[1] || !strncmp(body, "SEL(", 4) || !strncmp(body, "MAX(", 4) || !strncmp(body, "MIN(", 4);
}

const char *c_body(CPrint *p, Op op, DType t, DType from, const char *const *arg) {
  const char *body = op_info[op].body;
  if (dtype_is_half(t) && strncmp(body, "CAST(", 5)) {
    const char *x = c_body(p, op, DT_F32, dtype_computed(from), arg);
    return keeps_digits(body) ? x : rounded(p, t, x);
  }
  if (isupper((unsigned char)body[0])) return token_body(p, body, t, dtype_computed(from), arg);
  bool wraps = dtype_info[t].kind != 'f' && body[1]; /* integers wrap: computed unsigned */
  Str s = {.c = p->c};
  if (wraps) str_printf(&s, "(%s)(", dtype_info[t].c);
  for (const char *x = body; *x; x++) {
    if (!islower((unsigned char)*x)) {
      if (wraps && *x == '-' && x == body) str_puts(&s, "0u - ");
      else str_put(&s, x, 1);
      continue;
    }
    const char *a = body[1] ? operand(p, arg[*x - 'a']) : arg[*x - 'a'];
    if (wraps) str_puts(&s, "(uint32_t)");
    if (*body == '-' && *a == '-') str_puts(&s, " ");
    str_puts(&s, a);
  }
  if (wraps) str_puts(&s, ")");
  return s.s;
}

/* ---- numbers ---- */

static double int_low(DType t) {
  return dtype_info[t].kind == 'i' ? -ldexp(1, 8 * dtype_info[t].bytes - 1) : 0;
}

static double int_high(DType t) {
  return t == DT_BOOL ? 1 : ldexp(1, 8 * dtype_info[t].bytes - (dtype_info[t].kind == 'i')) - 1;
}

/* The nearest number of a 16-bit type, and its bits. */
static double half_number(DType t, double v, uint16_t *bits) {
  uint16_t h = 0;
  Val one = {.type = t, .count = 1, .data = &h};
  val_set(&one, 0, v);
  if (bits) *bits = h;
  return val_get(&one, 0);
}

const char *c_number(CPrint *p, DType t, double v) {
  char text[64];
  if (dtype_info[t].kind != 'f') {
    double lo = int_low(t), hi = int_high(t);
    v = isnan(v) ? 0 : v < lo ? lo : v > hi ? hi : v;
    if (t == DT_BOOL) v = v != 0;
    if (t == DT_I32 && v == lo) return "(-2147483647 - 1)";
    return ctx_strf(p->c, t == DT_U32 ? "%.0fu" : "%.0f", trunc(v));
  }
  if (dtype_is_half(t)) v = half_number(t, v, NULL), t = DT_F32;
  if (t == DT_F32) v = (double)(float)v;
  if (isnan(v)) return t == DT_F32 ? "(0.0f / 0.0f)" : "(0.0 / 0.0)";
  if (isinf(v)) return ctx_strf(p->c, t == DT_F32 ? "(%s1.0f / 0.0f)" : "(%s1.0 / 0.0)", v < 0 ? "-" : "");
  decimal_print(t == DT_F32 ? decimal_f32 : decimal_f64, v, text);
  if (!strpbrk(text, ".e")) strcat(text, ".0");
  return ctx_strf(p->c, t == DT_F32 ? "%sf" : "%s", text);
}

const char *c_table_number(CPrint *p, DType t, double v) {
  uint16_t bits;
  if (!dtype_is_half(t)) return c_number(p, t, v);
  half_number(t, v, &bits);
  return ctx_strf(p->c, "%u", bits);
}

const char *c_stored_number(CPrint *p, DType t, const void *values, int64_t i) {
  if (dtype_is_half(t)) t = DT_U16; /* bits */
  switch (t) {
#define X(e, name, bytes, ctype, kind) case DT_##e: return c_number(p, t, (double)((const C_##e *)values)[i]);
  typedef uint8_t C_BOOL, C_U8;
  typedef int8_t C_I8;
  typedef uint16_t C_U16;
  typedef int16_t C_I16;
  typedef uint32_t C_U32;
  typedef int32_t C_I32;
  typedef float C_F32;
  typedef double C_F64;
  typedef uint16_t C_F16, C_BF16;
  DTYPES(X)
#undef X
  default: return "0";
  }
}

const char *c_cast(CPrint *p, DType to, DType from, const char *x) {
  if (to == from) return x;
  from = dtype_computed(from);
  if (dtype_is_half(to)) return rounded(p, to, c_cast(p, DT_F32, from, x));
  const DTypeInfo *a = &dtype_info[from], *b = &dtype_info[to];
  if (to == from) return x;
  if (to == DT_BOOL) return ctx_strf(p->c, "(%s != 0)", operand(p, x));
  if (b->kind == 'f') return ctx_strf(p->c, "(%s)%s", b->c, operand(p, x));
  if (a->kind == 'f') {
    if (from == DT_F64) {
      x = operand(p, x);
      return ctx_strf(p->c, "(%s != %s ? 0 : %s <= %.1f ? %s : %s >= %.1f ? %s : (%s)%s)", x, x, x, int_low(to),
                      c_number(p, to, int_low(to)), x, int_high(to), c_number(p, to, int_high(to)), b->c, x);
    }
    if (b->bytes == 4) {
      c_prim_use(p, to == DT_I32 ? "to_i32" : "to_u32");
      return ctx_strf(p->c, to == DT_I32 ? "p_to_i32(%s)" : "p_to_u32(%s)", x);
    }
    c_prim_use(p, "to_int");
    return ctx_strf(p->c, "(%s)p_to_int(%s, %.1ff, %.1ff)", b->c, x, int_low(to), int_high(to));
  }
  double lo = int_low(to), hi = int_high(to);
  bool low = int_low(from) < lo, high = int_high(from) > hi;
  x = operand(p, x);
  const char *in = ctx_strf(p->c, "(%s)%s", b->c, x);
  if (high) in = ctx_strf(p->c, "%s > %s ? %s : %s", x, c_number(p, from, hi), c_number(p, to, hi), in);
  if (low) in = ctx_strf(p->c, "%s < %s ? %s : %s", x, c_number(p, from, lo), c_number(p, to, lo), in);
  return low || high ? ctx_strf(p->c, "(%s)", in) : in;
}

/* ---- prim.h by sections ---- */

/* Cuts a text at its marks. A section that begins with an #include stands for the sections of that file. */
static void find_sections(CPrint *p, const char *file) {
  static const char include[] = "#include \"";
  size_t n;
  const char *s = p->o->carried(file, &n), *next;
  for (s = s ? strstr(s, "/*@ ") : NULL; s; s = next) {
    const char *colon = strchr(s, ':'), *end = strstr(s, "*/");
    if (!colon || !end || colon > end) return;
    const char *text = end + 2 + (end[2] == '\n'), *needs = colon + 1, *name = text + sizeof include - 1;
    while (*needs == ' ') needs++;
    next = strstr(text, "/*@ ");
    n = next ? (size_t)(next - text) : strlen(text);
    while (n && text[n - 1] == '\n') n--;
    if (!strncmp(text, include, sizeof include - 1))
      find_sections(p, ctx_strf(p->c, "ir/%.*s", (int)strcspn(name, "\""), name));
    else
      *VEC_PUSH(p->c, p->section, p->nsection, p->capsection) = (CSection){
        .name = ctx_intern(p->c, s + 4, (size_t)(colon - s - 4)),
        .needs = ctx_intern(p->c, needs, strcspn(needs, " *")), .text = text, .n = n};
  }
}

static void use_section(CPrint *p, bool vector, const char *want) {
  if (!p->nsection) find_sections(p, "ir/prim.h");
  for (int i = 0; i < p->nsection; i++) {
    if (strcmp(p->section[i].name, want)) continue;
    if (p->section[i].used[vector]) return;
    p->section[i].used[vector] = true;
    if (*p->section[i].needs) use_section(p, vector, p->section[i].needs);
    return;
  }
  diag_error(p->c, 403, 0, 1, "internal: prim.h has no section `%s`", want);
}

void c_prim_use(CPrint *p, const char *want) {
  p->prim = true;
  use_section(p, false, want);
}

/* Large arguments of some functions are reduced lane by lane, by what the scalar section has for that. */
void c_vprim_use(CPrint *p, const char *want) {
  p->vprim = true;
  use_section(p, true, want);
  if (!strcmp(want, "sin") || !strcmp(want, "cos")) c_prim_use(p, "trig");
  if (!strcmp(want, "idiv") || !strcmp(want, "mod")) c_prim_use(p, "divmod");
}

static void print_sections(CPrint *p, bool vector, Str *out) {
  use_section(p, vector, "vocabulary");
  use_section(p, vector, "end");
  for (int i = 0; i < p->nsection; i++)
    if (p->section[i].used[vector]) str_printf(out, "%.*s\n\n", (int)p->section[i].n, p->section[i].text);
}

void c_prim_print(CPrint *p, Str *out) {
  if (p->prim) {
    str_puts(out, "#define PRIM(name) p_##name\n#define PRIM_F float\n#define PRIM_I int32_t\n#define PRIM_U uint32_t\n"
                  "#define PRIM_D double\n#define PRIM_LANES 1\n");
    print_sections(p, false, out);
  }
  if (p->vprim) {
    str_puts(out, "#define PRIM(name) v_##name\n#define PRIM_1(name) p_##name\n#define PRIM_F gc_vf\n"
                  "#define PRIM_I gc_vi\n"
                  "#define PRIM_U gc_vu\n#define PRIM_D gc_vd\n#define PRIM_LANES GC_LANES\n");
    print_sections(p, true, out);
    str_puts(out, "#undef PRIM_1\n");
  }
  c_vector_halves(p, out);
}
