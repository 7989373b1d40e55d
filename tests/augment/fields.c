/* SPDX-License-Identifier: Apache-2.0 */
/* fields MODEL EPOCH BATCH: the fields of all records of that epoch, -1: of the hold-out, a line a record: name=values.
 * They come in batches of BATCH records, the last one smaller. */
#include "lib/gradc.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64, ROOM = 1 << 20 };

static void fail(gradc_error *e) {
  fprintf(stderr, "%s\n", e ? gradc_error_text(e) : "failed");
  exit(1);
}

static void print(const gradc_tensor *t, const void *p, size_t at, size_t n) {
  printf("%s=", t->name);
  for (size_t i = 0; i < n; i++)
    if (t->dtype == GRADC_I32) printf("%d ", ((const int *)p)[at + i]);
    else printf("%.9g ", (double)((const float *)p)[at + i]);
  printf(";");
}

int main(int argc, char **argv) {
  static float room[MOST][ROOM / MOST];
  gradc_options o = GRADC_OPTIONS;
  gradc_model *m = NULL;
  gradc_data *d = NULL;
  gradc_error *e = NULL;
  gradc_array a[MOST];
  int64_t shape[MOST][GRADC_MAX_RANK];
  if (argc != 4) return 2;
  int64_t epoch = atoll(argv[2]);
  uint64_t batch = strtoull(argv[3], NULL, 10);
  o.threads = 1;
  if (gradc_compile(&(gradc_source){.path = argv[1]}, &o, &m, &e) || gradc_data_open(m, NULL, &d, &e)) fail(e);
  uint64_t total = epoch < 0 ? gradc_data_held_out(d) : gradc_data_records(d);
  int nfields = gradc_model_info(m)->fields;
  for (uint64_t at = 0; at < total; at += batch) {
    uint64_t n = total - at < batch ? total - at : batch;
    size_t each[MOST];
    for (int f = 0; f < nfields; f++) {
      const gradc_tensor *t = gradc_field(m, f);
      each[f] = 1;
      for (int k = 1; k < t->rank; k++) each[f] *= (size_t)(shape[f][k] = t->shape[k]);
      shape[f][0] = (int64_t)n;
      if (each[f] * n > ROOM / MOST) return 3;
      a[f] = (gradc_array){room[f], t->dtype, t->rank, shape[f]};
    }
    if (gradc_data_batch(d, epoch, at, n, a, nfields, &e)) fail(e);
    for (uint64_t r = 0; r < n; r++) {
      for (int f = 0; f < nfields; f++) print(gradc_field(m, f), room[f], r * each[f], each[f]);
      printf("\n");
    }
  }
  gradc_data_close(d);
  gradc_free(m);
  return 0;
}
