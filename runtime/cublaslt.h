/* SPDX-License-Identifier: Apache-2.0 */
/* Where cuBLASLt is. */
#ifndef GRADC_CUBLASLT_H
#define GRADC_CUBLASLT_H
#include <stddef.h>

/* Loads the library; NULL: *why says why not. version: cublasLtGetVersion, such as 130000. `path` may be NULL; else it
 * gets the name of the file. */
void *cublaslt_load(size_t *version, char *path, size_t n, const char **why);
#endif
