/* SPDX-License-Identifier: Apache-2.0 */
/* The source images: a folder of pictures for each class. field(0) is the picture, field(1) the number of its class.
 * Folders are in the order of classes (learned.h), the pictures of each by the bytes of their names. */
#include "learned.h"
#include "picture.h"
#include "session.h"
#include <stdlib.h>
#include <string.h>

typedef struct Images {
  char **path; /* of each record */
  int *label;  /* index in the names of folders */
  uint64_t cap;
  Classes folders; /* by their names */
  int *number;     /* of the class of each folder */
  Classes *classes;
} Images;

static char *join(const char *folder, const char *name) {
  size_t n = strlen(folder);
  return rt_printf("%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static char **sorted(const char *folder, int *n) {
  char **name = io_list(folder, n);
  if (!name) rt_die(E_DATA_READ, "%s: not a folder that can be read", folder);
  qsort(name, (size_t)*n, sizeof *name, by_bytes);
  return name;
}

/* A picture by its name. Other files are no records; pictures in formats that are not read are errors. */
static bool is_picture(Data *d, const char *path, const char *name) {
  if (name[0] == '.') return false;
  if (picture_other(name) && d->d->on_error) data_fault(d, rt_printf("%s: only PNG and JPEG are read", path));
  else if (picture_other(name))
    rt_die(E_PICTURE, "%s: only PNG and JPEG are read, not %s", path, picture_other(name) + 1);
  return picture_named(name);
}

/* With `on_error = skip`: whether all fields can be read from the picture. */
static bool usable(Data *d, const char *path) {
  char err[ERR_TEXT];
  for (int f = 0; f < d->d->nfields; f++) {
    const GcField *x = &d->d->fields[f];
    const int64_t *dim = d->d->bind ? d->d->bind->in[f].dim : x->dim;
    if (x->raw_first == 0 && !picture_read(path, x, dim, data_raw_type(d, f), d->raw[f], err)) {
      data_fault(d, rt_strdup(err));
      return false;
    }
  }
  return true;
}

static void add(Data *d, Images *k, char *path, int label) {
  if (d->d->on_error && !usable(d, path)) return;
  if (d->n == k->cap) {
    k->cap = k->cap ? 2 * k->cap : 256;
    k->path = rt_realloc(k->path, rt_mul(k->cap, sizeof *k->path));
    k->label = rt_realloc(k->label, rt_mul(k->cap, sizeof *k->label));
  }
  k->path[d->n] = path;
  k->label[d->n++] = label;
}

static void add_folder(Data *d, Images *k, const char *folder, int label) {
  int n;
  char **name = sorted(folder, &n);
  uint64_t before = d->n + d->faulty;
  for (int i = 0; i < n; i++) {
    char *path = join(folder, name[i]);
    if (io_is_folder(path))
      rt_die(E_RECORD_COUNT,
             "%s: a folder within the folder of a class\nimages(...) names the folder whose folders are classes", path);
    if (is_picture(d, path, name[i])) add(d, k, path, label);
    else rt_free(path);
    rt_free(name[i]);
  }
  rt_free(name);
  if (d->n + d->faulty == before)
    rt_die(E_RECORD_COUNT, "%s: no pictures (.png, .jpg, .jpeg) in this folder\neach folder is a class: remove it",
           folder);
}

char **images_list(const char *folder, Data *d) {
  Images k = {0};
  int names;
  char **name = sorted(folder, &names);
  for (int i = 0; i < names; i++) {
    char *path = join(folder, name[i]);
    if (name[i][0] != '.' && io_is_folder(path)) add_folder(d, &k, path, 0);
    else if (is_picture(d, path, name[i])) add(d, &k, path, 0);
  }
  if (!d->n && !d->faulty) rt_die(E_RECORD_COUNT, "%s: no pictures (.png, .jpg, .jpeg) in this folder", folder);
  return k.path;
}

static const GcColumn *class_column(const Data *d) {
  for (int f = 0; f < d->d->nfields; f++)
    if (d->d->fields[f].raw_first == 1) return d->d->fields[f].columns;
  return NULL;
}

static _Noreturn void unknown(const Data *d, const GcColumn *c, const Classes *all, const char *folder) {
  const char *from = learned_of(d->sess)->path;
  const char *near = rt_suggest(folder, (const char *const *)all->name, all->n);
  rt_die(E_UNKNOWN_CLASS, "%s: the folder is no class of training\n--> %s\n%s", join(d->path[0], folder), c->where,
         !all->known ? rt_printf("%s has no names of classes", from)
         : near      ? rt_printf("did you mean `%s`?", near)
                     : rt_printf("the classes are %s", classes_list(all)));
}

/* Folders get the numbers of the classes of training, or else those of all folders, in order. */
static void finish(Data *const *part, int n) {
  const GcColumn *c = class_column(part[0]);
  Session *sess = part[0]->sess;
  Classes *all = c ? classes_find(sess, c, 0) : NULL;
  bool fresh = all && !all->known && !learned_of(sess)->path;
  for (int i = 0; i < n && fresh; i++) {
    const Classes *own = &((const Images *)part[i]->source)->folders;
    for (int k = 0; k < own->n; k++) classes_add(all, own->name[k], strlen(own->name[k]));
  }
  if (fresh) rt_free(classes_sort(all));
  for (int i = 0; i < n && all; i++) {
    Images *k = part[i]->source;
    k->classes = all;
    for (int f = 0; f < k->folders.n; f++) {
      const char *name = k->folders.name[f];
      k->number[f] = classes_number(all, name, strlen(name));
      if (k->number[f] < 0) unknown(part[i], c, all, name);
    }
  }
}

static void open_images(Data *d) {
  Images *k = d->source = rt_alloc(sizeof *k);
  int n;
  const char *root = d->path[0];
  char **name = sorted(root, &n);
  bool labelled = class_column(d) != NULL;
  for (int i = 0; i < n; i++) {
    char *path = join(root, name[i]);
    if (name[i][0] != '.' && io_is_folder(path)) {
      classes_add(&k->folders, name[i], strlen(name[i]));
    } else if (is_picture(d, path, name[i])) {
      if (labelled) rt_die(E_RECORD_COUNT, "%s: a picture outside the folders that name the classes", path);
      add(d, k, path, 0);
    }
  }
  rt_free(classes_sort(&k->folders));
  k->number = rt_array((size_t)k->folders.n + 1, sizeof *k->number);
  for (int i = 0; i < k->folders.n; i++) add_folder(d, k, join(root, k->folders.name[i]), i);
  if (!d->n && !d->faulty)
    rt_die(E_RECORD_COUNT, "%s: no pictures; source images(...) is a folder of folders, one a class", root);
}

static void read_images(const Data *d, uint64_t record, int field, void *raw) {
  const Images *k = d->source;
  const GcField *f = &d->d->fields[field];
  char err[ERR_TEXT];
  if (f->raw_first == 1) {
    data_convert(d, record, field, raw, 0, k->number[k->label[record]]);
    return;
  }
  const int64_t *dim = d->d->bind ? d->d->bind->in[field].dim : f->dim;
  if (picture_read(k->path[record], f, dim, data_raw_type(d, field), raw, err)) return;
  char *help = strchr(err, '\n');
  if (help) *help++ = 0;
  rt_die(E_PICTURE, "%s\n--> %s%s%s", err, f->columns->where, help ? "\n" : "", help ? help : "");
}

static void close_images(Data *d) {
  Images *k = d->source;
  for (uint64_t i = 0; i < d->n; i++) rt_free(k->path[i]);
  rt_free(k->path);
  rt_free(k->label);
  rt_free(k->number);
  rt_free(k);
}

static char *name_images(const Data *d, uint64_t record) {
  return rt_strdup(((const Images *)d->source)->path[record]);
}

static char *place(const Data *d, uint64_t record, int field) {
  (void)record;
  const Images *k = d->source;
  const GcField *f = &d->d->fields[field];
  char *s = rt_printf("\n--> %s", f->columns->where);
  return f->raw_first && k->classes
           ? rt_printf("%s\nthere are %d classes: %s", s, k->classes->n, classes_list(k->classes))
           : s;
}

const DataSource images_source = {"images",     1,      1,    open_images, read_images,
                                  close_images, finish, NULL, place,       name_images};
