/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"
#include "session.h"
#include "stream.h"
#include <string.h>

enum { STREAM_DRAW = 4 };

typedef struct Stream {
  StreamText *text; /* NULL: nothing was read yet */
  const char *path;
  uint64_t room, held;   /* records of the shuffle buffer; those in it */
  unsigned char **slot;  /* per field: raw values of `room` records */
  uint64_t *line;        /* of each */
  uint64_t current;      /* the slot whose record is being bound */
  uint64_t drawn, kept;  /* records so far; how many of the last ones are kept, */
  unsigned char **bound; /* per field, at their number modulo `kept` */
  void **to;
} Stream;

void stream_open(Data *d) {
  Stream *s = d->source = rt_alloc(sizeof *s);
  size_t n = (size_t)d->d->nfields;
  if (d->sess->nsections > 1)
    rt_die(E_NOT_SUPPORTED, "data %s: a stream cannot be shared by several train sections", d->d->name);
  s->path = d->path[0];
  d->path[0] = rt_strdup(strcmp(s->path, "-") ? s->path : "standard input");
  s->room = d->d->shuffle ? (uint64_t)d->d->stream : 1;
  s->kept = 2 * plan_records_per_step(d->sess);
  s->slot = rt_array(n, sizeof *s->slot);
  s->bound = rt_array(n, sizeof *s->bound);
  s->to = rt_array(n, sizeof *s->to);
  s->line = rt_array(s->room, sizeof *s->line);
  for (int f = 0; f < d->d->nfields; f++) {
    s->slot[f] = rt_alloc_block(rt_mul(s->room, d->raw_bytes[f]) + 64);
    s->bound[f] = rt_alloc_block(rt_mul(s->kept, d->bytes[f]) + 64);
  }
}

/* Fills the buffer. False: a signal came before. */
static bool refill(Data *d, Stream *s) {
  if (!s->text) s->text = stream_text_open(d, s->path);
  while (s->held < s->room) {
    for (int f = 0; f < d->d->nfields; f++) s->to[f] = s->slot[f] + s->held * d->raw_bytes[f];
    if (!stream_text_next(s->text, s->to, &s->line[s->held])) return stream_text_ended(s->text);
    s->held++;
  }
  return true;
}

static bool draw(Data *d, Stream *s, bool bind) {
  uint32_t r[4];
  if (!refill(d, s) || !s->held) return false;
  gc_philox(d->seed ^ (uint64_t)STREAM_DRAW << 56, s->drawn, 0, r);
  s->current = ((uint64_t)r[0] << 32 | r[1]) % s->held;
  for (int f = 0; f < d->d->nfields && bind; f++) s->to[f] = s->bound[f] + s->drawn % s->kept * d->bytes[f];
  if (bind) data_bind(d, d->binder, s->drawn, 0, s->to);
  s->held--;
  for (int f = 0; f < d->d->nfields; f++)
    memmove(s->slot[f] + s->current * d->raw_bytes[f], s->slot[f] + s->held * d->raw_bytes[f], d->raw_bytes[f]);
  s->line[s->current] = s->line[s->held];
  s->drawn++;
  return true;
}

bool stream_has(Data *d, uint64_t at, uint64_t n) {
  Stream *s = d->source;
  while (s->drawn < at + n)
    if (!draw(d, s, s->drawn >= at)) return false;
  return true;
}

void stream_batch(const Data *d, uint64_t at, uint64_t n, unsigned char *const *dst) {
  const Stream *s = d->source;
  for (uint64_t i = 0; i < n; i++)
    for (int f = 0; f < d->d->nfields; f++)
      memcpy(dst[f] + i * d->bytes[f], s->bound[f] + (at + i) % s->kept * d->bytes[f], d->bytes[f]);
}

static void read_stream(const Data *d, uint64_t record, int field, void *raw) {
  const Stream *s = d->source;
  (void)record;
  memcpy(raw, s->slot[field] + s->current * d->raw_bytes[field], d->raw_bytes[field]);
}

static char *place(const Data *d, uint64_t record, int field) {
  (void)record;
  const GcColumn *c = d->d->fields[field].columns;
  return c ? rt_printf("\n--> %s", c->where) : rt_strdup("");
}

static char *name_of(const Data *d, uint64_t record) {
  const Stream *s = d->source;
  (void)record;
  return rt_printf("%s:%llu", d->path[0], (unsigned long long)s->line[s->current]);
}

const DataSource stream_source = {"stream", 1, 1, stream_open, read_stream, NULL, NULL, NULL, place, name_of};
