/* SPDX-License-Identifier: Apache-2.0 */
/* The standard streams of a program. */
#ifndef GRADC_TERMINAL_H
#define GRADC_TERMINAL_H
#include <stdbool.h>

/* Opens the descriptors 0 to 2 that the caller left closed, such that using them fails: the next file opened would get
 * that number, and messages would go into it. To be called before any file is opened. */
void rt_standard_files(void);
bool rt_is_terminal(int fd); /* a terminal that understands escape sequences (TERM) */
/* Such a terminal, and NO_COLOR is not set; or CLICOLOR_FORCE is set, to something else than 0. */
bool rt_has_colour(int fd);
/* --color: "never" and "always" set these variables, for the processes that are started too; "auto" leaves them. False:
 * another word. */
bool rt_set_colour(const char *when);
#endif
