/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: everything a run needs to continue with the same bits. */
#include "checkpoint.h"
#include "device.h"
#include "json.h"
#include "learned.h"
#include "rand.h"
#include "step.h"
#include "vars.h"
#include <string.h>

/* The metadata of a checkpoint: integers as text, floats as their bits; the last is a hash of the others. */
enum { NUMBERS = 11 };
static void pack(const Session *sess, const Progress *p, uint64_t v[NUMBERS]) {
  uint32_t loss, best;
  memcpy(&loss, &sess->run->loss, 4);
  memcpy(&best, &p->best, 4);
  const GcRun *run = sess->run;
  uint64_t all[NUMBERS] = {run->seed, run->step,     run->steps, run->steps_per_epoch, loss, p->records,
                           p->batch,  p->accumulate, best,       p->best_step,         0};
  all[NUMBERS - 1] = gc_hash(0, all, (NUMBERS - 1) * sizeof all[0]);
  memcpy(v, all, sizeof all);
}

static void unpack(Session *sess, Progress *p, const uint64_t v[NUMBERS]) {
  uint32_t loss = (uint32_t)v[4], best = (uint32_t)v[8];
  sess->run->seed = v[0];
  sess->run->step = (uint32_t)v[1];
  sess->run->steps = (uint32_t)v[2];
  sess->run->steps_per_epoch = (uint32_t)v[3];
  memcpy(&sess->run->loss, &loss, 4);
  p->records = v[5];
  p->batch = v[6];
  p->accumulate = v[7];
  memcpy(&p->best, &best, 4);
  p->best_step = (uint32_t)v[9];
}

static char *const names[NUMBERS] = {"seed",  "step",       "steps",     "steps_per_epoch", "loss_bits",   "records",
                                     "batch", "accumulate", "best_bits", "best_step",       "numbers_hash"};

/* With several train sections, of each its step, steps and steps per epoch, by its name; and a hash of them all. */
static char *pack_sections(const Session *sess) {
  char *s = rt_strdup("");
  uint64_t h = 0;
  for (int i = 0; i < sess->nsections; i++) {
    const SectionRun *u = &sess->section[i];
    const uint32_t v[] = {u->step, u->steps, u->steps_per_epoch};
    char *longer = rt_printf("%s%s %u %u %u ", s, section_name(u), v[0], v[1], v[2]);
    h = gc_hash(gc_hash(h, section_name(u), strlen(section_name(u))), v, sizeof v);
    rt_free(s);
    s = longer;
  }
  char *all = rt_printf("%s%016llx", s, (unsigned long long)h);
  rt_free(s);
  return all;
}

static bool read_sections(Session *sess, const char *s) {
  for (int i = 0; i < sess->nsections; i++) {
    SectionRun *u = &sess->section[i];
    size_t n = strlen(section_name(u));
    int used = 0;
    if (strncmp(s, section_name(u), n) || s[n] != ' ') return false;
    if (sscanf(s + n, " %u %u %u %n", &u->step, &u->steps, &u->steps_per_epoch, &used) != 3 || !used) return false;
    s += n + (size_t)used;
  }
  return true;
}

/* Sets the numbers of the sections. False: they are damaged, or of other sections; nothing was set. */
static bool unpack_sections(Session *sess, const StFile *f) {
  if (sess->nsections < 2) return true;
  const char *s = st_meta(f, "sections");
  size_t n = (size_t)sess->nsections * sizeof *sess->section;
  SectionRun *before = memcpy(rt_alloc(n), sess->section, n);
  char *again = s && read_sections(sess, s) ? pack_sections(sess) : NULL;
  bool same = again && !strcmp(again, s);
  if (!same) memcpy(sess->section, before, n);
  rt_free(again);
  rt_free(before);
  return same;
}

/* Those of validations, in models that validate. */
enum { SEEN = 8 };
static char *const seen_names[SEEN] = {"validated",       "best_score_bits", "best_score_step", "best_score_bad",
                                       "stop_score_bits", "stop_score_step", "stop_score_bad",  "validation_hash"};

static void pack_seen(const Session *sess, uint64_t v[SEEN]) {
  const Validations *s = &sess->seen;
  uint32_t best, stop;
  memcpy(&best, &s->best.best, 4);
  memcpy(&stop, &s->stop.best, 4);
  uint64_t all[SEEN] = {s->step, best, s->best.step, s->best.bad, stop, s->stop.step, s->stop.bad, 0};
  all[SEEN - 1] = gc_hash(0, all, (SEEN - 1) * sizeof all[0]);
  memcpy(v, all, sizeof all);
}

static void unpack_seen(Session *sess, const uint64_t v[SEEN]) {
  uint32_t best = (uint32_t)v[1], stop = (uint32_t)v[4];
  sess->seen = (Validations){.step = (uint32_t)v[0],
                             .best = {.step = (uint32_t)v[2], .bad = (uint32_t)v[3]},
                             .stop = {.step = (uint32_t)v[5], .bad = (uint32_t)v[6]}};
  memcpy(&sess->seen.best.best, &best, 4);
  memcpy(&sess->seen.stop.best, &stop, 4);
}

