/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests and answers: those of the Open Inference Protocol, version 2, with the extension for binary
 * tensors; a plain JSON object with a value for each input; an npy array, for an export with one input. */
#ifndef GRADC_SERVE_PROTOCOL_H
#define GRADC_SERVE_PROTOCOL_H
#include "serve/batcher.h"

extern const char *const protocol_type_name[]; /* of a GcDType: "FP32" */
typedef enum BodyForm { BODY_V2, BODY_PLAIN, BODY_NPY } BodyForm;
typedef struct Infer {
  const Served *of;
  BodyForm form;
  const char *model;     /* as the request calls it */
  Job job;               /* its arrays are made by infer_read */
  char *id;              /* NULL: none */
  bool binary, *asked;   /* all outputs as binary tensors; per output, whether the request names it */
  bool *as_binary, some; /* per output; some are named */
} Infer;
/* Reads a body of n bytes, of which the first `head` are JSON, the others binary tensors. False: err says why. */
bool infer_read(Infer *q, const unsigned char *body, size_t n, size_t head, char *err);
/* The answer. Returns the length of its JSON, if binary tensors follow, else 0. */
size_t infer_write(const Infer *q, JsonText *to);
void infer_free(Infer *q);
/* What GET of a model answers. */
void protocol_model(const Served *s, const char *name, JsonText *to);
void protocol_error(const char *text, JsonText *to); /* {"error": text} */
#endif
