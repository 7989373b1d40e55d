/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/run_folder.h"
#include "driver/driver.h"
#include "runtime/io.h"
#include "runtime/json.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_of(Ctx *c, const RunFolder *r, const char *name) { return ctx_strf(c, "%s/%s", r->path, name); }

bool run_folder_is(Ctx *c, const char *path) {
  return io_exists(ctx_strf(c, "%s/run.json", path)) || io_exists(ctx_strf(c, "%s/metrics.csv", path));
}

const char *run_member(const RunFolder *r, const char *name) {
  for (int i = 0; i < r->nmember; i++)
    if (!strcmp(r->member[i].name, name)) return r->member[i].value;
  return NULL;
}

RunCurve *run_curve(const RunFolder *r, const char *name) {
  for (int i = 0; i < r->ncurve; i++)
    if (!strcmp(r->curve[i].name, name)) return &r->curve[i];
  return NULL;
}

/* All of the file, ended by a NUL; NULL: there is none, or it cannot be read, which is reported. */
static char *read_file(Ctx *c, const char *path, size_t *n) {
  char err[ERR_TEXT];
  Bytes b;
  if (!io_exists(path)) return NULL;
  if (!io_read_all(path, &b, err)) {
    diag_error(c, E_FILE_READ, 0, 1, "%s", err);
    return NULL;
  }
  *n = b.n;
  return (char *)b.p;
}

/* ---- run.json ---- */

static void add_member(Ctx *c, RunFolder *r, const char *name, const char *value, bool fixed, bool text) {
  if (!run_member(r, name)) *VEC_PUSH(c, r->member, r->nmember, r->capmember) = (RunMember){name, value, fixed, text};
}

/* A value as text; NULL: malformed. */
static const char *value_text(Ctx *c, Json *j, bool *is_text) {
  while (j->p < j->end && strchr(" \t\r\n", *j->p)) j->p++;
  const char *at = j->p;
  *is_text = j->p < j->end && *at == '"';
  if (*is_text) {
    char *s = json_string(j);
    const char *text = s ? ctx_name(c, s) : NULL;
    free(s);
    return text;
  }
  return json_skip(j, 0) ? ctx_intern(c, at, (size_t)(j->p - at)) : NULL;
}

typedef enum Level { TOP, SET, FIXED } Level;