static bool number_of(const char *name, uint64_t *n) { /* checkpoint-123.safetensors */
  static const char head[] = "checkpoint-", tail[] = ".safetensors";
  size_t len = strlen(name), h = sizeof head - 1, t = sizeof tail - 1;
  if (len <= h + t || strncmp(name, head, h) || strcmp(name + len - t, tail)) return false;
  char err[ERR_TEXT];
  Json j = {name + h, name + len - t, err};
  return json_u64(&j, n) && j.p == j.end && *n <= UINT32_MAX;
}

static bool unfinished(const char *name) { /* left by a process that was killed while writing a checkpoint */
  size_t n = strlen(name);
  return n > 4 && !strncmp(name, "checkpoint-", 11) && !strcmp(name + n - 4, ".tmp");
}

/* Removes all checkpoints but the newest `keep`. */
static void prune(const char *folder, int keep) {
  int n;
  char **name = io_list(folder, &n);
  uint64_t step;
  for (int i = n - 1; i >= 0; i--) { /* in natural order the newest are last */
    if (!unfinished(name[i]) && (!number_of(name[i], &step) || keep-- > 0)) continue;
    char *path = rt_printf("%s/%s", folder, name[i]);
    io_remove(path);
    rt_free(path);
  }
  for (int i = 0; i < n; i++) rt_free(name[i]);
  rt_free(name);
}

static bool write_kinds(Session *sess, unsigned kinds, const char *path, const Progress *p, char *err) {
  char text[NUMBERS + SEEN][24];
  uint64_t v[NUMBERS + SEEN];
  StMeta meta[NUMBERS + SEEN + 1];
  bool several = sess->nsections > 1;
  int n = sess->t && sess->t->validate ? NUMBERS + SEEN : NUMBERS;
  mirror_down(sess);
  pack(sess, p, v);
  pack_seen(sess, v + NUMBERS);
  for (int i = 0; i < n; i++) {
    snprintf(text[i], sizeof text[i], "%llu", (unsigned long long)v[i]);
    meta[i] = (StMeta){i < NUMBERS ? names[i] : seen_names[i - NUMBERS], text[i]};
  }
  if (several) meta[n] = (StMeta){"sections", pack_sections(sess)};
  bool ok = learned_write(sess, kinds, meta, n + several, path, err);
  if (several) rt_free(meta[n].value);
  return ok;
}

bool checkpoint_write(Session *sess, const char *path, const Progress *p, char *err) {
  return write_kinds(sess, KINDS_KEPT | KIND_BIT(GC_OPTIM), path, p, err);
}

/* weights.safetensors is of the newest step, or of the best validation so far, then with its step and plan; the newest
 * weights are last.safetensors then. */
static bool write_weights(Session *sess, const char *folder, const Progress *p, char *err) {
  char *weights = rt_printf("%s/weights.safetensors", folder), *last = rt_printf("%s/last.safetensors", folder);
  bool ok = true;
  if (!sess->t->best.score) {
    ok = learned_write(sess, KINDS_KEPT, NULL, 0, weights, err);
  } else {
    ok = write_kinds(sess, KINDS_KEPT, last, p, err);
    if (ok && (!validate_keeps_best(sess) || sess->seen.best.step == sess->run->step))
      ok = write_kinds(sess, KINDS_KEPT, weights, p, err);
  }
  rt_free(weights);
  rt_free(last);
  return ok;
}

void checkpoint_weights(Session *sess, const char *folder, const Progress *p) {
  char err[ERR_TEXT];
  mirror_down(sess);
  if (!write_weights(sess, folder, p, err)) rt_die(E_RUN_FILE, "%s", err);
}

/* The checkpoint is written before weights.safetensors, so that after a crash it is never the older of the two. Weights
 * that are not finite are not saved, and the earlier checkpoints stay. */
void checkpoint_save(Session *sess, const char *folder, const Progress *p) {
  char err[ERR_TEXT];
  mirror_down(sess);
  const GcVar *bad = vars_not_finite(sess->m, sess->mem);
  if (bad)
    rt_die(E_WEIGHT_NOT_FINITE,
           "`%s` is not finite after step %u: nothing was saved\nthe checkpoints in %s are of earlier steps", bad->name,
           sess->run->step, folder);
  char *path = rt_printf("%s/checkpoint-%u.safetensors", folder, sess->run->step);
  if (!checkpoint_write(sess, path, p, err) || !write_weights(sess, folder, p, err))
    rt_die(E_RUN_FILE, "%s\nwhat was saved earlier is intact", err);
  prune(folder, sess->t->keep > 0 ? (int)sess->t->keep : 2);
  rt_free(path);
}

char *checkpoint_newest(const char *folder, uint32_t *step) {
  int n;
  char **name = io_list(folder, &n), *found = NULL;
  uint64_t s, best = 0;
  for (int i = 0; i < n; i++) {
    if (!number_of(name[i], &s) || (found && s < best)) continue;
    best = s;
    rt_free(found);
    found = rt_printf("%s/%s", folder, name[i]);
  }
  for (int i = 0; i < n; i++) rt_free(name[i]);
  rt_free(name);
  if (step) *step = (uint32_t)best;
  return found;
}

