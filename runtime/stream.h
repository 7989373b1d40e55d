/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a stream: read once, in the order in which they come, and drawn from a shuffle buffer. Which one is drawn
 * is a function of the seed and of how many were drawn before, so that the same stream gives the same training. */
#ifndef GRADC_STREAM_H
#define GRADC_STREAM_H
#include "data.h"

void stream_open(Data *d); /* reads nothing */
/* Draws records up to number at + n. False: the stream has ended before, or a signal came. Records before `at` are only
 * taken out; those of the last two steps are kept. */
bool stream_has(Data *d, uint64_t at, uint64_t n);
void stream_batch(const Data *d, uint64_t at, uint64_t n, unsigned char *const *dst); /* after stream_has */

/* stream_text.c: the records of a text that is read piece by piece. */
typedef struct StreamText StreamText;
StreamText *stream_text_open(Data *d, const char *path);
/* The raw values of the next record that can be used, and its line. False: there is none, or a signal came. */
bool stream_text_next(StreamText *s, void *const *to, uint64_t *line);
bool stream_text_ended(const StreamText *s);
#endif
