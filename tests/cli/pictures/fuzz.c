/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz N FILE...: each picture N times with some bytes changed, or cut; every one is decoded or refused with a
 * reason. */
#include "runtime/picture.h"
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;
static uint32_t draw(uint32_t n) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % n;
}

int main(int argc, char **argv) {
  rt_host = &rt_program;
  enum { SIDE = 5 };
  const GcField f = {.name = "x", .resize = {SIDE, SIDE}};
  const int64_t dim[] = {3, SIDE, SIDE};
  int refused = 0, taken = 0, silent = 0;
  for (int i = 2; i < argc; i++) {
    Bytes b;
    char err[ERR_TEXT];
    if (!io_read_all(argv[i], &b, err)) return 1;
    for (int n = 0; n < atoi(argv[1]); n++) {
      Bytes c = {malloc(b.n), draw(8) ? b.n : draw((uint32_t)b.n)};
      float raw[3 * SIDE * SIDE];
      memcpy(c.p, b.p, c.n);
      for (uint32_t k = 1 + draw(4); k && c.n; k--) c.p[draw((uint32_t)c.n)] = (unsigned char)draw(256);
      *err = 0;
      bool ok = picture_value(&c, "x", &f, dim, GC_F32, raw, err);
      taken += ok;
      refused += !ok;
      silent += !ok && !*err;
      free(c.p);
    }
    rt_free(b.p);
  }
  printf("%d taken, %d refused\n%d passed, %d failed\n", taken, refused, taken + refused - silent, silent);
  return silent > 0;
}
