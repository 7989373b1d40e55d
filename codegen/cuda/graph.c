/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as a function of the interface, which launches its kernels in the order of a stream. */
#include "codegen/cuda/cuda.h"
#include "codegen/text/descriptor.h"
#include "codegen/text/weights.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

static const LaunchList *launches(const GraphText *c) { return graph_launches(&c->p->cuda->launches, (Graph *)c->g); }

/* Small kernels are run by one thread. */
#define ONE_THREAD "  if (gc_thread()) return;\n"

/* ---- steps ---- */

/* Before a launch of a graph that the runtime records: those that it must follow. */
static void print_waits(GraphText *c, const Launch *l) {
  Str s = {.c = c->p->c};
  if (!c->p->o->device || c->g->kind == GK_BODY || c->g->kind == GK_INIT) return;
  for (int i = 0; i < l->nwait; i++) str_printf(&s, "%s%d", i ? ", " : "", l->wait[i]);
  graph_stmt(c, "gc_after(stream, %d, %d, (const int[]){%s});", (int)(l - launches(c)->launch), l->nwait,
             l->nwait ? s.s : "0");
}

static void print_waits_of(GraphText *c, LaunchKind kind, const Step *step) {
  const LaunchList *list = launches(c);
  for (int i = 0; i < list->n; i++)
    if (list->launch[i].kind == kind && list->launch[i].step == step) print_waits(c, &list->launch[i]);
}

/* A polynomial divided up, or a number. */
static const char *blocks_text(Emitter *p, GridAxis x) {
  int64_t points;
  if (!x.each) return "1";
  if (dim_number(p->m, x.points, &points)) return ctx_strf(p->c, "%lld", (long long)((points + x.each - 1) / x.each));
  if (x.each == 1) return text_dim(p, x.points);
  return ctx_strf(p->c, "(%s + %d) / %d", text_dim(p, x.points), x.each - 1, x.each);
}

/* The tensor map of a box, as an argument. */
static const char *map_text(GraphText *c, const Launch *l, const TensorBox *x) {
  Emitter *p = c->p;
  const Kernel *k = l->step->kernel;
  p->cuda->maps = true;
  return ctx_strf(p->c, "gc_map(stream, (%s) + %s, %s, %s, %s, %s, %s, %d)", argument_text(c, k, &k->arg[x->buf]),
                  text_dim(p, x->offset), text_dim(p, x->size[0]), text_dim(p, x->size[1]), text_dim(p, x->size[2]),
                  text_dim(p, x->stride[0]), text_dim(p, x->stride[1]), x->rows);
}

static void print_nest(GraphText *c, const Launch *l) {
  Emitter *p = c->p;
  const Kernel *k = l->step->kernel;
  const LaunchShape *s = &l->shape;
  Str args = {.c = p->c};
  const char *name = cuda_kernel(p, l);
  for (int i = 0; i < l->narg; i++) {
    if (l->arg[i].kind == KA_SCRATCH) str_printf(&args, ", m + %lld", (long long)launch_scratch_at(p->m));
    else str_printf(&args, ", %s", argument_text(c, k, &l->arg[i]));
  }
  for (int i = 0; i < s->boxes; i++) str_printf(&args, ", %s", map_text(c, l, &s->box[i]));
  if (l->form == &form_plain)
    graph_stmt(c, "GC_LAUNCH(%s, %s, stream%s);", name, text_dim(p, s->grid[0].points), args.s ? args.s : "");
  else
    graph_stmt(c, "GC_LAUNCH_GRID(%s, %s, %s, %s, %d, %d, stream%s);", name, blocks_text(p, s->grid[0]),
               blocks_text(p, s->grid[1]), blocks_text(p, s->grid[2]), s->block, s->shared_bytes, args.s ? args.s : "");
}

static void print_step(GraphText *c, const Step *step) {
  const LaunchList *list = launches(c);
  graph_stmt(c, "/* %s */", call_comment(c, step->group));
  for (int i = 0; i < list->n; i++) {
    const Launch *l = &list->launch[i];
    if (l->step != step) continue;
    print_waits(c, l);
    if (l->shape.library) cuda_product(c, l);
    else print_nest(c, l);
  }
}

