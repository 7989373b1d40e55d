// SPDX-License-Identifier: Apache-2.0
/* Names within a def: what is read by people, so without paths and, in a def of several modules, without numbers. */
#include "import/print.h"
#include <ctype.h>
#include <string.h>

/* The last part of a node's name; NULL: it has no parts. */
static const char *last_part(const char *name) {
  const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
  return slash ? slash + 1 : dot ? dot + 1 : NULL;
}

static const char *lower(Ctx *c, const char *s, bool numbers) {
  Str b = {.c = c};
  for (; *s; s++) str_printf(&b, "%c", isalnum((unsigned char)*s) ? tolower((unsigned char)*s) : '_');
  while (!numbers && b.n && strchr("_0123456789", b.s[b.n - 1])) b.s[--b.n] = 0;
  return b.n ? b.s : "y";
}

/* Names that exporters make up. */
static bool says_nothing(const char *name) {
  static const char *const made[] = {"val", "getitem", "t", "y", "tmp", "output", "result", "tensor", "op"};
  size_t n = strcspn(name, "_0123456789");
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    if (strlen(made[i]) == n && !strncmp(name, made[i], n)) return name[n + strspn(name + n, "_0123456789")] == 0;
  return name[strspn(name, "_0123456789")] == 0;
}

/* The modules within the def's that a line is of, "query"; NULL: none. */
static const char *inner_module(Printer *t, int line) {
  Str b = {.c = t->c};
  const char *outer = group_path(t->c, t->g);
  size_t n = strlen(outer);
  for (const char *const *p = t->p->path[line]; *p; p++) str_printf(&b, "%s%s", b.n ? "." : "", *p);
  if (!b.n || (n && strncmp(b.s, outer, n)) || !b.s[n] || (n && b.s[n] != '.')) return NULL;
  return import_word(t->c, b.s + n + (n > 0));
}

/* The same, of the last line of that module. */
static const char *module_result(Printer *t, int unit) {
  const char *own = inner_module(t, t->g->unit[unit].line);
  for (int i = unit + 1; own && i < t->g->nunit; i++) {
    const char *next = t->g->unit[i].group ? NULL : inner_module(t, t->g->unit[i].line);
    if (next && !strcmp(own, next)) return NULL;
  }
  return own;
}

/* The module in the def's that reads a weight first; NULL: it is the def's own. */
static const char *reader_module(Printer *t, int thing) {
  for (int i = 0; i < t->g->nunit; i++) {
    const Pieces *text = t->g->unit[i].group ? NULL : &t->p->piece[t->g->unit[i].line];
    for (int k = 0; text && k < text->n; k++)
      if (text->p[k].kind == PIECE_THING && text->p[k].thing == thing) return inner_module(t, t->g->unit[i].line);
  }
  return NULL;
}

/* What the value of a line is called: in a def of its own as in ONNX. */
static const char *line_name(Printer *t, const Line *l, bool shared) {
  const char *part = last_part(l->node);
  if (!l->type) return lower(t->c, l->name, false);
  if (part) return lower(t->c, part, false);
  if (!shared) return l->name;
  return says_nothing(l->name) && *l->op ? lower(t->c, l->op, false) : lower(t->c, l->name, false);
}

/* A weight's name without that of the module. */
static const char *weight_name(Printer *t, int thing, const char *path) {
  const ImportWeight *w = &t->p->weight[t->p->thing[thing].at];
  const char *name = w->v->onnx, *module, *made = w->param ? "weight" : "constant";
  size_t n = strlen(path), k = strlen(w->name);
  bool first = k > 6 && !strcmp(w->name + k - 6, "_first"), step = k > 5 && !strcmp(w->name + k - 5, "_step");
  if (!t->g->up) return w->name;
  if (n && !strncmp(name, path, n) && name[n] == '.') name += n + 1;
  else if (strchr(name, ':') || says_nothing(name))
    name = (module = reader_module(t, thing)) != NULL ? ctx_strf(t->c, "%s_%s", module, made) : made;
  const char *word = import_word(t->c, name);
  return first || step ? ctx_strf(t->c, "%s_%s", word, first ? "first" : "step") : word;
}

static void reserve(Printer *t, const char *name) {
  if (name) import_name(&t->names, name, "x");
}

void print_names(Printer *t) {
  const Group *g = t->g;
  const Program *p = t->p;
  const char *path = group_path(t->c, g);
  bool shared = t->def->nof > 1, first = true;
  t->names = (Import){.c = t->c};
  for (int i = 0; i < t->defs->n; i++) reserve(t, t->defs->def[i]->name);
  for (int i = 0; i < t->def->nvar; i++) reserve(t, t->def->var[i]);
  reserve(t, p->open);
  reserve(t, "i");
  for (int i = 0; !g->up && i < p->nin; i++) t->local[i] = import_name(&t->names, p->thing[i].name, "x");
  for (int i = 0; g->up && i < g->nin; i++) {
    const Thing *x = &p->thing[g->in[i]];
    const char *name = first && x->kind != THING_WEIGHT ? "x" : lower(t->c, x->name, false);
    if (strcmp(name, "x") && x->kind == THING_LINE) name = line_name(t, &p->line[x->at], true);
    if (!strcmp(name, "x")) first = false;
    t->local[g->in[i]] = import_name(&t->names, name, "x");
  }
  for (int i = 0; i < g->nweight; i++)
    t->local[g->weight[i]] = import_name(&t->names, weight_name(t, g->weight[i], path), "weight");
  for (int i = 0; i < g->nunit; i++) {
    const Group *kid = g->unit[i].group;
    int line = p->nin + p->nweight + g->unit[i].line;
    const char *module = kid || !g->up ? NULL : module_result(t, i);
    if (module) t->local[line] = import_name(&t->names, lower(t->c, module, true), "y");
    else if (!kid) t->local[line] = import_name(&t->names, line_name(t, &p->line[g->unit[i].line], shared), "y");
    for (int k = 0; kid && k < kid->nout; k++)
      t->local[kid->out[k]] =
        import_name(&t->names, kid->nout == 1 ? "h" : line_name(t, &p->line[p->thing[kid->out[k]].at], true), "y");
  }
}
