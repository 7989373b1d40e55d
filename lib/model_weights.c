/* SPDX-License-Identifier: Apache-2.0 */
/* The weights of a model: copied, viewed in place, saved and loaded. */
#include "lib/lib.h"
#include "runtime/checkpoint.h"
#include "runtime/device.h"
#include "runtime/learned.h"
#include "runtime/vars.h"
#include <string.h>

typedef struct WeightCall {
  gradc_model *m;
  int i;
  const gradc_array *a;
  bool write;
  const char *path;
  uint64_t hash;
} WeightCall;

/* On the host, where the order of elements is changed; `data` may be memory of the device. */
static void write_var(Session *sess, const GcVar *v, const void *data) {
  bool there = sess->dev && device_has(sess->dev, data);
  void *host = there ? rt_alloc(v->bytes) : NULL;
  if (there) device_copy(sess->dev, host, data, v->bytes);
  var_from_logical(v, sess->mem, there ? host : data);
  mirror_up(sess, v->offset, v->bytes);
  rt_free(host);
}

static void read_var(Session *sess, const GcVar *v, void *data) {
  bool there = sess->dev && device_has(sess->dev, data);
  void *host = there ? rt_alloc(v->bytes) : NULL;
  mirror_down_part(sess, v->offset, v->bytes);
  var_to_logical(v, sess->mem, there ? host : data);
  if (there) device_copy(sess->dev, data, host, v->bytes);
  rt_free(host);
}

static void copy(void *arg) {
  WeightCall *k = arg;
  const GcModel *g = k->m->sess.m;
  if (k->i < 0 || k->i >= g->nvars)
    rt_die(E_NO_SUCH_ENTRY, "%s has no weight %d: there are %d", g->name, k->i, g->nvars);
  if (!k->a) rt_die(E_BAD_CALL, "the array is NULL");
  const gradc_tensor *t = &k->m->weight[k->i];
  array_check(k->a, t, t->shape, "weight");
  const GcVar *v = &g->vars[k->i];
  if (k->write) write_var(&k->m->sess, v, k->a->data);
  else read_var(&k->m->sess, v, k->a->data);
}

gradc_status gradc_read_weight(gradc_model *m, int i, const gradc_array *a, gradc_error **error) {
  WeightCall k = {.m = m, .i = i, .a = a};
  return model_call(m, copy, &k, error);
}

gradc_status gradc_write_weight(gradc_model *m, int i, const gradc_array *a, gradc_error **error) {
  WeightCall k = {.m = m, .i = i, .a = a, .write = true};
  return model_call(m, copy, &k, error);
}

void *gradc_view_weight(gradc_model *m, int i) {
  const GcVar *v = m && i >= 0 && i < m->info.weights ? &m->sess.m->vars[i] : NULL;
  if (!v || !var_is_row_major(v)) return NULL;
  if (!m->sess.dev) return (unsigned char *)m->sess.mem + v->offset;
  m->sess.dev->newer = m->sess.dev->shared = true;
  return (void *)(uintptr_t)(m->sess.dev->mem + v->offset);
}

static void hash(void *arg) {
  WeightCall *k = arg;
  mirror_down(&k->m->sess);
  k->hash = vars_hash(k->m->sess.m, k->m->sess.mem);
}

gradc_status gradc_weights_hash(gradc_model *m, uint64_t *to, gradc_error **error) {
  WeightCall k = {.m = m};
  if (!to) return error_null(error);
  gradc_status s = model_call(m, hash, &k, error);
  if (!s) *to = k.hash;
  return s;
}

/* ---- files ---- */

static void save(void *arg) {
  WeightCall *k = arg;
  char err[ERR_TEXT];
  mirror_down(&k->m->sess);
  if (!learned_write(&k->m->sess, KINDS_KEPT, NULL, 0, k->path, err)) rt_die(E_RUN_FILE, "%s", err);
}

static void load(void *arg) {
  WeightCall *k = arg;
  weights_load(&k->m->sess, k->path);
}

typedef struct PartCall {
  gradc_model *m;
  const char *path, *const *map;
  int n, partial;
  gradc_sink *sink;
  void *user;
} PartCall;

static void load_part(void *arg) {
  PartCall *k = arg;
  WeightsTaken w;
  weights_load_part(&k->m->sess, k->path, k->map, k->n, k->partial != 0, &w);
  if (!k->sink) return;
  char *text = rt_printf("{%s}\n", weights_taken_json(&w));
  k->sink(k->user, rt_printf("%s.json", k->m->info.name), text, strlen(text));
}

gradc_status gradc_load_part(gradc_model *m, const char *path, const char *const *map, int n, int partial,
                             gradc_sink *sink, void *user, gradc_error **error) {
  PartCall k = {m, path, map, map ? n : 0, partial, sink, user};
  return path && (map || n <= 0) ? model_call(m, load_part, &k, error) : error_null(error);
}

static void save_checkpoint(void *arg) {
  WeightCall *k = arg;
  char err[ERR_TEXT];
  Session *sess = &k->m->sess;
  int section = sess->current;
  section_leave(sess);
  if (sess->nsections > 1) { /* rounds, as the first section counts them */
    sess->run->step = sess->section[0].step * (uint32_t)sess->section[0].t->every;
    sess->run->steps = sess->section[0].steps * (uint32_t)sess->section[0].t->every;
  }
  bool ok = checkpoint_write(sess, k->path, &(Progress){0}, err);
  section_enter(sess, section);
  if (!ok) rt_die(E_RUN_FILE, "%s", err);
}

static void load_checkpoint(void *arg) {
  WeightCall *k = arg;
  Progress p;
  if (!io_exists(k->path)) rt_die(E_WEIGHTS_MISSING, "cannot open `%s`", k->path);
  checkpoint_load(&k->m->sess, k->path, &p); /* the rounds, and the numbers of each section */
  section_enter(&k->m->sess, k->m->sess.current);
}

static gradc_status file_call(gradc_model *m, const char *path, void (*fn)(void *), gradc_error **error) {
  WeightCall k = {.m = m, .path = path};
  return path ? model_call(m, fn, &k, error) : error_null(error);
}

gradc_status gradc_save(gradc_model *m, const char *path, gradc_error **error) {
  return file_call(m, path, save, error);
}
gradc_status gradc_load(gradc_model *m, const char *path, gradc_error **error) {
  return file_call(m, path, load, error);
}
gradc_status gradc_save_checkpoint(gradc_model *m, const char *path, gradc_error **error) {
  return file_call(m, path, save_checkpoint, error);
}
gradc_status gradc_load_checkpoint(gradc_model *m, const char *path, gradc_error **error) {
  return file_call(m, path, load_checkpoint, error);
}
