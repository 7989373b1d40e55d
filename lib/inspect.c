/* SPDX-License-Identifier: Apache-2.0 */
/* The public tables of a model, filled from its descriptor. */
#include "lib/lib.h"
#include "runtime/step.h"
#include "runtime/device.h"
#include <string.h>

_Static_assert(GRADC_BOOL == (int)GC_BOOL && GRADC_I32 == (int)GC_I32 && GRADC_I64 == (int)GC_I64, "element types");
_Static_assert(GRADC_OPTIMIZER == (int)GC_OPTIM && GRADC_MAX_RANK == (int)GC_MAX_RANK, "kinds, rank");
_Static_assert(GRADC_MAX_SIZES == (int)GC_MAX_SIZES, "sizes");

static gradc_tensor tensor(const char *name, int dtype, int rank, const int64_t *dim) {
  gradc_tensor t = {.name = name, .dtype = (gradc_dtype)dtype, .rank = rank};
  memcpy(t.shape, dim, (size_t)rank * sizeof *dim);
  return t;
}

static gradc_tensor *ports(const GcGraph *g, const GcPort *p, int n) {
  gradc_tensor *v = rt_array((size_t)n + 1, sizeof *v);
  for (int i = 0; i < n; i++) {
    v[i] = tensor(p[i].name, p[i].dtype, p[i].rank, p[i].dim);
    v[i].range = p[i].range;
    for (int d = 0; d < p[i].rank; d++) {
      if (p[i].dim[d] >= 0) continue;
      v[i].dim[d] = g->dims[-1 - p[i].dim[d]].text;
      v[i].shape[d] = -1;
    }
  }
  return v;
}

static void describe_export(gradc_function *f, const GcGraph *g) {
  *f = (gradc_function){.name = g->name,
                        .inputs = g->nin,
                        .outputs = g->nout,
                        .sizes = g->nsizes,
                        .input = ports(g, g->in, g->nin),
                        .output = ports(g, g->out, g->nout)};
  for (int i = 0; i < g->nsizes; i++) {
    f->size_name[i] = g->sizes[i];
    f->size_bound[i] = g->size_bound[i];
  }
}

static void describe_fields(gradc_model *m) {
  const GcTrain *t = m->sess.t;
  const GcData *d = t && t->data >= 0 ? &m->sess.m->data[t->data] : NULL;
  m->info.fields = d ? d->nfields : 0;
  m->info.batch = d ? t->batch * (t->accumulate > 1 ? t->accumulate : 1) : 0;
  m->field = rt_array((size_t)m->info.fields + 1, sizeof *m->field);
  for (int i = 0; i < m->info.fields; i++) {
    const GcField *f = &d->fields[i];
    int64_t shape[GRADC_MAX_RANK + 1] = {m->info.batch};
    memcpy(shape + 1, f->dim, f->rank * sizeof *shape);
    m->field[i] = tensor(f->name, f->dtype, f->rank + 1, shape);
    m->field[i].range = f->range;
  }
}

/* Its memory has also scratch memory of kernels, and slots for inputs and results. */
static void describe_device(gradc_model *m) {
  const GcDevice *d = m->sess.m->device;
  m->info.memory_bytes = d->bytes + 2 * m->sess.dev->io_bytes;
  m->info.device = d->driver ? d->name : rt_printf("cuda:%d", m->sess.dev->number);
}

static void describe_scores(gradc_model *m) {
  const GcTrain *t = m->sess.t;
  m->nscore = t && m->info.evaluates ? t->ntensors : 0;
  m->score = rt_array((size_t)m->nscore + 1, sizeof *m->score);
  m->scores = rt_array((size_t)m->nscore + 1, sizeof *m->scores);
  for (int i = 0; i < m->nscore; i++) {
    const GcPort *p = score_tensor(t, i);
    m->score[i] = tensor(p->name, p->dtype, p->rank, p->dim);
    m->scores[i] = rt_array((size_t)session_elements(t->eval, p, NULL), sizeof(float));
  }
}

void model_describe_section(gradc_model *m) {
  const GcTrain *t = m->sess.t;
  m->info.sections = m->sess.nsections;
  m->info.section = t ? t->name : NULL;
  if (t) {
    m->info.metrics = t->nmetrics;
    m->info.trains = 1;
    m->info.evaluates = t->eval && t->eval->fn;
    m->info.steps = t->steps;
    m->info.epochs = t->epochs;
    m->info.seed = m->sess.m->train[0].seed;
  }
  describe_fields(m);
  describe_scores(m);
}

void model_describe(gradc_model *m) {
  const GcModel *g = m->sess.m;
  m->info = (gradc_info){.name = g->name,
                         .backend = jit_backend_name(m->jit),
                         .parameters = g->parameters,
                         .memory_bytes = g->bytes,
                         .weight_bytes = g->bytes - g->arena_bytes,
                         .arena_bytes = g->arena_bytes,
                         .weights = g->nvars,
                         .exports = g->nexports,
                         .threads = m->sess.threads,
                         .device = "cpu"};
  if (m->sess.dev) describe_device(m);
  model_describe_section(m);
  m->weight = rt_array((size_t)g->nvars + 1, sizeof *m->weight);
  for (int i = 0; i < g->nvars; i++) {
    m->weight[i] = tensor(g->vars[i].name, g->vars[i].dtype, g->vars[i].rank, g->vars[i].dim);
    m->weight[i].kind = (gradc_kind)g->vars[i].kind;
  }
  m->export = rt_array((size_t)g->nexports + 1, sizeof *m->export);
  for (int i = 0; i < g->nexports; i++) describe_export(&m->export[i], &g -> exports[i]);
}

const gradc_tensor *gradc_weight(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.weights ? &m->weight[i] : NULL;
}

const gradc_tensor *gradc_score_tensor(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->nscore ? &m->score[i] : NULL;
}

const gradc_tensor *gradc_field(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.fields ? &m->field[i] : NULL;
}

const gradc_function *gradc_export(const gradc_model *m, int i) {
  return m && i >= 0 && i < m->info.exports ? &m->export[i] : NULL;
}

int gradc_find_weight(const gradc_model *m, const char *name) {
  for (int i = 0; m && name && i < m->info.weights; i++)
    if (!strcmp(m->weight[i].name, name)) return i;
  return -1;
}

int gradc_find_export(const gradc_model *m, const char *name) {
  for (int i = 0; m && name && i < m->info.exports; i++)
    if (!strcmp(m->export[i].name, name)) return i;
  return -1;
}
