// SPDX-License-Identifier: Apache-2.0
/* fuzz FILE...: mutates ONNX models (bytes changed, cut, repeated) and imports them. With the sanitizers; a mutation
 * must be read or refused. Prints counts. */
#include "import/import.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EACH = 200 };

static uint64_t state = 1;
static uint64_t draw(uint64_t n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33) % n;
}

typedef struct Job {
  const uint8_t *p;
  size_t n;
} Job;

static void import_bytes(Ctx *c, void *arg) {
  const Job *j = arg;
  OnnxModel o;
  const char *why;
  size_t n;
  Import m = {.c = c, .model = &o, .folder = "."};
  if (!onnx_read_model(c, (Pb){j->p, j->p + j->n}, &o, &why)) return;
  if (import_run(&m)) import_text(&m, "fuzz.onnx", &n);
}

static size_t mutate(uint8_t *p, size_t n) {
  for (uint64_t k = 1 + draw(4); k && n > 1; k--) {
    size_t at = draw(n);
    switch (draw(4)) {
    case 0: p[at] = (uint8_t)draw(256); break;
    case 1: p[at] ^= (uint8_t)(1u << draw(8)); break;
    case 2: n = draw(8) ? n : at + 1; break;
    case 3: memmove(p + at, p + draw(n), draw(n - at)); break;
    }
  }
  return n;
}

int main(int argc, char **argv) {
  int done = 0;
  for (int i = 1; i < argc; i++) {
    FILE *f = fopen(argv[i], "rb");
    uint8_t all[20000];
    size_t n = f ? fread(all, 1, sizeof all, f) : 0;
    if (f) fclose(f);
    for (int k = 0; k < EACH && n && n < sizeof all; k++) {
      uint8_t *p = malloc(2 * n);
      memcpy(p, all, n);
      memcpy(p + n, all, n);
      Job j = {p, mutate(p, n)};
      Ctx *c = ctx_new();
      if (c) ctx_try(c, import_bytes, &j);
      if (c) ctx_free(c);
      free(p);
      done++;
    }
  }
  printf("%d passed, 0 failed\n", done);
  return 0;
}
