/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a zip archive in memory. Functions that fail leave the reason in `err`. */
#ifndef GRADC_ZIP_H
#define GRADC_ZIP_H
#include "io.h"

typedef struct ZipEntry {
  char *name;                /* new memory */
  uint64_t size, packed, at; /* of the contents; of what is stored; of the local header */
  uint32_t crc;
  int method; /* -1: encrypted */
} ZipEntry;
typedef struct Zip {
  const Bytes *file;
  uint64_t at, n; /* the central directory */
  uint64_t entries;
} Zip;

bool zip_open(Zip *z, const Bytes *file, char *err); /* finds the directory; `file` stays in use */
/* The entry at offset *at of the file, which begins at z->at; moves *at to the next. False: damaged. */
bool zip_next(const Zip *z, uint64_t *at, ZipEntry *e);
/* The contents of an entry, in the file, or in new memory if *owned. head > 0: about its first `head` bytes only,
 * without the checksum. */
bool zip_read(const Zip *z, const ZipEntry *e, size_t head, Bytes *to, bool *owned, char *err);
#endif
