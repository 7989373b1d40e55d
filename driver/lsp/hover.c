/* SPDX-License-Identifier: Apache-2.0 */
/* Hover: what is under the cursor, with its shape, its bytes and what it costs. */
#include "driver/lsp/server.h"
#include "ir/diag.h"
#include <string.h>

enum { MAX_PATH = AST_MAX_DEPTH };

/* 1234567 -> "1,234,567". */
static const char *grouped(Ctx *c, double x) {
  char *s = ctx_strf(c, "%.0f", x);
  int n = (int)strlen(s), k = 0;
  char *out = ctx_alloc(c, (size_t)(2 * n + 1));
  for (int i = 0; i < n; i++) {
    if (i && (n - i) % 3 == 0) out[k++] = ',';
    out[k++] = s[i];
  }
  return out;
}

typedef struct Hover {
  Str code, notes;
  Loc at;
  int len;
} Hover;

static void note(Hover *h, const char *text) {
  if (!*text) return;
  if (h->notes.n) str_puts(&h->notes, "\n\n");
  str_puts(&h->notes, text);
}

/* Adds a line unless it is there. */
static void put_line(Request *r, Hover *h, const char *name, const char *text) {
  const char *line = ctx_strf(r->c, "%s%s%s\n", name ? name : "", name ? ": " : "", text);
  if (!h->code.n || !strstr(h->code.s, line)) str_puts(&h->code, line);
}

/* The largest cost of the forms of an expression; 0: it was not seen. */
static double cost_of(Request *r, const Ast *a) {
  const ElabSeen *s;
  double most = 0;
  for (int i = 0; a && (s = analysis_seen(r->a, a->at, a->len, &i));)
    if (s->flops > most) most = s->flops;
  return most;
}

/* What a call costs without its arguments. */
static double own_cost(Request *r, const Ast *a) {
  double cost = cost_of(r, a);
  const Ast *call = a->kind == AST_PIPE ? a->kid[1] : a;
  if (a->kind == AST_PIPE) cost -= cost_of(r, a->kid[0]);
  for (int i = 1; call->kind == AST_CALL && i < call->n; i++)
    if (call->kid[i]) cost -= cost_of(r, call->kid[i]->kind == AST_NAMED ? call->kid[i]->kid[0] : call->kid[i]);
  return cost;
}

/* The forms that were seen of an expression, each on a line after `name: `; false: none. */
static bool put_seen(Request *r, Hover *h, const char *name, const Ast *a, double flops) {
  const ElabSeen *s;
  int i = 0, n = 0;
  for (; (s = analysis_seen(r->a, a->at, a->len, &i)); n++) {
    const char *size = s->bytes < 0 ? "" : ctx_strf(r->c, "  # %s bytes", grouped(r->c, (double)s->bytes));
    put_line(r, h, name, ctx_strf(r->c, "%s%s", s->text, size));
  }
  if (flops > 0) note(h, ctx_strf(r->c, "%s FLOPs%s", grouped(r->c, flops), n > 1 ? " at most" : ""));
  return n > 0;
}

/* An expression that was seen, by which the type of a symbol is known: a use of its name, else its value. */
static bool put_symbol_seen(Request *r, Hover *h, Symbol *s) {
  const Index *x = r->a->index;
  for (int i = 0; i < x->nuse; i++) {
    Ast name = {.at = x->use[i].at, .len = x->use[i].len};
    if (x->use[i].symbol == s && put_seen(r, h, s->name, &name, cost_of(r, &name))) return true;
  }
  const Ast *a = s->ast;
  bool bound = a->kind == AST_BIND && a->n == 2;
  const Ast *value = bound ? a->kid[1] : a->kind == AST_FIELD ? a->kid[1] : a->kind == AST_CONST ? a->kid[0] : NULL;
  return value && put_seen(r, h, s->name, value, cost_of(r, value));
}

static void put_symbol(Request *r, Hover *h, Symbol *s, Ctx *of) {
  bool library = of != r->a->c, declared = s->kind <= SY_DATA || s->kind == SY_PARAM || s->kind == SY_STATE ||
                                           s->kind == SY_FIELD || s->kind == SY_ARG;
  if (declared) {
    const char *signature = symbol_signature(of, s);
    if (strlen(signature) < 2000) put_line(r, h, NULL, signature);
  }
  if (!library && s->kind != SY_DEF && s->kind != SY_USE) put_symbol_seen(r, h, s);
  if (!h->code.n) put_line(r, h, NULL, s->name);
  const char *comment = symbol_comment(r->c, of, s);
  note(h, s->in && s->kind != SY_PARAM && s->kind != SY_STATE ? "" : comment);
  const char *place = s->in && s->in->name ? ctx_strf(r->c, " of `%s`", s->in->name) : "";
  const char *file = library || s->file != r->a->index->file[0] ? ctx_strf(r->c, ", %s", s->file->path) : "";
  note(h, ctx_strf(r->c, "%s%s%s", symbol_kind_name(s), place, file));
}

