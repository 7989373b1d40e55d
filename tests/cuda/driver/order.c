/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of synchronisation. Each case gives the right result in every mode as it should be written; with its fault
 * planted, some mode finds it: another result, or a race that is said (hooks). Each run is a process of its own. */
#include "tests/cuda/driver/test.h"
#include <sys/wait.h>
#include <unistd.h>

static int planted; /* the case has its fault */

/* y = x + 1 on one stream, z = y + 1 on another. */
static int missing_wait(void) {
  put(x, 0);
  OK(line(y, x, 1, 1, s1));
  OK(cuEventRecord(event, s1));
  if (!planted) OK(cuStreamWaitEvent(s2, event, 0));
  OK(line(z, y, 1, 1, s2));
  OK(cuStreamSynchronize(s2));
  return holds(z, 2, 1);
}
/* The event is recorded before the work that it stands for. */
static int early_event(void) {
  put(x, 0);
  if (planted) OK(cuEventRecord(event, s1));
  OK(line(y, x, 1, 1, s1));
  if (!planted) OK(cuEventRecord(event, s1));
  OK(cuStreamWaitEvent(s2, event, 0));
  OK(line(z, y, 1, 1, s2));
  OK(cuStreamSynchronize(s2));
  return holds(z, 2, 1);
}
/* y is read on one stream and then overwritten on another. */
static int overwritten(void) {
  put(x, 0);
  put(y, 10);
  OK(line(z, y, 1, 0, s1));
  OK(cuEventRecord(event, s1));
  if (!planted) OK(cuStreamWaitEvent(s2, event, 0));
  OK(line(y, x, 1, 0, s2));
  OK(cuStreamSynchronize(s2));
  OK(cuStreamSynchronize(s1));
  return holds(z, 10, 1);
}
/* Two launches write the same. */
static int two_writes(void) {
  put(x, 0);
  OK(line(y, x, 1, 1, s1));
  OK(cuEventRecord(event, s1));
  if (!planted) OK(cuStreamWaitEvent(s2, event, 0));
  OK(line(y, x, 1, 2, s2));
  OK(cuCtxSynchronize());
  return holds(y, 2, 1);
}
/* The host fills pinned memory again before it has been copied. */
static int reused_pinned(void) {
  for (int i = 0; i < N; i++) pinned[i] = (float)i;
  OK(cuMemcpyHtoDAsync_v2((CUdeviceptr)x, pinned, N * 4, s1));
  if (!planted) OK(cuStreamSynchronize(s1));
  memset(pinned, 0, N * 4);
  OK(cuStreamSynchronize(s1));
  return holds(x, 0, 1);
}
/* The host reads pinned memory before the copy to it is done. */
static int early_read(void) {
  put(x, 0);
  memset(pinned, 0, N * 4);
  OK(cuMemcpyDtoHAsync_v2(pinned, x, N * 4, s1));
  if (!planted) OK(cuStreamSynchronize(s1));
  return pinned[N - 1] == N - 1;
}
/* A copy from memory that is not pinned returns before the bytes have arrived; streams that are not blocking do not
 * wait for the null stream. */
