// SPDX-License-Identifier: Apache-2.0
#include "driver/onnx_check.h"
#include "codegen/jit/jit.h"
#include "driver/onnx_file.h"
#include "import/small_float.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Check {
  Ctx *c;
  Import *m;
  const Tensor *want; /* by output */
  int nwant;
  const char *text;
  size_t n;
  void **result;
  const char *path, *ops; /* ops: the operators of the model, "Conv,Relu" */
} Check;

static bool exists(const char *path) { return access(path, R_OK) == 0; }

/* ---- comparison: |difference| <= 1e-7 + 1e-3 |expected|, as onnx.backend.test has it ---- */

static bool close_enough(double got, double want) {
  if (got != got || want != want) return got != got && want != want;
  if (isinf(got) || isinf(want)) return got == want;
  return fabs(got - want) <= 1e-7 + 1e-3 * fabs(want);
}

/* NULL: equal. */
static const char *difference(Check *k, int i) {
  Ctx *c = k->c;
  const Value *v = k->m->out[i].v;
  const Tensor *want = &k->want[i];
  const void *narrow;
  int64_t at;
  Shape wanted = shape_of(want->type, want->rank, want->dim);
  bool same = v->s.type == want->type && v->s.rank == want->rank;
  for (int d = 0; same && d < want->rank; d++) same = v->s.dim[d] == want->dim[d];
  if (!same) return ctx_strf(c, "result %d is %s, not %s", i + 1, type_of(c, &v->s), type_of(c, &wanted));
  if (!tensor_narrow(c, want, &narrow, &at)) return "range";
  int type = want->type == ONNX_INT64 ? ONNX_INT32 : want->type == ONNX_UINT64 ? ONNX_UINT32 : want->type;
  Tensor got = *want, expected = *want;
  got.type = expected.type = type;
  got.data = k->result[i];
  expected.data = narrow;
  bool real = dtype_is_float(onnx_type(type)->dtype) || is_small_float(type);
  if (v->inputs & INPUT_RANDOM) return NULL;
  for (int64_t e = 0; e < want->count; e++) {
    double a = tensor_number(&got, e), b = tensor_number(&expected, e);
    if (real ? close_enough(a, b) : a == b) continue;
    return ctx_strf(c, "result %d, element %lld is %.9g, not %.9g", i + 1, (long long)e, a, b);
  }
  return NULL;
}

/* ---- running ---- */

static const void *input_data(Check *k, int i) {
  const Value *v = k->m->in[i].v;
  const void *data = NULL;
  int64_t at;
  for (int g = 0; g < k->m->ngiven; g++)
    if (!strcmp(k->m->given[g].name, v->onnx) && tensor_narrow(k->c, &k->m->given[g].value, &data, &at)) return data;
  return NULL;
}

/* A DType is a gradc_dtype. */
static gradc_array array_of(const Value *v, void *data) {
  return (gradc_array){data, (gradc_dtype)onnx_type(v->s.type)->dtype, v->s.rank, v->s.dim};
}

static bool set_weights(Check *k, gradc_model *g, gradc_error **error) {
  for (int i = 0; i < k->m->nweight; i++) {
    const ImportWeight *w = &k->m->weight[i];
    const void *values;
    int64_t at;
    int number = gradc_find_weight(g, ctx_strf(k->c, "net.%s", w->name));
    if (number < 0) continue; /* nothing reads it */
    if (!tensor_narrow(k->c, w->v->known, &values, &at)) return false;
    gradc_array a = array_of(w->v, (void *)values);
    if (gradc_write_weight(g, number, &a, error)) return false;
  }
  return true;
}

/* NULL: run; else why not. */
static const char *run_native(Check *k) {
  gradc_model *g = NULL;
  gradc_error *error = NULL;
  gradc_options o = GRADC_OPTIONS;
  gradc_array *in = ctx_array(k->c, k->m->nin, sizeof *in), *out = ctx_array(k->c, k->m->nout, sizeof *out);
  for (int i = 0; i < k->m->nin; i++) in[i] = array_of(k->m->in[i].v, (void *)input_data(k, i));
  for (int i = 0; i < k->m->nout; i++) out[i] = array_of(k->m->out[i].v, k->result[i]);
  o.threads = 1;
  bool ok = !gradc_compile(&(gradc_source){"model.nn", k->text, k->n}, &o, &g, &error) && set_weights(k, g, &error) &&
            !gradc_call(g, 0, in, k->m->nin, out, k->m->nout, NULL, &error);
  const char *why = ok ? NULL : ctx_strf(k->c, "%s", error ? gradc_error_text(error) : "it did not run");
  gradc_error_free(error);
  gradc_free(g);
  return why;
}

static void keep(void *user, const char *name, const char *text, size_t n) {
  Str *s = (Str *)user + (name[strlen(name) - 1] == 'h');
  str_put(s, text, n);
}

