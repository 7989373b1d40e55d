/* SPDX-License-Identifier: Apache-2.0 */
/* Completion. A text that is being typed rarely parses, so the tokens before the cursor say where it stands, and names
 * come from the text with the statement under the cursor closed. */
#include "driver/lsp/server.h"
#include "frontend/parse.h"
#include "frontend/syntax/lex.h"
#include "ir/diag.h"
#include "ir/type.h"
#include <ctype.h>
#include <string.h>

enum { K_FUNCTION = 3, K_FIELD = 5, K_VARIABLE = 6, K_MODULE = 9, K_PROPERTY = 10, K_KEYWORD = 14, K_CONSTANT = 21 };
enum { MAX_OPEN = 512 };

typedef struct Place {
  size_t from;         /* where the word under the cursor begins */
  int block;           /* TK_DEF, TK_DATA, … of the block around it; 0: none, the file */
  bool first;          /* of a statement */
  bool type, hint;     /* after `:`, after `@` */
  bool none;           /* in a comment, a string or a number */
  const Token *callee; /* the name before the innermost open `(`; NULL */
  int given;           /* index of the first token after that bracket */
  char open[MAX_OPEN]; /* round and square brackets of the statement */
  int nopen;
} Place;

typedef struct Items {
  Request *r;
  int n;
  const char **seen;
  int nseen, capseen;
} Items;

static void put(Items *it, const char *name, const char *insert, int kind, const char *detail, int rank) {
  for (int i = 0; i < it->nseen; i++)
    if (!strcmp(it->seen[i], name)) return;
  *VEC_PUSH(it->r->c, it->seen, it->nseen, it->capseen) = name;
  Str *out = &it->r->out;
  str_puts(out, it->n++ ? ",{\"label\":" : "{\"label\":");
  str_json(out, name);
  str_printf(out, ",\"kind\":%d,\"sortText\":\"%d%s\"", kind, rank, name);
  if (detail && *detail) {
    str_puts(out, ",\"detail\":");
    str_json(out, detail);
  }
  if (insert) {
    str_puts(out, ",\"insertText\":");
    str_json(out, insert);
  }
  str_puts(out, "}");
}

/* ---- where the cursor stands ---- */

static char char_of(const Tokens *ts, const Token *t) { return t->len ? ts->src[t->at - ts->start] : 0; }

static const Token *before(const Tokens *ts, int k) {
  for (k--; k >= 0; k--)
    if (ts->t[k].kind != TK_COMMENT && (ts->t[k].kind != TK_NEWLINE || !ts->t[k].soft)) return &ts->t[k];
  return NULL;
}

static bool is_head(int kind) {
  return kind == TK_DEF || kind == TK_DATA || kind == TK_TRAIN || kind == TK_TARGET || kind == TK_TEST;
}

/* Brackets without a partner are BAD tokens, so the text says what they are. */
static void look(const Tokens *ts, Place *p) {
  int callee[MAX_OPEN] = {0}, braces = 0, head = 0;
  for (int k = 0; k < ts->n - 1; k++) {
    const Token *t = &ts->t[k];
    char ch = t->kind == TK_BAD || lex_opens(t->kind) || lex_closes(t->kind) ? char_of(ts, t) : 0;
    if (t->len != 1 && t->kind != TK_HINTCALL) ch = 0;
    if (t->kind == TK_HINTCALL) ch = '(';
    if (!braces && is_head(t->kind) && !p->nopen) head = t->kind;
    if (ch == '{') {
      if (!braces++) p->block = head;
      p->nopen = 0;
    } else if (ch == '}') {
      if (braces && !--braces) p->block = 0;
      p->nopen = 0;
    } else if ((ch == '(' || ch == '[') && p->nopen < MAX_OPEN) {
      const Token *name = before(ts, k);
      callee[p->nopen] = ch == '(' && name && name->kind == TK_NAME ? k : -1;
      p->open[p->nopen++] = ch;
    } else if ((ch == ')' || ch == ']') && p->nopen) {
      p->nopen--;
    }
  }
  const Token *last = before(ts, ts->n - 1);
  p->first = !last || last->kind == TK_NEWLINE || last->kind == TK_LBRACE || char_of(ts, last) == '{';
  p->first &= !p->nopen;
  p->type = last && last->kind == TK_COLON && (p->block != TK_TRAIN || !p->nopen) && (!p->nopen || p->open[0] == '(');
  int at = p->nopen && p->open[p->nopen - 1] == '(' ? callee[p->nopen - 1] : -1;
  p->callee = at >= 0 ? before(ts, at) : NULL;
  p->given = at + 1;
}

static bool in_word(char ch) { return isalnum((unsigned char)ch) || ch == '_'; }

