/* What all sections share: settings that stand once, that belong to later versions, that are misspelt. */
#include "frontend/elab_priv.h"
#include <string.h>

bool el_is_setting(const Section *s, const char *name) {
  if (!strncmp(name, "metric.", 7)) return !strcmp(s->kind, "train");
  for (int i = 0; i < s->nset; i++)
    if (!strcmp(s->set[i].name, name)) return true;
  return false;
}

static bool is_bind_of(const Ast *b, const char *name) {
  return b->kind == AST_BIND && b->n == 2 && !strcmp(b->kid[0]->text, name);
}

const Ast *el_setting(const Section *s, const char *name) {
  for (int i = 0; i < s->block->n; i++)
    if (is_bind_of(s->block->kid[i], name)) return s->block->kid[i];
  return NULL;
}

const Ast *el_setting_value(const Section *s, const char *name) {
  const Ast *b = el_setting(s, name);
  return b ? b->kid[1] : NULL;
}

static bool is_default(const char *name, const Ast *v) {
  if (!strcmp(name, "on_error")) return v->kind == AST_NAME && !strcmp(v->text, "stop");
  return false;
}

static bool check_setting(Elab *e, const Section *s, int at, const Setting *set) {
  const Ast *b = s->block->kid[at];
  const Ast *first = el_setting(s, set->name);
  if (first != b) {
    Diag *d = el_error(e, 308, b->kid[0], "`%s` is set twice", set->name);
    diag_label(e->c, d, first->at, first->kid[0]->len, "first here");
    return false;
  }
  if (set->later && !is_default(set->name, b->kid[1])) {
    el_fail(e, set->later, b->kid[0], "`%s = %s` is not in this version", set->name, el_source(e, b->kid[1]));
    return false;
  }
  return true;
}

/* Of all budgets of a file the least counts; --ram takes the place of all. */
static bool set_ram(Elab *e, const Ast *b) {
  Options *o = &e->m->opt;
  Value v = el_static(e, b->kid[0]);
  if (v_bad(v)) return false;
  if (v.kind != V_INT || v.i < 1)
    return el_fail(e, 307, b->kid[0], "`ram` is a whole number of bytes, at least 1, not %s", v_text(e, v)), false;
  if (e->o->opt.ram || (o->ram && o->ram <= v.i)) return true;
  o->ram = v.i;
  o->ram_at = b->mark;
  return true;
}

static bool check_budget(Elab *e, const Section *s, int at) {
  const Ast *b = s->block->kid[at];
  bool target = !strcmp(s->kind, "target");
  for (int i = 0; i < at; i++) {
    const Ast *first = s->block->kid[i];
    if (first->kind != AST_BUDGET || first->text != b->text) continue;
    Diag *d = el_error(e, 308, b, "the budget `%s` is set twice", b->text);
    diag_label(e->c, d, first->mark, first->mark_len, "first here");
    return false;
  }
  if (!strcmp(b->text, "ram")) return set_ram(e, b);
  if (target && !strcmp(b->text, "flash"))
    return el_fail(e, 703, b, "the budget `flash <= %s` is not in this version", el_source(e, b->kid[0])), false;
  Diag *d = el_error(e, 312, b, "a %s section has no budget `%s`", s->kind, b->text);
  diag_help(e->c, d, target ? "budgets of a target are `ram <= ...`" : "budgets of training are `ram <= ...`");
  return false;
}

bool el_setting_int(Elab *e, const Section *s, const char *name, int64_t least, int64_t none, int64_t *v) {
  const Ast *a = el_setting_value(s, name);
  *v = none;
  if (!a) return true;
  Value x = el_static(e, a);
  if (v_bad(x)) return false;
  if (x.kind != V_INT || x.i < least) {
    el_fail(e, 307, a, "`%s` is a whole number, at least %lld, not %s", name, (long long)least, v_text(e, x));
    return false;
  }
  *v = x.i;
  return true;
}

/* A metric stands beside these in the logs of a run and in the C struct of one. */
static bool check_metric(Elab *e, const Ast *b) {
  static const char *const taken[] = {"loss", "step", "steps", "steps_per_epoch", "seed", "event", "records",
                                      "weights_hash", SCALE_RESULT, "skipped_steps", "calls"};
  const char *name = b->kid[0]->text + strlen("metric.");
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (!strcmp(name, taken[i]))
      return el_fail(e, 222, b->kid[0], "`%s` is a name that every run has; a metric needs another one", name), false;
  return true;
}

