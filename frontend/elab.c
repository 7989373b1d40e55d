/* The elaborator's course over a file: names first, then each section's graphs in file order, then what needs the final
 * names of the weights. */
#include "frontend/elab_priv.h"
#include "frontend/parse.h"
#include <string.h>

static const char *const carried_files[] = {"std/tensor.nn", "std/activation.nn", "std/layer.nn", "std/loss.nn",
                                            "std/init.nn",
                                            "std/check.nn", "runtime/schedule.nn", "runtime/optim.nn"};

/* ---- graphs ---- */

static Saved saved(const Elab *e) {
  return (Saved){e->g, e->root, e->body, e->f, e->training, e->hints, e->cur, e->memo, e->ncur, e->norigin,
                 e->norigin_at, e->nrange, e->caprange, e->range, e->origin_at};
}

Saved el_outside(Elab *e) {
  Saved s = saved(e);
  e->g = e->root = e->init;
  e->body = NULL;
  e->training = false;
  e->origin_at = NULL;
  e->norigin_at = 0;
  return s;
}

Saved el_enter(Elab *e, Graph *g, bool training, Frame *f, File *file) {
  Saved s = saved(e);
  *f = (Frame){.file = file, .ndots = -1};
  g->training = training;
  e->g = e->root = g;
  e->body = NULL;
  e->f = f;
  e->training = training;
  e->hints = 0;
  e->cur = NULL;
  e->memo = el_memo_new(e);
  e->ncur = 0;
  e->origin_at = NULL;
  e->norigin_at = 0;
  e->range = NULL;
  e->nrange = e->caprange = 0;
  e->stamp++;
  return s;
}

/* A setting is a static value, but what it is made of may be anything: it gets a graph that nobody keeps. */
Saved el_enter_settings(Elab *e, const Ast *section, Frame *f) {
  Graph *g = graph_new(e->m, "settings", GK_TEST, section->mark);
  e->m->ngraph--;
  return el_enter(e, g, false, f, e->file);
}

void el_leave(Elab *e, const Saved *s) {
  e->g = s->g;
  e->root = s->root;
  e->body = s->body;
  e->f = s->f;
  e->training = s->training;
  e->hints = s->hints;
  e->cur = s->cur;
  e->ncur = s->ncur;
  e->memo = s->memo;
  e->origin_at = s->origin_at;
  e->norigin_at = s->norigin_at;
  e->range = s->range;
  e->nrange = s->nrange;
  e->caprange = s->caprange;
}

/* The C interface is that of one train section, named or not; with several, names stand behind. */
const char *el_graph_name(Elab *e, const char *stem, const char *section) {
  const Ast *file = e->file->ast;
  int n = 0;
  for (int i = 0; i < file->n; i++) n += file->kid[i]->kind == AST_TRAIN;
  return section && n > 1 ? ctx_strf(e->c, "%s_%s", stem, section) : stem;
}

/* The values of an index tensor lie in [0, n) if they come straight from an input: that input is checked. */
void el_note_range(Elab *e, Id id, int64_t n) {
  if (e->body || n < 0) return;
  id = node_origin(e->g, id);
  if (!node_is_input(e->g, id) || dtype_is_float(el_ty(e, id)->dtype)) return;
  *VEC_PUSH(e->c, e->range, e->nrange, e->caprange) = (Range){id, n};
}

/* ---- the file ---- */

/* All carried files make one list of names. */
static void load_carried(Elab *e) {
  File *all = ctx_alloc(e->c, sizeof *all);
  *all = (File){.path = "std", .carried = true};
  for (size_t i = 0; i < sizeof carried_files / sizeof *carried_files; i++) {
    size_t n;
    const char *text = e->o->carried ? e->o->carried(carried_files[i], &n) : NULL;
    if (!text) continue;
    File *f = el_load(e, carried_files[i], source_add(e->c, carried_files[i], text, n), true);
    for (int k = 0; f && k < f->n; k++) {
      *VEC_PUSH(e->c, all->item, all->n, all->cap) = f->item[k];
      table_set(e->c, &all->find, f->item[k]->name, all->n - 1);
    }
  }
  e->std = all;
}

