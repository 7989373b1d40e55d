/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a JSON object: its members, by their names, are the raw values of fields. */
#ifndef GRADC_JSON_RECORD_H
#define GRADC_JSON_RECORD_H
#include "json_array.h"
#include "learned.h"

typedef struct JsonRecords {
  struct Session *sess;
  const GcData *d;
  Classes **classes; /* of each field, or NULL */
  int *nclasses;     /* of each, before the record being read */
  bool *seen;        /* per field, in the record being read */
  /* Of a record that cannot be used: code and reason, the field or -1, and help or NULL. */
  int code, field;
  char *why, *help;
} JsonRecords;

void json_records_begin(JsonRecords *k, struct Session *sess, const GcData *d);
void json_records_end(JsonRecords *k);
/* Reads an object of n bytes into the raw values of all fields. False: it cannot be used; to[] may be changed. */
bool json_record(JsonRecords *k, const char *s, size_t n, void *const *to);
/* The shape of a member in the first record of a text; rank -1: there is no record, member or array. */
int json_record_shape(const char *s, size_t n, const char *member, int64_t *dim);
#endif
