/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the wire format of protocol buffers: fields are appended to a Str.
 * https://protobuf.dev/programming-guides/encoding */
#ifndef GRADC_PB_WRITE_H
#define GRADC_PB_WRITE_H
#include "ir/ctx.h"

void pb_put_int(Str *b, uint32_t field, int64_t v);
void pb_put_float(Str *b, uint32_t field, float v);
void pb_put_bytes(Str *b, uint32_t field, const void *p, size_t n);
void pb_put_text(Str *b, uint32_t field, const char *s);
void pb_put_ints(Str *b, uint32_t field, const int64_t *v, int n); /* packed */
/* A message as a field: what is appended between pb_open and pb_close. */
size_t pb_open(Str *b, uint32_t field);
void pb_close(Str *b, size_t open);
#endif
