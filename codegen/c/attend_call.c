/* SPDX-License-Identifier: Apache-2.0 */
/* Prints attention as calls of gc_attend and gc_attend_back. */
#include "codegen/c/attend_call.h"
#include "codegen/c/gemm_call.h"
#include "codegen/c/native_text.h"
#include <string.h>

#define ATTEND_BODY "/*@ body"

/* ---- which kernels ---- */

/* Below these, packing costs more than tiles save. */
enum { MIN_QUERIES = 16, MIN_KEYS = 16 };

/* The elements of a row are neighbours. */
static bool is_contiguous(const Affine *at, const KRowOperand *x) { return x->col < 0 || at->coef[x->col] == 1; }

static bool nest_is_contiguous(const KNest *n) {
  for (int i = 0; i < AT_OPERANDS; i++) {
    const KRowOperand *x = &n->attend->load[i];
    if (x->at >= 0 && !is_contiguous(&n->val[x->at].at, x)) return false;
  }
  for (int i = 0; i < n->nstore; i++)
    if (!is_contiguous(&n->store[i].at, &n->attend->store[i])) return false;
  return true;
}

bool attend_is_tiled(const Kernel *k, DType gemm_type) {
  Module *m = k->gs->g->m;
  if (k->group->cls != KC_ATTEND || m->opt.strict || (gemm_type != DT_BOOL && gemm_type != DT_F32)) return false;
  const Attend *a = &k->nest[0]->attend->a;
  if (a->type != DT_F32 || dim_bound(m, a->t) < MIN_QUERIES || dim_bound(m, a->s) < MIN_KEYS) return false;
  for (int i = 0; i < k->nnest; i++)
    if (!nest_is_contiguous(k->nest[i])) return false;
  return true;
}

/* ---- the call ---- */

static Dim step(const Affine *at, int axis) { return axis < 0 ? 0 : at->coef[axis]; }

/* The address of the first row, and the strides of batch, heads of keys, heads that share one, and rows. */
static void put_rows(Emitter *p, const Kernel *k, const KNest *n, Str *s, const char *name, int buf, const Affine *at,
                     bool of_queries) {
  const KAttend *x = n->attend;
  const char *first = text_dim(p, at->k);
  p->named[buf] = true;
  str_printf(s, "    .%s = {(float *)%s%s%s", name, k->arg[buf].name, strcmp(first, "0") ? " + " : "",
             strcmp(first, "0") ? first : "");
  str_printf(s, ", %s, %s, %s", text_dim(p, step(at, x->batch)), text_dim(p, step(at, x->head)),
             text_dim(p, step(at, x->shared)));
  int row = of_queries ? x->query : x->key;
  str_printf(s, ", %s},\n", text_dim(p, step(at, row)));
}

static void put_load(Emitter *p, const Kernel *k, Str *s, const char *name, AttendOperand role) {
  const KNest *n = k->nest[0];
  const KRowOperand *x = &n->attend->load[role];
  const KVal *v = &n->val[x->at];
  const KAttend keys = {.batch = n->attend->batch, .head = n->attend->head, .shared = -1, .key = x->row};
  const KNest of_keys = {.attend = &keys};
  bool of_queries = role != AT_K && role != AT_V;
  put_rows(p, k, of_queries ? n : &of_keys, s, name, v->buf, &v->at, of_queries);
}

static void put_store(Emitter *p, const Kernel *k, Str *s, const char *name, int nest, int number) {
  const KNest *n = k->nest[nest];
  const KStore *y = &n->store[number];
  put_rows(p, k, n, s, name, y->buf, &y->at, !nest);
}

static void put_sizes(Emitter *p, const Kernel *k, Str *s) {
  const KNest *n = k->nest[0];
  const Attend *a = &n->attend->a;
  int length = n->attend->load[AT_LENGTHS].at;
  if (length >= 0) {
    const KVal *v = &n->val[length];
    const char *first = text_dim(p, v->at.k);
    p->named[v->buf] = true;
    str_printf(s, "    .length = %s + %s, .length_step = %s,\n", k->arg[v->buf].name, first,
               text_dim(p, step(&v->at, n->attend->batch)));
  }
  str_printf(s, "    .batch = %s, .heads = %s", text_dim(p, a->batch), text_dim(p, a->heads));
  str_printf(s, ", .shared = %s, .t = %s", text_dim(p, a->shared), text_dim(p, a->t));
  str_printf(s, ", .s = %s, .d = %lld, .e = %lld,\n    .scale = %s, .causal = %d,\n", text_dim(p, a->s),
             (long long)a->d, (long long)a->e, text_number(p, DT_F32, a->scale), a->causal);
}

/* The rows are of bf16, cast to f32. */
static bool is_rounded(const Kernel *k) {
  const Graph *g = k->gs->g;
  static const AttendOperand rows[] = {AT_Q, AT_K, AT_V, AT_G};
  const Attend *a = &k->nest[0]->attend->a;
  for (int i = 0; i < (a->back ? 4 : 3); i++)
    if (!node_is_upcast(g, a->in[rows[i]]) || node_type(g, node_in(g, a->in[rows[i]], 0))->dtype != DT_BF16)
      return false;
  return true;
}

