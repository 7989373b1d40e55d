/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: the number of a slot and of its use, so that a handle that was destroyed is not taken for a later one. */
#include "codegen/cuda/host/driver_state.h"
#include <stdlib.h>

typedef struct Slot {
  HandleKind kind;
  uint32_t use;
  void *object;
} Slot;
static Slot *slot;
static uint32_t nslot, capacity, *spare, nspare;
static const char *const KIND[] = {
  "",
  "a context",
  "a stream",
  "an event",
  "a module",
  "a function",
  "a graph",
  "a node",
  "an executable graph",
  "a handle of cuBLASLt",
  "a descriptor of a product",
  "a layout",
  "a preference",
};

void *handle_new(HandleKind kind, void *object) {
  if (!nspare && nslot == capacity) {
    capacity = capacity ? 2 * capacity : 64;
    slot = realloc(slot, capacity * sizeof *slot);
    spare = realloc(spare, capacity * sizeof *spare);
  }
  if (!nspare) slot[nslot] = (Slot){0}, spare[nspare++] = nslot++;
  uint32_t i = spare[--nspare];
  slot[i] = (Slot){kind, slot[i].use + 1, object};
  return (void *)((uintptr_t)slot[i].use << 32 | (i + 1) << 4);
}

/* The slot that a handle names, or named. */
static Slot *slot_of(const void *handle, bool *live) {
  uintptr_t h = (uintptr_t)handle, i = (h & 0xffffffff) >> 4;
  *live = false;
  if (h & 15 || !i || i > nslot) return NULL;
  *live = slot[i - 1].use == h >> 32 && slot[i - 1].kind;
  return h >> 32 && h >> 32 <= slot[i - 1].use ? &slot[i - 1] : NULL;
}
void *handle_find(HandleKind kind, const void *handle) {
  bool live;
  const Slot *s = slot_of(handle, &live);
  return live && s->kind == kind ? s->object : NULL;
}
void *handle_get(HandleKind wanted_kind, const void *handle) {
  bool live;
  const Slot *s = slot_of(handle, &live);
  if (live && s->kind == wanted_kind) return s->object;
  const char *kind = KIND[live ? s->kind : H_FREE], *wanted = KIND[wanted_kind];
  if (live) call_refuse(CUDA_ERROR_INVALID_HANDLE, "%s in the place of %s", kind, wanted);
  else if (s) call_refuse(CUDA_ERROR_INVALID_HANDLE, "the handle of %s that was destroyed", wanted);
  else call_refuse(CUDA_ERROR_INVALID_HANDLE, "not the handle of %s", wanted);
  return NULL;
}
void handle_drop(const void *handle) {
  bool live;
  Slot *s = slot_of(handle, &live);
  if (!live) return;
  s->kind = H_FREE, s->object = NULL;
  spare[nspare++] = (uint32_t)(s - slot);
}

void handle_leaks(FILE *out, int *n) {
  for (uint32_t i = 0; i < nslot; i++) {
    HandleKind k = slot[i].kind;
    if (k == H_FREE || k == H_FUNCTION || k == H_NODE) continue;
    fprintf(out, "leak: %s was not %s\n", KIND[k],
            k == H_CONTEXT  ? "released"
            : k == H_MODULE ? "unloaded"
                            : "destroyed");
    (*n)++;
  }
}
