/* A kernel's function: parameters, nests; emitted once for equal text. Constant tables likewise. */
#include "codegen/c/c.h"
#include <string.h>

CKernel *c_intern(CPrint *p, const char *text, bool *made) {
  uint64_t h = hash_bytes(text, strlen(text), 7);
  int *head = &p->bucket[h % C_BUCKETS];
  for (int i = *head; i; i = p->kernel[i].next)
    if (p->kernel[i].hash == h && !strcmp(p->kernel[i].text, text)) return *made = false, &p->kernel[i];
  if (!p->nkernel) VEC_PUSH(p->c, p->kernel, p->nkernel, p->capkernel);
  CKernel *k = VEC_PUSH(p->c, p->kernel, p->nkernel, p->capkernel);
  *k = (CKernel){.text = text, .hash = h, .next = *head};
  *head = p->nkernel - 1;
  *made = true;
  return k;
}

/* "row: reduce_max, sub, exp, sum, div" */
static const char *kernel_ops(CPrint *p, const Kernel *k) {
  const Graph *g = k->gs->g;
  Str s = {.c = p->c};
  str_printf(&s, "%s:", kernel_class_name[k->group->cls]);
  for (int i = 0; i < k->group->nnode; i++) {
    if (s.n > 90) {
      str_puts(&s, ", ...");
      break;
    }
    str_printf(&s, "%s %s", i ? "," : "", node_info(g, k->group->node[i])->name);
  }
  return s.s;
}

static void put_param(Str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_param(Str *s, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  if (s->s[s->n - 1] != '(') str_puts(s, ", ");
  str_puts(s, ctx_vstrf(s->c, fmt, ap));
  va_end(ap);
}

/* Parameters: buffers, run-time sizes, the head, counters and streams of random numbers, the share of this thread. */
static void put_params(CPrint *p, const Kernel *k, const CPlan *plan, Str *s) {
  int read = 0, written = 0;
  str_puts(s, "(");
  for (int i = 0; i < k->nbuf; i++) {
    const char *type = dtype_info[k->buf[i].type].c;
    if (k->buf[i].written) put_param(s, "%s *y%d", type, written++);
    else put_param(s, "const %s *x%d", type, read++);
  }
  for (int i = 0; i < p->m->nsize; i++)
    if (k->sizes >> i & 1) put_param(s, "ptrdiff_t n_%s", p->m->size[i].name);
  if (k->uses_run) put_param(s, "const %s *run", p->run);
  if (k->nstream) put_param(s, "uint32_t pass"), put_param(s, "uint32_t turn");
  for (int i = 0; i < k->nstream; i++) put_param(s, "uint64_t stream%d", i);
  if (c_takes_part(plan)) put_param(s, "int part"), put_param(s, "int parts");
  if (s->s[s->n - 1] == '(') str_puts(s, "void");
  str_puts(s, ")");
}

/* Buffers that the body does not need: indices into what is the same everywhere. */
static void put_unnamed(CPrint *p, const Kernel *k, const CPlan *plan, Str *s) {
  for (int i = 0, n[2] = {0}; i < k->nbuf && !plan->tuned; i++) {
    bool written = k->buf[i].written;
    if (!p->named[i]) str_printf(s, "  (void)%c%d;\n", written ? 'y' : 'x', n[written]);
    n[written]++;
  }
}

/* Tuned forms of the native dialect. False: the kernel does not suit it, and nothing was printed. */
static bool (*const NATIVE[KC_COUNT])(CPrint *p, const Kernel *k, Str *s) = {
  [KC_CONTRACT] = native_contract, [KC_CONV] = native_conv,
};

bool c_takes_part(const CPlan *plan) {
  return !plan->serial || plan->tuned;
}

void c_put_kernel(CPrint *p, const char *comment, const char *name, const char *text) {
  const char *link = p->native ? "GC_KERNEL" : "static";
  int params = (int)(strstr(text, " {\n") - text);
  if (p->native) str_printf(&p->protos, "GC_KERNEL void %s%.*s;\n", name, params, text);
  *VEC_PUSH(p->c, p->kernel_at, p->nkernel_at, p->capkernel_at) = p->kernels.n;
  str_printf(&p->kernels, "%s%s void %s%s\n", comment, link, name, text);
}

const char *c_kernel(CPrint *p, const Kernel *k, CPlan *plan) {
  Str s = {.c = p->c}, body = {.c = p->c};
  bool made;
  p->graph = k->gs->g;
  p->named = ctx_alloc(p->c, (size_t)k->nbuf + 1);
  *plan = c_plan(p, k);
  plan->tuned = p->native && NATIVE[k->group->cls] && NATIVE[k->group->cls](p, k, &body);
  if (plan->tuned) plan->serial = false; /* tasks go to all threads */
  for (int i = 0; i < k->nnest && !plan->tuned; i++) {
    if (k->nnest > 1) str_puts(&body, "  {\n");
    c_nest(p, k, k->nest[i], &plan->nest[i], &body);
    if (k->nnest > 1) str_puts(&body, "  }\n");
  }
  put_params(p, k, plan, &s);
  str_puts(&s, " {\n");
  put_unnamed(p, k, plan, &s);
  for (int i = 0; i < k->nstream; i++) {
    c_prim_use(p, "random_key");
    str_printf(&s, "  const uint64_t key%d = p_random_key(run->seed, stream%d);\n", i, i);
  }
  str_put(&s, body.s ? body.s : "", body.n);
  str_puts(&s, "}\n");
  CKernel *e = c_intern(p, s.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "k%d_%s", p->nkernel - 1, kernel_class_name[k->group->cls]);
    c_put_kernel(p, ctx_strf(p->c, "/* %s */\n%s", kernel_ops(p, k), plan->tuned ? "GC_CALLS " : ""), e->name, s.s);
  }
  return e->name;
}

const char *c_table(CPrint *p, const Graph *g, Id n) {
  const Type *t = node_type(g, n);
  const AttrVal *a = node_attr(g, n, 0);
  Str s = {.c = p->c};
  bool made;
  str_printf(&s, "[%d] = {", a->n ? a->n : 1);
  for (int i = 0, col = 0; i < a->n; i++) {
    const char *v = c_table_number(p, (DType)t->dtype, a->fv[i]);
    col += (int)strlen(v) + 2;
    if (col > 116 || !i) str_puts(&s, "\n  "), col = 2 + (int)strlen(v) + 2;
    str_printf(&s, "%s, ", v);
  }
  if (!a->n) str_puts(&s, "0");
  str_printf(&s, "\n}; /* %s */\n", dtype_info[t->dtype].c);
  CKernel *e = c_intern(p, s.s, &made);
  if (made) {
    e->name = ctx_strf(p->c, "gc_table%d", p->nkernel - 1);
    str_printf(&p->tables, "static const %s %s%s\n", dtype_info[t->dtype].c, e->name, s.s);
  }
  return e->name;
}
