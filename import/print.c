// SPDX-License-Identifier: Apache-2.0
/* Defs: a value that only the next line reads stands in that line, and calls in a chain become a loop. */
#include "import/print.h"
#include <ctype.h>
#include <string.h>

enum { WIDTH = 100, COMMENT = 120 };

/* A value that is not printed so far. */
typedef struct Pending {
  int thing; /* -1: none */
  const char *text, *comment;
} Pending;

/* ---- texts ---- */

/* A name or a number, called or indexed. */
static bool is_atom(const char *s) {
  int depth = 0;
  if (!isalnum((unsigned char)*s) && *s != '_') return false;
  for (; *s; s++) {
    if (strchr("([", *s)) depth++;
    else if (strchr(")]", *s)) depth--;
    else if (!depth && !isalnum((unsigned char)*s) && !strchr("_.", *s)) return false;
  }
  return true;
}

/* How its operators outside of brackets bind: 3 none, 2 those of products, 1 those of sums, 0 others. */
static int level_of(const char *s) {
  int depth = 0, level = is_atom(s) ? 3 : *s == '-' || !strncmp(s, "not ", 4) ? 0 : 2;
  for (; *s && level; s++) {
    size_t quoted = *s == '"' ? strcspn(s + 1, "\"") + 1 : 0;
    depth += strchr("([", *s) ? 1 : strchr(")]", *s) ? -1 : 0;
    if (!*(s += quoted)) break;
    if (depth || *s != ' ') continue;
    size_t n = strcspn(s + 1, " ");
    bool sum = n == 1 && strchr("+-", s[1]), product = (n == 1 && strchr("*/@", s[1])) || !strncmp(s, " // ", 4);
    level = sum ? 1 : product ? level : 0;
    s += n + 1;
    if (!*s) break;
  }
  return level;
}

/* Whether a value can stand between two texts without brackets. */
static bool can_stand(const char *value, const char *before, const char *after) {
  size_t n = strlen(before);
  bool start = !n || strchr("([", before[n - 1]) || (n > 1 && !strcmp(before + n - 2, ", ")) ||
               (n > 2 && !strcmp(before + n - 3, " = "));
  bool alone = start && (!*after || strchr(",)]", *after));
  bool sum = !*after || strchr(",)]", *after) || !strncmp(after, " + ", 3) || !strncmp(after, " - ", 3);
  bool product = !strncmp(after, " * ", 3) || !strncmp(after, " / ", 3) || !strncmp(after, " @ ", 3);
  bool added = n > 2 && (!strcmp(before + n - 3, " + ") || !strcmp(before + n - 3, " - "));
  int level = level_of(value);
  if (level == 3 || alone) return true;
  if (level == 2) return (start && (sum || product)) || (added && sum);
  return level == 1 && start && sum;
}

static const char *text_with(Printer *t, const Pieces *p, const Pending *in) {
  Str b = {.c = t->c};
  for (int i = 0; i < p->n; i++) {
    const Piece *q = &p->p[i];
    const char *before = i && p->p[i - 1].kind == PIECE_TEXT ? p->p[i - 1].text : "";
    const char *after = i + 1 < p->n ? p->p[i + 1].text : "";
    if (q->kind == PIECE_TEXT) str_puts(&b, q->text);
    else if (q->kind == PIECE_INT) str_puts(&b, t->def->text[t->integer++]);
    else if (q->thing != in->thing) str_puts(&b, t->local[q->thing]);
    else str_printf(&b, can_stand(in->text, before, after) ? "%s" : "(%s)", in->text);
  }
  return b.s ? b.s : "";
}

const char *print_text(Printer *t, const Pieces *p) { return text_with(t, p, &(Pending){.thing = -1}); }

/* The def's integers in a type. */
static const char *thing_type(Printer *t, const char *type) {
  if (!type || !strcmp(type, "bool")) return "any";
  Pieces p = pieces_of(t->c, type, NULL, NULL);
  return print_text(t, &p);
}

static const char *call_with(Printer *t, const Group *g, const Pending *in) {
  Str b = {.c = t->c};
  str_printf(&b, "%s(", g->def->name);
  for (int i = 0; i < g->nin; i++)
    str_printf(&b, "%s%s", i ? ", " : "", g->in[i] == in->thing ? in->text : t->local[g->in[i]]);
  for (int i = g->def->nshape; i < g->def->nvar; i++)
    str_printf(&b, ", %s = %s", g->def->var[i], t->def->text[t->integer++]);
  str_puts(&b, ")");
  return b.s;
}

/* ---- statements ---- */

