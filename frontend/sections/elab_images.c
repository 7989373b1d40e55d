/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a data section of pictures: field(0), [C, H, W], and field(1), the class. H and W are those of resize or
 * crop, which the runtime applies to the file's pixels, or else those of the line's type. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/sections/elab_data.h"
#include "frontend/syntax/foreign.h"
#include <string.h>

enum { MAX_VALUES = 1 << 28 };

bool el_is_images(const DataInfo *d) { return !strcmp(d->kind, "images"); }

/* ---- resize(field(0), H, W), crop(resize(field(0), S), H, W), also with |> ---- */

typedef struct SizeCall {
  const char *name;
  const Ast *of;         /* the picture */
  const Ast *const *arg; /* sizes */
  int n;
} SizeCall;

/* False: it is another expression. */
static bool size_call(Elab *e, const Ast *a, SizeCall *s) {
  const Ast *call = a->kind == AST_PIPE ? a->kid[1] : a;
  if (call->kind != AST_CALL || call->kid[0]->kind != AST_NAME) return false;
  int first = a->kind == AST_PIPE ? 1 : 2;
  s->name = call->kid[0]->text;
  if ((strcmp(s->name, "resize") && strcmp(s->name, "crop")) || call->n < first || el_item(e, e->file, s->name))
    return false;
  s->of = first == 1 ? a->kid[0] : call->kid[1];
  s->arg = (const Ast *const *)call->kid + first;
  s->n = call->n - first;
  if (s->n == 1 && s->arg[0]->kind == AST_LIST) { /* resize(x, [H, W]) */
    s->n = s->arg[0]->n;
    s->arg = (const Ast *const *)s->arg[0]->kid;
  }
  return true;
}

static bool read_sizes(Elab *e, const Ast *a, const SizeCall *s, int64_t *size) {
  bool crop = s->name[0] == 'c';
  for (int i = 0; i < s->n && i < 2; i++) {
    const Ast *x = s->arg[i]->kind == AST_NAMED ? NULL : s->arg[i];
    Value v = x ? el_static(e, x) : v_error();
    if (!x) return el_reject(e, E_UNKNOWN_ARG, a, "`%s` has no argument `%s`", s->name, s->arg[i]->text);
    if (v_bad(v)) return false;
    if (v.kind != V_INT || v.i < 1 || v.i > 65535)
      return el_reject(e, E_FIELD, x, "a size in pixels is an integer from 1 to 65535, not %s", v_text(e, v));
    size[i] = v.i;
  }
  if (s->n == 2 || (s->n == 1 && !crop)) return true;
  return el_reject(e, E_ARG_COUNT, a,
                   crop ? "`crop` takes a picture, its height and its width"
                        : "`resize` takes a picture, and its height and width or its shorter side");
}

static bool chain(Elab *e, const Ast *a, PictureInfo *p) {
  SizeCall s;
  if (el_is_field(a)) return true;
  bool call = size_call(e, a, &s), crop = call && s.name[0] == 'c';
  if (call && (crop ? p->crop[0] || p->resize[0] : p->resize[0] > 0)) call = false;
  if (!call)
    return el_reject(e, E_FIELD, a, "a picture's size is set by resize(field(0), H, W), crop(field(0), H, W), or %s",
                     "crop(resize(field(0), S), H, W)");
  return read_sizes(e, a, &s, crop ? p->crop : p->resize) && chain(e, s.of, p);
}

/* The size of all field(0) of a line, which is one. */
static bool find_size(Elab *e, const Ast *a, PictureInfo *p) {
  SizeCall s;
  if (!a) return true;
  if (!el_is_field(a) && !size_call(e, a, &s)) {
    for (int i = 0; i < a->n; i++)
      if (!find_size(e, a->kid[i], p)) return false;
    return true;
  }
  PictureInfo q = {.any = true};
  if (!chain(e, a, &q)) return false;
  if (q.resize[0] && !q.resize[1] && !q.crop[0])
    return el_reject(e, E_FIELD, a, "the longer side is unknown: crop(resize(field(0), %d), H, W)", (int)q.resize[0]);
  if (p->any && memcmp(p, &q, sizeof q))
    return el_reject(e, E_FIELD, a, "one line reads the picture in one size; another size is another line");
  *p = q;
  return true;
}

/* ---- the type of the raw value ---- */

static TypeId try_type(Elab *e, const DataCtx *x, int64_t c, int64_t h, int64_t w) {
  TypeId t = type_make(e->m, (DType)type_get(e->m, x->field->type)->dtype, 3, (Dim[]){c, h, w});
  return el_line_type(e, x, t) == x->field->type ? t : 0;
}

