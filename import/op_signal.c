// SPDX-License-Identifier: Apache-2.0
/* Operators that make constants: windows of signals, of a size that is known. */
#include "import/import.h"
#include <math.h>
#include <string.h>

/* arg: n for Hann, m for Hamming, b for Blackman. */
void op_window(Oper *o) {
  const int64_t *v;
  int n, type = (int)op_int(o, "output_datatype", ONNX_FLOAT);
  static const double weight[3][3] = {{0.5, 0.5, 0}, {25.0 / 46, 21.0 / 46, 0}, {0.42, 0.5, 0.08}};
  const double *w = weight[o->arg[0] == 'n' ? 0 : o->arg[0] == 'm' ? 1 : 2];
  if (!op_known_ints(o, 0, &v, &n)) return;
  if (n != 1 || v[0] < 0 || v[0] > 1 << 20) return op_refuse(o, E_ONNX_NODE, "the size is out of range");
  if (type != ONNX_FLOAT && type != ONNX_DOUBLE) return op_refuse(o, E_ONNX_TYPE, "of another type than FLOAT, DOUBLE");
  double *to = ctx_alloc(o->m->c, (size_t)v[0] * 8 + 8);
  double period = op_int(o, "periodic", 1) ? (double)v[0] : (double)v[0] - 1;
  for (int64_t i = 0; i < v[0]; i++) {
    double at = 2 * 3.14159265358979323846 * (double)i / period;
    double y = w[0] - w[1] * cos(at) + w[2] * cos(2 * at);
    if (type == ONNX_DOUBLE) to[i] = y;
    else ((float *)to)[i] = (float)y;
  }
  op_give_known(o, 0, shape_of(type, 1, v), to);
}
