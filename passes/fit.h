/* Offsets for buffers that live for a while: rectangles in time and memory that must not overlap. */
#ifndef GRADC_FIT_H
#define GRADC_FIT_H
#include "ir/ctx.h"

typedef struct Rect {
  int64_t size;     /* > 0, a multiple of the alignment */
  int birth, death; /* first and last turn, both included; 0 <= birth <= death < turns */
  int64_t offset;   /* the result */
} Rect;

/* Sets the offsets and returns the bytes needed. Tries several orders and fits, as many as a fixed number of steps
 * allows (never the clock, so the answer is the same everywhere), and keeps the best, the first of equals. */
int64_t fit_rects(Ctx *c, Rect *r, int n, int turns);

/* The most bytes alive at once: no plan needs less. */
int64_t fit_bound(Ctx *c, const Rect *r, int n, int turns);
#endif
