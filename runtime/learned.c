/* SPDX-License-Identifier: Apache-2.0 */
#include "learned.h"
#include "device.h"
#include "json.h"
#include "session.h"
#include "vars.h"
#include <stdlib.h>
#include <string.h>

/* ---- classes ---- */

static uint64_t hash(const char *s, size_t n) { return gc_hash(n, s, n); }

static int *slot_of(const Classes *k, const char *s, size_t n) {
  uint64_t at = hash(s, n);
  for (;; at++) {
    int *slot = &k->slot[at % (uint64_t)k->nslot];
    if (!*slot || (strlen(k->name[*slot - 1]) == n && !memcmp(k->name[*slot - 1], s, n))) return slot;
  }
}

int classes_number(const Classes *k, const char *s, size_t n) { return k->nslot ? *slot_of(k, s, n) - 1 : -1; }

static void rehash(Classes *k) {
  rt_free(k->slot);
  k->nslot = 4 * k->n + 16;
  k->slot = rt_array((size_t)k->nslot, sizeof *k->slot);
  for (int i = 0; i < k->n; i++) *slot_of(k, k->name[i], strlen(k->name[i])) = i + 1;
}

int classes_add(Classes *k, const char *s, size_t n) {
  int i = classes_number(k, s, n);
  if (i >= 0) return i;
  if (k->n == k->cap) k->name = rt_realloc(k->name, (size_t)(k->cap = 2 * k->cap + 16) * sizeof *k->name);
  k->name[k->n++] = rt_printf("%.*s", (int)n, s);
  if (2 * k->n > k->nslot) rehash(k);
  else *slot_of(k, s, n) = k->n;
  return k->n - 1;
}

void classes_drop(Classes *k, int n) {
  if (k->n <= n) return;
  while (k->n > n) rt_free(k->name[--k->n]);
  rehash(k);
}

typedef struct Sorted {
  char *name;
  double value;
  int was;
} Sorted;

static int by_bytes(const void *x, const void *y) {
  return strcmp(((const Sorted *)x)->name, ((const Sorted *)y)->name);
}

static int by_value(const void *x, const void *y) {
  const Sorted *a = x, *b = y;
  return a->value < b->value ? -1 : a->value > b->value ? 1 : by_bytes(x, y);
}

int *classes_sort(Classes *k) {
  Sorted *s = rt_array((size_t)k->n + 1, sizeof *s);
  int *order = rt_array((size_t)k->n + 1, sizeof *order);
  bool numbers = true;
  for (int i = 0; i < k->n; i++) {
    s[i] = (Sorted){k->name[i], 0, i};
    numbers &= num_read(GC_F64, &s[i].value, 0, k->name[i], strlen(k->name[i])) == NUM_OK && s[i].value == s[i].value;
  }
  qsort(s, (size_t)k->n, sizeof *s, numbers ? by_value : by_bytes);
  for (int i = 0; i < k->n; i++) {
    k->name[i] = s[i].name;
    order[s[i].was] = i;
  }
  rt_free(s);
  rehash(k);
  k->known = true;
  return order;
}

char *classes_list(const Classes *k) {
  char *s = rt_strdup("");
  for (int i = 0; i < k->n && strlen(s) < 300; i++) s = rt_printf("%s%s%s", s, i ? ", " : "", k->name[i]);
  return strlen(s) < 300 ? s : rt_printf("%s, ...", s);
}

static char *key_of(const GcColumn *c, int i) {
  return c->number ? rt_printf("classes.%s.%d", c->key, c->number + i) : rt_printf("classes.%s", c->key);
}

static char *columns_key(const GcData *d, const GcField *f) { return rt_printf("columns.%s.%s", d->name, f->name); }

static bool has_range(const GcField *f) {
  bool range = false;
  for (int i = 0; i < f->ncolumns; i++) range |= f->columns[i].first && f->columns[i].count > 1;
  return range;
}

