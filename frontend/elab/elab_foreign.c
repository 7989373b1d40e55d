/* SPDX-License-Identifier: Apache-2.0 */
/* Unknown names and arguments: what may be meant, also by the words of other languages and libraries (foreign.def). */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_scope.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/syntax/foreign.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 32 };

/* The names of a function's parameters; the number of them. */
static int parameters(Elab *e, const Fn *f, const char **word) {
  int n = 0;
  if (f->def)
    for (int i = 2; i < f->def->ast->n && n < MAX_WORDS; i++) word[n++] = f->def->ast->kid[i]->text;
  for (const char *s = f->intrinsic ? f->intrinsic->params : ""; *s && *s != '*' && n < MAX_WORDS;
       s += strspn(s, " ")) {
    size_t len = strcspn(s, " ");
    word[n++] = ctx_intern(e->c, s, len - (s[len - 1] == '?'));
    s += len;
  }
  return n;
}

/* The name of a function, with the parameters of a def. */
static const char *signature(Elab *e, const char *name) {
  const Item *it = el_item(e, e->cur.f ? e->cur.f->file : NULL, name);
  const Intrinsic *in = it ? NULL : el_intrinsic(name);
  const char *word[MAX_WORDS];
  int n = in ? parameters(e, &(Fn){.intrinsic = in}, word) : it && it->kind == IT_DEF ? it->ast->n - 2 : -1;
  if (n < 0) return name;
  Str s = {.c = e->c};
  str_printf(&s, "%s(", name);
  for (int i = 0; i < n; i++) str_printf(&s, i ? ", %s" : "%s", in ? word[i] : el_source(e, it->ast->kid[i + 2]));
  str_puts(&s, in && strchr(in->params, '*') ? ", ...)" : ")");
  return s.s;
}

static bool is_function(Elab *e, const char *name, const Ast *a) {
  Value v;
  return el_lookup(e, name, a, &v) && v.kind == V_FN;
}

/* A foreign name of an argument as one of these; NULL: none is meant. */
static const char *argument_here(const char *name, const char *const *words, int n) {
  const char *at = foreign_help(FOREIGN_ARG, name);
  for (size_t len; at && *at && *at != '='; at += len + (at[len] == ' ')) {
    len = strcspn(at, " ");
    for (int i = 0; i < n; i++)
      if (strlen(words[i]) == len && !memcmp(words[i], at, len)) return words[i];
  }
  for (int i = 0; i < n; i++)
    if (!strcmp(words[i], name)) return words[i];
  return NULL;
}

/* An argument that has no meaning here, such as `inplace`. */
static bool left_out(const char *name) {
  const char *help = foreign_help(FOREIGN_ARG, name), *at = help ? strchr(help, '=') : NULL;
  return at && !strncmp(at, "=leave it out", 13);
}

/* The bytes of s up to a comma or bracket that no bracket of s encloses; *eq: where an `=` names it, or 0. */
static size_t argument_length(const char *s, size_t *eq) {
  size_t n = 0;
  *eq = 0;
  for (int depth = 0; s[n] && s[n] != '\n'; n++) {
    if (!depth && (s[n] == ',' || s[n] == ')')) break;
    depth += (strchr("([{", s[n]) != NULL) - (strchr(")]}", s[n]) != NULL);
    if (!depth && !*eq && n && s[n] == '=' && s[n + 1] != '=' && !strchr("=<>!", s[n - 1])) *eq = n;
  }
  return n;
}

/* An argument's value: the words, strings and tuples of Python as they are written here. */
static const char *value_here(Ctx *c, const char *s, size_t n) {
  static const char *const words[][2] = {{"True", "true"}, {"False", "false"}, {"None", "none"}};
  while (n && *s == ' ') s++, n--;
  while (n && s[n - 1] == ' ') n--;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i][0]) == n && !memcmp(s, words[i][0], n)) return words[i][1];
  if (n > 2 && *s == '\'' && s[n - 1] == '\'') return ctx_strf(c, "\"%.*s\"", (int)n - 2, s + 1);
  bool tuple = n > 2 && *s == '(' && s[n - 1] == ')' && memchr(s, ',', n) && !memchr(s + 1, '(', n - 1);
  return ctx_strf(c, tuple ? "[%.*s]" : "%.*s", (int)(tuple ? n - 2 : n), s + tuple);
}

/* The arguments of a call as they are written for the function f, each after a comma; `first` are bound already. NULL:
 * they are long, or one of them has no place here. */
