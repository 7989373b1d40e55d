/* SPDX-License-Identifier: Apache-2.0 */
/* Operations in the order of their issue, each with those that it must follow. The eager mode executes each at once.
 * The lazy mode executes nothing that a synchronisation does not ask for, and what it asks for in any order that is
 * permitted: rising, falling or random (GC_ORDER). */
#include "codegen/cuda/host/driver_state.h"
#include "codegen/cuda/host/host.h"
#include <stdlib.h>
#include <string.h>

typedef struct Operation {
  Work work;
  Context *context;
  bool owned, done, known; /* known: the host has synchronised with its completion */
  OpNumber *after;
  int nafter;
  /* With hooks: bit i is set if it follows operation base + i; it follows all before base. */
  uint64_t *before;
  OpNumber number, base;
} Operation;
static Operation **op; /* op[i]: number first + i; those before it are done, with hooks also known */
static Operation *running;
static uint32_t nop, capacity;
static OpNumber first = 1;
static bool *needed;

static Operation *find(OpNumber number) { return number < first ? NULL : op[number - first]; }
static bool is_done(OpNumber number) { return number < first || op[number - first]->done; }

static const char *name_of(const Operation *o) {
  static const char *const KIND[] = {"work", "a launch", "a copy", "a fill", "an event"};
  return o->work.kind == WORK_LAUNCH ? kernel_name(o->work.function) : KIND[o->work.kind];
}

/* ---- what follows what: for the checks of memory ---- */

static bool follows(const Operation *o, OpNumber earlier) {
  if (earlier < o->base) return true;
  OpNumber bit = earlier - o->base;
  return earlier < o->number && o->before[bit / 64] >> bit % 64 & 1;
}
static const char *unordered(uint32_t earlier) {
  const Operation *o = find(earlier);
  return !o || follows(running, earlier) ? NULL : name_of(o);
}

/* It follows what the host knows to be done, and the operations of its list with what those follow. */
static void find_before(Operation *o, const OpNumber *after, int nafter) {
  o->base = first / 64 * 64;
  o->before = calloc((o->number - o->base) / 64 + 1, sizeof *o->before);
  for (OpNumber i = o->base; i < o->number; i++)
    if (i < first || op[i - first]->known) o->before[(i - o->base) / 64] |= (uint64_t)1 << (i - o->base) % 64;
  for (int k = 0; k < nafter; k++) {
    const Operation *a = find(after[k]);
    if (!a) continue;
    o->before[(a->number - o->base) / 64] |= (uint64_t)1 << (a->number - o->base) % 64;
    for (OpNumber i = o->base; i < a->number; i += 64) o->before[(i - o->base) / 64] |= a->before[(i - a->base) / 64];
  }
}
/* The host knows that it is done, and what it follows. */
static void set_known(OpNumber number) {
  Operation *o = find(number);
  if (!o || !driver_mode.hooks) return;
  for (OpNumber i = first; i < number; i++)
    if (follows(o, i)) op[i - first]->known = true;
  o->known = true;
}

/* Copies and fills, for the checks. */
static CUresult check_bulk(const Work *w) {
  const char *race = NULL;
  for (size_t i = 0; i < w->rows; i++) {
    unsigned char *to = w->to + i * w->to_pitch;
    const unsigned char *from = w->kind == WORK_COPY ? w->from + i * w->from_pitch : NULL;
    const char *r = from ? shadow_bulk(from, w->bytes, false) : NULL;
    if (!r) r = shadow_bulk(to, w->bytes, true);
    if (!race) race = r;
    if (from) shadow_copied(to, from, w->bytes);
  }
  if (!race) return CUDA_SUCCESS;
  fprintf(stderr, "%s: a race: no stream, event or edge orders it and %s\n", name_of(running), race);
  return CUDA_ERROR_LAUNCH_FAILED;
}

/* ---- execution ---- */

static void copy(const Work *w) {
  for (size_t i = 0; i < w->rows; i++) memcpy(w->to + i * w->to_pitch, w->from + i * w->from_pitch, w->bytes);
}
static void set_row(unsigned char *to, const Work *w) {
  if (w->element == 1) memset(to, (int)w->value, w->bytes);
  else
    for (size_t k = 0; k < w->bytes; k += (size_t)w->element) memcpy(to + k, &w->value, (size_t)w->element);
}
static void set(const Work *w) {
  for (size_t i = 0; i < w->rows; i++) set_row(w->to + i * w->to_pitch, w);
}

static CUresult execute(const Work *w) {
  CUresult e = CUDA_SUCCESS;
  memory_open(true);
  gc_host.unordered = driver_mode.hooks ? unordered : NULL;
  gc_host.launch = (uint32_t)running->number;
  shadow_new_launch(gc_host.launch);
  if (driver_mode.hooks && (w->kind == WORK_COPY || w->kind == WORK_SET)) e = check_bulk(w);
  if (w->kind == WORK_LAUNCH) e = launch_run(w);
  if (w->kind == WORK_COPY) copy(w);
  if (w->kind == WORK_SET) set(w);
  if (w->kind == WORK_EVENT) event_reached(w->event);
  memory_open(false);
  return e;
}

