/* SPDX-License-Identifier: Apache-2.0 */
/* What the interface of an emitted model has beside its graphs: trained weights, and a step as a CUDA graph. */
#include "codegen/cuda/cuda.h"
#include "codegen/text/weights.h"
#include <string.h>

static const char *copy_weight(Emitter *p, int64_t at, const char *from, int64_t bytes) {
  return ctx_strf(p->c, "cudaMemcpyAsync(m + %lld, %s, %lld, cudaMemcpyHostToDevice, stream);", (long long)at, from,
                  (long long)bytes);
}

const WeightsText cuda_weights = {
  .copy = copy_weight,
  .result = "cudaError_t",
  .params = ", cudaStream_t stream",
  .refused = "cudaErrorInvalidValue",
  .done = "cudaGetLastError()",
  .load_comment =
    "\n/* To be called after %s_init: copies `weights`, %lld bytes of the host aligned to 64, in the order\n"
    " * of the stream. cudaErrorInvalidValue: it is of another model, or damaged (nothing was copied).\n"
    " */\n",
};

/* The functions of NAME_train_step are captured from a stream of its own, since that of the caller may be one that
 * cannot be captured. */
static const char GRAPH[] = "%s {\n  cudaStream_t stream;\n  cudaGraph_t graph = 0;\n"
                            "  cudaError_t e = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);\n"
                            "  if (e != cudaSuccess) return e;\n"
                            "  e = cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);\n"
                            "  if (e == cudaSuccess) {\n    e = %s_train_step%s(mem%s, stream);\n"
                            "    const cudaError_t ended = cudaStreamEndCapture(stream, &graph);\n"
                            "    if (e == cudaSuccess) e = ended;\n  }\n"
                            "  if (e == cudaSuccess) e = cudaGraphInstantiateWithFlags(exec, graph, 0);\n"
                            "  if (graph) cudaGraphDestroy(graph);\n  cudaStreamDestroy(stream);\n  return e;\n}\n\n";

void cuda_step_graph(Emitter *p, const TrainInfo *t, Str *functions, Str *header) {
  const Graph *g = t->step ? t->step : t->pass;
  const char *section = text_ident(p, g->name + strlen(t->step ? "train_step" : "train_pass"));
  GraphText c = {.p = p, .g = g};
  Str sig = {.c = p->c}, args = {.c = p->c};
  name_params(&c);
  str_printf(&sig, "cudaError_t %s_graph%s(cudaGraphExec_t *exec, void *mem", p->m->name, section);
  for (int i = 0; i < g->nport; i++) {
    str_printf(&sig, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
    str_printf(&args, ", %s", c.in[i]);
  }
  str_puts(&sig, ")");
  str_printf(header, "\n/* Makes %s_train_step%s with these arguments a CUDA graph, for any stream. */\n%s;\n",
             p->m->name, section, sig.s);
  str_printf(functions, GRAPH, sig.s, p->m->name, section, args.n ? args.s : "");
}
