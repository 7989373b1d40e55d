/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that take a source: gradc_compile, gradc_check, and those that return text. */
#include "codegen/target.h"
#include "lib/cost.h"
#include "lib/device.h"
#include "lib/device_cost.h"
#include "lib/embed.h"
#include "lib/pipeline.h"
#include "passes/pass.h"
#include <string.h>

typedef struct Job {
  const gradc_source *source;
  gradc_options o;
  bool native, ok;
  DeviceChoice device; /* of gradc_compile, gradc_report */
  PipelineInput input;
  Jit *jit;          /* of gradc_compile */
  const char *after; /* of gradc_dump: a pass; NULL: all */
  gradc_sink *sink;
  void *user;
} Job;

const char *gradc_version(void) { return GRADC_VERSION; }

/* ---- options ---- */

static bool set_off(Ctx *c, Job *k) { /* "fuse,order" */
  for (const char *p = k->o.off; p && *p;) {
    size_t n = strcspn(p, ",");
    int i = pass_find(p, n);
    if (i < 0 || pass_info[i].kind == PASS_LOWERING) {
      diag_error(c, E_USAGE, 0, 1, "`%.*s` is not a pass that can be disabled", (int)n, p);
      return false;
    }
    k->input.opt.off |= (uint64_t)1 << i;
    p += n + (p[n] == ',');
  }
  return true;
}

static bool set_options(Ctx *c, Job *k) {
  k->input.path = k->source->path;
  k->input.search = k->o.search;
  k->input.set = k->o.set;
  k->input.nset = k->o.set ? k->o.nset : 0;
  k->input.opt.strict = k->o.strict || !k->native;
  k->input.opt.ram = k->o.ram > 0 ? k->o.ram : 0;
  if (k->native) target_set_options(&target_native, &k->input.opt);
  return set_off(c, k) && device_choose(c, &k->o, &k->device);
}

/* The caller may have been compiled with an older or newer header, whose struct has another size. */
static void copy_options(Job *k, const gradc_options *o) {
  k->o = (gradc_options)GRADC_OPTIONS;
  if (!o) return;
  size_t n = o->size < sizeof *o ? o->size : sizeof *o;
  memcpy(&k->o, o, n);
}

/* Elaborates the source. NULL: reported. */
static Module *load(Ctx *c, Job *k) {
  Loc start;
  if (!set_options(c, k)) return NULL;
  if (k->source->text) start = source_add(c, k->source->path, k->source->text, k->source->size);
  else if (!pipeline_read(c, k->source->path, &start)) return NULL;
  return pipeline_module(c, &k->input, start);
}

/* ---- jobs, run in a Ctx ---- */

static void check_job(Ctx *c, void *arg) {
  Job *k = arg;
  Module *m = load(c, k);
  if (m && !ir_verify(m)) passes_run(m, &(PassRun){.stop_after = "autodiff"});
  k->ok = !diag_errors(c);
}

static void compile_job(Ctx *c, void *arg) {
  Job *k = arg;
  Module *m = load(c, k);
  if (!m || !device_plan(m, &k->device) || !pipeline_plan(m)) return;
  const char *cache = !k->o.cache ? jit_cache_folder(c) : *k->o.cache ? k->o.cache : NULL;
  NativeOptions o = {.isa = k->o.isa, .cflags = k->o.cflags, .cc = k->o.cc, .tuning = tuning_of_cache(c, cache)};
  JitOptions jit = {.cache = cache, .only_cc = k->o.cc || k->o.backend == GRADC_CC};
  o.emit = (EmitOptions){
    .version = GRADC_VERSION, .flags = "", .builtin = embed_text, .dir = pipeline_folder(c, k->source->path)};
  device_compile(m, &k->device, cache, &o);
  k->jit = jit_module(m, &o, &jit, NULL);
  k->ok = k->jit != NULL;
}

