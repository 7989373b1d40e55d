/* SPDX-License-Identifier: Apache-2.0 */
/* How many cores this process may use: by its affinity mask, one thread per core, and the CPU quotas of its cgroups. */
#define _GNU_SOURCE
#include "cores.h"
#include "pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether cpu is the first of the allowed CPUs on its core. */
static bool leads_core(int cpu, const cpu_set_t *allowed) {
  char path[128];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  FILE *f = fopen(path, "r");
  int first, last;
  bool leads = true;
  while (f && leads && fscanf(f, "%d", &first) == 1) {
    int c = fgetc(f);
    last = first;
    if (c == '-') {
      if (fscanf(f, "%d", &last) != 1) break;
      c = fgetc(f);
    }
    for (int i = first; i <= last && i < cpu; i++)
      if (CPU_ISSET(i, allowed)) leads = false;
    if (c != ',') break;
  }
  if (f) fclose(f);
  return leads;
}

int cores_find(cpu_set_t *allowed, int core[CPU_SETSIZE]) {
  int n = 0;
  CPU_ZERO(allowed);
  if (sched_getaffinity(0, sizeof *allowed, allowed) != 0) return 0;
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (CPU_ISSET(i, allowed) && leads_core(i, allowed)) core[n++] = i;
  return n;
}

/* The number of CPUs of a quota: quota / period, rounded; 0: no quota. */
static int quota_cpus(long long quota, long long period) {
  long long n = quota > 0 && period > 0 ? (quota + period / 2) / period : 0;
  return quota <= 0 || period <= 0 ? 0 : n < 1 ? 1 : n > CPU_SETSIZE ? CPU_SETSIZE : (int)n;
}

static bool read_text(char *to, size_t n, const char *folder, const char *name) {
  char path[4200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "re");
  size_t k = f ? fread(to, 1, n - 1, f) : 0;
  if (f) fclose(f);
  to[k] = 0;
  return k > 0;
}

/* The quota of one cgroup, of version 2 or 1. */
static int quota_of(const char *folder) {
  char text[100], period[100];
  long long q, p;
  if (read_text(text, sizeof text, folder, "cpu.max"))
    return sscanf(text, "%lld %lld", &q, &p) == 2 ? quota_cpus(q, p) : 0; /* or "max" */
  if (!read_text(text, sizeof text, folder, "cpu.cfs_quota_us") ||
      !read_text(period, sizeof period, folder, "cpu.cfs_period_us"))
    return 0;
  return quota_cpus(atoll(text), atoll(period));
}

/* The smallest quota of a cgroup and its parents, up to the mount. */
static int smallest_quota(const char *mount, char *group) {
  int smallest = 0;
  for (char *slash = group + strlen(group); slash; slash = strrchr(group, '/')) {
    char folder[4100];
    *slash = 0;
    snprintf(folder, sizeof folder, "%s%s", mount, group);
    int n = quota_of(folder);
    if (n && (!smallest || n < smallest)) smallest = n;
  }
  return smallest;
}

static bool lists(const char *names, const char *end, const char *name) { /* "cpu,cpuacct" */
  for (size_t n; names < end; names += n + 1) {
    n = strcspn(names, ",:");
    if (n == strlen(name) && !strncmp(names, name, n)) return true;
  }
  return false;
}

int cores_quota(const char *groups, const char *mount) {
  char line[4000], folder[4100];
  int smallest = 0;
  FILE *f = fopen(groups, "re");
  while (f && fgets(line, sizeof line, f)) { /* "4:cpu,cpuacct:/a/b", "0::/a/b" */
    char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
    if (!path) continue;
    line[strcspn(line, "\n")] = 0;
    bool unified = path == names + 1;
    if (!unified && !lists(names + 1, path, "cpu")) continue;
    int n_names = (int)(path - names - 1);
    snprintf(folder, sizeof folder, "%s%s%.*s", mount, unified ? "" : "/", n_names, names + 1);
    int n = smallest_quota(folder, path + 1);
    if (n && (!smallest || n < smallest)) smallest = n;
  }
  if (f) fclose(f);
  return smallest;
}

int pool_default_threads(void) {
  cpu_set_t allowed_cpus;
  int core[CPU_SETSIZE], n = cores_find(&allowed_cpus, core);
  int quota = cores_quota("/proc/self/cgroup", "/sys/fs/cgroup");
  if (quota && quota < n) n = quota;
  return n > 0 ? n : 1;
}

int pool_max_threads(void) {
  enum { PER_CPU = 4, ALWAYS = 16 };
  cpu_set_t all;
  int n = sched_getaffinity(0, sizeof all, &all) == 0 ? CPU_COUNT(&all) : 1;
  return n * PER_CPU > ALWAYS ? n * PER_CPU : ALWAYS;
}
