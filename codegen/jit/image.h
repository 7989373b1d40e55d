/* Shared objects that are bytes, loaded without a file of their own. */
#ifndef GRADC_IMAGE_H
#define GRADC_IMAGE_H
#include "codegen/jit/jit.h"

typedef struct Image Image;
Image *image_load(const void *p, size_t n, JitError *error); /* NULL: *error tells why */
void *image_symbol(const Image *i, const char *name);     /* NULL: not there */
void image_free(Image *i);
#endif
