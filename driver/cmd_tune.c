/* SPDX-License-Identifier: Apache-2.0 */
/* gradc tune: builds the model with each way to run a GEMM, measures the kernels, and keeps what is fastest in the
 * cache, where later builds on this machine find it. */
#include "driver/profile_row.h"
#include "driver/toolchain.h"
#include "lib/pipeline.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROUNDS = 2, CONFIRMING_ROUNDS = 3, MIN_CALLS = 3, MAX_CALLS = 10000, BUILDS = 32 };
#define ROUND_MS 400.0 /* of the calls in a round */
#define GAIN 0.97      /* a choice is kept if it takes at most this share of the time */

typedef struct Product { /* the GEMMs of one key */
  const char *key;
  double *ms, *now; /* per build, of a step and a call of each export: the least so far; the sum of a run */
} Product;

typedef struct Build {
  GemmChoice choice;
  GemmTuning tuning;
  const char *program;
  double ms; /* the least time of a step and a call */
} Build;

typedef struct Tune {
  Args *a;
  Ctx *c;
  WorkFolder folder;
  bool trains, exports;
  long calls[2];       /* in a run: of the step, of the export */
  Build build[BUILDS]; /* the first makes no choice, the last all that were found */
  int nbuild;
  Product *product;
  int n, cap;
} Tune;

static void progress(const Tune *t, const char *what, int i, int n) {
  if (args_has(t->a, OPT_json)) return;
  if (what) fprintf(stderr, "\r%s %d of %d\033[K", what, i + 1, n);
  else fputs("\r\033[K", stderr);
}

/* ---- builds ---- */

static void add_candidate(Tune *t, GemmChoice x) {
  if (t->nbuild < BUILDS) t->build[t->nbuild++] = (Build){.choice = x};
}

static void add_candidates(Tune *t) {
  const Machine *mc = machine_find("native");
  add_candidate(t, (GemmChoice){0});
  for (GemmForm f = GF_DIRECT; f < GF_COUNT; f++) add_candidate(t, (GemmChoice){.form = f});
  for (int part = 2; part <= 3; part++) add_candidate(t, (GemmChoice){.kc = mc->kc / part});
  for (int rows = mc->mc; rows >= 4 * mc->mr; rows /= 2) {
    add_candidate(t, (GemmChoice){.rows = rows, .cols = PANEL_WIDTH});
    add_candidate(t, (GemmChoice){.form = GF_PACKED, .rows = rows, .cols = 4 * PANEL_WIDTH});
  }
}

static int build(Tune *t, int at) {
  Build *b = &t->build[at];
  WorkFolder f = {t->c, work_folder_path(&t->folder, ctx_strf(t->c, "%d", at))};
  if (mkdir(f.path, 0700)) {
    diag_error(t->c, E_FILE_WRITE, 0, 1, "%s: %s", f.path, strerror(errno));
    return EXIT_RESOURCES;
  }
  t->a->tuning = &b->tuning;
  b->program = work_folder_path(&f, "program");
  return toolchain_build(t->a, &f, "program");
}

static int build_all(Tune *t) {
  int status = EXIT_OK;
  for (int i = 0; i < t->nbuild && status == EXIT_OK; i++) {
    progress(t, "build", i, t->nbuild);
    t->build[i].tuning.all = &t->build[i].choice;
    status = build(t, i);
  }
  return status;
}

/* ---- measurements ---- */

static Product *product_of(Tune *t, const char *key) {
  for (int i = 0; i < t->n; i++)
    if (!strcmp(t->product[i].key, key)) return &t->product[i];
  Product *p = VEC_PUSH(t->c, t->product, t->n, t->cap);
  *p = (Product){key, ctx_array(t->c, BUILDS, sizeof *p->ms), ctx_array(t->c, BUILDS, sizeof *p->ms)};
  return p;
}

/* Adds the times of the kernels to Product.now of build `at`. Returns the least time of a call. */
static double read_times(Tune *t, char *text, int at) {
  double least = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    ProfileRow r = profile_row(t->c, line);
    if (r.min_ms >= 0) least = r.min_ms;
    if (r.gemm && r.ms >= 0) product_of(t, r.gemm)->now[at] += r.ms;
  }
  return least;
}