static Ctx *context_of(const Request *r, const Symbol *s) {
  const Index *l = r->a->index->library;
  for (int i = 0; l && i < l->nfile; i++)
    if (l->file[i] == s->file) return l->c;
  return r->a->c;
}

/* A function or a word of the compiler itself. */
static bool put_word(Request *r, Hover *h, const char *name) {
  const char *signature, *text;
  if (!library_word(name)) return false;
  bool said = library_doc(r->c, name, &signature, &text);
  if (!h->code.n) put_line(r, h, NULL, said ? signature : name);
  note(h, said ? text : "of the language");
  return true;
}

/* The innermost expression around the cursor that elaboration saw; of a called name, the call. */
static const Ast *seen_around(Request *r, bool called) {
  const Ast *path[MAX_PATH];
  int n = index_path(r->a->index->file[0]->ast, r->at, path, MAX_PATH);
  for (int i = n - 1; i >= 0; i--) {
    int k = 0;
    if (path[i]->kind <= AST_IF && analysis_seen(r->a, path[i]->at, path[i]->len, &k)) return path[i];
    if (path[i]->kind > AST_IF && !called) break;
  }
  return NULL;
}

static bool is_called(Request *r, const NameUse *u) {
  const Ast *path[MAX_PATH];
  int n = index_path(r->a->index->file[0]->ast, u->at, path, MAX_PATH);
  const Ast *up = n > 1 ? path[n - 2] : NULL;
  return up &&
         ((up->kind == AST_CALL && up->kid[0] == path[n - 1]) || (up->kind == AST_PIPE && up->kid[1] == path[n - 1]));
}

static bool put_name(Request *r, Hover *h, const NameUse *u) {
  h->at = u->at;
  h->len = u->len;
  if (u->symbol) {
    put_symbol(r, h, u->symbol, context_of(r, u->symbol));
  } else {
    Ast name = {.at = u->at, .len = u->len};
    bool word = put_word(r, h, u->name);
    if (!put_seen(r, h, u->name, &name, 0) && !word) return false;
  }
  if (!is_called(r, u)) return true;
  const Ast *call = seen_around(r, true);
  if (call) put_seen(r, h, "-> result", call, own_cost(r, call));
  return true;
}

static bool look(Request *r, Hover *h) {
  *h = (Hover){.code = {.c = r->c}, .notes = {.c = r->c}};
  const NameUse *u = index_use(r->a->index, r->at);
  if (u && put_name(r, h, u)) return true;
  const Ast *a = seen_around(r, false);
  if (!a || a->kind == AST_STR) return false;
  h->at = a->at;
  h->len = a->len;
  return put_seen(r, h, NULL, a, cost_of(r, a));
}

/* What a text has in common with an earlier one: so many bytes at its beginning and at its end. */
typedef struct Common {
  size_t first, last;
} Common;

static Common common_of(const char *a, size_t na, const char *b, size_t nb) {
  size_t most = na < nb ? na : nb;
  Common k = {0, 0};
  while (k.first < most && a[k.first] == b[k.first]) k.first++;
  while (k.last < most - k.first && a[na - 1 - k.last] == b[nb - 1 - k.last]) k.last++;
  return k;
}

/* Where the text does not parse, nothing of it has a type: then by the text before it that did, at a place that both
 * have. */
static bool look_before(Request *r, Hover *h) {
  const Analysis *now = r->a, *typed = r->d->typed;
  if (now->watch.nseen || !typed) return false;
  size_t n, at = r->at - now->start;
  const char *text = source_text(typed->c, typed->start, &n);
  Common k = common_of(text, n, r->d->text, r->d->n);
  if (at >= k.first && at < r->d->n - k.last) return false;
  Loc shift = typed->start + (at < k.first ? 0 : (Loc)(n - r->d->n)) - now->start;
  r->a = typed;
  r->at += shift;
  bool found = look(r, h);
  r->a = now;
  r->at -= shift;
  h->at -= shift;
  return found;
}

bool request_hover(Request *r) {
  Hover h;
  if (!look_before(r, &h) && !look(r, &h)) {
    str_puts(&r->out, "null");
    return true;
  }
  str_puts(&r->out, "{\"contents\":{\"kind\":\"markdown\",\"value\":");
  str_json(&r->out, ctx_strf(r->c, "```nn\n%s```%s%s", h.code.s, h.notes.n ? "\n\n" : "", h.notes.n ? h.notes.s : ""));
  str_puts(&r->out, "},\"range\":");
  put_text_range(&r->out, r->a->c, h.at, h.at + (Loc)h.len);
  str_puts(&r->out, "}");
  return true;
}
