/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers, and tokens drawn by an export whose scores are a row of a table. */
#include "tests/lib/suite.h"
#include <math.h>
#include <stddef.h>

enum { MANY = 4000, V = 4 };
typedef struct Taken {
  int n, most;
  int32_t id[MANY];
} Taken;
static Taken taken;

static int take(void *user, int32_t token) {
  Taken *t = user;
  t->id[t->n++] = token;
  return t->n == t->most;
}

static const int32_t *draw(gradc_model *m, const gradc_sampling *s, int most) {
  static const int32_t prompt[] = {9, 1};
  taken.n = 0;
  OK(gradc_generate(m, -1, prompt, 2, s, most, take, &taken, &e));
  return taken.id;
}

static void write_table(gradc_model *m, float table[10][V]) {
  gradc_array a = {table, GRADC_F32, 2, (int64_t[]){10, V}};
  OK(gradc_write_weight(m, gradc_find_weight(m, "t.e"), &a, &e));
}

/* ---- the most likely token ---- */

static void greedy(gradc_model *m) {
  float table[10][V] = {{0, 0, 3, 0}, {0, -1, -2, 5}, {0, 7, 0, 0}, {1, 0, 0, 1}};
  const int32_t want[] = {3, 0, 2, 1, 3, 0, 2, 1, 3, 0, 2, 1}; /* 1 leads to 3, and of equal ones the first is taken */
  gradc_sampling s = GRADC_SAMPLING;
  write_table(m, table);
  s.temperature = 0;
  CHECK(!memcmp(draw(m, &s, 12), want, sizeof want) && taken.n == 12); /* beyond the 8 tokens that it takes */
  s.temperature = 1, s.top_k = 1;
  CHECK(!memcmp(draw(m, &s, 12), want, sizeof want) && taken.n == 12);
  s.top_k = 0, s.top_p = 0;
  CHECK(!memcmp(draw(m, &s, 12), want, sizeof want) && taken.n == 12);
  s.end = 2;
  CHECK(draw(m, &s, 12)[1] == 0 && taken.n == 2);
  taken.most = 5;
  s.end = -1;
  draw(m, &s, 12);
  CHECK(taken.n == 5);
  taken.most = 0;
  draw(m, &s, 0);
  CHECK(taken.n == 0);
}

/* ---- their frequencies ---- */

static void expect_shares(gradc_model *m, const gradc_sampling *s, const double share[V]) {
  int count[V] = {0};
  const int32_t *id = draw(m, s, MANY);
  for (int i = 0; i < MANY; i++) count[id[i]]++;
  for (int i = 0; i < V; i++) CHECK(share[i] ? fabs(count[i] / (double)MANY - share[i]) < 0.025 : !count[i]);
}

static void drawn(gradc_model *m) {
  float table[10][V];
  double w[V] = {1, exp(4), exp(2), exp(-2)}, all = 1 + exp(4) + exp(2) + exp(-2); /* the temperature is 0.5 */
  for (int i = 0; i < 10; i++) memcpy(table[i], (float[]){0, 2, 1, -1}, sizeof table[i]);
  uint64_t seed = 7;
  gradc_sampling s = GRADC_SAMPLING;
  s.temperature = 0.5, s.seed = &seed;
  write_table(m, table);
  expect_shares(m, &s, (double[]){w[0] / all, w[1] / all, w[2] / all, w[3] / all});
  s.top_k = 2;
  expect_shares(m, &s, (double[]){0, w[1] / (w[1] + w[2]), w[2] / (w[1] + w[2]), 0});
  s.top_k = 3, s.top_p = 0.95;
  expect_shares(m, &s, (double[]){0, w[1] / (w[1] + w[2]), w[2] / (w[1] + w[2]), 0});
  s.top_k = 0, s.top_p = 0.8;
  expect_shares(m, &s, (double[]){0, 1, 0, 0});
  s = (gradc_sampling)GRADC_SAMPLING;
  int32_t first[50], file[50];
  s.seed = &seed;
  memcpy(first, draw(m, &s, 50), sizeof first);
  CHECK(!memcmp(first, draw(m, &s, 50), sizeof first));
  seed = 8;
  CHECK(memcmp(first, draw(m, &s, 50), sizeof first));
  memcpy(file, draw(m, NULL, 50), sizeof file);
  seed = 5; /* of the file */
  CHECK(!memcmp(file, draw(m, &s, 50), sizeof file));
  s.seed = NULL, s.temperature = 0;
  s.size = offsetof(gradc_sampling, temperature); /* a caller that knows none of the settings */
  CHECK(!memcmp(file, draw(m, &s, 50), sizeof file));
}