static void print_loss_test(GraphText *c, Id loss) {
  Emitter *p = c->p;
  const LaunchList *list = launches(c);
  for (int i = 0; i < list->n; i++)
    if (list->launch[i].kind == LAUNCH_LOSS_TEST && list->launch[i].step->value == loss)
      print_waits(c, &list->launch[i]);
  helper_use(p, "gc_finite");
  const char *type = ctype_of(c->g, loss), *value = text_after_load(p, (DType)node_type(c->g, loss)->dtype, "*loss");
  const char *name = cuda_put_kernel(p, "loss_test", "/* the status of a loss that is not finite */\n",
                                     ctx_strf(p->c,
                                              "(%s *run, const %s *loss) {\n" ONE_THREAD
                                              "  if (!run->status && !gc_finite((float)%s)) run->status = -1;\n}\n",
                                              p->run, type, value));
  graph_stmt(c, "GC_LAUNCH(%s, 1, stream, run, %s);", name, buffer_text(c, loss));
}

/* Check mode, which the runtime has: after the launches of a kernel, what they have stored is tested. */
static void check_stores(GraphText *c, const Group *gr) {
  Emitter *p = c->p;
  for (int i = 0; p->o->device && i < gr->nwrite; i++) {
    const Node *d = node_get(c->g, gr->write[i]);
    int type = type_get(p->m, d->type)->dtype;
    if (dtype_computed((DType)type) != DT_F32) continue;
    graph_stmt(c, "gc_check(stream, %s, %s, %d, %d);", buffer_text(c, gr->write[i]),
               text_dim(p, type_count(p->m, d->type)), type, descriptor_node(p, d));
  }
}

static void print_scan(GraphText *c, const Step *step) { print_waits_of(c, LAUNCH_SCAN, step); }

const StepText cuda_steps = {
  .one_thread = "",
  .params = ", cudaStream_t stream",
  .args = ", stream",
  .unused = ", (void)stream",
  .kernel = print_step,
  .loss_test = print_loss_test,
  .check_stores = check_stores,
  .scan = print_scan,
  .called_again = true,
};

/* ---- around them ---- */

static void print_begin(GraphText *c) {
  Emitter *p = c->p;
  Module *m = p->m;
  int64_t steps = m->ntrain ? m->train[0].steps : 0;
  const char *name = cuda_put_kernel(
    p, "begin", "/* the run header */\n",
    ctx_strf(p->c,
             "(%s *run, uint64_t seed) {\n" ONE_THREAD
             "  run->seed = seed;\n  run->step = 0;\n  run->steps = %lld;\n  run->steps_per_epoch = 0;\n"
             "  run->loss = 0;\n  run->status = 0;\n%s}\n",
             p->run, (long long)(steps > 0 ? steps : 0), head_calls(m) >= 0 ? "  run->calls = 0;\n" : ""));
  graph_stmt(c, "GC_LAUNCH(%s, 1, stream, run, seed);", name);
}

/* Inputs and sizes, as parameters or as arguments. */
static const char *inputs_text(GraphText *c, bool params, const char *size_type) {
  Str s = {.c = c->p->c};
  for (int i = 0; i < c->g->nport; i++)
    str_printf(&s, params ? ", const %s *%s" : ", %.0s%s", ctype_of(c->g, c->g->port[i]), c->in[i]);
  for (int i = 0; i < c->p->m->nsize; i++)
    if (graph_sizes(c->g) >> i & 1)
      str_printf(&s, ", %s%sn_%s", params ? size_type : "", params ? " " : "", c->p->m->size[i].name);
  return s.s ? s.s : "";
}

/* What of the inputs is refused: by a function of the device, which has the text of C, and a kernel around it. */
static void print_check(GraphText *c) {
  Emitter *p = c->p;
  Str text = {.c = p->c}, body = {.c = p->c}, *o = c->o;
  const char *name = ctx_strf(p->c, "gc_refused_%d", c->g->index);
  c->o = &body;
  input_checks_print(c);
  c->o = o;
  str_printf(&text, "static inline int %s(const %s *run%s) {\n", name, p->run, inputs_text(c, true, "ptrdiff_t"));
  str_put(&text, body.s, body.n);
  str_puts(&text, "  return 0;\n}\n");
  cuda_device_text(&p->cuda->checks, &text);
  const char *kernel =
    cuda_put_kernel(p, "check", "/* the status of inputs that are refused */\n",
                    ctx_strf(p->c, "(%s *run%s) {\n" ONE_THREAD "  if (!run->status) run->status = %s(run%s);\n}\n",
                             p->run, inputs_text(c, true, "gc_i64"), name, inputs_text(c, false, "")));
  graph_stmt(c, "GC_LAUNCH(%s, 1, stream, run%s);", kernel, inputs_text(c, false, ""));
}

