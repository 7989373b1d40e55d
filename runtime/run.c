/* SPDX-License-Identifier: Apache-2.0 */
/* Run folders: metrics.csv and metrics.jsonl, weights, checkpoints, the .nn and run.json (the options). A folder is
 * recognised as a run by its files; other files in it are never touched. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "device.h"
#include "json.h"
#include "num.h"
#include "run.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char step_head[] = "{\"event\":\"step\",\"step\":";

static char *in(const char *folder, const char *name) { return rt_printf("%s/%s", folder, name); }

static bool has(const char *folder, const char *name) {
  char *p = in(folder, name);
  bool yes = io_exists(p);
  rt_free(p);
  return yes;
}

/* A folder with none of these files has no checkpoint yet, so that nothing in it can be lost. */
bool run_exists(const char *folder) {
  char *c = checkpoint_newest(folder, NULL);
  bool yes = c || has(folder, "metrics.csv") || has(folder, "weights.safetensors");
  rt_free(c);
  return yes;
}

static char *source_name(const Session *sess) { return rt_printf("%s.nn", sess->m->name); }

static const char *const files[] = {"metrics.csv", "metrics.jsonl", "run.json", "weights.safetensors"};

static int64_t last_change(const char *folder) {
  int64_t last = INT64_MIN;
  for (int i = 0; i < COUNT(files); i++) {
    char *p = in(folder, files[i]);
    if (io_mtime(p) > last) last = io_mtime(p);
    rt_free(p);
  }
  return last;
}

/* The newest by the times of its files, as folders may have any name; of equal times, the last in natural order. */
char *run_newest(const Session *sess) {
  int n;
  int64_t newest = INT64_MIN;
  char **name = io_list("runs", &n), *nn = source_name(sess), *found = NULL;
  for (int i = 0; i < n; i++) {
    char *folder = in("runs", name[i]);
    int64_t t = last_change(folder);
    bool newer = t >= newest && has(folder, nn) && run_exists(folder);
    if (newer) newest = t;
    rt_free(newer ? found : folder);
    if (newer) found = folder;
  }
  rt_free(nn);
  return found;
}

static void refuse_existing(const Session *sess, const Run *r) {
  if (!sess->o.force && run_exists(r->folder))
    rt_die(E_RUN_EXISTS, "%s already holds a run\n--resume continues it, --force replaces it", r->folder);
}

void run_select(Session *sess, Run *r) {
  const Opts *o = &sess->o;
  memset(r, 0, sizeof *r);
  if (o->run_dir) r->folder = rt_strdup(o->run_dir);
  else if (o->resume) r->folder = run_newest(sess);
  if (r->folder && io_exists(r->folder) && (!o->resume || run_exists(r->folder))) lock_acquire(r->folder);
  if (o->resume) {
    if (!r->folder) rt_die(E_NO_RUN, "no run of %s under runs/ to resume", sess->m->name);
    char *c = checkpoint_newest(r->folder, NULL);
    if (!c) rt_die(E_NO_RUN, "no checkpoint in %s to resume from\nwithout --resume, a run begins there", r->folder);
    rt_free(c);
  } else if (o->run_dir) refuse_existing(sess, r);
}

static bool load_data_option(Session *sess, Json *j, bool use) {
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do {
    char *s = json_string(j);
    if (!s) return false;
    if (use && sess->o.data.n < OPT_TIMES) sess->o.data.v[sess->o.data.n++] = s;
  } while (json_accept(j, ','));
  return json_expect(j, ']');
}

/* The plan of a resumed run is in the checkpoint instead. */
static bool load_plan_option(const Session *sess, Json *j, int64_t *to) {
  uint64_t v;
  bool ok = json_u64(j, &v);
  if (ok && !sess->o.resume && v <= UINT32_MAX) *to = (int64_t)v;
  return ok;
}

/* A resumed run keeps its fold; `eval` may name another. */
static bool load_fold(Session *sess, Json *j) {
  Fold f, *to = &sess->o.fold;
  char *s = json_string(j);
  if (!s || !opt_fold(s, &f)) return false;
  if (sess->o.resume && to->n && (to->k != f.k || to->n != f.n))
    rt_die(E_CHECKPOINT_MISMATCH, "the run has --fold %u/%u, not %u/%u", f.k, f.n, to->k, to->n);
  if (!to->n) *to = f;
  rt_free(s);
  return true;
}

static bool load_options(Session *sess, Json *j) {
  bool data = sess->o.data.n == 0;
  if (!json_expect(j, '{')) return false;
  do {
    char *key = json_string(j);
    if (!key || !json_expect(j, ':')) return false;
    bool ok;
    uint64_t seed, every;
    if (!strcmp(key, "seed")) {
      ok = json_u64(j, &seed);
      if (ok && sess->o.seed_set && sess->o.resume && seed != sess->o.seed)
        rt_die(E_SEED_MISMATCH, "the run has seed %llu, not %llu", (unsigned long long)seed,
               (unsigned long long)sess->o.seed);
      if (ok && !sess->o.seed_set) sess->o.seed = seed;
      sess->o.seed_set = ok;
    } else if (!strcmp(key, "log_every")) {
      ok = json_u64(j, &every);
      if (ok && sess->o.log_every < 0 && every <= UINT32_MAX) sess->o.log_every = (int64_t)every;
    } else if (!strcmp(key, "steps")) ok = load_plan_option(sess, j, &sess->o.steps);
    else if (!strcmp(key, "epochs")) ok = load_plan_option(sess, j, &sess->o.epochs);
    else if (!strcmp(key, "fold")) ok = load_fold(sess, j);
    else if (!strcmp(key, "data")) ok = load_data_option(sess, j, data);
    else ok = json_skip(j, 0);
    rt_free(key);
    if (!ok) return false;
  } while (json_accept(j, ','));
  return json_expect(j, '}') && json_end(j);
}

