/* sums GEMM.INC DIR: writes the unit of contractions of every machine of this architecture, strict and fast, to
 * DIR/HASH.c, by the hash of its text, under which gradc looks for the object made from it. Prints for each the hash and
 * the flags that it is to be compiled with. */
#include "codegen/codegen.h"
#include <stdio.h>
#include <stdlib.h>

static char *gemm; /* the one file that is carried here */

static const char *carried(const char *name, size_t *n) {
  (void)name, (void)n;
  return gemm;
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END)) return NULL;
  size_t n = (size_t)ftell(f);
  char *s = calloc(n + 1, 1);
  rewind(f);
  if (s && fread(s, 1, n, f) != n) s = NULL;
  fclose(f);
  return s;
}

static bool write_unit(Ctx *c, const Machine *m, bool fast, const char *dir) {
  EmitOptions o = {.carried = carried, .machine = m, .contract = fast};
  Str text = {.c = c};
  emit_sums(c, &o, DT_F32, false, &text);
  unsigned long long hash = hash_bytes(text.s, text.n, 0);
  FILE *f = fopen(ctx_strf(c, "%s/%016llx.c", dir, hash), "w");
  if (!f || fwrite(text.s, 1, text.n, f) != text.n || fclose(f)) return false;
  printf("%016llx %s -ffp-contract=%s\n", hash, m->least, fast ? "fast" : "off");
  return true;
}

int main(int argc, char **argv) {
  Ctx *c = ctx_new();
  bool well = argc == 3 && c && (gemm = read_file(argv[1]));
  for (int i = 0; well && machine_at(i); i++)
    for (int fast = 0; well && fast < 2 && machine_here(machine_at(i)); fast++)
      well = write_unit(c, machine_at(i), fast, argv[2]);
  if (c) ctx_free(c);
  free(gemm);
  return !well;
}
