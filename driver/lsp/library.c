/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in files: their names, their documentation, and copies of them that an editor can open. */
#include "codegen/jit/jit_module.h"
#include "driver/driver.h"
#include "driver/lsp/server.h"
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/syntax/lex.h"
#include "lib/embed.h"
#include "runtime/io.h"
#include <string.h>

static void read_files(Ctx *c, void *arg) {
  Library *l = arg;
  l->index = index_make(c, 0, NULL, NULL, NULL, NULL);
  for (int i = 0; elab_builtin_files[i]; i++) {
    size_t n;
    const char *text = embed_text(elab_builtin_files[i], &n);
    if (text) index_add_file(l->index, source_add(c, elab_builtin_files[i], text, n), elab_builtin_files[i]);
  }
}

const Library *server_library(Server *s) {
  Library *l = &s->library;
  if (!l->c && (!(l->c = ctx_new()) || !ctx_try(l->c, read_files, l))) {
    ctx_free(l->c);
    *l = (Library){0};
  }
  return l->c ? l : NULL;
}

/* ---- docs/std.md: "- `name(arguments)`", then the text on a line of its own ---- */

static const char *end_of_line(const char *p, const char *end) {
  const char *q = memchr(p, '\n', (size_t)(end - p));
  return q ? q : end;
}

bool library_doc(Ctx *c, const char *name, const char **signature, const char **text) {
  size_t n, len = strlen(name);
  const char *page = embed_text("docs/std.md", &n), *end = page ? page + n : NULL;
  for (const char *line = page; page && line < end;) {
    const char *stop = end_of_line(line, end), *next = stop < end ? stop + 1 : end;
    bool row = stop - line > (ptrdiff_t)len + 4 && !memcmp(line, "- `", 3) && !memcmp(line + 3, name, len) &&
               strchr("(`", line[3 + len]);
    if (row) {
      const char *close = memchr(line + 3, '`', (size_t)(stop - line - 3)), *below = end_of_line(next, end);
      *signature = ctx_strf(c, "%.*s", close ? (int)(close - line - 3) : 0, line + 3);
      bool said = below - next > 2 && !memcmp(next, "  ", 2);
      *text = said ? ctx_strf(c, "%.*s", (int)(below - next - 2), next + 2) : "";
      return true;
    }
    line = next;
  }
  return false;
}

/* ---- copies ---- */

static const char *folder(Ctx *c) {
  const char *cache = jit_cache_folder(c);
  return cache ? ctx_strf(c, "%s/library-%s", cache, GRADC_VERSION) : NULL;
}

bool library_has(Ctx *c, const char *path) {
  const char *dir = folder(c);
  return dir && !strncmp(path, dir, strlen(dir)) && path[strlen(dir)] == '/';
}

static bool same_content(const char *path, const char *text, size_t n) {
  char err[ERR_TEXT];
  Bytes b;
  if (!io_exists(path) || !io_read_all(path, &b, err)) return false;
  bool same = b.n == n && !memcmp(b.p, text, n);
  rt_free(b.p);
  return same;
}

const char *library_path(Ctx *c, const char *name) {
  size_t n;
  const char *dir = folder(c), *text = embed_text(name, &n);
  if (!dir || !text) return NULL;
  const char *path = ctx_strf(c, "%s/%s", dir, name), *slash = strrchr(path, '/');
  if (same_content(path, text, n)) return path;
  DiagMark mark = diag_mark(c);
  bool ok = make_folders(c, ctx_strf(c, "%.*s", (int)(slash - path), path)) && save_file(c, path, text, n, 0444);
  diag_drop(c, &mark);
  return ok ? path : NULL;
}

/* ---- what the compiler itself defines ---- */

/* `and` is an op, but no name. */
static bool is_name(const char *word) {
  const char *k;
  for (int i = 0; (k = lex_keyword(i)); i++)
    if (!strcmp(k, word)) return false;
  return el_named_op(word) >= 0;
}

const char *library_words(int i) {
  static const char *const words[] = {"training", "inf", "nan", "pi", "none"};
  for (const Intrinsic *const *set = el_intrinsic_sets; *set; set++)
    for (const Intrinsic *in = *set; in->name; in++)
      if (i-- == 0) return in->name;
  for (int op = 1; op < OP_COUNT; op++)
    if (is_name(op_info[op].spelling) && i-- == 0) return op_info[op].spelling;
  for (int k = 0; run_scalars[k]; k++)
    if (i-- == 0) return run_scalars[k];
  for (size_t k = 0; k < sizeof words / sizeof *words; k++)
    if (i-- == 0) return words[k];
  return NULL;
}

bool library_word(const char *name) {
  const char *w;
  for (int i = 0; (w = library_words(i)); i++)
    if (!strcmp(w, name)) return true;
  return false;
}
