/* SPDX-License-Identifier: Apache-2.0 */
/* `stratify = y` and `sample = weighted(w) | balanced(y) | stratified(y)` of a data section. The field's value is its
 * raw value, so its line is field(...) or classes(field(...)). */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_data.h"
#include <string.h>

static const Ast *line_of(const Section *s, const char *name) {
  for (int i = 0; i < s->block->n; i++)
    if (s->block->kid[i]->kind == AST_FIELD && !strcmp(s->block->kid[i]->text, name)) return s->block->kid[i];
  return NULL;
}

/* The index of the field that a setting names; -1: it is refused. */
static int field_of(Elab *e, const Section *s, const DataInfo *d, const Ast *a, bool whole_numbers) {
  CellKind kind = CELL_NUMBER;
  int at = 0;
  const Ast *line = a->kind == AST_NAME ? line_of(s, a->text) : NULL;
  while (at < d->nfield && (!line || strcmp(d->field[at].name, line->text))) at++;
  if (!line) el_reject(e, E_SETTING_VALUE, a, "a field of data %s belongs here, not %s", d->name, el_source(e, a));
  if (!line || at == d->nfield) return -1;
  const Ast *expr = line->kid[1];
  const Type *t = type_get(e->m, d->field[at].type);
  bool raw = el_is_field(expr) || (el_cell_call(e, expr, &kind) && kind == CELL_CLASS);
  if (raw && !t->rank && (!whole_numbers || !dtype_is_float((DType)t->dtype))) return at;
  Diag *g = el_error(e, E_SETTING_VALUE, a, "`%s` is %s; %s", a->text, el_type_text(e, d->field[at].type),
                     whole_numbers ? "a class is one integer of the file" : "a weight is one number of the file");
  diag_label(e->c, g, expr->at, expr->len, "its line is field(...)%s", whole_numbers ? " or classes(field(...))" : "");
  return -1;
}

static bool sample_setting(Elab *e, const Section *s, DataInfo *d, const Ast *a) {
  static const char *const names[] = {"", "weighted", "balanced", "stratified"};
  bool call = a->kind == AST_CALL && a->n == 2 && a->kid[0]->kind == AST_NAME && a->kid[1]->kind != AST_NAMED;
  for (int i = 1; i < 4 && call; i++)
    if (!strcmp(a->kid[0]->text, names[i])) d->sample = i;
  if (!d->sample)
    return el_reject(e, E_SETTING_VALUE, a, "`sample` is weighted(w), balanced(y) or stratified(y), not %s",
                     el_source(e, a));
  if (!d->shuffle)
    return el_reject(e, E_SETTING_CONFLICT, a, "`sample` draws records, and `shuffle = false` keeps their order");
  int at = field_of(e, s, d, a->kid[1], d->sample > 1);
  d->sample_field = at;
  return at >= 0;
}

bool el_sample_settings(Elab *e, const Section *s, DataInfo *d) {
  const Ast *stratify = el_setting_value(s, "stratify"), *sample = el_setting_value(s, "sample");
  if (stratify && !el_stream_line(e, d, stratify, "stratify")) return false;
  if (sample && !el_stream_line(e, d, sample, "sample")) return false;
  if (stratify) d->stratify = 1 + field_of(e, s, d, stratify, true);
  if (stratify && !d->stratify) return false;
  return !sample || sample_setting(e, s, d, sample);
}
