// SPDX-License-Identifier: Apache-2.0
/* The parts of a program that become defs: one for each module whose lines can be moved together, that is, if none of
 * them needs a line from outside that needs another of them. */
#include "import/program.h"
#include <string.h>

enum { LEAST = 3, MOST_LINES = 10000, MOST_DEPTH = 16 }; /* LEAST: lines that a def saves the reader */

typedef struct Outline {
  const Program *p;
  Ctx *c;
  const char *const **path; /* by line */
  int *unit;                /* by line: its unit in the group that is being divided; -1: none */
} Outline;

/* A module in the group that is being divided, or a line of its own. */
typedef struct Part {
  const char *word; /* NULL: a line */
  int *line;
  int n, cap;
  char mark; /* of the walk: 1 on the way, 2 done */
} Part;
typedef struct Division {
  Outline *o;
  Part *part;
  int n, cap;
  int *order; /* parts, each after those that it reads */
  int norder;
  int *stack, nstack;
  int cycle; /* a module that must be divided; -1: none */
} Division;

static const Thing *line_of(const Program *p, const Piece *q) {
  return q->kind == PIECE_THING && p->thing[q->thing].kind == THING_LINE ? &p->thing[q->thing] : NULL;
}

/* ---- order ---- */

static void visit(Division *d, int at);

static void visit_line(Division *d, int line, int from) {
  const Program *p = d->o->p;
  for (int i = 0; i < p->piece[line].n && d->cycle < 0; i++) {
    const Thing *t = line_of(p, &p->piece[line].p[i]);
    int to = t ? d->o->unit[t->at] : -1;
    if (to >= 0 && to != from) visit(d, to);
  }
}

/* The smallest module on the way back to `at`. */
static int smallest(const Division *d, int at) {
  int best = -1;
  for (int i = d->nstack - 1; i >= 0; i--) {
    const Part *part = &d->part[d->stack[i]];
    if (part->word && (best < 0 || part->n < d->part[best].n)) best = d->stack[i];
    if (d->stack[i] == at) break;
  }
  return best;
}

static void visit(Division *d, int at) {
  Part *part = &d->part[at];
  if (part->mark == 2 || d->cycle >= 0) return;
  if (part->mark == 1) {
    d->cycle = smallest(d, at);
    return;
  }
  part->mark = 1;
  d->stack[d->nstack++] = at;
  for (int i = 0; i < part->n && d->cycle < 0; i++) visit_line(d, part->line[i], at);
  d->nstack--;
  part->mark = 2;
  d->order[d->norder++] = at;
}

static bool put_in_order(Division *d) {
  d->order = ctx_array(d->o->c, d->n, sizeof *d->order);
  d->stack = ctx_array(d->o->c, d->n, sizeof *d->stack);
  d->norder = d->nstack = 0;
  d->cycle = -1;
  for (int i = 0; i < d->n; i++) d->part[i].mark = 0;
  for (int i = 0; i < d->n && d->cycle < 0; i++) visit(d, i);
  return d->cycle < 0;
}

/* ---- which modules become parts ---- */

static bool has_word(const char *text, const char *word) {
  size_t n = strlen(word);
  for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
    if ((p == text || strchr(" [(,", p[-1])) && strchr(" ]),", p[n]) && p[n]) return true;
  return false;
}

/* Whether an axis of the type has the size, no more and no less. */
static bool has_axis(const char *type, const char *word) {
  size_t n = strlen(word);
  for (const char *p = type; (p = strstr(p, word)) != NULL; p += n)
    if (p > type && strchr(" [", p[-1]) && (p[n] == ',' || p[n] == ']')) return true;
  return false;
}

/* Whether it has an operand from outside, and the open size, if it needs that, is an axis of one. */
static bool can_call(const Outline *o, const Part *part, int self) {
  const Program *p = o->p;
  bool operand = false, needs = false, given = false;
  for (int i = 0; i < part->n; i++) {
    const Pieces *text = &p->piece[part->line[i]];
    const char *type = p->thing[p->nin + p->nweight + part->line[i]].type;
    needs |= p->open && type && has_word(type, p->open);
    for (int k = 0; k < text->n; k++) {
      const Piece *q = &text->p[k];
      needs |= p->open && q->kind == PIECE_TEXT && has_word(q->text, p->open);
      if (q->kind != PIECE_THING) continue;
      const Thing *t = &p->thing[q->thing];
      needs |= t->kind == THING_WEIGHT && p->open && has_word(t->type, p->open);
      if (t->kind == THING_WEIGHT || (t->kind == THING_LINE && o->unit[t->at] == self)) continue;
      operand = true;
      given |= p->open && t->type && has_axis(t->type, p->open);
    }
  }
  return operand && (given || !needs);
}

