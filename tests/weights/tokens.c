// SPDX-License-Identifier: Apache-2.0
/* tokens FILE: prints the tokens of each line of standard input, which is a text in hexadecimal. tokens --fuzz N FILE:
 * N mutations of a tokenizer, which read, encode and decode or are refused; with the sanitizers. */
#include "runtime/tokenizer.h"
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;
static uint64_t draw(uint64_t n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33) % n;
}

static void print_line(const Tokenizer *t, const char *line) {
  char text[4096];
  size_t n = 0;
  unsigned byte;
  for (; sscanf(line, "%2x", &byte) == 1 && n < sizeof text; line += 2) text[n++] = (char)byte;
  int *id, count = tokenizer_encode(t, text, n, &id);
  for (int i = 0; i < count; i++) printf(i ? " %d" : "%d", id[i]);
  puts("");
  rt_free(id);
}

static int fuzz(int n, const char *path) {
  static const char text[] = "Don't  stop\xF0\x9F\x98\x80 \xEF\xAC\x81 12\xFF\n<|endoftext|> x";
  Bytes all, none = {0};
  char err[ERR_TEXT], buf[64];
  int read = 0;
  if (!io_read_all(path, &all, err)) return 1;
  for (int i = 0; i < n; i++) {
    Bytes b = {malloc(all.n + 1), all.n};
    memcpy(b.p, all.p, all.n);
    for (uint64_t k = 1 + draw(4); k; k--) b.p[draw(draw(2) ? all.n : all.n / 8)] = (uint8_t)draw(256);
    if (!draw(8)) b.n = draw(all.n);
    b.p[b.n] = 0;
    Tokenizer *t = tokenizer_parse(b, &none, err);
    if (!t) continue;
    int *id, count = tokenizer_encode(t, text, sizeof text - 1, &id);
    for (int k = 0; k < count; k++) tokenizer_text(t, id[k], buf, sizeof buf);
    rt_free(id);
    tokenizer_free(t);
    read++;
  }
  rt_free(all.p);
  fprintf(stderr, "%d mutations, %d of them read\n", n, read);
  printf("%d passed, 0 failed\n", n);
  return 0;
}

int main(int argc, char **argv) {
  char line[9000];
  rt_host = &rt_program;
  if (argc == 4) return fuzz(atoi(argv[2]), argv[3]);
  Tokenizer *t = tokenizer_open(argv[1]);
  while (fgets(line, sizeof line, stdin)) print_line(t, line);
  tokenizer_free(t);
  return 0;
}