static const Tokens *place_of(Request *r, const char *text, size_t at, Place *p) {
  *p = (Place){.from = at};
  while (p->from && in_word(text[p->from - 1])) p->from--;
  p->none = p->from < at && isdigit((unsigned char)text[p->from]);
  p->hint = p->from && text[p->from - 1] == '@' && (p->from < 2 || strchr(" \t\n", text[p->from - 2]));
  const Tokens *ts = lex_source(r->c, source_add(r->c, "", text, p->from));
  const Token *last = ts->n > 1 ? &ts->t[ts->n - 2] : NULL;
  bool touches = last && last->at + (Loc)last->len == ts->start + (Loc)p->from;
  if (last && last->kind == TK_COMMENT &&
      !memchr(text + (last->at - ts->start), '\n', p->from - (last->at - ts->start)))
    p->none = true;
  if (last && last->kind == TK_BAD && char_of(ts, last) == '"') p->none = true;
  if (touches && last->kind == TK_DOT) p->none = true;
  look(ts, p);
  return ts;
}

/* ---- names that are seen there ---- */

static Loc no_file(void *user, Ctx *c, const char *path) {
  (void)user, (void)c, (void)path;
  return 0;
}

/* The text with a name in the place of the word; if that does not balance, with the brackets of the statement closed
 * and without the rest of its line. */
static Index *index_at(Request *r, const Place *p, size_t to, bool close) {
  Str s = {.c = r->c};
  const char *text = r->d->text;
  str_put(&s, text, p->from);
  str_puts(&s, "__");
  if (close) {
    for (int i = p->nopen; i-- > 0;) str_puts(&s, p->open[i] == '(' ? ")" : "]");
    while (to < r->d->n && text[to] != '\n') to++;
  }
  str_put(&s, text + to, r->d->n - to);
  Loc start = source_add(r->c, r->d->path, s.s, s.n);
  const Library *l = server_library(r->s);
  if (!close && lex_source(r->c, start)->nbroken) return NULL;
  return index_make(r->c, start, r->d->path, l ? l->index : NULL, no_file, NULL);
}

static const char *detail_of(Request *r, const Symbol *s, Ctx *of) {
  if (s->kind != SY_DEF && s->kind != SY_ARG && s->kind != SY_CONST) return symbol_kind_name(s);
  const char *text = symbol_signature(of, s);
  return ctx_strf(r->c, "%.*s", (int)strcspn(text, "\n") > 200 ? 200 : (int)strcspn(text, "\n"), text);
}

static int kind_of(const Symbol *s) {
  switch (s->kind) {
  case SY_DEF: return K_FUNCTION;
  case SY_CONST:
  case SY_DIM:
  case SY_SIZE: return K_CONSTANT;
  case SY_USE:
  case SY_DATA: return K_MODULE;
  case SY_FIELD: return K_FIELD;
  default: return K_VARIABLE;
  }
}

static void put_symbols(Items *it, Symbol *const *s, int n, Ctx *of, int rank) {
  for (int i = 0; i < n; i++)
    if (s[i]->name && s[i]->name[0] != '_' && s[i]->kind != SY_SECTION)
      put(it, s[i]->name, NULL, kind_of(s[i]), detail_of(it->r, s[i], of), rank);
}

static void put_fields(Items *it, const Index *x, const Symbol *section) {
  for (int i = 0; i < x->nsymbol; i++) {
    Symbol *s = x->symbol[i];
    for (int k = 0; k < x->nuse && s->kind == SY_DATA; k++)
      if (x->use[k].symbol == s && x->use[k].in == section) {
        put_symbols(it, s->kid, s->nkid, x->c, 1);
        break;
      }
  }
}

static void put_names(Items *it, const Index *x, Loc at) {
  Request *r = it->r;
  Symbol *in = index_scope(x, at);
  for (int i = 0; in && i < x->nsymbol; i++)
    if (x->symbol[i]->in == in && x->symbol[i]->kind != SY_SETTING && x->symbol[i]->at < at)
      put_symbols(it, &x->symbol[i], 1, x->c, 1);
  if (in) put_fields(it, x, in);
  put_symbols(it, x->item, x->nitem, x->c, 2);
  const Index *now = r->a->index; /* imports */
  put_symbols(it, now->item, now->nitem, now->c, 2);
  if (x->library) put_symbols(it, x->library->item, x->library->nitem, x->library->c, 3);
  const char *w, *signature, *text;
  for (int i = 0; (w = library_words(i)); i++)
    put(it, w, NULL, K_FUNCTION, library_doc(r->c, w, &signature, &text) ? signature : "", 3);
}

static void put_words(Items *it, const char *const *words, int kind, int rank) {
  for (int i = 0; words[i]; i++) put(it, words[i], NULL, kind, NULL, rank);
}

