/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people read them. Each writes at most n bytes with the NUL. */
#ifndef GRADC_HUMAN_H
#define GRADC_HUMAN_H
#include <stddef.h>

enum { HUMAN_TEXT = 40 };
void human_count(char *to, size_t n, double v);    /* an integer: 1,590 */
void human_bytes(char *to, size_t n, double v);    /* 12.5 MiB */
void human_flops(char *to, size_t n, double v);    /* 1.20 GFLOP */
void human_duration(char *to, size_t n, double s); /* 40 s, 3 min 05 s, 2 h 10 min */
void human_rate(char *to, size_t n, double per_s); /* 1,590 steps/s, 12.5 steps/s, 3.2 s/step */
#endif
