/* SPDX-License-Identifier: Apache-2.0 */
#include "protobuf.h"

bool pb_varint(Pb *m, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 64 && m->p < m->end; shift += 7) {
    uint8_t byte = *m->p++;
    *value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

static bool fixed(Pb *m, int bytes, uint64_t *value) {
  if (pb_size(*m) < (size_t)bytes) return false;
  *value = 0;
  for (int i = 0; i < bytes; i++) *value |= (uint64_t)*m->p++ << 8 * i;
  return true;
}

int pb_next(Pb *m, PbField *f) {
  uint64_t key, n;
  if (m->p == m->end) return 0;
  if (!pb_varint(m, &key) || key >> 3 == 0 || key >> 3 > 536870911) return -1;
  *f = (PbField){.number = (uint32_t)(key >> 3), .wire = (PbWire)(key & 7)};
  switch (f->wire) {
  case PB_VARINT: return pb_varint(m, &f->value) ? 1 : -1;
  case PB_FIXED64: return fixed(m, 8, &f->value) ? 1 : -1;
  case PB_FIXED32: return fixed(m, 4, &f->value) ? 1 : -1;
  case PB_BYTES:
    if (!pb_varint(m, &n) || n > pb_size(*m)) return -1;
    f->bytes = (Pb){m->p, m->p + n};
    m->p += n;
    return 1;
  }
  return -1; /* groups, which proto3 does not have */
}

bool pb_number(PbField *next, PbWire wire, uint64_t *value, bool *bad) {
  if (next->wire == wire) {
    *value = next->value;
    next->wire = PB_BYTES; /* and no further one: bytes are empty */
    return true;
  }
  if (next->wire != PB_BYTES) *bad = true;
  if (*bad || next->bytes.p == next->bytes.end) return false;
  *bad = wire == PB_VARINT ? !pb_varint(&next->bytes, value) : !fixed(&next->bytes, wire == PB_FIXED64 ? 8 : 4, value);
  return !*bad;
}
