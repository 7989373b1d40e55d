/* SPDX-License-Identifier: Apache-2.0 */
/* `eval`: every record of the hold-out, of `validate.data`, or of all records, once and in a fixed order. */
#include "checkpoint.h"
#include "data.h"
#include "device.h"
#include "json.h"
#include "learned.h"
#include "report.h"
#include "vars.h"

static bool any_data(const GcModel *m) {
  for (int i = 0; i < m->ntrain; i++)
    if (m->train[i].data >= 0 && m->train[i].eval) return true;
  return false;
}

/* False: its loss is not finite. */
static bool eval_section(Session *sess, int i, const char *weights) {
  Scores s;
  ScoreSet set = score_set(sess, true);
  bool all = set.data == sess->data && set.all, several = sess->nsections > 1;
  session_check(sess->t->eval, eval_scores(sess, set, &s));
  mirror_down(sess);
  if (sess->o.json) {
    char *scores = report_scores(sess, &s), *name = json_quote(section_name(&sess->section[i]));
    rt_out("{\"event\":\"eval\",%s%s%s\"records\":%llu,%s,\"weights_hash\":\"%016llx\"}\n",
           several ? "\"section\":" : "", several ? name : "", several ? "," : "", (unsigned long long)s.records,
           scores, (unsigned long long)vars_hash(sess->m, sess->mem));
  } else {
    const char *records = all ? "" : set.all ? " of validation" : " held out";
    if (!i || !several)
      rt_out("%llu records%s%s%s\n", (unsigned long long)s.records, records, weights ? ", weights " : "",
             weights ? weights : "");
    report_scores_text(sess, &s, all ? "" : "test ");
  }
  return s.loss - s.loss == 0;
}

/* Their records are those of a run. */
static void check_streams(const Session *sess) {
  for (int i = 0; i < sess->m->ntrain; i++) {
    const GcTrain *t = &sess->m->train[i];
    if (t->data >= 0 && sess->m->data[t->data].stream && !t->validate_data)
      rt_die(E_NO_SUCH_PART,
             "data %s is a stream, which holds no records out\n`validate.data` names records to evaluate on",
             sess->m->data[t->data].name);
  }
}

int gc_eval(Session *sess) {
  session_needs_train(sess);
  if (!any_data(sess->m)) rt_die(E_NO_SUCH_PART, "%s has no data to evaluate on", sess->m->name);
  char *weights = run_weights(sess);
  session_memory(sess);
  learned_read(sess, weights);
  check_streams(sess);
  data_open_all(sess);
  for (int i = 0; i < sess->nsections; i++) run_say_skipped(sess->section[i].data);
  if (sess->data && sess->data->nhold == 0) validate_open(sess);
  session_init(sess);
  if (weights) weights_load(sess, weights);
  plan_load(sess, weights);
  bool finite = true;
  for (int i = 0; i < sess->nsections; i++) {
    if (!sess->section[i].t->eval || sess->section[i].t->data < 0) continue;
    section_enter(sess, i);
    plan_at_least_one_step(sess);
    finite &= eval_section(sess, i, weights);
    section_leave(sess);
  }
  rt_out_flush();
  if (!finite) rt_die(E_LOSS_NOT_FINITE, "the loss is not finite");
  return 0;
}
