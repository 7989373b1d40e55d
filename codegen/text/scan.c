/* SPDX-License-Identifier: Apache-2.0 */
/* Prints scans: a loop that calls the body's function for each iteration and passes the carries on. */
#include "codegen/text/graph.h"

static const char *bytes_of(Emitter *p, const Type *t) {
  Dim n = dtype_info[t->dtype].bytes;
  for (int i = 0; i < t->rank; i++) n = dim_mul(p->m, n, t->dim[i]);
  return text_dim(p, n);
}

/* Bytes of an iteration's row (the axes after the scanned one), or the number of rows (the axes before it). */
static const char *rows_text(Emitter *p, const Type *t, int axis, bool inner) {
  Dim n = inner ? dtype_info[t->dtype].bytes : 1;
  for (int i = inner ? axis + 1 : 0; i < (inner ? t->rank : axis); i++) n = dim_mul(p->m, n, t->dim[i]);
  return text_dim(p, n);
}

/* The pointer to the slice of iteration t: in the stacked buffer, or to its copy in the scratch. */
static const char *slice_text(GraphText *c, const Type *t, int axis, const char *base, const char *scratch,
                              int64_t slice) {
  Emitter *p = c->p;
  const char *type = dtype_info[t->dtype].c;
  if (slice >= 0) return ctx_strf(p->c, "(%s *)(%s + %lld)", type, scratch, (long long)slice);
  Dim n = 1;
  for (int i = 0; i < t->rank; i++)
    if (i != axis) n = dim_mul(p->m, n, t->dim[i]);
  return ctx_strf(p->c, "%s + gc_t * (%s)", base, text_dim(p, n));
}

/* One thread copies carries, between barriers. */
static const char *one_thread(const GraphText *c) { return step_text(c)->one_thread; }

/* Copies the slice of iteration t from or to the stacked buffer; `shared`: partitioned over all threads. */
static void copy_slice(GraphText *c, const Type *t, int axis, const char *stacked, const char *slice, bool back,
                       bool shared) {
  Emitter *p = c->p;
  const char *inner = rows_text(p, t, axis, true), *rows = rows_text(p, t, axis, false);
  const char *len = text_dim(p, t->dim[axis]);
  const char *all = ctx_strf(p->c, "(unsigned char *)(%s) + gc_t * (%s), (%s) * (%s)", stacked, inner, len, inner);
  const char *one = ctx_strf(p->c, "(unsigned char *)%s, %s", slice, inner);
  const char *args = ctx_strf(p->c, "%s, %s, %s, %s", back ? all : one, back ? one : all, rows, inner);
  if (shared) {
    step_text(c)->copy_rows(c, args);
    return;
  }
  helper_use(p, "gc_rows");
  graph_stmt(c, "%sgc_rows(%s);", one_thread(c), args);
}

/* One scan being printed. */
typedef struct ScanPrint {
  GraphText *c;
  const StepText *text;
  Id node;
  Scan s;
  ScanScratch sc;
  const Type *tuple;
  const char *scratch, *len, **result; /* result: pointers to the final carries and the stacked results */
  bool parallel, slices;
} ScanPrint;

static const Type *element(const ScanPrint *x, int i) { return type_get(x->c->p->m, x->tuple->elem[i]); }

/* Carry i alternates between the buffer of its result, gc_ci, and the scratch, gc_di. It starts as a copy of its
 * operand. */
static void begin_carries(ScanPrint *x) {
  GraphText *c = x->c;
  for (int i = 0; i < x->s.nc; i++) {
    const Type *t = element(x, i);
    const char *type = dtype_info[t->dtype].c, *from = buffer_text(c, node_in(c->g, x->node, x->s.nx + i));
    helper_use(c->p, "gc_rows");
    graph_stmt(c, "%s *gc_c%d = %s, *gc_d%d = (%s *)(%s + %lld);", type, i, x->result[i], i, type, x->scratch,
               (long long)x->sc.carry[i]);
    graph_stmt(c, "%sgc_rows((unsigned char *)gc_c%d, 0, (const unsigned char *)(%s), 0, 1, %s);", one_thread(c), i,
               from, bytes_of(c->p, t));
  }
}

static void swap_carries(ScanPrint *x) {
  for (int i = 0; i < x->s.nc; i++)
    graph_stmt(x->c, "{ %s *gc_e = gc_c%d; gc_c%d = gc_d%d; gc_d%d = gc_e; }", dtype_info[element(x, i)->dtype].c, i, i,
               i, i);
}

static void end_carries(ScanPrint *x) {
  for (int i = 0; i < x->s.nc; i++)
    graph_stmt(x->c, "%sif (gc_c%d != %s) gc_rows((unsigned char *)(%s), 0, (const unsigned char *)gc_c%d, 0, 1, %s);",
               one_thread(x->c), i, x->result[i], x->result[i], i, bytes_of(x->c->p, element(x, i)));
}

static const char *stacked_text(ScanPrint *x, int i, const char *base) {
  return slice_text(x->c, element(x, x->s.nc + i), x->s.axis, base, x->scratch, x->sc.slice[x->s.nx + i]);
}

