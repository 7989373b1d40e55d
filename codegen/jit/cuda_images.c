/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/jit/cuda_images.h"
#include <stdlib.h>
#include <string.h>

/* An image as an array; a driver reads the headers in place, so it is aligned. */
static void put_bytes(Str *o, int number, const JitBlob *image) {
  enum { COLUMNS = 28 };
  str_printf(o, "static const _Alignas(64) char image_%d[] =", number);
  for (size_t i = 0; i < image->n; i++)
    str_printf(o, "%s\\%03o%s", i % COLUMNS ? "" : "\n  \"", (unsigned char)image->p[i],
               i % COLUMNS == COLUMNS - 1 || i + 1 == image->n ? "\"" : "");
  str_puts(o, ";\n");
}

/* Code of an architecture such as sm_90a runs on no other one. */
static void put_row(Str *o, int number, const char *gpu, const JitBlob *image) {
  bool is_ptx = image->n < 4 || memcmp(image->p, "\177ELF", 4);
  str_printf(o, "  {image_%d, %d, %d, %d},\n", number, atoi(gpu + strlen("sm_")), is_ptx,
             !is_ptx && gpu[strlen(gpu) - 1] == 'a');
}

/* The kernels for one GPU. */
static bool put_gpu(Ctx *c, const Artifacts *a, const CudaImages *x, const char *gpu, int *number, Str *bytes,
                    Str *rows) {
  CudaCompileOptions o = x->compile;
  JitBlob *image = ctx_array(c, a->nmodule, sizeof *image);
  o.arch = gpu;
  if (!cuda_compile(c, a, &o, image)) return false;
  for (int i = 0; i < a->nmodule; i++, ++*number) {
    put_bytes(bytes, *number, &image[i]);
    put_row(rows, *number, gpu, &image[i]);
    free(image[i].p);
  }
  return true;
}

bool cuda_images(Ctx *c, const Artifacts *a, const void *options, Str *text) {
  const CudaImages *x = options;
  Str rows = {.c = c};
  int number = 0;
  str_puts(&rows, "GC_HIDDEN const GcImage gc_images[] = {\n");
  for (const char *s = x->gpus; *s;) {
    size_t n = strcspn(s, ",");
    if (n && !put_gpu(c, a, x, ctx_strf(c, "%.*s", (int)n, s), &number, text, &rows)) return false;
    s += n + (s[n] == ',');
  }
  str_puts(&rows, "  {0},\n};\n");
  str_put(text, rows.s, rows.n);
  return true;
}