void run_load_options(Session *sess, const char *folder) {
  char *path = in(folder, "run.json"), err[ERR_TEXT];
  Bytes b;
  if (io_exists(path)) {
    if (!io_read_all(path, &b, err)) rt_die(E_RUN_FILE, "%s", err);
    Json j = {(char *)b.p, (char *)b.p + b.n, err};
    if (!load_options(sess, &j)) rt_die(E_NOT_A_CHECKPOINT, "%s: %s", path, err);
    rt_free(b.p);
  }
  rt_free(path);
}

static void write_file(const char *folder, const char *name, const char *text) {
  char *path = in(folder, name), err[ERR_TEXT];
  IoFile f;
  io_create(&f, path);
  io_write(&f, text, strlen(text));
  if (!io_commit(&f, err)) rt_die(E_RUN_FILE, "%s", err);
  rt_free(path);
}

static char *member(char *text, const char *key, const char *value, bool quoted) {
  char *q = quoted ? json_quote(value) : rt_strdup(value);
  char *s = rt_printf("%s%s\n  \"%s\": %s", text, text[1] ? "," : "", key, q);
  rt_free(q);
  rt_free(text);
  return s;
}

static char *member_list(char *text, const char *key, const OptList *l) {
  char *list = rt_strdup("[");
  for (int i = 0; i < l->n; i++) {
    char *q = json_quote(l->v[i]), *longer = rt_printf("%s%s%s", list, i ? ", " : "", q);
    rt_free(q);
    rt_free(list);
    list = longer;
  }
  char *closed = rt_printf("%s]", list);
  text = member(text, key, closed, false);
  rt_free(list);
  rt_free(closed);
  return text;
}

static char *run_json(const Session *sess) {
  const Opts *o = &sess->o;
  char *t = rt_strdup("{"), number[24];
  t = member(t, "model", sess->m->name, true);
  t = member(t, "version", sess->m->version ? sess->m->version : "", true);
  t = member(t, "flags", sess->m->flags ? sess->m->flags : "", true);
  snprintf(number, sizeof number, "%llu", (unsigned long long)session_seed(sess));
  t = member(t, "seed", number, false);
  const struct {
    const char *key;
    int64_t v;
  } n[] = {
    {"steps", o->steps},     {"epochs", o->epochs},       {"stop_at", o->stop_at},
    {"threads", o->threads}, {"log_every", o->log_every},
  };
  for (int i = 0; i < COUNT(n); i++) {
    if (n[i].v < 0) continue;
    snprintf(number, sizeof number, "%lld", (long long)n[i].v);
    t = member(t, n[i].key, number, false);
  }
  if (o->init) t = member(t, "init", o->init, true);
  if (sess->dev) {
    char *device = rt_printf("%s: %s", sess->m->device->name, sess->dev->name);
    t = member(t, "device", device, true);
    rt_free(device);
    t = member(t, "gemm", sess->m->device->products ? "cublaslt" : "generated", true);
  }
  if (o->fold.n) {
    snprintf(number, sizeof number, "%u/%u", o->fold.k, o->fold.n);
    t = member(t, "fold", number, true);
  }
  if (o->init_map.n) t = member_list(t, "init_map", &o->init_map);
  if (o->partial) t = member(t, "partial", "true", false);
  t = member_list(t, "data", &o->data);
  char *s = rt_printf("%s\n}\n", t);
  rt_free(t);
  return s;
}

/* runs/2026-01-31_12-00-00, with the suffix -2, -3 … if it exists. */
static char *new_folder(void) {
  char text[32];
  time_t now = time(NULL);
  struct tm tm;
  localtime_r(&now, &tm);
  strftime(text, sizeof text, "%Y-%m-%d_%H-%M-%S", &tm);
  for (int i = 1;; i++) {
    char *p = i == 1 ? rt_printf("runs/%s", text) : rt_printf("runs/%s-%d", text, i);
    if (io_make_folder(p, true)) return p;
    if (errno != EEXIST || i == 1000) rt_die(E_RUN_FILE, "%s: cannot make the folder: %s", p, strerror(errno));
    rt_free(p);
  }
}

static void clear(const char *folder) { /* removes the files of an earlier run */
  for (char *c; (c = checkpoint_newest(folder, NULL)); rt_free(c))
    if (!io_remove(c)) rt_die(E_RUN_FILE, "%s: cannot remove: %s", c, strerror(errno));
  for (int i = 0; i < COUNT(files); i++) {
    char *p = in(folder, files[i]);
    if (!io_remove(p)) rt_die(E_RUN_FILE, "%s: cannot remove: %s", p, strerror(errno));
    rt_free(p);
  }
}

