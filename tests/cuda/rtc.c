/* SPDX-License-Identifier: Apache-2.0 */
/* rtc ARCH FILE FLAG...: compiles one CUDA file in this process by NVRTC, found at run time, and prints its log with
 * what ptxas says of each kernel, and the milliseconds of processor time. $RTC_CUBIN: receives the code. Status 3:
 * NVRTC is not there; without arguments, nothing else is tried. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *Program;
static struct {
  int (*version)(int *, int *);
  int (*create)(Program *, const char *text, const char *name, int n, const char *const *texts,
                const char *const *names);
  int (*compile)(Program, int, const char *const *);
  int (*log_size)(Program, size_t *);
  int (*log)(Program, char *);
  int (*code_size)(Program, size_t *);
  int (*code)(Program, char *);
} rtc;

static void *load(void) {
  static const char *const folders[] = {"", "/usr/local/cuda/lib64/", "/usr/lib/x86_64-linux-gnu/"};
  char name[128];
  void *l = NULL;
  for (int i = 0; i < 3 && !l; i++)
    for (int v = 13; v >= 11 && !l; v--) {
      snprintf(name, sizeof name, "%slibnvrtc.so.%d%s", folders[i], v, v == 11 ? ".2" : "");
      l = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
  return l;
}
static int find(void) {
  void *l = load();
  if (!l) return 0;
#define GET(field, name) *(void **)&rtc.field = dlsym(l, "nvrtc" name)
  GET(version, "Version"), GET(create, "CreateProgram"), GET(compile, "CompileProgram");
  GET(log_size, "GetProgramLogSize"), GET(log, "GetProgramLog");
  GET(code_size, "GetCUBINSize"), GET(code, "GetCUBIN");
  return rtc.version && rtc.create && rtc.compile && rtc.log_size && rtc.log && rtc.code_size && rtc.code;
}
static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  enum { MAX = 1 << 20 };
  char *s = malloc(MAX);
  if (!f) perror(path), exit(1);
  s[fread(s, 1, MAX - 1, f)] = 0;
  fclose(f);
  return s;
}

static void save_code(Program p, const char *path) {
  size_t size = 0;
  rtc.code_size(p, &size);
  char *code = calloc(size + 1, 1);
  rtc.code(p, code);
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(code, 1, size, f) != size || fclose(f)) perror(path), exit(1);
}

int main(int argc, char **argv) {
  /* What kernels include, by the names that they use; the working folder is the source tree. */
  static const char *const names[] = {"codegen/cuda/device.inc", "tile.inc", "prim_ref.h", "prim_main.h"};
  static const char *const paths[] = {"codegen/cuda/device.inc", "tests/cuda/kernels/tile.inc", "tests/cuda/prim_ref.h",
                                      "tests/cuda/prim_main.h"};
  const char *texts[4], *flags[32] = {"", "-std=c++17", "-default-device", "--ptxas-options=-v"};
  int n = 4, major, minor;
  if (!find()) return 3;
  rtc.version(&major, &minor);
  if (argc < 3) return printf("NVRTC %d.%d\n", major, minor), 0;
  char arch[32];
  snprintf(arch, sizeof arch, "-arch=%s", argv[1]);
  flags[0] = arch;
  for (int i = 3; i < argc && n < 32; i++) flags[n++] = argv[i];
  for (int i = 0; i < 4; i++) texts[i] = read_file(paths[i]);
  Program p;
  size_t size = 0;
  rtc.create(&p, read_file(argv[2]), argv[2], 4, texts, names);
  clock_t begin = clock();
  int failed = rtc.compile(p, n, flags);
  double ms = 1e3 * (double)(clock() - begin) / CLOCKS_PER_SEC;
  rtc.log_size(p, &size);
  char *log = calloc(size + 1, 1);
  rtc.log(p, log);
  printf("%scompiled in %.0f ms\n", log, ms);
  if (!failed && getenv("RTC_CUBIN")) save_code(p, getenv("RTC_CUBIN"));
  return failed != 0;
}
