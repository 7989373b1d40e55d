/* SPDX-License-Identifier: Apache-2.0 */
/* From the command line to the options of codegen/build and codegen/jit. */
#include "ir/graph.h"
#include "driver/toolchain.h"
#include "codegen/jit/cuda_images.h"
#include "codegen/jit/gpus.h"
#include "lib/embed.h"
#include "lib/pipeline.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the embedded runtime ---- */

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

/* The runtime's archive is for the usual compilers of this machine. Others, and other machines, compile its sources. */
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

/* Makes the folder of an embedded file. */
static CcResult make_parent(const WorkFolder *f, const char *name) {
  const char *slash = strrchr(name, '/');
  if (!slash) return (CcResult){CC_OK, NULL};
  const char *path = work_folder_path(f, ctx_strf(f->c, "%.*s", (int)(slash - name), name));
  if (!mkdir(path, 0700) || errno == EEXIST) return (CcResult){CC_OK, NULL};
  return (CcResult){CC_SYSTEM, ctx_strf(f->c, "%s: %s", path, strerror(errno))};
}

/* Writes the files of the runtime that compiling and linking the generated C needs, adds them to the command, and their
 * names to `files`, if that is not NULL. */
static bool add_runtime(const Args *a, const WorkFolder *f, CcArgs *k, Str *files) {
  bool archive = archive_fits(a);
  CcResult r = {CC_OK, NULL};
  cc_arg(k, "-I");
  cc_arg(k, f->path);
  cc_arg(k, "-I");
  cc_arg(k, work_folder_path(f, "runtime"));
  for (int i = 0; i < nembedded && !r.fault; i++) {
    const Embedded *e = &embedded[i];
    bool lib = ends_with(e->name, ".a"), code = ends_with(e->name, ".c");
    code &= !strncmp(e->name, "runtime/", 8) || !strncmp(e->name, "serve/", 6);
    bool header = (ends_with(e->name, ".h") || ends_with(e->name, ".def")) && strncmp(e->name, "codegen/", 8);
    if (lib ? !archive : code ? archive : !header) continue;
    r = make_parent(f, e->name);
    if (!r.fault) r = work_folder_write(f, e->name, e->text, e->n);
    if (files) str_printf(files, "%s\n", e->name);
    if (lib || code) cc_arg(k, work_folder_path(f, e->name));
  }
  if (r.fault) diag_error(a->c, E_FILE_WRITE, 0, 1, "%s", r.text);
  return !r.fault;
}

/* What decodes pictures is linked by programs of models with such data only. */
static void add_pictures(const Args *a, const Module *m, CcArgs *k) {
  bool any = false;
  for (int i = 0; i < m->ndata; i++) any |= !strcmp(m->data[i].kind, "images");
  if (!any) return;
  if (!archive_fits(a)) cc_words(k, PICTURE_FLAGS);
  cc_words(k, PICTURE_LIBS);
}

/* Whether an export gives scores f32[1, V] or f32[1, T, V] of what follows tokens i32[1, T], with or without the number
 * of the first one. */
static bool generates(const Module *m) {
  for (int i = 0; i < m->ngraph; i++) {
    const Graph *g = m->graph[i];
    int results = 0;
    for (int k = 0; k < g->nout; k++) results += g->out[k].var < 0;
    if (g->kind != GK_EXPORT || results != 1 || g->nport < 1 || g->nport > 2) continue;
    const Type *in = node_type(g, g->port[0]), *at = node_type(g, g->port[g->nport - 1]), *out = NULL;
    for (int k = 0; k < g->nout && !out; k++)
      if (g->out[k].var < 0) out = node_type(g, g->out[k].value);
    bool scores = out->dtype == DT_F32 && (out->rank == 2 || out->rank == 3);
    if (g->nport == 2) scores &= at->dtype == DT_I32 && at->rank == 0;
    if (scores && in->dtype == DT_I32 && in->rank == 2) return true;
  }
  return false;
}

/* ---- programs ---- */

