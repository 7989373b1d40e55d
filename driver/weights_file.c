/* SPDX-License-Identifier: Apache-2.0 */

#include "driver/weights_file.h"
#include "runtime/safetensors.h"
#include <stdlib.h>

struct Weights {
  StFile file;
  WeightView view;
  char why[ERR_TEXT];
};

Weights *weights_read(const char *path, const char **why) {
  Weights *w = rt_alloc(sizeof *w); /* never freed: the emitted program's values are in it */
  if (st_read(path, &w->file, w->why)) return w;
  *why = w->why;
  return NULL;
}

bool weights_note(const Weights *w, int i, const char **key, const char **value) {
  if (i >= w->file.nmeta) return false;
  *key = w->file.meta[i].key;
  *value = w->file.meta[i].value;
  return true;
}

const WeightView *weights_find(Weights *w, const char *name) {
  const StTensor *t = st_find(&w->file, name);
  if (!t) return NULL;
  w->view = (WeightView){t->dtype, t->rank, t->dim, w->file.data + t->begin};
  return &w->view;
}
