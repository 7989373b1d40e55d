/* Run folders: metrics.csv and metrics.jsonl, weights, checkpoints, the .nn and run.json (the flags). A folder is taken
 * for a run by what it holds; nothing that is not of a run is ever touched. */
#define _GNU_SOURCE
#include "rt.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char step_head[] = "{\"event\":\"step\",\"step\":";

static char *in(const char *folder, const char *name) {
  return rt_printf("%s/%s", folder, name);
}

static bool has(const char *folder, const char *name) {
  char *p = in(folder, name);
  bool yes = io_exists(p);
  rt_free(p);
  return yes;
}

/* A folder without any of these was left before its first checkpoint: nothing in it can be lost. */
bool run_holds(const char *folder) {
  char *c = checkpoint_newest(folder, NULL);
  bool yes = c || has(folder, "metrics.csv") || has(folder, "weights.safetensors");
  rt_free(c);
  return yes;
}

static char *source_name(const App *a) {
  return rt_printf("%s.nn", a->m->name);
}

static const char *const files[] = {"metrics.csv", "metrics.jsonl", "run.json", "weights.safetensors"};

static int64_t last_change(const char *folder) {
  int64_t last = INT64_MIN;
  for (int i = 0; i < COUNT(files); i++) {
    char *p = in(folder, files[i]);
    if (io_time(p) > last) last = io_time(p);
    rt_free(p);
  }
  return last;
}

/* Folders may have any name, so their files tell the time; of those of one time the last in natural order counts. */
char *run_newest(const App *a) {
  int n;
  int64_t newest = INT64_MIN;
  char **name = io_list("runs", &n), *nn = source_name(a), *found = NULL;
  for (int i = 0; i < n; i++) {
    char *folder = in("runs", name[i]);
    int64_t t = last_change(folder);
    bool newer = t >= newest && has(folder, nn) && run_holds(folder);
    if (newer) newest = t;
    rt_free(newer ? found : folder);
    if (newer) found = folder;
  }
  rt_free(nn);
  return found;
}

static void refuse_held(const App *a, const Run *r) {
  if (!a->o.force && run_holds(r->folder))
    rt_die(602, "%s already holds a run\n--resume goes on with it, --force replaces it", r->folder);
}

void run_choose(App *a, Run *r) {
  const Opts *o = &a->o;
  memset(r, 0, sizeof *r);
  if (o->run_dir) r->folder = rt_strdup(o->run_dir);
  else if (o->resume) r->folder = run_newest(a);
  if (r->folder && io_exists(r->folder) && (!o->resume || run_holds(r->folder))) lock_take(r->folder);
  if (o->resume) {
    if (!r->folder) rt_die(683, "no run of %s under runs/ to resume", a->m->name);
    char *c = checkpoint_newest(r->folder, NULL);
    if (!c) rt_die(683, "no checkpoint in %s to resume from\nwithout --resume, a run begins there", r->folder);
    rt_free(c);
  } else if (o->run_dir) refuse_held(a, r);
}

static bool adopt_data(App *a, Json *j, bool take) {
  if (!json_want(j, '[')) return false;
  if (json_is(j, ']')) return true;
  do {
    char *s = json_string(j);
    if (!s) return false;
    if (take && a->o.ndata < COUNT(a->o.data)) a->o.data[a->o.ndata++] = s;
  } while (json_is(j, ','));
  return json_want(j, ']');
}

/* A resumed run has its plan in the checkpoint. */
static bool adopt_plan(const App *a, Json *j, int64_t *to) {
  uint64_t v;
  bool ok = json_u64(j, &v);
  if (ok && !a->o.resume && v <= UINT32_MAX) *to = (int64_t)v;
  return ok;
}

static bool adopt(App *a, Json *j) {
  bool data = a->o.ndata == 0;
  if (!json_want(j, '{')) return false;
  do {
    char *key = json_string(j);
    if (!key || !json_want(j, ':')) return false;
    bool ok;
    uint64_t seed, every;
    if (!strcmp(key, "seed")) {
      ok = json_u64(j, &seed);
      if (ok && a->o.seed_set && a->o.resume && seed != a->o.seed)
        rt_die(603, "the run has seed %llu, not %llu", (unsigned long long)seed, (unsigned long long)a->o.seed);
      if (ok && !a->o.seed_set) a->o.seed = seed;
      a->o.seed_set = ok;
    } else if (!strcmp(key, "log_every")) {
      ok = json_u64(j, &every);
      if (ok && a->o.log_every < 0 && every <= UINT32_MAX) a->o.log_every = (int64_t)every;
    } else if (!strcmp(key, "steps")) ok = adopt_plan(a, j, &a->o.steps);
    else if (!strcmp(key, "epochs")) ok = adopt_plan(a, j, &a->o.epochs);
    else if (!strcmp(key, "data")) ok = adopt_data(a, j, data);
    else ok = json_skip(j, 0);
    rt_free(key);
    if (!ok) return false;
  } while (json_is(j, ','));
  return json_want(j, '}') && json_end(j);
}

