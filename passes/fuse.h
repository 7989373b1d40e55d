/* Between fuse.c (normalising, plain form) and fuse_join.c (the fused form). */
#ifndef GRADC_FUSE_H
#define GRADC_FUSE_H
#include "ir/build.h"
#include "passes/access.h"
#include "passes/group.h"

typedef struct FuseState {
  Graph *g;
  bool plain;
  const bool *live; /* per node: some result or written value depends on it */
  bool *own;        /* per node: owns storage, whatever is fused */
} FuseState;
void fuse_join(FuseState *s);
#endif