/* The columns of the metrics: of each section the loss, the metrics, the loss scale if there is one. */
static int columns_of(const Turn *u) { return 1 + u->t->nmetrics + (u->t->scale != 0); }

static int columns(const Session *sess) {
  int n = 0;
  for (int i = 0; i < sess->nturns; i++) n += columns_of(&sess->turn[i]);
  return n;
}

/* The section of column *i, which becomes its number there. */
static const Turn *section_of(const Session *sess, int *i) {
  const Turn *u = sess->turn;
  for (; *i >= columns_of(u); u++) *i -= columns_of(u);
  return u;
}

/* With several sections it begins with the section's name. */
static char *column_name(const Session *sess, int i) {
  const Turn *u = section_of(sess, &i);
  const char *name = i == 0 ? "loss" : i <= u->t->nmetrics ? u->t->metrics[i - 1] : "loss_scale";
  return sess->nturns > 1 ? rt_printf("%s.%s", turn_name(u), name) : rt_strdup(name);
}

/* False: its section had no step in this round. */
static bool column(const Session *sess, int i, float *v) {
  const Turn *u = section_of(sess, &i);
  if (u->ran) *v = i <= u->t->nmetrics ? u->score[i] : *session_scalar(sess, u->t->scale);
  return u->ran;
}

/* Allocates the lines of a step, and prepares the key of each number in JSON. */
static void prepare_lines(const Session *sess, Run *r) {
  size_t n = 80;
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
  char *csv = in(r->folder, "metrics.csv"), *jsonl = in(r->folder, "metrics.jsonl");
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
  put(&r->csv, "\n");
}

void run_begin(Session *sess, Run *r) {
  if (!r->folder) r->folder = new_folder();
  else if (!io_make_folder(r->folder, false))
    rt_die(E_RUN_FILE, "%s: cannot make the folder: %s", r->folder, strerror(errno));
  lock_acquire(r->folder);
  refuse_existing(sess, r); /* another process may have created it since */
  if (sess->o.force) clear(r->folder);
  char *nn = source_name(sess), *json = run_json(sess);
  write_file(r->folder, nn, sess->m->source ? sess->m->source : "");
  write_file(r->folder, "run.json", json);
  rt_free(nn);
  rt_free(json);
}

/* The length of the lines that are kept: after `skip` lines, those that begin with `head` and a number up to `step`. */
static size_t kept(const char *folder, const char *name, const char *head, int skip, uint32_t step) {
  char *path = in(folder, name), err[ERR_TEXT];
  Bytes b;
  size_t keep = 0;
  if (io_exists(path)) {
    if (!io_read_all(path, &b, err)) rt_die(E_RUN_FILE, "%s", err);
    const char *p = (char *)b.p, *end = p + b.n;
    for (const char *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
      size_t h = strlen(head);
      if (skip-- <= 0) {
        if ((size_t)(nl - p) <= h || memcmp(p, head, h)) break;
        if (strtoull(p + h, NULL, 10) > step) break;
      }
      keep = (size_t)(nl + 1 - (char *)b.p);
    }
    rt_free(b.p);
  }
  rt_free(path);
  return keep;
}

void run_metrics(Session *sess, Run *r, uint32_t step) {
  size_t csv = kept(r->folder, "metrics.csv", "", 1, step);
  open_metrics(sess, r, csv, kept(r->folder, "metrics.jsonl", step_head, 0, step));
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
  *c = 0;
  strcpy(c, "\n");
  strcpy(j, "}\n");
  put(&r->csv, r->csv_line);
  put(&r->jsonl, r->json_line);
  return r->json_line;
}

void run_sync(Run *r) {
  if (!io_sync(&r->csv)) rt_die(E_RUN_FILE, "%s: cannot write: %s", r->csv.path, strerror(r->csv.err));
  if (!io_sync(&r->jsonl)) rt_die(E_RUN_FILE, "%s: cannot write: %s", r->jsonl.path, strerror(r->jsonl.err));
}

static bool has_weights(const GcModel *m) {
  for (int i = 0; i < m->nvars; i++)
    if (m->vars[i].kind != GC_OPTIM) return true;
  return false;
}

char *run_weights(Session *sess) {
  char *path = sess->o.weights ? rt_strdup(sess->o.weights) : NULL;
  if (!path && !has_weights(sess->m)) return NULL;
  if (!path) {
    char *folder = run_newest(sess);
    if (!folder)
      rt_die(E_NO_RUN, "no run of %s under runs/ to take weights from\n%s--weights FILE names a file", sess->m->name,
             sess->t ? "`train` makes one; " : "");
    path = in(folder, "weights.safetensors");
    rt_free(folder);
  }
  char *folder = rt_strdup(path), *slash = strrchr(folder, '/');
  if (slash) *slash = 0;
  run_load_options(sess, slash ? folder : ".");
  rt_free(folder);
  return path;
}
