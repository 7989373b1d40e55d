/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/gemm_tuning.h"
#include "codegen/c/machine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const gemm_form_name[GF_COUNT] = {"auto", "direct", "packed", "dots", "gemm"};

/* ---- choices ---- */

TunedGemm *tuning_find(const GemmTuning *t, const char *key) {
  for (int i = 0; i < t->n; i++)
    if (!strcmp(t->v[i].key, key)) return &t->v[i];
  return NULL;
}

GemmChoice gemm_choice(const GemmTuning *t, const char *key) {
  if (!t || !key) return (GemmChoice){0};
  if (t->all) return *t->all;
  const TunedGemm *row = tuning_find(t, key);
  return row ? row->choice : (GemmChoice){0};
}

void tuning_set(Ctx *c, GemmTuning *t, TunedGemm row) {
  TunedGemm *old = tuning_find(t, row.key);
  if (old) *old = row;
  else *VEC_PUSH(c, t->v, t->n, t->cap) = row;
}

void tuning_remove(GemmTuning *t, const char *key) {
  TunedGemm *row = tuning_find(t, key);
  if (row) *row = t->v[--t->n];
}

/* ---- the file ---- */

/* The processor's name; "" if it is not known. */
static const char *processor(Ctx *c) {
  static const char *const key = "model name";
  char line[256];
  const char *name = "";
  FILE *f = fopen("/proc/cpuinfo", "r");
  while (f && !*name && fgets(line, sizeof line, f)) {
    const char *colon = strchr(line, ':');
    if (!strncmp(line, key, strlen(key)) && colon) name = ctx_strf(c, "%.*s", (int)strcspn(colon, "\n"), colon);
  }
  if (f) fclose(f);
  return name;
}

const char *tuning_path(Ctx *c, const char *cache) {
  const char *cpu = processor(c), *row = machine_find("native")->name;
  return ctx_strf(c, "%s/tuned/%s-%08x.txt", cache, row, (unsigned)hash_bytes(cpu, strlen(cpu), 0));
}

static bool read_line(Ctx *c, const char *line, TunedGemm *row) {
  char type[16], shape[64], hash[16], form[16];
  GemmChoice *k = &row->choice;
  int end = 0;
  if (sscanf(line, "%15s %63s %15s %15s %d %d %d %lf %lf %n", type, shape, hash, form, &k->kc, &k->rows, &k->cols,
             &row->ms, &row->ms_before, &end) != 9 ||
      line[end] || k->kc < 0 || k->rows < 0 || k->cols < 0)
    return false;
  while (k->form < GF_COUNT && strcmp(gemm_form_name[k->form], form) != 0) k->form++;
  row->key = ctx_strf(c, "%s %s %s", type, shape, hash);
  return k->form < GF_COUNT;
}

void tuning_read(Ctx *c, const char *path, GemmTuning *t) {
  char line[256];
  FILE *f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f)) {
    TunedGemm row = {0};
    if (read_line(c, line, &row)) tuning_set(c, t, row);
  }
  if (f) fclose(f);
}

const GemmTuning *tuning_of_cache(Ctx *c, const char *cache) {
  GemmTuning *t = ctx_alloc(c, sizeof *t);
  *t = (GemmTuning){0};
  if (cache) tuning_read(c, tuning_path(c, cache), t);
  return t;
}

void tuning_print(Str *s, Ctx *c, const GemmTuning *t) {
  str_printf(s,
             "# Measured by gradc tune on%s\n# type, rows x contracted x columns, hash, form, kc, rows, columns, ms, "
             "ms before\n",
             processor(c));
  for (int i = 0; i < t->n; i++) {
    const TunedGemm *r = &t->v[i];
    str_printf(s, "%s %s %d %d %d %.6g %.6g\n", r->key, gemm_form_name[r->choice.form], r->choice.kc, r->choice.rows,
               r->choice.cols, r->ms, r->ms_before);
  }
}