/* The macro in the header whose comment has the weight; NULL: none. */
static const char *offset_name(Check *k, const char *header, const char *weight) {
  const char *at = strstr(header, ctx_strf(k->c, " /* net.%s: ", weight)), *define = "#define ";
  while (at && at > header && strncmp(at, define, strlen(define))) at--;
  if (!at || at == header) return NULL;
  at += strlen(define);
  return ctx_intern(k->c, at, strcspn(at, " "));
}

/* C of one file: the header in place of its #include, and functions over lists of pointers. */
static const char *portable_unit(Check *k, const Str *part, size_t *n) {
  Str b = {.c = k->c};
  const char *include = strstr(part[0].s, "#include \"model.h\"");
  if (!include) return NULL;
  str_put(&b, part[0].s, (size_t)(include - part[0].s));
  str_put(&b, part[1].s, part[1].n);
  str_puts(&b, strchr(include, '\n'));
  str_puts(
    &b,
    "\nsize_t check_bytes(void) { return model_BYTES; }\nint check_run(void *mem, void **in, void **out, const void "
    "**w) {\n  (void)in; (void)out; (void)w;\n  model_init(mem, 0);\n");
  for (int i = 0; i < k->m->nweight; i++) {
    const char *at = offset_name(k, part[1].s, k->m->weight[i].name);
    if (at) str_printf(&b, "  model_set_weight(mem, %s, w[%d]);\n", at, i);
  }
  str_puts(&b, "  return model_main(mem");
  for (int i = 0; i < k->m->nin; i++) str_printf(&b, ", in[%d]", i);
  for (int i = 0; i < k->m->nout; i++) str_printf(&b, ", out[%d]", i);
  str_puts(&b, ");\n}\n");
  *n = b.n;
  return b.s;
}

static const char *call_portable(Check *k, const Jit *j) {
  size_t (*bytes)(void) = (size_t(*)(void))jit_symbol(j, "check_bytes");
  int (*run)(void *, void **, void **, const void **) =
    (int (*)(void *, void **, void **, const void **))jit_symbol(j, "check_run");
  const void **in = ctx_array(k->c, k->m->nin, sizeof *in), **w = ctx_array(k->c, k->m->nweight, sizeof *w);
  int64_t at;
  if (!bytes || !run) return "the C lacks a function";
  for (int i = 0; i < k->m->nin; i++) in[i] = input_data(k, i);
  for (int i = 0; i < k->m->nweight; i++)
    if (!tensor_narrow(k->c, k->m->weight[i].v->known, &w[i], &at)) return "range";
  void *mem = aligned_alloc(64, (bytes() + 127) / 64 * 64);
  if (!mem) return "out of memory";
  int status = run(mem, (void **)in, k->result, w);
  free(mem);
  return status > 0 ? ctx_strf(k->c, "the C returned %d", status) : NULL;
}

static const char *run_portable(Check *k) {
  gradc_error *error = NULL;
  gradc_options o = GRADC_OPTIONS;
  Str part[2] = {{.c = k->c}, {.c = k->c}};
  if (gradc_emit_c(&(gradc_source){"model.nn", k->text, k->n}, &o, keep, part, &error)) {
    const char *why = ctx_strf(k->c, "%s", gradc_error_text(error));
    gradc_error_free(error);
    return why;
  }
  JitUnit unit = {.text = NULL};
  const char *flags[] = {"-O1"};
  JitError fault = {.text = NULL};
  unit.text = portable_unit(k, part, &unit.n);
  if (!unit.text) return "the C has no header";
  Jit *j = jit_load(&(JitJob){.unit = &unit, .nunit = 1, .flags = flags, .nflags = 1}, &fault);
  if (!j) return ctx_strf(k->c, "%s", fault.text ? fault.text : "out of memory");
  const char *why = call_portable(k, j);
  jit_free(j);
  return why;
}

/* ---- one set of test data ---- */

static bool read_wanted(Check *k, const char *set) {
  Tensor *want = ctx_array(k->c, k->m->nout, sizeof *want);
  const char *name;
  k->want = want;
  for (k->nwant = 0; k->nwant < k->m->nout; k->nwant++)
    if (!onnx_file_tensor(k->c, ctx_strf(k->c, "%s/output_%d.pb", set, k->nwant), &name, &want[k->nwant])) return false;
  return true;
}

/* Integers of 64 bits that do not fit: the model is refused. */
static const char *out_of_range(Check *k) {
  const void *to;
  int64_t at;
  for (int i = 0; i < k->m->ngiven; i++)
    if (!tensor_narrow(k->c, &k->m->given[i].value, &to, &at)) return k->m->given[i].name;
  for (int i = 0; i < k->nwant; i++)
    if (!tensor_narrow(k->c, &k->want[i], &to, &at)) return k->m->out[i].v->onnx;
  for (int i = 0; i < k->m->nweight; i++)
    if (!tensor_narrow(k->c, k->m->weight[i].v->known, &to, &at)) return k->m->weight[i].v->onnx;
  return NULL;
}

