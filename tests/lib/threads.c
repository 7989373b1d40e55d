/* SPDX-License-Identifier: Apache-2.0 */
/* Eight models at once, each compiled, trained and called by a separate thread, with two threads inside: the same bits
 * as one after the other. */
#include "tests/lib/suite.h"
#include <pthread.h>

enum { MODELS = 8, STEPS = 12 };

typedef struct Task {
  int number;
  pthread_t thread;
  uint64_t hash;
  float loss, score[2];
  int32_t answer[RECORDS];
} Task;

static void *run(void *arg) {
  Task *t = arg;
  gradc_options o = options_make();
  gradc_model *m = NULL;
  gradc_data *d = NULL;
  gradc_error *e = NULL;
  char nn[4096], path[40], file[40];
  FILE *f = fopen("model.nn", "r");
  size_t n = f ? fread(nn, 1, sizeof nn - 1, f) : 0;
  if (f) fclose(f);
  nn[n] = 0;
  char *hidden = strstr(nn, "hidden: int = 16");
  memcpy(hidden + 14, (char[]){'1', (char)('0' + t->number % 4)}, 2); /* two of each kind */
  snprintf(path, sizeof path, "model_%d.nn", t->number % 4);
  snprintf(file, sizeof file, "t%d.safetensors", t->number);
  o.threads = 2;
  OK(gradc_compile(&(gradc_source){path, nn, n}, &o, &m, &e));
  if (!m) return NULL;
  CHECK(gradc_compile(&(gradc_source){"gone.nn", NULL, 0}, &o, &(gradc_model *){NULL}, &e) == GRADC_BAD_MODEL);
  gradc_error_free(e);
  Batch b;
  batch_fill(&b, RECORDS, 0);
  OK(gradc_init(m, (uint64_t)t->number, &e));
  OK(gradc_plan(m, STEPS, STEPS, &e));
  OK(gradc_data_open(m, NULL, &d, &e));
  for (uint64_t s = 0; s < STEPS; s++) {
    OK(gradc_data_batch(d, (int64_t)s, 0, RECORDS, b.field, 2, &e));
    OK(gradc_step(m, b.field, 2, &e));
  }
  t->loss = gradc_loss(m);
  OK(gradc_evaluate(m, b.field, 2, t->score, &e));
  gradc_array out = {t->answer, GRADC_I32, 1, b.y_shape};
  OK(gradc_call(m, 0, b.field, 1, &out, 1, NULL, &e));
  OK(gradc_save(m, file, &e));
  OK(gradc_load(m, file, &e));
  OK(gradc_weights_hash(m, &t->hash, &e));
  gradc_data_close(d);
  gradc_free(m);
  return NULL;
}

void test_threads(void) {
  Task alone[MODELS] = {0}, together[MODELS] = {0};
  for (int i = 0; i < MODELS; i++) alone[i].number = together[i].number = i;
  for (int i = 0; i < MODELS; i++) pthread_create(&together[i].thread, NULL, run, &together[i]);
  for (int i = 0; i < MODELS; i++) pthread_join(together[i].thread, NULL);
  for (int i = 0; i < MODELS; i++) run(&alone[i]);
  for (int i = 0; i < MODELS; i++) {
    const Task *a = &alone[i], *b = &together[i];
    CHECK(a->hash && a->hash == b->hash && a->loss == b->loss && !memcmp(a->score, b->score, sizeof a->score));
    CHECK(!memcmp(a->answer, b->answer, sizeof a->answer));
  }
}