void run_adopt(App *a, const char *folder) {
  char *path = in(folder, "run.json"), err[ERR_TEXT];
  Bytes b;
  if (io_exists(path)) {
    if (!io_read_all(path, &b, err)) rt_die(663, "%s", err);
    Json j = {(char *)b.p, (char *)b.p + b.n, err};
    if (!adopt(a, &j)) rt_die(642, "%s: %s", path, err);
    rt_free(b.p);
  }
  rt_free(path);
}

static void write_file(const char *folder, const char *name, const char *text) {
  char *path = in(folder, name), err[ERR_TEXT];
  IoFile f;
  io_create(&f, path);
  io_put(&f, text, strlen(text));
  if (!io_commit(&f, err)) rt_die(663, "%s", err);
  rt_free(path);
}

static char *member(char *text, const char *key, const char *value, bool quoted) {
  char *q = quoted ? json_quote(value) : rt_strdup(value);
  char *s = rt_printf("%s%s\n  \"%s\": %s", text, text[1] ? "," : "", key, q);
  rt_free(q);
  rt_free(text);
  return s;
}

static char *flags(const App *a) {
  const Opts *o = &a->o;
  char *t = rt_strdup("{"), number[24];
  t = member(t, "model", a->m->name, true);
  t = member(t, "version", a->m->version ? a->m->version : "", true);
  t = member(t, "flags", a->m->flags ? a->m->flags : "", true);
  snprintf(number, sizeof number, "%llu", (unsigned long long)app_seed(a));
  t = member(t, "seed", number, false);
  const struct { const char *key; int64_t v; } n[] = {
    {"steps", o->steps}, {"epochs", o->epochs}, {"stop_at", o->stop_at}, {"threads", o->threads},
    {"log_every", o->log_every},
  };
  for (int i = 0; i < COUNT(n); i++) {
    if (n[i].v < 0) continue;
    snprintf(number, sizeof number, "%lld", (long long)n[i].v);
    t = member(t, n[i].key, number, false);
  }
  if (o->init) t = member(t, "init", o->init, true);
  char *list = rt_strdup("[");
  for (int i = 0; i < o->ndata; i++) {
    char *q = json_quote(o->data[i]), *longer = rt_printf("%s%s%s", list, i ? ", " : "", q);
    rt_free(q);
    rt_free(list);
    list = longer;
  }
  char *whole = rt_printf("%s]", list);
  t = member(t, "data", whole, false);
  rt_free(list);
  rt_free(whole);
  char *s = rt_printf("%s\n}\n", t);
  rt_free(t);
  return s;
}

/* runs/2026-01-31_12-00-00, or with -2, -3 … behind it. */
static char *new_folder(void) {
  char text[32];
  time_t now = time(NULL);
  struct tm tm;
  localtime_r(&now, &tm);
  strftime(text, sizeof text, "%Y-%m-%d_%H-%M-%S", &tm);
  for (int i = 1;; i++) {
    char *p = i == 1 ? rt_printf("runs/%s", text) : rt_printf("runs/%s-%d", text, i);
    if (io_make_folder(p, true)) return p;
    if (errno != EEXIST || i == 1000) rt_die(663, "%s: cannot make the folder: %s", p, strerror(errno));
    rt_free(p);
  }
}

static void clear(const char *folder) { /* what an earlier run left */
  for (char *c; (c = checkpoint_newest(folder, NULL)); rt_free(c))
    if (!io_remove(c)) rt_die(663, "%s: cannot remove: %s", c, strerror(errno));
  for (int i = 0; i < COUNT(files); i++) {
    char *p = in(folder, files[i]);
    if (!io_remove(p)) rt_die(663, "%s: cannot remove: %s", p, strerror(errno));
    rt_free(p);
  }
}

/* The figures of a step: the loss, the metrics, the loss's scale where it has one. */
static int columns(const App *a) {
  return 1 + a->t->nmetrics + (a->t->scale != 0);
}

static const char *column_name(const App *a, int i) {
  return i == 0 ? "loss" : i <= a->t->nmetrics ? a->t->metrics[i - 1] : "loss_scale";
}

static float column(const App *a, int i) {
  return i <= a->t->nmetrics ? (&a->run->loss)[i] : *app_scalar(a, a->t->scale);
}