/* The file has `set` before `const`, which has all constants. */
static bool read_object(Ctx *c, RunFolder *r, Json *j, Level level) {
  static const char *const left_out[] = {"version", "steps", "stop_at", "threads", "log_every"};
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return true;
  do {
    char *key = json_string(j);
    if (!key || !json_expect(j, ':')) return false;
    const char *name = ctx_name(c, key), *value = NULL;
    free(key);
    bool skip = false, text;
    for (size_t i = 0; level == TOP && i < sizeof left_out / sizeof *left_out; i++) skip |= !strcmp(name, left_out[i]);
    bool set = !strcmp(name, "set"), fixed = !strcmp(name, "const");
    if (level == TOP && (set || fixed)) {
      if (!read_object(c, r, j, set ? SET : FIXED)) return false;
      continue;
    }
    if (!(value = value_text(c, j, &text))) return false;
    if (level == TOP && !strcmp(name, "model")) r->model = value;
    else if (level != TOP || (!skip && strcmp(value, "[]") != 0 && *value))
      add_member(c, r, name, value, level == FIXED, text);
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

static bool read_run_json(Ctx *c, RunFolder *r) {
  const char *path = file_of(c, r, "run.json");
  char err[ERR_TEXT];
  size_t n;
  char *text = read_file(c, path, &n);
  if (!text) return !io_exists(path);
  Json j = {text, text + n, err};
  bool ok = read_object(c, r, &j, TOP);
  if (!ok) diag_error(c, E_RUN_FOLDER, 0, 1, "%s: %s", path, err);
  free(text);
  return ok;
}

/* Runs of one model may differ by an edit of its file. */
static void read_source(Ctx *c, RunFolder *r) {
  size_t n;
  char *text = r->model ? read_file(c, file_of(c, r, ctx_strf(c, "%s.nn", r->model)), &n) : NULL;
  if (text) add_member(c, r, "source", ctx_strf(c, "%06x", (unsigned)(hash_bytes(text, n, 0) & 0xffffff)), false, true);
  free(text);
}

/* ---- metrics.csv ---- */

/* Which way a metric is better, by the last part of its name. */
static int direction(const char *name) {
  static const char *const falls[] = {"loss", "mse", "mae", "rmse", "error", "err", "perplexity", "ppl", "nll", "bce"};
  static const char *const rises[] = {"acc", "accuracy", "top1", "top5", "f1",    "fbeta", "precision",        "recall",
                                      "iou", "auc",      "map",  "mcc",  "kappa", "r2",    "average_precision"};
  const char *dot = strrchr(name, '.');
  if (dot) name = dot + 1;
  for (size_t i = 0; i < sizeof falls / sizeof *falls; i++)
    if (!strcmp(name, falls[i])) return -1;
  for (size_t i = 0; i < sizeof rises / sizeof *rises; i++)
    if (!strcmp(name, rises[i])) return 1;
  return 0;
}

static void add_curve(Ctx *c, RunFolder *r, const char *name, size_t n) {
  r->curve = ctx_grow(c, r->curve, sizeof *r->curve * (size_t)r->ncurve, sizeof *r->curve * (size_t)(r->ncurve + 1));
  RunCurve *k = &r->curve[r->ncurve++];
  *k = (RunCurve){.name = ctx_intern(c, name, n), .last = NAN, .best = NAN, .best_step = NAN};
  k->val = !strncmp(k->name, "val_", 4);
  k->base = ctx_name(c, k->name + (k->val ? 4 : 0));
  k->rises = direction(k->base);
}

static void add_point(Ctx *c, RunCurve *k, double step, double v) {
  if (k->n == k->cap) {
    k->cap = k->cap ? 2 * k->cap : 256;
    k->step = realloc(k->step, (size_t)k->cap * sizeof *k->step);
    k->v = realloc(k->v, (size_t)k->cap * sizeof *k->v);
    if (!k->step || !k->v) ctx_abort(c);
  }
  k->step[k->n] = step;
  k->v[k->n++] = k->last = v;
  if (!k->rises || !isfinite(v) || (!isnan(k->best) && k->rises * (v - k->best) <= 0)) return;
  k->best = v;
  k->best_step = step;
}

/* A row; false: it is not one of numbers. */
static bool read_row(Ctx *c, RunFolder *r, const char *p, const char *end) {
  char *after;
  double step = strtod(p, &after);
  if (after == p || step < 0) return false;
  for (int i = 0; i < r->ncurve; i++) {
    if (after >= end || *after != ',') return after == end && i > 0;
    p = after + 1;
    if (p == end || *p == ',') {
      after = (char *)p;
      continue;
    }
    double v = strtod(p, &after);
    if (after == p) return false;
    add_point(c, &r->curve[i], step, v);
  }
  r->steps = step;
  return after == end;
}

static bool read_rows(Ctx *c, RunFolder *r, const char *p, const char *end) {
  const char *path = file_of(c, r, "metrics.csv"), *line = p, *nl = memchr(p, '\n', (size_t)(end - p));
  int number = 1;
  if (!nl) return true; /* it has just begun */
  if (strncmp(p, "step,", 5) != 0) {
    diag_error(c, E_RUN_FOLDER, 0, 1, "%s: the first line is not that of metrics: step,loss", path);
    return false;
  }
  for (const char *at = p + 5; at <= nl; at += strcspn(at, ",\n") + 1) add_curve(c, r, at, strcspn(at, ",\n"));
  for (line = nl + 1; line < end; line = nl + 1) {
    number++;
    if (!(nl = memchr(line, '\n', (size_t)(end - line)))) break; /* a line that is being written */
    if (read_row(c, r, line, nl)) continue;
    diag_error(c, E_RUN_FOLDER, 0, 1, "%s: line %d is not one of %d numbers", path, number, r->ncurve + 1);
    return false;
  }
  return true;
}

static bool read_metrics(Ctx *c, RunFolder *r) {
  const char *path = file_of(c, r, "metrics.csv");
  size_t n;
  char *text = read_file(c, path, &n);
  if (!text) return !io_exists(path);
  bool ok = read_rows(c, r, text, text + n);
  free(text);
  return ok;
}

/* ---- the end of metrics.jsonl ---- */

static void add_holdout(Ctx *c, RunFolder *r, Json *j) {
  bool text;
  if (!json_expect(j, '{')) return;
  do {
    char *key = json_string(j);
    if (!key || !json_expect(j, ':')) return;
    const char *name = ctx_strf(c, "val_%s", key), *value = value_text(c, j, &text);
    free(key);
    char *end = NULL;
    double v = value ? strtod(value, &end) : 0;
    if (!value) return;
    if (end == value || *end || run_curve(r, name)) continue; /* null, a list, or known from validations */
    add_curve(c, r, name, strlen(name));
    add_point(c, &r->curve[r->ncurve - 1], r->steps, v);
  } while (json_accept(j, ','));
}

/* Scores of the hold-out at the end, of a run that did not validate; and whether it has come to its end. */
static void read_end(Ctx *c, RunFolder *r) {
  enum { MOST = 1 << 20 };
  static const char head[] = "{\"event\":\"done\"";
  FILE *f = fopen(file_of(c, r, "metrics.jsonl"), "rb");
  char err[ERR_TEXT], *text = f ? malloc(MOST + 1) : NULL, *line;
  if (f && !text) ctx_abort(c);
  if (!f) return;
  fseek(f, 0, SEEK_END);
  long size = ftell(f);
  fseek(f, size > MOST ? size - MOST : 0, SEEK_SET);
  size_t n = fread(text, 1, MOST, f);
  fclose(f);
  while (n && text[n - 1] == '\n') n--;
  text[n] = 0;
  line = strrchr(text, '\n');
  line = line ? line + 1 : text;
  bool done = !strncmp(line, head, sizeof head - 1);
  char *held = done ? strstr(line, "\"holdout\":") : NULL;
  if (done) r->state = RUN_DONE;
  if (held) add_holdout(c, r, &(Json){held + 10, text + n, err});
  free(text);
}

/* ---- a folder ---- */

static bool is_locked(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
  if (fd >= 0) close(fd);
  return locked;
}

bool run_folder_read(Ctx *c, const char *path, RunFolder *r) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') n--;
  path = ctx_intern(c, path, n);
  const char *slash = strrchr(path, '/');
  *r = (RunFolder){.path = path, .name = slash ? slash + 1 : path, .state = RUN_STOPPED};
  if (!run_folder_is(c, path)) {
    Diag *d = diag_error(c, E_RUN_FOLDER, 0, 1, "%s: no run: it has no run.json and no metrics.csv", path);
    diag_help(c, d, "`gradc runs` lists the runs under runs/");
    return false;
  }
  if (!read_run_json(c, r) || !read_metrics(c, r)) return false;
  read_source(c, r);
  read_end(c, r);
  if (is_locked(file_of(c, r, "lock"))) r->state = RUN_ACTIVE;
  int64_t first = io_mtime(file_of(c, r, "run.json")), last = io_mtime(file_of(c, r, "metrics.jsonl"));
  r->seconds = first != INT64_MIN && last >= first ? (double)(last - first) / 1e9 : NAN;
  return true;
}

void run_folder_free(RunFolder *r) {
  for (int i = 0; i < r->ncurve; i++) {
    free(r->curve[i].step);
    free(r->curve[i].v);
    r->curve[i].step = r->curve[i].v = NULL;
    r->curve[i].n = r->curve[i].cap = 0;
  }
}

/* ---- several ---- */

typedef struct RunList {
  RunFolder *v;
  int n, cap;
} RunList;

static bool add_run(Ctx *c, RunList *l, const char *path, bool points) {
  RunFolder *r = VEC_PUSH(c, l->v, l->n, l->cap);
  bool ok = run_folder_read(c, path, r);
  if (!points) run_folder_free(r);
  return ok;
}

static bool add_runs_in(Ctx *c, RunList *l, const char *path, bool points) {
  int n, before = l->n;
  char **name = io_list(path, &n);
  if (!name) {
    Diag *d = diag_error(c, E_FILE_READ, 0, 1, "%s: %s", path, strerror(errno));
    if (!strcmp(path, "runs")) diag_help(c, d, "`gradc run m.nn` makes a run in runs/");
    return false;
  }
  for (int i = 0; i < n; i++) {
    const char *in = ctx_strf(c, "%s/%s", path, name[i]);
    if (run_folder_is(c, in) && !add_run(c, l, in, points)) return false;
    free(name[i]);
  }
  free(name);
  if (l->n > before) return true;
  Diag *d = diag_error(c, E_RUN_FOLDER, 0, 1, "there are no runs in %s", path);
  diag_help(c, d, "`gradc run m.nn` makes one; a run has a run.json");
  return false;
}

static bool is_folder(const char *path) { /* also of what does not exist, for the message */
  struct stat st;
  return stat(path, &st) || S_ISDIR(st.st_mode);
}

/* The files that a sweep has beside its trials: what is given may be all that is in its folder. */
static bool is_of_sweep(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return !strcmp(name, "sweep.json") || !strcmp(name, "trials.jsonl");
}

RunFolder *run_folders(Ctx *c, const char *const *path, int npath, bool points, int *n) {
  RunList l = {0};
  for (int i = 0; i < npath; i++) {
    bool many = !run_folder_is(c, path[i]) && is_folder(path[i]);
    if (is_of_sweep(path[i]) && npath > 1) continue;
    bool ok = many ? add_runs_in(c, &l, path[i], points) : add_run(c, &l, path[i], points);
    if (!ok) return NULL;
  }
  if (!l.n && !add_run(c, &l, path[0], points)) return NULL;
  *n = l.n;
  return l.v;
}

/* A member that only some have differs. */
static bool differs(const RunFolder *r, int n, const char *name) {
  const char *first = run_member(&r[0], name);
  for (int i = 1; i < n; i++) {
    const char *v = run_member(&r[i], name);
    if (!v != !first || (v && strcmp(v, first) != 0)) return true;
  }
  return false;
}

static bool is_set(const RunFolder *r, int n, const char *name) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < r[i].nmember; k++)
      if (!r[i].member[k].fixed && !strcmp(r[i].member[k].name, name)) return true;
  return false;
}

const char **run_differences(Ctx *c, const RunFolder *r, int n, int *count) {
  int cap = 0;
  const char **name = NULL;
  *count = 0;
  bool edited = n && differs(r, n, "source");
  for (int i = 0; i < n; i++)
    for (int k = 0; k < r[i].nmember; k++) {
      const char *m = r[i].member[k].name;
      bool known = false;
      for (int d = 0; d < *count; d++) known |= !strcmp(name[d], m);
      if (!known && differs(r, n, m) && (edited || is_set(r, n, m))) *VEC_PUSH(c, name, *count, cap) = m;
    }
  return name;
}
