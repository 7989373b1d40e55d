/* SPDX-License-Identifier: Apache-2.0 */
/* Types of parameters. */
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_state.h"
#include "frontend/syntax/foreign.h"
#include <string.h>

const char *el_source(Elab *e, const Ast *a) { return source_part(e->c, a->at, a->len); }

bool el_param_type(Elab *e, const Ast *type, ParamType *p) {
  static const struct {
    const char *name;
    ValueKind kind;
  } statics[] = {{"int", V_INT},   {"float", V_FLOAT}, {"bool", V_BOOL}, {"str", V_STR},
                 {"list", V_LIST}, {"fn", V_FN},       {"any", V_NONE} /* in built-in files: an int, a list, a str */};
  bool shaped = (type->flags & AST_SHAPED) != 0;
  *p = (ParamType){.ast = type};
  static const struct {
    const char *name;
    int dtype;
  } classes[] = {{"any", P_ANY}, {"float", P_FLOAT}, {"int", P_INT}};
  for (int i = 0; i < 7 && !shaped; i++) {
    if (strcmp(type->text, statics[i].name)) continue;
    p->dtype = statics[i].kind;
    return true;
  }
  p->tensor = true;
  if (!shaped && !strcmp(type->text, "shape")) {
    p->dtype = P_SHAPE;
    return true;
  }
  for (int i = 0; i < 3 && shaped; i++) {
    if (strcmp(type->text, classes[i].name)) continue;
    p->dtype = classes[i].dtype;
    return true;
  }
  p->dtype = dtype_find(type->text);
  if (p->dtype >= 0) return true;
  if (!strcmp(type->text, "i64"))
    return el_reject(e, E_UNSUPPORTED_DTYPE, type, "the element type `%s` is not in this version", type->text);
  const char *words[DT_COUNT + 7];
  for (int i = 0; i < DT_COUNT; i++) words[i] = dtype_info[i].name;
  for (int i = 0; i < 6; i++) words[DT_COUNT + i] = statics[i].name;
  words[DT_COUNT + 6] = "shape";
  Diag *d = el_error(e, E_UNKNOWN_TYPE, type, "unknown type `%s`", type->text);
  const char *s = foreign_help(FOREIGN_TYPE, type->text);
  if (!s) s = diag_suggest(e->c, type->text, words, DT_COUNT + 7);
  if (s) diag_help(e->c, d, strchr(s, ' ') ? "%s" : "did you mean `%s`?", s);
  return false;
}