/* ---- names that are neither settings nor used: most often a setting that is misspelt ---- */

static bool names_it(const Ast *a, const char *name) {
  if (!a) return false;
  if (a->kind == AST_NAME && a->text == name) return true;
  for (int i = 0; i < a->n; i++)
    if (names_it(a->kid[i], name)) return true;
  return false;
}

static bool used_later(const Section *s, int line, const char *name) {
  for (int i = line + 1; i < s->block->n; i++) {
    const Ast *b = s->block->kid[i];
    if (b->kind == AST_BIND ? names_it(b->kid[b->n - 1], name) : names_it(b, name)) return true;
  }
  return false;
}

/* Of names that are like no setting one is reported: most often the line that read them all is missing. */
static bool unused(Elab *e, const Section *s, Loc at, int len, const char *name, bool *told) {
  const char **words = ctx_alloc(e->c, (size_t)(s->nset + 1) * sizeof *words);
  for (int i = 0; i < s->nset; i++) words[i] = s->set[i].name;
  const char *near = diag_suggest(e->c, name, words, s->nset);
  if (!near && *told) return false;
  if (!near) {
    *told = true;
    el_error_at(e, 304, at, len, "`%s` is neither a setting of a %s section nor used in it", name, s->kind);
    return false;
  }
  Diag *d = el_error_at(e, 301, at, len, "`%s` is no setting of a %s section, and it is not used", name, s->kind);
  diag_help(e->c, d, "did you mean `%s`?", near);
  return false;
}

static bool all_used(Elab *e, const Section *s) {
  bool well = true, told = false;
  for (int i = 0; i < s->block->n; i++) {
    const Ast *b = s->block->kid[i];
    if (b->kind == AST_INDEXDEF && !used_later(s, i, b->text)) well = unused(e, s, b->mark, b->mark_len, b->text, &told);
    if (b->kind != AST_BIND || (b->n == 2 && el_is_setting(s, b->kid[0]->text))) continue;
    bool any = false; /* of `a, b = e` one name must be used */
    for (int k = 0; k + 1 < b->n; k++) any |= used_later(s, i, b->kid[k]->text);
    if (!any) well = unused(e, s, b->kid[0]->at, b->kid[0]->len, b->kid[0]->text, &told);
  }
  return well;
}

/* Checks of a section that need no elaboration; budgets are taken up. */
bool el_settings(Elab *e, const Section *s) {
  bool well = true;
  for (int i = 0; i < s->block->n; i++) {
    const Ast *b = s->block->kid[i];
    bool setting = b->kind == AST_BIND && b->n == 2 && el_is_setting(s, b->kid[0]->text);
    if (b->hints && el_hints(e, b) & HINT_CHECKPOINT && setting && strcmp(b->kid[0]->text, "loss"))
      el_error(e, 303, b->hints->kid[0], "`@checkpoint` stands before a statement, a setting computes nothing");
    if (b->kind == AST_BUDGET) well &= check_budget(e, s, i);
    if (b->kind != AST_BIND || b->n != 2) continue;
    for (int k = 0; k < s->nset; k++)
      if (is_bind_of(b, s->set[k].name)) well &= check_setting(e, s, i, &s->set[k]);
    if (strncmp(b->kid[0]->text, "metric.", 7)) continue;
    well &= check_setting(e, s, i, &(Setting){b->kid[0]->text, 0}) && check_metric(e, b);
  }
  return all_used(e, s) && well;
}

/* Of a target this version knows its memory alone. */
void el_target_section(Elab *e, const Ast *a) {
  Section s = {.ast = a, .block = a->kid[0], .kind = "target"};
  for (int i = 0; i < s.block->n; i++)
    if (s.block->kid[i]->kind != AST_BUDGET) {
      el_fail(e, 705, a, "target sections with more than budgets are not in this version");
      return;
    }
  Frame f;
  Saved saved = el_enter_settings(e, a, &f);
  f.inst = inst_root(e, "target", false);
  el_settings(e, &s);
  el_leave(e, &saved);
}
