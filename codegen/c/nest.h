/* Printing one nest: c_nest.c (values), c_loops.c (loops, accumulations, stores). */
#ifndef GRADC_C_NEST_H
#define GRADC_C_NEST_H
#include "codegen/c/c.h"

typedef struct CNest {
  CPrint *p;
  const Kernel *k;
  const KNest *n;
  Str *o;
  int indent;
  const char **text;   /* per value: its expression; NULL: not printed yet */
  int *uses;           /* per value: uses in values, axes, stores and accumulations that are printed */
  bool *same_loop;     /* per value: its uses stand in its own loop */
  bool made[MAX_AXES]; /* derived axes printed in the present loops */
  const char *valid[MAX_AXES]; /* their conditions */
  uint32_t select;     /* quotient axes that get index 0 where they are not valid */
  uint32_t skip;       /* quotient axes whose loop goes on to its next turn there */
  uint32_t *used_axes; /* [0]: derived axes that anything uses; [p + 1]: that phase p uses */
} CNest;

CNest cn_begin(CPrint *p, const Kernel *k, const KNest *n, Str *o); /* counts uses; prints nothing */
void cn_line(CNest *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cn_open_block(CNest *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cn_close_block(CNest *c);
const char *cn_buf(CNest *c, int buf);   /* x0, x1, … loaded; y0, … stored */
const char *cn_acc(CNest *c, int acc);   /* the variable that holds its result */
void cn_values(CNest *c, int phase, int level); /* phase -1: of all phases, in the outer loops */
void cn_stores(CNest *c, int phase, KStoreAt level);
int cn_level(const CNest *c, int phase, uint32_t needs);
#endif
