// SPDX-License-Identifier: Apache-2.0
/* Parts of one structure become one def. Integers in which they differ are sizes of its operands, if an axis of an
 * operand has the same value in each part, what is computed from those, or static arguments. */
#include "import/program.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS = 4 }; /* static ones of a def; parts that differ in more become several defs */

/* A group in a form that does not depend on names; equal texts: groups of one structure. */
typedef struct Form {
  Group *g;
  Str text;
  int64_t *v;        /* its integers, in the order of the text */
  const char **word; /* by integer: the argument that it is the value of, "stride"; "" */
  bool *axis;        /* by integer: an axis of an operand */
  int n, cap, capa, capw, na, nw;
  const char *text_key;
} Form;

typedef struct Maker {
  const Program *p;
  Ctx *c;
  Defs defs;
  int *local;   /* by thing: 1 + its number in the form that is being made */
  Import names; /* of defs */
} Maker;

/* ---- forms ---- */

static void put_int(Form *f, const char *text, const char *argument, bool axis) {
  Ctx *c = f->text.c;
  str_puts(&f->text, "#");
  *VEC_PUSH(c, f->axis, f->na, f->capa) = axis;
  *VEC_PUSH(c, f->word, f->nw, f->capw) = argument;
  *VEC_PUSH(c, f->v, f->n, f->cap) = strtoll(text, NULL, 10);
}

/* "…, stride = ": stride. */
static const char *argument_before(Ctx *c, const char *text) {
  size_t n = strlen(text), k = 0;
  if (n < 4 || strcmp(text + n - 3, " = ")) return "";
  while (k < n - 3 && (isalnum((unsigned char)text[n - 4 - k]) || text[n - 4 - k] == '_')) k++;
  return ctx_intern(c, text + n - 3 - k, k);
}

static void put_type(Maker *m, Form *f, const char *type, bool operand) {
  if (!type) return str_puts(&f->text, "any;");
  Pieces p = pieces_of(m->c, type, NULL, NULL);
  for (int i = 0; i < p.n; i++) {
    const char *last = i ? p.p[i - 1].text : "", *next = i + 1 < p.n ? p.p[i + 1].text : "";
    char before = *last ? last[strlen(last) - 1] : 0;
    bool axis = (before == '[' || before == ' ') && (*next == ',' || *next == ']');
    if (p.p[i].kind != PIECE_INT) str_puts(&f->text, p.p[i].text);
    else put_int(f, p.p[i].text, i == 1 && !operand ? "out" : "", axis && operand);
  }
  str_puts(&f->text, ";");
}

static void name_thing(Maker *m, int thing, int *n) { m->local[thing] = ++*n; }

static void put_line(Maker *m, Form *f, int line, int *n) {
  const Pieces *p = &m->p->piece[line];
  for (int i = 0; i < p->n; i++) {
    const Piece *q = &p->p[i];
    if (q->kind == PIECE_TEXT) str_puts(&f->text, q->text);
    else if (q->kind == PIECE_THING) str_printf(&f->text, "$%d", m->local[q->thing]);
    else put_int(f, q->text, i ? argument_before(m->c, p->p[i - 1].text) : "", false);
  }
  name_thing(m, m->p->nin + m->p->nweight + line, n);
  str_puts(&f->text, "\n");
}

static void put_call(Maker *m, Form *f, const Group *g, int *n) {
  str_printf(&f->text, "%s(", g->def->name);
  for (int i = 0; i < g->nin; i++) str_printf(&f->text, "$%d,", m->local[g->in[i]]);
  for (int i = g->def->nshape; i < g->def->nvar; i++) put_int(f, g->arg[i - g->def->nshape], g->def->var[i], false);
  str_puts(&f->text, ")\n");
  for (int i = 0; i < g->nout; i++) name_thing(m, g->out[i], n);
}

static Form form_of(Maker *m, Group *g) {
  Form f = {.g = g, .text = {.c = m->c}};
  int n = 0;
  for (int i = 0; i < g->nin; i++) {
    put_type(m, &f, m->p->thing[g->in[i]].type, true);
    name_thing(m, g->in[i], &n);
  }
  for (int i = 0; i < g->nweight; i++) {
    const Thing *t = &m->p->thing[g->weight[i]];
    str_puts(&f.text, m->p->weight[t->at].param ? "param " : "state ");
    put_type(m, &f, t->type, false);
    name_thing(m, g->weight[i], &n);
  }
  for (int i = 0; i < g->nunit; i++)
    if (g->unit[i].group) put_call(m, &f, g->unit[i].group, &n);
    else put_line(m, &f, g->unit[i].line, &n);
  for (int i = 0; i < g->nout; i++) str_printf(&f.text, "->$%d", m->local[g->out[i]]);
  f.text_key = ctx_name(m->c, f.text.s ? f.text.s : "");
  return f;
}

