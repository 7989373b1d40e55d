#ifndef GRADC_CORES_H
#define GRADC_CORES_H
#include <sched.h> /* with _GNU_SOURCE */

/* One CPU of each core that this process may use, and all of its CPUs; 0: not known. */
int cores_find(cpu_set_t *allowed, int core[CPU_SETSIZE]);
/* CPUs by the quotas of the control groups in a file such as /proc/self/cgroup; mount: where their file systems are.
 * 0: no quota. */
int cores_quota(const char *groups, const char *mount);
#endif
