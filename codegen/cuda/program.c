/* SPDX-License-Identifier: Apache-2.0 */
/* A program that runs on a device (DeviceProgram). The unit of its graphs has the functions of the interface, in which
 * launches are calls of the runtime, and gc_device; the kernels are a text apart. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/gpu.h"
#include "codegen/text/descriptor.h"
#include "passes/analysis/model_memory.h"
#include <ctype.h>
#include <string.h>

/* A stream is the runtime's call. */
static const char LAUNCH[] =
  "typedef const GcCall *cudaStream_t;\n"
  "typedef enum cudaError_t { cudaSuccess, cudaErrorInvalidValue } cudaError_t;\n"
  "#define cudaGetLastError() cudaSuccess\n"
  "#define GC_LAUNCH(kernel, points, stream, ...) \\\n"
  "  launch_##kernel(stream, (GcGrid){((points) + 255) / 256, 1, 1, 256, 0}, __VA_ARGS__)\n"
  "#define GC_LAUNCH_GRID(kernel, gx, gy, gz, block, shared, stream, ...) \\\n"
  "  launch_##kernel(stream, (GcGrid){gx, gy, gz, block, shared}, __VA_ARGS__)\n"
  "static inline void gc_after(const GcCall *call, int launch, int n, const int *wait) {\n"
  "  if (call->device->after) call->device->after(call, launch, n, wait);\n}\n"
  "static inline void gc_check(const GcCall *call, const void *x, int64_t n, int type, int32_t node) {\n"
  "  if (call->first_nonfinite) call->device->check(call, x, n, type, node);\n}\n\n";

/* Tensor maps, where there are some. */
static const char MAPS[] =
  "#define GC_PARAM const\n"
  "typedef struct GcTensorMap { _Alignas(64) unsigned char opaque[128]; } GcTensorMap;\n"
  "static inline GcTensorMap gc_map(const GcCall *call, const void *x, int64_t size0, int64_t size1, int64_t size2,\n"
  "                                 int64_t stride1, int64_t stride2, int rows) {\n"
  "  GcTensorMap m;\n"
  "  call->device->map(call, &m, x, (const int64_t[]){size0, size1, size2}, (const int64_t[]){stride1, stride2}, "
  "rows);\n"
  "  return m;\n}\n\n";

/* Products by cuBLASLt, where there are some. */
static const char PRODUCTS[] =
  "static inline void gc_product(const GcCall *call, int kernel, GcProduct p, const void *a, const void *b, void *d,\n"
  "                              void *workspace) {\n"
  "  call->device->product(call, kernel, &p, a, b, d, workspace);\n}\n\n";

/* ---- kernels ---- */

/* One of the parameters "(const float *x0, int n)": its type and name. Returns what follows; NULL: there is none. */
typedef struct Param {
  const char *type, *name;
} Param;

static const char *next_param(Ctx *c, const char *s, Param *p) {
  s += strspn(s, "(, \n");
  size_t n = strcspn(s, ",)"), at = n;
  if (!n || (n == 4 && !strncmp(s, "void", 4))) return NULL;
  while (isalnum((unsigned char)s[at - 1]) || s[at - 1] == '_') at--;
  *p = (Param){ctx_strf(c, "%.*s", (int)at, s), ctx_strf(c, "%.*s", (int)(n - at), s + at)};
  return s + n;
}

/* launch_KERNEL: the launch, with the addresses of the arguments. */
static void put_launch(Emitter *p, int kernel, Str *o) {
  const CudaKernel *k = &p->cuda->kernel[kernel];
  Str args = {.c = p->c}, params = {.c = p->c};
  Param x;
  for (const char *s = k->params; (s = next_param(p->c, s, &x));) {
    str_printf(&params, ", %s%s", x.type, x.name);
    str_printf(&args, "%s(void *)&%s", args.n ? ", " : "", x.name);
  }
  str_printf(o, "static void launch_%s(const GcCall *call, GcGrid grid%s) {\n  void *arg[] = {%s};\n", k->name,
             params.n ? params.s : "", args.n ? args.s : "0");
  str_printf(o, "  call->device->launch(call, %d, grid, arg);\n}\n", kernel);
}

