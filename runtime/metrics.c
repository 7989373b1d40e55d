/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a run: metrics.csv and metrics.jsonl, a row or line for each logged step and each validation. */
#define _GNU_SOURCE
#include "json.h"
#include "num.h"
#include "report.h"
#include "run.h"
#include "step.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char step_head[] = "{\"event\":\"step\",\"step\":";
static const char validate_head[] = "{\"event\":\"validate\",\"step\":";

/* The columns of the metrics: of each section the loss, the metrics, the loss scale if there is one. */
static int columns_of(const SectionRun *u) { return 1 + u->t->nmetrics + (u->t->scale != 0); }

static int columns(const Session *sess) {
  int n = 0;
  for (int i = 0; i < sess->nsections; i++) n += columns_of(&sess->section[i]);
  return n;
}

/* The section of column *i, which becomes its number there. */
static const SectionRun *section_of(const Session *sess, int *i) {
  const SectionRun *u = sess->section;
  for (; *i >= columns_of(u); u++) *i -= columns_of(u);
  return u;
}

/* With several sections it begins with the section's name. */
static char *column_name(const Session *sess, int i) {
  const SectionRun *u = section_of(sess, &i);
  const char *name = i == 0 ? "loss" : i <= u->t->nmetrics ? u->t->metrics[i - 1] : "loss_scale";
  return sess->nsections > 1 ? rt_printf("%s.%s", section_name(u), name) : rt_strdup(name);
}

/* False: its section had no step in this round. */
static bool column(const Session *sess, int i, float *v) {
  const SectionRun *u = section_of(sess, &i);
  if (u->ran) *v = i <= u->t->nmetrics ? u->score[i] : *session_scalar(sess, u->t->scale);
  return u->ran;
}

/* Validations have columns of their own, after the others, and rows of their own, in which the others are empty. */
static int validated_columns(const Session *sess) {
  return sess->t->validate && score_records(score_set(sess, false)) ? 1 + sess->t->nmetrics : 0;
}

static char *commas(int n) {
  char *s = rt_alloc((size_t)n + 1);
  memset(s, ',', (size_t)n);
  return s;
}

/* Allocates the lines of a step, and prepares the key of each number in JSON. */
static void prepare_lines(const Session *sess, Run *r) {
  size_t n = 80 + (size_t)columns(sess) + 32 * (size_t)validated_columns(sess);
  r->blank = commas(validated_columns(sess));
  r->key = rt_array((size_t)columns(sess), sizeof *r->key);
  for (int i = 0; i < columns(sess); i++) {
    char *plain = column_name(sess, i), *name = json_quote(plain);
    r->key[i] = rt_printf(",%s:", name);
    n += strlen(r->key[i]) + 32;
    rt_free(name);
    rt_free(plain);
  }
  r->csv_line = rt_alloc(n);
  r->json_line = rt_alloc(n);
}

static void open_metrics(const Session *sess, Run *r, size_t csv_keep, size_t jsonl_keep) {
  char *csv = run_file(r->folder, "metrics.csv"), *jsonl = run_file(r->folder, "metrics.jsonl");
  if (!io_append(&r->csv, csv, csv_keep)) rt_die(E_RUN_FILE, "%s: cannot write: %s", csv, strerror(r->csv.err));
  if (!io_append(&r->jsonl, jsonl, jsonl_keep))
    rt_die(E_RUN_FILE, "%s: cannot write: %s", jsonl, strerror(r->jsonl.err));
  rt_free(csv);
  rt_free(jsonl);
  prepare_lines(sess, r);
}

static void put(IoFile *f, const char *s) { io_write(f, s, strlen(s)); }

static void put_header(const Session *sess, Run *r) {
  put(&r->csv, "step");
  for (int i = 0; i < columns(sess); i++) {
    char *name = column_name(sess, i);
    put(&r->csv, ",");
    put(&r->csv, name);
    rt_free(name);
  }
  for (int i = 0; i < validated_columns(sess); i++) {
    char *name = column_name(sess, i);
    put(&r->csv, ",val_");
    put(&r->csv, name);
    rt_free(name);
  }
  put(&r->csv, "\n");
}

/* The event of a line of metrics.jsonl or of a row of metrics.csv, and its step; 0: none that a resumed run keeps. The
 * last column of a row is empty, but in validations. */