/* Runs `bench` of a program: calls of the training step, or of the export. Returns the least time; < 0: reported. */
static double run_bench(Tune *t, int at, bool infer, long calls) {
  CcArgs k = cc_command(t->c, t->build[at].program);
  char *text;
  size_t n;
  cc_words(&k, "bench --profile --json");
  if (infer) cc_arg(&k, "--infer");
  if (!args_has(t->a, OPT_p_steps)) cc_arg(&k, ctx_strf(t->c, "--steps=%ld", calls));
  cc_args(&k, t->a->passed, t->a->npassed);
  CcResult r = cc_run(&t->folder, &k, 1);
  if (!r.fault) r = work_folder_read(&t->folder, "0.log", &text, &n);
  if (r.fault) {
    diag_error(t->c, E_GRAPH_RUN, 0, 1, "%s", r.text);
    return -1;
  }
  double ms = read_times(t, text, at);
  free(text);
  return ms;
}

static long calls_of(double ms) {
  double n = ms > 0 ? ROUND_MS / ms : MAX_CALLS;
  return n < MIN_CALLS ? MIN_CALLS : n > MAX_CALLS ? MAX_CALLS : (long)n;
}

/* One run of a build. Products keep the least time of all runs. */
static bool measure(Tune *t, int at) {
  Build *b = &t->build[at];
  double ms = 0;
  for (int infer = 0; infer < 2; infer++) {
    if (!(infer ? t->exports : t->trains)) continue;
    double least = run_bench(t, at, infer, t->calls[infer]);
    if (least < 0) return false;
    ms += least;
  }
  if (!b->ms || ms < b->ms) b->ms = ms;
  for (int i = 0; i < t->n; i++) {
    Product *p = &t->product[i];
    if (p->now[at] > 0 && (!p->ms[at] || p->now[at] < p->ms[at])) p->ms[at] = p->now[at];
    p->now[at] = 0;
  }
  return true;
}

static bool find_calls(Tune *t) {
  for (int infer = 0; infer < 2; infer++) {
    double ms = (infer ? t->exports : t->trains) ? run_bench(t, 0, infer, MIN_CALLS) : 0;
    if (ms < 0) return false;
    t->calls[infer] = calls_of(ms);
  }
  for (int i = 0; i < t->n; i++) t->product[i].now[0] = 0;
  return true;
}

static bool measure_all(Tune *t) {
  for (int r = 0; r < ROUNDS; r++)
    for (int i = 0; i < t->nbuild; i++) {
      progress(t, "measure", r * t->nbuild + i, ROUNDS * t->nbuild);
      if (!measure(t, i)) return false;
    }
  return true;
}

/* ---- choices ---- */

static void choose(Tune *t, Build *tuned) {
  for (int i = 0; i < t->n; i++) {
    const Product *p = &t->product[i];
    int best = 0;
    for (int k = 1; k < t->nbuild - 1; k++)
      if (p->ms[k] < p->ms[best] && p->ms[k] <= GAIN * p->ms[0]) best = k;
    if (best) tuning_set(t->c, &tuned->tuning, (TunedGemm){p->key, t->build[best].choice, p->ms[best], p->ms[0]});
  }
}

/* Measures the choices together, beside the build without them, and drops those that gain nothing there. */
static bool confirm(Tune *t, int at) {
  GemmTuning *x = &t->build[at].tuning;
  for (int i = 0; i < t->n; i++) t->product[i].ms[0] = 0;
  t->build[0].ms = 0;
  for (int r = 0; r < CONFIRMING_ROUNDS; r++) {
    progress(t, "confirm", r, CONFIRMING_ROUNDS);
    if (!measure(t, 0) || !measure(t, at)) return false;
  }
  for (int i = 0; i < t->n; i++) {
    const Product *p = &t->product[i];
    TunedGemm *row = tuning_find(x, p->key);
    if (row) row->ms = p->ms[at], row->ms_before = p->ms[0];
  }
  int kept = 0;
  for (int k = 0; k < x->n; k++)
    if (x->v[k].ms <= GAIN * x->v[k].ms_before) x->v[kept++] = x->v[k];
  x->n = kept;
  return true;
}

/* ---- results ---- */