/* One line: folder, result (passed, refused, wrong, failed), operators, reason. */
static int print_line(const Check *k, const char *what, const char *why) {
  const char *ops = k->ops && *k->ops ? k->ops : "-";
  printf("%s  %s  %s%s%.*s\n", k->path, what, ops, *why ? "  " : "", (int)strcspn(why, "\n"), why);
  return !strcmp(what, "passed") ? EXIT_OK : EXIT_MODEL;
}

static void add_ops(Str *b, const OnnxGraph *g) {
  for (int i = 0; i < g->nnode; i++) {
    const OnnxNode *n = &g->node[i];
    const char *name = ctx_strf(b->c, ",%s%s%s", n->domain, *n->domain ? "." : "", n->op);
    if (!b->s || !strstr(ctx_strf(b->c, "%s,", b->s), ctx_strf(b->c, "%s,", name))) str_puts(b, name);
    for (int a = 0; a < n->nattr; a++)
      if (n->attr[a].g) add_ops(b, n->attr[a].g);
  }
}

static int compare(Check *k) {
  const char *note = "";
  for (int i = 0; i < k->m->nout; i++)
    if (k->m->out[i].v->inputs & INPUT_RANDOM) note = "of random results only types and shapes are compared";
  const char *(*const way[])(Check *) = {run_native, run_portable};
  static const char *const name[] = {"native", "portable"};
  for (int w = 0; w < 2; w++) {
    for (int i = 0; i < k->m->nout; i++) {
      k->result[i] = aligned_alloc(64, (size_t)(shape_count(&k->m->out[i].v->s) * 8 + 127) / 64 * 64);
      if (!k->result[i]) return print_line(k, "failed", "out of memory");
      memset(k->result[i], 0x55, (size_t)shape_count(&k->m->out[i].v->s) * 8);
    }
    const char *why = way[w](k), *kind = "failed";
    const char *code = "";
    for (int i = 0; i < k->m->nout && !why; i++)
      if ((why = difference(k, i))) {
        kind = "wrong";
        code = ctx_strf(k->c, "E%04d ", E_ONNX_DIFFERS);
      }
    for (int i = 0; i < k->m->nout; i++) free(k->result[i]);
    if (why) return print_line(k, kind, ctx_strf(k->c, "%s%s: %s", code, name[w], why));
  }
  return print_line(k, "passed", note);
}

static const char *first_problem(Ctx *c) {
  DiagView v;
  const Diag *d;
  for (int i = 0; diag_view(c, i, &v, &d); i++)
    if (!v.warn) return ctx_strf(c, "E%04d %s", v.code, v.msg);
  return "";
}

static int check_set(Ctx *c, const char *folder, const char *set) {
  OnnxModel o;
  Import m = {.c = c, .model = &o, .folder = folder};
  Check k = {.c = c, .m = &m, .path = set};
  DiagMark mark = diag_mark(c);
  Str ops = {.c = c};
  bool ok = onnx_file_model(c, ctx_strf(c, "%s/model.onnx", folder), &o);
  if (ok) add_ops(&ops, o.graph);
  k.ops = ops.s ? ops.s + 1 : NULL;
  ok = ok && onnx_read_given(c, &o, set, &m);
  if (ok && !import_run(&m)) {
    import_report(&m, folder);
    ok = false;
  }
  if (ok) ok = read_wanted(&k, set);
  if (!ok) {
    const char *why = first_problem(c);
    diag_drop(c, &mark);
    return print_line(&k, "refused", why);
  }
  const char *big = out_of_range(&k);
  if (big) return print_line(&k, "refused", ctx_strf(c, "E%04d `%s` does not fit 32 bits", E_ONNX_RANGE, big));
  k.text = import_text(&m, "model.onnx", &k.n);
  k.result = ctx_array(c, m.nout, sizeof *k.result);
  return compare(&k);
}

typedef struct SetJob {
  const char *folder, *set;
  int status;
} SetJob;

static void set_job(Ctx *c, void *arg) {
  SetJob *j = arg;
  j->status = check_set(c, j->folder, j->set);
}

int onnx_check_folder(Args *a, const char *folder) {
  int status = EXIT_OK, n = 0;
  for (;; n++) {
    SetJob j = {folder, ctx_strf(a->c, "%s/test_data_set_%d", folder, n), EXIT_RESOURCES};
    if (!exists(j.set)) break;
    Ctx *c = ctx_new(); /* the memory of one case is freed with it */
    if (!c || !ctx_try(c, set_job, &j)) print_line(&(Check){.path = j.set}, "failed", "out of memory");
    if (c) ctx_free(c);
    if (j.status) status = j.status;
    fflush(stdout);
  }
  if (n) return status;
  diag_error(a->c, E_FILE_READ, 0, 1, "%s: there is no test_data_set_0", folder);
  return EXIT_MODEL;
}
