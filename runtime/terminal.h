/* The standard streams of a program. */
#ifndef GRADC_TERMINAL_H
#define GRADC_TERMINAL_H
#include <stdbool.h>

/* Before any file is opened: a descriptor from 0 to 2 that the caller closed would be that of the next file, and results
 * or messages would go into it. It becomes one that cannot be used. */
void rt_standard_files(void);
bool rt_terminal(int fd); /* is it a terminal that understands escape sequences (TERM)? */
bool rt_colour(int fd);   /* and does the user want colours (NO_COLOR)? */
#endif