static char event_of(const char *p, const char *end, bool json, bool validates, uint64_t *step) {
  size_t h = strlen(step_head), v = strlen(validate_head);
  char event = 's', *after;
  if (json) {
    event = (size_t)(end - p) > h && !memcmp(p, step_head, h)       ? 's'
            : (size_t)(end - p) > v && !memcmp(p, validate_head, v) ? 'v'
                                                                    : 0;
    p += event == 's' ? h : event ? v : 0;
  }
  *step = strtoull(p, &after, 10);
  if (!json && validates && end[-1] != ',') event = 'v';
  return after == p ? 0 : event;
}

/* The length of the lines that are kept: after `skip` lines those up to a step, and to the validation after it if that
 * is done. */
static size_t kept(const Session *sess, const char *folder, const char *name, bool json, uint32_t upto) {
  char *path = run_file(folder, name), err[ERR_TEXT];
  Bytes b;
  size_t keep = 0;
  int skip = !json;
  if (io_exists(path)) {
    if (!io_read_all(path, &b, err)) rt_die(E_RUN_FILE, "%s", err);
    const char *p = (char *)b.p, *end = p + b.n;
    for (const char *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
      uint64_t step;
      char event = skip-- > 0 ? 'h' : event_of(p, nl, json, validated_columns(sess) > 0, &step);
      if (!event) break;
      if (event != 'h' && (step > upto || (event == 'v' && step > sess->seen.step))) break;
      keep = (size_t)(nl + 1 - (char *)b.p);
    }
    rt_free(b.p);
  }
  rt_free(path);
  return keep;
}

void run_metrics(Session *sess, Run *r, uint32_t step) {
  size_t csv = kept(sess, r->folder, "metrics.csv", false, step);
  open_metrics(sess, r, csv, kept(sess, r->folder, "metrics.jsonl", true, step));
  if (!csv) put_header(sess, r);
}

/* Called in every step, however short: each number is formatted once, nothing is allocated. */
const char *run_log(Session *sess, Run *r) {
  char number[NUM_TEXT], *c = r->csv_line, *j = r->json_line;
  c += sprintf(c, "%u", sess->run->step);
  j = stpcpy(stpcpy(j, step_head), r->csv_line);
  for (int i = 0; i < columns(sess); i++) {
    float v;
    *c++ = ',';
    if (!column(sess, i, &v)) continue;
    num_text(GC_F32, &v, 0, number);
    c = stpcpy(c, number);
    j = stpcpy(stpcpy(j, r->key[i]), v - v == 0 ? number : "null");
  }
  strcpy(stpcpy(c, r->blank), "\n");
  strcpy(j, "}\n");
  put(&r->csv, r->csv_line);
  put(&r->jsonl, r->json_line);
  return r->json_line;
}

const char *run_log_validation(Session *sess, Run *r, const Scores *s) {
  char number[NUM_TEXT], *c = r->csv_line, *j = r->json_line;
  c += sprintf(c, "%u", sess->run->step);
  j = stpcpy(stpcpy(j, validate_head), r->csv_line);
  for (int i = 0; i < columns(sess); i++) *c++ = ',';
  for (int i = 0; i <= sess->t->nmetrics; i++) {
    float v = i ? s->metric[i - 1] : s->loss;
    num_text(GC_F32, &v, 0, number);
    *c++ = ',';
    c = stpcpy(c, number);
    j = stpcpy(stpcpy(j, r->key[i]), v - v == 0 ? number : "null");
  }
  strcpy(c, "\n");
  char *tensors = report_tensors(sess, s);
  *j = 0;
  rt_free(r->validation);
  r->validation = rt_printf("%s%s}\n", r->json_line, tensors);
  rt_free(tensors);
  put(&r->csv, r->csv_line);
  put(&r->jsonl, r->validation);
  return r->validation;
}

void run_sync(Run *r) {
  if (!io_sync(&r->csv)) rt_die(E_RUN_FILE, "%s: cannot write: %s", r->csv.path, strerror(r->csv.err));
  if (!io_sync(&r->jsonl)) rt_die(E_RUN_FILE, "%s: cannot write: %s", r->jsonl.path, strerror(r->jsonl.err));
}
