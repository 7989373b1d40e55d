/* SPDX-License-Identifier: Apache-2.0 */
/* CUDA kernels: one per nest, whose loops text/loops.c prints; functions of C as device functions. */
#include "codegen/cuda/cuda.h"
#include <ctype.h>
#include <string.h>

static const char *param_type(const Emitter *p, const Launch *l, const KArg *a) {
  if (a->kind == KA_SIZE) return l->schedule->narrow ? "int" : p->target->index_type;
  return karg_type(p, l->step->kernel, a);
}

static void put_params(const Emitter *p, const Launch *l, Str *s) {
  str_puts(s, "(");
  for (int i = 0; i < l->narg; i++) {
    const KArg *a = &l->arg[i];
    str_printf(s, "%s%s %s%s", i ? ", " : "", param_type(p, l, a), karg_is_pointer(a) ? "*" : "", a->name);
  }
  for (int i = 0; i < l->shape.boxes; i++) str_printf(s, ", GC_PARAM GcTensorMap %s", l->shape.box[i].name);
  str_puts(s, l->narg ? ") {\n" : "void) {\n");
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Tables are in the memory of the device under their names, not arguments. */
static void put_tables(Emitter *p, const Kernel *k, Str *s) {
  for (int i = 0; i < k->nbuf; i++)
    if (k->buf[i].table && p->named[i])
      str_printf(s, "  %s *const %s = %s;\n", karg_type(p, k, &k->arg[i]), k->arg[i].name,
                 kernel_constant_table(p, k->gs->g, k->buf[i].node));
}

static void put_keys(Emitter *p, const Kernel *k, const char *body, Str *s) {
  for (int i = 0; i < k->nstream; i++) {
    if (!strstr(body, ctx_strf(p->c, "key%d,", i))) continue;
    prim_use(p, "random_key");
    str_printf(s, "  const uint64_t key%d = p_random_key(run->seed, stream%d);\n", i, i);
  }
}

/* "mlp.nn:12: loop: add, max" */
static const char *comment_of(Emitter *p, const Kernel *k) {
  SourcePos at = source_pos(p->c, node_get(k->gs->g, k->group->root)->loc);
  const char *slash = at.line ? strrchr(at.file, '/') : NULL, *ops = kernel_ops(p->c, k);
  if (!at.line) return ctx_strf(p->c, "/* %s */\n", ops);
  return ctx_strf(p->c, "/* %s */\n",
                  text_comment(p, ctx_strf(p->c, "%s:%d: %s", slash ? slash + 1 : at.file, at.line, ops)));
}

/* By the primitives of device.inc in its text: those below need no other thread. */
static bool threads_wait(const char *text) {
  static const char *const alone[] = {"i64",     "thread",  "block",      "clamp", "finite", "minus_zero", "panel_at",
                                      "refused", "skipped", "is_skipped", "term",  "ldg",    "stg"};
  for (const char *s = text; (s = strstr(s, "gc_")); s++) {
    bool found = s > text && is_word(s[-1]);
    for (size_t i = 0; i < sizeof alone / sizeof *alone && !found; i++)
      found = !strncmp(s + 3, alone[i], strlen(alone[i]));
    if (!found) return true;
  }
  return false;
}

void cuda_put_named_kernel(Emitter *p, const char *qualifiers, const char *name, const char *comment,
                           const char *text) {
  CudaText *x = p->cuda;
  const char *params = ctx_strf(p->c, "%.*s", (int)(strstr(text, " {\n") - text), text);
  size_t n = strlen(comment); /* of which are the marks of a comment and the end of the line */
  *VEC_PUSH(p->c, x->kernel, x->nkernel, x->capkernel) =
    (CudaKernel){name, params, n > 7 ? ctx_strf(p->c, "%.*s", (int)n - 7, comment + 3) : name, threads_wait(text)};
  str_printf(&p->kernels, "%s%s %s%s\n", comment, qualifiers, name, text);
}

static const char *put_kernel(Emitter *p, const char *qualifiers, const char *name, const char *comment,
                              const char *text) {
  bool made;
  Interned *e = text_intern(p, text, &made);
  if (!made) return e->name;
  e->name = ctx_strf(p->c, "k%d_%s", p->nkernel - 1, name);
  cuda_put_named_kernel(p, qualifiers, e->name, comment, text);
  return e->name;
}

const char *cuda_put_kernel(Emitter *p, const char *name, const char *comment, const char *text) {
  return put_kernel(p, p->target->kernel_qualifiers, name, comment, text);
}

void cuda_put_function(Emitter *p, const char *name, const char *comment, const char *text) {
  Str *o = &p->cuda->loops;
  const char *head = ctx_strf(p->c, "GC_DEVICE_CALLED void %s(", name);
  if (!o->n || !strstr(o->s, head)) str_printf(o, "%s%.*s%s\n", comment, (int)strlen(head) - 1, head, text);
}

/* "net_linear_1_relu_contract_mma": what it computes, its class and its form; a plain form has no name. */
static const char *kernel_name(Emitter *p, const Launch *l) {
  const Kernel *k = l->step->kernel;
  const char *label = kernel_label(p, k), *class = kernel_class_name[k->group->cls];
  if (label != class) class = ctx_strf(p->c, "%s_%s", label, class);
  return l->form == &form_plain ? class : ctx_strf(p->c, "%s_%s%s", class, l->form->name, l->part ? "_2" : "");
}

const char *cuda_kernel(Emitter *p, const Launch *l) {
  if (l->shape.library) l++;
  const Kernel *k = l->step->kernel;
  Str text = {.c = p->c}, body = {.c = p->c};
  p->graph = k->gs->g;
  p->named = ctx_alloc(p->c, (size_t)k->nbuf + 1);
  l->form->print(p, l, &body);
  put_params(p, l, &text);
  if (l->guarded) str_puts(&text, "  if (run->status) return;\n");
  put_tables(p, k, &text);
  if (k->draws && l->counts_calls) str_puts(&text, "  const uint32_t pass = run->calls;\n");
  put_keys(p, k, body.s, &text);
  str_put(&text, body.s, body.n);
  str_puts(&text, "}\n");
  const char *qualifiers = p->target->kernel_qualifiers;
  if (l->form != &form_plain)
    qualifiers = ctx_strf(p->c, "GC_KERNEL(%d, %d)", l->shape.block, l->shape.resident ? l->shape.resident : 1);
  return put_kernel(p, qualifiers, kernel_name(p, l), comment_of(p, k), text.s);
}

/* ---- functions of C ---- */

/* `static` is that of a function where it begins a line. */
static const struct {
  const char *c, *device;
  bool begins;
} DEVICE_WORD[] = {
  {"static inline", "GC_DEVICE", true},
  {"static", "GC_DEVICE", true},
  {"ptrdiff_t", "gc_i64", false},
};

void cuda_device_text(Str *out, const Str *c_text) {
  const char *s = c_text->s ? c_text->s : "";
  for (size_t n; *s; s += n) {
    n = 1;
    const char *put = NULL;
    for (size_t i = 0; i < sizeof DEVICE_WORD / sizeof *DEVICE_WORD && !put; i++) {
      size_t k = strlen(DEVICE_WORD[i].c);
      bool first = s == c_text->s || s[-1] == '\n';
      if (strncmp(s, DEVICE_WORD[i].c, k) || is_word(s[k])) continue;
      if (DEVICE_WORD[i].begins ? !first : !first && is_word(s[-1])) continue;
      put = DEVICE_WORD[i].device;
      n = k;
    }
    if (put) str_puts(out, put);
    else str_put(out, s, 1);
  }
}

void cuda_put_copies(Emitter *p) {
  if (!helper_used(p, "gc_rows")) return;
  cuda_put_named_kernel(p, p->target->kernel_qualifiers, "gc_copy_rows",
                        "/* copies rows of `bytes`, `dstep` and `sstep` bytes apart */\n",
                        "(unsigned char *d, gc_i64 dstep, const unsigned char *s, gc_i64 sstep, gc_i64 rows, "
                        "gc_i64 bytes) {\n"
                        "  const gc_i64 at = (gc_i64)gc_block() * 256 + gc_thread();\n"
                        "  if (at < rows * bytes) d[at / bytes * dstep + at % bytes] = s[at / bytes * sstep + at % "
                        "bytes];\n}\n");
}

/* gc_rows is a macro, so that it finds the stream of the function that calls it. */
const HelperText cuda_helpers[] = {
  {"gc_rows", "#define gc_rows(d, dstep, s, sstep, rows, bytes) \\\n"
              "  GC_LAUNCH(gc_copy_rows, (rows) * (bytes), stream, d, dstep, s, sstep, rows, bytes)\n\n"},
  {"gc_skipped", "/* A NaN that is no term of a sum. Terms that are NaN have another one. */\n"
                 "static inline float gc_skipped(void) {\n  union { uint32_t i; float f; } x;\n"
                 "  x.i = 0x7fc0a5a5u;\n  return x.f;\n}\n"
                 "static inline int gc_is_skipped(float f) {\n  union { uint32_t i; float f; } x;\n"
                 "  x.f = f;\n  return x.i == 0x7fc0a5a5u;\n}\n"
                 "static inline float gc_term(float f) {\n  union { uint32_t i; float f; } x;\n"
                 "  x.i = 0x7fc00000u;\n  return f == f ? f : x.f;\n}\n\n"},
  {NULL, NULL},
};
