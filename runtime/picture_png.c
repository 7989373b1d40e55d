/* SPDX-License-Identifier: Apache-2.0 */
/* PNG by libpng: palettes become RGB, transparent colours alpha, 16 bits round to 8. Gamma and profiles are ignored. */
#ifdef GC_PNG
#include "picture.h"
#include <png.h>
#include <string.h>

typedef struct Decoder {
  Bytes rest;
  char *err;
  png_bytep *row;
} Decoder;

static void fail(png_structp png, png_const_charp text) {
  rt_fail(((Decoder *)png_get_error_ptr(png))->err, "%s", text);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void get(png_structp png, png_bytep to, size_t n) {
  Decoder *d = png_get_io_ptr(png);
  if (n > d->rest.n) png_error(png, "the file is truncated");
  memcpy(to, d->rest.p, n);
  d->rest.p += n;
  d->rest.n -= n;
}

static void read_rows(png_structp png, png_infop info, Decoder *d, Picture *p) {
  png_read_info(png, info);
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  p->width = (int)png_get_image_width(png, info);
  p->height = (int)png_get_image_height(png, info);
  p->channels = png_get_channels(png, info);
  if (!picture_alloc(p, d->err)) png_longjmp(png, 1);
  size_t row = png_get_rowbytes(png, info);
  d->row = png_malloc(png, sizeof *d->row * (size_t)p->height);
  for (int y = 0; y < p->height; y++) d->row[y] = p->pixel + row * (size_t)y;
  png_read_image(png, d->row);
  png_read_end(png, NULL);
}

static bool decode(const Bytes *file, Picture *p, char *err) {
  Decoder d = {.rest = *file, .err = err};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, fail, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  bool ok = info != NULL;
  if (!ok) rt_fail(err, "libpng does not start");
  if (ok && !setjmp(png_jmpbuf(png))) {
    png_set_read_fn(png, &d, get);
    png_set_user_limits(png, PICTURE_PIXELS, PICTURE_PIXELS);
    read_rows(png, info, &d, p);
  } else {
    ok = false;
  }
  if (png) png_free(png, d.row);
  png_destroy_read_struct(&png, &info, NULL);
  return ok;
}

static const char *version(void) { return png_get_libpng_ver(NULL); }

const PictureFormat picture_png = {version, decode};
#endif