static TypeId picture_type(Elab *e, const DataCtx *x) {
  static const int channels[] = {3, 1, 4};
  const Type *t = type_get(e->m, x->field->type);
  const PictureInfo *p = &x->field->picture;
  const int64_t *size = p->crop[0] ? p->crop : p->resize;
  int r = t->rank;
  int64_t h = size[0] ? size[0] : r >= 2 ? t->dim[r - 2] : 0, w = size[0] ? size[1] : r >= 2 ? t->dim[r - 1] : 0;
  Dim dim[MAX_RANK + 1];
  TypeId found = 0;
  dims_copy(dim, t->dim, r);
  if (r == 3) found = size[0] ? try_type(e, x, dim[0], h, w) : el_find_order(e, x, 0, r, dim);
  for (int i = 0; i < 3 && !found && h; i++) found = try_type(e, x, channels[i], h, w);
  if (found || !h) return found;
  return type_make(e->m, (DType)t->dtype, 3, (Dim[]){r == 3 ? t->dim[0] : 3, h, w}); /* and its shape is refused */
}

static bool class_field(Elab *e, DataCtx *x) {
  FieldInfo *f = x->field;
  DType t = (DType)type_get(e->m, f->type)->dtype;
  if (dtype_is_float(t) && el_is_field(x->line->kid[1]))
    return el_reject(e, E_FIELD, x->line->kid[1], "field(1), the class of a picture, is an integer: %s: i32", f->name);
  if (dtype_is_float(t)) f->raw_dtype = t = DT_I32; /* as of one_hot(field(1), 10) */
  f->column[0].kind = CELL_CLASS;
  f->column[0].count = 1;
  f->column[0].key = ctx_strf(e->c, "%s.%s", x->d->learned, f->name);
  f->raw_count = 1;
  f->raw_type = el_scalar(e, t);
  return true;
}

bool el_picture_field(Elab *e, DataCtx *x) {
  FieldInfo *f = x->field;
  const Ast *expr = x->line->kid[1];
  DType t = (DType)type_get(e->m, f->type)->dtype;
  if (x->run || f->column[0].run || x->lo > 1)
    return el_reject(e, E_FIELD, expr, "a line of `images` reads field(0), the picture, or field(1), its class");
  if (x->lo == 1) return class_field(e, x);
  if (t == DT_BOOL || t == DT_I8)
    return el_reject(e, E_FIELD, expr, "the values of a picture are from 0 to 255, which are not %s",
                     dtype_info[t].name);
  if (!find_size(e, expr, &f->picture)) return false;
  f->raw_type = picture_type(e, x);
  if (!f->raw_type)
    return el_reject(e, E_FIELD, expr, "the size of the picture is unknown: resize(field(0), H, W) sets it");
  const Type *raw = type_get(e->m, f->raw_type);
  if (raw->dim[0] != 1 && raw->dim[0] != 3 && raw->dim[0] != 4)
    return el_reject(e, E_FIELD, expr, "field(0) is [C, H, W] with 1 channel (grey), 3 (RGB) or 4 (and alpha), not %d",
                     (int)raw->dim[0]);
  if (type_count(e->m, f->raw_type) > MAX_VALUES)
    return el_reject(e, E_TOO_MANY_ELEMENTS, expr, "a picture of more than %d million values", MAX_VALUES >> 20);
  f->raw_count = (int)type_count(e->m, f->raw_type);
  f->rows = true;
  return true;
}

/* The raw value has the size already. */
static Value sized(Elab *e, Call *k, const char *name) {
  DataCtx *x = e->data;
  Value v = k->arg[0].v;
  if (x && x->raw && el_is_images(x->d) && v.kind == V_TENSOR && v.id == x->raw && !e->cur.body) return v;
  if (v_bad(v)) return v;
  const char *help = foreign_name(e->c, name, "x");
  Diag *d = el_error_at(e, E_FIELD, k->caret, k->caret_len,
                        "`%s` takes field(0) of images, in the line of a data section", name);
  if (help) diag_help(e->c, d, "%s", help);
  return v_error();
}

static Value fn_resize(Elab *e, Call *k) { return sized(e, k, "resize"); }
static Value fn_crop(Elab *e, Call *k) { return sized(e, k, "crop"); }

const Intrinsic el_picture_intrinsics[] = {
  {"resize", "field height? width?", fn_resize}, {"crop", "field height? width?", fn_crop}, {0}};
