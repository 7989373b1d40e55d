/* SPDX-License-Identifier: Apache-2.0 */
/* Dead code elimination in scans: stacked results that are not read, and inputs that only these need. */
#ifndef GRADC_SCAN_DCE_H
#define GRADC_SCAN_DCE_H
#include "ir/scan.h"

typedef struct ScanLive {
  bool *out;  /* per result of the body: a final carry, or read */
  bool *port; /* per port of the body: a carry, or needed for those */
  bool all;   /* nothing is dead */
} ScanLive;

/* `read`: per result of the scan. */
ScanLive *scan_live_find(const Graph *g, Id scan, const bool *read);
/* Copies the scan into the rebuild, with a body without dead inputs and results; and a `get` of it. */
Id scan_dce_copy(Rebuild *r, Id scan, const ScanLive *t);
Id scan_dce_copy_get(Rebuild *r, Id get, const ScanLive *t);
#endif
