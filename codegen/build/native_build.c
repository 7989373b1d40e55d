/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/build/native_build.h"

const char *const native_part[NATIVE_PARTS] = {"-DGC_PART=0", "-DGC_PART=1"};

/* Whether flags are levels of optimisation alone: the GEMM unit has a level of its own, which comes after them. */
static bool only_levels(const char *flags) {
  for (; flags && *flags; flags += strcspn(flags, " \t\n")) {
    flags += strspn(flags, " \t\n");
    if (*flags && (strncmp(flags, "-O", 2) || strcspn(flags, " \t\n") != 3 || !strchr("0123gs", flags[2])))
      return false;
  }
  return true;
}

/* Compiled GEMM units for the rows of machine.c are embedded in gradc, named by the hash of their text. */
static void find_gemm_object(Ctx *c, const NativeOptions *o, NativeC *n) {
  const Str *unit = &n->gemm_unit;
  if (!unit->n || !only_levels(o->cflags) || o->foreign || o->script) return;
  unsigned long long hash = hash_bytes(unit->s, unit->n, 0);
  n->gemm_object = o->emit.builtin(ctx_strf(c, "prebuilt/%016llx.obj", hash), &n->gemm_object_bytes);
}

/* The object of the host form is embedded in gradc. */
static void find_host_form(const NativeOptions *o, NativeC *n) {
  if (o->emit.device && o->emit.device->host_form) n->host_form = o->emit.builtin("cuda_host.o", &n->host_form_bytes);
}

bool native_c(Module *m, const NativeOptions *o, NativeC *to) {
  Ctx *c = m->c;
  const char *isa = o->isa ? o->isa : "native";
  const Machine *row = machine_find(isa), *named = machine_of_march(isa);
  *to = (NativeC){.flags = {.c = c}, .gemm_unit_flags = {.c = c}, .device_flags = {.c = c}, .kernel_flags = {.c = c}};
  cc_words(&to->flags, "-std=gnu11 -fno-math-errno -fno-trapping-math -w -ffp-contract=off");
  /* The text of microkernels is unrolled: higher levels only take longer to compile. */
  cc_words(&to->gemm_unit_flags, "-O1 -fexpensive-optimizations");
  if (!m->opt.strict) cc_arg(&to->gemm_unit_flags, "-ffp-contract=fast");
  cc_words(&to->device_flags, "-O1 -fno-strict-aliasing");
  cc_args(&to->kernel_flags, to->device_flags.v, to->device_flags.n);
  if (o->hooks) cc_words(&to->kernel_flags, "-fno-tree-vectorize -fsanitize=thread -g1");
  to->machine = to->flags.n;
  if (!row) cc_arg(&to->flags, ctx_strf(c, "-march=%s", isa));
  cc_words(&to->flags, row ? row->cflags : named->tune);
  to->nmachine = to->flags.n - to->machine;
  cc_words(&to->flags, o->cflags);
  Rates rates;
  NativeEmitOptions native = {.machine = row ? row : named,
                              .rates = machine_rates(isa, &rates) ? &rates : NULL,
                              .serial_cycles = o->serial_cycles,
                              .contract = !m->opt.strict,
                              .tuning = strcmp(isa, "native") || o->foreign ? NULL : o->tuning,
                              .separate_gemm = true};
  EmitOptions emit = o->emit;
  emit.native = &native;
  Artifacts out;
  if (!emit_program(m, emit.device ? &target_cuda : &target_native, &emit, &out)) return false;
  to->text = out.code;
  to->gemm_unit = out.gemm_unit;
  to->device = out.device;
  to->kernels = out.kernels;
  find_host_form(o, to);
  if (emit.device && !emit.device->host_form) return o->images(c, &out, o->images_arg, &to->device);
  find_gemm_object(c, o, to);
  return true;
}

void native_report(Ctx *c, CcResult r) {
  if (r.fault == CC_NOT_STARTED) {
    Diag *d = diag_error(c, E_CC_NOT_RUN, 0, 1, "the C compiler cannot be run: %s", r.text);
    diag_help(c, d, "install one (gcc or clang), or name one with --cc");
  } else if (r.fault == CC_REFUSED || r.fault == CC_KILLED) {
    const char *what = r.fault == CC_KILLED ? "did not finish" : "refused the generated program";
    diag_error(c, E_CC_FAILED, 0, 1, "the C compiler %s: %s", what, r.text);
  } else {
    diag_error(c, E_FILE_WRITE, 0, 1, "%s", r.text);
  }
}

/* ---- programs ---- */

typedef struct Build {
  const WorkFolder *f;
  const NativeOptions *o;
  const NativeC *n;
  CcArgs unit[NATIVE_PARTS + 3], link;
  int nunit;
  const char *level; /* of the units with kernels; the others have a level of their own, after -O3 */
} Build;

static CcArgs command(const Build *b, const char *level) {
  CcArgs k = cc_command(b->f->c, b->o->cc);
  cc_words(&k, level);
  return k;
}

