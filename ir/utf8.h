/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_UTF8_H
#define GRADC_UTF8_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One code point of s[0..n), n >= 1: its bytes in *used, its columns on a terminal in *width. Returns false for a
 * byte that is not UTF-8 and for code points that would disturb a terminal; those are shown as U+FFFD. */
bool utf8_step(const char *s, size_t n, int *used, int *width);
#endif