static int null_stream(void) {
  float v[N];
  for (int i = 0; i < N; i++) v[i] = (float)i;
  OK(cuMemcpyHtoD_v2(x, v, sizeof v));
  if (!planted) OK(cuStreamSynchronize(NULL));
  OK(line(y, x, 1, 1, s1));
  OK(cuStreamSynchronize(s1));
  return holds(y, 1, 1);
}
/* Two input slots, batches by one stream, steps by another: a slot is filled again before its step has run. */
static int slots(void) {
  CUdeviceptr slot[2] = {x, y};
  CUevent filled[2], used[2];
  for (int k = 0; k < 2; k++) {
    OK(cuEventCreate(&filled[k], CU_EVENT_DISABLE_TIMING));
    OK(cuEventCreate(&used[k], CU_EVENT_DISABLE_TIMING));
  }
  OK(cuMemsetD8Async(z, 0, N * 4, s1));
  for (int k = 0; k < 6; k++) {
    if (!planted) OK(cuStreamWaitEvent(s2, used[k % 2], 0));
    OK(cuMemsetD32Async(slot[k % 2], (unsigned)(0x3f800000 + (k << 20)), N, s2)); /* 1 + k / 8 */
    OK(cuEventRecord(filled[k % 2], s2));
    OK(cuStreamWaitEvent(s1, filled[k % 2], 0));
    OK(add(z, z, slot[k % 2], s1));
    OK(cuEventRecord(used[k % 2], s1));
  }
  OK(cuStreamSynchronize(s1));
  for (int k = 0; k < 2; k++) {
    OK(cuEventDestroy_v2(filled[k]));
    OK(cuEventDestroy_v2(used[k]));
  }
  return holds(z, 6 + 15 / 8.0f, 0);
}
/* A graph without the edge from the node that writes to the one that reads. */
static int missing_edge(void) {
  int n = N;
  float one = 1;
  CUgraph g;
  CUgraphNode first, second;
  CUgraphExec exec;
  CUDA_KERNEL_NODE_PARAMS p = {.func = f_line, .gridDimX = N / 256, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 256};
  put(x, 0);
  p.blockDimY = p.blockDimZ = 1;
  OK(cuGraphCreate(&g, 0));
  p.kernelParams = (void *[]){&y, &x, &one, &one, &n};
  OK(cuGraphAddKernelNode_v2(&first, g, NULL, 0, &p));
  p.kernelParams = (void *[]){&z, &y, &one, &one, &n};
  OK(cuGraphAddKernelNode_v2(&second, g, &first, !planted, &p));
  OK(cuGraphInstantiateWithFlags(&exec, g, 0));
  OK(cuGraphLaunch(exec, s1));
  OK(cuStreamSynchronize(s1));
  OK(cuGraphExecDestroy(exec));
  OK(cuGraphDestroy(g));
  return holds(z, 2, 1);
}
/* Memory is poisoned: a fill that was forgotten is not 0. */
static int forgotten_fill(void) {
  CUdeviceptr p;
  float v[4] = {0};
  OK(cuMemAlloc_v2(&p, sizeof v));
  if (!planted) OK(cuMemsetD8_v2(p, 0, sizeof v));
  OK(cuMemcpyDtoH_v2(v, p, sizeof v));
  OK(cuMemFree_v2(p));
  return v[0] == 0 && v[3] == 0;
}
/* Host code reads memory of the device by its address. */
static int host_access(void) {
  put(x, 0);
  return planted ? *(const volatile float *)(uintptr_t)(x + 4) == 1 : holds(x, 0, 1);
}
/* A copy and a launch that nothing orders. */
static int copied(void) {
  put(x, 0);
  put(y, 10);
  OK(line(z, y, 1, 0, s1));
  OK(cuEventRecord(event, s1));
  if (!planted) OK(cuStreamWaitEvent(s2, event, 0));
  OK(cuMemcpyDtoDAsync_v2(y, x, N * 4, s2));
  OK(cuStreamSynchronize(s2));
  OK(cuStreamSynchronize(s1));
  return holds(z, 10, 1);
}
/* A kernel reads what a copy brought from memory that was never written. */
static int not_written(void) {
  CUdeviceptr p;
  put(x, 0);
  OK(cuMemAlloc_v2(&p, N * 4));
  if (!planted) OK(cuMemsetD8_v2(p, 0, N * 4));
  OK(cuMemcpyDtoD_v2(y, p, N * 4));
  OK(cuStreamSynchronize(NULL));
  OK(line(z, y, 0, 1, s1));
  OK(cuStreamSynchronize(s1));
  OK(cuMemFree_v2(p));
  return planted || holds(z, 1, 0);
}
/* A kernel gets memory that has been freed, or of the host. */
static int freed_memory(void) {
  CUdeviceptr p;
  put(x, 0);
  OK(cuMemAlloc_v2(&p, N * 4));
  if (planted) OK(cuMemFree_v2(p));
  OK(line(p, x, 1, 1, s1));
  OK(line(y, p, 1, 1, s1));
  OK(cuStreamSynchronize(s1));
  if (!planted) OK(cuMemFree_v2(p));
  return holds(y, 2, 1);
}
static int host_memory(void) {
  float *v = malloc(N * 4);
  for (int i = 0; i < N; i++) v[i] = (float)i;
  put(x, 0);
  OK(line(y, planted ? (CUdeviceptr)(uintptr_t)v : x, 1, 1, s1));
  OK(cuStreamSynchronize(s1));
  free(v);
  return holds(y, 1, 1);
}
/* The arguments of a launch are taken at the call: no fault, in either case. */
static int arguments(void) {
  int n = N;
  float a = 1, b = 1;
  put(x, 0);
  OK(cuLaunchKernel(f_line, N / 256, 1, 1, 256, 1, 1, 0, s1, (void *[]){&y, &x, &a, &b, &n}, NULL));
  a = b = 5, n = 0;
  OK(cuStreamSynchronize(s1));
  return holds(y, 1, 1);
}