/* run_KERNEL: one thread of the kernel, from the addresses of its arguments. sizes_KERNEL: their bytes. */
static void put_thread(Emitter *p, const CudaKernel *k, Str *o) {
  Param x;
  int n = 0;
  str_printf(o, "static void run_%s(void *const *arg) {\n  %s(", k->name, k->name);
  for (const char *s = k->params; (s = next_param(p->c, s, &x)); n++)
    str_printf(o, "%s*(%s*)arg[%d]", n ? ", " : "", x.type, n);
  str_printf(o, ");\n}\nstatic const unsigned short sizes_%s[] = {", k->name);
  for (const char *s = k->params; (s = next_param(p->c, s, &x));) str_printf(o, "sizeof(%s), ", x.type);
  str_puts(o, "0};\n");
}

static void put_host_module(Emitter *p, Str *o) {
  const CudaText *t = p->cuda;
  for (int i = 0; i < t->nkernel; i++) put_thread(p, &t->kernel[i], o);
  str_puts(o, "static const GcHostKernel host_kernels[] = {\n");
  for (int i = 0; i < t->nkernel; i++) {
    const CudaKernel *k = &t->kernel[i];
    str_printf(o, "  {\"%s\", run_%s, sizes_%s, %d, ", k->name, k->name, k->name, k->waits);
    text_string(o, k->comment);
    str_puts(o, "},\n");
  }
  str_printf(o,
             "  {0},\n};\n__attribute__((visibility(\"hidden\"))) const GcHostModule gc_host_module = "
             "{GC_HOST_MODULE_MAGIC, %d, host_kernels};\n",
             t->nkernel);
}

/* ---- graphs ---- */

static void put_graph(Emitter *p, const Graph *g, Str *o) {
  Str args = {.c = p->c}, sizes = {.c = p->c};
  int k = 0, nout = 0;
  str_printf(o, "GC_HIDDEN int graph_%d(const GcCall *call) { /* %s */\n", g->index, text_comment(p, g->name));
  if (g->kind == GK_INIT) str_puts(&args, ", call->seed");
  if (g->kind == GK_TRAIN_PASS) str_puts(&args, ", call->microbatch");
  for (int i = 0; i < g->nport; i++)
    str_printf(&args, ", (const %s *)call->in[%d]", dtype_info[node_type(g, g->port[i])->dtype].c, i);
  for (int i = 0; i < p->m->nsize; i++)
    if (graph_sizes(g) >> i & 1) {
      str_printf(&args, ", call->size[%d]", k);
      str_printf(&sizes, "%scall->size[%d]", k ? ", " : "", k);
      k++;
    }
  for (int i = 0; i < g->nout && !graph_trains(g); i++)
    if (g->out[i].var < 0)
      str_printf(&args, ", (%s *)call->out[%d]", dtype_info[node_type(g, g->out[i].value)->dtype].c, nout++);
  if (k) str_printf(o, "  const int refused = gc_sizes_%d(%s);\n  if (refused) return refused;\n", g->index, sizes.s);
  str_printf(o, "  return %s(call->mem%s, call);\n}\n", cuda_function(p, g), args.n ? args.s : "");
}

static void print_graphs(Emitter *p, Str *functions, Str *rows) {
  const Module *m = p->m;
  Str header = {.c = p->c};
  for (int i = 0; i < m->ngraph; i++)
    if (graph_on_device(m->graph[i])) graph_launches(&p->cuda->launches, m->graph[i]);
  for (int i = 0; i < m->ngraph; i++) {
    if (!graph_on_device(m->graph[i])) continue;
    cuda_graph(p, m->graph[i], functions, &header);
    put_graph(p, m->graph[i], rows);
  }
}

/* ---- the unit ---- */

/* A launch of each kernel; NULL: it is of no nest. */
static const Launch **launch_of_kernels(Emitter *p) {
  const Launches *all = &p->cuda->launches;
  const Launch **of = ctx_array(p->c, p->cuda->nkernel + 1, sizeof *of);
  for (int i = 0; i < all->n; i++)
    for (int k = 0; k < all->list[i]->n; k++) {
      const Launch *l = &all->list[i]->launch[k];
      const char *name = l->kind == LAUNCH_NEST ? cuda_kernel(p, l) : NULL;
      for (int x = 0; name && x < p->cuda->nkernel; x++)
        if (!of[x] && !strcmp(p->cuda->kernel[x].name, name)) of[x] = l;
    }
  return of;
}