static void print_count(GraphText *c) {
  bool calls = c->g->kind == GK_EXPORT;
  const char *name = cuda_put_kernel(c->p, "count", "",
                                     ctx_strf(c->p->c, "(%s *run) {\n  if (gc_thread()%s) return;\n  run->%s++;\n}\n",
                                              c->p->run, calls ? "" : " || run->status", calls ? "calls" : "step"));
  graph_stmt(c, "GC_LAUNCH(%s, 1, stream, run);", name);
}

static bool has_launch(const GraphText *c, LaunchKind kind) {
  const LaunchList *list = launches(c);
  for (int i = 0; i < list->n; i++)
    if (list->launch[i].kind == kind) return true;
  return false;
}

/* Sizes are checked before anything is launched. */
static void print_size_checks(GraphText *c, Str *functions) {
  Emitter *p = c->p;
  Str body = {.c = p->c}, *o = c->o, params = {.c = p->c}, args = {.c = p->c};
  c->o = &body;
  size_checks_print(c);
  c->o = o;
  if (!body.n) return;
  for (int i = 0; i < p->m->nsize; i++) {
    if (!(graph_sizes(c->g) >> i & 1)) continue;
    str_printf(&params, "%sptrdiff_t n_%s", params.n ? ", " : "", p->m->size[i].name);
    str_printf(&args, "%sn_%s", args.n ? ", " : "", p->m->size[i].name);
  }
  str_printf(functions, "static int gc_sizes_%d(%s) {\n", c->g->index, params.n ? params.s : "void");
  str_put(functions, body.s, body.n);
  str_puts(functions, "  return 0;\n}\n");
  graph_stmt(c, "if (gc_sizes_%d(%s)) return cudaErrorInvalidValue;", c->g->index, args.n ? args.s : "");
}

const char *cuda_function(Emitter *p, const Graph *g) {
  if (g->kind == GK_INIT) return ctx_strf(p->c, "%s_init", p->m->name);
  if (!interface_has(p->m, g)) return ctx_strf(p->c, "gc_function_%d", g->index);
  return ctx_strf(p->c, "%s_%s", p->m->name, text_ident(p, g->name));
}

static const char *signature(GraphText *c) {
  Emitter *p = c->p;
  Str s = {.c = p->c};
  str_printf(&s, "cudaError_t %s(void *mem", cuda_function(p, c->g));
  if (c->g->kind == GK_INIT) str_puts(&s, ", uint64_t seed");
  if (c->g->kind == GK_TRAIN_PASS) str_puts(&s, ", uint32_t pass");
  interface_params(c, &s);
  str_puts(&s, ", cudaStream_t stream)");
  return s.s;
}

static void put_locals(GraphText *c, Str *out) {
  const Module *m = c->p->m;
  str_printf(out, "  unsigned char *const m = (unsigned char *)mem, *const a = m + %lld;\n",
             (long long)(m->total_bytes - m->arena_bytes));
  str_printf(out, "  %s *const run = (%s *)mem;\n  const uint32_t iteration = 0%s;\n", c->p->run, c->p->run,
             c->g->kind == GK_TRAIN_PASS ? "" : ", pass = 0");
  str_puts(out, "  (void)m, (void)a, (void)run, (void)iteration, (void)pass");
  for (int i = 0; i < c->g->nport; i++) str_printf(out, ", (void)%s", c->in[i]);
  str_puts(out, ";\n");
}

void cuda_graph(Emitter *p, Graph *g, Str *functions, Str *header) {
  if (!p->o->device && graph_again(g) >= 0)
    diag_error(p->c, E_UNSUPPORTED_OPTIMIZER, p->m->var[graph_again(g)].loc, 1,
               "kernels without a runtime and an optimizer with a loop, such as lbfgs, are not in this version: it "
               "waits for the loss");
  Str body = {.c = p->c};
  GraphText c = {.p = p, .g = g, .o = &body, .indent = 1};
  name_params(&c);
  print_size_checks(&c, functions);
  if (has_launch(&c, LAUNCH_BEGIN)) print_begin(&c);
  print_waits_of(&c, LAUNCH_CHECK, NULL);
  if (has_launch(&c, LAUNCH_CHECK)) print_check(&c);
  graph_body(&c);
  if (g->kind == GK_INIT) weights_init(&c, &cuda_weights, &p->cuda->weights);
  print_waits_of(&c, LAUNCH_COUNT, NULL);
  if (has_launch(&c, LAUNCH_COUNT)) print_count(&c);
  const char *sig = signature(&c);
  str_printf(functions, "/* %s */\n%s%s {\n", graph_comment(p, g), p->o->device ? "static " : "", sig);
  put_locals(&c, functions);
  str_put(functions, body.s ? body.s : "", body.n);
  str_puts(functions, "  return cudaGetLastError();\n}\n\n");
  str_printf(header, "\n/* %s */\n%s;\n", graph_comment(p, g), sig);
}