static void put_line(Printer *t, const char *names, const char *text, const char *comment) {
  size_t n = strlen(names) + strlen(text) + strlen(comment) + 11;
  if (*comment && n > COMMENT) str_printf(&t->b, "    # %s\n", comment);
  str_printf(&t->b, "    %s%s%s", names, *names ? " = " : "", text);
  if (*comment && n <= COMMENT) str_printf(&t->b, "  # %s", comment);
  str_puts(&t->b, "\n");
}

static void flush(Printer *t, Pending *in) {
  if (in->thing >= 0) put_line(t, t->local[in->thing], in->text, in->comment);
  in->thing = -1;
}

/* The node's name; in a def of several modules without theirs. */
static const char *comment_of(Printer *t, const Line *l) {
  const char *name = l->node, *word = t->g->depth ? t->g->path[t->g->depth - 1] : "";
  for (int i = 0; i < 2 && t->def->nof > 1 && *word; i++) {
    const char *inner = ctx_strf(t->c, i ? "/%s/" : ".%s.", word), *at = strstr(name, inner);
    if (at) name = at + strlen(inner);
  }
  Str b = {.c = t->c};
  for (const char *p = name; *p; p++) str_printf(&b, "%c", *p >= ' ' && *p <= '~' ? *p : '_');
  return b.s ? b.s : "";
}

static bool reads_pending(const Unit *u, const Program *p, int thing) {
  const Pieces *text = u->group ? NULL : &p->piece[u->line];
  for (int i = 0; text && i < text->n; i++)
    if (text->p[i].kind == PIECE_THING && text->p[i].thing == thing) return true;
  for (int i = 0; u->group && i < u->group->nin; i++)
    if (u->group->in[i] == thing) return true;
  return false;
}

static const char *unit_text(Printer *t, const Unit *u, const Pending *in) {
  return u->group ? call_with(t, u->group, in) : text_with(t, &t->p->piece[u->line], in);
}

static const char *joined(Ctx *c, const char *a, const char *b) {
  return !*a ? b : !*b ? a : ctx_strf(c, "%s, %s", a, b);
}

/* Prints the unit, or keeps its value for the next one. */
static void put_unit(Printer *t, const Unit *u, Pending *in) {
  const char *comment = u->group ? "" : comment_of(t, &t->p->line[u->line]);
  int integer = t->integer;
  if (in->thing >= 0 && !reads_pending(u, t->p, in->thing)) flush(t, in);
  const char *text = unit_text(t, u, in), *all = in->thing >= 0 ? joined(t->c, in->comment, comment) : comment;
  if (in->thing >= 0 && (strlen(text) > WIDTH - 20 || strlen(text) + strlen(all) > COMMENT - 20)) {
    flush(t, in);
    t->integer = integer;
    text = unit_text(t, u, in);
    all = comment;
  }
  if (u->group && u->group->nout != 1) {
    Str names = {.c = t->c};
    for (int i = 0; i < u->group->nout; i++) str_printf(&names, "%s%s", i ? ", " : "", t->local[u->group->out[i]]);
    in->thing = -1;
    return put_line(t, names.s ? names.s : "", text, all);
  }
  int thing = u->group ? u->group->out[0] : t->p->nin + t->p->nweight + u->line;
  *in = (Pending){thing, text, all};
  if (t->reads[thing] != 1) flush(t, in);
}

/* ---- chains of calls ---- */

/* The operand of call b that is the result of call a, if all else is the same; -1: none. */
static int link_of(const Printer *t, const Unit *a, const Unit *b) {
  const Group *x = a->group, *y = b->group;
  int at = -1;
  if (!x || !y || x->def != y->def || x->nout != 1 || t->reads[x->out[0]] != 1) return -1;
  for (int i = 0; i < y->nin; i++) {
    if (y->in[i] == x->out[0] && at < 0) at = i;
    else if (y->in[i] != x->in[i]) return -1;
  }
  for (int i = 0; i < x->def->nvar - x->def->nshape; i++)
    if (strcmp(x->arg[i], y->arg[i])) return -1;
  return at;
}

/* Prints the chain that begins at unit i; returns its length, 0: there is none. */
static int put_chain(Printer *t, int i, Pending *in) {
  const Group *g = t->g;
  int n = 1, link = -1;
  for (; i + n < g->nunit; n++) {
    int at = link_of(t, &g->unit[i + n - 1], &g->unit[i + n]);
    if (at < 0 || (link >= 0 && at != link)) break;
    link = at;
  }
  if (n < 2) return 0;
  const Group *first = g->unit[i].group;
  const int last_out = g->unit[i + n - 1].group->out[0];
  const char *name = t->local[last_out];
  int start = first->in[link], integer = t->integer;
  if (in->thing == start) {
    put_line(t, name, in->text, in->comment);
  } else {
    flush(t, in);
    bool last = t->reads[start] == 1; /* nothing else reads it, so it can change */
    if (last) name = t->local[last_out] = t->local[start];
    else put_line(t, name, t->local[start], "");
  }
  in->thing = -1;
  int arguments = first->def->nvar - first->def->nshape;
  const char *call = call_with(t, first, &(Pending){.thing = start, .text = name});
  t->integer = integer + n * arguments;
  put_line(t, "", ctx_strf(t->c, "for i in 0..%d { %s = %s }", n, name, call), "");
  return n;
}