/* A module becomes lines of the group, or, if these are of modules too, parts of it. */
static void dissolve(Outline *o, const Part *part, int depth) {
  for (int i = 0; i < part->n; i++) {
    const char *const *old = o->path[part->line[i]];
    int n = 0;
    while (old[n]) n++;
    const char **path = ctx_array(o->c, n, sizeof *path);
    for (int k = 0; k < depth; k++) path[k] = old[k];
    if (n > depth + 1) path[depth] = ctx_name(o->c, ctx_strf(o->c, "%s.%s", old[depth], old[depth + 1]));
    for (int k = depth + 2; k < n; k++) path[k - 1] = old[k];
    o->path[part->line[i]] = path;
  }
}

static int part_named(Division *d, const char *word) {
  for (int i = 0; word && i < d->n; i++)
    if (d->part[i].word == word) return i;
  *VEC_PUSH(d->o->c, d->part, d->n, d->cap) = (Part){.word = word};
  return d->n - 1;
}

static const char *word_at(const char *const *path, int depth) {
  for (int i = 0; i < depth; i++)
    if (!path[i]) return NULL;
  return path[depth];
}

/* Divides lines of a group; false: a module was dissolved, and it must be tried again. */
static bool divide(Division *d, const int *line, int n, int depth) {
  Outline *o = d->o;
  bool fine = true;
  for (int i = 0; i < n; i++) {
    int at = part_named(d, word_at(o->path[line[i]], depth));
    Part *part = &d->part[at];
    *VEC_PUSH(o->c, part->line, part->n, part->cap) = line[i];
    o->unit[line[i]] = at;
  }
  for (int i = 0; i < d->n; i++) {
    const Part *part = &d->part[i];
    if (!part->word || (part->n >= LEAST && part->n < n && can_call(o, part, i))) continue;
    dissolve(o, part, depth);
    fine = false;
  }
  if (!fine || put_in_order(d)) return fine;
  if (d->cycle >= 0) dissolve(o, &d->part[d->cycle], depth);
  return false;
}

/* ---- groups ---- */

static Group *group_new(Outline *o, Group *up, const int *line, int n, int depth);

static void make_units(Outline *o, Group *g, const int *line, int n) {
  Division d;
  do {
    d = (Division){.o = o};
    for (int i = 0; i < o->p->nline; i++) o->unit[i] = -1;
  } while (!divide(&d, line, n, g->depth));
  g->unit = ctx_array(o->c, d.norder, sizeof *g->unit);
  for (int i = 0; i < d.norder; i++) {
    const Part *part = &d.part[d.order[i]];
    Unit *u = &g->unit[g->nunit++];
    *u = (Unit){.line = part->word ? -1 : part->line[0]};
    if (!part->word) continue;
    u->group = group_new(o, g, part->line, part->n, g->depth + 1);
    if (u->group->height >= g->height) g->height = u->group->height + 1;
  }
}

static Group *group_new(Outline *o, Group *up, const int *line, int n, int depth) {
  Group *g = ctx_alloc(o->c, sizeof *g);
  *g = (Group){.depth = depth, .up = up, .nline = n};
  const char **path = ctx_array(o->c, depth, sizeof *path);
  for (int i = 0; i < depth; i++) path[i] = o->path[line[0]][i];
  g->path = path;
  if (depth < MOST_DEPTH && n <= MOST_LINES) {
    make_units(o, g, line, n);
    return g;
  }
  g->unit = ctx_array(o->c, n, sizeof *g->unit);
  for (int i = 0; i < n; i++) g->unit[g->nunit++] = (Unit){.line = line[i]};
  return g;
}

/* ---- what goes in and out ---- */

typedef struct Uses {
  const Program *p;
  Ctx *c;
  Group **home; /* by thing: of lines their group, of weights the smallest group with all uses */
  int *seen;    /* by thing: the number of the last group that saw it */
  int number;
} Uses;

static Group *both(Group *a, Group *b) {
  while (a != b) {
    if (a->depth >= b->depth) a = a->up;
    else b = b->up;
  }
  return a;
}

