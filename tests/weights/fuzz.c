// SPDX-License-Identifier: Apache-2.0
/* fuzz N FILE...: N mutations of each file of weights: bytes changed, cut, repeated, most with the checksums of zip
 * archives computed again, so that what is in them is read. Each is opened and, if it was read, renamed by rules. With
 * the sanitizers: a mutation is read or refused. Prints counts. */
#include "runtime/zip.h"
#include "weights/rules.h"
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;
static uint64_t draw(uint64_t n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33) % n;
}

static size_t mutate(uint8_t *p, size_t n) {
  static const uint8_t odd[] = {0, 1, 0x7F, 0x80, 0xFF, '.', '(', 'R', 'h', '}'};
  for (uint64_t k = 1 + draw(4); k && n > 1; k--) {
    size_t at = draw(n);
    switch (draw(6)) {
    case 0: p[at] = (uint8_t)draw(256); break;
    case 1: p[at] ^= (uint8_t)(1u << draw(8)); break;
    case 2: n = draw(16) ? n : at + 1; break;
    case 3: memmove(p + at, p + draw(n), draw(n - at)); break;
    case 4: p[at] = odd[draw(sizeof odd)]; break;
    case 5: memset(p + at, draw(2) ? 0xFF : 0, draw(n - at < 8 ? n - at : 8)); break;
    }
  }
  return n;
}

static void set_checksums(Bytes *b) {
  Zip z;
  ZipEntry e;
  char err[ERR_TEXT];
  if (!zip_open(&z, b, err)) return;
  uint64_t at = z.at, head = at;
  for (uint64_t i = 0; i < z.entries && zip_next(&z, &at, &e); i++, head = at) {
    uint64_t begin = e.at + 30;
    bool there = e.at < b->n && b->n - e.at >= 30;
    if (there) begin += (uint64_t)(b->p[e.at + 26] | b->p[e.at + 27] << 8) + (b->p[e.at + 28] | b->p[e.at + 29] << 8);
    if (there && e.method == 0 && begin <= b->n && e.packed <= b->n - begin) {
      uint32_t crc = gz_crc32(b->p + begin, (size_t)e.packed);
      memcpy(b->p + head + 16, &crc, 4);
    }
    rt_free(e.name);
  }
}

static bool try_once(const Bytes *b) {
  static const char rules[] = "[model.]*.weight -> x_*+1.w\n*_* -> * : linear\n*.bias ->\n* -> y.*\n";
  char err[ERR_TEXT];
  WeightFile w;
  WeightRules r;
  int untouched;
  bool read = weights_parse(b, true, &w, err);
  if (read && rules_parse(&r, rules, sizeof rules - 1, err)) {
    rules_apply(&r, &w, &untouched, err);
    rules_free(&r);
  }
  st_free(&w.f);
  return read;
}

int main(int argc, char **argv) {
  char err[ERR_TEXT];
  int done = 0, read = 0, each = argc > 1 ? atoi(argv[1]) : 0;
  rt_host = &rt_program;
  for (int i = 2; i < argc; i++) {
    Bytes all;
    if (!io_read_all(argv[i], &all, err)) return 1;
    for (int k = 0; k < each; k++, done++) {
      uint8_t *work = malloc(2 * all.n);
      memcpy(work, all.p, all.n);
      memcpy(work + all.n, all.p, all.n);
      size_t n = mutate(work, all.n);
      Bytes b = {malloc(n), n}; /* a block of this size: the sanitizers see a byte too far */
      memcpy(b.p, work, n);
      free(work);
      if (draw(4)) set_checksums(&b);
      read += try_once(&b);
      free(b.p);
    }
    rt_free(all.p);
  }
  fprintf(stderr, "%d mutations, %d of them read\n", done, read);
  printf("%d passed, 0 failed\n", done);
  return 0;
}