/* ---- what stands for integers that differ ---- */

typedef struct Union {
  Maker *m;
  Form **form;
  int n;
  Def *def;
  int *first; /* by variable: an integer that it stands for */
} Union;

static bool same_column(const Union *u, int a, int b) {
  for (int i = 0; i < u->n; i++)
    if (u->form[i]->v[a] != u->form[i]->v[b]) return false;
  return true;
}

static bool is_fixed(const Union *u, int k) {
  for (int i = 1; i < u->n; i++)
    if (u->form[i]->v[k] != u->form[0]->v[k]) return false;
  return true;
}

static bool is_product(int64_t a, int64_t b, int64_t r) {
  int64_t v;
  return !__builtin_mul_overflow(a, b, &v) && v == r;
}

/* A factor or divisor between column k and a variable, or a product of two; NULL: none. */
static const char *computed(const Union *u, int k) {
  const Def *d = u->def;
  for (int a = 0; a < d->nvar; a++) {
    int64_t x = u->form[0]->v[u->first[a]], y = u->form[0]->v[k];
    bool times = x > 0 && y % x == 0, part = y > 0 && x % y == 0;
    for (int i = 1; i < u->n && (times || part); i++) {
      int64_t xi = u->form[i]->v[u->first[a]], yi = u->form[i]->v[k];
      times = times && is_product(xi, y / x, yi);
      part = part && is_product(yi, x / y, xi);
    }
    if (times) return ctx_strf(u->m->c, "%lld * %s", (long long)(y / x), d->var[a]);
    if (part) return ctx_strf(u->m->c, "%s // %lld", d->var[a], (long long)(x / y));
  }
  for (int a = 0; a < d->nvar; a++)
    for (int b = a; b < d->nvar; b++) {
      bool product = true;
      for (int i = 0; i < u->n; i++)
        product &= is_product(u->form[i]->v[u->first[a]], u->form[i]->v[u->first[b]], u->form[i]->v[k]);
      if (product) return ctx_strf(u->m->c, "%s * %s", d->var[a], d->var[b]);
    }
  return NULL;
}

static const char *variable_of(const Union *u, int k) {
  for (int a = 0; a < u->def->nvar; a++)
    if (same_column(u, u->first[a], k)) return u->def->var[a];
  return NULL;
}

static bool is_taken(const Def *d, const char *name) {
  for (int i = 0; i < d->nvar; i++)
    if (!strcmp(d->var[i], name)) return true;
  return false;
}

static void add_variable(Union *u, int k, const char *name) {
  Def *d = u->def;
  const char *one = *name ? name : "n";
  for (int i = 2; is_taken(d, one); i++) one = ctx_strf(u->m->c, "%s%d", *name ? name : "n", i);
  u->first[d->nvar] = k;
  d->var[d->nvar++] = one;
}

/* The letters of axes, by rank. */
static const char *axis_name(Ctx *c, const char *type, int axis) {
  static const char *const letters[] = {"D", "D", "BD", "BTD", "BCHW", "BCTHW"};
  int rank = 1;
  for (const char *p = type; *p; p++) rank += *p == ',';
  if (rank > 5 || axis >= rank) return "N";
  return ctx_strf(c, "%c", letters[rank][axis]);
}

static void find_sizes(Union *u) {
  const Form *f = u->form[0];
  const Group *g = f->g;
  for (int i = 0, k = 0; i < g->nin; i++) {
    const char *type = u->m->p->thing[g->in[i]].type;
    Pieces p = pieces_of(u->m->c, type ? type : "", NULL, NULL);
    for (int q = 0, axis = 0; q < p.n; q++) {
      if (p.p[q].kind == PIECE_INT) {
        if (f->axis[k] && !is_fixed(u, k) && !variable_of(u, k)) add_variable(u, k, axis_name(u->m->c, type, axis));
        k++;
      } else {
        for (const char *s = p.p[q].text; *s; s++) axis += *s == ',';
      }
    }
  }
  u->def->nshape = u->def->nvar;
}

/* What stands in place of each integer; false: it takes too many arguments. */
static bool find_texts(Union *u) {
  Def *d = u->def;
  const Form *f = u->form[0];
  for (int k = 0; k < f->n; k++) {
    const char *text = variable_of(u, k);
    if (is_fixed(u, k)) text = ctx_strf(u->m->c, "%lld", (long long)f->v[k]);
    if (!text && (text = computed(u, k)) != NULL) text = f->axis[k] ? text : ctx_strf(u->m->c, "(%s)", text);
    if (!text) {
      if (d->nvar - d->nshape == ARGUMENTS) return false;
      add_variable(u, k, f->word[k]);
      text = d->var[d->nvar - 1];
    }
    d->text[k] = text;
  }
  d->ntext = f->n;
  return true;
}

/* ---- names ---- */

