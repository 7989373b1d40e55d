/* SPDX-License-Identifier: Apache-2.0 */
/* Complete reads and writes, resumed after interruptions. False: see errno (reading: or the file is too short). */
#ifndef GRADC_FD_H
#define GRADC_FD_H
#include <stdbool.h>
#include <stddef.h>

bool fd_read_all(int fd, void *p, size_t n);
bool fd_write_all(int fd, const void *p, size_t n);
#endif