/* Arguments before the cursor that have no name; the operand of a pipe is one. */
static int positional(const Tokens *ts, const Place *p) {
  const Token *pipe = before(ts, p->given - 2);
  int n = pipe && pipe->kind == TK_PIPE, depth = 0;
  bool named = false;
  for (int k = p->given; k < ts->n - 1; k++) {
    char ch = char_of(ts, &ts->t[k]);
    if (ts->t[k].len == 1) depth += ch == '(' || ch == '[';
    if (ts->t[k].len == 1) depth -= ch == ')' || ch == ']';
    if (!depth && ts->t[k].kind == TK_EQ) named = true;
    if (!depth && ts->t[k].kind == TK_COMMA) n += !named, named = false;
  }
  return n;
}

static bool is_given(const Tokens *ts, const Place *p, const char *name) {
  for (int k = p->given; k + 1 < ts->n; k++)
    if (ts->t[k].kind == TK_NAME && ts->t[k + 1].kind == TK_EQ && !strcmp(ts->t[k].text, name)) return true;
  return false;
}

/* Arguments of what is called, by name. */
static void put_arguments(Items *it, const Index *x, const Tokens *ts, const Place *p, Loc at) {
  Symbol *f = NULL, *in = index_scope(x, at);
  for (int i = 0; in && i < x->nsymbol; i++)
    if (x->symbol[i]->in == in && !strcmp(x->symbol[i]->name, p->callee->text)) f = x->symbol[i];
  if (!f) f = index_item(x, p->callee->text);
  if (!f) f = index_item(it->r->a->index, p->callee->text);
  if (f && f->kind != SY_DEF) f = f->callee;
  for (int i = positional(ts, p); f && i < f->nkid; i++) {
    const char *name = f->kid[i]->name;
    Ctx *of = x->library && f->file != x->file[0] ? x->library->c : x->c;
    for (int k = 0; k < it->r->a->index->nfile; k++)
      if (it->r->a->index->file[k] == f->file) of = it->r->a->c;
    const Ast *a = f->kid[i]->ast;
    if (is_given(ts, p, name)) continue;
    const char *detail = source_part(of, a->at, a->len);
    put(it, ctx_strf(it->r->c, "%s =", name), ctx_strf(it->r->c, "%s = ", name), K_PROPERTY, detail, 0);
  }
}

static void put_settings(Items *it, const char *section) {
  const char *set;
  for (int i = 0; (set = elab_setting(section, i)); i++)
    put(it, set, ctx_strf(it->r->c, "%s = ", set), K_PROPERTY, ctx_strf(it->r->c, "setting of %s", section), 0);
}

static void put_types(Items *it) {
  static const char *const types[] = {"float", "int", "any", "bool", "str", "list", "fn", "shape", NULL};
  for (int i = 0; i < DT_COUNT; i++) put(it, dtype_info[i].name, NULL, K_KEYWORD, NULL, 0);
  put_words(it, types, K_KEYWORD, 0);
}

static void put_all(Items *it, const Tokens *ts, const Place *p, size_t to) {
  static const char *const items[] = {"def",  "export def", "use",    "const", "dim", "import",
                                      "data", "train",      "target", "test",  NULL};
  static const char *const statements[] = {"param", "state", "use", "for", "if", "assert", NULL};
  static const char *const values[] = {"true", "false", "if", "not", NULL};
  const char *h;
  for (int i = 0; p->hint && (h = elab_hint(i)); i++) put(it, h, NULL, K_KEYWORD, "hint", 0);
  if (p->hint) return;
  if (p->type) {
    put_types(it);
    return;
  }
  if (!p->block && p->first) {
    put_words(it, items, K_KEYWORD, 0);
    return;
  }
  Index *x = index_at(it->r, p, to, false);
  if (!x) x = index_at(it->r, p, to, true);
  Loc at = x->file[0]->start + (Loc)p->from;
  if (p->callee) put_arguments(it, x, ts, p, at);
  if (p->first && p->block == TK_DATA) put_settings(it, "data");
  if (p->first && p->block == TK_TRAIN) put_settings(it, "train");
  if (p->first && p->block == TK_TARGET) put_settings(it, "target");
  put_names(it, x, at);
  put_words(it, p->first ? statements : values, K_KEYWORD, 4);
}

bool request_completion(Request *r) {
  Place p;
  size_t at = r->at - r->a->start;
  const Tokens *ts = place_of(r, r->d->text, at, &p);
  Items it = {.r = r};
  str_puts(&r->out, "{\"isIncomplete\":false,\"items\":[");
  if (!p.none) put_all(&it, ts, &p, at);
  str_puts(&r->out, "]}");
  return true;
}
