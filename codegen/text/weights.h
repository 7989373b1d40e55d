/* SPDX-License-Identifier: Apache-2.0 */
/* Trained weights in emitted programs, and where weights are in `mem`. All but weights_offsets does nothing if
 * EmitOptions has no values. */
#ifndef GRADC_TEXT_WEIGHTS_H
#define GRADC_TEXT_WEIGHTS_H
#include "codegen/text/graph.h"

/* How a target copies them, and the text of the function that reads a file of weights. */
typedef struct WeightsText {
  /* The statement that copies bytes from an address to the offset `at` in mem. */
  const char *(*copy)(Emitter *p, int64_t at, const char *from, int64_t bytes);
  const char *result, *params, *refused, *done; /* its type, further parameters, values */
  const char *load_comment, *map_comment;       /* formats with the model's name and the bytes of the file */
} WeightsText;

/* Tables, and the statements of NAME_init that copy them. */
void weights_init(GraphText *c, const WeightsText *t, Str *tables);
const char *weights_location(Emitter *p, int var); /* the pointer to a weight in read-only memory */
/* NAME_load or NAME_map. */
void weights_functions(Emitter *p, const WeightsText *t, Str *functions, Str *header);
void weights_file(Emitter *p, Str *file); /* the file that these read; empty if weights are embedded */
/* NAME_AT_…: offsets of the weights and states in mem; how many there are. */
int weights_offsets(Emitter *p, Str *header);
#endif
