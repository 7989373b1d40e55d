/* Evaluation: every record of the hold-out once, or all, in a fixed order. */
#include "rt.h"

typedef struct Batch {
  Data *data;
  bool all;
  unsigned char **field;
} Batch;

static const void *const *next(void *arg, uint64_t at, uint64_t n) {
  Batch *b = arg;
  Data *d = b->data;
  if (!b->all) data_batch(d, 0, at, n, true, b->field);
  for (uint64_t i = 0; i < n && b->all; i++) {
    for (int f = 0; f < d->d->nfields; f++) d->to[f] = b->field[f] + i * d->bytes[f];
    data_get(d, at + i, 0, d->to);
  }
  return (const void *const *)b->field;
}

void eval_scores(App *a, bool all, Scores *s) {
  Data *d = a->data;
  Batch b = {d, all, rt_array((size_t)d->d->nfields, sizeof *b.field)};
  for (int f = 0; f < d->d->nfields; f++) b.field[f] = rt_mem(rt_mul((size_t)a->t->batch, d->bytes[f]));
  app_check(a->t->eval, score_run(a, next, &b, all ? d->n : d->nhold, s));
}

int gc_eval(App *a) {
  app_needs_train(a);
  if (a->t->data < 0 || !a->t->eval) rt_die(687, "%s has no data to evaluate on", a->m->name);
  char *weights = run_weights(a);
  app_memory(a);
  a->data = data_open(a, &a->m->data[a->t->data], app_seed(a));
  app_init(a);
  if (weights) weights_load(a, weights);
  plan_of_weights(a, weights);
  Scores s;
  bool all = a->data->nhold == 0;
  eval_scores(a, all, &s);
  if (a->o.json) {
    char *scores = report_scores(a, &s);
    rt_out("{\"event\":\"eval\",\"records\":%llu,%s,\"weights_hash\":\"%016llx\"}\n", (unsigned long long)s.records,
           scores, (unsigned long long)vars_hash(a->m, a->mem));
  } else {
    rt_out("%llu records%s%s%s\n", (unsigned long long)s.records, all ? "" : " held out", weights ? ", weights " : "",
           weights ? weights : "");
    report_scores_text(a, &s, all ? "" : "test ");
  }
  rt_out_flush();
  if (s.loss - s.loss != 0) rt_die(670, "the loss is not finite");
  return 0;
}
