/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"
#include "num.h"
#include <string.h>
#include <strings.h>

static bool is_png(const Bytes *b) { return b->n >= 8 && !memcmp(b->p, "\x89PNG\r\n\x1a\n", 8); }
static bool is_jpeg(const Bytes *b) { return b->n >= 3 && !memcmp(b->p, "\xff\xd8\xff", 3); }
bool picture_is(const Bytes *b) { return is_png(b) || is_jpeg(b); }

static const char *ending(const char *name, const char *const *end, int n) {
  const char *dot = strrchr(name, '.');
  for (int i = 0; i < n && dot && dot > name; i++)
    if (!strcasecmp(dot, end[i])) return end[i];
  return NULL;
}

bool picture_named(const char *name) {
  static const char *const ends[] = {".png", ".jpg", ".jpeg"};
  return ending(name, ends, COUNT(ends)) != NULL;
}

const char *picture_other(const char *name) {
  static const char *const ends[] = {".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".heic", ".avif"};
  return ending(name, ends, COUNT(ends));
}

bool picture_alloc(Picture *p, char *err) {
  size_t n = (size_t)p->width * (size_t)p->height;
  if (!n || n > PICTURE_PIXELS)
    return rt_fail(err, "%d x %d pixels; a picture has at most %d million", p->width, p->height,
                   PICTURE_PIXELS / 1000000);
  p->pixel = rt_try_realloc(NULL, n * (size_t)p->channels);
  return p->pixel || rt_fail(err, "no memory for %d x %d pixels", p->width, p->height);
}

/* ITU-R BT.601, in 16 bits of fraction */
static unsigned char luma(const unsigned char *p) {
  return (unsigned char)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
}

/* Alpha is left out, or 255 where the file has none. */
static void set_channels(Picture *p, int want) {
  int have = p->channels;
  if (have == want) return;
  size_t n = (size_t)p->width * (size_t)p->height;
  unsigned char *to = rt_alloc(n * (size_t)want);
  for (size_t i = 0; i < n; i++) {
    const unsigned char *a = p->pixel + i * (size_t)have;
    unsigned char *b = to + i * (size_t)want;
    for (int c = 0; c < want && c < 3; c++) b[c] = want == 1 && have > 2 ? luma(a) : a[have > 2 ? c : 0];
    if (want == 4) b[3] = have == 2 ? a[1] : 255;
  }
  rt_free(p->pixel);
  p->pixel = to;
  p->channels = want;
}

/* The middle; an odd pixel as torchvision's CenterCrop has it, which rounds the half to even. */
static bool crop(Picture *p, int height, int width, char *err) {
  int dy = p->height - height, dx = p->width - width, c = p->channels;
  if (dy < 0 || dx < 0)
    return rt_fail(err, "%d x %d pixels, too small for crop(..., %d, %d)", p->width, p->height, height, width);
  int top = dy / 2 + (dy % 4 == 3), left = dx / 2 + (dx % 4 == 3);
  for (int y = 0; y < height; y++)
    memmove(p->pixel + (size_t)y * (size_t)(width * c),
            p->pixel + ((size_t)(y + top) * (size_t)p->width + (size_t)left) * (size_t)c, (size_t)(width * c));
  p->height = height;
  p->width = width;
  return true;
}

static void store(const Picture *p, GcDType t, void *raw) {
  size_t n = (size_t)p->width * (size_t)p->height, c = (size_t)p->channels, at = 0;
  for (size_t k = 0; k < c; k++)
    for (size_t i = 0; i < n; i++, at++) {
      unsigned char v = p->pixel[i * c + k];
      if (t == GC_F32) ((float *)raw)[at] = v;
      else if (t == GC_U8) ((unsigned char *)raw)[at] = v;
      else num_store(t, raw, at, v);
    }
}

static bool decode(const Bytes *file, Picture *p, char *err) {
  const PictureFormat *f = is_png(file) ? &picture_png : &picture_jpeg;
  if (!file->n) return rt_fail(err, "the file is empty");
  if (!picture_is(file)) return rt_fail(err, "neither PNG nor JPEG");
  if (!f)
    return rt_fail(err, "%s: this program was built without %s", is_png(file) ? "PNG" : "JPEG",
                   is_png(file) ? "libpng" : "libjpeg");
  return f->decode(file, p, err);
}

/* size: height and width; width 0: the shorter side is `height` long, and the other in proportion */
static bool resize(Picture *p, const int *size, char *err) {
  int64_t h = size[0], w = size[1];
  if (!w) {
    bool tall = p->height > p->width;
    int64_t other = tall ? h * p->height / p->width : h * p->width / p->height;
    w = tall ? h : other;
    h = tall ? other : h;
    if (h * w > PICTURE_PIXELS) return rt_fail(err, "%d x %d pixels, too narrow", p->width, p->height);
  }
  picture_resize(p, (int)h, (int)w);
  return true;
}

bool picture_value(const Bytes *file, const char *name, const GcField *f, const int64_t *dim, GcDType t, void *raw,
                   char *err) {
  Picture p = {0};
  char why[ERR_TEXT];
  bool ok = decode(file, &p, why);
  if (ok) set_channels(&p, (int)dim[0]);
  ok = ok && (!f->resize[0] || resize(&p, f->resize, why)) && (!f->crop[0] || crop(&p, f->crop[0], f->crop[1], why));
  if (ok && (p.height != dim[1] || p.width != dim[2]))
    ok =
      rt_fail(why, "%d x %d pixels, `%s` takes %lld x %lld\nresize(field(0), %lld, %lld) brings pictures to its size",
              p.width, p.height, f->name, (long long)dim[2], (long long)dim[1], (long long)dim[1], (long long)dim[2]);
  if (ok) store(&p, t, raw);
  rt_free(p.pixel);
  return ok || rt_fail(err, "%s: %s", name, why);
}

bool picture_read(const char *path, const GcField *f, const int64_t *dim, GcDType t, void *raw, char *err) {
  Bytes file;
  if (!io_read_all(path, &file, err)) return false;
  bool ok = picture_value(&file, path, f, dim, t, raw, err);
  rt_free(file.p);
  return ok;
}
