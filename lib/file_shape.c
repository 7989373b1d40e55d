/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a data file, or its columns, by the runtime's readers. */
#include "lib/lib.h"
#include "lib/pipeline.h"
#include "runtime/data.h"
#include <string.h>

typedef struct Job {
  const char *model, *path, *kind;
  ArrayName of;
  bool found;
  ArrayFile a;
  char sep, decimal, **name;
  int n;
} Job;

/* Finds the file, or the first of a pattern, as the runtime does: relative to the model's file, else to the current
 * folder. */
static const char *found_at(const Job *j) {
  const char *slash = strrchr(j->model, '/');
  char *beside = rt_printf("%.*s/%s", slash ? (int)(slash - j->model) : 0, j->model, j->path), **v;
  int n = 0;
  v = slash && j->path[0] != '/' ? io_glob(beside, &n) : NULL;
  if (!n) v = io_glob(j->path, &n);
  return n ? v[0] : j->path;
}

static void read_shape(void *arg) {
  Job *j = arg;
  j->found = array_file_shape(&j->a, found_at(j), j->kind, j->of);
}

int file_shape(const char *model, const char *path, const char *kind, const char *array, int number, int64_t *dim) {
  Job j = {.model = model, .path = path, .kind = kind, .of = {array, number}};
  HostHeap h;
  host_heap_init(&h, NULL);
  int failed = host_heap_try(&h, read_shape, &j);
  host_heap_free(&h);
  if (failed || !j.found) return -1;
  for (int i = 1; i < j.a.rank; i++) dim[i - 1] = (int64_t)j.a.dim[i];
  return j.a.rank - 1;
}

static void read_columns(void *arg) {
  Job *j = arg;
  j->n = csv_head(found_at(j), j->sep, j->decimal, &j->name);
}

int file_columns(Ctx *c, const char *model, const char *path, char sep, char decimal, const char ***name) {
  Job j = {.model = model, .path = path, .sep = sep, .decimal = decimal};
  HostHeap h;
  host_heap_init(&h, NULL);
  int n = host_heap_try(&h, read_columns, &j) ? -1 : j.n;
  *name = ctx_alloc(c, (size_t)(n > 0 ? n : 0) * sizeof **name + 1);
  for (int i = 0; i < n; i++) (*name)[i] = ctx_name(c, j.name[i]);
  host_heap_free(&h);
  return n;
}
