/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a JSON object: its members, by their names, are the raw values of fields. */
#ifndef GRADC_JSON_RECORD_H
#define GRADC_JSON_RECORD_H
#include "json_array.h"
#include "learned.h"

typedef struct JsonRecords {
  struct Session *sess;
  const GcData *d;
  const char *trained; /* the weights file that the classes are from; NULL: they come from the records */
  Classes **classes;   /* of each field, or NULL */
  int *nclasses;       /* of each, before the record being read */
  bool *seen, *found;  /* per field: in the record being read; in any so far */
  /* Of a record that cannot be used: code and reason, the field or -1, and help or NULL. */
  int code, field;
  char *why, *help;
  bool missing; /* or it has missing values, and `missing = skip` leaves it out; then nothing else is wrong with it */
} JsonRecords;

void json_records_begin(JsonRecords *k, struct Session *sess, const GcData *d);
void json_records_end(JsonRecords *k);
/* Reads an object of n bytes into the raw values of all fields for which to[] is not NULL. False: it cannot be used,
 * and what to[] points to may be changed. With `missing = mean` a missing value is NaN, for the caller to fill in. */
bool json_record(JsonRecords *k, const char *s, size_t n, void *const *to);
/* The shape of a member of a record; rank -1: it has no such array. */
int json_record_shape(const char *s, size_t n, const char *member, int64_t *dim);
#endif