static const char *arguments_here(Elab *e, const Ast *callee, const Fn *f, int first) {
  enum { SHOWN = 72 };
  const char *s = source_part(e->c, callee->caret + (Loc)callee->caret_len, SHOWN), *word[MAX_WORDS], *name = NULL;
  int n = parameters(e, f, word);
  bool variadic = f->op || (f->intrinsic && strchr(f->intrinsic->params, '*'));
  Str out = {.c = e->c};
  if (*s != '(') return "";
  for (s++; *s && *s != ')'; first++) {
    size_t eq, len = argument_length(s, &eq);
    if (s[len] != ',' && s[len] != ')') return NULL;
    const char *value = value_here(e->c, s + eq + (eq > 0), len - eq - (eq > 0));
    const char *given = eq ? ctx_intern(e->c, s, strcspn(s, " =")) : NULL;
    if (given && !(name = argument_here(given, word, n)) && !left_out(given)) return NULL;
    if ((!eq && !variadic && first >= n) || foreign_module(value) || !*value) return NULL;
    if (!given || name) str_printf(&out, eq ? ", %s = %s" : ", %s%s", eq ? name : "", value);
    s += len + (s[len] == ',');
    s += strspn(s, " ");
  }
  return !*s ? NULL : out.s ? out.s : "";
}

/* The call of this function that is meant by a method of `owner`, or, without an owner, by a function of a module.
 * Arguments without a place here are `...` of a method; of a module's function the result is NULL. */
static const char *call_here(Elab *e, const Ast *a, const char *name, const char *owner) {
  Value v;
  const char *args = el_lookup(e, name, a, &v) ? arguments_here(e, a, v.fn, owner != NULL) : NULL;
  if (!owner) return args && *args ? ctx_strf(e->c, "%s(%s)", name, args + 2) : NULL;
  if (!args) return ctx_strf(e->c, "%s(%s, ...)", name, owner);
  if (!*args && !strcmp(name, "size")) return ctx_strf(e->c, "shape(%s)", owner); /* as x.size() does */
  bool of_two = !strcmp(name, "max") || !strcmp(name, "min"); /* max(x, 1); x.max(1) is along an axis */
  bool axis = of_two && *args && strchr("-0123456789", args[2]);
  return ctx_strf(e->c, axis ? "%s(%s, axes = %s)" : "%s(%s%s)", name, owner, args + (axis ? 2 : 0));
}

/* rows.csv, where "rows.csv" is meant. */
static bool is_file_name(const char *last) {
  static const char *const endings[] = {"csv", "npy", "npz", "txt", "json", "jsonl", "gz", "bin", "safetensors", "png"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (!strcmp(last, endings[i])) return true;
  return false;
}

/* x.relu_(), a method that changes its tensor. */
static bool help_in_place(Elab *e, Diag *d, const Ast *a, const char *last, const char *owner) {
  size_t n = strlen(last);
  if (n < 2 || last[n - 1] != '_' || last[n - 2] == '_') return false;
  const char *base = ctx_intern(e->c, last, n - 1), *help = foreign_name(e->c, base, owner);
  if (is_function(e, base, a))
    diag_help(e->c, d, "values are never changed in place: write %s = %s", owner, call_here(e, a, base, owner));
  else diag_help(e->c, d, "values are never changed in place: %s", help ? help : "bind the name again, `x = ...`");
  return true;
}

/* x.astype(np.float64) and the like: the element type that the argument names; NULL: it names none. */
static const char *converted(Elab *e, const Ast *callee, const char *method) {
  static const char *const methods[] = {"astype", "to", "type", "cast"};
  enum { SHOWN = 40 };
  const char *s = source_part(e->c, callee->caret + (Loc)callee->caret_len, SHOWN), *type = NULL;
  bool converts = false;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) converts |= !strcmp(method, methods[i]);
  if (!converts || *s != '(') return NULL;
  for (s++; *s && *s != ')' && *s != '\n';) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789");
    const char *word = n ? ctx_intern(e->c, s, n) : "", *here = foreign_help(FOREIGN_TYPE, word);
    if (dtype_find(word) >= 0) type = word;
    else if (here && dtype_find(here) >= 0) type = here;
    s += n ? n : 1;
  }
  return type;
}

/* #define NAME ..., which is a comment. */
static bool defined_in_comment(Elab *e, const Ast *a, const char *name) {
  size_t n, len = strlen(name);
  const char *s = source_text(e->c, source_plain(e->c, a->at), &n), *end = s + n;
  for (const char *at = s; (at = strstr(at, "#define ")) && at < end;) {
    at += strlen("#define ");
    if (!strncmp(at, name, len) && strchr(" (\n", at[len])) return true;
  }
  return false;
}

/* In this order: what the table of foreign words has for the name or its owner, the function of the same name without
 * its module, as a function instead of a method, or spelt alike; the nearest name. */
