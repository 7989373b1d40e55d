/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/protocol.h"
#include "runtime/data.h"
#include "runtime/rt.h"
#include <string.h>

typedef struct Tensor { /* of a request */
  char *name, *type;
  const char *data; /* where its JSON begins; NULL: none */
  int rank;         /* -1: no shape */
  int64_t dim[GC_MAX_RANK];
  uint64_t binary; /* bytes after the JSON; UINT64_MAX: none */
  bool as_binary;
} Tensor;

typedef struct Reader {
  Infer *q;
  Json j;
  const unsigned char *rest; /* binary tensors that were not taken */
  size_t left;
  bool *given; /* per input */
  int64_t (*shape)[GC_MAX_RANK];
} Reader;

/* ---- objects ---- */

/* Reads the members of an object by fn; depth counts the nesting of values that are skipped. */
static bool members(Json *j, bool (*fn)(void *arg, const char *key), void *arg) {
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return true;
  do {
    char *key = json_string(j);
    bool ok = key && json_expect(j, ':') && fn(arg, key);
    rt_free(key);
    if (!ok) return false;
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

static bool elements(Json *j, bool (*fn)(Reader *r), Reader *r) {
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do
    if (!fn(r)) return false;
  while (json_accept(j, ','));
  return json_expect(j, ']');
}

static bool read_bool(Json *j, bool *v) {
  JsonArray a = {.type = GC_BOOL, .to = v, .room = 1};
  return json_array(j, &a) && (a.rank == 0 || rt_fail(j->err, "expected true or false"));
}

static bool read_text(Json *j, char **to) {
  rt_free(*to);
  *to = json_string(j);
  return *to != NULL;
}

/* ---- tensors of a request ---- */

typedef struct Member {
  Reader *r;
  Tensor *t;
} Member;

static bool tensor_parameter(void *arg, const char *key) {
  Member *m = arg;
  Json *j = &m->r->j;
  if (!strcmp(key, "binary_data_size")) return json_u64(j, &m->t->binary);
  if (!strcmp(key, "binary_data")) return read_bool(j, &m->t->as_binary);
  return json_skip(j, 0);
}

static bool read_shape(Json *j, Tensor *t) {
  uint64_t v;
  t->rank = 0;
  if (!json_expect(j, '[')) return false;
  if (json_accept(j, ']')) return true;
  do {
    if (t->rank == GC_MAX_RANK) return rt_fail(j->err, "a shape with more than %d axes", GC_MAX_RANK);
    if (!json_u64(j, &v)) return false;
    t->dim[t->rank++] = v > INT64_MAX ? INT64_MAX : (int64_t)v;
  } while (json_accept(j, ','));
  return json_expect(j, ']');
}

static bool tensor_member(void *arg, const char *key) {
  Member *m = arg;
  Json *j = &m->r->j;
  if (!strcmp(key, "name")) return read_text(j, &m->t->name);
  if (!strcmp(key, "datatype")) return read_text(j, &m->t->type);
  if (!strcmp(key, "shape")) return read_shape(j, m->t);
  if (!strcmp(key, "parameters")) return members(j, tensor_parameter, m);
  if (!strcmp(key, "data")) m->t->data = j->p;
  return json_skip(j, 0);
}

static int find_port(const GcPort *q, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (!strcmp(q[i].name, name)) return i;
  return -1;
}

static char *port_shape(const GcGraph *g, const GcPort *q) {
  return num_shape(q->rank, q->dim, (GcDType)q->dtype, g->dims);
}

/* Takes the sizes of a shape; false: it is not one of the input's. */
static bool take_shape(Reader *r, int i, int rank, const int64_t *dim) {
  const GcGraph *g = r->q->of->g;
  const GcPort *q = &g->in[i];
  int64_t *size = r->q->job.size;
  bool ok = rank == q->rank;
  for (int k = 0; k < rank; k++) r->shape[i][k] = dim[k] < 0 ? 0 : dim[k]; /* -1: of an empty list */
  dim = r->shape[i];
  for (int k = 0; k < rank && ok; k++) {
    int s = session_size_of(g, q->dim[k]);
    if (s >= 0 && size[s] < 0) size[s] = dim[k];
    ok = s >= 0 ? size[s] == dim[k] && dim[k] <= g->size_bound[s] : q->dim[k] < 0 || dim[k] == q->dim[k];
  }
  if (ok) return true;
  char *want = port_shape(g, q), *have = num_shape(rank, dim, (GcDType)q->dtype, NULL);
  bool bounded = rank == q->rank;
  rt_fail(r->j.err, "input `%.60s`: the shape %.120s does not fit %.120s", q->name, have, want);
  for (int s = 0; s < g->nsizes && bounded; s++) {
    size_t n = strlen(r->j.err);
    snprintf(r->j.err + n, ERR_TEXT - n, "%s `%.20s` is at most %lld", s ? "," : " (", g->sizes[s],
             (long long)g->size_bound[s]);
    if (s + 1 == g->nsizes) strncat(r->j.err, ")", ERR_TEXT - strlen(r->j.err) - 1);
  }
  rt_free(want);
  rt_free(have);
  return false;
}

/* The number of elements of a shape that take_shape has accepted is at most that of the input's bounds, unless a
 * dimension is an expression. */
static bool make_room(Reader *r, int i, const int64_t *dim, uint64_t *n) {
  const GcPort *q = &r->q->of->g->in[i];
  uint64_t most = session_elements(r->q->of->g, q, NULL);
  *n = 1;
  for (int k = 0; k < q->rank; k++)
    if (__builtin_mul_overflow(*n, (uint64_t)dim[k], n)) *n = UINT64_MAX;
  if (*n > most) return rt_fail(r->j.err, "input `%.60s`: more elements than it can have", q->name);
  r->q->job.in[i] = rt_alloc((size_t)*n * gc_dtype_size[q->dtype] + 64);
  return true;
}

static bool take_binary(Reader *r, const Tensor *t, int i, uint64_t n) {
  const GcPort *q = &r->q->of->g->in[i];
  uint64_t bytes = n * gc_dtype_size[q->dtype];
  if (t->binary != bytes)
    return rt_fail(r->j.err, "input `%.60s`: binary_data_size is %llu, not %llu", q->name,
                   (unsigned long long)t->binary, (unsigned long long)bytes);
  if (bytes > r->left) return rt_fail(r->j.err, "input `%.60s`: the body ends before its binary tensor", q->name);
  memcpy(r->q->job.in[i], r->rest, bytes);
  if (q->dtype == GC_BOOL)
    for (uint64_t k = 0; k < n; k++) ((uint8_t *)r->q->job.in[i])[k] = r->rest[k] != 0;
  r->rest += bytes;
  r->left -= bytes;
  return true;
}

static bool take_json(Reader *r, const Tensor *t, int i, uint64_t n) {
  const GcPort *q = &r->q->of->g->in[i];
  char why[ERR_TEXT];
  Json j = {t->data, r->j.end, why};
  JsonArray a = {.type = (GcDType)q->dtype, .to = r->q->job.in[i], .room = n};
  if (!json_array(&j, &a)) return rt_fail(r->j.err, "input `%.60s`: %.300s", q->name, why);
  bool nested = a.rank == q->rank && !memcmp(a.dim, t->dim, (size_t)a.rank * sizeof *a.dim);
  if (a.n == n && (a.rank <= 1 || nested)) return true;
  return rt_fail(r->j.err, "input `%.60s`: its data are not in its shape (%llu numbers, not %llu)", q->name,
                 (unsigned long long)a.n, (unsigned long long)n);
}

static bool take_tensor(Reader *r, const Tensor *t) {
  const GcGraph *g = r->q->of->g;
  uint64_t n;
  if (!t->name) return rt_fail(r->j.err, "an input without a `name`");
  int i = find_port(g->in, g->nin, t->name);
  if (i < 0) return rt_fail(r->j.err, "`%.60s` has no input `%.60s`", g->name, t->name);
  const char *type = protocol_type_name[g->in[i].dtype];
  if (r->given[i]) return rt_fail(r->j.err, "input `%.60s` is there twice", t->name);
  if (!t->type || strcmp(t->type, type) != 0)
    return rt_fail(r->j.err, "input `%.60s`: the datatype is %s, not `%.20s`", t->name, type, t->type ? t->type : "");
  if (t->rank < 0) return rt_fail(r->j.err, "input `%.60s` has no `shape`", t->name);
  if (!take_shape(r, i, t->rank, t->dim) || !make_room(r, i, t->dim, &n)) return false;
  r->given[i] = true;
  if (t->binary != UINT64_MAX) return take_binary(r, t, i, n);
  return t->data ? take_json(r, t, i, n) : rt_fail(r->j.err, "input `%.60s` has no `data`", t->name);
}

static bool read_tensor(Reader *r, Tensor *t) {
  Member m = {r, t};
  *t = (Tensor){.rank = -1, .binary = UINT64_MAX};
  return members(&r->j, tensor_member, &m);
}

static void free_tensor(Tensor *t) {
  rt_free(t->name);
  rt_free(t->type);
}

static bool read_input(Reader *r) {
  Tensor t;
  bool ok = read_tensor(r, &t) && take_tensor(r, &t);
  free_tensor(&t);
  return ok;
}

static bool read_output(Reader *r) {
  const GcGraph *g = r->q->of->g;
  Tensor t;
  bool ok = read_tensor(r, &t);
  int i = ok && t.name ? find_port(g->out, g->nout, t.name) : -1;
  if (ok && i < 0) ok = rt_fail(r->j.err, "`%.60s` has no output `%.60s`", g->name, t.name ? t.name : "");
  if (ok) {
    r->q->asked[i] = r->q->some = true;
    r->q->as_binary[i] = t.as_binary;
  }
  free_tensor(&t);
  return ok;
}

static bool parameter(void *arg, const char *key) {
  Reader *r = arg;
  return strcmp(key, "binary_data_output") ? json_skip(&r->j, 0) : read_bool(&r->j, &r->q->binary);
}

static bool v2_member(void *arg, const char *key) {
  Reader *r = arg;
  if (!strcmp(key, "id")) return read_text(&r->j, &r->q->id);
  if (!strcmp(key, "inputs")) return elements(&r->j, read_input, r);
  if (!strcmp(key, "outputs")) return elements(&r->j, read_output, r);
  if (!strcmp(key, "parameters")) return members(&r->j, parameter, r);
  return json_skip(&r->j, 0);
}

/* ---- plain objects and npy ---- */

/* The shape of an input for data of another: `rank` axes, of which the first, of 1, may be missing; n elements. */
static bool plain_shape(Reader *r, int i, int rank, const int64_t *dim) {
  const GcPort *q = &r->q->of->g->in[i];
  int64_t with[GC_MAX_RANK] = {1};
  if (rank + 1 != q->rank) return take_shape(r, i, rank, dim);
  memcpy(with + 1, dim, (size_t)rank * sizeof *dim);
  return take_shape(r, i, rank + 1, with);
}

static bool plain_member(void *arg, const char *key) {
  Reader *r = arg;
  const GcGraph *g = r->q->of->g;
  int i = find_port(g->in, g->nin, key);
  if (i < 0) return rt_fail(r->j.err, "`%.60s` has no input `%.60s`", g->name, key);
  if (r->given[i]) return rt_fail(r->j.err, "input `%.60s` is there twice", key);
  uint64_t room = session_elements(g, &g->in[i], NULL), size = gc_dtype_size[g->in[i].dtype];
  uint64_t most = (uint64_t)(r->j.end - r->j.p) / 2 + 1; /* numbers that this much text can hold */
  if (room > most) room = most;
  r->q->job.in[i] = rt_alloc((size_t)(room * size) + 64);
  r->given[i] = true;
  char why[ERR_TEXT];
  Json j = {r->j.p, r->j.end, why};
  JsonArray a = {.type = (GcDType)g->in[i].dtype, .to = r->q->job.in[i], .room = room};
  if (!json_array(&j, &a)) return rt_fail(r->j.err, "input `%.60s`: %.300s", key, why);
  r->j.p = j.p;
  return plain_shape(r, i, a.rank, a.dim);
}

static bool copy_array(Reader *r, const ArrayFile *a) {
  const GcPort *q = &r->q->of->g->in[0];
  static const char kind[] = "buiuiuifffhi"; /* as in array files */
  _Static_assert(COUNT(kind) == GC_DTYPES + 1, "a kind per GcDType");
  uint64_t n = a->n * a->per_record;
  GcDType t = (GcDType)q->dtype;
  void *to = r->q->job.in[0];
  bool same = a->size == gc_dtype_size[t] && !a->swap && a->kind == kind[t];
  if (same && t != GC_BOOL) {
    memcpy(to, a->file.p + a->offset, (size_t)n * a->size);
    return true;
  }
  for (uint64_t i = 0; i < n; i++) {
    double v = array_file_get(a, i);
    char shown[NUM_TEXT], wide[NUM_TEXT];
    bool is_wide = array_file_wide(a, i, wide);
    if (is_wide ? num_read(t, to, (size_t)i, wide, strlen(wide)) != NUM_OK : !num_store(t, to, (size_t)i, v))
      return rt_fail(r->j.err, "input `%.60s`: `%s` is not %s", q->name, num_show(v, shown), gc_dtype_name[t]);
  }
  return true;
}

static bool read_npy(Reader *r, const unsigned char *body, size_t n) {
  const GcGraph *g = r->q->of->g;
  ArrayFile a = {.file = {(unsigned char *)body, n}};
  int64_t dim[GC_MAX_RANK];
  uint64_t elements_;
  if (g->nin != 1) return rt_fail(r->j.err, "`%.60s` has %d inputs, an npy body holds one array", g->name, g->nin);
  if (!array_file_npy(&a, r->j.err)) return false;
  for (int i = 0; i < a.rank; i++) dim[i] = a.dim[i] > INT64_MAX ? INT64_MAX : (int64_t)a.dim[i];
  if (!plain_shape(r, 0, a.rank, dim)) return false;
  int64_t own[GC_MAX_RANK] = {1};
  memcpy(own + (a.rank + 1 == g->in[0].rank), dim, (size_t)a.rank * sizeof *dim);
  r->given[0] = true;
  return make_room(r, 0, own, &elements_) &&
         (elements_ == a.n * a.per_record || rt_fail(r->j.err, "the array is not in its shape")) && copy_array(r, &a);
}

/* ---- a request ---- */

/* Dimensions that are expressions, once the sizes are known. */
static bool expressions_fit(Reader *r, int i) {
  const GcGraph *g = r->q->of->g;
  for (int k = 0; k < g->in[i].rank; k++)
    if (g->in[i].dim[k] < 0 && session_dim(g, g->in[i].dim[k], r->q->job.size) != r->shape[i][k])
      return rt_fail(r->j.err, "input `%.60s`: axis %d is %lld, not %s", g->in[i].name, k, (long long)r->shape[i][k],
                     g->dims[-1 - g->in[i].dim[k]].text);
  return true;
}

/* All inputs are there, all sizes known; makes room for the outputs. */
static bool complete(Reader *r) {
  const GcGraph *g = r->q->of->g;
  Job *job = &r->q->job;
  for (int i = 0; i < g->nin; i++)
    if (!r->given[i]) return rt_fail(r->j.err, "input `%.60s` is missing", g->in[i].name);
  for (int s = 0; s < g->nsizes; s++)
    if (job->size[s] < 0) return rt_fail(r->j.err, "`%.60s` follows from no shape", g->sizes[s]);
  for (int i = 0; i < g->nin; i++)
    if (!expressions_fit(r, i)) return false;
  if (r->left) return rt_fail(r->j.err, "%zu bytes after the last binary tensor", r->left);
  for (int i = 0; i < g->nout; i++)
    job->out[i] = rt_alloc((size_t)session_elements(g, &g->out[i], job->size) * gc_dtype_size[g->out[i].dtype] + 64);
  return true;
}

bool infer_read(Infer *q, const unsigned char *body, size_t n, size_t head, char *err) {
  const GcGraph *g = q->of->g;
  Reader r = {.q = q, .j = {(const char *)body, (const char *)body + head, err}, .rest = body + head, .left = n - head};
  r.given = rt_array((size_t)g->nin + 1, sizeof *r.given);
  r.shape = rt_array((size_t)g->nin + 1, sizeof *r.shape);
  q->job.of = q->of;
  q->job.in = rt_array((size_t)g->nin + 1, sizeof *q->job.in);
  q->job.out = rt_array((size_t)g->nout + 1, sizeof *q->job.out);
  q->asked = rt_array((size_t)g->nout + 1, sizeof *q->asked);
  q->as_binary = rt_array((size_t)g->nout + 1, sizeof *q->as_binary);
  for (int s = 0; s < GC_MAX_SIZES; s++) q->job.size[s] = -1;
  bool ok = q->form == BODY_NPY  ? read_npy(&r, body, n)
            : q->form == BODY_V2 ? members(&r.j, v2_member, &r) && json_end(&r.j)
                                 : members(&r.j, plain_member, &r) && json_end(&r.j);
  ok = ok && complete(&r);
  rt_free(r.given);
  rt_free(r.shape);
  return ok;
}

void infer_free(Infer *q) {
  for (int i = 0; q->job.in && i < q->of->g->nin; i++) rt_free(q->job.in[i]);
  for (int i = 0; q->job.out && i < q->of->g->nout; i++) rt_free(q->job.out[i]);
  rt_free(q->job.in);
  rt_free(q->job.out);
  rt_free(q->asked);
  rt_free(q->as_binary);
  rt_free(q->id);
  *q = (Infer){0};
}
