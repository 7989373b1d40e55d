/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/reduce.h"

const char *reduce_shuffle(NestText *c, int type, const char *how, const char *value, const char *by) {
  Ctx *x = c->p->c;
  const char *_ = *how ? "_" : "";
  if (type == DT_F32) return ctx_strf(x, "gc_shfl%s%s(%s, %s)", _, how, value, by);
  return ctx_strf(x, "(%s)gc_shfl%s%s_u32((uint32_t)%s, %s)", dtype_info[type].c, _, how, value, by);
}

const char *reduce_shuffles(NestText *c, const KAcc *a, int team) {
  Emitter *p = c->p;
  const char *type = dtype_info[a->type].c;
  const char *name = ctx_strf(p->c, "gc_%s_of_%d_%s", op_info[a->op].spelling, team, dtype_info[a->type].name);
  Str s = {.c = p->c};
  bool made;
  str_printf(&s,
             "static %s %s(%s s) {\n  GC_UNROLL for (int h = %d; h; h /= 2) {\n    const %s o = %s;\n    s = %s;\n  }\n"
             "  return s;\n}\n",
             type, name, type, team / 2, type, reduce_shuffle(c, a->type, "xor", "s", "h"),
             acc_combine(c, a, "s", "o", false));
  text_intern(p, s.s, &made);
  if (made) str_printf(&p->helpers, "%s\n", s.s);
  return name;
}

void reduce_better(NestText *c, int i, const char *v, const char *at) {
  const KAcc *a = &c->n->acc[i];
  const char *m = ctx_strf(c->p->c, "m%d", i);
  nest_line(c, "if (%s || (!%s && %s < at%d)) m%d = %s, at%d = %s;", acc_combine(c, a, m, v, false),
            acc_combine(c, a, v, m, false), at, i, i, v, i, at);
}

const char *reduce_put(NestText *c, int type, const char *at, const char *value) {
  if (type == DT_F32) return ctx_strf(c->p->c, "gc_sts(%s, %s)", at, value);
  return ctx_strf(c->p->c, "gc_sts_u32(%s, (uint32_t)%s)", at, value);
}

const char *reduce_get(NestText *c, int type, const char *at) {
  if (type == DT_F32) return ctx_strf(c->p->c, "gc_lds(%s)", at);
  return ctx_strf(c->p->c, "(%s)gc_lds_u32(%s)", dtype_info[type].c, at);
}