void el_help_name(Elab *e, Diag *d, const Ast *a, const char *name, const char *near) {
  const char *dot = strrchr(name, '.'), *last = dot ? ctx_name(e->c, dot + 1) : name, *same = el_same_name(e, last);
  const char *first = ctx_intern(e->c, name, strcspn(name, "."));
  bool module = foreign_module(name) && !(e->cur.f && scope_find(&e->cur.f->scope, first));
  const char *owner = dot && !module ? ctx_intern(e->c, name, (size_t)(dot - name)) : "x";
  const char *help = foreign_name(e->c, last, owner);
  if (!help && dot) help = foreign_name(e->c, first, "x");
  const char *type = dot && !module ? converted(e, a, last) : NULL, *alias = foreign_help(FOREIGN_ALIAS, last);
  if (alias && is_function(e, ctx_name(e->c, alias), a)) {
    const char *call = call_here(e, a, ctx_name(e->c, alias), dot && !module ? owner : NULL);
    diag_help(e->c, d, call ? "write `%s`" : "here it is `%s`", call ? call : signature(e, ctx_name(e->c, alias)));
  } else if (type) diag_help(e->c, d, "an element type converts: `%s(%s)`", type, owner);
  else if (help) diag_help(e->c, d, "%s", help);
  else if (!dot && defined_in_comment(e, a, name))
    diag_help(e->c, d, "`#` begins a comment: a constant is written `const %s = ...`", name);
  else if (dot && !module && help_in_place(e, d, a, last, owner)) return;
  else if (module && is_function(e, last, a) && (help = call_here(e, a, last, NULL)))
    diag_help(e->c, d, "write `%s`", help);
  else if (module && is_function(e, last, a)) diag_help(e->c, d, "here it is `%s`", signature(e, last));
  else if (dot && is_function(e, last, a))
    diag_help(e->c, d, "there are no methods: write %s", call_here(e, a, last, owner));
  else if (same) diag_help(e->c, d, "here it is `%s`", signature(e, same));
  else if (dot && is_file_name(last)) diag_help(e->c, d, "a path is written in quotes: \"%s\"", name);
  else if (near || (near = el_suggest(e, name))) diag_help(e->c, d, "did you mean `%s`?", near);
  else if (!dot && e->cur.f && e->cur.f->name)
    diag_help(e->c, d, "bind it first, `%s = ...`, or make it an argument of the def", name);
}

void el_help_number(Elab *e, Diag *d, Value text) {
  char *end;
  double v = strtod(text.s, &end);
  if (end == text.s) diag_help(e->c, d, "it is a number, not a word");
  else if (*end == '%') diag_help(e->c, d, "%g %% is %g, written without quotes", v, v / 100);
  else diag_help(e->c, d, "a number is written without quotes, as in %g", v);
}

static void help_argument(Elab *e, Diag *d, const char *name, const char *const *words, int n) {
  const char *at = foreign_help(FOREIGN_ARG, name), *near = argument_here(name, words, n);
  at = at ? strchr(at, '=') : NULL;
  if (!near && at) {
    diag_help(e->c, d, "%s", at + 1);
    return;
  }
  if (!near) near = diag_suggest(e->c, name, words, n);
  if (near) {
    diag_help(e->c, d, "did you mean `%s`?", near);
    return;
  }
  Str s = {.c = e->c};
  for (int i = 0; i < n; i++) str_printf(&s, i ? ", %s" : "%s", words[i]);
  if (n) diag_help(e->c, d, "its arguments are %s", s.s);
}

bool el_unknown_argument(Elab *e, const Call *k, const Arg *a, const char *const *words, int n) {
  Diag *d =
    el_error_at(e, E_UNKNOWN_ARG, a->at ? a->at : k->caret, a->len, "`%s` has no argument `%s`", k->name, a->name);
  help_argument(e, d, a->name, words, n);
  return false;
}

void el_check_argument_names(Elab *e, const Fn *f, const Call *k) {
  if (f->instance) f = f->instance->fn;
  const char *word[MAX_WORDS];
  int n = parameters(e, f, word);
  if (f->op || (f->intrinsic && strchr(f->intrinsic->params, '*'))) return;
  for (int i = 0; i < k->n; i++) {
    const Arg *a = &k->arg[i];
    int w = 0;
    while (a->name && w < n && word[w] != a->name) w++;
    if (a->name && w == n && !el_name_reported(e, a->name)) el_unknown_argument(e, k, a, word, n);
  }
}

/* Reported once per name, and once per statement. */
void el_unknown_name(Elab *e, const Ast *a, const char *name) {
  bool again = el_name_reported(e, name) || (e->stmt && e->stmt == e->unknown_in) ||
               (e->cur.f && e->cur.f->lacks_names) || (e->no_fields && !e->cur.f->name);
  e->unknown_in = e->stmt;
  if (again) return;
  const char *dot = strrchr(name, '.');
  Part part;
  if (dot && !foreign_help(FOREIGN_NAME, dot + 1) && el_part(e, a, &part) == PART_UNKNOWN) {
    el_unknown_part(e, a);
    return;
  }
  table_set(e->c, &e->unknown, name, 1);
  Diag *d = el_error(e, E_UNKNOWN_NAME, a, "unknown name `%s`", name);
  el_help_name(e, d, a, name, NULL);
}
