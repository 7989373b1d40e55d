/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of convolutions and pools: attributes with their defaults, sizes of results. */
#ifndef GRADC_IMPORT_WINDOW_H
#define GRADC_IMPORT_WINDOW_H
#include "import/import.h"

typedef struct Windows {
  int n; /* spatial axes, 1 to 3 */
  int64_t k[3], stride[3], dilation[3], before[3], after[3], out[3];
  int64_t more[3]; /* ceil_mode: the last window begins so far beyond the padding */
} Windows;

/* Of operand 0, [N, C, ...]; k: the window's sizes (NULL: attribute kernel_shape). False: refused. */
bool windows_read(Oper *o, const int64_t *k, Windows *w);
/* Operand x with the paddings of w: pad_with(x, ...), or x. `value`: in the padding. */
const char *windows_padded(Oper *o, const Windows *w, const char *x, const char *value);
/* The call of the library, max_pool2d(x, 3, stride = 2); NULL: it has no such form. */
const char *windows_pool(Oper *o, const Windows *w, const char *name);
/* unfold(x, ...): the windows as further axes at the end. */
const char *windows_of(Oper *o, const Windows *w, const char *x);
/* op_conv.c: a convolution of operand 0 by operand `weight`; its text; a vector along axis 1 (" + ...", or ""). */
bool conv_read(Oper *o, int weight, Windows *w, Shape *s);
const char *conv_text(Oper *o, const Windows *w, const char *x, const char *k);
const char *windows_axes(Oper *o, const Windows *w); /* of the further axes: [-2, -1] */
#endif