/* The options that run.json records. */
static const char *flags_text(const Args *a) {
  static const OptionId shown[] = {OPT_fp, OPT_cc, OPT_cflags, OPT_isa, OPT_ram, OPT_device, OPT_arch, OPT_gemm};
  Str s = {.c = a->c};
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    if (args_has(a, shown[i]))
      str_printf(&s, "%s%s=%s", s.n ? " " : "", option_info[shown[i]].flag, a->value[shown[i]]);
  return s.s ? s.s : "";
}

/* The GPUs that kernels are compiled for: --gpu, or the one there is; if there is none, code that runs on no machine
 * would only delay the report of it, and a program to be built is for those that are common. */
static const char *gpus(const Args *a) {
  const char *named = a->value[OPT_arch];
  if (named && strcmp(named, "native")) return named;
  Gpus g = gpus_find(a->c);
  int64_t number = args_gpu(a) < 0 ? 0 : args_gpu(a);
  if (number < g.ngpu) return g.arch[number];
  if (a->cmd != CMD_build) return ""; /* the run reports that there is none */
  if (!named) return "sm_80,sm_90a";
  Diag *d = diag_error(a->c, E_CUDA_FAILED, 0, 1, "`--gpu=native`: there is no GPU on this machine%s%s",
                       g.why ? ": " : "", g.why ? g.why : "");
  diag_help(a->c, d, "name what the program will run on, as in --gpu=sm_80,sm_90a");
  return "";
}

static void device_options(const Args *a, Module *m, NativeOptions *o) {
  DeviceProgram *p = ctx_alloc(a->c, sizeof *p);
  CudaImages *x = ctx_alloc(a->c, sizeof *x);
  *p = (DeviceProgram){.host_form = !strcmp(args_device(a), "cuda-host")};
  if (!p->host_form) x->gpus = gpus(a);
  m->opt.sm = args_sm(p->host_form ? a->value[OPT_arch] : x->gpus);
  x->compile =
    (CudaCompileOptions){.strict = m->opt.strict, .nvcc = a->value[OPT_nvcc], .cache = jit_cache_folder(a->c)};
  o->emit.device = p;
  o->emit.plain_forms = args_has(a, OPT_forms) && !strcmp(a->value[OPT_forms], "plain");
  o->hooks = args_has(a, OPT_hooks);
  o->images = cuda_images;
  o->images_arg = x;
}

static NativeOptions native_options(const Args *a, Module *m) {
  NativeOptions o = {.isa = a->value[OPT_isa], .cflags = a->value[OPT_cflags], .cc = a->value[OPT_cc]};
  o.emit = (EmitOptions){.version = GRADC_VERSION,
                         .flags = flags_text(a),
                         .builtin = embed_text,
                         .dir = pipeline_folder(a->c, a->operand[0]),
                         .profile =
                           a->cmd == CMD_build || a->cmd == CMD_emit || a->cmd == CMD_tune || args_has(a, OPT_profile)};
  if (args_device(a)) device_options(a, m, &o);
  o.tuning = a->tuning ? a->tuning : tuning_of_cache(a->c, jit_cache_folder(a->c));
  o.foreign = !archive_fits(a);
  if (o.foreign && !o.isa) o.isa = "generic";
  return o;
}

/* Copies a file of the work folder, with the folders in its name. */
static bool keep_file(Args *a, const WorkFolder *f, const char *name, const char *dir) {
  char *text;
  size_t n;
  const char *to = ctx_strf(a->c, "%s/%s", dir, name), *slash = strrchr(to, '/');
  if (!make_folders(a->c, ctx_strf(a->c, "%.*s", (int)(slash - to), to))) return false;
  CcResult r = work_folder_read(f, name, &text, &n);
  if (r.fault) diag_error(a->c, E_FILE_WRITE, 0, 1, "%s", r.text);
  bool ok = !r.fault && save_file(a->c, to, text, n, 0);
  if (!r.fault) free(text);
  return ok;
}

