/* Scans: a loop over turns around the call of the body's function, and what passes between them. */
#include "codegen/c/graph.h"

static const char *bytes_of(CPrint *p, const Type *t) {
  Dim n = dtype_info[t->dtype].bytes;
  for (int i = 0; i < t->rank; i++) n = dim_mul(p->m, n, t->dim[i]);
  return c_dim(p, n);
}

/* Bytes of the axes before or behind the scanned one. */
static const char *part_of(CPrint *p, const Type *t, int axis, bool inner) {
  Dim n = inner ? dtype_info[t->dtype].bytes : 1;
  for (int i = inner ? axis + 1 : 0; i < (inner ? t->rank : axis); i++) n = dim_mul(p->m, n, t->dim[i]);
  return c_dim(p, n);
}

/* The pointer to turn t of a stacked buffer, or to the slice that stands for it. */
static const char *turn_place(CGraph *c, const Type *t, int axis, const char *base, const char *scratch,
                              int64_t slice) {
  CPrint *p = c->p;
  const char *type = dtype_info[t->dtype].c;
  if (slice >= 0) return ctx_strf(p->c, "(%s *)(%s + %lld)", type, scratch, (long long)slice);
  Dim n = 1;
  for (int i = 0; i < t->rank; i++)
    if (i != axis) n = dim_mul(p->m, n, t->dim[i]);
  return ctx_strf(p->c, "%s + gc_t * (%s)", base, c_dim(p, n));
}

/* Copies of carries are made by one thread, between barriers. */
static const char *only_first(const CGraph *c) {
  return c->p->native ? "if (part == 0) " : "";
}

/* Between the stacked buffer and the slice of turn t. All threads share the rows where all of them run the body. */
static void copy_slice(CGraph *c, const Type *t, int axis, const char *stacked, const char *slice, bool back, bool shared) {
  CPrint *p = c->p;
  const char *inner = part_of(p, t, axis, true), *len = c_dim(p, t->dim[axis]), *rows = part_of(p, t, axis, false);
  const char *whole = ctx_strf(p->c, "(unsigned char *)(%s) + gc_t * (%s), (%s) * (%s)", stacked, inner, len, inner);
  const char *one = ctx_strf(p->c, "(unsigned char *)%s, %s", slice, inner);
  p->helper |= shared ? CH_SLICES : CH_ROWS;
  c_stmt(c, "%s(%s, %s, %s, %s%s);", shared ? "gc_slices" : ctx_strf(p->c, "%sgc_rows", only_first(c)), back ? whole : one,
         back ? one : whole, rows, inner, shared ? ", part, parts" : "");
}

/* One scan being printed: a loop over turns around the call of its body's function. */
typedef struct ScanPrint {
  CGraph *c;
  Id node;
  Scan s;
  ScanScratch sc;
  const Type *tuple;
  const char *scratch, *len, **result; /* result: pointers of the final carries and the stacked results */
  bool parallel, slices;
} ScanPrint;

static const Type *element(const ScanPrint *x, int i) {
  return type_get(x->c->p->m, x->tuple->elem[i]);
}

/* Carry i alternates between its result, gc_ci, and the scratch, gc_di; it starts as a copy of its operand. */
static void begin_carries(ScanPrint *x) {
  CGraph *c = x->c;
  for (int i = 0; i < x->s.nc; i++) {
    const Type *t = element(x, i);
    const char *type = dtype_info[t->dtype].c, *from = c_place(c, node_in(c->g, x->node, x->s.nx + i));
    c->p->helper |= CH_ROWS;
    c_stmt(c, "%s *gc_c%d = %s, *gc_d%d = (%s *)(%s + %lld);", type, i, x->result[i], i, type, x->scratch,
           (long long)x->sc.carry[i]);
    c_stmt(c, "%sgc_rows((unsigned char *)gc_c%d, 0, (const unsigned char *)(%s), 0, 1, %s);", only_first(c), i, from,
           bytes_of(c->p, t));
  }
}

static void swap_carries(ScanPrint *x) {
  for (int i = 0; i < x->s.nc; i++)
    c_stmt(x->c, "{ %s *gc_e = gc_c%d; gc_c%d = gc_d%d; gc_d%d = gc_e; }", dtype_info[element(x, i)->dtype].c, i, i, i, i);
}

static void end_carries(ScanPrint *x) {
  for (int i = 0; i < x->s.nc; i++)
    c_stmt(x->c, "%sif (gc_c%d != %s) gc_rows((unsigned char *)(%s), 0, (const unsigned char *)gc_c%d, 0, 1, %s);",
           only_first(x->c), i, x->result[i], x->result[i], i, bytes_of(x->c->p, element(x, i)));
}

