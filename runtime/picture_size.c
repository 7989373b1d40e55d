/* SPDX-License-Identifier: Apache-2.0 */
/* Bilinear resampling with antialiasing, pixels centred at half integers: a pixel of the result is the mean of the
 * pixels under a triangle whose half width is one pixel of the result, or of the source if that is larger. Rows first,
 * then columns, each rounded to 8 bits; weights have 22 bits of fraction. The bits are those of Pillow's
 * Image.resize(size, BILINEAR). */
#include "picture.h"
#include <math.h>

enum { FRACTION = 22 };
typedef struct Taps { /* of each pixel of the result: which pixels of the source, and their weights */
  int *first, *n, *weight, most;
} Taps;

static Taps make_taps(int from, int to) {
  double scale = (double)from / to, support = scale < 1 ? 1 : scale;
  Taps t = {.most = 2 * (int)ceil(support) + 1};
  t.first = rt_array((size_t)to, sizeof *t.first);
  t.n = rt_array((size_t)to, sizeof *t.n);
  t.weight = rt_array((size_t)to * (size_t)t.most, sizeof *t.weight);
  double *w = rt_array((size_t)t.most, sizeof *w);
  for (int i = 0; i < to; i++) {
    double centre = (i + 0.5) * scale, sum = 0;
    int begin = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    if (centre - support + 0.5 < 0) begin = 0;
    if (end > from) end = from;
    for (int k = begin; k < end; k++) {
      double d = fabs((k - centre + 0.5) * (1 / support));
      w[k - begin] = d < 1 ? 1 - d : 0;
      sum += w[k - begin];
    }
    t.first[i] = begin;
    t.n[i] = end - begin;
    for (int k = 0; k < end - begin; k++) {
      double share = sum != 0 ? w[k] / sum : w[k];
      t.weight[i * t.most + k] = (int)(0.5 + share * (1 << FRACTION));
    }
  }
  rt_free(w);
  return t;
}

static void free_taps(Taps *t) {
  rt_free(t->first);
  rt_free(t->n);
  rt_free(t->weight);
}

/* Resamples `lines` lines: elements `step` apart along the line; line i begins at i / inner * outer + i % inner. */
typedef struct Lines {
  size_t n, inner, outer_from, outer_to, step;
} Lines;

static void resample(const unsigned char *from, unsigned char *to, const Taps *t, int size, Lines l) {
  for (size_t line = 0; line < l.n; line++) {
    const unsigned char *a = from + line / l.inner * l.outer_from + line % l.inner;
    unsigned char *b = to + line / l.inner * l.outer_to + line % l.inner;
    for (int i = 0; i < size; i++) {
      const unsigned char *p = a + (size_t)t->first[i] * l.step;
      const int *w = t->weight + (size_t)i * (size_t)t->most;
      unsigned sum = 1u << (FRACTION - 1);
      for (int k = 0; k < t->n[i]; k++) sum += (unsigned)w[k] * p[(size_t)k * l.step];
      sum >>= FRACTION;
      b[(size_t)i * l.step] = (unsigned char)(sum > 255 ? 255 : sum);
    }
  }
}

void picture_resize(Picture *p, int height, int width) {
  size_t c = (size_t)p->channels, old = (size_t)p->width * c, row = (size_t)width * c;
  if (width != p->width) {
    unsigned char *to = rt_alloc((size_t)p->height * row);
    Taps t = make_taps(p->width, width);
    resample(p->pixel, to, &t, width, (Lines){(size_t)p->height * c, c, old, row, c});
    free_taps(&t);
    rt_free(p->pixel);
    p->pixel = to;
    p->width = width;
  }
  if (height == p->height) return;
  unsigned char *to = rt_alloc((size_t)height * row);
  Taps t = make_taps(p->height, height);
  resample(p->pixel, to, &t, height, (Lines){row, row, 0, 0, row});
  free_taps(&t);
  rt_free(p->pixel);
  p->pixel = to;
  p->height = height;
}
