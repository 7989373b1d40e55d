/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays among others in a file: npz, which is a zip archive of .npy files, and safetensors. */
#include "data.h"
#include "safetensors.h"
#include "zip.h"
#include <string.h>

static bool missing(ArrayName of, int n, const char *const *name, char *err) {
  if (!of.name) return rt_fail(err, "there is no array %d; there are %d", of.number, n);
  const char *near = rt_suggest(of.name, name, n);
  char *list = rt_strdup(n ? "" : "none");
  for (int i = 0; i < n && strlen(list) < 200; i++) list = rt_printf("%s%s%s", list, i ? ", " : "", name[i]);
  return near ? rt_fail(err, "there is no array `%.99s`\ndid you mean `%.99s`?", of.name, near)
              : rt_fail(err, "there is no array `%.99s`\nits arrays are %.250s", of.name, list);
}

/* ---- safetensors ---- */

static const StTensor *tensor(const StFile *f, ArrayName of, char *err) {
  const StTensor *t = of.name ? st_find(f, of.name) : of.number < f->n ? &f->t[of.number] : NULL;
  if (t) return t;
  const char **name = rt_array((size_t)f->n + 1, sizeof *name);
  for (int i = 0; i < f->n; i++) name[i] = f->t[i].name;
  missing(of, f->n, name, err);
  rt_free(name);
  return NULL;
}

bool array_file_safetensors(ArrayFile *a, const Bytes *file, ArrayName of, bool *owned, char *err) {
  StFile f;
  *owned = false;
  if (!st_parse(*file, &f, err)) return false;
  const StTensor *t = tensor(&f, of, err);
  bool ok = t && (t->kind || rt_fail(err, "`%.99s` has 8-bit floats, which are not read", t->name));
  if (ok) {
    a->file = (Bytes){file->p, (size_t)(f.data - file->p) + t->end};
    a->offset = (size_t)(f.data - file->p) + t->begin;
    a->size = (size_t)t->size;
    a->kind = t->kind;
    a->swap = false;
    a->rank = t->rank;
    for (int i = 0; i < t->rank; i++) a->dim[i] = (uint64_t)t->dim[i];
    ok = array_file_finish(a, err);
  }
  f.file = (Bytes){0};
  st_free(&f);
  return ok;
}

/* ---- npz ---- */

static bool find_entry(const Zip *z, ArrayName of, ZipEntry *e, char *err) {
  uint64_t at = z->at;
  const char **name = rt_array((size_t)z->entries + 1, sizeof *name);
  bool found = false, ok = true;
  for (uint64_t i = 0; i < z->entries && ok && !found; i++) {
    ok = zip_next(z, &at, e);
    if (ok && strlen(e->name) > 4 && !strcmp(e->name + strlen(e->name) - 4, ".npy")) e->name[strlen(e->name) - 4] = 0;
    found = ok && (of.name ? !strcmp(e->name, of.name) : i == (uint64_t)of.number);
    name[i] = e->name;
  }
  if (!ok) rt_fail(err, "its directory is damaged");
  if (ok && !found) missing(of, (int)z->entries, name, err);
  rt_free(name);
  return found;
}

bool array_file_npz(ArrayFile *a, const Bytes *file, ArrayName of, bool *owned, char *err) {
  enum { HEAD = 65536 };
  Zip z;
  ZipEntry e;
  char why[ERR_TEXT];
  *owned = false;
  if (!zip_open(&z, file, err) || !find_entry(&z, of, &e, err) ||
      !zip_read(&z, &e, a->header_only ? HEAD : 0, &a->file, owned, err))
    return false;
  return array_file_npy(a, why) || rt_fail(err, "`%.99s`: %.300s", e.name, why);
}
