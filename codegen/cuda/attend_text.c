/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/attend_text.h"
#include "codegen/cuda/index.h"
#include "codegen/cuda/tile.h"

enum { MIN_ROWS = 16, CHUNK = 16 };

/* ---- decisions ---- */

static bool is_contiguous(const Affine *at, const KRowOperand *x) { return x->col < 0 || at->coef[x->col] == 1; }

static bool operands_fit(const Kernel *k, const KNest *n) {
  for (int i = 0; i < AT_OPERANDS; i++) {
    const KRowOperand *x = &n->attend->load[i];
    if (x->at >= 0 && (!is_contiguous(&n->val[x->at].at, x) || k->buf[n->val[x->at].buf].table)) return false;
  }
  for (int i = 0; i < n->nstore; i++)
    if (!is_contiguous(&n->store[i].at, &n->attend->store[i])) return false;
  return true;
}

/* The outer axes but that of rows. */
static int head_axes(const KAttend *a, int *axis) {
  int n = 0;
  if (a->batch >= 0) axis[n++] = a->batch;
  if (a->head >= 0) axis[n++] = a->head;
  if (a->shared >= 0) axis[n++] = a->shared;
  return n;
}

bool attend_suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  const KAttend *a = n->attend;
  int axis[MAX_AXES], count = head_axes(a, axis);
  if (m->opt.strict || a->a.type == DT_F64 || !operands_fit(k, n)) return false;
  int64_t t = dim_bound(m, a->a.t), keys = dim_bound(m, a->a.s);
  if (t < MIN_ROWS || keys < MIN_ROWS || t + keys >= 1 << 30) return false;
  Dim heads = index_product(n, axis, count);
  if (dim_bound(m, heads) > 65535) return false;
  NestSchedule *p = ctx_alloc(m->c, sizeof *p);
  *p = schedule_scalar(n);
  p->narrow = s->narrow, p->grid = true;
  for (int i = 0; i < n->nouter; i++) p->point[p->npoint++] = n->outer[i];
  *f = (FormShape){.launches = 1, .plan = p};
  f->launch[0].grid[0] = (GridAxis){a->rows == KR_KEYS ? a->a.s : a->a.t, ATTEND_ROWS};
  f->launch[0].grid[1] = (GridAxis){heads, 1};
  return true;
}

bool attend_is_aligned(const Kernel *k, const KNest *n, int buf, const Affine *at, const KRowOperand *x) {
  Module *m = n->axes.m;
  int chunk = CHUNK / dtype_info[k->buf[buf].type].bytes;
  if (tile_alignment(k->gs->g, k->buf[buf].node) < CHUNK || dim_divisor(m, at->k) % chunk) return false;
  for (int i = 0; i < n->axes.n; i++)
    if (i != x->col && dim_divisor(m, at->coef[i]) % chunk) return false;
  return true;
}

/* ---- operands ---- */

static const char *step(AttendText *c, const Affine *at, int axis) {
  return axis < 0 ? "0" : index_operand(&c->n, at->coef[axis]);
}

/* The address where the indices of rows and of the function's own axes are 0. */
static const char *first(AttendText *c, int buf, const Affine *at, const KRowOperand *x) {
  Affine first = *at;
  const KAttend *a = c->a;
  int own[] = {x->head, x->row, x->col, a->query, a->key};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (own[i] >= 0) first.coef[own[i]] = 0;
  const char *e = text_affine(c->n.p, &first);
  c->n.p->named[buf] = true;
  return ctx_strf(c->n.p->c, "%s + %s", nest_buf_name(&c->n, buf), e);
}

static const char *product(AttendText *c, const char *row, const char *step) {
  const char *wide = c->n.s->narrow ? "" : "(gc_i64)";
  return ctx_strf(c->n.p->c, "%s(%s) * %s", wide, row, step);
}

static bool of_queries(AttendOperand role) { return role != AT_K && role != AT_V; }

