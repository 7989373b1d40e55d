/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of ONNX that a model is made from, as in onnx.proto of ONNX 1.22. Text and numbers of tensors stay in
 * the file's bytes, which must outlive the messages. */
#ifndef GRADC_ONNX_H
#define GRADC_ONNX_H
#include "runtime/protobuf.h"
#include "ir/type.h"

/* TensorProto.DataType: number, name, the element type of the language that carries it (-1: none), bits of an element
 * in raw_data. Integers of 64 bits are narrowed to 32; those of 2 and 4 bits are carried by 8, and the
 * codes of floats of 8 and 4 bits. */
#define ONNX_TYPES(X) \
  X(1, FLOAT, DT_F32, 32) \
  X(2, UINT8, DT_U8, 8) \
  X(3, INT8, DT_I8, 8) \
  X(4, UINT16, DT_U16, 16) \
  X(5, INT16, DT_I16, 16) \
  X(6, INT32, DT_I32, 32) \
  X(7, INT64, DT_I32, 64) \
  X(8, STRING, -1, 0) \
  X(9, BOOL, DT_BOOL, 8) \
  X(10, FLOAT16, DT_F16, 16) \
  X(11, DOUBLE, DT_F64, 64) \
  X(12, UINT32, DT_U32, 32) \
  X(13, UINT64, DT_U32, 64) \
  X(14, COMPLEX64, -1, 64) \
  X(15, COMPLEX128, -1, 128) \
  X(16, BFLOAT16, DT_BF16, 16) \
  X(17, FLOAT8E4M3FN, DT_U8, 8) \
  X(18, FLOAT8E4M3FNUZ, DT_U8, 8) \
  X(19, FLOAT8E5M2, DT_U8, 8) \
  X(20, FLOAT8E5M2FNUZ, DT_U8, 8) \
  X(21, UINT4, DT_U8, 4) \
  X(22, INT4, DT_I8, 4) \
  X(23, FLOAT4E2M1, DT_U8, 4) \
  X(24, FLOAT8E8M0, DT_U8, 8) \
  X(25, UINT2, DT_U8, 2) \
  X(26, INT2, DT_I8, 2)
typedef enum OnnxType {
  ONNX_NONE,
#define X(number, name, dtype, bits) ONNX_##name = number,
  ONNX_TYPES(X)
#undef X
    ONNX_TYPE_COUNT
} OnnxType;
typedef struct OnnxTypeInfo {
  const char *name;
  int dtype, bits;
} OnnxTypeInfo;
const OnnxTypeInfo *onnx_type(int type); /* NULL: no such type */

enum { ONNX_MAX_RANK = 32 }; /* of tensors that are read; the language has MAX_RANK axes */

typedef struct OnnxTensor {
  const char *name;
  int type, rank;
  int64_t dim[ONNX_MAX_RANK];
  bool has_raw, external;
  Pb raw;
  Pb message; /* for the numbers that are in typed fields */
  const char *location;
  uint64_t offset, length;
} OnnxTensor;

typedef struct OnnxDim {
  int64_t value;     /* -1: not a number */
  const char *param; /* NULL: no name */
} OnnxDim;
typedef struct OnnxValueInfo {
  const char *name, *kind; /* kind: "tensor", "sequence", "optional", "map", "sparse tensor" */
  int type, rank;          /* rank -1: no shape is given */
  OnnxDim dim[ONNX_MAX_RANK];
} OnnxValueInfo;

typedef struct OnnxGraph OnnxGraph;
typedef struct OnnxAttr {
  const char *name, *ref; /* ref: the attribute of the function that this is; else NULL */
  int kind;               /* AttributeProto.AttributeType; 0: absent in old files */
  float f;
  int64_t i;
  Pb s;
  OnnxTensor *t;
  OnnxGraph *g;
  float *floats;
  int64_t *ints;
  const char **strings;
  int nf, ni, nstrings;
} OnnxAttr;
typedef struct OnnxNode {
  const char *name, *op, *domain;
  const char *space; /* "namespace" of exporters of PyTorch: `: net.Net/layer.0: net.Block/add: aten.add`; NULL: none */
  const char **in, **out;
  OnnxAttr *attr;
  int nin, nout, nattr, cap_in, cap_out, cap_attr;
} OnnxNode;
struct OnnxGraph {
  const char *name;
  OnnxNode *node;
  OnnxTensor *init;
  OnnxValueInfo *in, *out;
  int nnode, ninit, nin, nout, cap_node, cap_init, cap_in, cap_out;
  bool sparse; /* it has sparse initialisers */
};
typedef struct OnnxOpset {
  const char *domain;
  int64_t version;
} OnnxOpset;
typedef struct OnnxFunction {
  const char *name, *domain;
  const char **in, **out;
  OnnxAttr *attr; /* defaults */
  OnnxNode *node;
  OnnxOpset *opset;
  int nin, nout, nattr, nnode, nopset, cap_in, cap_out, cap_attr, cap_node, cap_opset;
} OnnxFunction;
typedef struct OnnxModel {
  int64_t ir_version;
  const char *producer;
  OnnxGraph *graph;
  OnnxOpset *opset;
  OnnxFunction *function;
  int nopset, nfunction, cap_opset, cap_function;
} OnnxModel;

/* Read a message; false: malformed, and *why says what. Graphs nest at most 64 deep. */
bool onnx_read_model(Ctx *c, Pb bytes, OnnxModel *m, const char **why);
bool onnx_read_tensor(Ctx *c, Pb bytes, OnnxTensor *t, const char **why);

/* The numbers of a tensor, of row-major order; bytes of the file they point to or a copy. */
typedef struct Tensor {
  int type, rank; /* an OnnxType */
  int64_t dim[MAX_RANK], count;
  const void *data; /* one element after the other: of INT64 int64_t; integers below 8 bits in 8, FLOAT16 uint16_t */
} Tensor;
/* folder: of external data, that of the model. */
bool onnx_tensor_values(Ctx *c, const OnnxTensor *t, const char *folder, Tensor *to, const char **why);
double tensor_number(const Tensor *t, int64_t i);
double tensor_carried(const Tensor *t, int64_t i); /* the same, of small floats the code */
int64_t tensor_integer(const Tensor *t, int64_t i);
/* Writes element i of numbers of 8 bits or more; to integers towards 0. */
void tensor_put(void *to, int type, int64_t i, double v);
/* The elements in the language's type; false: an integer does not fit, whose number is *at. */
bool tensor_narrow(Ctx *c, const Tensor *t, const void **to, int64_t *at);
#endif
