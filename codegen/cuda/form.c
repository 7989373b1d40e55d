/* SPDX-License-Identifier: Apache-2.0 */
/* The table of forms, and the plain form: each point of the outer axes is a thread, which runs the scalar nest. */
#include "codegen/cuda/cuda.h"

static bool suits_plain(const Kernel *k, const NestSchedule *s, FormShape *f) {
  Module *m = k->gs->g->m;
  Dim points = 1;
  for (int i = 0; i < s->npoint; i++) points = dim_mul(m, points, s->nest->axes.axis[s->point[i]].extent);
  *f = (FormShape){.launches = 1, .launch[0] = {.grid[0] = {points, CUDA_BLOCK}, .block = CUDA_BLOCK}};
  return true;
}

static void print_plain(Emitter *p, const Launch *l, Str *body) { nest_print(p, l->step->kernel, l->schedule, body); }

const Form form_plain = {"plain", suits_plain, print_plain};

/* Per class, the best first; after them comes the plain form. */
enum { MAX_FORMS = 12 };
static const Form *const FORMS[KC_COUNT][MAX_FORMS] = {
  [KC_LOOP] = {&form_transpose, &form_map},
  [KC_ROW] = {&form_row_warp, &form_row_block, &form_columns, &form_map},
  [KC_CONTRACT] = {&form_gemm_library, &form_gemm_wgmma_split, &form_gemm_wgmma, &form_gemm_mma_split, &form_gemm_mma,
                   &form_gemm_tf32_split, &form_gemm_tf32, &form_gemv_warp, &form_gemv_thread, &form_gemm_simt_split,
                   &form_gemm_simt},
  [KC_CONV] = {&form_gemm_wgmma_split, &form_gemm_wgmma, &form_gemm_mma_split, &form_gemm_mma, &form_gemm_tf32_split,
               &form_gemm_tf32, &form_gemm_simt_split, &form_gemm_simt},
  [KC_ATTEND] = {&form_attend_mma, &form_attend_tf32, &form_attend_simt},
  [KC_WINDOW] = {&form_map},
  [KC_SCATTER] = {&form_segments, &form_map},
  [KC_SORT] = {&form_sort, &form_topk},
  [KC_CUM] = {&form_cumulative, &form_cumulative_in_order, &form_map},
  [KC_CONCAT] = {&form_transpose, &form_map},
};

const Form *form_choose(const Kernel *k, const NestSchedule *s, const FormOptions *o, FormShape *f) {
  for (const Form *const *form = FORMS[k->group->cls]; *form && !o->plain; form++) {
    *f = (FormShape){0};
    if ((*form)->suits(k, s, f) && f->scratch <= o->scratch) return *form;
  }
  form_plain.suits(k, s, f);
  return &form_plain;
}
