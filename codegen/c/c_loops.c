/* Loops and stores of one nest; which values are used where. */
#include "codegen/c/nest.h"
#include <string.h>

/* ---- uses ---- */

static void use_axes(CNest *c, int phase, const Affine *e);

static void use_axis(CNest *c, int phase, int a) {
  const Axis *x = &c->n->axes.axis[a];
  if (x->kind == AX_LOOP || c->used_axes[phase + 1] >> a & 1) return;
  c->used_axes[phase + 1] |= 1u << a;
  c->used_axes[0] |= 1u << a;
  if (x->kind == AX_QUOTIENT) use_axes(c, phase, &x->e);
}

static void use_axes(CNest *c, int phase, const Affine *e) {
  for (int i = 0; i < c->n->axes.n; i++)
    if (e->coef[i]) {
      c->indexed |= 1u << i;
      use_axis(c, phase, i);
    }
}

static void use_value(CNest *c, int v, int phase, int level) {
  const KVal *x = &c->n->val[v];
  c->same_loop[v] = (!c->uses[v] || c->same_loop[v]) && x->phase == phase && cn_level(c, phase, x->needs) == level;
  if (c->uses[v]++) return;
  level = cn_level(c, x->phase, x->needs);
  for (int i = 0; i < x->nargs && x->kind != KV_ACC; i++) use_value(c, x->arg[i], x->phase, level);
  for (int i = 0; i < c->n->axes.n; i++) {
    bool guard = x->guards >> i & 1;
    if (guard) c->select |= 1u << i;
    if (x->at.coef[i]) c->indexed |= 1u << i;
    if (!x->at.coef[i] && !guard) continue;
    use_axis(c, x->phase, i);
    if (phase != x->phase) use_axis(c, phase, i);
  }
  for (int i = 0; i < c->n->axes.n; i++) /* the indices that tables need */
    if (c->n->axes.axis[i].kind == AX_TABLE && c->used_axes[0] >> i & 1 && c->uses[c->n->axes.axis[i].value] == 0) {
      use_value(c, c->n->axes.axis[i].value, x->phase, -1);
      c->same_loop[c->n->axes.axis[i].value] = false;
    }
}

static int inner_level(const CNest *c, int phase) {
  return c->n->nouter + c->n->phase[phase].naxis;
}

static void find_uses(CNest *c) {
  const KNest *n = c->n;
  for (int i = 0; i < n->nacc; i++) {
    use_value(c, n->acc[i].value, n->acc[i].phase, inner_level(c, n->acc[i].phase));
    use_axes(c, n->acc[i].phase, &n->acc[i].index);
  }
  for (int i = 0; i < n->nstore; i++) {
    const KStore *s = &n->store[i];
    use_value(c, s->value, s->phase, s->level == KS_INNER ? inner_level(c, s->phase) : n->nouter);
    use_axes(c, s->phase, &s->at);
    for (int k = 0; k < n->axes.n; k++) /* scatter: the table's index */
      if (s->at.coef[k] && n->axes.axis[k].kind == AX_TABLE) {
        use_value(c, n->axes.axis[k].value, s->phase, -1);
        c->same_loop[n->axes.axis[k].value] = false;
      }
    int others = 0; /* several stores: all values first, as a store may lie on what another one loads */
    for (int k = 0; k < n->nstore; k++) others += n->store[k].phase == s->phase && k != i;
    if (others) c->same_loop[s->value] = false;
  }
  for (int p = 0; p < n->nphase; p++)
    for (int a = 0; a < n->axes.n; a++) {
      if (!(n->phase[p].skip >> a & 1)) continue;
      use_axis(c, p, a);
      if (cn_level(c, p, n->axes.axis[a].needs) <= n->nouter) c->select |= 1u << a;
      else c->skip |= 1u << a;
    }
}

/* ---- stores and loops ---- */

void cn_stores(CNest *c, int phase, KStoreAt level) {
  for (int i = 0; i < c->n->nstore; i++) {
    const KStore *s = &c->n->store[i];
    if (s->phase != phase || s->level != level) continue;
    if (c->lane >= 0 && (c->lane_outer || level == KS_INNER)) {
      cnv_store(c, s);
      continue;
    }
    cn_line(c, "%s %s %s;", cn_element(c, s->buf, &s->at), s->add ? "+=" : "=",
            c_narrowed(c->p, (DType)c->k->buf[s->buf].type, c->text[s->value]));
  }
}

static const char *extent_of(CNest *c, int a) {
  return c_dim(c->p, c->n->axes.axis[a].extent);
}

/* The axis that threads share out runs over this thread's part. */
void cn_open_loop(CNest *c, int a) {
  if (a == c->split) cn_open_block(c, "for (ptrdiff_t i%d = lo; i%d < hi; i%d++)", a, a, a);
  else cn_open_block(c, "for (ptrdiff_t i%d = 0; i%d < %s; i%d++)", a, a, extent_of(c, a), a);
}

static void end_count(CNest *c, int phase, PhaseAcc r) {
  if (r.counts) cn_line(c, "term%d++;", phase);
  if (r.how != CHUNK_COUNT) return;
  cn_open_block(c, "if (term%d == %d)", phase, STRICT_CHUNK);
  cn_open_block(c, " ");
  ca_chunk_end(c, phase, r, ca_first(c, phase));
  cn_close_block(c);
  ca_chunk_begin(c, phase, r, false);
  cn_line(c, "term%d = 0, chunks%d++;", phase, phase);
  cn_close_block(c);
}

