/* SPDX-License-Identifier: Apache-2.0 */
/* What `gradc tune` measured: how each GEMM runs fastest on this machine. A text file in the cache, one for each kind
 * of processor. In strict mode no choice changes a bit; else forms may add in another order. */
#ifndef GRADC_GEMM_TUNING_H
#define GRADC_GEMM_TUNING_H
#include "codegen/gemm.h"

/* GF_DIRECT to GF_DOTS: 1 + the forms of gemm.inc. GF_GEMM: a convolution as a GEMM, not in tiles of its own. */
typedef enum GemmForm { GF_AUTO, GF_DIRECT, GF_PACKED, GF_DOTS, GF_GEMM, GF_COUNT } GemmForm;
extern const char *const gemm_form_name[GF_COUNT];

typedef struct GemmChoice { /* 0: gemm.inc chooses */
  GemmForm form;
  int kc, rows, cols; /* contracted elements of a block, rows and columns of a task */
} GemmChoice;

typedef struct TunedGemm {
  const char *key;
  GemmChoice choice;
  double ms, ms_before; /* of a step or call, with this choice and without */
} TunedGemm;

typedef struct GemmTuning {
  const GemmChoice *all; /* not NULL: of every GEMM, while they are measured */
  TunedGemm *v;
  int n, cap;
} GemmTuning;

GemmChoice gemm_choice(const GemmTuning *t, const char *key); /* t and key may be NULL */
TunedGemm *tuning_find(const GemmTuning *t, const char *key); /* NULL: there is none */
void tuning_set(Ctx *c, GemmTuning *t, TunedGemm row);        /* replaces the row of the same key */
void tuning_remove(GemmTuning *t, const char *key);

/* The file of this processor in the cache folder. */
const char *tuning_path(Ctx *c, const char *cache);
/* Lines that are not of this form are left out; a file that cannot be read is empty. */
void tuning_read(Ctx *c, const char *path, GemmTuning *t);
const GemmTuning *tuning_of_cache(Ctx *c, const char *cache); /* cache may be NULL */
void tuning_print(Str *s, Ctx *c, const GemmTuning *t);
#endif