static void find_homes(Uses *u, Group *g) {
  for (int i = 0; i < g->nunit; i++) {
    if (g->unit[i].group) {
      find_homes(u, g->unit[i].group);
      continue;
    }
    int line = g->unit[i].line;
    u->home[u->p->nin + u->p->nweight + line] = g;
    for (int k = 0; k < u->p->piece[line].n; k++) {
      const Piece *q = &u->p->piece[line].p[k];
      if (q->kind == PIECE_THING && u->p->thing[q->thing].kind == THING_WEIGHT)
        u->home[q->thing] = u->home[q->thing] ? both(u->home[q->thing], g) : g;
    }
  }
}

static bool is_in(const Group *inner, const Group *g) {
  while (inner && inner != g) inner = inner->up;
  return inner == g;
}

static void add_thing(Uses *u, int **list, int *n, int thing) {
  if (*n % 16 == 0) *list = ctx_grow(u->c, *list, (size_t)*n * sizeof **list, (size_t)(*n + 16) * sizeof **list);
  (*list)[(*n)++] = thing;
}

static void use_thing(Uses *u, Group *g, int thing) {
  if (u->seen[thing] == u->number) return;
  u->seen[thing] = u->number;
  Group *home = u->home[thing];
  if (home == g && u->p->thing[thing].kind == THING_WEIGHT) add_thing(u, &g->weight, &g->nweight, thing);
  else if (!home || !is_in(home, g)) add_thing(u, &g->in, &g->nin, thing);
}

/* Children first. Things in the order of their first use. */
static void find_inputs(Uses *u, Group *g) {
  for (int i = 0; i < g->nunit; i++)
    if (g->unit[i].group) find_inputs(u, g->unit[i].group);
  u->number++;
  for (int i = 0; i < g->nunit; i++) {
    const Group *kid = g->unit[i].group;
    for (int k = 0; kid && k < kid->nin; k++) use_thing(u, g, kid->in[k]);
    const Pieces *text = kid ? NULL : &u->p->piece[g->unit[i].line];
    for (int k = 0; text && k < text->n; k++)
      if (text->p[k].kind == PIECE_THING) use_thing(u, g, text->p[k].thing);
  }
}

/* A line that something outside of a group reads is a result of it, and of those around it as far as that. */
static void give_out(Uses *u, const Group *reader, int thing) {
  if (u->p->thing[thing].kind != THING_LINE) return;
  for (Group *g = u->home[thing]; g && g->up && !is_in(reader, g); g = g->up) {
    bool known = false;
    for (int i = 0; i < g->nout; i++) known |= g->out[i] == thing;
    if (!known) add_thing(u, &g->out, &g->nout, thing);
  }
}

static void find_outputs(Uses *u, const Group *g) {
  for (int i = 0; i < g->nunit; i++) {
    if (g->unit[i].group) {
      find_outputs(u, g->unit[i].group);
      continue;
    }
    const Pieces *text = &u->p->piece[g->unit[i].line];
    for (int k = 0; k < text->n; k++)
      if (text->p[k].kind == PIECE_THING) give_out(u, g, text->p[k].thing);
  }
}

Group *program_outline(Program *p) {
  Outline o = {.p = p, .c = p->c, .path = program_scopes(p)};
  o.unit = ctx_array(p->c, p->nline, sizeof *o.unit);
  const char *const **said = ctx_array(p->c, p->nline, sizeof *said); /* before modules are dissolved */
  for (int i = 0; i < p->nline; i++) said[i] = o.path[i];
  p->path = said;
  int *all = ctx_array(p->c, p->nline, sizeof *all);
  for (int i = 0; i < p->nline; i++) all[i] = i;
  Group *root = group_new(&o, NULL, all, p->nline, 0);
  Uses u = {.p = p, .c = p->c};
  u.home = ctx_array(p->c, p->nthing, sizeof *u.home);
  u.seen = ctx_array(p->c, p->nthing, sizeof *u.seen);
  find_homes(&u, root);
  for (int i = 0; i < p->nresult; i++)
    for (int k = 0; k < p->result[i].n; k++) {
      const Piece *q = &p->result[i].p[k];
      if (q->kind != PIECE_THING) continue;
      if (p->thing[q->thing].kind == THING_WEIGHT) u.home[q->thing] = root;
      give_out(&u, root, q->thing);
    }
  find_inputs(&u, root);
  for (int i = 0; i < p->nresult; i++)
    for (int k = 0; k < p->result[i].n; k++)
      if (p->result[i].p[k].kind == PIECE_THING) use_thing(&u, root, p->result[i].p[k].thing);
  find_outputs(&u, root);
  return root;
}
