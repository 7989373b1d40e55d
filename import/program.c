// SPDX-License-Identifier: Apache-2.0
/* The lines of an import with what they refer to, and one program of several that differ in a size. */
#include "import/program.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts in pieces ---- */

static bool is_word(int c) { return isalnum(c) || c == '_' || c == '.'; }

/* Length of the integer at p; 0: none begins there. */
static size_t integer_at(const char *all, const char *p) {
  size_t n = strspn(p, "0123456789");
  if (!n || n >= 18 || (p > all && is_word((unsigned char)p[-1])) || is_word((unsigned char)p[n])) return 0;
  if (p > all + 2 && strchr("+-", p[-1]) && p[-2] == 'e' && isdigit((unsigned char)p[-3])) return 0; /* 1e-5 */
  return n;
}

/* Length of the name at p that is neither a member nor the name of an argument; 0: none begins there. */
static size_t name_at(const char *all, const char *p) {
  size_t n = 0;
  if (isdigit((unsigned char)*p) || (p > all && is_word((unsigned char)p[-1]))) return 0;
  while (isalnum((unsigned char)p[n]) || p[n] == '_') n++;
  bool argument = !strncmp(p + n, " = ", 3);
  return argument ? 0 : n;
}

static void add_piece(Ctx *c, Pieces *to, PieceKind kind, const char *s, size_t n, int thing) {
  if (n) *VEC_PUSH(c, to->p, to->n, to->cap) = (Piece){kind, thing, ctx_intern(c, s, n)};
}

Pieces pieces_of(Ctx *c, const char *text, int (*thing)(void *, const char *), void *user) {
  Pieces to = {.n = 0};
  const char *start = text;
  for (const char *p = text; *p;) {
    size_t quoted = *p == '"' ? strcspn(p + 1, "\"") + 2 : 0, n = quoted ? 0 : integer_at(text, p);
    size_t word = quoted || n || !thing ? 0 : name_at(text, p);
    int found = word ? thing(user, ctx_intern(c, p, word)) : -1;
    size_t skip = quoted ? quoted : n ? n : word ? word : 1;
    if (quoted > strlen(p)) skip = strlen(p);
    if (n || found >= 0) {
      add_piece(c, &to, PIECE_TEXT, start, (size_t)(p - start), 0);
      add_piece(c, &to, n ? PIECE_INT : PIECE_THING, p, skip, found);
      start = p + skip;
    }
    p += skip;
  }
  add_piece(c, &to, PIECE_TEXT, start, strlen(start), 0);
  return to;
}

/* ---- one program ---- */

/* Things by the address of their name. */
typedef struct Table {
  const Program *p;
  int *at; /* 1 + thing */
  size_t cap;
} Table;

static int find_thing(void *user, const char *name) {
  const Table *t = user;
  size_t i = (size_t)hash_bytes(&name, sizeof name, 0) % t->cap;
  while (t->at[i] && t->p->thing[t->at[i] - 1].name != name) i = (i + 1) % t->cap;
  return t->at[i] - 1;
}

static Table table_of(const Program *p) {
  Table t = {.p = p, .cap = 2 * (size_t)p->nthing + 16};
  t.at = ctx_array(p->c, (int)t.cap, sizeof *t.at);
  for (int k = 0; k < p->nthing; k++) {
    size_t i = (size_t)hash_bytes(&p->thing[k].name, sizeof p->thing[k].name, 0) % t.cap;
    while (t.at[i] && p->thing[t.at[i] - 1].name != p->thing[k].name) i = (i + 1) % t.cap;
    t.at[i] = k + 1;
  }
  return t;
}

static void find_pieces(Program *p, const char *const *result) {
  Table t = table_of(p);
  p->piece = ctx_array(p->c, p->nline, sizeof *p->piece);
  p->result = ctx_array(p->c, p->nresult, sizeof *p->result);
  for (int i = 0; i < p->nline; i++) p->piece[i] = pieces_of(p->c, p->line[i].text, find_thing, &t);
  for (int i = 0; i < p->nresult; i++) p->result[i] = pieces_of(p->c, result[i], find_thing, &t);
}

