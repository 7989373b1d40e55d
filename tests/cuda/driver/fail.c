/* SPDX-License-Identifier: Apache-2.0 */
/* GC_DRIVER_FAIL: of a sequence of calls each fails once, as it is asked to, and nothing happens after it.
 * GC_DRIVER_LOG has each call. */
#include "tests/cuda/driver/test.h"
#include <sys/wait.h>
#include <unistd.h>

static int done;
#define STEP(call) \
  do { \
    CUresult e = call; \
    if (e) return e; \
    done++; \
  } while (0)
static CUresult sequence(float *result) {
  STEP(cuInit(0));
  STEP(cuDevicePrimaryCtxRetain(&context, 0));
  STEP(cuCtxSetCurrent(context));
  STEP(cuModuleLoadData(&module, &module_image));
  STEP(cuModuleGetFunction(&f_line, module, "k_line"));
  STEP(cuMemAlloc_v2(&x, N * 4));
  STEP(cuMemAlloc_v2(&y, N * 4));
  STEP(cuStreamCreate(&s1, CU_STREAM_NON_BLOCKING));
  STEP(cuMemsetD8Async(x, 0, N * 4, s1));
  STEP(line(y, x, 1, 7, s1));
  STEP(cuMemcpyDtoHAsync_v2(result, y, 4, s1));
  STEP(cuStreamDestroy_v2(s1));
  STEP(cuModuleUnload(module));
  STEP(cuMemFree_v2(x));
  STEP(cuMemFree_v2(y));
  STEP(cuDevicePrimaryCtxRelease_v2(0));
  return CUDA_SUCCESS;
}
enum { CALLS = 16 };

/* The n-th call fails with this error; 0: none does. */
static int fails_as_asked(int n, CUresult error) {
  int status;
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    char text[32];
    float result = 0;
    snprintf(text, sizeof text, "%d:%d", n, (int)error);
    setenv("GC_DRIVER_FAIL", text, 1);
    if (!freopen("/dev/null", "w", stderr)) _exit(2);
    CUresult e = sequence(&result);
    _exit(e != error || done != (n ? n - 1 : CALLS) || (done > 10 && result != 7));
  }
  waitpid(pid, &status, 0);
  return !status;
}

/* What is left at exit makes it fail, when that is asked for. */
static int leak_is_found(void) {
  int status;
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    float result;
    setenv("GC_DRIVER_FAIL", "13", 1);
    setenv("GC_DRIVER_LEAKS", "1", 1);
    if (!freopen("/dev/null", "w", stderr)) _exit(2);
    sequence(&result);
    exit(0);
  }
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 99;
}

static int log_is_right(const char *path) {
  FILE *f = fopen(path, "r");
  char text[300], name[64];
  int n = 0, number, ok = f != NULL;
  while (ok && fgets(text, sizeof text, f)) {
    n++;
    ok = sscanf(text, "%d %63s", &number, name) == 2 && number == n && strstr(text, " = 0\n");
    if (n == 10) ok = ok && strstr(text, "cuLaunchKernel k_line, 4 x 1 x 1 blocks of 256 threads = 0");
  }
  if (f) fclose(f);
  return ok && n == CALLS;
}

int main(void) {
  for (int n = 1; n <= CALLS; n++) {
    CHECK(fails_as_asked(n, CUDA_ERROR_OUT_OF_MEMORY));
    CHECK(fails_as_asked(n, CUDA_ERROR_UNKNOWN));
  }
  CHECK(leak_is_found());
  setenv("GC_DRIVER_LOG", "driver_calls.log", 1);
  CHECK(fails_as_asked(0, CUDA_SUCCESS));
  CHECK(log_is_right("driver_calls.log"));
  return counts();
}
