/* SPDX-License-Identifier: Apache-2.0 */
/* `bench --profile`: the time of each kernel beside its roofline, the longer of computing and of moving its bytes by
 * the rates of the machine that it was built for, or by the peaks of the GPU that it runs on. Threads divide the former
 * and not the latter. */
#include "device.h"
#include "json.h"
#include "rt.h"
#include "session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Kernel { /* a line of GcModel.kernels, or GcDevice.rows */
  int file, line;
  char kind[16], form[16];
  double flops, bytes, compute, memory;
  const char *name, *layer, *gemm; /* layer: the call in the model that it computes; gemm: its key, or "" */
  int length, layer_length, gemm_length;
} Kernel;

static const char *read_kernel(const char *s, Kernel *k) {
  int n = 0;
  sscanf(s, "%d %d %15s %15s %lf %lf %lf %lf %n", &k->file, &k->line, k->kind, k->form, &k->flops, &k->bytes,
         &k->compute, &k->memory, &n);
  if (!strcmp(k->kind, "-")) *k->kind = 0; /* a launch of no nest */
  if (!strcmp(k->form, "-")) *k->form = 0;
  k->name = s + n;
  k->length = (int)strcspn(k->name, "\t\n");
  k->layer = k->name + k->length + (k->name[k->length] == '\t');
  k->layer_length = (int)strcspn(k->layer, "\t\n");
  k->gemm = k->layer + k->layer_length + (k->layer[k->layer_length] == '\t');
  k->gemm_length = (int)strcspn(k->gemm, "\n");
  return k->gemm + k->gemm_length + 1;
}

static int kernels_of(const Session *sess) { return sess->dev ? sess->m->device->nkernels : sess->m->nkernels; }

void profile_begin(Session *sess) {
  GcProfile *p = rt_alloc(sizeof *p);
  p->seconds = rt_array((size_t)kernels_of(sess) + 1, sizeof *p->seconds);
  p->count = rt_array((size_t)kernels_of(sess) + 1, sizeof *p->count);
  sess->least = rt_array((size_t)kernels_of(sess) + 1, sizeof *sess->least);
  p->now = rt_now;
  sess->profile = p;
  if (sess->dev) device_profile_begin(sess);
}

/* The least time is of a call that other processes interrupted least. */
void profile_call(Session *sess, int64_t call) {
  GcProfile *p = sess->profile;
  for (int i = 0; i < kernels_of(sess); i++) {
    if (!call || p->seconds[i] < sess->least[i]) sess->least[i] = p->seconds[i];
    p->seconds[i] = 0;
  }
}

typedef struct Row {
  Kernel k;
  int index;
  double ms, roofline, flops, bytes; /* per call of the graph */
} Row;

static int by_gain(const void *x, const void *y) {
  const Row *a = x, *b = y;
  double ga = a->ms - a->roofline, gb = b->ms - b->roofline;
  return ga == gb ? (a->index > b->index) - (a->index < b->index) : ga < gb ? 1 : -1;
}

/* The seconds of the roofline of one execution; 0: the peaks of the GPU are not known. */
static double roofline(const Session *sess, const Kernel *k) {
  const GcGpu *peak = sess->dev ? device_peaks(sess) : NULL;
  double compute = k->compute / sess->threads, memory = k->memory;
  if (sess->dev) compute = memory = 0;
  if (peak) compute = k->flops / peak->flops[(int)k->compute], memory = k->bytes / peak->bytes;
  return compute > memory ? compute : memory;
}

static int make_rows(const Session *sess, int64_t calls, Row *row) {
  const char *at = sess->dev ? sess->m->device->rows : sess->m->kernels;
  int n = 0;
  for (int i = 0; at && i < kernels_of(sess); i++) {
    Kernel k;
    at = read_kernel(at, &k);
    double times = (double)sess->profile->count[i] / (double)calls;
    if (times == 0) continue;
    row[n++] = (Row){.k = k,
                     .index = i,
                     .ms = sess->least[i] * 1e3,
                     .roofline = roofline(sess, &k) * times * 1e3,
                     .flops = k.flops * times,
                     .bytes = k.bytes * times};
  }
  qsort(row, (size_t)n, sizeof *row, by_gain);
  return n;
}

/* "gpt.nn:31" */
static char *line_of(const Session *sess, const Kernel *k) {
  const char *const *files = sess->dev ? sess->m->device->row_files : sess->m->kernel_files;
  const char *file = files[k->file], *slash = strrchr(file, '/');
  return k->line ? rt_printf("%s:%d", slash ? slash + 1 : file, k->line) : rt_strdup("");
}

static void print_json(const Session *sess, const Row *r) {
  char *line = line_of(sess, &r->k), *quoted = json_quote(line);
  rt_out(
    "{\"event\":\"kernel\",\"kernel\":\"%.*s\",\"line\":%s,\"class\":\"%s\",\"form\":\"%s\",\"ms\":%.6g,\"flop\":%.9g,"
    "\"bytes\":%.9g,\"roofline_ms\":%.6g,\"layer\":\"%.*s\"",
    r->k.length, r->k.name, quoted, r->k.kind, r->k.form, r->ms, r->flops, r->bytes, r->roofline, r->k.layer_length,
    r->k.layer);
  if (r->k.gemm_length) rt_out(",\"gemm\":\"%.*s\"", r->k.gemm_length, r->k.gemm);
  rt_out("}\n");
  rt_free(line);
  rt_free(quoted);
}

static void print_text(const Session *sess, const Row *r, double all) {
  char *line = line_of(sess, &r->k);
  rt_out("%9.4f %5.1f %9.4f %6.1f %8.2f %7.2f  %-11s  %-18s %.*s\n", r->ms, 100 * r->ms / all, r->roofline,
         r->roofline > 0 ? r->ms / r->roofline : 0, r->flops / r->ms * 1e-6, r->bytes / r->ms * 1e-6, r->k.form, line,
         r->k.length, r->k.name);
  rt_free(line);
}

void profile_print(const Session *sess, int64_t calls) {
  Row *row = rt_array((size_t)kernels_of(sess) + 1, sizeof *row);
  int n = make_rows(sess, calls, row);
  double ms = 0, roofline = 0;
  for (int i = 0; i < n; i++) ms += row[i].ms, roofline += row[i].roofline;
  if (!sess->o.json)
    rt_out("       ms     %%  roofline  ratio  GFLOP/s    GB/s  form         line               kernel\n");
  for (int i = 0; i < n; i++) sess->o.json ? print_json(sess, &row[i]) : print_text(sess, &row[i], ms);
  if (!sess->o.json)
    rt_out("%9.4f 100.0 %9.4f %6.1f  all %d kernels\n\n", ms, roofline, roofline > 0 ? ms / roofline : 0, n);
  rt_free(row);
}