static void emit_job(Ctx *c, void *arg) {
  Job *k = arg;
  Module *m = load(c, k);
  Artifacts out;
  if (!m || !pipeline_plan(m)) return;
  const char *c_name = ctx_strf(c, "%s.c", m->name), *h_name = ctx_strf(c, "%s.h", m->name);
  EmitOptions o = {.version = GRADC_VERSION, .flags = "", .builtin = embed_text, .header = h_name};
  if (!emit_program(m, &target_portable, &o, &out)) return;
  k->sink(k->user, c_name, out.code.s, out.code.n);
  k->sink(k->user, h_name, out.header.s, out.header.n);
  k->ok = true;
}

static void dump_job(Ctx *c, void *arg) {
  Job *k = arg;
  Module *m = load(c, k);
  if (!m || ((!k->after || *k->after) && !passes_run(m, &(PassRun){.stop_after = k->after}))) return;
  Str s = {.c = c};
  ir_print(&s, m);
  k->sink(k->user, ctx_strf(c, "%s.ir", m->name), s.s, s.n);
  k->ok = true;
}

static void report_job(Ctx *c, void *arg) {
  Job *k = arg;
  Module *m = cost_isa(c, k->o.isa) ? load(c, k) : NULL;
  Str s = {.c = c};
  DeviceCost there;
  if (!m || !device_plan(m, &k->device) || !pipeline_plan(m)) return;
  if (k->device.on) {
    if (!device_cost(m, "h100", &there)) return;
    device_cost_json(&s, &there);
  } else {
    Cost cost = cost_of(m, k->o.isa ? k->o.isa : "native"); /* the same whenever it is asked */
    cost_json(&s, &cost);
  }
  k->sink(k->user, ctx_strf(c, "%s.json", m->name), s.s, s.n);
  k->ok = true;
}

/* ---- calls ---- */

static gradc_status run(Job *k, void (*fn)(Ctx *, void *), gradc_error **error, gradc_error **warnings) {
  const gradc_alloc *a = k->o.alloc;
  Ctx *c = ctx_new_from(a ? a->realloc : NULL, a ? a->user : NULL);
  if (!c) return error_out_of_memory(error);
  Locale locale = locale_begin();
  bool done = ctx_try(c, fn, k);
  locale_end(locale);
  gradc_status s = done && k->ok ? GRADC_OK : done ? error_of_ctx(c, a, error) : error_out_of_memory(error);
  if (!s && warnings) *warnings = error_warnings(c, a);
  ctx_free(c);
  return s;
}

static gradc_status text_call(Job *k, const gradc_source *source, const gradc_options *o, void (*fn)(Ctx *, void *),
                              gradc_error **error) {
  if (!source || !source->path) return error_null(error);
  k->source = source;
  copy_options(k, o);
  return run(k, fn, error, NULL);
}

gradc_status gradc_check(const gradc_source *source, const gradc_options *options, gradc_error **error) {
  return text_call(&(Job){0}, source, options, check_job, error);
}

gradc_status gradc_emit_c(const gradc_source *source, const gradc_options *options, gradc_sink *sink, void *user,
                          gradc_error **error) {
  if (!sink) return error_null(error);
  return text_call(&(Job){.sink = sink, .user = user}, source, options, emit_job, error);
}

gradc_status gradc_dump(const gradc_source *source, const gradc_options *options, const char *pass, gradc_sink *sink,
                        void *user, gradc_error **error) {
  if (!sink) return error_null(error);
  return text_call(&(Job){.after = pass, .sink = sink, .user = user}, source, options, dump_job, error);
}

gradc_status gradc_report(const gradc_source *source, const gradc_options *options, gradc_sink *sink, void *user,
                          gradc_error **error) {
  if (!sink) return error_null(error);
  return text_call(&(Job){.native = true, .sink = sink, .user = user}, source, options, report_job, error);
}

gradc_status gradc_compile(const gradc_source *source, const gradc_options *options, gradc_model **model,
                           gradc_error **error) {
  if (!model || !source || !source->path) return error_null(error);
  *model = NULL;
  Job k = {.source = source, .native = true};
  gradc_error *warnings = NULL;
  copy_options(&k, options);
  gradc_status s = run(&k, compile_job, error, &warnings);
  return s ? s : model_start(k.jit, &k.o, k.device.number, warnings, model, error);
}
