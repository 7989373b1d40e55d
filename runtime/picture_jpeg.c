/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG by libjpeg, which libjpeg-turbo is: exact integer transform, smooth chroma. The orientation in Exif data is
 * ignored. */
#ifdef GC_JPEG
#include "picture.h"
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

typedef struct Decoder {
  struct jpeg_error_mgr manager; /* first: libjpeg has its address */
  jmp_buf out;
  char *err;
} Decoder;

static _Noreturn void fail(j_common_ptr j) {
  Decoder *d = (Decoder *)j->err;
  char text[JMSG_LENGTH_MAX];
  d->manager.format_message(j, text);
  rt_fail(d->err, "%s", text);
  longjmp(d->out, 1);
}

/* A file that ends early is an error; other irregularities are not. */
static void warn(j_common_ptr j, int level) {
  int code = j->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) fail(j);
}

static void mute(j_common_ptr j) { (void)j; }

/* Adobe's files have inverted ink. */
static void from_cmyk(Picture *p, bool inverted) {
  size_t n = (size_t)p->width * (size_t)p->height;
  for (size_t i = 0; i < n; i++) {
    unsigned char c[4];
    for (int k = 0; k < 4; k++) c[k] = inverted ? p->pixel[4 * i + (size_t)k] : 255 - p->pixel[4 * i + (size_t)k];
    for (int k = 0; k < 3; k++) p->pixel[3 * i + (size_t)k] = (unsigned char)((c[k] * c[3] + 127) / 255);
  }
  p->channels = 3;
}

static void read_rows(struct jpeg_decompress_struct *j, Decoder *d, Picture *p) {
  jpeg_read_header(j, TRUE);
  bool cmyk = j->jpeg_color_space == JCS_CMYK || j->jpeg_color_space == JCS_YCCK;
  j->out_color_space = cmyk ? JCS_CMYK : j->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  *p = (Picture){.width = (int)j->image_width,
                 .height = (int)j->image_height,
                 .channels = cmyk                                  ? 4
                             : j->out_color_space == JCS_GRAYSCALE ? 1
                                                                   : 3};
  if (!picture_alloc(p, d->err)) longjmp(d->out, 1);
  jpeg_start_decompress(j);
  while (j->output_scanline < j->output_height) {
    JSAMPROW row = p->pixel + (size_t)j->output_scanline * (size_t)p->width * (size_t)p->channels;
    jpeg_read_scanlines(j, &row, 1);
  }
  jpeg_finish_decompress(j);
  if (cmyk) from_cmyk(p, j->saw_Adobe_marker);
}

static bool decode(const Bytes *file, Picture *p, char *err) {
  Decoder d = {.err = err};
  struct jpeg_decompress_struct j = {0};
  j.err = jpeg_std_error(&d.manager);
  d.manager.error_exit = fail;
  d.manager.emit_message = warn;
  d.manager.output_message = mute;
  bool ok = !setjmp(d.out);
  if (ok) {
    jpeg_create_decompress(&j);
    j.mem->max_memory_to_use = 1L << 30; /* of a progressive file's coefficients; beyond it libjpeg refuses */
    jpeg_mem_src(&j, file->p, file->n);
    read_rows(&j, &d, p);
  }
  jpeg_destroy_decompress(&j);
  return ok;
}

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)
static const char *version(void) {
#ifdef LIBJPEG_TURBO_VERSION
  return "turbo " NUMBER(LIBJPEG_TURBO_VERSION);
#else
  return NUMBER(JPEG_LIB_VERSION);
#endif
}

const PictureFormat picture_jpeg = {version, decode};
#endif