/* "BasicBlock", "layer.0", "block_3": basic_block, layer, block. */
static const char *plain_name(Ctx *c, const char *s) {
  Str b = {.c = c};
  for (size_t i = 0; s[i]; i++) {
    bool hump =
      i && isupper((unsigned char)s[i]) &&
      (islower((unsigned char)s[i - 1]) || (isupper((unsigned char)s[i - 1]) && islower((unsigned char)s[i + 1])));
    if (hump) str_puts(&b, "_");
    str_printf(&b, "%c", isalnum((unsigned char)s[i]) ? tolower((unsigned char)s[i]) : '_');
  }
  while (b.n && strchr("_0123456789", b.s[b.n - 1])) b.s[--b.n] = 0;
  const char *start = b.n ? b.s + strspn(b.s, "_0123456789") : "";
  return *start ? start : "block";
}

const char *group_path(Ctx *c, const Group *g) {
  Str b = {.c = c};
  for (int i = 0; i < g->depth; i++) str_printf(&b, "%s%s", i ? "." : "", g->path[i]);
  return b.s ? b.s : "";
}

static const char *def_name(Maker *m, const Group *g) {
  const char *full = group_path(m->c, g), *class = program_class(m->p, full);
  const char *last = g->depth ? g->path[g->depth - 1] : "", *dot = strrchr(last, '.');
  if (!g->up) return "model";
  while (dot && isdigit((unsigned char)dot[1])) { /* without the number */
    last = ctx_intern(m->c, last, (size_t)(dot - last));
    dot = strrchr(last, '.');
  }
  return import_name(&m->names, plain_name(m->c, class ? class : dot ? dot + 1 : last), "block");
}

/* ---- defs ---- */

static const char **values_of(Maker *m, const Union *u, int form) {
  const Def *d = u->def;
  const char **arg = ctx_array(m->c, d->nvar - d->nshape, sizeof *arg);
  for (int i = d->nshape; i < d->nvar; i++)
    arg[i - d->nshape] = ctx_strf(m->c, "%lld", (long long)u->form[form]->v[u->first[i]]);
  return arg;
}

static bool make_def(Maker *m, Form **form, int n) {
  int nint = form[0]->n;
  Def *d = ctx_alloc(m->c, sizeof *d);
  Union u = {.m = m, .form = form, .n = n, .def = d};
  d->var = ctx_array(m->c, nint, sizeof *d->var);
  d->text = ctx_array(m->c, nint, sizeof *d->text);
  u.first = ctx_array(m->c, nint, sizeof *u.first);
  find_sizes(&u);
  if (!find_texts(&u)) return false;
  d->of = ctx_array(m->c, n, sizeof *d->of);
  d->name = def_name(m, form[0]->g);
  for (int i = 0; i < n; i++) {
    Group *g = d->of[d->nof++] = form[i]->g;
    g->def = d;
    g->arg = values_of(m, &u, i);
  }
  *VEC_PUSH(m->c, m->defs.def, m->defs.n, m->defs.cap) = d;
  return true;
}

/* Those of forms with the same integers, one def for each. */
static void make_equal(Maker *m, Form **form, int n) {
  Form **some = ctx_array(m->c, n, sizeof *some);
  for (int i = 0; i < n; i++) {
    int k = 0;
    if (form[i]->g->def) continue;
    for (int j = i; j < n; j++)
      if (!memcmp(form[i]->v, form[j]->v, (size_t)form[i]->n * sizeof *form[i]->v)) some[k++] = form[j];
    make_def(m, some, k);
  }
}

static void add_height(Group *g, int height, Group ***list, int *n, int *cap, Ctx *c) {
  for (int i = 0; i < g->nunit; i++)
    if (g->unit[i].group) add_height(g->unit[i].group, height, list, n, cap, c);
  if (g->height == height) *VEC_PUSH(c, *list, *n, *cap) = g;
}

Defs program_defs(const Program *p, Group *root) {
  Maker m = {.p = p, .c = p->c, .names = {.c = p->c}};
  m.local = ctx_array(p->c, p->nthing, sizeof *m.local);
  for (int i = 0; i < p->nin; i++) import_name(&m.names, p->thing[i].name, "x");
  for (int height = 0; height <= root->height; height++) {
    Group **g = NULL;
    int n = 0, cap = 0;
    add_height(root, height, &g, &n, &cap, p->c);
    Form *form = ctx_array(p->c, n, sizeof *form), **some = ctx_array(p->c, n, sizeof *some);
    for (int i = 0; i < n; i++) form[i] = form_of(&m, g[i]);
    for (int i = 0; i < n; i++) {
      int k = 0;
      if (g[i]->def) continue;
      for (int j = i; j < n; j++)
        if (form[j].text_key == form[i].text_key && !g[j]->def) some[k++] = &form[j];
      if (!make_def(&m, some, k)) make_equal(&m, some, k);
    }
  }
  return m.defs;
}