/* Who must find the fault: the lazy mode by itself, in some order; the hooks in the eager mode. */
enum { LAZY = 1, HOOKS = 2, NO_FAULT = 0 };
static const struct {
  const char *name;
  int (*run)(void);
  int found_by;
} cases[] = {
  {"missing_wait", missing_wait, LAZY | HOOKS}, {"early_event", early_event, LAZY | HOOKS},
  {"overwritten", overwritten, LAZY | HOOKS},   {"two_writes", two_writes, LAZY | HOOKS},
  {"reused_pinned", reused_pinned, LAZY},       {"early_read", early_read, LAZY},
  {"null_stream", null_stream, LAZY | HOOKS},   {"slots", slots, LAZY | HOOKS},
  {"missing_edge", missing_edge, LAZY | HOOKS}, {"copied", copied, LAZY | HOOKS},
  {"not_written", not_written, HOOKS},          {"forgotten_fill", forgotten_fill, LAZY},
  {"host_access", host_access, LAZY},           {"freed_memory", freed_memory, LAZY | HOOKS},
  {"host_memory", host_memory, HOOKS},          {"arguments", arguments, NO_FAULT},
};
static const struct {
  const char *name, *lazy, *order, *hooks;
  int finds;
} modes[] = {
  {"eager", "", "rising", "0", 0},      {"eager, hooks", "", "rising", "1", HOOKS},
  {"rising", "1", "rising", "0", LAZY}, {"falling", "1", "falling", "0", LAZY},
  {"random", "1", "random", "0", LAZY}, {"falling, hooks", "1", "falling", "1", 0},
};
enum { CASES = sizeof cases / sizeof *cases, MODES = sizeof modes / sizeof *modes };

/* Whether the result is right and nothing was said of it. */
static int is_right(int c, int mode, int plant) {
  int status;
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    setenv("GC_DRIVER_LAZY", modes[mode].lazy, 1);
    setenv("GC_ORDER", modes[mode].order, 1);
    setenv("GC_HOOKS", modes[mode].hooks, 1);
    if (plant && (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))) _exit(2);
    planted = plant;
    start();
    int right = cases[c].run();
    finish();
    exit(right && !failed ? 0 : 1);
  }
  waitpid(pid, &status, 0);
  return !status;
}
int main(void) {
  for (int c = 0; c < CASES; c++) {
    int found_by = 0;
    printf("%s: found by", cases[c].name);
    for (int m = 0; m < MODES; m++) {
      if (is_right(c, m, 1)) continue;
      printf(" (%s)", modes[m].name);
      found_by |= modes[m].finds | 4;
    }
    printf("\n");
    CHECK((found_by & cases[c].found_by) == cases[c].found_by && !found_by == !cases[c].found_by);
    for (int m = 0; m < MODES; m++)
      if (!check(is_right(c, m, 0), cases[c].name, __LINE__)) printf("  in mode %s\n", modes[m].name);
  }
  return counts();
}
