// SPDX-License-Identifier: Apache-2.0
/* The numbers of tensors: raw, typed, packed below 8 bits, or in a file beside the model. */
#include "import/onnx.h"
#include "import/small_float.h"
#include "runtime/io.h"
#include <stdlib.h>
#include <string.h>

const OnnxTypeInfo *onnx_type(int type) {
  static const OnnxTypeInfo info[ONNX_TYPE_COUNT] = {
#define X(number, name, dtype, bits) [number] = {#name, dtype, bits},
    ONNX_TYPES(X)
#undef X
  };
  return type > 0 && type < ONNX_TYPE_COUNT ? &info[type] : NULL;
}

static int element_bytes(int type) {
  int bits = onnx_type(type)->bits;
  return bits < 8 ? 1 : bits / 8;
}

static bool is_signed_small(int type) { return type == ONNX_INT4 || type == ONNX_INT2; }

/* Elements below 8 bits, from the lowest bits of each byte on. */
static const void *unpack(Ctx *c, const uint8_t *p, int64_t count, int type) {
  int bits = onnx_type(type)->bits;
  uint8_t *to = ctx_alloc(c, (size_t)count + 1);
  for (int64_t i = 0; i < count; i++) {
    int v = p[i * bits / 8] >> i * bits % 8 & ((1 << bits) - 1);
    if (is_signed_small(type) && v >> (bits - 1)) v -= 1 << bits;
    to[i] = (uint8_t)v;
  }
  return to;
}

/* The field of TensorProto that has the numbers of a type that are not raw: its number and one number's wire type. */
static uint32_t typed_field(int type, PbWire *wire) {
  *wire = PB_VARINT;
  switch (type) {
  case ONNX_FLOAT: *wire = PB_FIXED32; return 4;
  case ONNX_DOUBLE: *wire = PB_FIXED64; return 10;
  case ONNX_INT64: return 7;
  case ONNX_UINT64:
  case ONNX_UINT32: return 11;
  default: return 5;
  }
}

static bool typed_values(Ctx *c, const OnnxTensor *t, int64_t count, const void **data, const char **why) {
  PbWire wire;
  bool malformed = false, small = onnx_type(t->type)->bits < 8;
  int64_t stored = small ? (count * onnx_type(t->type)->bits + 7) / 8 : count, n = 0;
  uint32_t field = typed_field(t->type, &wire);
  int bytes = element_bytes(t->type);
  uint8_t *to = NULL;
  uint64_t v;
  if ((uint64_t)stored > pb_size(t->message)) stored = -1;
  else to = ctx_alloc(c, (size_t)stored * (size_t)bytes + 8);
  Pb m = t->message;
  for (PbField f; stored >= 0 && pb_next(&m, &f) > 0;) {
    if (f.number != field) continue;
    while (n <= stored && pb_number(&f, wire, &v, &malformed)) {
      if (n < stored) memcpy(to + n * bytes, &v, (size_t)bytes); /* little-endian, as gradc's host */
      n++;
    }
  }
  if (malformed || n != stored) {
    *why = "it has another number of elements than its shape";
    return false;
  }
  *data = small ? unpack(c, to, count, t->type) : to;
  return true;
}

/* A path that leads out of the model's folder is refused. */
static bool external_bytes(Ctx *c, const OnnxTensor *t, const char *folder, Pb *raw, const char **why) {
  Bytes file;
  char err[ERR_TEXT];
  const char *l = t->location;
  if (!folder || !l || !*l || *l == '/' || strstr(l, "..")) {
    *why = "its external data is not in a file of the model's folder";
    return false;
  }
  if (!io_read_all(ctx_strf(c, "%s/%s", folder, l), &file, err)) {
    *why = ctx_strf(c, "its external data cannot be read: %s", err);
    return false;
  }
  uint64_t n = t->length ? t->length : file.n - (t->offset < file.n ? t->offset : file.n);
  if (t->offset > file.n || n > file.n - t->offset) {
    *why = ctx_strf(c, "its external data ends after the end of %s", l);
    return false;
  }
  uint8_t *copy = ctx_alloc(c, (size_t)n + 1);
  memcpy(copy, file.p + t->offset, (size_t)n);
  free(file.p);
  *raw = (Pb){copy, copy + n};
  return true;
}

static bool raw_values(Ctx *c, Pb raw, int type, int64_t count, const void **data) {
  int bits = onnx_type(type)->bits;
  size_t n = (size_t)((count * bits + 7) / 8);
  if (pb_size(raw) != n) return false;
  if (bits < 8) {
    *data = unpack(c, raw.p, count, type);
    return true;
  }
  void *to = ctx_alloc(c, n + 1); /* aligned, as the bytes of the file are not */
  if (n) memcpy(to, raw.p, n);
  *data = to;
  return true;
}