/* ---- accumulation ---- */

/* After pass k: the sums of loss and metrics. After the last one: their means. */
static void sum_kernels(Emitter *p, const TrainInfo *t, const char **add, const char **mean) {
  Str sum = {.c = p->c}, div = {.c = p->c};
  str_printf(&sum, "(%s *run, int k) {\n" ONE_THREAD, p->run);
  str_printf(&div, "(%s *run) {\n  if (gc_thread() || run->status) return;\n", p->run);
  for (int i = 0; i <= t->nmetric; i++) {
    const char *name = i ? metric_identifier(p, t->metric[i - 1]) : "loss";
    str_printf(&sum, "  run->sums[%d] = k ? run->sums[%d] + run->%s : run->%s;\n", i, i, name, name);
    str_printf(&div, "  run->%s = run->sums[%d] / %lld.0f;\n", name, i, (long long)t->accumulate);
  }
  str_puts(&sum, "}\n");
  str_puts(&div, "}\n");
  *add = cuda_put_kernel(p, "add_pass", "/* adds loss and metrics of pass k */\n", sum.s);
  *mean = cuda_put_kernel(p, "mean", "/* loss and metrics: means over the passes */\n", div.s);
}

static void print_clear(Emitter *p, const Graph *pass, Str *out) {
  int64_t from, to;
  interface_sums(p, pass, &from, &to);
  if (to <= from) return;
  const char *name = cuda_put_kernel(p, "clear", "/* after a step that failed */\n",
                                     ctx_strf(p->c,
                                              "(%s *run, unsigned char *x, gc_i64 n) {\n"
                                              "  const gc_i64 at = (gc_i64)gc_block() * %d + gc_thread();\n"
                                              "  if (run->status && at < n) x[at] = 0;\n}\n",
                                              p->run, CUDA_BLOCK));
  str_printf(out, "  GC_LAUNCH(%s, %lld, stream, run, (unsigned char *)mem + %lld, %lld);\n", name,
             (long long)(to - from), (long long)from, (long long)(to - from));
}

void cuda_accumulated(Emitter *p, const TrainInfo *t, Str *out, Str *header) {
  const Graph *g = t->pass;
  GraphText c = {.p = p, .g = g};
  const char *add, *mean;
  Str sig = {.c = p->c}, args = {.c = p->c};
  name_params(&c);
  sum_kernels(p, t, &add, &mean);
  str_printf(&sig, "cudaError_t %s_train_step%s(void *mem", p->m->name, text_ident(p, g->name + strlen("train_pass")));
  for (int i = 0; i < g->nport; i++) {
    const char *n = text_dim(p, type_count(p->m, node_get(g, g->port[i])->type));
    str_printf(&sig, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
    str_printf(&args, ", %s + k * (%s)", c.in[i], n);
  }
  str_puts(&sig, ", cudaStream_t stream)");
  str_printf(header, "\n/* %lld passes over %lld records each, then the update */\n%s;\n", (long long)t->accumulate,
             (long long)t->batch, sig.s);
  str_printf(out,
             "%s {\n  %s *const run = (%s *)mem;\n  cudaError_t e = cudaSuccess;\n"
             "  for (int k = 0; k < %lld && e == cudaSuccess; k++) {\n"
             "    e = %s_%s(mem, (uint32_t)k%s, stream);\n    GC_LAUNCH(%s, 1, stream, run, k);\n  }\n"
             "  GC_LAUNCH(%s, 1, stream, run);\n  if (e == cudaSuccess) e = %s_%s(mem, stream);\n",
             sig.s, p->run, p->run, (long long)t->accumulate, p->m->name, text_ident(p, g->name), args.s ? args.s : "",
             add, mean, p->m->name, text_ident(p, t->update->name));
  print_clear(p, g, out);
  str_puts(out, "  return e == cudaSuccess ? cudaGetLastError() : e;\n}\n\n");
}
