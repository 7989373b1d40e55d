/* SPDX-License-Identifier: Apache-2.0 */
/* What a run prints: a progress line on a terminal, plain lines elsewhere, JSON lines for scripts, and the results at
 * the end. */
#include "data.h"
#include "device.h"
#include "human.h"
#include "json.h"
#include "live.h"
#include "report.h"
#include "terminal.h"
#include "vars.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

uint64_t rt_peak_rss(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (uint64_t)u.ru_maxrss * 1024;
}

char *report_float(float v) {
  char text[NUM_TEXT];
  return rt_strdup(v - v == 0 ? num_text(GC_F32, &v, 0, text) : "null"); /* JSON has neither NaN nor Inf */
}

/* "loss":…,"acc":… */
static char *pairs(const Session *sess, float loss, const float *metric) {
  char *s = NULL;
  for (int i = -1; i < sess->t->nmetrics; i++) {
    char *v = report_float(i < 0 ? loss : metric[i]), *name = json_quote(i < 0 ? "loss" : sess->t->metrics[i]);
    char *longer = rt_printf("%s%s%s:%s", s ? s : "", s ? "," : "", name, v);
    rt_free(v);
    rt_free(name);
    rt_free(s);
    s = longer;
  }
  return s;
}

typedef struct Text {
  char *p;
  size_t n, cap;
} Text;

static void put(Text *t, const char *s) {
  size_t n = strlen(s) + 1;
  if (t->n + n > t->cap) t->p = rt_realloc(t->p, t->cap = 2 * (t->n + n));
  memcpy(t->p + t->n, s, n);
  t->n += n - 1;
}

/* [[1,2],[3,4]]: nested by axes. */
static void put_nested(Text *t, const GcPort *p, int axis, const float **v) {
  if (axis == p->rank) {
    char *number = report_float(*(*v)++);
    put(t, number);
    rt_free(number);
    return;
  }
  for (int64_t i = 0; i < p->dim[axis]; i++) {
    put(t, i ? "," : "[");
    put_nested(t, p, axis + 1, v);
  }
  put(t, "]");
}

char *report_tensors(const Session *sess, const Scores *s) {
  Text t = {0};
  put(&t, "");
  for (int i = 0; i < sess->t->ntensors; i++) {
    const GcPort *p = score_tensor(sess->t, i);
    const float *v = s->tensor[i];
    char *name = json_quote(p->name);
    put(&t, ",");
    put(&t, name);
    put(&t, ":");
    put_nested(&t, p, 0, &v);
    rt_free(name);
  }
  return t.p;
}

char *report_scores(const Session *sess, const Scores *s) {
  char *scalars = pairs(sess, s->loss, s->metric), *tensors = report_tensors(sess, s);
  char *all = rt_printf("%s%s", scalars, tensors);
  rt_free(scalars);
  rt_free(tensors);
  return all;
}

void report_begin(Report *r, Session *sess, const Run *run) {
  r->sess = sess;
  r->first = sess->run->step;
  r->start = r->shown = rt_now();
  r->live = rt_is_terminal(2) && !sess->o.json;
  char memory[32], flops[32], parameters[HUMAN_TEXT];
  double work = 0;
  for (int i = 0; i < sess->nsections; i++) {
    const GcTrain *t = sess->section[i].t;
    if (t->step && t->step->fn) work += t->step->flops / (double)t->every;
    if (t->pass && t->pass->fn)
      work += (t->pass->flops * (double)t->accumulate + (t->update ? t->update->flops : 0)) / (double)t->every;
  }
  human_count(parameters, sizeof parameters, sess->m->parameters);
  human_bytes(memory, sizeof memory, (double)sess->m->bytes);
  human_flops(flops, sizeof flops, work);
  rt_note("%s: %s parameters, %s a step, %s of memory, %d thread%s", sess->m->name, parameters, flops, memory,
          sess->threads, sess->threads == 1 ? "" : "s");
  if (sess->data && sess->data->d->stream) rt_note("records of a stream: %s", sess->data->path[0]);
  else if (sess->data)
    rt_note("%llu records to train on, %llu held out", (unsigned long long)sess->data->ntrain,
            (unsigned long long)sess->data->nhold);
  if (sess->other) rt_note("%llu records to validate on", (unsigned long long)sess->other->n);
  if (r->first) rt_note("run %s, resumed after step %u of %u", run->folder, r->first, sess->run->steps);
  else rt_note("run %s, %u steps", run->folder, sess->run->steps);
}

/* A metric: 97.8 % for an accuracy, else four significant digits. */
static void figure(char *to, size_t n, const char *name, float v) {
  if (!strcmp(name, "acc")) snprintf(to, n, "%.1f %%", num_plain(100.0 * (double)v));
  else snprintf(to, n, "%.4g", num_plain((double)v));
}

