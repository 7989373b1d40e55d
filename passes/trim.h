/* Scans without what nobody needs of them: stacked results that are not read, and inputs that only those were for. */
#ifndef GRADC_TRIM_H
#define GRADC_TRIM_H
#include "ir/scan.h"

typedef struct Trim {
  bool *out;   /* per result of the body: a final carry, or read */
  bool *port;  /* per port of the body: a carry, or needed for those */
  bool whole;  /* nothing to leave out */
} Trim;

/* `read`: per result of the scan. */
Trim *trim_find(const Graph *g, Id scan, const bool *read);
/* The copy of the scan in the rebuild, with a body of its own; and that of a `get` of it. */
Id trim_scan(Rebuild *r, Id scan, const Trim *t);
Id trim_get(Rebuild *r, Id get, const Trim *t);
#endif
