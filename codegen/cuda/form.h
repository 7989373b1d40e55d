/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of kernels: ways to run a nest on a grid. A form is chosen when the list of launches is made, by shapes
 * alone, and decides there all that its text needs. docs/cuda.md says how to add one. */
#ifndef GRADC_CUDA_FORM_H
#define GRADC_CUDA_FORM_H
#include "codegen/schedule.h"

struct Emitter;
struct GemmDesc;
struct Launch;

enum { CUDA_BLOCK = 256 }; /* threads of a block of the plain form */

/* Blocks along an axis of the grid: points / each, rounded up. The points are a polynomial in run-time sizes. */
typedef struct GridAxis {
  Dim points;
  int each; /* 0: one block */
} GridAxis;

/* A tensor of 16-bit elements in a buffer, from which TMA copies boxes of 64 x `rows` elements. The axes are the
 * contiguous one, that of the rows, and others as one. */
typedef struct TensorBox {
  const char *name; /* of the kernel's parameter, a tensor map */
  int buf;
  Dim offset, size[3], stride[2]; /* in elements; size[2] 1: it has two axes */
  int rows;
} TensorBox;

/* The grid of one launch: x, y, z. */
enum { FORM_BOXES = 2 };
typedef struct LaunchShape {
  GridAxis grid[3];
  int block;        /* threads of a block */
  int resident;     /* blocks that a multiprocessor must be able to hold, which bounds registers; 0: 1 */
  int shared_bytes; /* dynamic shared memory */
  TensorBox box[FORM_BOXES];
  int boxes;
  const struct GemmDesc *library; /* a library computes these sums, into scratch memory: there is no kernel */
} LaunchShape;

enum { FORM_LAUNCHES = 6 };
typedef struct FormShape {
  int launches; /* one after another */
  LaunchShape launch[FORM_LAUNCHES];
  int64_t scratch;  /* bytes of scratch memory, whose contents pass from one launch to the next; 0: none */
  const void *plan; /* what the form has decided, for its text */
} FormShape;

typedef struct Form {
  const char *name;
  /* True: it can run the nest; fills the shape. It may not depend on what other kernels there are. */
  bool (*suits)(const Kernel *k, const NestSchedule *s, FormShape *f);
  /* The body of the kernel of a launch. The functions of device.inc may be called, and the parameter `scratch` is the
   * scratch memory. */
  void (*print)(struct Emitter *p, const struct Launch *l, Str *body);
} Form;

typedef struct FormOptions {
  bool plain;      /* only the plain form */
  int64_t scratch; /* bytes of scratch memory that a launch may have */
} FormOptions;

/* The best form that suits; the last one takes every nest. */
const Form *form_choose(const Kernel *k, const NestSchedule *s, const FormOptions *o, FormShape *f);
extern const Form form_columns, form_cumulative, form_cumulative_in_order, form_map, form_plain, form_row_block,
  form_row_warp, form_segments, form_sort, form_topk, form_transpose;
extern const Form form_attend_mma, form_attend_simt, form_attend_tf32;
extern const Form form_gemv_thread, form_gemv_warp;
extern const Form form_gemm_wgmma, form_gemm_wgmma_split, form_gemm_mma, form_gemm_mma_split, form_gemm_tf32,
  form_gemm_tf32_split, form_gemm_simt, form_gemm_simt_split, form_gemm_library;
#endif