static size_t section_figures(const Session *sess, const SectionRun *u, const float *score, char *to, size_t n) {
  bool several = sess->nsections > 1;
  size_t k = (size_t)snprintf(to, n, "%s%sloss %.4g", several ? section_name(u) : "", several ? " " : "",
                              num_plain((double)score[0]));
  for (int i = 0; i < u->t->nmetrics && k < n; i++) {
    char v[32];
    figure(v, sizeof v, u->t->metrics[i], score[1 + i]);
    k += (size_t)snprintf(to + k, n - k, "  %s %s", u->t->metrics[i], v);
  }
  return k < n ? k : n - 1;
}

/* Of the last step of each section. */
static void figures(const Session *sess, char *to, size_t n) {
  size_t k = 0;
  for (int i = 0; i < sess->nsections && k < n; i++) {
    const SectionRun *u = &sess->section[i];
    if (sess->nsections > 1 && !u->scored) continue;
    if (k && k + 2 < n) k += (size_t)snprintf(to + k, n - k, "  ");
    k += section_figures(sess, u, u->score, to + k, n - k);
  }
}

static void live_line(const Report *r, uint32_t step, double now) {
  const Session *sess = r->sess;
  char text[600], value[200];
  uint32_t spe = sess->run->steps_per_epoch, steps = sess->run->steps;
  LiveLine l = {.step = step, .steps = steps, .scores = value, .validation = r->validated, .memory = rt_peak_rss()};
  figures(sess, value, sizeof value);
  l.rate = (step - r->first) / (now - r->start + 1e-9);
  l.left = (steps - step) / (l.rate + 1e-9);
  if (spe) {
    l.epoch = (step - 1) / spe + 1;
    l.epochs = (steps + spe - 1) / spe;
  }
  live_text(text, sizeof text, &l, live_columns(2));
  rt_progress(text);
}

void report_step(Report *r, uint32_t step, const char *json_line) {
  const Session *sess = r->sess;
  if (sess->o.json) {
    if (json_line) rt_out_put(json_line, strlen(json_line));
    return;
  }
  double now = rt_now();
  bool last = step == sess->run->steps;
  if (r->live) {
    if (now - r->shown < 0.1 && !last) return;
    live_line(r, step, now);
  } else {
    bool asked = sess->o.log_every > 0 ? json_line != NULL : now - r->shown >= 1 || step == r->first + 1 || last;
    if (!asked) return;
    char value[200];
    figures(sess, value, sizeof value);
    rt_note("step %u/%u  %s", step, sess->run->steps, value);
  }
  r->shown = now;
}

/* A vector on its line, a matrix as rows of equal columns; of more axes one matrix after the other. */
static void tensor_text(const GcPort *p, const float *v, const char *prefix) {
  enum { SHOWN = 32 };
  int64_t columns = p->dim[p->rank - 1], rows = 1;
  for (int i = 0; i + 1 < p->rank; i++) rows *= p->dim[i];
  int width = 1;
  for (int64_t i = 0; i < rows * columns; i++) {
    int w = snprintf(NULL, 0, "%.6g", num_plain((double)v[i]));
    if (w > width) width = w;
  }
  rt_out("%s%s%s", prefix, p->name, p->rank > 1 ? "\n" : "");
  for (int64_t r = 0; r < rows && r < SHOWN; r++) {
    for (int64_t c = 0; c < columns && c < SHOWN; c++)
      rt_out("%s%*.6g", p->rank > 1 && !c ? "  " : " ", p->rank > 1 ? width : 0, num_plain((double)v[r * columns + c]));
    rt_out("%s\n", columns > SHOWN ? " ..." : "");
    if (p->rank > 2 && r + 1 < rows && (r + 1) % p->dim[p->rank - 2] == 0) rt_out("\n");
  }
  if (rows > SHOWN) rt_out("  ... (%lld rows of %lld numbers; --json has all)\n", (long long)rows, (long long)columns);
}

void report_validation(Report *r, const Scores *s, const char *json_line) {
  const Session *sess = r->sess;
  uint32_t step = sess->run->step;
  char value[200];
  if (sess->o.json) {
    rt_out_put(json_line, strlen(json_line));
    return;
  }
  section_figures(sess, sess->section, s->metric - 1, value, sizeof value);
  double now = rt_now();
  bool asked = !r->validated || now - r->validated_at >= 1 || step == sess->run->steps || validate_ends(sess);
  rt_free(r->validated);
  r->validated = rt_strdup(value);
  if (r->live && (asked || now - r->shown >= 0.1)) live_line(r, step, r->shown = now);
  else if (asked) rt_note("step %u/%u  validation %s", step, sess->run->steps, value);
  if (asked) r->validated_at = now;
}

