/* SPDX-License-Identifier: Apache-2.0 */
/* The maximum stack depth of the portable C. The C compiler reports the frame of each function (-fstack-usage); the
 * call graph is read from the generated text, whose functions begin in the first column and end with a brace there. */
#include "codegen/codegen.h"
#include "lib/embed.h"
#include "driver/report_plan.h"
#include "driver/toolchain.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Function {
  const char *name, *body;
  size_t n;               /* of the body */
  int64_t frame, deepest; /* frame 0: inlined into its callers; deepest -1: not computed yet */
} Function;
typedef struct Functions {
  Ctx *c;
  Function *v;
  int n, cap;
} Functions;

static bool in_word(char ch) { return isalnum((unsigned char)ch) || ch == '_'; }

static Function *find(const Functions *f, const char *name, size_t n) {
  for (int i = 0; i < f->n; i++)
    if (strlen(f->v[i].name) == n && !memcmp(f->v[i].name, name, n)) return &f->v[i];
  return NULL;
}

/* A line such as `static void name(int x) {`: the word before its first parenthesis. */
static void read_line(Functions *f, const char *line, size_t n) {
  const char *open = memchr(line, '(', n), *end = open;
  if (!open || line[n - 1] != '{' || !(isalpha((unsigned char)line[0]) || line[0] == '_')) return;
  while (open > line && in_word(open[-1])) open--;
  *VEC_PUSH(f->c, f->v, f->n, f->cap) =
    (Function){.name = ctx_intern(f->c, open, (size_t)(end - open)), .body = line + n, .deepest = -1};
}

static void read_functions(Functions *f, const char *text) {
  for (const char *p = text; *p;) {
    size_t n = strcspn(p, "\n");
    if (n) read_line(f, p, n);
    if (n == 1 && *p == '}' && f->n && !f->v[f->n - 1].n) f->v[f->n - 1].n = (size_t)(p - f->v[f->n - 1].body);
    p += n + (p[n] == '\n');
  }
}

/* Lines `file.c:12:5:name<tab>216<tab>static`; compilers give copies of a function a suffix (.part.0). */
static bool read_frames(Functions *f, const char *su) {
  bool any = false;
  for (const char *p = su; *p;) {
    size_t n = strcspn(p, "\n"), left = strcspn(p, "\t");
    if (left < n) {
      const char *name = p + left;
      while (name > p && name[-1] != ':') name--;
      size_t len = strcspn(name, ".\t");
      Function *x = find(f, name, len);
      int64_t frame = strtoll(p + left, NULL, 10);
      if (x && frame > x->frame) x->frame = frame;
      any |= x != NULL;
    }
    p += n + (p[n] == '\n');
  }
  return any;
}

/* Generated C is not recursive, so this recursion ends. */
static int64_t deepest(Functions *f, Function *x) {
  if (x->deepest >= 0) return x->deepest;
  int64_t max = 0;
  x->deepest = 0;
  for (size_t i = 0; i < x->n;) {
    size_t len = 0;
    while (i + len < x->n && in_word(x->body[i + len])) len++;
    Function *called = len && x->body[i + len] == '(' ? find(f, x->body + i, len) : NULL;
    int64_t below = called ? deepest(f, called) : 0;
    if (below > max) max = below;
    i += len ? len : 1;
  }
  return x->deepest = x->frame + max;
}

int64_t stack_depth(Ctx *c, const char *code, const char *su) {
  Functions f = {.c = c};
  read_functions(&f, code);
  if (!read_frames(&f, su)) return -1;
  int64_t max = 0;
  for (int i = 0; i < f.n; i++)
    if (deepest(&f, &f.v[i]) > max) max = f.v[i].deepest;
  return max;
}

int64_t report_stack(const Args *a, const Module *reported, const char **why) {
  Args as_emit = *a;
  as_emit.cmd = CMD_emit;
  as_emit.value[OPT_fp] = reported->opt.strict ? "strict" : "fast"; /* other modes need other bytes */
  Module *m = load_planned(&as_emit, a->operand[0]);
  EmitOptions o = {.version = GRADC_VERSION, .flags = "", .builtin = embed_text, .header = "model.h"};
  Artifacts out;
  WorkFolder w;
  *why = "the model's C could not be written";
  if (!m || !emit_program(m, &target_portable, &o, &out) || !temp_make(a->c, &w)) return -1;
  CcResult r = work_folder_write(&w, "model.h", out.header.s, out.header.n);
  if (!r.fault) r = work_folder_write(&w, "model.c", out.code.s, out.code.n);
  const char *su = r.fault ? NULL : toolchain_stack_usage(&as_emit, &w, why);
  if (r.fault) *why = r.text;
  int64_t depth = su ? stack_depth(a->c, out.code.s, su) : -1;
  temp_remove(&w);
  return depth;
}