static Classes *find(Session *sess, char *key) {
  Learned *l = learned_of(sess);
  int at = 0;
  while (at < l->nnames && strcmp(l->names[at].key, key)) at++;
  rt_free(key);
  return at < l->nnames ? &l->names[at] : NULL;
}

Classes *classes_find(Session *sess, const GcColumn *c, int i) { return c->key ? find(sess, key_of(c, i)) : NULL; }

Classes *columns_names(Session *sess, const GcData *d, const GcField *f) {
  return has_range(f) ? find(sess, columns_key(d, f)) : NULL;
}

/* ---- of a session ---- */

static bool is_learning(const GcData *d) { return d->learned && !strcmp(d->learned, d->name); }

static void add_key(Learned *l, int *cap, char *key) {
  if (l->nnames == *cap) l->names = rt_realloc(l->names, (size_t)(*cap = 2 * *cap + 8) * sizeof *l->names);
  l->names[l->nnames++] = (Classes){.key = key};
}

Learned *learned_of(Session *sess) {
  if (sess->learned) return sess->learned;
  const GcModel *m = sess->m;
  Learned *l = sess->learned = rt_alloc(sizeof *l);
  l->fitted = rt_array((size_t)m->ndata + 1, sizeof *l->fitted);
  l->ndata = m->ndata;
  int cap = 0;
  for (int i = 0; i < m->ndata; i++)
    for (int f = 0; f < m->data[i].nfields && is_learning(&m->data[i]); f++) {
      const GcField *g = &m->data[i].fields[f];
      if (has_range(g)) add_key(l, &cap, columns_key(&m->data[i], g));
      for (int c = 0; c < g->ncolumns; c++)
        for (int k = 0; k < g->columns[c].count && g->columns[c].key; k++) add_key(l, &cap, key_of(&g->columns[c], k));
    }
  return l;
}

Learned *learned_copy(const Learned *from) {
  if (!from) return NULL;
  Learned *l = rt_alloc(sizeof *l);
  *l = *from;
  l->fitted =
    memcpy(rt_array((size_t)l->ndata + 1, sizeof *l->fitted), from->fitted, (size_t)l->ndata * sizeof *l->fitted);
  l->path = from->path ? rt_strdup(from->path) : NULL;
  l->names = rt_array((size_t)l->nnames + 1, sizeof *l->names);
  for (int i = 0; i < l->nnames; i++) {
    const Classes *k = &from->names[i];
    l->names[i] = (Classes){.key = rt_strdup(k->key), .known = k->known};
    for (int n = 0; n < k->n; n++) classes_add(&l->names[i], k->name[n], strlen(k->name[n]));
  }
  return l;
}

void learned_renew(Session *sess) { sess->learned = learned_copy(learned_of(sess)); }

/* ---- files ---- */

static bool read_names(Classes *k, const char *text) {
  char err[ERR_TEXT];
  Json j = {text, text + strlen(text), err};
  Classes all = {.key = k->key, .known = true};
  if (!json_expect(&j, '[')) return false;
  if (!json_accept(&j, ']')) do {
      char *s = json_string(&j);
      if (!s || classes_number(&all, s, strlen(s)) >= 0) return false;
      classes_add(&all, s, strlen(s));
      rt_free(s);
    } while (json_accept(&j, ','));
  if (all.n && !json_expect(&j, ']')) return false;
  *k = all;
  return true;
}

static bool take_tensor(Session *sess, int var, const StFile *f) {
  const GcVar *v = var ? &sess->m->vars[var - 1] : NULL;
  const StTensor *t = v ? st_find(f, v->name) : NULL;
  if (!v) return true;
  if (!t || t->dtype != v->dtype || t->end - t->begin != v->bytes) return false;
  if (!sess->mem) return true;
  var_from_logical(v, sess->mem, f->data + t->begin);
  mirror_up(sess, v->offset, v->bytes);
  return true;
}