void report_scores_text(const Session *sess, const Scores *s, const char *before) {
  char prefix[80];
  snprintf(prefix, sizeof prefix, "%s%s%s", sess->nsections > 1 ? section_name(&sess->section[sess->current]) : "",
           sess->nsections > 1 ? " " : "", before);
  rt_out("%sloss %.6g\n", prefix, num_plain((double)s->loss));
  int acc = -1;
  for (int i = 0; i < sess->t->nmetrics; i++) {
    if (!strcmp(sess->t->metrics[i], "acc")) acc = i;
    else rt_out("%s%s %.6g\n", prefix, sess->t->metrics[i], num_plain((double)s->metric[i]));
  }
  if (acc >= 0) rt_out("%saccuracy %.1f %%\n", prefix, num_plain(100.0 * (double)s->metric[acc]));
  for (int i = 0; i < sess->t->ntensors; i++) tensor_text(score_tensor(sess->t, i), s->tensor[i], prefix);
}

/* Of one section: "steps":…,"loss":…,"holdout":{…} */
static char *section_totals(const Session *sess, const Scores *s) {
  const SectionRun *u = &sess->section[sess->nsections > 1 ? sess->current : 0];
  bool known = sess->nsections > 1 ? u->scored : sess->run->step > 0;
  char *loss = known ? report_float(sess->nsections > 1 ? u->score[0] : sess->run->loss) : rt_strdup("null");
  char *held = s->records ? report_scores(sess, s) : NULL;
  char best[40] = "";
  if (validate_keeps_best(sess)) snprintf(best, sizeof best, ",\"best_step\":%u", sess->seen.best.step);
  char *t = rt_printf("\"steps\":%u,\"loss\":%s%s%s%s%s%s", sess->run->step, loss, held ? ",\"holdout\":{" : "",
                      held ? held : "", held ? "}" : "", best, validate_ends(sess) ? ",\"early_stop\":true" : "");
  rt_free(loss);
  rt_free(held);
  if (!sess->t->scale) return t;
  char *scale = report_float(*session_scalar(sess, sess->t->scale));
  char *longer =
    rt_printf("%s,\"skipped_steps\":%.0f,\"loss_scale\":%s", t, (double)*session_scalar(sess, sess->t->skipped), scale);
  rt_free(scale);
  rt_free(t);
  return longer;
}

char *report_totals(Session *sess, const Scores *s) {
  if (sess->nsections < 2) return section_totals(sess, s);
  char *all = rt_printf("\"steps\":%u,\"sections\":{", sess->run->step);
  for (int i = 0; i < sess->nsections; i++) {
    section_enter(sess, i);
    char *one = section_totals(sess, &s[i]), *name = json_quote(section_name(&sess->section[i]));
    section_leave(sess);
    char *longer = rt_printf("%s%s%s:{%s}%s", all, i ? "," : "", name, one, i + 1 < sess->nsections ? "" : "}");
    rt_free(one);
    rt_free(name);
    rt_free(all);
    all = longer;
  }
  return all;
}

static void section_done(Session *sess, const Scores *s) {
  if (sess->t->scale && *session_scalar(sess, sess->t->skipped) > 0)
    rt_out("%.0f steps were skipped because a gradient overflowed; the loss scale is now %g\n",
           (double)*session_scalar(sess, sess->t->skipped), (double)*session_scalar(sess, sess->t->scale));
  if (s->records) report_scores_text(sess, s, "test ");
}

void report_done(Report *r, const Run *run, const Scores *s) {
  Session *sess = r->sess;
  uint32_t step = sess->run->step;
  mirror_down(sess);
  unsigned long long hash = vars_hash(sess->m, sess->mem);
  if (sess->o.json) {
    char *totals = report_totals(sess, s);
    rt_out("{\"event\":\"done\",%s,\"weights_hash\":\"%016llx\"}\n", totals, hash);
    rt_free(totals);
    return;
  }
  rt_progress(NULL);
  char took[40];
  double t = rt_now() - r->start;
  if (t < 10) snprintf(took, sizeof took, "%.2f s", t);
  else human_duration(took, sizeof took, t);
  if (step && sess->nsections < 2)
    rt_out("%u steps in %s, loss %.6g\n", step - r->first, took, num_plain((double)sess->run->loss));
  else if (step) rt_out("%u rounds in %s\n", step - r->first, took);
  if (validate_ends(sess)) {
    const Watched *w = &sess->seen.stop;
    rt_out("stopped early: no better %s in %u validations since step %u\n", validate_name(sess, &sess->t->stop), w->bad,
           w->step);
  }
  for (int i = 0; i < sess->nsections; i++) {
    section_enter(sess, i);
    if (sess->section[i].scored && sess->nsections > 1)
      rt_out("%s %u steps, loss %.6g\n", section_name(&sess->section[i]), sess->run->step,
             num_plain((double)sess->section[i].score[0]));
    section_done(sess, &s[i]);
    section_leave(sess);
  }
  rt_out("weights %s/weights.safetensors (hash %016llx)\n", run->folder, hash);
  if (validate_keeps_best(sess))
    rt_out("of step %u, with the best %s %.6g; the last are in last.safetensors\n", sess->seen.best.step,
           validate_name(sess, &sess->t->best), num_plain((double)sess->seen.best.best));
}
