/* SPDX-License-Identifier: Apache-2.0 */
/* Trains a model emitted as portable C on the batches of exact.h and prints the lines that reference.c prints. */
#include "exact.h"
#include "spec.h"

static union {
  unsigned char mem[ALIGN + MODEL_BYTES];
  double align;
} memory __attribute__((aligned(64)));
static union {
  unsigned char raw[IN_BYTES];
  double align;
} batch[NPORT];

/* Guard bytes follow every result: a call must not write beyond its sizes. */
static union {
  unsigned char raw[OUT_BYTES + 64];
  double align;
} result[NPORT];
static void call_export(unsigned char *mem, const Call *c) {
  void *in[NPORT], *out[NPORT];
  uint64_t h = 0xcbf29ce484222325u;
  for (int f = 0; f < c->nin; f++) {
    in[f] = batch[f].raw;
    for (int64_t i = 0; i < c->in[f].count; i++)
      exact_put(in[f], c->in[f].is_float, c->in[f].bytes, c->in[f].range, c->number, f, i);
  }
  for (int o = 0; o < c->nout; o++) {
    out[o] = result[o].raw;
    for (int64_t i = 0; i < 64; i++) result[o].raw[c->out[o].count * c->out[o].bytes + i] = 0xA5;
  }
  int status = c->call(mem, in, c->size, out);
  for (int o = 0; o < c->nout; o++) {
    int64_t bytes = c->out[o].count * c->out[o].bytes;
    if (!status) h = exact_hash(h, out[o], bytes, c->out[o].bytes);
    for (int64_t i = 0; i < 64; i++)
      if (result[o].raw[bytes + i] != 0xA5) printf("%s writes beyond its result\n", c->name);
  }
  exact_call_line(c->name, c->number, status, h);
}

/* The hash of a weight read by its stored order; the model's functions copy it out and in. */
static uint64_t hash_in(const unsigned char *mem, const Place *p) {
  uint64_t h = 0xcbf29ce484222325u;
  for (int64_t i = 0; i < p->count; i++)
    h = exact_hash(h, mem + p->offset + exact_at(i, p->rank, p->dim, p->perm, p->panel, p->axis) * p->bytes, p->bytes,
                   p->bytes);
  return h;
}
static uint64_t weight(unsigned char *mem, const Place *p) {
  uint64_t h = hash_in(mem, p);
#ifdef MODEL_GET
  unsigned char *copy = result[0].raw;
  int got = MODEL_GET(mem, (ptrdiff_t)p->offset, copy);
  if (got || exact_hash(0xcbf29ce484222325u, copy, p->count * p->bytes, p->bytes) != h)
    printf("%s is not read\n", p->name);
  for (int64_t i = 0; i < p->count * p->bytes; i++) mem[p->offset + i] = 0xA5;
  if (MODEL_SET(mem, (ptrdiff_t)p->offset, copy) || hash_in(mem, p) != h) printf("%s is not written\n", p->name);
  if (MODEL_SET(mem, (ptrdiff_t)p->offset + 1, copy) != 1) printf("%s is written beside its place\n", p->name);
#endif
  return h;
}

int main(void) {
  unsigned char *mem = memory.mem + ALIGN; /* aligned to that, and under a budget to no more */
  void *in[NPORT];
  int nfield = (int)(sizeof field / sizeof *field), s, f, k;
  for (f = 0; f < nfield; f++) in[f] = batch[f].raw;
  MODEL_INIT(mem, seed);
  ((MODEL_RUN *)mem)->steps = STEPS;
  ((MODEL_RUN *)mem)->steps_per_epoch = 7;
  for (s = 0; s < STEPS; s++) {
    for (f = 0; f < nfield; f++)
      for (int64_t i = 0; i < field[f].count; i++)
        if (field[f].is_float) ((float *)in[f])[i] = exact_float((uint32_t)s, (uint32_t)f, (uint32_t)i);
        else {
          int32_t k = exact_int((uint32_t)s, (uint32_t)f, (uint32_t)i, field[f].range);
          if (field[f].bytes == 4) ((int32_t *)in[f])[i] = k;
          else ((unsigned char *)in[f])[i] = (unsigned char)k;
        }
    int status = model_step(mem, in);
    exact_step_line(s + 1, status, ((MODEL_RUN *)mem)->loss);
  }
  for (k = 0; k < NCALL; k++) call_export(mem, &call[k]);
  for (k = 0; k < (int)(sizeof place / sizeof *place); k++) exact_var_line(place[k].name, weight(mem, &place[k]));
  return 0;
}
