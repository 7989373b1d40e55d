/* SPDX-License-Identifier: Apache-2.0 */
/* The wire format of protocol buffers: reads one field after the other. Every length is checked against the end of the
 * message; nothing is copied. https://protobuf.dev/programming-guides/encoding */
#ifndef GRADC_PROTOBUF_H
#define GRADC_PROTOBUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Pb { /* what is left of a message */
  const uint8_t *p, *end;
} Pb;
typedef enum PbWire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 } PbWire;
typedef struct PbField {
  uint32_t number;
  PbWire wire;
  uint64_t value; /* of the wire types that are numbers */
  Pb bytes;       /* of PB_BYTES: text, a message or packed numbers */
} PbField;

/* The next field: 1; the end of the message: 0; malformed: -1. */
int pb_next(Pb *m, PbField *f);
bool pb_varint(Pb *m, uint64_t *value); /* false: malformed */
static inline size_t pb_size(Pb m) { return (size_t)(m.end - m.p); }

/* The numbers of a repeated field, of which each occurrence has one, or several that are packed. `next` has the
 * occurrence at first; false: no further one, or malformed (then *bad is set). wire: that of one number. */
bool pb_number(PbField *next, PbWire wire, uint64_t *value, bool *bad);
#endif
