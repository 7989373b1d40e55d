/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a data file, by the runtime's readers. */
#include "lib/lib.h"
#include "lib/pipeline.h"
#include "runtime/data.h"
#include <string.h>

typedef struct Job {
  const char *model, *path;
  bool idx, found;
  ArrayFile a;
} Job;

/* Finds the file as the runtime does: relative to the model's file, else to the current folder. */
static void read_shape(void *arg) {
  Job *j = arg;
  const char *slash = strrchr(j->model, '/');
  if (j->path[0] != '/' && slash) {
    char *beside = rt_printf("%.*s/%s", (int)(slash - j->model), j->model, j->path);
    j->found = io_exists(beside) && array_file_shape(&j->a, beside, j->idx);
    if (j->found || io_exists(beside)) return;
  }
  j->found = array_file_shape(&j->a, j->path, j->idx);
}

int file_shape(const char *model, const char *path, bool idx, int64_t *dim) {
  Job j = {.model = model, .path = path, .idx = idx};
  HostHeap h;
  host_heap_init(&h, NULL);
  int failed = host_heap_try(&h, read_shape, &j);
  host_heap_free(&h);
  if (failed || !j.found) return -1;
  for (int i = 1; i < j.a.rank; i++) dim[i - 1] = (int64_t)j.a.dim[i];
  return j.a.rank - 1;
}
