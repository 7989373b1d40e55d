/* SPDX-License-Identifier: Apache-2.0 */
/* mkgemm GEMM.INC CONV_ROWS.INC DIR: writes the GEMM unit of every machine of this architecture, strict and fast, to
 * DIR/HASH.c. HASH is that of the text, by which gradc finds the compiled object. Prints the hash and the flags of the
 * compiler for each. */
#include "codegen/c/native.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *gemm, *rows; /* the built-in files that are needed */

static const char *builtin(const char *name, size_t *n) {
  (void)n;
  return strstr(name, "conv_rows") ? rows : gemm;
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
  NativeEmitOptions native = {.machine = m, .contract = fast};
  EmitOptions o = {.builtin = builtin, .native = &native};
  Str text = {.c = c};
  emit_gemm_unit(c, &o, DT_F32, false, false, &text);
  unsigned long long hash = hash_bytes(text.s, text.n, 0);
  FILE *f = fopen(ctx_strf(c, "%s/%016llx.c", dir, hash), "w");
  if (!f || fwrite(text.s, 1, text.n, f) != text.n || fclose(f)) return false;
  printf("%016llx %s -ffp-contract=%s\n", hash, m->common, fast ? "fast" : "off");
  return true;
}

int main(int argc, char **argv) {
  Ctx *c = ctx_new();
  bool ok = argc == 4 && c && (gemm = read_file(argv[1])) && (rows = read_file(argv[2]));
  for (int i = 0; ok && machine_at(i); i++)
    for (int fast = 0; ok && fast < 2 && machine_here(machine_at(i)); fast++)
      ok = write_unit(c, machine_at(i), fast, argv[3]);
  if (c) ctx_free(c);
  free(gemm);
  free(rows);
  return !ok;
}