/* The C of the model, what of the runtime it is compiled with, and build.sh, which makes the same program of them. */
static bool keep_sources(Args *a, const WorkFolder *f, const char *dir, const NativeScript *script) {
  bool ok = make_folders(a->c, dir);
  for (const char *p = script->files.s, *end; ok && p && *p; p = end + 1) {
    end = strchr(p, '\n');
    ok = keep_file(a, f, ctx_strf(a->c, "%.*s", (int)(end - p), p), dir);
  }
  Str s = {.c = a->c};
  str_printf(&s, "#!/bin/sh\n# Makes `program`, as gradc %s does.\ncd \"$(dirname \"$0\")\" || exit 1\nset -e\n%s",
             GRADC_VERSION, script->commands.s);
  return ok && save_file(a->c, ctx_strf(a->c, "%s/build.sh", dir), s.s, s.n, 0777);
}

int toolchain_build(Args *a, const WorkFolder *f, const char *out) {
  Module *m = load_planned(a, a->operand[0]);
  if (!m || !pipeline_check_runnable(m)) return EXIT_MODEL;
  NativeOptions o = native_options(a, m);
  if (diag_errors(a->c)) return EXIT_MODEL;
  NativeScript script = {.files = {.c = a->c}, .commands = {.c = a->c}, .only = a->cmd == CMD_emit};
  const char *keep = a->value[script.only ? OPT_output : OPT_keep_c];
  if (keep) o.script = &script;
  CcArgs runtime = {.c = a->c};
  if (!add_runtime(a, f, &runtime, &script.files)) return EXIT_RESOURCES;
  add_pictures(a, m, &runtime);
  if (generates(m)) cc_words(&runtime, "-Wl,-u,gc_generate");
  CcFault fault = native_program(m, &o, f, &runtime, out);
  if (fault == CC_SYSTEM || fault == CC_KILLED) return EXIT_RESOURCES;
  if (!fault && keep && !keep_sources(a, f, keep, &script)) return EXIT_RESOURCES;
  return fault ? EXIT_MODEL : EXIT_OK;
}

/* ---- code in this process ---- */

static bool wants_backend(const Args *a, const char *name) {
  return args_has(a, OPT_jit) && !strcmp(a->value[OPT_jit], name);
}

static bool only_cc(const Args *a) {
  return wants_backend(a, "cc") || (args_has(a, OPT_cc) && !wants_backend(a, "clang"));
}

static bool has_backend(Args *a) {
  if (!wants_backend(a, "clang") || jit_has_clang()) return true;
  Diag *d = diag_error(a->c, E_CC_NOT_RUN, 0, 1, "`--jit=clang`: this gradc was built without the clang libraries");
  diag_help(a->c, d, "`--jit=cc` compiles with cc; building gradc with clang 14 to 19 installed adds them");
  return false;
}

void toolchain_prepare(const Args *a) {
  if (!only_cc(a)) jit_prepare();
}

Jit *toolchain_load(Args *a, Module *m, int *status) {
  NativeOptions o = native_options(a, m);
  JitOptions jit = {.cache = jit_cache_folder(a->c), .only_cc = only_cc(a)};
  JitFault fault = JIT_REFUSED;
  signals_block(true); /* the compiler's work folder is always removed */
  Jit *j = has_backend(a) ? jit_module(m, &o, &jit, &fault) : NULL;
  signals_block(false);
  *status = j ? EXIT_OK : fault == JIT_SYSTEM ? EXIT_RESOURCES : EXIT_MODEL;
  return j;
}

/* ---- stack usage ---- */

const char *toolchain_stack_usage(Args *a, const WorkFolder *f, const char **why) {
  static const char *const fixed[] = {"-std=c99", "-O2", "-ffreestanding", "-w", "-fstack-usage", "-c", "-o"};
  CcArgs k = cc_command(a->c, a->value[OPT_cc]);
  const char *cc = k.v[0];
  Loc at;
  size_t n;
  cc_args(&k, fixed, (int)(sizeof fixed / sizeof *fixed));
  cc_arg(&k, work_folder_path(f, "model.o"));
  cc_words(&k, a->value[OPT_cflags]);
  cc_arg(&k, work_folder_path(f, "model.c"));
  CcFault fault = cc_run(f, &k, 1).fault;
  bool started = fault != CC_NOT_STARTED;
  *why = ctx_strf(a->c, "the C compiler `%s` %s", cc, started ? "does not report it" : "cannot be run");
  if (fault || !source_read(a->c, work_folder_path(f, "model.su"), &at)) return NULL;
  return source_text(a->c, at, &n);
}
