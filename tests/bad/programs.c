/* SPDX-License-Identifier: Apache-2.0 */
/* Random valid programs with dead code:
 *   programs COUNT [SEED]
 * Networks of scans (nested, over several inputs, with carries and results that nothing reads), states, gathers, index
 * notation, derivatives and library layers, of which some results are used in training, others only in an export or
 * nowhere; sizes 0 and 1; hints, precision, accumulation, clipping. Each is compiled by all passes, to portable and to
 * native C. Almost all are valid. An internal error (E04xx, E05xx except the user's budget E0508) is a failure, and so
 * is a module that the verifier refuses after some pass. --print SEED prints one. */
#include "codegen/codegen.h"
#include "codegen/build/native_build.h"
#include "codegen/target.h"
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "passes/transform/strip.h"
#include <stdlib.h>
#include <string.h>

static uint64_t state;
static int rnd(int n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (int)((state >> 33) % (uint64_t)n);
}
static bool one_in(int n) { return rnd(n) == 0; }

static char text[1 << 16];
static size_t len;
__attribute__((format(printf, 1, 2))) static void put(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  len += (size_t)vsnprintf(text + len, sizeof text - len, fmt, ap);
  va_end(ap);
}

/* Values of f32[B, T, D]: `x` or one of those before. */
static void value(int n) {
  int k = rnd(n + 1);
  if (k) put("v%d", k);
  else put("x");
}

static void define_steps(void) {
  put("def add(x: f32[B, D], h: f32[B, D]) { h + x }\n"
      "def last(x: f32[B, D], h: f32[B, D]) { x * 0.5 }\n"
      "def keep(x: f32[B, D], h: f32[B, D]) { h }\n"
      "def two(x: f32[B, D], h: f32[B, D], c: f32[B, D]) { [h + x, c * 0.5 + h] }\n"
      "def idle(x: f32[B, D], h: f32[B, D], c: f32[B, D]) { [h + x, c] }\n"
      "def both(x: f32[B, D], y: f32[B, D], h: f32[B, D]) { h + x * y }\n"
      "def first(x: f32[B, D], y: f32[B, D], h: f32[B, D]) { h + x }\n"
      "def by(x: f32[B, D], h: f32[B, D], w: f32[D, D]) { tanh(h @ w + x) }\n"
      "def inner(x: f32[D], h: f32[D]) { h + x }\n"
      "def nest(x: f32[B, D], h: f32[B, D]) { a = scan(x, axis = 0, step = inner, carry = zeros(size(x, 1)))\n"
      "  h + %s }\n"
      "def count(x: f32[B, T, D]) { state seen: f32 = 0\n  seen := seen + %s\n  x * 2 }\n",
      one_in(2) ? "a" : "x", one_in(2) ? "1" : "mean(x)");
}

/* v<n> = an expression of earlier values. */
static void statement(int n) {
  static const char *const plain[] = {"add", "last", "keep", "nest"}, *const lists[] = {"two", "idle"};
  if (one_in(9)) put("  @checkpoint\n");
  if (one_in(12)) put("  @fp32\n");
  put("  v%d = ", n);
  int kind = rnd(17);
  const char *reverse = one_in(3) ? ", reverse = true" : "";
  switch (kind) {
  case 0:
  case 1:
    put("scan("), value(n - 1);
    put(", axis = 1, step = %s, carry = zeros(size(x, 0), size(x, 2))%s)", plain[rnd(4)], reverse);
    break;
  case 2:
    put("scan("), value(n - 1);
    put(", axis = 1, step = %s, carry = [zeros(size(x, 0), size(x, 2)), ones(size(x, 0), size(x, 2))]%s)",
        lists[rnd(2)], reverse);
    break;
  case 3:
    put("scan(["), value(n - 1), put(", "), value(n - 1);
    put("], axis = 1, step = %s, carry = zeros(size(x, 0), size(x, 2))%s)", one_in(2) ? "both" : "first", reverse);
    break;
  case 4:
    put("scan("), value(n - 1);
    put(", axis = 1, step = by(w = w), carry = zeros(size(x, 0), size(x, 2))%s)", reverse);
    break;
  case 5: put("lstm("), value(n - 1), put(", size(x, 2))"); break;
  case 6: put("linear("), value(n - 1), put(", size(x, 2)) |> tanh"); break;
  case 7: put("count("), value(n - 1), put(")"); break;
  case 8: put("concat(["), value(n - 1), put("[:, 0:0], "), value(n - 1), put("], axis = 1)"); break;
  case 9: put("dropout("), value(n - 1), put(", 0.3)"); break;
  case 10: put("layernorm("), value(n - 1), put(") * "), value(n - 1); break;
  case 11: put("cumsum("), value(n - 1), put(", axis = %d%s)", rnd(3), reverse); break;
  case 12: put("where("), value(n - 1), put(" > 0, "), value(n - 1), put(", "), value(n - 1), put(")"); break;
  case 13: put("grad("), value(n - 1), put(" ** 2 + x, x)"); break;
  case 14: put("x[:, i32(x[0, :, 0] * 0)] + "), value(n - 1); break;
  case 15: put("jvp("), value(n - 1), put(" * x, x, ones(size(x, 0), size(x, 1), size(x, 2)))"); break;
  default: put("softmax("), value(n - 1), put(")"); break;
  }
  put("\n");
  if (one_in(8)) put("  argmax(v%d)\n", n); /* a value that nothing reads */
}