/* Adds a unit: its command, to which flags are added, source and object. The object is linked. */
static void add_unit(Build *b, CcArgs k, const char *const *flag, int nflags, const char *source, const char *object) {
  const char *const files[] = {"-c", "-o", work_folder_path(b->f, object), work_folder_path(b->f, source)};
  cc_args(&k, b->n->flags.v, b->n->flags.n);
  cc_args(&k, flag, nflags);
  cc_args(&k, files, 4);
  b->unit[b->nunit++] = k;
  cc_arg(&b->link, files[2]);
}

static CcResult write_unit(Build *b, const char *name, const Str *text) {
  if (b->o->script) str_printf(&b->o->script->files, "%s\n", name);
  return work_folder_write(b->f, name, text->s, text->n);
}

static CcResult add_device(Build *b) {
  const NativeC *n = b->n;
  CcResult r = {CC_OK, NULL};
  if (!n->device.n) return r;
  add_unit(b, command(b, "-O3"), n->device_flags.v, n->device_flags.n, "unit.device.c", "device.o");
  r = write_unit(b, "unit.device.c", &n->device);
  if (r.fault || !n->host_form) return r;
  add_unit(b, command(b, "-O3"), n->kernel_flags.v, n->kernel_flags.n, "unit.kernels.c", "kernels.o");
  r = write_unit(b, "unit.kernels.c", &n->kernels);
  if (r.fault) return r;
  cc_arg(&b->link, work_folder_path(b->f, "cuda_host.o"));
  if (b->o->script) str_puts(&b->o->script->files, "cuda_host.o\n");
  return work_folder_write(b->f, "cuda_host.o", n->host_form, n->host_form_bytes);
}

static CcResult add_units(Build *b, const char *name) {
  const NativeC *n = b->n;
  Ctx *c = b->f->c;
  const char *source = ctx_strf(c, "%s.c", name);
  CcResult r = write_unit(b, source, &n->text);
  for (int i = 0; i < NATIVE_PARTS; i++)
    add_unit(b, command(b, b->level), &native_part[i], 1, source, ctx_strf(c, "unit%d.o", i));
  if (r.fault || !n->gemm_unit.n) return r;
  if (n->gemm_object) {
    cc_arg(&b->link, work_folder_path(b->f, "gemm.o"));
    return work_folder_write(b->f, "gemm.o", n->gemm_object, n->gemm_object_bytes);
  }
  add_unit(b, command(b, "-O3"), n->gemm_unit_flags.v, n->gemm_unit_flags.n, "gemm.c", "gemm.o");
  return write_unit(b, "gemm.c", &n->gemm_unit);
}

/* A word of a shell, with paths in the folder relative to it. */
static void put_word(Str *s, const char *word, const char *folder) {
  size_t n = strlen(folder);
  if (!strncmp(word, folder, n) && (word[n] == '/' || !word[n])) word = word[n] ? word + n + 1 : ".";
  bool plain = *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%")];
  if (!plain) str_puts(s, "'");
  for (; *word; word++)
    if (*word == '\'') str_puts(s, "'\\''");
    else str_put(s, word, 1);
  if (!plain) str_puts(s, "'");
}

static void put_command(Str *s, const CcArgs *k, const char *folder) {
  for (int i = 0; i < k->n; i++) {
    if (i) str_puts(s, " ");
    put_word(s, k->v[i], folder);
  }
  str_puts(s, "\n");
}

/* Compiles and links; with a script, writes that. */
static CcResult run_commands(Build *b) {
  NativeScript *s = b->o->script;
  for (int i = 0; s && i < b->nunit; i++) put_command(&s->commands, &b->unit[i], b->f->path);
  if (s) put_command(&s->commands, &b->link, b->f->path);
  CcResult r = {CC_OK, NULL};
  if (s && s->only) return r;
  r = cc_run(b->f, b->unit, b->nunit);
  return r.fault ? r : cc_run(b->f, &b->link, 1);
}

CcFault native_program(Module *m, const NativeOptions *o, const WorkFolder *f, const CcArgs *runtime, const char *out) {
  NativeC n;
  if (!native_c(m, o, &n)) return CC_REFUSED;
  Build b = {.f = f, .o = o, .n = &n, .level = cc_level(f->c, o->cc)};
  b.link = command(&b, "-O3");
  /* If the link compiles the runtime from source, it does so without the machine flags: the runtime then runs on any
   * processor, and reports one that lacks the instructions of the model. */
  cc_args(&b.link, n.flags.v, n.machine);
  cc_args(&b.link, n.flags.v + n.machine + n.nmachine, n.flags.n - n.machine - n.nmachine);
  CcResult r = add_units(&b, m->name);
  if (!r.fault) r = add_device(&b);
  const char *const last[] = {"-lpthread", "-lm", "-o", work_folder_path(f, out), "-ldl"};
  cc_args(&b.link, runtime->v, runtime->n);
  cc_args(&b.link, last, n.device.n ? 5 : 4); /* a device's driver is loaded by dlopen */
  if (!r.fault) r = run_commands(&b);
  if (r.fault) native_report(f->c, r);
  return r.fault;
}
