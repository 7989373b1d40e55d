/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves: inputs, weights and states, constants, index ramps, run-time scalars, random numbers. */
#include "interp.h"
#include "prim/prim_scalar.h"
#include "rule.h"
#include <string.h>

const char *const run_scalars[] = {"step", "steps", "epoch", NULL};

bool is_run_scalar(const char *name) {
  for (int i = 0; run_scalars[i]; i++)
    if (!strcmp(run_scalars[i], name)) return true;
  return false;
}

TypeId shape_given(Graph *g, const OpCall *k) {
  const char *name = op_info[k->op].name;
  if (!k->given) return shape_fail(g, k, E_IR_MALFORMED, "%s: has no type", name);
  const Type *t = type_get(g->m, k->given);
  if (t->dtype == DT_TUPLE) return shape_fail(g, k, E_OPERAND_KIND, "%s: cannot be a tuple", name);
  const AttrVal *v = call_attr(g, k, ATTR(const, value));
  switch (k->op) {
  case OP_const: {
    Dim count = type_count(g->m, k->given);
    if (v->n != 1 && v->n != count)
      return shape_fail(g, k, E_IR_MALFORMED, "const: %d values for %s elements", v->n, dim_text(g->m, count));
    for (int i = 0; i < v->n; i++)
      if (!dtype_holds((DType)t->dtype, v->fv[i]))
        return shape_fail(g, k, E_IR_MALFORMED, "const: %s is not a value of %s",
                          dtype_number_text(g->m->c, DT_F64, v->fv[i]), dtype_info[t->dtype].name);
    return k->given;
  }
  case OP_iota:
    if (t->dtype == DT_BOOL) return shape_fail(g, k, E_OPERAND_KIND, "iota: needs a number type, not bool");
    return rule_axis(g, k, v->i, t->rank) ? k->given : 0;
  case OP_random:
    if (t->dtype != DT_F32)
      return shape_fail(g, k, E_OPERAND_KIND, "random: gives f32, not %s", dtype_info[t->dtype].name);
    return k->given;
  case OP_size:
  case OP_run:
    if (t->rank) return shape_fail(g, k, E_OPERAND_KIND, "%s: is one number, not a tensor", name);
    if (k->op == OP_run && t->dtype != DT_F32) return shape_fail(g, k, E_OPERAND_KIND, "run: gives f32");
    if (k->op == OP_run && (!v->s || !is_run_scalar(v->s)))
      return shape_fail(g, k, E_IR_MALFORMED, "run: knows `step`, `steps` and `epoch`, not `%s`", v->s ? v->s : "");
    return k->given;
  default: return k->given;
  }
}

/* A weight or state has the type of the module's var of that name. */
TypeId shape_var(Graph *g, const OpCall *k) {
  const AttrVal *name = call_attr(g, k, ATTR(param, name));
  int v = name->s ? var_find(g->m, name->s) : -1;
  if (v < 0) return shape_fail(g, k, E_IR_MALFORMED, "there is no weight or state `%s`", name->s ? name->s : "");
  if (k->given && k->given != g->m->var[v].type)
    return shape_fail(g, k, E_IR_MALFORMED, "`%s` is %s, not %s", name->s, type_text(g->m, g->m->var[v].type),
                      type_text(g->m, k->given));
  return g->m->var[v].type;
}

void eval_const(Eval *e, Id n) {
  const AttrVal *v = node_attr(e->g, n, ATTR(const, value));
  Val *y = eval_out(e, n);
  if (v->n != 1 && v->n != y->count) eval_fail(e, n, "const: %d values for %lld elements", v->n, (long long)y->count);
  for (int64_t i = 0; i < y->count; i++) val_set(y, i, v->fv[v->n == 1 ? 0 : i]);
}

void eval_iota(Eval *e, Id n) {
  int axis = (int)node_attr(e->g, n, ATTR(iota, axis))->i;
  Val *y = eval_out(e, n);
  int64_t stride[MAX_RANK];
  val_strides(y, stride);
  for (int64_t i = 0; i < y->count; i++) val_set(y, i, (double)(i / stride[axis] % y->dim[axis]));
}

void eval_size(Eval *e, Id n) {
  int64_t value = eval_dim(e, node_attr(e->g, n, ATTR(size, dim))->i);
  val_set(eval_out(e, n), 0, (double)value);
}

/* "epoch" counts finished epochs: floor(step / steps_per_epoch). */
void eval_run(Eval *e, Id n) {
  const char *name = node_name(e->g, n);
  const Interp *in = e->in;
  uint32_t v = !strcmp(name, "step")    ? in->step
               : !strcmp(name, "steps") ? in->steps
               : in->steps_per_epoch    ? in->step / in->steps_per_epoch
                                        : 0;
  val_set(eval_out(e, n), 0, v);
}

void eval_random(Eval *e, Id n) {
  uint64_t stream = (uint64_t)node_attr(e->g, n, ATTR(random, stream))->i;
  uint64_t key = prim_random_key(e->in->seed, stream);
  Val *y = eval_out(e, n);
  for (int64_t i = 0; i < y->count; i++)
    val_set(y, i,
            prim_random((uint32_t)i, (uint32_t)(i >> 32), (uint32_t)key, (uint32_t)(key >> 32), e->in->step,
                        e->in->pass, e->iteration));
}
