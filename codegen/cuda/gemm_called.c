/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a tile as a function: kernels of one tile whose operands differ in no more than their addresses, sizes
 * and one stride each call the same one, which their compiler reads once. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/gemm_text.h"
#include <string.h>

/* Elements between rows of the operand, or between terms if its rows are adjacent. */
static bool find_stride(GemmText *c, const GemmLoader *l, Dim *stride) {
  const GemmDesc *g = c->g;
  Module *m = c->n.p->m;
  const GemmAxes *rows = l->is_a ? &g->m : &g->n;
  Dim size, row, term;
  if (!gemm_one_axis(m, rows, false, &size, &row) || !gemm_one_axis(m, &g->k, !l->is_a, &size, &term)) return false;
  *stride = l->along_k ? row : term;
  return (l->along_k ? term : row) == 1;
}

static bool is_plain_f32(GemmText *c, bool is_a) {
  const GemmOperand *o = is_a ? &c->g->a : &c->g->b;
  return o->storage == OS_F32 && c->n.k->buf[o->load->buf].type == DT_F32;
}

bool gemm_is_called(GemmText *c, const GemmLoader *a, const GemmLoader *b) {
  Dim stride;
  if (c->g->taps.n || c->g->nresidue || c->skips) return false;
  if (!(a->async && b->async) && !(is_plain_f32(c, true) && is_plain_f32(c, false))) return false;
  return find_stride(c, a, &stride) && find_stride(c, b, &stride);
}

/* The pointer to the batch's operand. */
static const char *operand_text(GemmText *c, bool is_a) {
  const GemmDesc *g = c->g;
  const GemmOperand *o = is_a ? &g->a : &g->b;
  Affine at = affine_const(o->offset);
  for (int i = 0; i < g->batch.n; i++)
    if (g->batch.axis[i] >= 0) at.coef[g->batch.axis[i]] = (is_a ? g->batch.s0 : g->batch.s1)[i];
  return ctx_strf(c->n.p->c, "%s + %s", nest_buf_name(&c->n, o->load->buf), gemm_operand(c, text_affine(c->n.p, &at)));
}

static const char *stride_text(GemmText *c, const GemmLoader *l) {
  Dim stride = 1;
  find_stride(c, l, &stride);
  return text_dim(c->n.p, stride);
}

void gemm_put_call(GemmText *c, const char *family, const char *type, const GemmLoader *a, const GemmLoader *b,
                   void (*print)(GemmText *)) {
  const GemmTile *t = &c->plan->tile;
  Emitter *p = c->n.p;
  Str body = {.c = p->c};
  const char *i = c->type, *of = a->async ? "uint16_t" : "float";
  const char *name = ctx_strf(p->c, "gc_%s_%dx%d_%s%s_%s%s", family, t->rows, t->cols, a->along_k ? "k" : "m",
                              b->along_k ? "k" : "n", type, strcmp(i, "int") ? "_wide" : "");
  GemmText f = *c;
  f.n.o = &body, f.n.indent = 1;
  f.called = true, f.from = "from";
  print(&f);
  bool parts = strstr(body.s, "scratch");
  cuda_put_function(p, name, "/* a tile of matrix products, for several kernels */\n",
                    ctx_strf(p->c,
                             "(const %s *a, const %s *b, %s%s m0, %s n0, %s rows, %s cols, %s from, %s terms, %s sa, "
                             "%s sb) {\n  const int thread = gc_thread();\n%s}\n",
                             of, of, parts ? "unsigned char *scratch, " : "", i, i, i, i, i, i, i, i, body.s));
  nest_line(&c->n, "%s(%s, %s, %sm0, n0, rows, cols, %s, terms, %s, %s);", name, operand_text(c, true),
            operand_text(c, false), parts ? "scratch, " : "", c->from, stride_text(c, a), stride_text(c, b));
}
