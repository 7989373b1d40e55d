/* SPDX-License-Identifier: Apache-2.0 */
/* The pass manager: which passes run and in which order; dumps and verification between them. */
#include "passes/pass.h"
#include <string.h>
#include <time.h>

/* The order of execution. Each pass comes after all that its head says it needs; these are the further reasons. */
static const PassId PIPELINE[] = {
  PASS_autodiff,  /* first: all others work on primitive ops */
  PASS_precision, /* needs the backward pass; before simplify, which removes redundant casts */
  PASS_simplify,   PASS_fold,  PASS_affine, /* before simplify: it makes views of views */
  PASS_simplify,                            /* again: fold has made constants that rules match */
  PASS_cse,                                 /* after simplify: rewritten nodes become equal */
  PASS_dce,                                 /* before recompute: dead readers would count as users */
  PASS_recompute,                           /* before checkpoint: what costs nothing is recomputed in every plan */
  PASS_checkpoint,                          /* after recompute: evaluates plans by running the rest of the pipeline */
  PASS_dce,                                 /* again: values that are recomputed, and stacks of scans, are dead now */
  PASS_layout,                              /* before fuse: kernels depend on storage orders */
  PASS_fuse,       PASS_order, PASS_memory,
};
enum { PIPELINE_LENGTH = sizeof PIPELINE / sizeof *PIPELINE };

const PassInfo pass_info[PASS_COUNT] = {
#define PASS(name, kind, purpose) [PASS_##name] = {#name, PASS_##kind, pass_##name, purpose},
#include "passes.def"
#undef PASS
};

int pass_find(const char *name, size_t n) {
  for (int i = 0; i < PASS_COUNT; i++)
    if (strlen(pass_info[i].name) == n && !memcmp(pass_info[i].name, name, n)) return i;
  return -1;
}

static int find_or_report(Ctx *c, const char *name, size_t n) {
  int p = pass_find(name, n);
  if (p >= 0) return p;
  const char *names[PASS_COUNT], *word = ctx_intern(c, name, n);
  for (int i = 0; i < PASS_COUNT; i++) names[i] = pass_info[i].name;
  Diag *d = diag_error(c, E_UNKNOWN_PASS, 0, 1, "there is no pass `%s`", word);
  const char *near = diag_suggest(c, word, names, PASS_COUNT);
  Str all = {.c = c};
  for (int i = 0; i < PASS_COUNT; i++) str_printf(&all, i ? ", %s" : "%s", names[i]);
  if (near) diag_help(c, d, "did you mean `%s`?", near);
  else diag_help(c, d, "the passes are %s", all.s);
  return -1;
}

static bool runs(Ctx *c, const int *seq, int n, int pass) {
  for (int i = 0; i < n; i++)
    if (seq[i] == pass) return true;
  diag_error(c, E_UNKNOWN_PASS, 0, 1, "the pass `%s` is not among those that run", pass_info[pass].name);
  return false;
}

/* Fills seq with the passes to run, in order; returns their number, -1 after a report. */
static int plan_run(Ctx *c, const PassRun *r, int *seq, int max) {
  int n = 0;
  if (!r->list) {
    for (; n < PIPELINE_LENGTH; n++) seq[n] = PIPELINE[n];
  } else {
    for (const char *p = r->list; *p;) {
      size_t len = strcspn(p, ",");
      int pass = len ? find_or_report(c, p, len) : -2;
      if (pass == -1) return -1;
      if (pass >= 0 && n == max) {
        diag_error(c, E_UNKNOWN_PASS, 0, 1, "more than %d passes in one list", max);
        return -1;
      }
      if (pass >= 0) seq[n++] = pass;
      p += len + (p[len] == ',');
    }
  }
  if (!r->stop_after) return n;
  int last = find_or_report(c, r->stop_after, strlen(r->stop_after));
  if (last < 0 || !runs(c, seq, n, last)) return -1;
  while (seq[n - 1] != last) n--;
  return n;
}

void passes_after(Module *m, PassId p) {
  int i = 0, before = diag_errors(m->c);
  while (PIPELINE[i] != p) i++;
  for (i++; i < PIPELINE_LENGTH && diag_errors(m->c) == before; i++) {
    const PassInfo *next = &pass_info[PIPELINE[i]];
    if (next->kind != PASS_OPTIONAL || !pass_off(m, PIPELINE[i])) next->run(m);
  }
}

static const char *print_module(Module *m, size_t *n) {
  Str s = {.c = m->c};
  ir_print(&s, m);
  *n = s.n;
  return s.s ? s.s : "";
}

typedef struct Dumper {
  const PassRun *run;
  bool all, changed;
  int only;         /* -1: none */
  const char *text; /* after the last pass, if `changed` */
  size_t n;
} Dumper;

static void dump_after(Dumper *d, Module *m, int number, int pass) {
  if (!d->run->dump || (!d->all && !d->changed && d->only != pass)) return;
  size_t n;
  const char *text = print_module(m, &n);
  bool same = d->text && n == d->n && !memcmp(text, d->text, n);
  if (!d->changed || !same) d->run->dump(d->run->dump_arg, number, pass_info[pass].name, text, n);
  d->text = text;
  d->n = n;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run_pass(Module *m, const PassRun *r, int number, int pass) {
  const PassInfo *p = &pass_info[pass];
  double start = r->watch ? now() : 0;
  if (p->kind != PASS_OPTIONAL || !pass_off(m, (PassId)pass)) p->run(m);
  if (r->watch) r->watch(r->watch_arg, number, (PassId)pass, now() - start, m);
}

bool passes_run(Module *m, const PassRun *r) {
  enum { MAX_SEQ = 256 };
  int seq[MAX_SEQ], n = plan_run(m->c, r, seq, MAX_SEQ);
  if (n < 0) return false;
  Dumper d = {.run = r, .only = -1};
  if (r->dump_after) {
    d.all = !strcmp(r->dump_after, "all");
    d.changed = !strcmp(r->dump_after, "changed");
    if (!d.all && !d.changed && (d.only = find_or_report(m->c, r->dump_after, strlen(r->dump_after))) < 0) return false;
    if (d.only >= 0 && !runs(m->c, seq, n, d.only)) return false;
    if (d.changed) d.text = print_module(m, &d.n);
  }
  int before = diag_errors(m->c);
  for (int i = 0; i < n; i++) {
    const PassInfo *p = &pass_info[seq[i]];
    run_pass(m, r, i + 1, seq[i]);
    if (diag_errors(m->c) > before) return false;
    if (m->opt.verify && ir_verify(m)) {
      diag_error(m->c, E_PASS_BROKE_GRAPH, 0, 1, "the module is not well-formed after pass `%s` (step %d)", p->name,
                 i + 1);
      return false;
    }
    dump_after(&d, m, i + 1, seq[i]);
  }
  return true;
}
