/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and checkpoints: what is read from files into a session, and saved from it. */
#ifndef GRADC_CHECKPOINT_H
#define GRADC_CHECKPOINT_H
#include "safetensors.h"
#include "session.h"

/* weights.c. If tensors are missing, unknown or of another shape or type, each is reported and then the call dies. */
void weights_from_file(Session *sess, const StFile *f, const char *path, unsigned kinds, unsigned optional);
/* the vars of `kinds`; those of `optional` may be missing */
void weights_load(Session *sess, const char *path); /* weights, and states if the file has them */
typedef struct WeightsTaken {
  int read;             /* tensors */
  const char **initial; /* weights and states that keep their values, as the file has none for them */
  char **left;          /* tensors of the file that were not read */
  int ninitial, nleft;
} WeightsTaken;
/* weights_load under other names: `old=new` renames the tensor `old` of the file and all `old.…` to `new…`; `old=`
 * leaves them out, `=new` puts all below `new`. Of several the longest `old` counts. partial: the file may lack
 * weights and have others. Dies of a map that renames nothing or to nothing, of two tensors for one weight, of
 * other shapes, and if nothing is read. */
void weights_load_part(Session *sess, const char *path, const char *const *map, int nmap, bool partial,
                       WeightsTaken *taken);
char *weights_taken_json(const WeightsTaken *w); /* "read":…,"initial":[…],"left_over":[…] */

/* checkpoint.c */
typedef struct Progress { /* what a resumed run needs beside GcRun and the tensors */
  uint64_t records, batch, accumulate;
  float best;
  uint32_t best_step;
} Progress;
bool checkpoint_write(Session *sess, const char *path, const Progress *p, char *err);
void checkpoint_save(Session *sess, const char *folder, const Progress *p);    /* and weights.safetensors beside it */
void checkpoint_weights(Session *sess, const char *folder, const Progress *p); /* weights.safetensors alone */
char *checkpoint_newest(const char *folder, uint32_t *step);                   /* NULL: none */
void checkpoint_load(Session *sess, const char *path, Progress *p);
/* Sets step and plan in sess->run to those that the weights file was saved at: the file is a checkpoint itself, or
 * there is a checkpoint beside it with the same tensors. False: neither. */
bool checkpoint_plan(Session *sess, const char *path);
#endif
