/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_body N SEED: N malformed bodies to the reader of requests, without a connection; is linked with the C of
 * tests/serve/model.nn. What is read is written as an answer. Prints how many were read. */
#include "serve/http.h"
#include "runtime/rt.h"
#include "tests/bad/mutate.h"
#include "tests/serve/bodies.h"

extern const GcModel gc_model;

static bool try_body(const Server *sv, int i, const Mutant *t) {
  char path[100], err[ERR_TEXT];
  sscanf(good[i][0], "%*s %99s", path);
  Route r = route_find(sv, path);
  Infer q = {.of = &sv->served[r.served], .model = r.name};
  q.form = r.kind == ROUTE_INFER ? BODY_V2 : strstr(good[i][1], "npy") ? BODY_NPY : BODY_PLAIN;
  size_t head = strstr(good[i][1], "Length") && t->n > 16 ? t->n - 16 : t->n;
  unsigned char *exact = malloc(t->n + 1); /* so that the sanitizer sees each access beyond it */
  memcpy(exact, t->s, t->n);
  JsonText text = {0};
  bool ok = infer_read(&q, exact, t->n, head, err);
  if (ok) infer_write(&q, &text);
  rt_free(text.p);
  infer_free(&q);
  free(exact);
  return ok;
}

int main(int argc, char **argv) {
  long n = argc == 3 ? atol(argv[1]) : 0, read = 0;
  uint64_t seed = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
  rt_host = &rt_program;
  Server sv = {.m = &gc_model, .served = rt_array((size_t)gc_model.nexports, sizeof *sv.served)};
  for (int i = 0; i < gc_model.nexports; i++) sv.served[i] = (Served){.g = &gc_model.exports[i], .batch = -1};
  for (long k = 0; k < n; k++) {
    char body[512];
    int i = (int)((seed + (uint64_t)k) % 5); /* those with bodies */
    Mutant t = {malloc(512), body_of(i, body)};
    memcpy(t.s, body, t.n);
    mutate(&t, seed + (uint64_t)k);
    read += try_body(&sv, i, &t);
    free(t.s);
  }
  rt_free(sv.served);
  printf("%ld bodies, %ld of them read\n%d passed, %d failed\n", n, read, n > 0, n <= 0);
  return n <= 0;
}
