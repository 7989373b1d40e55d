/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/device_cost.h"
#include "lib/embed.h"
#include "lib/gradc.h"
#include "passes/analysis/model_memory.h"

double device_cost_seconds(const DeviceCost *k, const LaunchCost *l, const char **limit) {
  bool compute;
  double seconds = target_cuda.launch_seconds(k->gpu, l, &compute);
  *limit = compute ? "flop" : "bytes";
  return l->times * seconds;
}

bool device_cost(Module *m, const char *gpu, DeviceCost *to) {
  Artifacts out;
  const char *limit;
  int sm = m->opt.sm;
  m->opt.sm = target_cuda.machine_sm(gpu);
  bool emitted = emit_program(m, &target_cuda, &(EmitOptions){.version = GRADC_VERSION, .builtin = embed_text}, &out);
  m->opt.sm = sm;
  if (!emitted) return false;
  *to = (DeviceCost){.c = m->c, .m = m, .gpu = gpu, .step = out.step};
  to->weights = m->head_bytes + m->persistent_bytes;
  to->slots = plan_slots(m);
  to->all = m->total_bytes + out.step.scratch_bytes + to->slots;
  for (int i = 0; i < out.step.n; i++) {
    to->launches += out.step.v[i].times;
    to->seconds += device_cost_seconds(to, &out.step.v[i], &limit);
  }
  return true;
}

void device_cost_json(Str *s, const DeviceCost *r) {
  str_printf(s,
             "{\"gpu\":\"%s\",\"device_bytes\":%lld,\"weight_bytes\":%lld,\"arena_bytes\":%lld,\"scratch_bytes\":%lld,"
             "\"slot_bytes\":%lld,\"launches\":%.0f,\"predicted_step_ms\":%.6g}\n",
             r->gpu, (long long)r->all, (long long)r->weights, (long long)r->m->arena_bytes,
             (long long)r->step.scratch_bytes, (long long)r->slots, r->launches, 1e3 * r->seconds);
  for (int i = 0; i < r->step.n; i++) {
    const LaunchCost *l = &r->step.v[i];
    SourcePos at = source_pos(r->c, l->loc);
    const char *limit;
    double ms = 1e3 * device_cost_seconds(r, l, &limit);
    str_printf(s, "{\"kernel\":\"%s\",\"file\":", l->kernel);
    str_json(s, at.line ? at.file : "");
    str_printf(s,
               ",\"line\":%d,\"form\":\"%s\",\"threads\":%d,\"shared_bytes\":%d,\"times\":%.0f,\"flops\":%.0f,"
               "\"bytes\":%.0f,\"ms\":%.6g,\"limit\":\"%s\"}\n",
               at.line, l->form, l->threads, l->shared_bytes, l->times, l->flops, l->bytes, ms, limit);
  }
}
