// SPDX-License-Identifier: Apache-2.0
#include "export/export.h"

const WriteRow write_row[OP_COUNT] = {
#define ELEM(name, floats, ints) [OP_##name] = {write_elem, floats, ints},
#define WRITE(name, fn) [OP_##name] = {fn, "", ""},
#include "export/ops.def"
#undef ELEM
#undef WRITE
};

/* Every op has a row. */
enum {
#define ELEM(name, ...) has_##name,
#define WRITE(name, ...) has_##name,
#include "export/ops.def"
#undef ELEM
#undef WRITE
};
enum {
#define OP(name, ...) row_of_##name = has_##name,
#include "ir/ops.def"
#undef OP
};