static const char *stacked_place(ScanPrint *x, int i, const char *base) {
  return turn_place(x->c, element(x, x->s.nc + i), x->s.axis, base, x->scratch, x->sc.slice[x->s.nx + i]);
}

/* Arguments of the body: memory, its arena, ports, results, run-time sizes. Copies the slices that ports need. */
static const char *body_args(ScanPrint *x) {
  CGraph *c = x->c;
  CPrint *p = c->p;
  Str args = {.c = p->c};
  str_printf(&args, "m, %s", x->sc.arena ? ctx_strf(p->c, "%s + %lld", x->scratch, (long long)x->sc.arena) : x->scratch);
  for (int i = 0; i < x->s.nx + x->s.nc + x->s.ncap; i++) {
    Id in = node_in(c->g, x->node, i);
    bool carry = i >= x->s.nx && i < x->s.nx + x->s.nc;
    const char *from = carry ? ctx_strf(p->c, "gc_c%d", i - x->s.nx) : c_place(c, in), *at = from;
    if (i < x->s.nx) at = turn_place(c, node_type(c->g, in), x->s.axis, from, x->scratch, x->sc.slice[i]);
    if (i < x->s.nx && x->sc.slice[i] >= 0) copy_slice(c, node_type(c->g, in), x->s.axis, from, at, false, x->parallel);
    str_printf(&args, ", %s", at);
  }
  for (int i = 0; i < x->s.nc; i++) str_printf(&args, ", gc_d%d", i);
  for (int i = 0; i < x->s.ny; i++) str_printf(&args, ", %s", stacked_place(x, i, x->result[x->s.nc + i]));
  uint32_t known = c->g->kind == GK_BODY ? ~0u : graph_sizes(c->g); /* no body uses a size that its caller lacks */
  for (int i = 0; i < p->m->nsize; i++)
    str_puts(&args, known >> i & 1 ? ctx_strf(p->c, ", n_%s", p->m->size[i].name) : ", 0");
  c->sizes |= known;
  return args.s;
}

static void print_turn(ScanPrint *x, const char *body) {
  CGraph *c = x->c;
  const char *args = body_args(x);
  if (x->parallel) c_barrier(c);
  c_stmt(c, "%s(%s, pass, turn * (uint32_t)(%s) + (uint32_t)gc_t%s);", body, args, x->len,
         c->p->native ? ", call, part, parts" : "");
  if (x->parallel && x->slices) c_barrier(c);
  for (int i = 0; i < x->s.ny; i++)
    if (x->sc.slice[x->s.nx + i] >= 0)
      copy_slice(c, element(x, x->s.nc + i), x->s.axis, x->result[x->s.nc + i], stacked_place(x, i, ""), true,
                 x->parallel);
  swap_carries(x);
}

void c_scan(CGraph *c, const Group *gr) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  ScanPrint x = {.c = c, .node = gr->root, .s = scan_of(g, gr->root), .tuple = node_type(g, gr->root)};
  scan_scratch(g, gr, &x.sc);
  x.scratch = ctx_strf(p->c, "(a + %lld)", (long long)g->anno[gr->root].offset);
  x.len = c_dim(p, x.s.length);
  x.result = ctx_alloc(p->c, (size_t)(x.s.nc + x.s.ny + 1) * sizeof *x.result);
  for (int i = 0; i < gr->nnode; i++)
    if (gr->node[i] != gr->root) x.result[node_attr(g, gr->node[i], 0)->i] = c_place(c, gr->node[i]);
  for (int i = 0; i < x.s.nx + x.s.ny; i++) x.slices |= x.sc.slice[i] >= 0;
  const char *body = c_body_function(p, x.s.body, &x.parallel);
  if (p->native) c_barrier(c);
  c->uses_random = true;
  c->parallel |= x.parallel || (p->native && g->kind == GK_BODY); /* the barriers around it are for all threads */
  c_stmt(c, "%s{ /* %s */", p->native && !x.parallel ? "if (part == 0) " : "", c_call_comment(c, gr));
  c->indent++;
  begin_carries(&x);
  if (x.s.reverse) c_stmt(c, "for (ptrdiff_t gc_t = %s; gc_t-- > 0;) {", x.len);
  else c_stmt(c, "for (ptrdiff_t gc_t = 0; gc_t < %s; gc_t++) {", x.len);
  c->indent++;
  print_turn(&x, body);
  c->indent--;
  c_stmt(c, "}");
  if (x.parallel) c_barrier(c);
  end_carries(&x);
  c->indent--;
  c_stmt(c, "}");
  if (p->native) c_barrier(c);
}
