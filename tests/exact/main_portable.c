/* Trains a model emitted as portable C on the batches of exact.h and prints the lines that reference.c prints. */
#include "exact.h"
#include "spec.h"

static union { unsigned char mem[ALIGN + MODEL_BYTES]; double align; } memory __attribute__((aligned(64)));
static union { unsigned char raw[1 << 20]; double align; } batch[16];

int main(void) {
  unsigned char *mem = memory.mem + ALIGN; /* aligned to that, and under a budget to no more */
  void *in[16];
  int nfield = (int)(sizeof field / sizeof *field), s, f, k;
  for (f = 0; f < nfield; f++) {
    in[f] = batch[f].raw;
    if (field[f].count * field[f].bytes > (int64_t)sizeof batch[f].raw) return 3;
  }
  MODEL_INIT(mem, seed);
  ((MODEL_RUN *)mem)->steps = STEPS;
  ((MODEL_RUN *)mem)->steps_per_epoch = 7;
  for (s = 0; s < STEPS; s++) {
    for (f = 0; f < nfield; f++)
      for (int64_t i = 0; i < field[f].count; i++)
        if (field[f].is_float) ((float *)in[f])[i] = exact_float((uint32_t)s, (uint32_t)f, (uint32_t)i);
        else if (field[f].bytes == 4) ((int32_t *)in[f])[i] = exact_int((uint32_t)s, (uint32_t)f, (uint32_t)i, field[f].range);
        else ((unsigned char *)in[f])[i] = (unsigned char)exact_int((uint32_t)s, (uint32_t)f, (uint32_t)i, field[f].range);
    int status = model_step(mem, in);
    exact_step_line(s + 1, status, ((MODEL_RUN *)mem)->loss);
  }
  for (k = 0; k < (int)(sizeof place / sizeof *place); k++) {
    const Place *p = &place[k];
    uint64_t h = 0xcbf29ce484222325u;
    for (int64_t i = 0; i < p->count; i++)
      h = exact_hash(h, mem + p->offset + exact_at(i, p->rank, p->dim, p->perm, p->panel, p->axis) * p->bytes, p->bytes);
    exact_var_line(p->name, h);
  }
  return 0;
}
