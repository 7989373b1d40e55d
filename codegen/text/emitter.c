/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/text/text.h"
#include <string.h>

Emitter *emitter_new(Module *m, const EmitOptions *o, ScheduleOptions schedule, const char *run) {
  Ctx *c = m->c;
  Emitter *p = ctx_alloc(c, sizeof *p);
  *p = (Emitter){.m = m, .c = c, .o = o, .target = schedule.target, .run = run};
  p->steps.options = schedule;
  p->kernels.c = p->tables.c = p->helpers.c = p->bodies.c = p->nodes.c = p->kernel_rows.c = c;
  return p;
}

Interned *text_intern(Emitter *p, const char *text, bool *made) {
  uint64_t h = hash_bytes(text, strlen(text), 7);
  int *head = &p->bucket[h % INTERN_BUCKETS];
  for (int i = *head; i; i = p->kernel[i].next)
    if (p->kernel[i].hash == h && !strcmp(p->kernel[i].text, text)) return *made = false, &p->kernel[i];
  if (!p->nkernel) VEC_PUSH(p->c, p->kernel, p->nkernel, p->capkernel);
  Interned *k = VEC_PUSH(p->c, p->kernel, p->nkernel, p->capkernel);
  *k = (Interned){.text = text, .hash = h, .next = *head};
  *head = p->nkernel - 1;
  *made = true;
  return k;
}
