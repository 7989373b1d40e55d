/* SPDX-License-Identifier: Apache-2.0 */
/* Files: read completely, written with a buffer, replaced atomically. */
#ifndef GRADC_IO_H
#define GRADC_IO_H
#include "rt.h"

typedef struct Bytes {
  unsigned char *p; /* a NUL byte follows the last */
  size_t n;
} Bytes;
typedef struct IoFile { /* a file open for writing; the first error is kept */
  int fd, err;
  char *path, *tmp, *folder;
  unsigned char *buf;
  size_t used;
} IoFile;
bool io_read_all(const char *path, Bytes *out, char *err);  /* "-": standard input */
bool io_read_data(const char *path, Bytes *out, char *err); /* io_read_all, and gunzips what is gzip */
void io_create(IoFile *f, const char *path);                /* writes a temporary file beside `path` */
bool io_append(IoFile *f, const char *path, size_t keep);   /* truncates to `keep` bytes and appends */
void io_write(IoFile *f, const void *p, size_t n);
bool io_sync(IoFile *f);              /* flush and fsync; false: f->err is an errno */
bool io_commit(IoFile *f, char *err); /* after io_create: replaces `path` atomically and durably, or fails */
bool io_close(IoFile *f);             /* after io_append */
bool io_remove(const char *path);     /* true also if there is no such file */
bool io_make_folder(const char *path, bool fresh); /* and its parents; fresh: EEXIST if it exists */
bool io_exists(const char *path);
bool io_matches(const char *pattern); /* a file of this name exists, or one that a pattern with * ? [ stands for */
char **io_glob(const char *pattern, int *n); /* they, by the bytes of their names; the name itself if it exists */
bool io_map(const char *path, Bytes *out);   /* maps a file for reading, without a NUL byte after it; io_unmap */
void io_unmap(Bytes *b);
size_t io_mark(const Bytes *b); /* bytes of an initial byte order mark of UTF-8: 0 or 3 */
bool io_is_folder(const char *path);
int64_t io_mtime(const char *path);         /* time of the last change in ns; INT64_MIN: no such file */
char **io_list(const char *folder, int *n); /* names in natural order; NULL: cannot be opened */

/* gz.c */
bool gz_is(const Bytes *b);
bool gz_inflate(const Bytes *in, Bytes *out, char *err);
/* deflate data without a header, of which the length and checksum are known */
bool gz_inflate_raw(const Bytes *in, size_t n, uint32_t crc, Bytes *out, char *err);
uint32_t gz_crc32(const unsigned char *p, size_t n);
/* The beginning of such data: what `in` inflates to, up to about n bytes; false: nothing. */
bool gz_head_raw(const Bytes *in, size_t n, Bytes *out);
bool gz_head(const Bytes *in, Bytes *out); /* `in` is the beginning of a file: inflates what it can; false: nothing */
#endif
