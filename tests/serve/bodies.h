/* SPDX-License-Identifier: Apache-2.0 */
/* Good requests of tests/serve/model.nn: method and path, headers, body. */
#ifndef SERVE_BODIES_H
#define SERVE_BODIES_H
#include <stdio.h>
#include <string.h>

static const char *const good[][3] = {
  {"POST /predict", "", "{\"x\":[[1,2,3,4],[-1,0.5,2,3]]}"},
  {"POST /predict/label", "", "{\"x\":[1,2,3,4]}"},
  {"POST /v2/models/two/versions/1/infer", "Content-Type: application/json\r\n",
   "{\"id\":\"q\",\"inputs\":[{\"name\":\"a\",\"datatype\":\"FP32\",\"shape\":[1,4],\"data\":[1,2,3,4]},{\"name\":"
   "\"k\",\"shape\":[1],\"datatype\":\"INT32\",\"data\":[3]}],\"outputs\":[{\"name\":\"out_2\",\"parameters\":{"
   "\"binary_"
   "data\":true}}],\"parameters\":{\"binary_data_output\":false}}"},
  {"POST /v2/models/score/infer", "Inference-Header-Content-Length: 102\r\nContent-Type: application/octet-stream\r\n",
   "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,4],\"parameters\":{\"binary_data_size\":16,  "
   "\"y\":0}}]}0123456789abcdef"},
  {"POST /predict", "Content-Type: application/x-npy\r\n", "an npy array"},
  {"GET /v2/models/two", "", ""},
  {"GET /metrics", "", ""},
  {"GET /v2/health/ready", "", ""},
};
enum { GOOD = sizeof good / sizeof *good };

/* The body of request i. Returns its length. */
static size_t body_of(int i, char to[512]) {
  enum { HEAD = 128 };
  if (i != 4) return (size_t)snprintf(to, 512, "%s", good[i][2]);
  memset(to, ' ', HEAD);
  memcpy(to, "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }", 70);
  to[HEAD - 1] = '\n';
  memcpy(to + HEAD, "abcdefghijklmnop", 16);
  return HEAD + 16;
}
#endif
