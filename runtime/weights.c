/* Weights from files. */
#include "rt.h"
#include <string.h>

static const char *wrong_tensor(const GcVar *v, const StTensor *t) { /* NULL: it fits */
  bool same = t->rank == v->rank;
  for (int i = 0; same && i < v->rank; i++) same = t->dim[i] == v->dim[i];
  if (same && t->dtype == v->dtype) return NULL;
  char *want = num_shape(v->rank, v->dim, v->dtype, NULL);
  char *have = t->dtype < 0 ? rt_strdup("of another element type")
                            : num_shape(t->rank, t->dim, (GcDType)t->dtype, NULL);
  return rt_printf("is %s in the file, the model has %s", have, want);
}

static const GcVar *find_var(const GcModel *m, const char *name) {
  for (int i = 0; i < m->nvars; i++) if (!strcmp(m->vars[i].name, name)) return &m->vars[i];
  return NULL;
}

/* Takes the tensors of `kinds`; those of `optional` may be missing. Every tensor that does not fit is named. */
void weights_take(App *a, const StFile *f, const char *path, unsigned kinds, unsigned optional) {
  enum { SHOWN = 20 };
  int wrong = 0;
  for (int i = 0; i < a->m->nvars; i++) {
    const GcVar *v = &a->m->vars[i];
    if (!(kinds & KIND_BIT(v->kind))) continue;
    const StTensor *t = st_find(f, v->name);
    const char *why = t ? wrong_tensor(v, t) : optional & KIND_BIT(v->kind) ? NULL : "is missing";
    if (!why) continue;
    if (wrong++ < SHOWN) rt_error(641, "%s: `%s` %s", path, v->name, why);
  }
  for (int i = 0; i < f->n; i++)
    if (!find_var(a->m, f->t[i].name) && wrong++ < SHOWN)
      rt_error(641, "%s: the model has no `%s`", path, f->t[i].name);
  if (wrong > SHOWN) rt_error(641, "%s: and %d more", path, wrong - SHOWN);
  if (wrong) rt_quit(641);
  for (int i = 0; i < a->m->nvars; i++) {
    const GcVar *v = &a->m->vars[i];
    const StTensor *t = kinds & KIND_BIT(v->kind) ? st_find(f, v->name) : NULL;
    if (t) var_from_logical(v, a->mem, f->data + t->begin);
  }
}

void st_release(StFile *f) {
  for (int i = 0; i < f->n; i++) rt_free(f->t[i].name);
  for (int i = 0; i < f->nmeta; i++) {
    rt_free(f->meta[i].key);
    rt_free(f->meta[i].value);
  }
  rt_free(f->t);
  rt_free(f->meta);
  rt_free(f->file.p);
}

void weights_load(App *a, const char *path) {
  StFile f;
  char err[ERR_TEXT];
  if (!io_exists(path)) rt_die(682, "cannot open `%s`", path);
  if (!st_read(path, &f, err)) rt_die(640, "%s", err);
  weights_take(a, &f, path, KINDS_KEPT, KIND_BIT(GC_STATE));
  st_release(&f);
}