bool onnx_tensor_values(Ctx *c, const OnnxTensor *t, const char *folder, Tensor *to, const char **why) {
  const OnnxTypeInfo *type = onnx_type(t->type);
  *to = (Tensor){.type = t->type, .rank = t->rank, .count = 1};
  *why = NULL;
  if (!type || type->dtype < 0) *why = ctx_strf(c, "its elements are %s", type ? type->name : "of no known type");
  else if (t->rank > MAX_RANK) *why = ctx_strf(c, "it has %d axes, more than %d", t->rank, MAX_RANK);
  for (int i = 0; i < t->rank && !*why; i++) {
    to->dim[i] = t->dim[i];
    if (__builtin_mul_overflow(to->count, t->dim[i], &to->count) || to->count > (int64_t)1 << 40)
      *why = "it is too large";
  }
  if (*why) return false;
  if (!t->external && !t->has_raw) return typed_values(c, t, to->count, &to->data, why);
  Pb raw = t->raw;
  if (t->external && !external_bytes(c, t, folder, &raw, why)) return false;
  if (raw_values(c, raw, t->type, to->count, &to->data)) return true;
  *why = "it has another number of bytes than its shape";
  return false;
}

static double half(uint16_t bits) {
  int e = bits >> 10 & 31, m = bits & 1023;
  double v = e == 31 ? (m ? (double)__builtin_nan("") : (double)__builtin_inf())
                     : __builtin_ldexp(e ? 1024 + m : m, (e ? e : 1) - 25);
  return bits >> 15 ? -v : v;
}

static double brain(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float f;
  memcpy(&f, &wide, sizeof f);
  return f;
}

double tensor_carried(const Tensor *t, int64_t i) {
  return is_small_float(t->type) ? ((const uint8_t *)t->data)[i] : tensor_number(t, i);
}

double tensor_number(const Tensor *t, int64_t i) {
  if (is_small_float(t->type)) return small_float_number(t->type, ((const uint8_t *)t->data)[i]);
  switch (t->type) {
  case ONNX_FLOAT: return ((const float *)t->data)[i];
  case ONNX_DOUBLE: return ((const double *)t->data)[i];
  case ONNX_FLOAT16: return half(((const uint16_t *)t->data)[i]);
  case ONNX_BFLOAT16: return brain(((const uint16_t *)t->data)[i]);
  case ONNX_UINT64: return (double)((const uint64_t *)t->data)[i];
  default: return (double)tensor_integer(t, i);
  }
}

void tensor_put(void *to, int type, int64_t i, double v) {
  int64_t k = (int64_t)v;
  int bytes = onnx_type(type)->bits / 8;
  uint16_t half = 0;
  float f = (float)v;
  const void *from = &k;
  if (dtype_is_half(onnx_type(type)->dtype)) {
    dtype_round_half((DType)onnx_type(type)->dtype, v, &half);
    from = &half;
  }
  if (type == ONNX_FLOAT) from = &f;
  if (type == ONNX_DOUBLE) from = &v;
  memcpy((char *)to + i * bytes, from, (size_t)bytes);
}

int64_t tensor_integer(const Tensor *t, int64_t i) {
  switch (t->type) {
  case ONNX_UINT8:
  case ONNX_UINT4:
  case ONNX_UINT2:
  case ONNX_BOOL: return ((const uint8_t *)t->data)[i];
  case ONNX_INT8:
  case ONNX_INT4:
  case ONNX_INT2: return ((const int8_t *)t->data)[i];
  case ONNX_UINT16: return ((const uint16_t *)t->data)[i];
  case ONNX_INT16: return ((const int16_t *)t->data)[i];
  case ONNX_INT32: return ((const int32_t *)t->data)[i];
  case ONNX_UINT32: return ((const uint32_t *)t->data)[i];
  case ONNX_INT64: return ((const int64_t *)t->data)[i];
  case ONNX_UINT64: {
    uint64_t v = ((const uint64_t *)t->data)[i];
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
  }
  default: {
    double v = tensor_number(t, i);
    return v != v ? 0 : v >= 9.2e18 ? INT64_MAX : v <= -9.2e18 ? INT64_MIN : (int64_t)v;
  }
  }
}

bool tensor_narrow(Ctx *c, const Tensor *t, const void **to, int64_t *at) {
  *to = t->data;
  if (t->type != ONNX_INT64 && t->type != ONNX_UINT64) return true;
  int32_t *narrow = ctx_alloc(c, (size_t)t->count * 4 + 4);
  for (int64_t i = 0; i < t->count; i++) {
    int64_t v = tensor_integer(t, i);
    *at = i;
    if (t->type == ONNX_INT64 ? v != (int32_t)v : v != (uint32_t)v) return false;
    narrow[i] = (int32_t)v;
  }
  *to = narrow;
  return true;
}