static void network(const char *name) {
  int n = 1 + rnd(5);
  put("def %s(x: f32[B, T, D]) {\n", name);
  if (one_in(2)) put("  @nodecay\n");
  put("  param w: f32[D, D] = %s\n", one_in(2) ? "kaiming" : "0.25");
  for (int i = 1; i <= n; i++) statement(i);
  if (one_in(4)) put("  if training { for i in 0..2 { v1 = v1 * %s } }\n", one_in(2) ? "0.5" : "x");
  put("  "), value(n);
  if (one_in(2)) put(" + "), value(n);
  if (rnd(8)) put(" @ w");
  put("\n}\n");
}

static void program(uint64_t seed) {
  state = seed * 2654435761u + 12345;
  len = 0;
  for (int i = 0; i < 4; i++) rnd(2);
  int t = rnd(8) ? 1 + rnd(4) : 0, d = rnd(10) ? 1 + rnd(4) : 0, b = 1 + rnd(3), nets = 1 + rnd(2);
  define_steps();
  network("f");
  if (nets > 1) network("g");
  put("use a = f()\n");
  if (nets > 1) put("%suse b = g()\n", one_in(4) ? "@freeze " : "");
  const char *other = nets > 1 ? "b" : "a";
  bool data = one_in(2) && t * d > 0;
  if (data) put("data p { source = normal(n = 9, mean = 0, std = [1");
  for (int i = 1; data && i < t * d; i++) put(", 1");
  if (data) put("]); x: f32[%d, %d] = field(0) }\n", t, d);
  put("train {\n");
  if (data) put("  data = p; batch = %d\n", b);
  else put("  x = ones(%d, %d, %d)\n", b, t, d);
  put("  steps = 3; optim = %s\n", one_in(2) ? "sgd(lr = 0.1)" : "adam(lr = 1e-3)");
  put("  y = a(x)\n");
  if (one_in(2)) put("  metric.m = mean(%s(x))\n", other);
  put("  loss = mean(y ** 2%s)\n", one_in(3) ? " + x" : "");
  if (one_in(4)) put("  accumulate = 2\n");
  if (one_in(4)) put("  clip = %s\n", one_in(2) ? "norm(1.0)" : "value(0.5)");
  if (one_in(3)) put("  precision = %s\n", one_in(2) ? "bf16" : "f16");
  put("}\n");
  if (one_in(2)) put("export def e1(x: f32[%d, %d, %d]) { %s(x) }\n", b, t, d, other);
  if (one_in(2)) put("export def e2(x: f32[%d, %d, %d]) { y = a(x)\n  sum(x) }\n", b, t, d);
  if (one_in(3)) put("dim N <= 5\nexport def e3(x: f32[%d, N, %d]) { a(x)[:, 0:0] }\n", b, d);
  if (one_in(3)) put("test \"t\" { y = %s(ones(%d, %d, %d))\n  assert sum(y * 0) == 0 }\n", other, b, t, d);
}

/* ---- compiling ---- */

typedef struct Run {
  const char *name;
  bool strict, emit;
} Run;

static void compile(Ctx *c, void *arg) {
  const Run *r = arg;
  Options opt = {.strict = r->strict, .verify = true, .panel = r->strict ? 0 : PANEL_WIDTH};
  ElabOptions o = {.builtin = embed_text, .opt = opt};
  if (one_in(6)) o.opt.off = (uint64_t)1 << (rnd(PASS_COUNT));
  for (int i = 0; i < PASS_COUNT; i++)
    if (pass_info[i].kind == PASS_LOWERING) o.opt.off &= ~((uint64_t)1 << i);
  Module *m = elaborate(c, source_add(c, r->name, text, len), r->name, &o);
  if (diag_errors(c)) return;
  if (ir_verify(m)) {
    diag_error(c, 411, 0, 1, "the verifier refuses what was elaborated");
    return;
  }
  module_drop_tests(m);
  if (!passes_run(m, &(PassRun){0})) return;
  Artifacts out;
  EmitOptions e = {.version = "0", .flags = "", .builtin = embed_text, .header = "m.h"};
  NativeC n;
  NativeOptions native = {.isa = "avx2", .emit = e};
  if (r->strict) emit_program(m, &target_portable, &e, &out);
  else native_c(m, &native, &n);
}

static bool own_error(Ctx *c) {
  DiagView v;
  const Diag *d;
  for (int i = 0; diag_view(c, i, &v, &d); i++)
    if (!v.warn && v.code >= 400 && v.code < 600 && v.code != E_RAM_BUDGET) return true;
  return false;
}

int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "--print")) {
    program(strtoull(argv[2], NULL, 10));
    fputs(text, stdout);
    return 0;
  }
  int count = argc > 1 ? atoi(argv[1]) : 100, valid = 0, failed = 0;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  for (int i = 0; i < count; i++, seed++) {
    program(seed);
    if (getenv("PROGRAMS_TRACE")) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int strict = 0; strict < 2; strict++) {
      Ctx *c = ctx_new();
      bool compiled = ctx_try(c, compile, &(Run){.name = "program.nn", .strict = strict});
      valid += strict && compiled && !diag_errors(c);
      if (!compiled || own_error(c)) {
        failed++;
        printf("FAIL  programs --print %llu, %s:\n", (unsigned long long)seed, strict ? "strict" : "fast");
        diag_print(c, stdout, false);
      } else if (getenv("PROGRAMS_SHOW") && diag_errors(c)) {
        printf("seed %llu: ", (unsigned long long)seed);
        diag_print(c, stdout, false);
      }
      ctx_free(c);
    }
  }
  printf("programs: %d of %d valid\n%d passed, %d failed\n", valid, count, 2 * count - failed, failed);
  return failed > 0;
}