void attend_call(Emitter *p, const Kernel *k, Str *s) {
  bool back = k->nest[0]->attend->a.back, rounded = is_rounded(k);
  size_t n;
  p->native->attend = p->o->builtin("codegen/c/attend.inc", &n);
  p->native->vectors = true;
  p->native->attend_pairs |= rounded;
  gemm_use(p, DT_F32, rounded);
  prim_use_form(p, PRIM_VECTOR, "exp");
  prim_use(p, "log");
  str_puts(s, "  const gc_attention g = {\n");
  put_load(p, k, s, "q", AT_Q);
  put_load(p, k, s, "k", AT_K);
  put_load(p, k, s, "v", AT_V);
  if (back) {
    put_load(p, k, s, "lse", AT_LSE);
    put_load(p, k, s, "g", AT_G);
    put_load(p, k, s, "delta", AT_DELTA);
    put_store(p, k, s, "dq", 0, 0);
    put_store(p, k, s, "dk", 1, 0);
    put_store(p, k, s, "dv", 1, 1);
  } else {
    put_store(p, k, s, "o", 0, 0);
    put_store(p, k, s, "lse", 0, 1);
  }
  put_sizes(p, k, s);
  if (rounded) str_puts(s, "    .rounded = 1,\n");
  str_printf(s, "  };\n  gc_attend%s(&g, tid, nthreads);\n", back ? "_back" : "");
}

/* ---- rows ---- */

/* gc_dot_f32 and gc_add_f32 with vectors, in the same order: 16 lanes are one vector or several. */
static const char PRODUCTS[] =
  "static inline float gc_lane_sum(const gc_vf *lane) { /* lane i takes lane i + 8, + 4, + 2, + 1 */\n"
  "#if GC_LANES == 16\n"
  "  gc_vf v = lane[0] + GC_ROTATE(lane[0], 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);\n"
  "  v += GC_ROTATE(v, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);\n"
  "  return v[0] + v[2] + (v[1] + v[3]);\n"
  "#elif GC_LANES == 8\n"
  "  gc_vf v = lane[0] + lane[1];\n  v += GC_ROTATE(v, 4, 5, 6, 7, 0, 1, 2, 3);\n"
  "  return v[0] + v[2] + (v[1] + v[3]);\n"
  "#else\n"
  "  gc_vf v = lane[0] + lane[2] + (lane[1] + lane[3]);\n  return v[0] + v[2] + (v[1] + v[3]);\n"
  "#endif\n}\n"
  "static inline __attribute__((always_inline)) float gc_dot_f32(const float *a, ptrdiff_t as, const float *b,\n"
  "                                                              ptrdiff_t bs, int n) {\n"
  "  gc_vf lane[16 / GC_LANES] = {{0}};\n  int i = 0;\n"
  "  for (; as == 1 && bs == 1 && i + 16 <= n; i += 16)\n"
  "    for (int l = 0; l < 16 / GC_LANES; l++)\n"
  "      lane[l] += gc_load_f(a + i + l * GC_LANES) * gc_load_f(b + i + l * GC_LANES);\n"
  "  for (; i < n; i++) lane[(i & 15) / GC_LANES][i % GC_LANES] += a[i * as] * b[i * bs];\n"
  "  return gc_lane_sum(lane);\n}\n\n"
  "static inline __attribute__((always_inline)) void gc_add_f32(float *sum, float x, const float *row, ptrdiff_t "
  "step,\n"
  "                                                             int n) {\n"
  "  int i = 0;\n"
  "  for (; step == 1 && i + GC_LANES <= n; i += GC_LANES)\n"
  "    gc_store_f(sum + i, gc_load_f(sum + i) + GC_SPLAT(x) * gc_load_f(row + i));\n"
  "  for (; i < n; i++) sum[i] += x * row[i * step];\n}\n\n";

bool attend_products(Emitter *p, DType t) {
  bool made;
  if (t != DT_F32 || p->native->o.machine->vec > 16 || p->native->o.machine->vec < 4) return false;
  p->native->vectors = true;
  text_intern(p, PRODUCTS, &made);
  if (made) str_puts(&p->helpers, PRODUCTS);
  return true;
}

/* ---- attend.inc ---- */

void attend_prelude_print(Emitter *p, Str *out) {
  const char *text = p->native->attend, *body = text ? strstr(text, ATTEND_BODY) : NULL;
  if (body) str_put(out, text, (size_t)(body - text));
}

void attend_body_print(Emitter *p, Str *out) {
  const char *text = p->native->attend, *body = text ? strstr(text, ATTEND_BODY) : NULL;
  if (body && p->native->attend_pairs) str_puts(out, "#define GC_PAIRED_ROWS 1\n");
  if (body) str_puts(out, body);
}
