/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNITS_H
#define UNITS_H
#include <stdbool.h>

#define CHECK(c) check((c), #c, __FILE__, __LINE__)
void check(bool ok, const char *what, const char *file, int line);
void test_files(void); /* units_files.c */
#endif
