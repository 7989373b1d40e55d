/* Running the C compiler on the generated program. No shell takes part. */
#include "driver/toolchain.h"
#include "codegen/jit/spawn.h"
#include "lib/embed.h"
#include "lib/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
enum { E_CC_RUN = 503, E_CC = 504 };

typedef struct Words { Ctx *c; const char **v; int n, cap; } Words;

static void word(Words *w, const char *s) { *VEC_PUSH(w->c, w->v, w->n, w->cap) = ctx_strf(w->c, "%s", s); }

static void words(Words *w, const char *s) { /* separated by blanks */
  while (s && *s) {
    size_t n = strcspn(s, " \t\n");
    if (n) word(w, ctx_intern(w->c, s, n));
    s += n + strspn(s + n, " \t\n");
  }
}

/* ---- the embedded runtime ---- */

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

/* The archive is for the compilers of this machine; others, and other machines, compile the runtime's sources. */
static bool archive_fits(const Args *a) {
  const char *cc = a->value[OPT_cc], *flags = a->value[OPT_cflags];
  if (flags && (strstr(flags, "-m32") || strstr(flags, "-target"))) return false;
  if (!cc) return true;
  const char *slash = strrchr(cc, '/');
  cc = slash ? slash + 1 : cc;
  static const char *const own[] = {"cc", "gcc", "clang"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    size_t n = strlen(own[i]);
    if (strncmp(cc, own[i], n)) continue;
    if (!cc[n] || (cc[n] == '-' && !cc[n + 1 + strspn(cc + n + 1, "0123456789.")])) return true; /* gcc-12 */
  }
  return false;
}

/* Writes what compiling the generated file needs into the folder, and adds it to the command. */
static bool add_runtime(const Args *a, const Temp *t, Words *w) {
  bool archive = archive_fits(a);
  static const char *const folder[] = {"runtime", "ir"};
  for (int i = 0; i < 2; i++)
    if (mkdir(temp_path(t, folder[i]), 0700)) {
      diag_error(a->c, 502, 0, 1, "%s: %s", temp_path(t, folder[i]), strerror(errno));
      return false;
    }
  word(w, "-I");
  word(w, t->dir);
  word(w, "-I");
  word(w, temp_path(t, "runtime"));
  for (int i = 0; i < nembedded; i++) {
    const Embedded *e = &embedded[i];
    bool lib = ends_with(e->name, ".a"), code = !strncmp(e->name, "runtime/", 8) && ends_with(e->name, ".c");
    bool header = ends_with(e->name, ".h") || ends_with(e->name, ".def");
    if (lib ? !archive : code ? archive : !header) continue;
    const char *path = temp_path(t, lib ? "libgradc_rt.a" : e->name);
    if (!save_file(a->c, path, e->text, e->n, 0)) return false;
    if (lib || code) word(w, path);
  }
  return true;
}

/* ---- the compiler ---- */

static void show_log(Ctx *c, const char *log) { /* the compiler's own message, its first lines */
  enum { LINES = 20 };
  Loc start;
  size_t n;
  if (!source_read(c, log, &start)) return;
  const char *text = source_text(c, start, &n), *p = text;
  for (int i = 0; i < LINES && p < text + n; i++) {
    const char *end = memchr(p, '\n', (size_t)(text + n - p));
    p = end ? end + 1 : text + n;
  }
  fwrite(text, 1, (size_t)(p - text), stderr);
}

/* One running compiler. */
typedef struct Job { Spawned s; const char *log; } Job;

static Job start(Args *a, const Temp *t, Words *w, int number) {
  Job j = {.log = temp_path(t, ctx_strf(a->c, "cc%d.log", number))};
  *VEC_PUSH(a->c, w->v, w->n, w->cap) = NULL;
  j.s = spawn_start(w->v, j.log);
  return j;
}

