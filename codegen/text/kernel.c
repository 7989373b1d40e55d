/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of kernels, and tables of constants. Equal texts are printed once. */
#include "codegen/text/text.h"
#include <string.h>

/* "row: reduce_max, sub, exp, sum, div" */
const char *karg_type(const Emitter *p, const Kernel *k, const KArg *a) {
  const KBuf *b = a->kind == KA_BUF ? &k->buf[a->index] : NULL;
  switch (a->kind) {
  case KA_BUF: return ctx_strf(p->c, "%s%s", b->written ? "" : "const ", dtype_info[b->type].c);
  case KA_SIZE: return "ptrdiff_t";
  case KA_RUN: return ctx_strf(p->c, "const %s", p->run);
  case KA_COUNTER: return "uint32_t";
  case KA_STREAM:
  case KA_KEY: return "uint64_t";
  case KA_THREAD: return "int";
  case KA_SCRATCH: return "unsigned char";
  case KA_CALL: return "const GcCall";
  case KA_RESIDUE: return "long";
  }
  return "";
}

static void put_params(const Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s) {
  int n = 0;
  str_puts(s, "(");
  for (int i = 0; i < k->narg; i++) {
    const KArg *a = &k->arg[i];
    if (!schedule_passes(schedule, a)) continue;
    str_printf(s, "%s%s %s%s", n++ ? ", " : "", karg_type(p, k, a), karg_is_pointer(a) ? "*" : "", a->name);
  }
  str_puts(s, n ? ")" : "void)");
}

/* Casts to void of the buffers that the body does not access. */
static void put_unnamed(const Emitter *p, const Kernel *k, Str *s) {
  for (int i = 0; i < k->nbuf; i++)
    if (!p->named[i]) str_printf(s, "  (void)%s;\n", k->arg[i].name);
}

void kernel_put(Emitter *p, const char *comment, const char *qualifiers, const char *name, const char *text) {
  int params = (int)(strstr(text, " {\n") - text);
  *VEC_PUSH(p->c, p->printed, p->nprinted, p->capprinted) =
    (PrintedKernel){p->kernels.n, ctx_strf(p->c, "void %s%.*s", name, params, text)};
  str_printf(&p->kernels, "%s%s void %s%s\n", comment, qualifiers, name, text);
}

/* The body: the loops of a kernel, or the target's text of a GEMM. */
static void put_body(Emitter *p, const Kernel *k, const KernelSchedule *s, Str *body) {
  if (s->gemm) {
    p->target->print_gemm(p, k, s, body);
    return;
  }
  if (s->attend) {
    p->target->print_attention(p, k, body);
    return;
  }
  for (int i = 0; i < k->nnest; i++) {
    if (k->nnest > 1) str_puts(body, "  {\n");
    nest_print(p, k, &s->nest[i], body);
    if (k->nnest > 1) str_puts(body, "  }\n");
  }
}

const char *kernel_function(Emitter *p, const Kernel *k, const KernelSchedule *s) {
  Str text = {.c = p->c}, body = {.c = p->c};
  bool made;
  p->graph = k->gs->g;
  p->named = ctx_alloc(p->c, (size_t)k->nbuf + 1);
  put_body(p, k, s, &body);
  put_params(p, k, s, &text);
  str_puts(&text, " {\n");
  if (!s->gemm && !s->attend) put_unnamed(p, k, &text);
  for (int i = 0; i < k->narg; i++) {
    if (k->arg[i].kind != KA_STREAM) continue;
    prim_use(p, "random_key");
    str_printf(&text, "  const uint64_t key%d = p_random_key(run->seed, %s);\n", k->arg[i].index, k->arg[i].name);
  }
  str_put(&text, body.s ? body.s : "", body.n);
  str_puts(&text, "}\n");
  Interned *e = text_intern(p, text.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "k%d_%s", p->nkernel - 1, kernel_label(p, k));
    kernel_put(p, ctx_strf(p->c, "/* %s */\n", kernel_ops(p->c, k)),
               s->gemm || s->attend ? p->target->gemm_qualifiers : p->target->kernel_qualifiers, e->name, text.s);
  }
  return e->name;
}

const char *kernel_constant_table(Emitter *p, const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  const AttrVal *a = node_attr(g, n, ATTR(const, value));
  Str s = {.c = p->c};
  bool made;
  str_printf(&s, "[%d] = {", a->n ? a->n : 1);
  for (int i = 0, col = 0; i < a->n; i++) {
    const char *v = text_table_number(p, (DType)t->dtype, a->fv[i]);
    col += (int)strlen(v) + 2;
    if (col > 116 || !i) str_puts(&s, "\n  "), col = 2 + (int)strlen(v) + 2;
    str_printf(&s, "%s, ", v);
  }
  if (!a->n) str_puts(&s, "0");
  str_printf(&s, "\n}; /* %s */\n", dtype_info[t->dtype].c);
  Interned *e = text_intern(p, s.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "gc_table%d", p->nkernel - 1);
    str_printf(&p->tables, "%s %s %s%s\n", p->target->table_qualifiers, dtype_info[t->dtype].c, e->name, s.s);
  }
  return e->name;
}