/* The axis of an operand's rows: of the point, or of the function. */
static int row_axis(const KAttend *a, const KRowOperand *x, bool of_queries) {
  if (of_queries == (a->rows == KR_KEYS)) return x->row;
  return of_queries ? a->query : a->key;
}

static AttendRows operand(AttendText *c, AttendOperand role, const char *name) {
  const KRowOperand *x = &c->a->load[role];
  const KVal *v = &c->n.n->val[x->at];
  Dim len = role == AT_V || role == AT_G ? c->a->a.e : c->a->a.d;
  return (AttendRows){name,
                      step(c, &v->at, row_axis(c->a, x, of_queries(role))),
                      index_operand(&c->n, of_queries(role) ? c->a->a.t : c->a->a.s),
                      (int)len,
                      (DType)c->n.k->buf[v->buf].type,
                      false};
}

/* An operand whose rows are of queries, seen from keys, belongs to a head that the block walks. */
static bool is_walked(const AttendText *c, AttendOperand role) { return c->a->rows == KR_KEYS && of_queries(role); }

static void declare(AttendText *c, AttendOperand role, const char *name) {
  const KRowOperand *x = &c->a->load[role];
  const KVal *v = &c->n.n->val[x->at];
  const char *at = first(c, v->buf, &v->at, x), *type = dtype_info[c->n.k->buf[v->buf].type].c;
  if (is_walked(c, role)) at = ctx_strf(c->n.p->c, "%s + %s", at, product(c, "h", step(c, &v->at, x->head)));
  nest_line(&c->n, "const %s *const %s = %s;", type, name, at);
}

const char *attend_place(AttendText *c, const AttendRows *x, const char *r, const char *d) {
  return ctx_strf(c->n.p->c, "%s[%s + %s]", x->name, product(c, r, x->step), d);
}

void attend_declare_source(AttendText *c, const char *name, const AttendRows *x, const char *r, const char *d) {
  nest_line(&c->n, "const %s *const %s = %s + %s + %s;", dtype_info[x->type].c, name, x->name, product(c, r, x->step),
            d);
}

const char *attend_element(AttendText *c, const char *name, const AttendRows *x, const char *r, const char *d,
                           const char *offset) {
  const char *column = d ? ctx_strf(c->n.p->c, " && %s < %d", d, x->len) : "";
  return ctx_strf(c->n.p->c, "%s < %s%s ? %s : 0", r, x->limit, column,
                  text_after_load(c->n.p, x->type, ctx_strf(c->n.p->c, "%s[%s]", name, offset)));
}

AttendRows attend_result(AttendText *c, int store) {
  const KRowOperand *x = &c->a->store[store];
  const KStore *y = &c->n.n->store[x->at];
  bool keys = c->a->rows == KR_KEYS;
  const char *name = ctx_strf(c->n.p->c, "r%d", store);
  DType type = (DType)c->n.k->buf[y->buf].type;
  nest_line(&c->n, "%s *const %s = %s;", dtype_info[type].c, name, first(c, y->buf, &y->at, x));
  Dim len = c->a->rows == KR_FORWARD || store ? c->a->a.e : c->a->a.d;
  return (AttendRows){name,
                      step(c, &y->at, keys ? c->a->key : c->a->query),
                      index_operand(&c->n, keys ? c->a->a.s : c->a->a.t),
                      (int)len,
                      type,
                      len % 4 == 0 && attend_is_aligned(c->n.k, c->n.n, y->buf, &y->at, x)};
}

const char *attend_number(AttendText *c, int store, const char *r) {
  const KRowOperand *x = &c->a->store[store];
  const KStore *y = &c->n.n->store[x->at];
  return ctx_strf(c->n.p->c, "(%s)[%s]", first(c, y->buf, &y->at, x), product(c, r, step(c, &y->at, c->a->query)));
}

const char *attend_value(AttendText *c, AttendOperand role, const char *r) {
  const KVal *v = &c->n.n->val[c->a->load[role].at];
  const char *name = role == AT_LSE ? "lse0" : "delta0";
  return ctx_strf(c->n.p->c, "%s[%s]", name, product(c, r, step(c, &v->at, row_axis(c->a, &c->a->load[role], true))));
}

