/* SPDX-License-Identifier: Apache-2.0 */
/* The scalar instantiation of prim.h, prim_NAME: for the interpreter and the runtime. */
#ifndef GRADC_PRIM_SCALAR_H
#define GRADC_PRIM_SCALAR_H
#include "prim_ieee.h"
#include <stdint.h>
#define PRIM_LANES 1
#define PRIM(name) prim_##name
#define PRIM_F float
#define PRIM_I int32_t
#define PRIM_U uint32_t
#define PRIM_D double
#include "prim.h"
#endif