static void wrong(gradc_model *m) {
  int32_t id[] = {1, 10};
  gradc_sampling s = GRADC_SAMPLING;
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_generate(NULL, -1, id, 1, &s, 1, take, &taken, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_generate(m, -1, NULL, 1, &s, 1, take, &taken, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_generate(m, -1, id, 1, &s, 1, NULL, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "needs a token", gradc_generate(m, -1, id, 0, &s, 1, take, &taken, &e));
  FAILS(GRADC_BAD_CALL, 801, "fit an int", gradc_generate(m, -1, id, 1, &s, INT32_MAX, take, &taken, &e));
  FAILS(GRADC_BAD_CALL, 804, "no export 9", gradc_generate(m, 9, id, 1, &s, 1, take, &taken, &e));
  FAILS(GRADC_BAD_MODEL, 687, "`classify`", gradc_generate(m, 0, id, 1, &s, 1, take, &taken, &e));
  FAILS(GRADC_BAD_DATA, 617, "(0 to 9)", gradc_generate(m, -1, id, 2, &s, 1, take, &taken, &e));
  s.temperature = NAN;
  FAILS(GRADC_BAD_CALL, 801, "temperature", gradc_generate(m, -1, id, 1, &s, 1, take, &taken, &e));
  s.temperature = 1, s.top_p = 1.5;
  FAILS(GRADC_BAD_CALL, 801, "top_p", gradc_generate(m, -1, id, 1, &s, 1, take, &taken, &e));
  s.top_p = 1, s.top_k = -1;
  FAILS(GRADC_BAD_CALL, 801, "top_k", gradc_generate(m, -1, id, 1, &s, 1, take, &taken, &e));
}

/* ---- tokenizers ---- */

static void tokenizers(void) {
  static const char text[] = "a licence<|endoftext|>\xC3\xA9";
  gradc_tokenizer *t = NULL;
  int32_t id[64], some[64];
  size_t n = 0, again = 0, size = 0;
  char back[64] = "";
  OK(gradc_tokenizer_open("tokenizer.json", NULL, &t, &e));
  CHECK(gradc_tokenizer_size(t) == 320 && gradc_tokenizer_begin(t) == -1 && gradc_tokenizer_end(t) == 0);
  OK(gradc_encode(t, text, sizeof text - 1, 0, id, 64, &n, &e));
  OK(gradc_encode(t, text, sizeof text - 1, 1, some, 2, &again, &e));
  CHECK(n > 5 && n == again && id[0] == some[0] && id[1] == some[1]);
  OK(gradc_decode(t, id, n, back, sizeof back, &size, &e));
  CHECK(size == 11 && !memcmp(back, "a licence\xC3\xA9", 11));
  memset(back, 0, sizeof back);
  OK(gradc_decode(t, id, n, back, 3, &size, &e));
  CHECK(size == 11 && !strcmp(back, "a l"));
  OK(gradc_encode(t, NULL, 0, 0, NULL, 0, &n, &e));
  CHECK(n == 0);
  OK(gradc_encode(t, "", 0, 1, id, 64, &n, &e)); /* a prompt needs a token */
  CHECK(n == 1 && id[0] == 0);
  OK(gradc_decode(t, (int32_t[]){-1, 1 << 30}, 2, NULL, 0, &size, &e));
  CHECK(size == 0);
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_encode(NULL, "", 0, 0, id, 64, &n, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_encode(t, "", 0, 0, id, 64, NULL, &e));
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_decode(t, NULL, 1, NULL, 0, &size, &e));
  gradc_tokenizer_free(t);
  gradc_tokenizer_free(NULL);
  FAILS(GRADC_BAD_CALL, 801, "NULL", gradc_tokenizer_open(NULL, NULL, &t, &e));
  FAILS(GRADC_BAD_DATA, 646, "none.json", gradc_tokenizer_open("none.json", NULL, &t, &e));
  FAILS(GRADC_BAD_DATA, 646, "points.csv", gradc_tokenizer_open("points.csv", NULL, &t, &e));
  CHECK(!t && gradc_tokenizer_size(NULL) == 0 && gradc_tokenizer_end(NULL) == -1);
}

void test_text(void) {
  gradc_model *m = NULL;
  gradc_options o = options_make();
  OK(gradc_compile(&(gradc_source){"model.nn", NULL, 0}, &o, &m, &e));
  if (!m) return;
  greedy(m);
  drawn(m);
  wrong(m);
  gradc_free(m);
  tokenizers();
}