static void inner_loops(CNest *c, int phase, PhaseAcc r) {
  const KPhase *p = &c->n->phase[phase];
  for (int k = 0; k < p->naxis; k++) {
    int a = p->axis[k];
    if (r.how == CHUNK_LOOP) {
      const char *n = extent_of(c, a);
      cn_open_block(c, "for (ptrdiff_t b0 = 0; b0 < %s; b0 += %d)", n, STRICT_CHUNK);
      cn_line(c, "const ptrdiff_t b1 = %s - b0 < %d ? %s : b0 + %d;", n, STRICT_CHUNK, n, STRICT_CHUNK);
      ca_chunk_begin(c, phase, r, true);
      cn_open_block(c, "for (ptrdiff_t i%d = b0; i%d < b1; i%d++)", a, a, a);
    } else {
      cn_open_loop(c, a);
    }
    cn_values(c, phase, c->n->nouter + k + 1);
  }
  ca_term(c, phase, r);
  cn_stores(c, phase, KS_INNER);
  end_count(c, phase, r);
  for (int k = 0; k < p->naxis; k++) cn_close_block(c);
  if (r.how == CHUNK_LOOP) ca_chunk_end(c, phase, r, "b0 == 0"), cn_close_block(c);
}

static const char *outer_conditions(const CNest *c, const KPhase *p) {
  const char *valid = NULL;
  for (int a = 0; a < c->n->axes.n; a++)
    if (p->skip >> a & 1 && c->select >> a & 1)
      valid = valid ? ctx_strf(c->p->c, "%s && %s", valid, c->valid[a]) : c->valid[a];
  return valid;
}

static void print_phase(CNest *c, int phase) {
  const KNest *n = c->n;
  const KPhase *p = &n->phase[phase];
  PhaseAcc r = ca_phase(c, phase);
  for (int a = 0; a < n->axes.n; a++)
    if (cn_level(c, phase, n->axes.axis[a].needs) > n->nouter) c->made[a] = false;
  cn_values(c, phase, n->nouter);
  cn_stores(c, phase, KS_OUTER);
  bool inner = r.any;
  for (int i = 0; i < n->nstore; i++) inner |= n->store[i].phase == phase && n->store[i].level == KS_INNER;
  if (inner && c->lane >= 0 && !c->lane_outer && p->naxis) {
    cn_inner_lanes(c, phase, r);
    return;
  }
  ca_declare(c, phase, r);
  if (r.how != CHUNK_LOOP) ca_chunk_begin(c, phase, r, true);
  const char *valid = outer_conditions(c, p);
  if (inner) {
    if (valid) cn_open_block(c, "if (%s)", valid);
    inner_loops(c, phase, r);
    if (valid) cn_close_block(c);
  }
  if (r.how == ONE_CHUNK) ca_chunk_end(c, phase, r, "");
  if (r.how == CHUNK_COUNT) {
    cn_open_block(c, "if (term%d || chunks%d == 0)", phase, phase);
    ca_chunk_end(c, phase, r, ca_first(c, phase));
    cn_close_block(c);
  }
}

CNest cn_begin(CPrint *p, const Kernel *k, const KNest *n, Str *o) {
  CNest c = {.p = p, .k = k, .n = n, .o = o, .indent = 1, .lane = -1, .split = -1};
  c.text = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.text);
  c.uses = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.uses);
  c.same_loop = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.same_loop);
  c.under = ctx_alloc(p->c, (size_t)(n->nval + 1) * sizeof *c.under);
  c.used_axes = ctx_alloc(p->c, (size_t)(n->nphase + 1) * sizeof *c.used_axes);
  find_uses(&c);
  return c;
}

static void print_phases(CNest *c, int unused) {
  (void)unused;
  for (int i = 0; i < c->n->nphase; i++) print_phase(c, i);
}

/* The lane axis is the innermost outer loop; no order of evaluation depends on that of outer axes. */
static KNest lane_last(const KNest *n, int lane) {
  KNest r = *n;
  int w = 0;
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] != lane) r.outer[w++] = n->outer[i];
  r.outer[w] = lane;
  return r;
}

void c_nest(CPrint *p, const Kernel *k, const KNest *n, const CShare *share, Str *o) {
  KNest turned;
  if (share->lane >= 0 && share->lane_outer) {
    turned = lane_last(n, share->lane);
    n = &turned;
  }
  CNest c = cn_begin(p, k, n, o);
  c.lane = share->lane;
  c.lane_outer = share->lane_outer;
  c.vec = share->vec;
  c.split = share->split;
  cnv_branches(&c);
  p->vectors |= c.lane >= 0;
  for (int i = 1; i < n->nval; i++) p->doubles |= c.lane >= 0 && n->val[i].type == DT_F64;
  if (c.split >= 0) {
    const char *e = extent_of(&c, c.split);
    p->helper |= CH_SHARE;
    cn_line(&c, "const ptrdiff_t lo = gc_share(%s, %d, part, parts), hi = gc_share(%s, %d, part + 1, parts);", e,
            share->grain, e,
            share->grain);
  }
  int loops = n->nouter - (c.lane >= 0 && c.lane_outer);
  for (int d = 0; d < loops; d++) {
    cn_values(&c, -1, d);
    cn_open_loop(&c, n->outer[d]);
  }
  if (loops < n->nouter) {
    bool shared = c.split == c.lane;
    int64_t extent;
    bool whole = dim_number(p->m, n->axes.axis[c.lane].extent, &extent) && extent % c.vec == 0;
    cn_values(&c, -1, loops);
    cn_lane_copies(&c, c.lane, shared ? "lo" : "0", shared ? "hi" : extent_of(&c, c.lane), c.vec, whole, print_phases,
                   0);
  } else {
    print_phases(&c, 0);
  }
  for (int d = 0; d < loops; d++) cn_close_block(&c);
}
