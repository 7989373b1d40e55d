/* Where weights, states and moments lie: NAME_AT_... of the header, and the functions that copy them between their
 * stored order in mem and the caller's row-major one. */
#include "codegen/c/places.h"

/* One place: its axes in the stored order, with their steps in bytes in the caller's order. The last axis is stored in
 * panels of `panel`, each as a tensor of its own, the last one narrower; without panels there is one. */
static const char COPY[] =
  "/* Axes in the stored order; `step`: bytes in row-major order; the last axis in panels, one or more. */\n"
  "static const struct gc_place {\n  ptrdiff_t at, panel, dim[%d], step[%d];\n  int bytes, rank;\n} gc_place[] = {\n%s};\n\n"
  "static int gc_copy(unsigned char *to, const unsigned char *from, ptrdiff_t at, int set) {\n"
  "  const struct gc_place *w = gc_place;\n"
  "  while (w < gc_place + %d && w->at != at) w++;\n"
  "  if (w == gc_place + %d) return 1;\n"
  "  const int last = w->rank - 1;\n"
  "  for (ptrdiff_t left = w->dim[last], row = 0; left > 0; left -= w->panel, row += w->panel * w->step[last]) {\n"
  "    ptrdiff_t index[%d] = {0}, dense = row, wide = left < w->panel ? left : w->panel;\n"
  "    for (int k = last; k >= 0;) {\n"
  "      for (ptrdiff_t c = 0; c < wide; c++)\n"
  "        for (int b = 0; b < w->bytes; b++, at++)\n"
  "          to[set ? at : dense + c * w->step[last] + b] = from[set ? dense + c * w->step[last] + b : at];\n"
  "      for (k = last - 1; k >= 0; k--) { /* the next line */\n"
  "        dense += w->step[k];\n"
  "        if (++index[k] < w->dim[k]) break;\n"
  "        dense -= w->dim[k] * w->step[k];\n"
  "        index[k] = 0;\n"
  "      }\n    }\n  }\n  return 0;\n}\n\n"
  "int %s_set_weight(void *mem, ptrdiff_t at, const void *values) {\n"
  "  return gc_copy((unsigned char *)mem, (const unsigned char *)values, at, 1);\n}\n\n"
  "int %s_get_weight(const void *mem, ptrdiff_t at, void *values) {\n"
  "  return gc_copy((unsigned char *)values, (const unsigned char *)mem, at, 0);\n}\n\n";

typedef struct Place { int rank; int64_t dim[MAX_RANK], step[MAX_RANK], panel; } Place;

static Place place_of(CPrint *p, const Var *v) {
  const Type *t = type_get(p->m, v->type);
  const Stored *st = v->stored ? &p->m->stored[v->stored - 1] : NULL;
  int64_t step[MAX_RANK], size = dtype_info[t->dtype].bytes;
  Place w = {0};
  for (int i = t->rank - 1; i >= 0; i--) step[i] = size, size *= dim_bound(p->m, t->dim[i]);
  for (int i = 0; i < t->rank; i++) {
    int axis = st ? st->perm[i] : i;
    if (st && st->panel && axis == st->panel_axis) continue;
    w.dim[w.rank] = dim_bound(p->m, t->dim[axis]), w.step[w.rank++] = step[axis];
  }
  if (st && st->panel) w.dim[w.rank] = dim_bound(p->m, t->dim[st->panel_axis]), w.step[w.rank++] = step[st->panel_axis];
  if (!st || !size) w = (Place){1, {size / dtype_info[t->dtype].bytes}, {dtype_info[t->dtype].bytes}, 0};
  w.panel = st && st->panel ? st->panel : w.dim[w.rank - 1];
  return w;
}

static const char *numbers(CPrint *p, const int64_t *v, int n) {
  Str s = {.c = p->c};
  for (int i = 0; i < n; i++) str_printf(&s, "%s%lld", i ? ", " : "", (long long)v[i]);
  return s.s;
}

/* " stored [2,3,0,1]", and in what panels; nothing where the order is row-major. */
static const char *stored_text(CPrint *p, const Var *v) {
  if (!v->stored) return "";
  const Stored *st = &p->m->stored[v->stored - 1];
  Str s = {.c = p->c};
  for (int i = 0; i < st->rank; i++) str_printf(&s, "%s%d", i ? "," : " stored [", st->perm[i]);
  str_puts(&s, "]");
  if (st->panel) str_printf(&s, " in panels of %u along axis %d", st->panel, st->panel_axis);
  return s.s;
}

void c_places(CPrint *p, Str *functions, Str *header) {
  Module *m = p->m;
  Str rows = {.c = p->c};
  const char **name = c_var_names(p);
  int n = 0, rank = 1;
  for (int v = 0; v < m->nvar; v++)
    if (!m->var[v].rom && place_of(p, &m->var[v]).rank > rank) rank = place_of(p, &m->var[v]).rank;
  for (int v = 0; v < m->nvar; v++) {
    const Var *x = &m->var[v];
    if (x->rom) continue;
    Place w = place_of(p, x);
    str_printf(header, "%s#define %s_AT_%s %lld /* %s: %s%s */\n", n++ ? "" : "\n/* Where each lies in mem. */\n", m->name,
               name[v], (long long)x->offset, c_comment(p, x->name), type_text(m, x->type), stored_text(p, x));
    str_printf(&rows, "  {%lld, %lld, {%s}, {%s}, %d, %d},\n", (long long)x->offset, (long long)w.panel,
               numbers(p, w.dim, w.rank), numbers(p, w.step, w.rank), dtype_info[type_get(m, x->type)->dtype].bytes, w.rank);
  }
  if (!n) return;
  str_printf(functions, COPY, rank, rank, rows.s, n, n, rank, m->name, m->name);
  str_printf(header, "/* Copy what lies at a %s_AT_... from or to an array in row-major order. 0; 1: nothing lies there. */\n"
                     "int %s_set_weight(void *mem, ptrdiff_t at, const void *values);\n"
                     "int %s_get_weight(const void *mem, ptrdiff_t at, void *values);\n", m->name, m->name, m->name);
}
