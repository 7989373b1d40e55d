/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses to consecutive elements along an axis, which a thread makes at once, through arrays in registers. */
#ifndef GRADC_CUDA_TILE_H
#define GRADC_CUDA_TILE_H
#include "codegen/text/nest.h"

typedef struct TileAccess {
  bool store;
  uint32_t phases; /* that make it */
  int buf;
  const Affine *at; /* element 0 of the vector, where the axis is its first index */
} TileAccess;

/* The accesses of a nest whose address depends on an axis, and on no derived axis that depends on one of `inner`. */
typedef struct Tile {
  int axis, vec; /* elements of an access */
  TileAccess *access;
  int n, cap;
} Tile;

/* With the widest vectors, up to `most` elements, that every access allows whose address depends on the axis: 16 bytes
 * or fewer, consecutive elements, aligned. inner: the loop axes that an access is inside, this one among them. */
Tile tile_along(const Kernel *k, const NestSchedule *s, int axis, uint32_t inner, int most);

int64_t dim_divisor(Module *m, Dim d); /* the largest that divides d, whatever the run-time sizes; 0: d is 0 */
/* A power of 2 that divides the address of a buffer, up to 16. The memory of a model, and inputs and results, are
 * aligned to that. Those of a pass of several, and of a scan's body, may be a part: at a multiple of their size. */
int64_t tile_alignment(const Graph *g, Id n);

/* The number of the access; -1: it is not in the tile. */
int tile_load(const Tile *t, const KVal *v);
int tile_store(const Tile *t, const KStore *s);
const char *tile_name(NestText *c, const Tile *t, int i); /* the array: t0, t1, … of loads, w0, … of stores */

/* Declares the array of access i, with so many vectors. */
void tile_declare(NestText *c, const Tile *t, int i, int vectors);
/* Where a vector begins, and whether all of it exists. */
typedef struct TileAt {
  const char *first;  /* the index along the axis */
  const char *offset; /* of its elements in the array: "" or " + k * 4" */
  const char *full;   /* a condition, that no element is past `end`; NULL: none ever is */
  const char *end;
} TileAt;
void tile_transfer(NestText *c, const Tile *t, int i, const TileAt *at);
#endif
