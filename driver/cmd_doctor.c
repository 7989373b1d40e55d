/* SPDX-License-Identifier: Apache-2.0 */
/* gradc doctor: what gradc finds on this machine, and what is missing for what. */
#include "codegen/jit/cache.h"
#include "codegen/jit/nvcc.h"
#include "codegen/jit/nvrtc.h"
#include "codegen/target.h"
#include "codegen/jit/gpus.h"
#include "driver/toolchain.h"
#include "runtime/cublaslt.h"
#include "runtime/picture.h"
#include "serve/http_version.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Finding {
  const char *name, *use; /* use: what needs it */
  bool found;
  const char *version, *path, *detail; /* NULL: none */
  const char *why, *help;              /* of what is missing: why, and what to do */
} Finding;

typedef struct Findings {
  Ctx *c;
  Finding *v;
  int n, cap;
} Findings;

static Finding *add(Findings *f, const char *name, const char *use) {
  Finding *k = VEC_PUSH(f->c, f->v, f->n, f->cap);
  *k = (Finding){.name = name, .use = use};
  return k;
}

static const char *line_of(Ctx *c, const char *text, const char *from) {
  const char *at = strstr(text, from);
  return at ? ctx_strf(c, "%.*s", (int)strcspn(at, "\n"), at) : NULL;
}

static void find_cc(Findings *f) {
  Finding *k = add(f, "cc", "build, and run, test and eval without the clang libraries");
  const char *text = cc_version(f->c, "cc");
  k->found = *text != 0;
  k->version = line_of(f->c, text, "");
  k->path = cc_find(f->c, "cc");
  k->why = k->path ? "it does not run" : "there is no cc in $PATH";
  k->help = "install gcc or clang";
}

static void find_clang(Findings *f) {
  Finding *k = add(f, "clang", "compiling models in this process, in milliseconds");
  k->found = jit_has_clang();
  k->version = jit_describe();
  k->why = "this gradc was built without its libraries, or they cannot be loaded";
  k->help = "build gradc with the libraries of LLVM and clang 14 to 19 installed";
}

static void find_vectors(Findings *f) {
  Finding *k = add(f, "vectors", "native code");
  k->found = true;
  k->version = target_native.machine_text(f->c);
}

static void find_nvrtc(Findings *f) {
  Finding *k = add(f, "nvrtc", "compiling CUDA in this process");
  const Nvrtc *n = nvrtc_find(&k->why);
  k->help = "install it (the PyPI package nvidia-cuda-nvrtc, or a CUDA toolkit), or name it in $GRADC_NVRTC";
  if (!n) return;
  k->found = true;
  k->version = ctx_strf(f->c, "%d.%d", n->major, n->minor);
  k->path = n->path;
  if (n->narch) k->detail = ctx_strf(f->c, "sm_%d to sm_%d", n->arch[0], n->arch[n->narch - 1]);
}

static void find_nvcc(Findings *f) {
  Finding *k = add(f, "nvcc", "compiling what `gradc emit --cuda` writes");
  k->path = nvcc_find(f->c);
  const char *release = k->path ? line_of(f->c, cc_version(f->c, k->path), "release ") : NULL;
  k->found = release != NULL;
  if (release) k->version = ctx_strf(f->c, "%.*s", (int)strcspn(release + 8, ","), release + 8);
  k->why = k->path ? "it does not run" : "it is not in $PATH, $CUDA_HOME/bin or /usr/local/cuda/bin";
  k->help = "install a CUDA toolkit";
}

