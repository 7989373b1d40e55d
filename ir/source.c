/* SPDX-License-Identifier: Apache-2.0 */
/* The source map: sources are consecutive ranges of Locs, which start at 1. */
#include "diag_state.h"
#include "utf8.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { SOURCE_MAX = 64 << 20 }; /* bytes a file: far above any program, below what would fill memory */

Loc source_add(Ctx *c, const char *name, const char *text, size_t n) {
  DiagState *d = diag_state(c);
  if (!d->next) d->next = 1;
  if (n >= LOC_WITHIN - d->next) ctx_abort(c);
  Source *s = VEC_PUSH(c, d->src, d->nsrc, d->capsrc);
  char *copy = ctx_alloc(c, n + 1);
  if (n) memcpy(copy, text, n);
  s->name = ctx_name(c, name);
  s->text = copy;
  s->n = n;
  s->start = d->next;
  d->next += (Loc)n + 1;
  return s->start;
}

/* Its text is empty. Repeated calls for one location do not grow the map. */
Loc source_at(Ctx *c, const char *file, int line, int col) {
  DiagState *d = diag_state(c);
  const char *name = ctx_name(c, file);
  for (int i = d->nsrc; i-- > 0 && i >= d->nsrc - 8;)
    if (d->src[i].name == name && d->src[i].at_line == line && d->src[i].at_col == col) return d->src[i].start;
  Loc at = source_add(c, file, "", 0);
  d->src[d->nsrc - 1].at_line = line;
  d->src[d->nsrc - 1].at_col = col;
  return at;
}

bool source_read(Ctx *c, const char *path, Loc *start) {
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  char *buf = NULL;
  size_t n = 0, cap = 0;
  errno = 0;
  for (;;) {
    if (n == cap) {
      buf = ctx_grow(c, buf, cap, cap ? 2 * cap : 1 << 16);
      cap = cap ? 2 * cap : 1 << 16;
    }
    size_t got = fread(buf + n, 1, cap - n, f);
    n += got;
    if (!got || n > SOURCE_MAX) break;
  }
  int err = n > SOURCE_MAX ? EFBIG : ferror(f) ? (errno ? errno : EIO) : 0;
  fclose(f);
  if (err) {
    errno = err;
    return false;
  }
  *start = source_add(c, path, buf, n);
  return true;
}

/* ---- scopes ---- */

static int *within_find(DiagState *d, Within w) {
  uint64_t h = hash_bytes(&w, sizeof w, 0);
  int *slot;
  do slot = &d->within_slot[h++ & (uint64_t)(d->nwithin_slot - 1)];
  while (*slot && (d->within[*slot - 1].at != w.at || d->within[*slot - 1].scope != w.scope));
  return slot;
}

static void within_grow(Ctx *c, DiagState *d) {
  d->nwithin_slot = d->nwithin_slot ? 2 * d->nwithin_slot : 256;
  d->within_slot = ctx_array(c, d->nwithin_slot, sizeof *d->within_slot);
  for (int i = 0; i < d->nwithin; i++) *within_find(d, d->within[i]) = i + 1;
}

Loc source_within(Ctx *c, Loc at, int scope) {
  DiagState *d = diag_state(c);
  Within w = {source_plain(c, at), scope};
  if (!at || !scope) return at;
  if (2 * d->nwithin >= d->nwithin_slot) within_grow(c, d);
  int *slot = within_find(d, w);
  if (!*slot) {
    *VEC_PUSH(c, d->within, d->nwithin, d->capwithin) = w;
    *slot = d->nwithin;
  }
  return LOC_WITHIN + (Loc)*slot - 1;
}

static const Within *within_of(Ctx *c, Loc at) {
  const DiagState *d = c->diag;
  return d && at >= LOC_WITHIN && at - LOC_WITHIN < (Loc)d->nwithin ? &d->within[at - LOC_WITHIN] : NULL;
}

int source_scope(Ctx *c, Loc at) {
  const Within *w = within_of(c, at);
  return w ? w->scope : 0;
}

Loc source_plain(Ctx *c, Loc at) {
  const Within *w = within_of(c, at);
  return w ? w->at : at;
}

/* ---- texts ---- */

const Source *source_of(Ctx *c, Loc at) {
  DiagState *d = diag_state(c);
  at = source_plain(c, at);
  if (!at || at >= d->next) return NULL;
  int lo = 0, hi = d->nsrc;
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (d->src[mid].start <= at) lo = mid;
    else hi = mid;
  }
  return &d->src[lo];
}

const char *source_text(Ctx *c, Loc start, size_t *n) {
  const Source *s = source_of(c, start);
  *n = s ? s->n : 0;
  return s ? s->text : "";
}

const char *source_of_number(Ctx *c, int i, const char **text, size_t *n) {
  const DiagState *d = diag_state(c);
  if (i >= d->nsrc) return NULL;
  *text = d->src[i].text;
  *n = d->src[i].n;
  return d->src[i].name;
}

const char *source_part(Ctx *c, Loc at, int len) {
  at = source_plain(c, at);
  const Source *s = source_of(c, at);
  size_t left = s ? s->n - (at - s->start) : 0;
  return ctx_strf(c, "%.*s", (size_t)len < left ? len : (int)left, s ? s->text + (at - s->start) : "");
}

int source_word(Ctx *c, Loc at) {
  at = source_plain(c, at);
  const Source *s = source_of(c, at);
  size_t n = 0, max = s ? s->n - (at - s->start) : 0;
  while (n < max && (isalnum((unsigned char)s->text[at - s->start + n]) || s->text[at - s->start + n] == '_')) n++;
  return n ? (int)n : 1;
}

static void lines_find(Ctx *c, Source *s) {
  *VEC_PUSH(c, s->line, s->nline, s->capline) = 0;
  for (size_t i = 0; i < s->n; i++)
    if (s->text[i] == '\n') *VEC_PUSH(c, s->line, s->nline, s->capline) = (uint32_t)i + 1;
}

int source_line(Ctx *c, const Source *s, Loc at) {
  at = source_plain(c, at);
  if (!s->line) lines_find(c, (Source *)s);
  uint32_t off = at - s->start;
  int lo = 0, hi = s->nline;
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (s->line[mid] <= off) lo = mid;
    else hi = mid;
  }
  return lo;
}

const char *source_line_text(Ctx *c, const Source *s, int line, size_t *n) {
  if (!s->line) lines_find(c, (Source *)s);
  size_t from = s->line[line], to = line + 1 < s->nline ? s->line[line + 1] - 1 : s->n;
  if (to > from && s->text[to - 1] == '\r') to--;
  *n = to - from;
  return s->text + from;
}

SourcePos source_pos(Ctx *c, Loc at) {
  at = source_plain(c, at);
  const Source *s = source_of(c, at);
  if (!s) return (SourcePos){"", 0, 0};
  if (s->at_line) return (SourcePos){s->name, s->at_line, s->at_col};
  int line = source_line(c, s, at), col = 1, used, width;
  size_t off = at - s->start;
  for (size_t i = s->line[line]; i < off; i += (size_t)used, col++) utf8_step(s->text + i, off - i, &used, &width);
  return (SourcePos){s->name, line + 1, col};
}