static bool read_metadata(const StFile *f, const char *path, char *const *name, int n, uint64_t *v, char *err) {
  for (int i = 0; i < n; i++) {
    const char *s = st_meta(f, name[i]);
    Json j = {s, s ? s + strlen(s) : NULL, err};
    if (!s || !json_u64(&j, &v[i]) || !json_end(&j))
      return rt_fail(err, "%s: not a checkpoint (no `%s`)", path, name[i]);
  }
  return true;
}

/* The metadata of a checkpoint; false: it is not a checkpoint. */
static bool read_numbers(const StFile *f, const char *path, uint64_t v[NUMBERS], char *err) {
  return read_metadata(f, path, names, NUMBERS, v, err);
}

static bool matches_hash(const uint64_t *v, int n) { return v[n - 1] == gc_hash(0, v, (size_t)(n - 1) * sizeof v[0]); }
static bool is_intact(const uint64_t v[NUMBERS]) { return matches_hash(v, NUMBERS); }

/* What validations found; nothing, in a checkpoint of a model that did not validate. */
static void load_seen(Session *sess, const StFile *f, const char *path) {
  uint64_t v[SEEN] = {0};
  char err[ERR_TEXT];
  bool any = false;
  for (int i = 0; i < SEEN; i++) any |= st_meta(f, seen_names[i]) != NULL;
  if (any && (!read_metadata(f, path, seen_names, SEEN, v, err) || !matches_hash(v, SEEN)))
    rt_die(E_WEIGHTS_CORRUPT, "%s: its validations are not those that were written", path);
  unpack_seen(sess, v);
}

void checkpoint_load(Session *sess, const char *path, Progress *p) {
  StFile f;
  char err[ERR_TEXT];
  if (!st_read(path, &f, err))
    rt_die(E_WEIGHTS_CORRUPT,
           "%s\nwithout this file, --resume continues from the checkpoint before it, if there is one", err);
  uint64_t v[NUMBERS];
  if (!read_numbers(&f, path, v, err)) rt_die(E_NOT_A_CHECKPOINT, "%s", err);
  if (!is_intact(v)) rt_die(E_WEIGHTS_CORRUPT, "%s: its step, seed or plan are not those that were written", path);
  weights_from_file(sess, &f, path, KINDS_KEPT | KIND_BIT(GC_OPTIM), 0);
  if (!unpack_sections(sess, &f))
    rt_die(E_WEIGHTS_CORRUPT, "%s: its numbers are not those of the train sections of this model", path);
  unpack(sess, p, v);
  load_seen(sess, &f, path);
  learned_take(sess, &f, path);
  st_free(&f);
}

/* Whether `f` has all tensors of `weights`, with the same values. */
static bool holds(const StFile *f, const StFile *weights) {
  for (int i = 0; i < weights->n; i++) {
    const StTensor *w = &weights->t[i], *t = st_find(f, w->name);
    size_t n = w->end - w->begin;
    if (!t || t->dtype != w->dtype || t->end - t->begin != n || memcmp(f->data + t->begin, weights->data + w->begin, n))
      return false;
  }
  return true;
}

static bool read_plan(Session *sess, const StFile *f, const char *path, uint64_t v[NUMBERS], char *err) {
  return read_numbers(f, path, v, err) && is_intact(v) && unpack_sections(sess, f);
}

/* The metadata of the newest checkpoint in the file's folder that has the same tensors. */
static bool find_plan(Session *sess, const StFile *weights, const char *path, uint64_t v[NUMBERS]) {
  char *folder = rt_strdup(path), *slash = strrchr(folder, '/'), err[ERR_TEXT];
  int n;
  if (slash) slash[slash == folder] = 0;
  char **name = io_list(slash ? folder : ".", &n);
  bool found = false;
  for (int i = n - 1; i >= 0; i--) {
    uint64_t step;
    StFile f;
    char *file = rt_printf("%s/%s", slash ? folder : ".", name[i]);
    if (!found && number_of(name[i], &step) && st_read(file, &f, err)) {
      found = holds(&f, weights) && read_plan(sess, &f, file, v, err);
      st_free(&f);
    }
    rt_free(file);
    rt_free(name[i]);
  }
  rt_free(name);
  rt_free(folder);
  return found;
}

bool checkpoint_plan(Session *sess, const char *path) {
  StFile f;
  char err[ERR_TEXT];
  uint64_t v[NUMBERS];
  if (!st_read(path, &f, err)) rt_die(E_WEIGHTS_CORRUPT, "%s", err);
  bool found = read_plan(sess, &f, path, v, err) || find_plan(sess, &f, path, v);
  st_free(&f);
  if (!found) return false;
  sess->run->step = (uint32_t)v[1];
  sess->run->steps = (uint32_t)v[2];
  sess->run->steps_per_epoch = (uint32_t)v[3];
  return true;
}
