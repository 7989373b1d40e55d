/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the library: checks that count, and the batches that they train on. */
#ifndef LIB_SUITE_H
#define LIB_SUITE_H
#include "lib/gradc.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int passed, failed;
void check(bool ok, const char *what, const char *file, int line);
#define CHECK(cond) check(cond, #cond, __FILE__, __LINE__)

/* The call fails with this status and code, and a message that holds `words`; its error is complete. */
void expect(gradc_status got, gradc_error *e, gradc_status status, int code, const char *words, const char *file,
            int line);
#define FAILS(status, code, words, call) \
  do { \
    gradc_error *e = NULL; \
    gradc_status status_ = call; \
    expect(status_, e, status, code, words, __FILE__, __LINE__); \
    gradc_error_free(e); \
  } while (0)
/* The call succeeds and does not set the error. */
#define OK(call) \
  do { \
    gradc_error *e = NULL; \
    gradc_status status_ = call; \
    if (status_ || e) fputs(gradc_error_text(e), stdout); \
    check(status_ == GRADC_OK && !e, #call, __FILE__, __LINE__); \
    gradc_error_free(e); \
  } while (0)

/* Eight records for model.nn, all different from step to step. */
enum { RECORDS = 8 };
typedef struct Batch {
  float x[RECORDS * 4];
  int32_t y[RECORDS];
  int64_t x_shape[2], y_shape[1];
  gradc_array field[2];
} Batch;
void batch_fill(Batch *b, int records, unsigned step);

/* By cc, with the folder `cache` of the suite. */
gradc_options options_make(void);
extern const char *extra_flags; /* for that compiler */

void test_api(void);
void test_errors(void);
void test_text(void);
void test_device(void);
void test_faults(void);
void test_threads(void);
int steps_main(const char *path, int steps); /* prints the hash of the weights */
#endif
