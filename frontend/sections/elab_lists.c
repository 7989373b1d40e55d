/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a data section of jsonl: a member of the object by its name, which is an array, the name of a class, a
 * date, a list that is padded, or the length of one. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_data.h"
#include <string.h>

/* padded(field("x"), 64, value = 0) and length(field("x")), also with |>. */
typedef struct ListCall {
  const Ast *at, *most, *value;
  bool length;
} ListCall;

static bool is_call(Elab *e, const Ast *a, const char *name) {
  const Ast *f = a->kind == AST_CALL ? a->kid[0] : a;
  return f->kind == AST_NAME && !strcmp(f->text, name) && !el_item(e, e->file, name);
}

/* False: it is another expression. */
static bool list_call(Elab *e, const Ast *a, ListCall *l) {
  const Ast *call = a->kind == AST_PIPE ? a->kid[1] : a;
  const Ast *of = a->kind == AST_PIPE ? a->kid[0] : call->kind == AST_CALL && call->n > 1 ? call->kid[1] : NULL;
  *l = (ListCall){.at = a, .length = is_call(e, call, "length")};
  if (!of || !el_is_field(of) || (!l->length && !is_call(e, call, "padded"))) return false;
  for (int i = a->kind == AST_PIPE ? 1 : 2; i < call->n && call->kind == AST_CALL; i++) {
    const Ast *x = call->kid[i];
    bool value = x->kind == AST_NAMED ? !strcmp(x->text, "value") : l->most != NULL;
    *(value ? &l->value : &l->most) = x->kind == AST_NAMED ? x->kid[0] : x;
  }
  return true;
}

static bool read_padded(Elab *e, DataCtx *x, const ListCall *l) {
  Value most = l->most ? el_static(e, l->most) : v_int(0), value = l->value ? el_static(e, l->value) : v_int(0);
  DType t = (DType)type_get(e->m, x->field->type)->dtype;
  double v = 0;
  if (v_bad(most) || v_bad(value)) return false;
  if (!l->most) return el_reject(e, E_ARG_COUNT, l->at, "`padded` takes field(...) and the most entries of its lists");
  if (most.kind != V_INT || most.i < 1 || most.i > EL_MAX_ELEMENTS)
    return el_reject(e, E_FIELD, l->most, "the most entries of a list is an integer from 1 to %d, not %s",
                     EL_MAX_ELEMENTS, v_text(e, most));
  bool fits = value.kind == V_INT && dtype_saturate(t, value.i) == value.i && ints_are_exact(&value.i, 1);
  if (!v_number(value, &v) || (!dtype_is_float(t) && !fits))
    return el_reject(e, E_FIELD, l->value, "`value` is a number of %s, not %s", dtype_info[t].name, v_text(e, value));
  x->field->pad = most.i;
  x->field->pad_value = v;
  return true;
}

/* The calls in a line's expression, which are of one kind. */
static bool find_calls(Elab *e, const Ast *a, DataCtx *x, int *named) {
  FieldInfo *f = x->field;
  ListCall l;
  if (!a) return true;
  if (list_call(e, a, &l)) {
    FieldInfo before = *f;
    f->length = l.length;
    if (!l.length && !read_padded(e, x, &l)) return false;
    bool same = before.length == f->length && before.pad == f->pad && before.pad_value == f->pad_value;
    if ((*named)++ && !same)
      return el_reject(e, E_FIELD, a, "one line reads a list in one way; another is another line");
    return true;
  }
  if (el_is_field(a) && (*named)++ && (f->pad || f->length))
    return el_reject(e, E_FIELD, a, "one line reads a list in one way; another is another line");
  for (int i = 0; i < a->n && !el_is_field(a); i++)
    if (!find_calls(e, a->kid[i], x, named)) return false;
  return true;
}

bool el_list_field(Elab *e, DataCtx *x, bool *array) {
  FieldInfo *f = x->field;
  const Ast *expr = x->line->kid[1];
  int named = 0;
  if (f->ncolumn > 1) return el_reject(e, E_FIELD, expr, "one line reads one member of the object");
  if (!f->column[0].first)
    return el_reject(e, E_FIELD, expr, "the members of jsonl have names, such as field(\"x\"), not numbers");
  if (!find_calls(e, expr, x, &named)) return false;
  f->rows = true;
  *array = f->column[0].kind == CELL_NUMBER && !f->length;
  if (*array) return true;
  el_name_classes(e, x);
  f->raw_count = 1;
  f->raw_type = el_scalar(e, (DType)type_get(e->m, f->type)->dtype);
  return true;
}

/* The raw value is padded, or a length, already. */
static Value list_value(Elab *e, Call *k, const char *name) {
  DataCtx *x = e->data;
  Value v = k->arg[0].v;
  if (x && x->raw && el_is_jsonl(x->d) && v.kind == V_TENSOR && v.id == x->raw && !e->cur.body) return v;
  if (v_bad(v)) return v;
  el_error_at(e, E_FIELD, k->caret, k->caret_len, "`%s` takes field(...) of jsonl, in the line of a data section",
              name);
  return v_error();
}

static Value fn_padded(Elab *e, Call *k) { return list_value(e, k, "padded"); }
static Value fn_length(Elab *e, Call *k) { return list_value(e, k, "length"); }

const Intrinsic el_list_intrinsics[] = {
  {"padded", "field most? value?", fn_padded}, {"length", "field", fn_length}, {0}};