void learned_take(Session *sess, const StFile *f, const char *path) {
  learned_renew(sess);
  Learned *l = sess->learned;
  const GcModel *m = sess->m;
  l->path = rt_strdup(path);
  for (int i = 0; i < l->nnames; i++) {
    const char *text = st_meta(f, l->names[i].key);
    if (text && !read_names(&l->names[i], text))
      rt_die(E_WEIGHTS_CORRUPT, "%s: `%s` is not a list of different names", path, l->names[i].key);
  }
  for (int i = 0; i < m->ndata; i++) {
    bool all = true;
    for (int k = 0; k < m->data[i].nnorms; k++) {
      const GcNorm *n = &m->data[i].norms[k];
      all &= take_tensor(sess, n->var[0], f) && take_tensor(sess, n->var[1], f);
    }
    l->fitted[i] = all;
  }
}

static bool learns(const Session *sess) {
  for (int i = 0; i < sess->m->ndata; i++)
    if (learned_needs(&sess->m->data[i])) return true;
  return learned_of((Session *)sess)->nnames > 0;
}

void learned_read(Session *sess, const char *path) {
  StFile f;
  char err[ERR_TEXT];
  if (!path || !learns(sess)) return;
  if (!io_exists(path)) return; /* what reads the weights reports it */
  if (!st_read(path, &f, err)) rt_die(E_WEIGHTS_CORRUPT, "%s", err);
  learned_take(sess, &f, path);
  st_free(&f);
}

StMeta *learned_meta(Session *sess, int *n) {
  Learned *l = learned_of(sess);
  StMeta *meta = rt_array((size_t)l->nnames + 1, sizeof *meta);
  *n = 0;
  for (int i = 0; i < l->nnames; i++) {
    const Classes *k = &l->names[i];
    char *s = rt_strdup("[");
    if (!k->known) continue;
    for (int c = 0; c < k->n; c++) {
      char *q = json_quote(k->name[c]), *longer = rt_printf("%s%s%s", s, c ? "," : "", q);
      rt_free(s);
      rt_free(q);
      s = longer;
    }
    meta[(*n)++] = (StMeta){rt_strdup(k->key), rt_printf("%s]", s)};
    rt_free(s);
  }
  return meta;
}

bool learned_write(Session *sess, unsigned kinds, const StMeta *meta, int nmeta, const char *path, char *err) {
  int n;
  StMeta *own = learned_meta(sess, &n), *all = rt_array((size_t)(n + nmeta) + 1, sizeof *all);
  for (int i = 0; i < nmeta; i++) all[i] = meta[i];
  for (int i = 0; i < n; i++) all[nmeta + i] = own[i];
  bool ok = st_write(sess->m, sess->mem, kinds, all, nmeta + n, path, err);
  for (int i = 0; i < n; i++) {
    rt_free(own[i].key);
    rt_free(own[i].value);
  }
  rt_free(own);
  rt_free(all);
  return ok;
}

/* ---- states ---- */

bool learned_needs(const GcData *d) { return d->nnorms > 0; }

static size_t each_state(Session *sess, unsigned char *kept, bool back) {
  size_t at = 0;
  for (int i = 0; i < sess->m->ndata; i++)
    for (int k = 0; k < sess->m->data[i].nnorms; k++)
      for (int j = 0; j < 2; j++) {
        int var = sess->m->data[i].norms[k].var[j];
        if (!var || !learned_of(sess)->fitted[i]) continue;
        const GcVar *v = &sess->m->vars[var - 1];
        unsigned char *p = (unsigned char *)sess->mem + v->offset;
        if (kept && back) {
          memcpy(p, kept + at, v->bytes);
          mirror_up(sess, v->offset, v->bytes);
        } else if (kept) {
          memcpy(kept + at, p, v->bytes);
        }
        at += v->bytes;
      }
  return at;
}

void *learned_keep(Session *sess) {
  size_t n = sess->learned ? each_state(sess, NULL, false) : 0;
  void *kept = n ? rt_alloc(n) : NULL;
  if (kept) each_state(sess, kept, false);
  return kept;
}

void learned_restore(Session *sess, void *kept) {
  if (kept) each_state(sess, kept, true);
  rt_free(kept);
}
