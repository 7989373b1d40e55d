/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor maps: those that the host form's TMA has. */
#include "codegen/cuda/host/driver_state.h"
#include <string.h>

static CUresult tensor_map_encode_tiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *p,
                                        const cuuint64_t *size, const cuuint64_t *stride, const cuuint32_t *box,
                                        const cuuint32_t *step, CUtensorMapInterleave interleave,
                                        CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                        CUtensorMapFloatOOBfill outside) {
  GcTensorMap m = {.p = p};
  (void)promotion;
  if (type != CU_TENSOR_MAP_DATA_TYPE_FLOAT16 && type != CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 &&
      type != CU_TENSOR_MAP_DATA_TYPE_UINT16)
    return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "elements have 16 bits here");
  if (rank != 2 && rank != 3) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "tensors have 2 or 3 axes here");
  if (interleave || outside || swizzle != CU_TENSOR_MAP_SWIZZLE_128B || box[0] * 2 != 128)
    return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "boxes have rows of 128 bytes, swizzled by 128 bytes, here");
  if ((uintptr_t)p % 16) return call_refuse(CUDA_ERROR_INVALID_VALUE, "the tensor is not aligned to 16 bytes");
  for (cuuint32_t i = 0; i < rank; i++) {
    if (!size[i] || size[i] > (cuuint64_t)1 << 32 || !box[i] || box[i] > 256 || step[i] != 1)
      return call_refuse(CUDA_ERROR_INVALID_VALUE, "axis %u: size %llu, box %u, step %u", i, (gc_u64)size[i], box[i],
                         step[i]);
    if (i + 1 < rank && (stride[i] % 16 || stride[i] >= (cuuint64_t)1 << 40))
      return call_refuse(CUDA_ERROR_INVALID_VALUE, "stride %u is %llu", i, (gc_u64)stride[i]);
    m.size[i] = (gc_i64)size[i], m.box[i] = (int)box[i];
    if (i + 1 < rank) m.stride[i] = (gc_i64)stride[i];
  }
  _Static_assert(sizeof m <= sizeof *map, "a map of the host form fits");
  memset(map, 0, sizeof *map);
  memcpy(map, &m, sizeof m);
  return CUDA_SUCCESS;
}
CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *p,
                                const cuuint64_t *size, const cuuint64_t *stride, const cuuint32_t *box,
                                const cuuint32_t *step, CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
                                CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill outside) {
  return CALL_FREE(
    tensor_map_encode_tiled(map, type, rank, p, size, stride, box, step, interleave, swizzle, promotion, outside));
}