/* ---- as text ---- */

AttendText attend_text(Emitter *p, const Launch *l, Str *o) {
  static const ParallelText text = {0};
  AttendText c = {.n = nest_text(p, l->step->kernel, l->plan, o)};
  c.n.parallel = &text;
  c.a = c.n.n->attend;
  c.q = operand(&c, AT_Q, "q"), c.k = operand(&c, AT_K, "k"), c.v = operand(&c, AT_V, "v");
  if (c.a->a.back) c.g = operand(&c, AT_G, "g");
  return c;
}

static void declare_all(AttendText *c, bool walked) {
  static const char *const name[AT_OPERANDS] = {"q", "k", "v", "lse0", "g", "delta0"};
  for (int i = 0; i < AT_LENGTHS; i++)
    if (c->a->load[i].at >= 0 && is_walked(c, (AttendOperand)i) == walked) declare(c, (AttendOperand)i, name[i]);
}

void attend_begin(AttendText *c) {
  NestText *n = &c->n;
  int axis[MAX_AXES], count = head_axes(c->a, axis), length = c->a->load[AT_LENGTHS].at;
  const char *s = index_operand(n, c->a->a.s), *t = index_operand(n, c->a->a.t);
  index_declare(n, axis, count, "gc_block_y()");
  if (length >= 0) {
    const KVal *v = &n->n->val[length];
    n->p->named[v->buf] = true;
    nest_line(n, "const int length = %s;", nest_element(n, v->buf, &v->at));
    nest_line(n, "const int limit = length < 0 ? 0 : length < %s ? length : (int)%s;", s, s);
  } else {
    nest_line(n, "const int limit = (int)%s;", s);
  }
  if (c->a->a.causal) nest_line(n, "const int ahead = (int)(%s - %s) + 1;", s, t);
  declare_all(c, false);
  if (c->a->rows == KR_KEYS) return;
  nest_line(n, "const int last = row0 + %d < %s ? row0 + %d : (int)%s - 1;", ATTEND_ROWS - 1, t, ATTEND_ROWS - 1, t);
  nest_line(n, "const int keys = %s;", c->a->a.causal ? attend_seen(c, "last") : "last < 0 ? 0 : limit");
}

void attend_declare_walked(AttendText *c) { declare_all(c, true); }

void attend_first_query(AttendText *c) {
  NestText *n = &c->n;
  const char *t = index_operand(n, c->a->a.t);
  if (c->a->a.causal) {
    nest_line(n, "const int seen_from = row0 + 1 - ahead < 0 ? 0 : (row0 + 1 - ahead) / %d * %d;", ATTEND_ROWS,
              ATTEND_ROWS);
  }
  nest_line(n, "const int from = row0 < limit ? %s : (int)%s;", c->a->a.causal ? "seen_from" : "0", t);
}

void attend_open_queries(AttendText *c) {
  NestText *n = &c->n;
  attend_first_query(c);
  nest_open_block(n, "for (int h = 0; h < %s; h++)", text_dim(n->p, c->a->a.shared));
  declare_all(c, true);
  nest_open_block(n, "for (int query0 = from; query0 < %s; query0 += %d)", index_operand(n, c->a->a.t), ATTEND_ROWS);
}

void attend_close_queries(AttendText *c) {
  nest_close_block(&c->n);
  nest_close_block(&c->n);
}

const char *attend_seen(AttendText *c, const char *query) {
  if (!c->a->a.causal) return "limit";
  return ctx_strf(c->n.p->c, "(%s + ahead < limit ? %s + ahead : limit)", query, query);
}

const char *attend_scale(AttendText *c) { return text_number(c->n.p, DT_F32, c->a->a.scale); }

const char *attend_scale2(AttendText *c) { return text_number(c->n.p, DT_F32, c->a->a.scale * 1.4426950408889634); }