static void find_cublaslt(Findings *f) {
  Finding *k = add(f, "cublaslt", "--gemm=cublaslt, which nothing else needs");
  char path[PATH_MAX];
  size_t version;
  k->found = cublaslt_load(&version, path, sizeof path, &k->why) != NULL;
  k->help = "install it (a CUDA toolkit, or the PyPI package nvidia-cublas), or name it in $GRADC_CUBLASLT";
  if (!k->found) return;
  k->version = ctx_strf(f->c, "%zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
  k->path = ctx_strf(f->c, "%s", path);
}

static void find_pictures(Findings *f) {
  static const char *const name[] = {"libpng", "libjpeg"};
  const PictureFormat *const format[] = {&picture_png, &picture_jpeg};
  for (int i = 0; i < 2; i++) {
    Finding *k = add(f, name[i], i ? "JPEG pictures in data sections" : "PNG pictures in data sections");
    k->found = format[i] != NULL;
    if (k->found) k->version = format[i]->version();
    k->why = "this gradc was built without it";
    k->help = i ? "build gradc with it installed (on Debian libjpeg-dev)"
                : "build gradc with it installed (on Debian libpng-dev)";
  }
}

static void find_http(Findings *f) {
  Finding *k = add(f, "http", "gradc serve");
  char err[ERR_TEXT];
  k->version = http_version(err);
  k->found = k->version != NULL;
  k->detail = "libmicrohttpd";
  if (k->found) return;
  char *help = strchr(err, '\n');
  if (help) *help = 0;
  k->why = ctx_strf(f->c, "%s", err);
  k->help = help ? ctx_strf(f->c, "%s", help + 1) : NULL;
}

static void find_gpus(Findings *f) {
  Gpus g = gpus_find(f->c);
  Finding *k = add(f, "driver", "running models on a GPU");
  k->found = g.path && !g.why;
  k->path = g.path;
  if (g.path) k->version = ctx_strf(f->c, "for CUDA %d.%d", g.version / 1000, g.version % 1000 / 10);
  k->why = g.why;
  k->help = "install NVIDIA's driver";
  for (int i = 0; i < g.ngpu; i++)
    *add(f, "gpu", "running models on it") =
      (Finding){.name = "gpu", .use = "running models on it", .found = true, .version = g.gpu[i]};
  if (g.ngpu) return;
  k = add(f, "gpu", "running models on it");
  k->why = g.why ? "no driver" : "the driver knows none";
}

static void find_cache(Findings *f) {
  Finding *k = add(f, "cache", "code compiled before");
  const char *folder = jit_cache_folder(f->c);
  k->path = folder;
  k->help = "set $XDG_CACHE_HOME to a folder that can be written";
  if (!folder) {
    k->why = "neither $XDG_CACHE_HOME nor $HOME is set";
    return;
  }
  CacheUse u = cache_use(folder);
  k->found = !access(folder, W_OK | X_OK) || errno == ENOENT;
  k->why = ctx_strf(f->c, "%s: %s", folder, strerror(errno));
  k->version = ctx_strf(f->c, "%d files", u.entries);
  k->detail = ctx_strf(f->c, "%.1f of at most %.0f MiB", (double)u.bytes / (1 << 20), (double)u.max / (1 << 20));
}

/* ---- as text ---- */

static void print_line(const Finding *k) {
  const char *const part[] = {k->version, k->detail, k->path};
  const char *between = "";
  printf("%-8s ", k->name);
  for (size_t i = 0; i < sizeof part / sizeof *part && k->found; i++) {
    if (!part[i]) continue;
    printf("%s%s", between, part[i]);
    between = ", ";
  }
  if (!k->found)
    printf("missing: %s\n%-8s   for %s%s%s", k->why, "", k->use, k->help ? "; " : "", k->help ? k->help : "");
  putchar('\n');
}

static void print_json(Ctx *c, const Finding *k) {
  Str s = {.c = c};
  const struct {
    const char *key, *value;
  } field[] = {
    {"version", k->version},
    {"detail", k->detail},
    {"path", k->path},
    {"use", k->use},
    {"why", k->found ? NULL : k->why},
    {"help", k->found ? NULL : k->help},
  };
  str_puts(&s, "{\"name\":");
  str_json(&s, k->name);
  str_printf(&s, ",\"found\":%s", k->found ? "true" : "false");
  for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
    if (!field[i].value) continue;
    str_printf(&s, ",\"%s\":", field[i].key);
    str_json(&s, field[i].value);
  }
  printf("%s}\n", s.s);
}

int cmd_doctor(Args *a) {
  Findings f = {.c = a->c};
  signals_block(true); /* the work folders are always removed */
  find_cc(&f);
  find_clang(&f);
  find_vectors(&f);
  find_nvrtc(&f);
  find_nvcc(&f);
  find_cublaslt(&f);
  find_gpus(&f);
  find_pictures(&f);
  find_http(&f);
  find_cache(&f);
  signals_block(false);
  if (!args_has(a, OPT_json)) puts("gradc    " GRADC_VERSION);
  for (int i = 0; i < f.n; i++)
    if (args_has(a, OPT_json)) print_json(a->c, &f.v[i]);
    else print_line(&f.v[i]);
  return EXIT_OK;
}
