/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed spec of a contraction and the geometry of a convolution: shared by the ops' rules, the interpreter and
 * codegen. A spec is "LEFT,RIGHT->RESULT", one letter an axis. */
#ifndef GRADC_CONTRACT_H
#define GRADC_CONTRACT_H
#include "ir.h"

/* What an axis does: BATCH is in both operands and in the result, M in the left one and the result, N in the right one
 * and the result, K (contracted) in both operands and not in the result. There is no other kind. */
typedef enum AxisRole { AX_BATCH, AX_M, AX_N, AX_K, AX_ROLES } AxisRole;
enum { OPERAND_LEFT, OPERAND_RIGHT, OPERAND_RESULT };
typedef struct ContractAxis {
  char label;
  AxisRole role;
  Dim dim;
  int at[3];     /* its axis in the left operand, the right one, the result; -1: not there */
  Dim stride[3]; /* row-major logical stride there, in elements; 0: not there */
} ContractAxis;

/* Axes: those of the result in the result's order, then the contracted ones in their strict order (that of the left
 * operand). of[role] lists numbers of `axis`: BATCH, M, N in the result's order, K in strict order. */
typedef struct Contract {
  int naxis;
  ContractAxis axis[2 * MAX_RANK];
  int n[AX_ROLES];
  int of[AX_ROLES][MAX_RANK];
} Contract;

/* Labels and roles only (dim and stride stay 0). NULL, or what is wrong with the spec. */
const char *contract_parse(const char *spec, Contract *c);
/* The contraction of a `contract` node with dims and strides. */
void contract_of(const Graph *g, Id n, Contract *c);
/* A transposed operand is read as it was before: its labels, one letter an axis, move instead of the elements. */
Id contract_operand(const Graph *g, Id x, char *labels);
Dim contract_count(Module *m, const Contract *c, AxisRole role); /* product of the dims of a role */

/* A convolution's geometry, the same for conv, conv_dx and conv_dw:
 * y[b, o, P] = sum over K, c of x[b, (o / OG) * C + c, P * stride + K * dilation - lo] * w[o, c, K], OG = O / groups.
 * Spatial arrays hold `spatial` entries. */
enum { CONV_SPATIAL = 3 };
typedef struct ConvGeom {
  int spatial;
  Dim batch;
  int64_t groups, in, out; /* channels in all: x has `in`, w has [out, in / groups] */
  Dim x[CONV_SPATIAL], y[CONV_SPATIAL];
  int64_t k[CONV_SPATIAL], stride[CONV_SPATIAL], dilation[CONV_SPATIAL], lo[CONV_SPATIAL], hi[CONV_SPATIAL];
} ConvGeom;
void conv_of(const Graph *g, Id n, ConvGeom *c); /* of a conv, conv_dx or conv_dw node */
/* Of these nodes, what an operand is, or the result: x and y are images, w is the weight. */
typedef enum ConvRole { CONV_X, CONV_W, CONV_Y } ConvRole;
ConvRole conv_role(const Graph *g, Id n, int operand); /* OPERAND_LEFT, OPERAND_RIGHT, OPERAND_RESULT */
#endif