static const char *choice_text(Ctx *c, GemmChoice x) {
  Str s = {.c = c};
  if (x.form) str_printf(&s, " %s", gemm_form_name[x.form]);
  if (x.kc) str_printf(&s, " k=%d", x.kc);
  if (x.rows) str_printf(&s, " rows=%d columns=%d", x.rows, x.cols);
  return s.n ? s.s + 1 : "auto";
}

static void print(const Tune *t, const Build *tuned, const char *path) {
  bool json = args_has(t->a, OPT_json);
  if (!json) printf("%-34s %10s %10s  choice\n", "GEMM", "ms", "tuned");
  for (int i = 0; i < t->n; i++) {
    const Product *p = &t->product[i];
    const TunedGemm *row = tuning_find(&tuned->tuning, p->key);
    const char *choice = choice_text(t->c, row ? row->choice : (GemmChoice){0});
    double ms = row ? row->ms : p->ms[0];
    if (json)
      printf("{\"event\":\"gemm\",\"gemm\":\"%s\",\"ms\":%.6g,\"tuned_ms\":%.6g,\"choice\":\"%s\"}\n", p->key, p->ms[0],
             ms, choice);
    else printf("%-34s %10.4f %10.4f  %s\n", p->key, p->ms[0], ms, choice);
  }
  if (json)
    printf("{\"event\":\"tune\",\"ms\":%.6g,\"tuned_ms\":%.6g,\"kept\":%d,\"file\":\"%s\"}\n", t->build[0].ms,
           tuned->ms, tuned->tuning.n, path);
  else
    printf("%d of %d faster by a choice; a step and a call of each export: %.4f ms, %.4f ms with all choices\n%s\n",
           tuned->tuning.n, t->n, t->build[0].ms, tuned->ms, path);
}

/* Replaces the rows of these products in the file. */
static int save(const Tune *t, const Build *tuned, const char *cache) {
  const char *path = tuning_path(t->c, cache);
  GemmTuning all = {0};
  Str s = {.c = t->c};
  tuning_read(t->c, path, &all);
  for (int i = 0; i < t->n; i++) tuning_remove(&all, t->product[i].key);
  for (int i = 0; i < tuned->tuning.n; i++) tuning_set(t->c, &all, tuned->tuning.v[i]);
  tuning_print(&s, t->c, &all);
  const char *folder = ctx_strf(t->c, "%.*s", (int)(strrchr(path, '/') - path), path);
  if (!make_folders(t->c, folder) || !save_file(t->c, path, s.s, s.n, 0)) return EXIT_RESOURCES;
  print(t, tuned, path);
  return EXIT_OK;
}

static int tune(Tune *t, const char *cache) {
  add_candidates(t);
  int status = build_all(t);
  if (status != EXIT_OK) return status;
  if (!find_calls(t)) return EXIT_RESOURCES;
  if (!t->n) {
    diag_error(t->c, E_NOTHING_TO_CHECK, 0, 1,
               "there is nothing to tune: %s has no matrix product of fixed sizes in f32 or f64", t->a->operand[0]);
    return EXIT_MODEL;
  }
  if (!measure_all(t)) return EXIT_RESOURCES;
  int at = t->nbuild;
  add_candidate(t, (GemmChoice){0});
  choose(t, &t->build[at]);
  status = build(t, at);
  if (status == EXIT_OK && !confirm(t, at)) status = EXIT_RESOURCES;
  progress(t, NULL, 0, 0);
  return status == EXIT_OK ? save(t, &t->build[at], cache) : status;
}

int cmd_tune(Args *a) {
  Tune t = {.a = a, .c = a->c};
  const char *cache = jit_cache_folder(a->c);
  if (!cache) {
    Diag *d = diag_error(a->c, E_FILE_WRITE, 0, 1, "there is no cache folder to keep the choices in");
    diag_help(a->c, d, "set $XDG_CACHE_HOME or $HOME");
    return EXIT_RESOURCES;
  }
  Module *m = load_planned(a, a->operand[0]);
  if (!m || !pipeline_check_runnable(m)) return EXIT_MODEL;
  t.trains = m->ntrain > 0;
  for (int i = 0; i < m->ngraph; i++) t.exports |= m->graph[i]->kind == GK_EXPORT;
  if (!temp_make(a->c, &t.folder)) return EXIT_RESOURCES;
  int status = tune(&t, cache);
  temp_remove(&t.folder);
  return status;
}
