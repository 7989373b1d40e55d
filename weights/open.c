// SPDX-License-Identifier: Apache-2.0
/* What the readers share: the list of tensors, their places, and which reader a file needs. */
#include "weights/weights.h"
#include "runtime/num.h"
#include "runtime/zip.h"
#include <math.h>
#include <string.h>

StTensor *weights_add(WeightFile *w, char *name, const char *type) {
  StFile *f = &w->f;
  if ((size_t)f->n == w->room) f->t = rt_realloc(f->t, rt_mul(w->room = w->room ? w->room * 2 : 64, sizeof *f->t));
  StTensor *t = &f->t[f->n++];
  *t = (StTensor){.name = name};
  st_set_type(t, type);
  return t;
}

bool weights_axis(StTensor *t, uint64_t size, char *err) {
  uint64_t n = 16;
  for (int i = 0; i < t->rank; i++) n *= t->dim[i] ? (uint64_t)t->dim[i] : 1; /* checked when they were added */
  if (t->rank == GC_MAX_RANK) return rt_fail(err, "`%.99s` has more than %d axes", t->name, GC_MAX_RANK);
  if (__builtin_mul_overflow(n, size ? size : 1, &n) || n > INT64_MAX)
    return rt_fail(err, "the shape of `%.99s` overflows", t->name);
  t->dim[t->rank++] = (int64_t)size;
  return true;
}

void weights_meta(WeightFile *w, char *key, char *value) {
  StFile *f = &w->f;
  f->meta = rt_realloc(f->meta, rt_mul((size_t)f->nmeta + 1, sizeof *f->meta));
  f->meta[f->nmeta++] = (StMeta){key, value};
}

int64_t weights_count(const StTensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= t->dim[i];
  return n;
}

bool weights_place(WeightFile *w, bool values, uint64_t most, char *err) {
  StFile *f = &w->f;
  uint64_t at = 0;
  for (int i = 0; i < f->n; i++) {
    uint64_t n = (uint64_t)weights_count(&f->t[i]) * (uint64_t)f->t[i].size;
    if (__builtin_add_overflow(at, n, &at) || at > most)
      return rt_fail(err, "`%.99s`: the tensors are larger than the file", f->t[i].name);
    f->t[i].begin = (size_t)(at - n);
    f->t[i].end = (size_t)at;
    if (!f->t[i].bytes) f->t[i].bytes = (size_t)n;
  }
  if (values) f->file = (Bytes){rt_alloc((size_t)at + 1), (size_t)at};
  f->data = f->file.p;
  return true;
}

/* ---- formats ---- */

static bool begins(const Bytes *b, const char *with) {
  return b->n >= strlen(with) && !memcmp(b->p, with, strlen(with));
}

/* A zip archive of .npy files. */
static bool is_npz(const Bytes *file) {
  Zip z;
  ZipEntry e;
  char err[ERR_TEXT];
  uint64_t at;
  if (!zip_open(&z, file, err)) return false;
  at = z.at;
  if (!z.entries || !zip_next(&z, &at, &e)) return false;
  size_t n = strlen(e.name);
  bool npy = n > 4 && !strcmp(e.name + n - 4, ".npy");
  rt_free(e.name);
  return npy;
}

bool weights_parse(const Bytes *file, bool values, WeightFile *w, char *err) {
  *w = (WeightFile){0};
  if (begins(file, "PK") && is_npz(file)) {
    w->format = "npz";
    return npz_read(file, values, w, err) && st_sort(&w->f, err);
  }
  w->format = begins(file, "PK") ? "PyTorch" : begins(file, "GGUF") ? "GGUF" : "npy";
  if (begins(file, "PK")) return pt_read(file, values, w, err) && st_sort(&w->f, err);
  if (begins(file, "GGUF")) return gguf_read(file, values, w, err) && st_sort(&w->f, err);
  if (begins(file, "\x93NUMPY")) return npy_read(file, values, w, err);
  if (begins(file, "\x80\x02\x8a\x0al\xfc\x9c"))
    return rt_fail(err, "a file of PyTorch before 1.6: torch.save(torch.load(F), F) writes the form that is read");
  w->format = "safetensors";
  Bytes copy = {rt_alloc(file->n + 1), file->n};
  memcpy(copy.p, file->p, file->n);
  return st_parse(copy, &w->f, err);
}

