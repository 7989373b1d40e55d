/* SPDX-License-Identifier: Apache-2.0 */
/* Run folders: metrics.csv and metrics.jsonl, weights, checkpoints, the .nn and run.json (the options). A folder is
 * recognised as a run by its files; other files in it are never touched. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "device.h"
#include "json.h"
#include "data.h"
#include "run.h"
#include "settings.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *run_file(const char *folder, const char *name) { return rt_printf("%s/%s", folder, name); }

static bool has(const char *folder, const char *name) {
  char *p = run_file(folder, name);
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

static const char *const files[] = {"metrics.csv", "metrics.jsonl", "run.json", "weights.safetensors",
                                    "last.safetensors"};

static int64_t last_change(const char *folder) {
  int64_t last = INT64_MIN;
  for (int i = 0; i < COUNT(files); i++) {
    char *p = run_file(folder, files[i]);
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
    char *folder = run_file("runs", name[i]);
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
    else if (!strcmp(key, "set") || !strcmp(key, "const")) ok = settings_load(sess, j, *key == 's');
    else ok = json_skip(j, 0);
    rt_free(key);
    if (!ok) return false;
  } while (json_accept(j, ','));
  return json_expect(j, '}') && json_end(j);
}

void run_load_options(Session *sess, const char *folder) {
  char *path = run_file(folder, "run.json"), err[ERR_TEXT];
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
  char *path = run_file(folder, name), err[ERR_TEXT];
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
  t = settings_members(sess, t);
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
    char *p = run_file(folder, files[i]);
    if (!io_remove(p)) rt_die(E_RUN_FILE, "%s: cannot remove: %s", p, strerror(errno));
    rt_free(p);
  }
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
    path = run_file(folder, "weights.safetensors");
    rt_free(folder);
  }
  char *folder = rt_strdup(path), *slash = strrchr(folder, '/');
  if (slash) *slash = 0;
  run_load_options(sess, slash ? folder : ".");
  rt_free(folder);
  return path;
}

void run_say_skipped(const Data *d) {
  unsigned long long all = d ? d->n + d->skipped + d->faulty : 0;
  if (d && d->skipped)
    rt_note("%s: %llu of %llu records have missing values and are left out, the first %s", d->skipped_path,
            (unsigned long long)d->skipped, all, d->first_skipped);
  if (d && d->faulty)
    rt_note("data %s: %llu of %llu records cannot be used and are left out; the first: %s", d->d->name,
            (unsigned long long)d->faulty, all, d->first_fault);
}