Program program_of(Import *m) {
  Program p = {.c = m->c, .nin = m->nin, .nweight = m->nweight, .nline = m->nline, .nresult = m->nout};
  p.nthing = p.nin + p.nweight + p.nline;
  p.thing = ctx_array(m->c, p.nthing, sizeof *p.thing);
  p.line = m->line;
  Thing *t = p.thing;
  for (int i = 0; i < m->nin; i++) {
    Value *v = m->in[i].v;
    *t++ = (Thing){ctx_name(m->c, v->text), type_of(m->c, &v->s), THING_INPUT, i};
  }
  for (int i = 0; i < m->nweight; i++)
    *t++ = (Thing){ctx_name(m->c, m->weight[i].name), type_of(m->c, &m->weight[i].v->s), THING_WEIGHT, i};

  for (int i = 0; i < m->nline; i++) *t++ = (Thing){m->line[i].name, m->line[i].type, THING_LINE, i};
  const char **result = ctx_array(m->c, m->nout, sizeof *result);
  for (int i = 0; i < m->nout; i++) result[i] = onnx_text(m, m->out[i].v);
  p.weight = m->weight;
  find_pieces(&p, result);
  return p;
}

/* ---- one program of several ---- */

/* a * name + b with the values v at the sizes; false: there is no such form. */
static bool put_linear(Str *b, const char *name, const int64_t *size, const int64_t *v) {
  int64_t step = size[1] - size[0], a = (v[1] - v[0]) / step, more = v[0] - a * size[0];
  for (int i = 0; i < OPEN_SIZES; i++)
    if (v[i] != a * size[i] + more) return false;
  if (a == 1 && !more) str_puts(b, name);
  else if (!more) str_printf(b, "(%lld * %s)", (long long)a, name);
  else if (a == 1) str_printf(b, "(%s + %lld)", name, (long long)more);
  else str_printf(b, "(%lld * %s + %lld)", (long long)a, name, (long long)more);
  return true;
}

typedef struct Merge {
  Ctx *c;
  const char *name;
  const int64_t *size;
  bool used, failed;
} Merge;

/* One text of those of the imports, in which integers may differ. */
static const char *merge(Merge *m, const char *const *text) {
  Pieces p[OPEN_SIZES];
  bool equal = true;
  for (int i = 1; i < OPEN_SIZES; i++)
    equal &= (!text[0] && !text[i]) || (text[0] && text[i] && !strcmp(text[0], text[i]));
  if (equal || m->failed) return text[0];
  for (int i = 0; i < OPEN_SIZES; i++) {
    if (!text[i]) return m->failed = true, text[0];
    p[i] = pieces_of(m->c, text[i], NULL, NULL);
    m->failed |= p[i].n != p[0].n;
  }
  Str b = {.c = m->c};
  for (int k = 0; k < p[0].n && !m->failed; k++) {
    int64_t v[OPEN_SIZES];
    bool same = true;
    for (int i = 0; i < OPEN_SIZES; i++) {
      v[i] = strtoll(p[i].p[k].text, NULL, 10);
      same &= p[i].p[k].text == p[0].p[k].text;
      m->failed |= p[i].p[k].kind != p[0].p[k].kind;
    }
    if (same) str_puts(&b, p[0].p[k].text);
    else if (p[0].p[k].kind != PIECE_INT || !put_linear(&b, m->name, m->size, v)) m->failed = true;
  }
  m->used = true;
  return b.s ? b.s : "";
}

static const char *joined(Ctx *c, const Pieces *p) {
  Str b = {.c = c};
  for (int i = 0; i < p->n; i++) str_puts(&b, p->p[i].text);
  return b.s ? b.s : "";
}

bool program_open(Program *to, const Program *p, const int64_t *size, const char *name, bool *used) {
  Merge m = {p[0].c, name, size, false, false};
  const char *text[OPEN_SIZES], **result = ctx_array(m.c, p[0].nresult, sizeof *result);
  *to = p[0];
  to->thing = ctx_array(m.c, to->nthing, sizeof *to->thing);
  to->line = ctx_array(m.c, to->nline, sizeof *to->line);
  for (int i = 1; i < OPEN_SIZES; i++)
    if (p[i].nthing != to->nthing || p[i].nline != to->nline || p[i].nresult != to->nresult) return false;
  for (int k = 0; k < to->nthing; k++) {
    to->thing[k] = p[0].thing[k];
    for (int i = 0; i < OPEN_SIZES; i++) {
      text[i] = p[i].thing[k].type;
      m.failed |= p[i].thing[k].name != to->thing[k].name;
    }
    to->thing[k].type = merge(&m, text);
  }
  for (int k = 0; k < to->nline; k++) {
    to->line[k] = p[0].line[k];
    for (int i = 0; i < OPEN_SIZES; i++) text[i] = p[i].line[k].text;
    to->line[k].text = merge(&m, text);
  }
  for (int k = 0; k < to->nresult; k++) {
    for (int i = 0; i < OPEN_SIZES; i++) text[i] = joined(m.c, &p[i].result[k]);
    result[k] = merge(&m, text);
  }
  *used = m.used;
  to->open = name;
  if (!m.failed) find_pieces(to, result);
  return !m.failed;
}