bool weights_open(const char *path, bool values, WeightFile *w, char *err) {
  Bytes b;
  char why[ERR_TEXT];
  *w = (WeightFile){0};
  bool mapped = io_map(path, &b);
  if (!mapped && !io_read_all(path, &b, err)) return false;
  bool ok = weights_parse(&b, values, w, why);
  if (mapped) io_unmap(&b);
  else rt_free(b.p);
  return ok || rt_fail(err, "%s: %.400s", path, why);
}

bool weights_read_other(const char *path, StFile *f, char *err) {
  WeightFile w;
  bool ok = weights_open(path, true, &w, err);
  *f = w.f;
  return ok;
}

const char *weights_suffix(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && !strcmp(dot, ".npz") ? "npz" : dot && !strcmp(dot, ".safetensors") ? "safetensors" : NULL;
}

bool weights_write(const StFile *f, const char *path, char *err) {
  return !strcmp(weights_suffix(path), "npz") ? npz_write(f, path, err) : st_write_tensors(f, path, err);
}

/* ---- values ---- */

static double value_at(const StFile *f, const StTensor *t, int64_t i) {
  const unsigned char *p = f->data + t->begin + (size_t)i * (size_t)t->size;
  if (t->dtype >= 0 && (uintptr_t)p % (size_t)t->size == 0) return num_load((GcDType)t->dtype, p, 0);
  unsigned char aligned[8] __attribute__((aligned(8))) = {0};
  int64_t v;
  memcpy(aligned, p, (size_t)t->size);
  memcpy(&v, aligned, 8);
  if (t->dtype >= 0) return num_load((GcDType)t->dtype, aligned, 0);
  return t->kind == 'i' ? (double)v : (double)(uint64_t)v; /* 64-bit integers; 8-bit floats by their bits */
}

/* Of 64-bit integers, whose doubles may be equal where they differ. */
static bool differ(const StFile *fa, const StTensor *a, const StFile *fb, const StTensor *b, int64_t i) {
  if (a->size != 8 || a->kind != b->kind || b->size != 8 || a->kind == 'f') return false;
  size_t at = (size_t)i * 8;
  return memcmp(fa->data + a->begin + at, fb->data + b->begin + at, 8) != 0;
}

double weights_distance(const StFile *fa, const StTensor *a, const StFile *fb, const StTensor *b) {
  double most = 0;
  int64_t n = weights_count(a);
  for (int64_t i = 0; i < n; i++) {
    double x = value_at(fa, a, i), y = value_at(fb, b, i), d = fabs(x - y);
    if (d == 0 && differ(fa, a, fb, b, i)) d = 1;
    else if (x == y || (isnan(x) && isnan(y))) continue;
    if (isnan(d)) return INFINITY;
    if (d > most) most = d;
  }
  return most;
}

bool weights_cast(StFile *f, StTensor *t, GcDType to, char *err) {
  if (t->dtype == (int)to) return true;
  if (!gc_is_float(t->dtype) || !gc_is_float(to)) return rt_fail(err, "`%.99s` is %s", t->name, t->type);
  int64_t n = weights_count(t);
  size_t size = gc_dtype_size[to], begin = (f->file.n + 7) / 8 * 8;
  f->file.p = rt_realloc(f->file.p, begin + rt_mul((size_t)n, size) + 1);

  f->file.n = begin + (size_t)n * size;
  f->data = f->file.p;
  for (int64_t i = 0; i < n; i++) num_store(to, f->file.p + begin, (size_t)i, value_at(f, t, i));
  const char *given = t->given;
  st_set_type(t, st_type_name(to));
  t->given = given;
  t->begin = begin;
  t->end = f->file.n;
  return true;
}
