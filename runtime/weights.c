/* SPDX-License-Identifier: Apache-2.0 */
/* Reads weights from files. */
#include "checkpoint.h"
#include "device.h"
#include "num.h"
#include "vars.h"
#include <string.h>

static const char *mismatch(const GcVar *v, const StTensor *t) { /* NULL: it fits */
  bool same = t->rank == v->rank;
  for (int i = 0; same && i < v->rank; i++) same = t->dim[i] == v->dim[i];
  if (same && t->dtype == v->dtype) return NULL;
  char *want = num_shape(v->rank, v->dim, v->dtype, NULL);
  char *have =
    t->dtype < 0 ? rt_strdup("of another element type") : num_shape(t->rank, t->dim, (GcDType)t->dtype, NULL);
  return rt_printf("is %s in the file, the model has %s", have, want);
}

static const GcVar *find_var(const GcModel *m, const char *name) {
  for (int i = 0; i < m->nvars; i++)
    if (!strcmp(m->vars[i].name, name)) return &m->vars[i];
  return NULL;
}

void weights_from_file(Session *sess, const StFile *f, const char *path, unsigned kinds, unsigned optional) {
  enum { SHOWN = 20 };
  int wrong = 0;
  for (int i = 0; i < sess->m->nvars; i++) {
    const GcVar *v = &sess->m->vars[i];
    if (!(kinds & KIND_BIT(v->kind))) continue;
    const StTensor *t = st_find(f, v->name);
    const char *why = t ? mismatch(v, t) : optional & KIND_BIT(v->kind) ? NULL : "is missing";
    if (!why) continue;
    if (wrong++ < SHOWN) rt_error(E_TENSORS_MISMATCH, "%s: `%s` %s", path, v->name, why);
  }
  for (int i = 0; i < f->n; i++)
    if (!find_var(sess->m, f->t[i].name) && wrong++ < SHOWN)
      rt_error(E_TENSORS_MISMATCH, "%s: the model has no `%s`", path, f->t[i].name);
  if (wrong > SHOWN) rt_error(E_TENSORS_MISMATCH, "%s: and %d more", path, wrong - SHOWN);
  if (wrong) rt_quit(E_TENSORS_MISMATCH);
  for (int i = 0; i < sess->m->nvars; i++) {
    const GcVar *v = &sess->m->vars[i];
    const StTensor *t = kinds & KIND_BIT(v->kind) ? st_find(f, v->name) : NULL;
    if (!t) continue;
    var_from_logical(v, sess->mem, f->data + t->begin);
    mirror_up(sess, v->offset, v->bytes);
  }
}

void st_free(StFile *f) {
  for (int i = 0; i < f->n; i++) rt_free(f->t[i].name);
  for (int i = 0; i < f->nmeta; i++) {
    rt_free(f->meta[i].key);
    rt_free(f->meta[i].value);
  }
  rt_free(f->t);
  rt_free(f->meta);
  rt_free(f->file.p);
}

void weights_load(Session *sess, const char *path) {
  StFile f;
  char err[ERR_TEXT];
  if (!io_exists(path)) rt_die(E_WEIGHTS_MISSING, "cannot open `%s`", path);
  if (!st_read(path, &f, err)) rt_die(E_WEIGHTS_CORRUPT, "%s", err);
  weights_from_file(sess, &f, path, KINDS_KEPT, KIND_BIT(GC_STATE));
  st_free(&f);
}
