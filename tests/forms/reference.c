/* SPDX-License-Identifier: Apache-2.0 */
/* reference MODEL.nn ROUNDS SPEC: trains the sections of a model without data in turn, in the strict interpreter, and
 * prints the hash of its weights and states as a training binary does. SPEC receives what main_portable.c must know:
 * the calls of a round, and where weights are. */
#include "frontend/elab.h"
#include "ir/interp.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "runtime/rand.h"
#include "runtime/rt.h"
#include <stdlib.h>
#include <string.h>

typedef struct Job {
  const char *path, *spec;
  int rounds, status;
} Job;

static Module *load(Ctx *c, const Job *j, const char *list) {
  Loc start;
  if (!source_read(c, j->path, &start)) return NULL;
  ElabOptions o = {.builtin = embed_text, .opt = {.strict = true}};
  Module *m = elaborate(c, start, j->path, &o);
  if (diag_errors(c) || !passes_run(m, &(PassRun){.list = list})) return NULL;
  return m;
}

/* The planned steps: a section without them has a step in every `every` rounds. */
static int steps_of(const TrainInfo *t, int rounds) { return t->steps ? (int)t->steps : rounds / (int)t->every; }

static bool due(const TrainInfo *t, int round, int done, int rounds) {
  return (round + 1) % t->every == 0 && done < steps_of(t, rounds);
}

static bool run(Interp *in, const Graph *g) {
  Val *result[16] = {0};
  bool ok = interp_run(in, g, NULL, result);
  for (int i = 0; i < 16; i++) val_release(result[i]);
  return ok;
}

static bool step(Interp *in, const TrainInfo *t, int done, int rounds) {
  bool ok = true;
  in->step = (uint32_t)done;
  in->steps = (uint32_t)steps_of(t, rounds);
  in->pass = 0;
  if (t->step) return run(in, t->step);
  for (int k = 0; ok && k < t->accumulate; k++) {
    in->pass = (uint32_t)k;
    ok = run(in, t->pass);
  }
  return ok && run(in, t->update);
}

static bool train(Module *m, Interp *in, int rounds) {
  int done[8] = {0};
  in->seed = m->train[0].seed;
  bool ok = run(in, graph_find(m, "init"));
  for (int r = 0; ok && r < rounds; r++)
    for (int i = 0; ok && i < m->ntrain; i++)
      if (due(&m->train[i], r, done[i], rounds)) ok = step(in, &m->train[i], done[i], rounds), done[i]++;
  if (!ok) fprintf(stderr, "%s\n", in->error);
  return ok;
}

static const Module *sorted;
static int by_name(const void *a, const void *b) {
  return strcmp(sorted->var[*(const int *)a].name, sorted->var[*(const int *)b].name);
}

/* Weights and states by their names; returns their number. */
static int kept(const Module *m, int *v) {
  int n = 0;
  for (int i = 0; i < m->nvar; i++)
    if (m->var[i].kind != VK_OPTIM) v[n++] = i;
  sorted = m;
  qsort(v, (size_t)n, sizeof *v, by_name);
  return n;
}

static uint64_t hash(const Module *m, Interp *in) {
  int v[256], n = kept(m, v);
  uint64_t h = 0;
  for (int i = 0; i < n; i++) {
    const Type *t = type_get(m, m->var[v[i]].type);
    h = gc_hash(h, m->var[v[i]].name, strlen(m->var[v[i]].name));
    h = gc_hash(h, t->dim, t->rank * sizeof t->dim[0]);
    h = gc_hash(h, in->var[v[i]]->data, (size_t)in->var[v[i]]->count * dtype_info[t->dtype].bytes);
  }
  return h;
}

static void write_spec(const Module *m, const Job *j) {
  FILE *f = fopen(j->spec, "w");
  int v[256], n = kept(m, v);
  if (!f) return;
  fprintf(f,
          "#include \"%s.h\"\nenum { ROUNDS = %d };\nstatic int done[%d];\nstatic int run_round(void *mem, int r) {\n"
          "  int s = 0;\n  (void)r;\n",
          m->name, j->rounds, m->ntrain);
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    const char *suffix = m->ntrain > 1 ? ctx_strf(m->c, "_%s", t->name) : "";
    fprintf(f, "  if ((r + 1) %% %d == 0 && done[%d] < %d && !s) s = %s_train_step%s(mem), done[%d]++;\n",
            (int)t->every, i, steps_of(t, j->rounds), m->name, suffix, i);
  }
  fprintf(f, "  return s;\n}\nstatic void start(void *mem) { %s_init(mem, %llu); }\n", m->name,
          (unsigned long long)m->train[0].seed);
  fprintf(f, "enum { BYTES = %s_BYTES };\n#define GET %s_get_weight\n", m->name, m->name);
  fprintf(f, "static const struct Place { const char *name; long at, bytes; int rank; int64_t dim[8]; } place[] = {\n");
  for (int i = 0; i < n; i++) {
    const Type *t = type_get(m, m->var[v[i]].type);
    fprintf(f, "  {\"%s\", %lld, %lld, %d, {0", m->var[v[i]].name, (long long)m->var[v[i]].offset,
            (long long)type_bytes((Module *)m, m->var[v[i]].type), t->rank);
    for (int d = 0; d < t->rank; d++) fprintf(f, d ? ", %lld" : "+%lld", (long long)t->dim[d]);
    fprintf(f, "}},\n");
  }
  fprintf(f, "};\nenum { PLACES = %d };\n", n);
  fclose(f);
}

static void job(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = load(c, j, "autodiff,precision"), *planned = m ? load(c, j, NULL) : NULL;
  if (!planned || !m->ntrain || m->ntrain > 8 || m->nvar > 256) {
    diag_print(c, stderr, false);
    return;
  }
  write_spec(planned, j);
  Interp *in = interp_new(m, false);
  if (train(m, in, j->rounds)) {
    printf("%016llx\n", (unsigned long long)hash(m, in));
    j->status = 0;
  }
  interp_free(in);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  Job j = {.path = argv[1], .rounds = atoi(argv[2]), .spec = argv[3], .status = 1};
  Ctx *c = ctx_new();
  ctx_try(c, job, &j);
  ctx_free(c);
  return j.status;
}