/* Forgets operations that are done, from the oldest on. */
static void forget(void) {
  uint32_t n = 0;
  for (; n < nop && op[n]->done && (op[n]->known || !driver_mode.hooks); n++) {
    if (op[n]->owned) work_free(&op[n]->work);
    free(op[n]->before);
    free(op[n]->after);
    free(op[n]);
  }
  nop -= n, first += n;
  if (n) memmove(op, op + n, nop * sizeof *op);
}

static void run(Operation *o) {
  running = o;
  CUresult e = o->context->error ? CUDA_SUCCESS : execute(&o->work);
  if (e) o->context->error = e;
  if (o->work.staged) free((void *)o->work.from);
  o->done = true;
}

void work_free(Work *work) { free(work->param); }

static bool ready(const Operation *o) {
  for (int i = 0; i < o->nafter; i++)
    if (!is_done(o->after[i])) return false;
  return !o->done;
}

/* ---- order ---- */

static uint32_t random_state;
static uint32_t random_below(uint32_t n) {
  if (!random_state) random_state = gc_host.seed * 2654435761u + 1;
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % n;
}

/* An operation that can be executed, of those needed (or of all), in the order asked for; NULL: none. */
static Operation *choose(bool any) {
  uint32_t start = gc_host.order == GC_ORDER_RANDOM && nop ? random_below(nop) : 0;
  for (uint32_t k = 0; k < nop; k++) {
    uint32_t i = gc_host.order == GC_ORDER_FALLING ? nop - 1 - k : (start + k) % nop;
    if ((any || needed[i]) && ready(op[i])) return op[i];
  }
  return NULL;
}
/* Marks the operation and what it needs. Predecessors have lower numbers. */
static void need(OpNumber number) {
  if (number < first) return;
  needed[number - first] = true;
  for (uint32_t i = (uint32_t)(number - first) + 1; i-- > 0;)
    for (int k = 0; needed[i] && k < op[i]->nafter; k++)
      if (op[i]->after[k] >= first) needed[op[i]->after[k] - first] = true;
}

CUresult work_wait(OpNumber number) {
  const Operation *o = find(number);
  Context *context = o ? o->context : context_current();
  memset(needed, 0, nop * sizeof *needed);
  need(number);
  for (Operation *next; !is_done(number) && (next = choose(false));) run(next);
  set_known(number);
  forget();
  return context->error;
}
CUresult work_wait_all(Context *context) {
  for (uint32_t i = 0; i < nop; i++) needed[i] = !context || op[i]->context == context;
  for (Operation *next; (next = choose(false));) run(next);
  for (uint32_t i = 0; i < nop; i++)
    if (needed[i]) op[i]->known = true;
  forget();
  return context ? context->error : CUDA_SUCCESS;
}
bool work_query(OpNumber number) {
  if (is_done(number)) {
    set_known(number);
    forget();
    return true;
  }
  memset(needed, 0, nop * sizeof *needed);
  need(number);
  Operation *next = choose(false);
  if (next) run(next);
  forget();
  return false;
}
void work_drift(void) {
  if (!driver_mode.lazy || gc_host.order != GC_ORDER_RANDOM || !nop) return;
  for (uint32_t n = random_below(4) ? 0 : random_below(nop + 1); n; n--) {
    Operation *next = choose(true);
    if (next) run(next);
  }
  forget();
}

/* ---- issue ---- */

OpNumber work_add(Context *context, const Work *work, bool owned, const OpNumber *after, int nafter) {
  if (nop == capacity) {
    capacity = capacity ? 2 * capacity : 64;
    op = realloc(op, capacity * sizeof *op);
    needed = realloc(needed, capacity * sizeof *needed);
  }
  Operation *o = op[nop++] = calloc(1, sizeof *o);
  OpNumber number = first + nop - 1;
  *o = (Operation){.work = *work, .context = context, .owned = owned, .number = number};
  if (driver_mode.hooks) find_before(o, after, nafter);
  o->after = malloc(((size_t)nafter + 1) * sizeof *o->after);
  for (int i = 0; i < nafter; i++)
    if (!is_done(after[i])) o->after[o->nafter++] = after[i];
  if (!driver_mode.lazy) {
    run(o);
    forget();
  }
  return number;
}

/* The stream's last operation; of the null stream, those of all blocking streams too, and theirs follow its last. */
int stream_after(Stream *stream, OpNumber **after) {
  static OpNumber *list;
  static int room;
  int n = 0;
  Context *c = stream->context;
  for (Stream *s = c->streams; s; s = s->next) n++;
  if (n + 3 > room) list = realloc(list, (size_t)(room = 2 * n + 16) * sizeof *list);
  n = 0;
  list[n++] = stream->last;
  if (stream == &c->null) {
    for (Stream *s = c->streams; s; s = s->next)
      if (s->blocking) list[n++] = s->last;
  } else if (stream->blocking) list[n++] = c->null.last;
  *after = list;
  return n;
}
OpNumber work_on(Stream *stream, const Work *work) {
  OpNumber *after;
  int n = stream_after(stream, &after);
  return stream->last = work_add(stream->context, work, true, after, n);
}