/* ---- a def ---- */

static void count_reads(Printer *t) {
  const Group *g = t->g;
  const Program *p = t->p;
  memset(t->reads, 0, (size_t)p->nthing * sizeof *t->reads);
  for (int i = 0; i < g->nunit; i++) {
    const Group *kid = g->unit[i].group;
    const Pieces *text = kid ? NULL : &p->piece[g->unit[i].line];
    for (int k = 0; text && k < text->n; k++)
      if (text->p[k].kind == PIECE_THING) t->reads[text->p[k].thing]++;
    for (int k = 0; kid && k < kid->nin; k++) t->reads[kid->in[k]]++;
  }
  for (int i = 0; g->up && i < g->nout; i++) t->reads[g->out[i]]++;
  for (int i = 0; !g->up && i < p->nresult; i++)
    for (int k = 0; k < p->result[i].n; k++)
      if (p->result[i].p[k].kind == PIECE_THING) t->reads[p->result[i].p[k].thing]++;
}

/* In a def of several modules: which they are. */
static void put_modules(Printer *t) {
  enum { MOST = 3 };
  const Def *d = t->def;
  if (!t->g->up) return;
  str_puts(&t->b, "# ");
  for (int i = 0; i < d->nof && i < MOST; i++) {
    const char *path = group_path(t->c, d->of[i]);
    str_puts(&t->b, i ? ", " : "");
    for (; *path; path++) str_printf(&t->b, "%c", *path >= ' ' && *path <= '~' ? *path : '_');
  }
  if (d->nof > MOST) str_printf(&t->b, " and %d more", d->nof - MOST);
  str_puts(&t->b, "\n");
}

static void put_signature(Printer *t) {
  const Group *g = t->g;
  const Program *p = t->p;
  str_printf(&t->b, "def %s(", t->def->name);
  for (int i = 0; i < g->nin; i++) {
    const char *type = thing_type(t, p->thing[g->in[i]].type);
    if (g->up) str_printf(&t->b, "%s%s: %s", i ? ", " : "", t->local[g->in[i]], type);
  }
  for (int i = 0; !g->up && i < p->nin; i++)
    str_printf(&t->b, "%s%s: %s", i ? ", " : "", t->local[i], p->thing[i].type);
  for (int i = t->def->nshape; i < t->def->nvar; i++) str_printf(&t->b, ", %s: int", t->def->var[i]);
  str_puts(&t->b, ") {\n");
}

static void put_weights(Printer *t) {
  const Group *g = t->g;
  for (int i = 0; i < g->nweight; i++) {
    const Thing *w = &t->p->thing[g->weight[i]];
    const char *kind = t->p->weight[w->at].param ? "param" : "state";
    str_printf(&t->b, "    %s %s: %s = 0\n", kind, t->local[g->weight[i]], thing_type(t, w->type));
  }
}

static void put_results(Printer *t, Pending *in) {
  const Group *g = t->g;
  const Program *p = t->p;
  int n = g->up ? g->nout : p->nresult;
  int only = n != 1 ? -1 : g->up ? g->out[0] : p->result[0].n == 1 ? p->result[0].p[0].thing : -1;
  if (in->thing >= 0 && in->thing == only && (g->up || p->result[0].p[0].kind == PIECE_THING))
    return put_line(t, "", in->text, in->comment);
  flush(t, in);
  str_puts(&t->b, n == 1 ? "    " : "    [");
  for (int i = 0; i < n; i++) {
    str_puts(&t->b, i ? ", " : "");
    if (g->up) str_puts(&t->b, t->local[g->out[i]]);
    for (int k = 0; !g->up && k < p->result[i].n; k++) {
      const Piece *q = &p->result[i].p[k];
      str_puts(&t->b, q->kind == PIECE_THING ? t->local[q->thing] : q->text);
    }
  }
  str_puts(&t->b, n == 1 ? "\n" : "]\n");
}

void print_def(Printer *t, const Def *d) {
  Pending in = {.thing = -1};
  t->def = d;
  t->g = d->of[0];
  t->integer = 0;
  print_names(t);
  count_reads(t);
  put_modules(t);
  put_signature(t);
  put_weights(t);
  for (int i = 0; i < t->g->nunit;) {
    int n = put_chain(t, i, &in);
    if (!n) put_unit(t, &t->g->unit[i], &in);
    i += n ? n : 1;
  }
  put_results(t, &in);
  str_puts(&t->b, "}\n\n");
}