/* What `bench --profile` says of kernels. */
static void put_rows(Emitter *p, Str *o) {
  const Launch **of = launch_of_kernels(p);
  for (int i = 0; i < p->cuda->nkernel; i++) {
    LaunchCost l = of[i] ? cuda_nest_cost(p, of[i]) : (LaunchCost){.form = ""};
    KernelCost c = {.flops = l.flops, .bytes = l.bytes, .compute = l.unit};
    descriptor_row(p, of[i] ? of[i]->step->kernel : NULL, p->cuda->kernel[i].name, l.form, &c, NULL);
  }
  descriptor_rows(p, o);
  str_puts(o, "static const GcGpu gpus[] = {\n");
  gpu_rows(o);
  str_puts(o, "  {0},\n};\n");
}

static void put_device(Emitter *p, bool host_form, Str *o) {
  const CudaText *t = p->cuda;
  bool rows = p->o->profile && t->nkernel;
  if (rows) put_rows(p, o);
  str_puts(o, "static const char *const names[] = {\n");
  for (int i = 0; i < t->nkernel; i++) str_printf(o, "  \"%s\",\n", t->kernel[i].name);
  str_puts(o, "  0,\n};\n");
  if (host_form)
    str_puts(o, "void *gc_host_driver(const char *function);\nextern GC_HIDDEN const char gc_host_module[];\n"
                "static const GcImage image[] = {{gc_host_module}, {0}};\nGC_HIDDEN const GcDevice gc_device = {\n"
                "  .name = \"cuda-host\", .driver = gc_host_driver, .image = image,\n");
  else /* whoever compiles the kernels adds the images */
    str_puts(o, "extern GC_HIDDEN const GcImage gc_images[];\nGC_HIDDEN const GcDevice gc_device = {\n"
                "  .name = \"cuda\", .image = gc_images,\n");
  str_printf(o, "  .kernel = names, .nkernels = %d, .status_offset = %lld, .bytes = %lldu, .products = %d,\n%s};\n",
             t->nkernel, (long long)head_status(p->m), (long long)cuda_bytes(p), t->products,
             rows ? "  .rows = kernels, .row_files = kernel_files, .gpu = gpus,\n" : "");
}

/* The kernels in C, as a module of the host form. */
static void put_kernels(Emitter *p, const Str *run, Str *o) {
  Str device = {.c = p->c};
  const Str *text = &device;
  size_t n;
  str_puts(o, p->o->builtin("codegen/cuda/device_host.h", &n));
  str_puts(o, p->o->builtin("codegen/cuda/host/driver.h", &n));
  str_puts(o, "#define GC_TABLE static const\n#ifdef __CUDACC__\n");
  cuda_device(p, &device);
  primitives_print(p, &text, 1, o);
  str_put(o, run->s, run->n);
  str_put(o, device.s, device.n);
  put_host_module(p, o);
}

void emit_cuda_program(Module *m, const EmitOptions *o, Artifacts *a) {
  const char *name = m->name;
  m->name = model_identifier(m->c, name);
  Emitter *p = cuda_emitter(m, o);
  Str functions = {.c = m->c}, rows = {.c = m->c}, run = {.c = m->c}, *u = &a->device;
  size_t n;
  print_graphs(p, &functions, &rows);
  interface_run(p, &run);
  if (o->device->host_form) put_kernels(p, &run, &a->kernels);
  else cuda_put_copies(p), cuda_modules(p, a);
  str_printf(u, "/* %s: generated by gradc %s, graphs on a device. */\n", name, o->version ? o->version : "");
  str_puts(u, o->builtin("runtime/model.h", &n));
  str_puts(u, "#define GC_HIDDEN __attribute__((visibility(\"hidden\")))\ntypedef long long gc_i64;\n");
  str_put(u, run.s, run.n);
  str_puts(u, LAUNCH);
  if (p->cuda->maps) str_puts(u, MAPS);
  if (p->cuda->products) str_puts(u, PRODUCTS);
  if (helper_used(p, "gc_rows")) str_puts(u, cuda_helpers[0].text);
  for (int i = 0; i < p->cuda->nkernel; i++) put_launch(p, i, u);
  const Str *part[] = {&p->bodies, &functions, &rows};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i]->n) str_put(u, part[i]->s, part[i]->n);
  put_device(p, o->device->host_form, u);
  m->name = name;
  DeviceProgram program = {o->device->host_form, p->nodes.n ? p->nodes.s : "", p->nnodes};
  EmitOptions native = *o;
  native.device = &program;
  target_native.emit(m, &native, a);
}
