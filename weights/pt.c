// SPDX-License-Identifier: Apache-2.0
/* The zip form of torch.save: NAME/data.pkl is a pickle (pickle.c), NAME/data/KEY the elements of a storage,
 * NAME/byteorder "little" or "big". A tensor is a call of torch._utils._rebuild_tensor_v2 with its storage, offset,
 * size and strides. Keys of nested dicts and lists are joined by dots. */
#include "runtime/num.h"
#include "runtime/zip.h"
#include "weights/pickle.h"
#include "weights/weights.h"
#include <string.h>

typedef struct Storage { /* an entry data/KEY */
  const char *key;
  Bytes bytes;
  uint64_t size;
  const ZipEntry *entry;
  bool owned, read;
} Storage;

typedef struct Place { /* where the elements of a tensor are */
  Storage *storage;
  uint64_t offset;
  int64_t stride[GC_MAX_RANK];
} Place;

typedef struct Pt {
  Zip zip;
  ZipEntry *entry;
  Storage *storage;
  int n, nstorage;
  Pickle p;
  WeightFile *w;
  Place *place; /* of each tensor */
  size_t capplace;
  int64_t visits;
  bool values, swap;
  char *err;
} Pt;

static const char *const kinds[][3] = {
#define TYPE(storage, type, name) {"torch " #storage, "torch " #type, #name},
#include "weights/pt_types.def"
#undef TYPE
};

static const char *type_of(const Pt *t, int value) { /* of a storage class or a dtype; NULL: none */
  for (int i = 0; i < COUNT(kinds); i++)
    if (pickle_is(&t->p, value, kinds[i][0]) || pickle_is(&t->p, value, kinds[i][1])) return kinds[i][2];
  return NULL;
}

/* ---- the archive ---- */

static const char *base_name(const char *name) { /* without the folder of the archive */
  const char *slash = strchr(name, '/');
  return slash ? slash + 1 : name;
}

static bool list_entries(Pt *t) {
  uint64_t at = t->zip.at;
  t->entry = rt_array((size_t)t->zip.entries + 1, sizeof *t->entry);
  t->storage = rt_array((size_t)t->zip.entries + 1, sizeof *t->storage);
  for (uint64_t i = 0; i < t->zip.entries; i++, t->n++) {
    ZipEntry *e = &t->entry[t->n];
    if (!zip_next(&t->zip, &at, e)) return rt_fail(t->err, "its directory is damaged");
    const char *name = base_name(e->name);
    if (!strncmp(name, "data/", 5)) t->storage[t->nstorage++] = (Storage){.key = name + 5, .entry = e, .size = e->size};
  }
  return true;
}

static const ZipEntry *find(const Pt *t, const char *name) {
  for (int i = 0; i < t->n; i++)
    if (!strcmp(base_name(t->entry[i].name), name)) return &t->entry[i];
  return NULL;
}

static bool byte_order(Pt *t) {
  const ZipEntry *e = find(t, "byteorder");
  Bytes b;
  bool owned, ok = !e || zip_read(&t->zip, e, 0, &b, &owned, t->err);
  t->swap = e && ok && b.n == 3 && !memcmp(b.p, "big", 3);
  if (e && ok && owned) rt_free(b.p);
  return ok;
}

static Storage *find_storage(Pt *t, const PickleValue *key) {
  for (int i = 0; i < t->nstorage; i++)
    if (strlen(t->storage[i].key) == key->n && !memcmp(t->storage[i].key, key->s, key->n)) return &t->storage[i];
  return NULL;
}

/* ---- tensors ---- */

static int64_t integer(const Pt *t, int value) { /* -1: none that may be a size */
  const PickleValue *v = &t->p.v[value];
  return value && v->kind == PICKLE_INT && v->i >= 0 ? v->i : -1;
}

/* ('storage', class, key, location, number of elements) */
static Storage *storage_of(Pt *t, int value, const char **type) {
  int id = t->p.v[value].kind == PICKLE_STORED ? pickle_item(&t->p, value, 0) : 0;
  int key = id && t->p.v[id].kind == PICKLE_TUPLE ? pickle_item(&t->p, id, 2) : 0;
  if (!key || t->p.v[key].kind != PICKLE_TEXT) return NULL;
  *type = type_of(t, pickle_item(&t->p, id, 1));
  return find_storage(t, &t->p.v[key]);
}

