/* Programs run without a shell. */
#ifndef GRADC_SPAWN_H
#define GRADC_SPAWN_H
#include <sys/types.h>

typedef struct Spawned { pid_t pid; int err; } Spawned; /* err: an errno, it was not started */

/* Starts argv[0], found in PATH; its output, both streams, replaces the file `log`. All signals reach it. */
Spawned spawn_start(const char *const *argv, const char *log);
/* Waits for its end, and returns the status as of waitpid; -1: there is an errno in s->err. */
int spawn_wait(Spawned *s);
#endif
