/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "codegen/jit/nvrtc.h"
#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *Program;
#define FUNCTIONS(F) \
  F(Version, (int *, int *)) \
  F(GetNumSupportedArchs, (int *)) \
  F(GetSupportedArchs, (int *)) \
  F(CreateProgram, (Program *, const char *, const char *, int, const char *const *, const char *const *)) \
  F(DestroyProgram, (Program *)) \
  F(CompileProgram, (Program, int, const char *const *)) \
  F(GetProgramLogSize, (Program, size_t *)) \
  F(GetProgramLog, (Program, char *)) \
  F(GetCUBINSize, (Program, size_t *)) \
  F(GetCUBIN, (Program, char *)) \
  F(GetPTXSize, (Program, size_t *)) \
  F(GetPTX, (Program, char *))

static struct {
#define DECLARE(name, params) int(*name) params;
  FUNCTIONS(DECLARE)
#undef DECLARE
} rtc; /* each returns 0 for success */

/* ---- finding it ---- */

/* Where it may be, in this order; $NAME is a variable of the environment. "": where the loader looks. The last ones are
 * the folders of PyPI's packages. */
static const char *const FOLDER[] = {
  "$CUDA_HOME/lib64",
  "$CUDA_PATH/lib64",
  "",
  "$VIRTUAL_ENV/lib/python3*/site-packages/nvidia/*/lib",
  "$CONDA_PREFIX/lib",
  "/usr/local/cuda/lib64",
  "/usr/local/cuda-*/lib64",
  "/opt/cuda/lib64",
  "$HOME/.local/lib/python3*/site-packages/nvidia/*/lib",
  "/usr/local/lib/python3*/site-packages/nvidia/*/lib",
  "/usr/local/lib/python3*/dist-packages/nvidia/*/lib",
  "/usr/lib/python3*/site-packages/nvidia/*/lib",
};
/* Endings of libnvrtc.so; that of 11.2 is of all later versions of 11, too. */
static const char *const VERSION[] = {".13", ".12", ".11.2"};

static struct { /* found once for the process */
  Nvrtc found;
  bool loaded;
  char reason[PATH_MAX + 256];
} nvrtc;

static bool resolve(void *library) {
#define RESOLVE(name, params) \
  if (!(*(void **)&rtc.name = dlsym(library, "nvrtc" #name))) return false;
  FUNCTIONS(RESOLVE)
#undef RESOLVE
  return true;
}

static bool describe(void) {
  Dl_info info;
  nvrtc.found.path = dladdr(*(void **)&rtc.Version, &info) && info.dli_fname ? strdup(info.dli_fname) : NULL;
  if (!nvrtc.found.path || rtc.Version(&nvrtc.found.major, &nvrtc.found.minor) ||
      rtc.GetNumSupportedArchs(&nvrtc.found.narch))
    return false;
  nvrtc.found.arch = calloc((size_t)nvrtc.found.narch + 1, sizeof *nvrtc.found.arch);
  return nvrtc.found.arch && !rtc.GetSupportedArchs(nvrtc.found.arch);
}

static bool load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const char *problem = library ? "not an NVRTC that has what gradc needs (11.2 or later)" : dlerror();
  if (library && resolve(library) && describe()) return true;
  if (library || !*nvrtc.reason)
    snprintf(nvrtc.reason, sizeof nvrtc.reason, "%s%s%s", library ? path : "", library ? ": " : "", problem);
  if (library) dlclose(library);
  return false;
}

/* The folder with the value of its variable; false: that is not set, or too long. */
static bool expand(const char *folder, char out[PATH_MAX]) {
  if (*folder != '$') return snprintf(out, PATH_MAX, "%s", folder) < PATH_MAX;
  size_t n = strcspn(folder, "/");
  char name[32];
  snprintf(name, sizeof name, "%.*s", (int)n - 1, folder + 1);
  const char *value = getenv(name);
  return value && *value == '/' && snprintf(out, PATH_MAX, "%s%s", value, folder + n) < PATH_MAX;
}

static bool load_from(const char *folder, const char *version) {
  char path[PATH_MAX + 32];
  glob_t match;
  if (!*folder) return snprintf(path, sizeof path, "libnvrtc.so%s", version), load(path);
  snprintf(path, sizeof path, "%s/libnvrtc.so%s", folder, version);
  bool ok = false;
  if (glob(path, 0, NULL, &match)) return false;
  for (size_t i = match.gl_pathc; i-- > 0 && !ok;) ok = load(match.gl_pathv[i]); /* the highest version first */
  globfree(&match);
  return ok;
}

static void find(void) {
  const char *given = getenv("GRADC_NVRTC");
  char folder[PATH_MAX];
  if (given && *given) {
    nvrtc.loaded = load(given);
    return;
  }
  for (size_t i = 0; i < sizeof FOLDER / sizeof *FOLDER && !nvrtc.loaded; i++)
    for (size_t v = 0; v < sizeof VERSION / sizeof *VERSION && !nvrtc.loaded; v++)
      nvrtc.loaded = expand(FOLDER[i], folder) && load_from(folder, VERSION[v]);
}

const Nvrtc *nvrtc_find(const char **why) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
  *why = nvrtc.reason;
  return nvrtc.loaded ? &nvrtc.found : NULL;
}

/* ---- compiling ---- */

typedef int SizeFn(Program, size_t *);
typedef int TextFn(Program, char *);

static bool take(Program p, SizeFn *size, TextFn *text, JitBlob *out) {
  *out = (JitBlob){0};
  if (size(p, &out->n) || !(out->p = calloc(out->n + 1, 1))) return false;
  if (!text(p, out->p)) return true;
  free(out->p);
  *out = (JitBlob){0};
  return false;
}

bool nvrtc_compile(const char *text, const char *const *option, int n, JitBlob *out, char **log) {
  Program p;
  JitBlob messages = {0};
  bool code = false;
  for (int i = 0; i < n; i++) code |= !strncmp(option[i], "-arch=sm_", 9);
  *out = (JitBlob){0};
  *log = NULL;
  if (rtc.CreateProgram(&p, text, "model.cu", 0, NULL, NULL)) return false;
  bool ok = !rtc.CompileProgram(p, n, option);
  take(p, rtc.GetProgramLogSize, rtc.GetProgramLog, &messages);
  *log = messages.p;
  ok = ok && take(p, code ? rtc.GetCUBINSize : rtc.GetPTXSize, code ? rtc.GetCUBIN : rtc.GetPTX, out);
  rtc.DestroyProgram(&p);
  return ok;
}
