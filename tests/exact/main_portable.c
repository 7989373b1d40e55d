/* Trains a model emitted as portable C on the batches of exact.h and prints the lines that reference.c prints. */
#include "exact.h"
#include "spec.h"

static union { unsigned char mem[ALIGN + MODEL_BYTES]; double align; } memory __attribute__((aligned(64)));
static union { unsigned char raw[1 << 20]; double align; } batch[16];

/* Guards stand behind every result: a call writes what its sizes say and no more. */
static union { unsigned char raw[1 << 20]; double align; } result[16];
static void call_export(unsigned char *mem, const Call *c) {
  void *in[16], *out[16];
  uint64_t h = 0xcbf29ce484222325u;
  for (int f = 0; f < c->nin; f++) {
    in[f] = batch[f].raw;
    for (int64_t i = 0; i < c->in[f].count; i++)
      exact_put(in[f], c->in[f].is_float, c->in[f].bytes, c->in[f].range, c->number, f, i);
  }
  for (int o = 0; o < c->nout; o++) {
    out[o] = result[o].raw;
    for (int64_t i = 0; i < 64; i++) result[o].raw[c->out[o] + i] = 0xA5;
  }
  int status = c->call(mem, in, c->size, out);
  for (int o = 0; o < c->nout; o++) {
    if (!status) h = exact_hash(h, out[o], (int)c->out[o]);
    for (int64_t i = 0; i < 64; i++)
      if (result[o].raw[c->out[o] + i] != 0xA5) printf("%s writes behind its result\n", c->name);
  }
  exact_call_line(c->name, c->number, status, h);
}

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
  for (k = 0; k < NCALL; k++) call_export(mem, &call[k]);
  for (k = 0; k < (int)(sizeof place / sizeof *place); k++) {
    const Place *p = &place[k];
    uint64_t h = 0xcbf29ce484222325u;
    for (int64_t i = 0; i < p->count; i++)
      h = exact_hash(h, mem + p->offset + exact_at(i, p->rank, p->dim, p->perm, p->panel, p->axis) * p->bytes, p->bytes);
    exact_var_line(p->name, h);
  }
  return 0;
}