static int finish(Args *a, const char *cc, Job *j) {
  int status = spawn_wait(&j->s);
  if (j->s.err) {
    Diag *d = diag_error(a->c, E_CC_RUN, 0, 1, "the C compiler `%s` cannot be run: %s", cc, strerror(j->s.err));
    diag_help(a->c, d, "install one (gcc or clang), or name one with --cc");
    return EXIT_MODEL;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return EXIT_WELL;
  show_log(a->c, j->log);
  if (WIFSIGNALED(status)) {
    diag_error(a->c, E_CC, 0, 1, "the C compiler `%s` was ended by signal %d", cc, WTERMSIG(status));
    return EXIT_RESOURCES;
  }
  diag_error(a->c, E_CC, 0, 1, "the C compiler `%s` refused the generated program (status %d)", cc,
             WEXITSTATUS(status));
  return EXIT_MODEL;
}

/* Compiles the units of the generated file side by side; their objects join the command that links. */
static int compile_units(Args *a, const Temp *t, const NativeC *n, const Words *flags, const char *name, Words *link) {
  Job job[NATIVE_PARTS + 1];
  int status = EXIT_WELL, units = NATIVE_PARTS + (n->sums.n && !n->object.p);
  const char *source = temp_path(t, ctx_strf(a->c, "%s.c", name)), *sums = temp_path(t, "sums.c");
  const char *object = temp_path(t, "sums.o");
  if (!save_file(a->c, source, n->text.s, n->text.n, 0)) return EXIT_RESOURCES;
  if (n->object.p && !save_file(a->c, object, n->object.p, n->object.n, 0)) return EXIT_RESOURCES;
  if (units > NATIVE_PARTS && !save_file(a->c, sums, n->sums.s, n->sums.n, 0)) return EXIT_RESOURCES;
  if (n->object.p) word(link, object);
  for (int i = 0; i < units; i++) {
    bool part = i < NATIVE_PARTS;
    const char *to = part ? temp_path(t, ctx_strf(a->c, "part%d.o", i)) : object;
    const char *const last[] = {"-c", "-o", to, part ? source : sums};
    Words w = {.c = a->c};
    for (int k = 0; k < flags->n; k++) word(&w, flags->v[k]);
    if (part) word(&w, native_part[i]);
    for (int k = 0; k < n->sums_flags.n && !part; k++) word(&w, n->sums_flags.v[k]);
    for (size_t k = 0; k < sizeof last / sizeof *last; k++) word(&w, last[k]);
    job[i] = start(a, t, &w, i);
    word(link, to);
  }
  for (int i = 0; i < units; i++) {
    if (status == EXIT_WELL) status = finish(a, flags->v[0], &job[i]);
    else spawn_wait(&job[i].s);
  }
  return status;
}

/* What a run folder says of how the model was built. */
static const char *flags_text(const Args *a) {
  static const OptionId shown[] = {OPT_fp, OPT_cc, OPT_cflags, OPT_isa, OPT_ram};
  Str s = {.c = a->c};
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    if (args_has(a, shown[i]))
      str_printf(&s, "%s%s=%s", s.n ? " " : "", option_info[shown[i]].flag, a->value[shown[i]]);
  return s.s ? s.s : "";
}

static CompileOptions options(const Args *a) {
  CompileOptions o = {.isa = a->value[OPT_isa], .cflags = a->value[OPT_cflags], .cc = a->value[OPT_cc]};
  o.emit = (EmitOptions){.version = GRADC_VERSION, .flags = flags_text(a), .carried = embed_text,
                         .dir = unit_folder(a->c, a->operand[0])};
  o.foreign = !archive_fits(a);
  if (o.foreign && !o.isa) o.isa = "generic";
  return o;
}

int toolchain_build(Args *a, Temp *t, const char *out) {
  Ctx *c = a->c;
  Module *m = load_planned(a, a->operand[0]);
  if (!m || !unit_one_train(m) || !unit_has_plan(m)) return EXIT_MODEL;
  CompileOptions o = options(a);
  NativeC n;
  if (!compile_text(m, &o, &n)) return EXIT_MODEL;
  Words w = {.c = c};
  word(&w, o.cc ? o.cc : "cc");
  word(&w, "-O3");
  for (int i = 0; i < n.flags.n; i++) word(&w, n.flags.v[i]);
  Words link = {.c = c}, runtime = {.c = c};
  /* Where the runtime is compiled, too, it is for any processor: it asks which one it runs on. */
  for (int i = 0, first = w.n - n.flags.n + n.machine; i < w.n; i++)
    if (i < first || i >= first + n.nmachine) word(&link, w.v[i]);
  if (!add_runtime(a, t, &runtime)) return EXIT_RESOURCES;
  int status = compile_units(a, t, &n, &w, m->name, &link);
  if (status != EXIT_WELL) return status;
  for (int i = 0; i < runtime.n; i++) word(&link, runtime.v[i]);
  word(&link, "-lpthread");
  word(&link, "-lm");
  word(&link, "-o");
  word(&link, out);
  Job j = start(a, t, &link, NATIVE_PARTS + 1);
  return finish(a, w.v[0], &j);
}

static bool asks_for(const Args *a, const char *way) {
  return args_has(a, OPT_jit) && !strcmp(a->value[OPT_jit], way);
}

static bool by_cc(const Args *a) { return asks_for(a, "cc") || (args_has(a, OPT_cc) && !asks_for(a, "clang")); }

static bool has_way(Args *a) {
  if (!asks_for(a, "clang") || jit_has_clang()) return true;
  Diag *d = diag_error(a->c, E_CC_RUN, 0, 1, "`--jit=clang`: the clang libraries are not here");
  diag_help(a->c, d, "`--jit=cc` compiles with cc; gradc takes the libraries of clang 14 to 19 in when it is built");
  return false;
}

void toolchain_prepare(const Args *a) {
  if (!by_cc(a)) jit_prepare();
}

Jit *toolchain_load(Args *a, Module *m, int *status) {
  CompileOptions o = options(a);
  o.cache = compile_cache(a->c);
  o.only_cc = by_cc(a);
  signals_hold(true); /* a compiler's folder is not left behind */
  Jit *j = has_way(a) ? compile_jit(m, &o) : NULL;
  signals_hold(false);
  *status = j ? EXIT_WELL : o.fault == JIT_SYSTEM ? EXIT_RESOURCES : EXIT_MODEL;
  return j;
}

const char *toolchain_stack_usage(Args *a, const Temp *t, const char **why) {
  static const char *const fixed[] = {"-std=c99", "-O2", "-ffreestanding", "-w", "-fstack-usage", "-c", "-o"};
  const char *cc = a->value[OPT_cc] ? a->value[OPT_cc] : "cc";
  Words w = {.c = a->c};
  Loc at;
  size_t n;
  word(&w, cc);
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) word(&w, fixed[i]);
  word(&w, temp_path(t, "model.o"));
  words(&w, a->value[OPT_cflags]);
  word(&w, temp_path(t, "model.c"));
  Job j = start(a, t, &w, 0);
  *why = ctx_strf(a->c, "the C compiler `%s` cannot be run", cc);
  int status = spawn_wait(&j.s);
  if (j.s.err) return NULL;
  *why = ctx_strf(a->c, "the C compiler `%s` does not tell it", cc);
  if (status || !source_read(a->c, temp_path(t, "model.su"), &at)) return NULL;
  return source_text(a->c, at, &n);
}
