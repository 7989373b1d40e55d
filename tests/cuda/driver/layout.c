/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the values, sizes and offsets of cu.h; with -DCUDA those of cuda.h, whose functions are compared by the
 * compiler. VALUES: a file of V(NAME) for each constant. */
#ifdef CUDA
#include <cuda.h>
#endif
#include "codegen/cuda/host/cu.h"
#include <stdio.h>

#define V(name) printf("%s %d\n", #name, (int)name);
#define S(type) printf("%s %zu\n", #type, sizeof(type));
#define M(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member));
int main(void) {
#include VALUES
  S(CUlaunchConfig)
  M(CUlaunchConfig, hStream)
  M(CUlaunchConfig, numAttrs)
  S(CUDA_KERNEL_NODE_PARAMS)
  M(CUDA_KERNEL_NODE_PARAMS, sharedMemBytes)
  M(CUDA_KERNEL_NODE_PARAMS, kernelParams)
  M(CUDA_KERNEL_NODE_PARAMS, ctx)
  S(CUDA_MEMSET_NODE_PARAMS)
  M(CUDA_MEMSET_NODE_PARAMS, elementSize)
  M(CUDA_MEMSET_NODE_PARAMS, height)
  S(CUDA_MEMCPY3D)
  M(CUDA_MEMCPY3D, srcHost)
  M(CUDA_MEMCPY3D, srcHeight)
  M(CUDA_MEMCPY3D, dstXInBytes)
  M(CUDA_MEMCPY3D, dstDevice)
  M(CUDA_MEMCPY3D, dstHeight)
  M(CUDA_MEMCPY3D, Depth)
  S(CUtensorMap)
  S(CUdeviceptr)
  return 0;
}