/* Room for the lines of a step, and what stands before each of its figures in JSON. */
static void prepare_lines(const App *a, Run *r) {
  size_t n = 80;
  r->key = rt_array((size_t)columns(a), sizeof *r->key);
  for (int i = 0; i < columns(a); i++) {
    char *name = json_quote(column_name(a, i));
    r->key[i] = rt_printf(",%s:", name);
    n += strlen(r->key[i]) + 32;
    rt_free(name);
  }
  r->csv_line = rt_alloc(n);
  r->json_line = rt_alloc(n);
}

static void open_metrics(const App *a, Run *r, size_t csv_keep, size_t jsonl_keep) {
  char *csv = in(r->folder, "metrics.csv"), *jsonl = in(r->folder, "metrics.jsonl");
  if (!io_append(&r->csv, csv, csv_keep)) rt_die(663, "%s: cannot write: %s", csv, strerror(r->csv.err));
  if (!io_append(&r->jsonl, jsonl, jsonl_keep)) rt_die(663, "%s: cannot write: %s", jsonl, strerror(r->jsonl.err));
  rt_free(csv);
  rt_free(jsonl);
  prepare_lines(a, r);
}

static void put(IoFile *f, const char *s) {
  io_put(f, s, strlen(s));
}

static void put_header(const App *a, Run *r) {
  put(&r->csv, "step");
  for (int i = 0; i < columns(a); i++) {
    put(&r->csv, ",");
    put(&r->csv, column_name(a, i));
  }
  put(&r->csv, "\n");
}

void run_begin(App *a, Run *r) {
  if (!r->folder) r->folder = new_folder();
  else if (!io_make_folder(r->folder, false))
    rt_die(663, "%s: cannot make the folder: %s", r->folder, strerror(errno));
  lock_take(r->folder);
  refuse_held(a, r); /* another process may have made it since */
  if (a->o.force) clear(r->folder);
  char *nn = source_name(a), *json = flags(a);
  write_file(r->folder, nn, a->m->source ? a->m->source : "");
  write_file(r->folder, "run.json", json);
  rt_free(nn);
  rt_free(json);
}

/* Bytes of the lines up to the first whose number, right behind `head`, is above `step`, or which has none. */
static size_t kept(const char *folder, const char *name, const char *head, int skip, uint32_t step) {
  char *path = in(folder, name), err[ERR_TEXT];
  Bytes b;
  size_t keep = 0;
  if (io_exists(path)) {
    if (!io_read_all(path, &b, err)) rt_die(663, "%s", err);
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

void run_metrics(App *a, Run *r, uint32_t step) {
  size_t csv = kept(r->folder, "metrics.csv", "", 1, step);
  open_metrics(a, r, csv, kept(r->folder, "metrics.jsonl", step_head, 0, step));
  if (!csv) put_header(a, r);
}

/* Every step of a small model passes here: each figure is formatted once, nothing is allocated. */
const char *run_log(App *a, Run *r) {
  char number[NUM_TEXT], *c = r->csv_line, *j = r->json_line;
  c += sprintf(c, "%u", a->run->step);
  j = stpcpy(stpcpy(j, step_head), r->csv_line);
  for (int i = 0; i < columns(a); i++) {
    float v = column(a, i);
    num_text(GC_F32, &v, 0, number);
    *c++ = ',';
    c = stpcpy(c, number);
    j = stpcpy(stpcpy(j, r->key[i]), v - v == 0 ? number : "null");
  }
  strcpy(c, "\n");
  strcpy(j, "}\n");
  put(&r->csv, r->csv_line);
  put(&r->jsonl, r->json_line);
  return r->json_line;
}

void run_sync(Run *r) {
  if (!io_sync(&r->csv)) rt_die(663, "%s: cannot write: %s", r->csv.path, strerror(r->csv.err));
  if (!io_sync(&r->jsonl)) rt_die(663, "%s: cannot write: %s", r->jsonl.path, strerror(r->jsonl.err));
}

static bool has_weights(const GcModel *m) {
  for (int i = 0; i < m->nvars; i++) if (m->vars[i].kind != GC_OPTIM) return true;
  return false;
}

char *run_weights(App *a) {
  char *path = a->o.weights ? rt_strdup(a->o.weights) : NULL;
  if (!path && !has_weights(a->m)) return NULL;
  if (!path) {
    char *folder = run_newest(a);
    if (!folder)
      rt_die(683, "no run of %s under runs/ to take weights from\n%s--weights FILE names a file", a->m->name,
             a->t ? "`train` makes one; " : "");
    path = in(folder, "weights.safetensors");
    rt_free(folder);
  }
  char *folder = rt_strdup(path), *slash = strrchr(folder, '/');
  if (slash) *slash = 0;
  run_adopt(a, slash ? folder : ".");
  rt_free(folder);
  return path;
}