/* Arguments of the body: memory, its arena, inputs, results, run-time sizes. Prints the copies of input slices. */
static const char *body_args(ScanPrint *x) {
  GraphText *c = x->c;
  Emitter *p = c->p;
  Str args = {.c = p->c};
  str_printf(&args, "m, %s", x->scratch);
  if (x->sc.arena) str_printf(&args, " + %lld", (long long)x->sc.arena);
  for (int i = 0; i < x->s.nx + x->s.nc + x->s.ncap; i++) {
    Id in = node_in(c->g, x->node, i);
    bool carry = i >= x->s.nx && i < x->s.nx + x->s.nc;
    const char *from = carry ? ctx_strf(p->c, "gc_c%d", i - x->s.nx) : buffer_text(c, in), *at = from;
    if (i < x->s.nx) at = slice_text(c, node_type(c->g, in), x->s.axis, from, x->scratch, x->sc.slice[i]);
    if (i < x->s.nx && x->sc.slice[i] >= 0) copy_slice(c, node_type(c->g, in), x->s.axis, from, at, false, x->parallel);
    str_printf(&args, ", %s", at);
  }
  for (int i = 0; i < x->s.nc; i++) str_printf(&args, ", gc_d%d", i);
  for (int i = 0; i < x->s.ny; i++) str_printf(&args, ", %s", stacked_text(x, i, x->result[x->s.nc + i]));
  uint32_t known = c->g->kind == GK_BODY ? ~0u : graph_sizes(c->g); /* a body uses no size that its caller lacks */
  for (int i = 0; i < p->m->nsize; i++)
    str_puts(&args, known >> i & 1 ? ctx_strf(p->c, ", n_%s", p->m->size[i].name) : ", 0");
  c->sizes |= known;
  return args.s;
}

static void print_iteration(ScanPrint *x, const char *body) {
  GraphText *c = x->c;
  const char *args = body_args(x);
  if (x->parallel) x->text->barrier(c);
  graph_stmt(c, "%s(%s, pass, iteration * (uint32_t)(%s) + (uint32_t)gc_t%s);", body, args, x->len, x->text->args);
  if (x->parallel && x->slices) x->text->barrier(c);
  for (int i = 0; i < x->s.ny; i++)
    if (x->sc.slice[x->s.nx + i] >= 0)
      copy_slice(c, element(x, x->s.nc + i), x->s.axis, x->result[x->s.nc + i], stacked_text(x, i, ""), true,
                 x->parallel);
  swap_carries(x);
}

void scan_print(GraphText *c, const Group *gr) {
  Emitter *p = c->p;
  const Graph *g = c->g;
  ScanPrint x = {.c = c, .text = step_text(c), .node = gr->root, .s = scan_of(g, gr->root)};
  x.tuple = node_type(g, gr->root);
  scan_scratch(g, gr, &x.sc);
  x.scratch = ctx_strf(p->c, "(a + %lld)", (long long)g->anno[gr->root].offset);
  x.len = text_dim(p, x.s.length);
  x.result = ctx_alloc(p->c, (size_t)(x.s.nc + x.s.ny + 1) * sizeof *x.result);
  for (int i = 0; i < gr->nnode; i++)
    if (gr->node[i] != gr->root) x.result[node_attr(g, gr->node[i], ATTR(get, index))->i] = buffer_text(c, gr->node[i]);
  for (int i = 0; i < x.s.nx + x.s.ny; i++) x.slices |= x.sc.slice[i] >= 0;
  x.parallel = graph_steps(&p->steps, (Graph *)x.s.body)->parallel;
  const char *body = body_function(p, x.s.body);
  c->uses_random = true;
  graph_stmt(c, "%s{ /* %s */", x.parallel ? "" : one_thread(c), call_comment(c, gr));
  c->indent++;
  begin_carries(&x);
  if (x.s.reverse) graph_stmt(c, "for (ptrdiff_t gc_t = %s; gc_t-- > 0;) {", x.len);
  else graph_stmt(c, "for (ptrdiff_t gc_t = 0; gc_t < %s; gc_t++) {", x.len);
  c->indent++;
  print_iteration(&x, body);
  c->indent--;
  graph_stmt(c, "}");
  if (x.parallel) x.text->barrier(c);
  end_carries(&x);
  c->indent--;
  graph_stmt(c, "}");
}

/* The function of a scan's body: inputs, then results, then run-time sizes and counters. */
const char *body_function(Emitter *p, const Graph *g) {
  const char *name = ctx_strf(p->c, "gc_%s_%d", text_ident(p, g->name && *g->name ? g->name : "body"), g->index);
  for (int i = 0; i < p->nbody; i++)
    if (p->body[i] == g) return name;
  Str body = {.c = p->c};
  GraphText c = {.p = p, .g = g, .o = &body, .indent = 1};
  name_params(&c);
  graph_body(&c);
  *VEC_PUSH(p->c, p->body, p->nbody, p->capbody) = g;
  str_printf(&p->bodies, "/* one iteration of a scan: %s */\nstatic void %s(unsigned char *m, unsigned char *a",
             graph_comment(p, g), name);
  for (int i = 0; i < g->nport; i++) str_printf(&p->bodies, ", const %s *%s", ctype_of(g, g->port[i]), c.in[i]);
  for (int i = 0; i < g->nout; i++) str_printf(&p->bodies, ", %s *%s", ctype_of(g, g->out[i].value), c.out[i]);
  for (int i = 0; i < p->m->nsize; i++) str_printf(&p->bodies, ", ptrdiff_t n_%s", p->m->size[i].name);
  const StepText *text = step_text(&c);
  str_printf(&p->bodies, ", uint32_t pass, uint32_t iteration%s) {\n  %s *const run = (%s *)m;\n", text->params, p->run,
             p->run);
  str_printf(&p->bodies, "  (void)a, (void)run, (void)pass, (void)iteration%s;\n", text->unused);
  for (int i = 0; i < g->nport; i++) str_printf(&p->bodies, "  (void)%s;\n", c.in[i]);
  for (int i = 0; i < p->m->nsize; i++) str_printf(&p->bodies, "  (void)n_%s;\n", p->m->size[i].name);
  str_put(&p->bodies, body.s ? body.s : "", body.n);
  str_puts(&p->bodies, "}\n\n");
  return name;
}