static bool shape_of(Pt *t, StTensor *to, Place *at, int size, int stride) {
  const PickleValue *s = &t->p.v[size];
  if (!stride || s->kind != PICKLE_TUPLE || t->p.v[stride].kind != PICKLE_TUPLE || s->count != t->p.v[stride].count)
    return rt_fail(t->err, "`%.99s`: its shape is malformed", to->name);
  uint64_t last = at->offset, n = 1;
  for (int i = 0; i < s->count; i++) {
    int64_t v = integer(t, pickle_item(&t->p, size, i)), step = integer(t, pickle_item(&t->p, stride, i));
    uint64_t far;
    if (v < 0 || step < 0) return rt_fail(t->err, "`%.99s`: its shape is malformed", to->name);
    if (!weights_axis(to, (uint64_t)v, t->err)) return false;
    at->stride[i] = step;
    n *= v > 0;
    if (v &&
        (__builtin_mul_overflow((uint64_t)v - 1, (uint64_t)step, &far) || __builtin_add_overflow(last, far, &last)))
      return rt_fail(t->err, "`%.99s`: its strides overflow", to->name);
  }
  uint64_t have = at->storage->size / (uint64_t)to->size;
  return !n || last < have || rt_fail(t->err, "`%.99s`: it ends after its storage", to->name);
}

/* Adds the tensor that a call of _rebuild_tensor_v2 or _v3 builds; takes the name. */
static bool add_tensor(Pt *t, int args, bool third, char *name) {
  const char *type = NULL;
  Place at = {.storage = storage_of(t, pickle_item(&t->p, args, 0), &type)};
  if (third) type = type_of(t, pickle_item(&t->p, args, 6));
  int64_t offset = integer(t, pickle_item(&t->p, args, 1));
  if (!at.storage || offset < 0 || !type) {
    rt_fail(t->err, "`%.99s`: %s", name, !type ? "its element type is not read" : "its storage is missing");
    rt_free(name);
    return false;
  }
  at.offset = (uint64_t)offset;
  StTensor *to = weights_add(t->w, name, type);
  if (!shape_of(t, to, &at, pickle_item(&t->p, args, 2), pickle_item(&t->p, args, 3))) return false;
  if (t->capplace < t->w->room) t->place = rt_realloc(t->place, rt_mul(t->capplace = t->w->room, sizeof *t->place));
  t->place[t->w->f.n - 1] = at;
  return true;
}

/* ---- the tree ---- */

static char *key_text(const Pt *t, int key, int64_t number) {
  const PickleValue *v = &t->p.v[key];
  if (key && v->kind == PICKLE_TEXT) return rt_printf("%.*s", (int)(v->n < 4096 ? v->n : 4096), v->s);
  return rt_printf("%lld", (long long)(key && v->kind == PICKLE_INT ? v->i : number));
}

static char *joined(const char *prefix, char *key) { /* takes the key */
  char *s = *prefix ? rt_printf("%s.%s", prefix, key) : rt_strdup(key);
  rt_free(key);
  return s;
}

static void add_number(Pt *t, const PickleValue *v, const char *name) {
  char *value = v->kind == PICKLE_FLOAT  ? rt_printf("%.17g", v->x)
                : v->kind == PICKLE_TEXT ? rt_printf("%.*s", (int)(v->n < 4096 ? v->n : 4096), v->s)
                                         : rt_printf("%lld", (long long)v->i);
  weights_meta(t->w, rt_strdup(name), value);
}

enum { DEPTH = 16, VISITS = 1000000, NAME = 512 };

static bool walk(Pt *t, int value, const char *name, int depth);

static bool walk_items(Pt *t, int value, const char *name, int depth) {
  int64_t number = 0;
  bool ok = true;
  if (depth == DEPTH || strlen(name) > NAME) return rt_fail(t->err, "`%.99s`: dicts are nested too deep", name);
  for (int c = t->p.v[value].first; c && ok; c = t->p.cell[c].next) {
    char *below = joined(name, key_text(t, t->p.cell[c].key, number++));
    ok = walk(t, t->p.cell[c].value, below, depth + 1);
    rt_free(below);
  }
  return ok;
}