static const char *stem_of(Elab *e, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
  char *s = ctx_strf(e->c, "%.*s", (int)n, base);
  for (char *p = s; *p; p++) {
    bool digit = *p >= '0' && *p <= '9', letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
    if (!letter && !(digit && p > s)) *p = '_';
  }
  return *s ? s : "model";
}

/* Two sections of a kind with one name would make graphs of one name. */
static void check_section_names(Elab *e, const Ast *file) {
  for (int i = 0; i < file->n; i++)
    for (int k = 0; k < i; k++) {
      const Ast *a = file->kid[i], *b = file->kid[k];
      if (a->kind != AST_TRAIN || b->kind != AST_TRAIN || a->text != b->text) continue;
      Diag *d = el_error(e, 222, a,
                         a->text ? "train section `%s` stands twice" : "a second train section needs a name", a->text);
      diag_label(e->c, d, b->mark, b->mark_len, "first here");
      return;
    }
}

static void check_hints(Elab *e, const Ast *a) {
  if (!a->hints || a->kind == AST_USE) return;
  int before = diag_errors(e->c);
  el_hints(e, a);
  if (diag_errors(e->c) == before)
    el_fail(e, 303, a->hints->kid[0], "`@%s` stands before a `param`, a statement or a `use`", a->hints->kid[0]->text);
}

/* Items that no section asks for are evaluated too, so that their errors are seen. */
static void check_items(Elab *e) {
  for (int i = 0; i < e->file->n && !e->fatal; i++) {
    Item *it = e->file->item[i];
    if (it->file != e->file || it->kind == IT_DEF || it->kind == IT_DATA) continue;
    el_item_value(e, it, it->ast);
  }
}

static void sections(Elab *e, const Ast *file) {
  int tests = 0;
  for (int i = 0; i < file->n && !e->fatal; i++)
    if (file->kid[i]->kind == AST_DATA) el_data_section(e, file->kid[i]);
  for (int i = 0; i < file->n && !e->fatal; i++) {
    const Ast *a = file->kid[i];
    check_hints(e, a);
    switch (a->kind) {
    case AST_TRAIN: el_train_section(e, a); break;
    case AST_TEST: el_test(e, a, ++tests); break;
    case AST_DEF:
      if (a->flags & AST_EXPORT) el_export(e, a);
      break;
    case AST_TARGET: el_target_section(e, a); break;
    default: break;
    }
  }
}

static void expression(Elab *e) {
  int before = diag_errors(e->c);
  const Ast *a = parse_expression(e->c, e->o->expression);
  if (diag_errors(e->c) == before) el_export(e, a->kid[0]);
}

Module *elaborate(Ctx *c, Loc start, const char *path, const ElabOptions *o) {
  Elab self = {.c = c, .o = o, .errors = diag_errors(c)}, *e = &self;
  size_t n;
  e->m = module_new(c, "model");
  e->m->name = ctx_name(c, stem_of(e, path));
  e->m->file = ctx_name(c, path);
  e->m->opt = o->opt;
  e->m->source = source_text(c, start, &n);
  load_carried(e);
  e->init = graph_new(e->m, "init", GK_INIT, start);
  e->file = el_load(e, path, start, false);
  if (e->unparsed || !e->file) return e->m;
  Frame f;
  Saved s = el_enter(e, e->init, false, &f, e->file);
  f.inst = inst_root(e, "top", false);
  check_section_names(e, e->file->ast);
  check_items(e);
  el_leave(e, &s);
  sections(e, e->file->ast);
  if (o->expression && !e->fatal) expression(e);
  if (!e->fatal) el_check_uncalled(e);
  if (el_failed(e)) return e->m;
  el_warn(e);
  el_finish_vars(e);
  if (!el_failed(e)) el_init_graph(e);
  return e->m;
}
