// SPDX-License-Identifier: Apache-2.0
/* A reader of Python's pickles, protocols 2 to 5, that runs nothing: it builds a tree, in which a call is a node. The
 * functions and classes that a pickle may name are a list (pickle.c); any other ends the reading. */
#ifndef GRADC_PICKLE_H
#define GRADC_PICKLE_H
#include "runtime/rt.h"

typedef enum PickleKind {
  PICKLE_NONE,
  PICKLE_BOOL,   /* i */
  PICKLE_INT,    /* i */
  PICKLE_FLOAT,  /* x */
  PICKLE_TEXT,   /* s, n: in the pickle; text or bytes */
  PICKLE_TUPLE,  /* items */
  PICKLE_LIST,   /* items */
  PICKLE_DICT,   /* items with keys */
  PICKLE_GLOBAL, /* s, n: "torch._utils _rebuild_tensor_v2" */
  PICKLE_CALL,   /* items: what is called, its argument tuple */
  PICKLE_STORED  /* items: the identifier of a persistent object */
} PickleKind;

typedef struct PickleValue {
  PickleKind kind;
  int first, last, count; /* items: cells; 0: none */
  int64_t i;
  double x;
  const char *s;
  size_t n;
} PickleValue;
typedef struct PickleCell {
  int key, value, next; /* key 0: none */
} PickleCell;

typedef struct Pickle {
  PickleValue *v; /* v[0] is unused */
  PickleCell *cell;
  int nv, capv, ncell, capcell;
  int root;
  bool unsafe; /* it names something else than the list */
} Pickle;

bool pickle_read(Pickle *p, const unsigned char *text, size_t n, char *err);
void pickle_free(Pickle *p);
int pickle_item(const Pickle *p, int value, int number); /* the value of an item; 0: there are fewer */
bool pickle_is(const Pickle *p, int value, const char *global);
#endif
