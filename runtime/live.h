/* SPDX-License-Identifier: Apache-2.0 */
/* The line that shows a training on a terminal. */
#ifndef GRADC_LIVE_H
#define GRADC_LIVE_H
#include <stddef.h>
#include <stdint.h>

typedef struct LiveLine {
  uint32_t step, steps, epoch, epochs; /* epochs 0: none */
  const char *scores, *validation;     /* "loss 0.3  acc 90.0 %", the loss first; validation NULL: none yet */
  double rate, left;                   /* steps a second, seconds */
  uint64_t memory;                     /* bytes */
} LiveLine;

/* The line in `columns` - 1 characters, as terminals wrap in the last column. What does not fit is left out: first the
 * bar, then epoch, metrics, step, memory, time left, speed, validation. */
void live_text(char *to, size_t n, const LiveLine *l, int columns);
int live_columns(int fd); /* of the terminal now, else by COLUMNS, else 80 */
#endif
