/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_CORES_H
#define GRADC_CORES_H
#include <sched.h> /* with _GNU_SOURCE */

/* Fills the affinity mask, and one CPU of each core in it. Returns the number of cores; 0: unknown. */
int cores_find(cpu_set_t *allowed, int core[CPU_SETSIZE]);
/* CPUs by the quotas of the cgroups listed in a file such as /proc/self/cgroup, mounted below `mount`. 0: no quota. */
int cores_quota(const char *groups, const char *mount);
#endif