static bool walk(Pt *t, int value, const char *name, int depth) {
  const PickleValue *v = &t->p.v[value];
  if (++t->visits > VISITS) return rt_fail(t->err, "it has more than %d values", VISITS);
  switch (v->kind) {
  case PICKLE_DICT:
  case PICKLE_LIST:
  case PICKLE_TUPLE: return walk_items(t, value, name, depth);
  case PICKLE_BOOL:
  case PICKLE_INT:
  case PICKLE_FLOAT:
  case PICKLE_TEXT: return add_number(t, v, *name ? name : "value"), true;
  default: break;
  }
  if (v->kind != PICKLE_CALL) return true;
  int fn = pickle_item(&t->p, value, 0), args = pickle_item(&t->p, value, 1);
  bool third = pickle_is(&t->p, fn, "torch._utils _rebuild_tensor_v3");
  if (third || pickle_is(&t->p, fn, "torch._utils _rebuild_tensor_v2"))
    return add_tensor(t, args, third, rt_strdup(*name ? name : "tensor"));
  if (!pickle_is(&t->p, fn, "torch._utils _rebuild_parameter")) return true;
  int of = pickle_item(&t->p, args, 0);
  if (!of || depth == DEPTH) return rt_fail(t->err, "`%.99s`: a malformed parameter", name);
  return walk(t, of, name, depth + 1);
}

/* ---- values ---- */

static bool read_storage(Pt *t, Storage *s) {
  if (s->read) return true;
  if (!zip_read(&t->zip, s->entry, 0, &s->bytes, &s->owned, t->err)) return false;
  return s->read = true;
}

static void put(const Pt *t, unsigned char *to, const unsigned char *from, int size) {
  for (int k = 0; k < size; k++) to[k] = from[t->swap ? size - 1 - k : k];
}

static void copy_tensor(const Pt *t, const StTensor *v, const Place *at, unsigned char *to) {
  int64_t n = weights_count(v), index[GC_MAX_RANK] = {0}, dense = 1;
  bool plain = !t->swap;
  for (int k = v->rank; k--; dense *= v->dim[k]) plain &= v->dim[k] == 1 || at->stride[k] == dense;
  const unsigned char *from = at->storage->bytes.p + at->offset * (size_t)v->size;
  if (plain && n) memcpy(to, from, v->end - v->begin);
  for (int64_t i = 0, far = 0; i < n && !plain; i++) {
    put(t, to + i * v->size, from + far * v->size, v->size);
    for (int k = v->rank; k--;) {
      far += at->stride[k];
      if (++index[k] < v->dim[k]) break;
      far -= at->stride[k] * v->dim[k];
      index[k] = 0;
    }
  }
}

static bool copy_all(Pt *t) { /* storages are read first: only then is it known that they have their sizes */
  enum { SHARED = 4 };        /* tensors may share storages; more than so often is no file of weights */
  uint64_t most = 0;
  for (int i = 0; i < t->w->f.n && t->values; i++)
    if (!read_storage(t, t->place[i].storage)) return false;
  for (int i = 0; i < t->nstorage; i++) most += t->storage[i].size;
  if (!weights_place(t->w, t->values, most > UINT64_MAX / SHARED ? UINT64_MAX : most * SHARED, t->err)) return false;
  for (int i = 0; i < t->w->f.n && t->values; i++) copy_tensor(t, &t->w->f.t[i], &t->place[i], weights_data(t->w, i));
  return true;
}

static bool read_all(Pt *t, const Bytes *file) {
  Bytes text;
  bool owned;
  if (!zip_open(&t->zip, file, t->err) || !list_entries(t)) return false;
  const ZipEntry *e = find(t, "data.pkl");
  if (!e) return rt_fail(t->err, "an archive without data.pkl and without .npy files");
  if (!byte_order(t) || !zip_read(&t->zip, e, 0, &text, &owned, t->err)) return false;
  bool ok = pickle_read(&t->p, text.p, text.n, t->err) && walk(t, t->p.root, "", 0);
  t->w->unsafe = t->p.unsafe;
  pickle_free(&t->p);
  if (owned) rt_free(text.p);
  return ok && copy_all(t);
}

bool pt_read(const Bytes *file, bool values, WeightFile *w, char *err) {
  Pt t = {.w = w, .values = values, .err = err};
  bool ok = read_all(&t, file);
  for (int i = 0; i < t.n; i++) rt_free(t.entry[i].name);
  for (int i = 0; i < t.nstorage; i++)
    if (t.storage[i].owned) rt_free(t.storage[i].bytes.p);
  rt_free(t.entry);
  rt_free(t.storage);
  rt_free(t.place);
  return ok;
}
