/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a project. The file gradc.files has a hash of each file as it was written, by which changes are seen. */
#include "driver/project.h"
#include "runtime/io.h"
#include <stdlib.h>
#include <string.h>

static const char LIST[] = "gradc.files";

/* Any file in the folder that is not hidden; NULL: none, or there is no folder. */
static const char *some_file(Ctx *c, const char *dir) {
  int n = 0;
  char **name = io_list(dir, &n);
  const char *first = name && n ? ctx_strf(c, "%s", name[0]) : NULL;
  for (int i = 0; name && i < n; i++) free(name[i]);
  free(name);
  return first;
}

static uint64_t hash_of(const char *text, size_t n) { return hash_bytes(text, n, 0); }

/* The hash of a file as it is now; false: there is none. */
static bool current_hash(const char *path, uint64_t *hash) {
  Bytes b;
  char err[ERR_TEXT];
  if (!io_exists(path) || !io_read_all(path, &b, err)) return false;
  *hash = hash_of((const char *)b.p, b.n);
  free(b.p);
  return true;
}

/* The recorded hash of a file: a line `HASH PATH`. 0: none. */
static uint64_t recorded_hash(const char *list, const char *path) {
  for (const char *p = list; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
    char *end;
    uint64_t h = strtoull(p, &end, 16);
    size_t n = strcspn(end, "\n");
    if (end > p && *end == ' ' && n == strlen(path) + 1 && !memcmp(end + 1, path, n - 1)) return h;
  }
  return 0;
}

static int refuse(const Project *p, const char *dir, const char *what) {
  Diag *d = diag_error(p->c, E_USAGE, 0, 1, "`%s` %s", dir, what);
  diag_help(p->c, d, "`-o` with a new folder, or `--force`, which replaces files of the project's names");
  return EXIT_USAGE;
}

/* Whether the project may be written there. */
static int check_folder(const Project *p, const char *dir) {
  Bytes list;
  char err[ERR_TEXT];
  const char *path = ctx_strf(p->c, "%s/%s", dir, LIST), *other = some_file(p->c, dir), *changed = NULL;
  if (!other) return EXIT_OK;
  if (!io_exists(path) || !io_read_all(path, &list, err))
    return refuse(p, dir, ctx_strf(p->c, "has files that are of no project of gradc, such as `%s`", other));
  const char *text = ctx_strf(p->c, "%.*s", (int)list.n, (const char *)list.p);
  free(list.p);
  for (int i = 0; i < p->n && !changed; i++) {
    const ProjectFile *f = &p->file[i];
    uint64_t now;
    if (!current_hash(ctx_strf(p->c, "%s/%s", dir, f->path), &now) || now == hash_of(f->text, f->n)) continue;
    if (now != recorded_hash(text, f->path)) changed = f->path;
  }
  return changed ? refuse(p, dir, ctx_strf(p->c, "has a `%s` that gradc did not write", changed)) : EXIT_OK;
}

int project_write(const Project *p, const char *dir, bool force) {
  int status = force ? EXIT_OK : check_folder(p, dir);
  if (status != EXIT_OK) return status;
  Str list = {.c = p->c};
  for (int i = 0; i < p->n; i++)
    str_printf(&list, "%016llx %s\n", (unsigned long long)hash_of(p->file[i].text, p->file[i].n), p->file[i].path);
  bool ok = make_folders(p->c, dir) && save_file(p->c, ctx_strf(p->c, "%s/%s", dir, LIST), list.s, list.n, 0);
  for (int i = 0; i < p->n && ok; i++) {
    const char *path = ctx_strf(p->c, "%s/%s", dir, p->file[i].path), *slash = strrchr(path, '/');
    ok = make_folders(p->c, ctx_strf(p->c, "%.*s", (int)(slash - path), path)) &&
         save_file(p->c, path, p->file[i].text, p->file[i].n, 0);
  }
  return ok ? EXIT_OK : EXIT_RESOURCES;
}
