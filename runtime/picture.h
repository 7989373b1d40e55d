/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: decoded from files, brought to the size of a field. */
#ifndef GRADC_PICTURE_H
#define GRADC_PICTURE_H
#include "io.h"
#include "model.h"

typedef struct Picture {       /* row by row, the channels of a pixel side by side */
  int width, height, channels; /* 1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha */
  unsigned char *pixel;
} Picture;
/* A file format, in a file of its own over the library that decodes it. Nothing of the runtime needs these objects, so
 * a program has them only if its link asks for the symbols (-u picture_png), and else NULL. */
typedef struct PictureFormat {
  const char *(*version)(void);
  bool (*decode)(const Bytes *file, Picture *p, char *err); /* err: what is wrong with the file */
} PictureFormat;
extern const PictureFormat picture_png __attribute__((weak)), picture_jpeg __attribute__((weak));
enum { PICTURE_PIXELS = 100000000 }; /* a larger picture is refused before it is decoded */

/* picture.c */
bool picture_is(const Bytes *file);          /* PNG or JPEG, by the first bytes */
bool picture_named(const char *name);        /* .png, .jpg, .jpeg in any case */
const char *picture_other(const char *name); /* the ending of a name of a picture in another format, or NULL */
/* The pixel memory of a picture whose sizes are set, not zeroed; false: it is too large, or none is left. */
bool picture_alloc(Picture *p, char *err);
/* The value that a field has of the picture: [C, H, W], each value from 0 to 255. dim: C, H, W; C is 1, 3 or 4. */
bool picture_value(const Bytes *file, const char *name, const GcField *f, const int64_t *dim, GcDType t, void *raw,
                   char *err);
bool picture_read(const char *path, const GcField *f, const int64_t *dim, GcDType t, void *raw, char *err);

/* picture_size.c */
void picture_resize(Picture *p, int height, int width);
#endif
