/* SPDX-License-Identifier: Apache-2.0 */
/* What all sections share: checks for settings that are repeated, misspelt or unsupported. */
#include "frontend/sections/elab_section.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_mentions.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/syntax/foreign.h"
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

static bool check_setting(Elab *e, const Section *s, int at, const Setting *set) {
  const Ast *b = s->block->kid[at];
  const Ast *first = el_setting(s, set->name);
  if (first != b) {
    Diag *d = el_error(e, E_SETTING_CONFLICT, b->kid[0], "`%s` is set twice", set->name);
    diag_label(e->c, d, first->at, first->kid[0]->len, "first here");
    return false;
  }
  if (set->unsupported) {
    el_fail(e, set->unsupported, b->kid[0], "`%s = %s` is not in this version", set->name, el_source(e, b->kid[1]));
    return false;
  }
  return true;
}

/* The smallest budget of a file counts; --ram replaces all. */
static bool set_ram(Elab *e, const Ast *b) {
  Options *o = &e->m->opt;
  Value v = el_static(e, b->kid[0]);
  if (v_bad(v)) return false;
  if (v.kind != V_INT || v.i < 1)
    return el_reject(e, E_SETTING_VALUE, b->kid[0], "`ram` is an integer number of bytes, such as 256K, not %s",
                     v_text(e, v));
  if (e->o->opt.ram || (o->ram && o->ram <= v.i)) return true;
  o->ram = v.i;
  o->ram_at = b->caret;
  return true;
}

static bool check_budget(Elab *e, const Section *s, int at) {
  const Ast *b = s->block->kid[at];
  bool target = !strcmp(s->kind, "target");
  for (int i = 0; i < at; i++) {
    const Ast *first = s->block->kid[i];
    if (first->kind != AST_BUDGET || first->text != b->text) continue;
    Diag *d = el_error(e, E_SETTING_CONFLICT, b, "the budget `%s` is set twice", b->text);
    diag_label(e->c, d, first->caret, first->caret_len, "first here");
    return false;
  }
  if (!strcmp(b->text, "ram")) return set_ram(e, b);
  if (target && !strcmp(b->text, "flash"))
    return el_reject(e, E_UNSUPPORTED_FLASH_BUDGET, b, "the budget `flash <= %s` is not in this version",
                     el_source(e, b->kid[0]));
  Diag *d = el_error(e, E_UNKNOWN_BUDGET, b, "a %s section has no budget `%s`", s->kind, b->text);
  diag_help(e->c, d, target ? "budgets of a target are `ram <= ...`" : "budgets of training are `ram <= ...`");
  return false;
}

bool el_setting_int(Elab *e, const Section *s, const char *name, int64_t min, int64_t fallback, int64_t *v) {
  const Ast *a = el_setting_value(s, name);
  *v = fallback;
  if (!a) return true;
  Value x = el_static(e, a);
  if (v_bad(x)) return false;
  if (x.kind != V_INT || x.i < min) {
    Diag *d = el_error(e, E_SETTING_VALUE, a, "`%s` is an integer, at least %lld, not %s", name, (long long)min,
                       a->kind == AST_FLOAT ? el_source(e, a) : v_text(e, x));
    if (a->kind == AST_FLOAT && x.f >= (double)min && x.f < 1e15 && x.f == (double)(int64_t)x.f)
      diag_help(e->c, d, "write %lld: a point or an exponent makes a float", (long long)x.f);
    if (x.kind == V_STR) el_help_number(e, d, x);
    return false;
  }
  *v = x.i;
  return true;
}

/* A metric shares the namespace of a run's logs and of its C struct. */
static bool check_metric(Elab *e, const Ast *b) {
  static const char *const taken[] = {"loss",    "step",         "steps",      "steps_per_epoch", "seed", "event",
                                      "records", "weights_hash", SCALE_RESULT, "skipped_steps",   "calls"};
  const char *name = b->kid[0]->text + strlen("metric.");
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (!strcmp(name, taken[i]))
      return el_reject(e, E_DUPLICATE_NAME, b->kid[0], "`%s` is a name that every run has; a metric needs another one",
                       name);
  return true;
}

/* ---- names that are neither settings nor used: probably misspelt settings ---- */

static bool reads(Elab *e, const Ast *value, const char *name) {
  Mentions m = {NULL, 0, 0};
  mention_reads(e, &m, value, 0);
  mentions_sort(&m);
  return mentions_first(&m, name, 0) != NULL;
}

/* Of names that resemble no setting only one is reported: probably the line that used them all is missing. */
static bool unused(Elab *e, const Section *s, Loc at, int len, const char *name, const Ast *value, bool *reported) {
  const char **words = ctx_alloc(e->c, (size_t)(s->nset + 1) * sizeof *words);
  for (int i = 0; i < s->nset; i++) words[i] = s->set[i].name;
  bool train = !strcmp(s->kind, "train"), data = !strcmp(s->kind, "data");
  const char *help = train ? foreign_help(FOREIGN_SETTING, name) : data ? foreign_help(FOREIGN_DATA, name) : NULL;
  bool typed =
    value && value->kind == AST_INDEX && value->kid[0]->kind == AST_NAME && dtype_find(value->kid[0]->text) >= 0;
  if (data && (typed || reads(e, value, ctx_name(e->c, "field")))) {
    help = "a field has a type: `x: f32[16] = field(0:16)`";
    el_name_reported(e, name); /* it is a field for those who use it */
  }
  const Setting *other = train ? el_data_settings : el_train_settings;
  int n = train ? el_data_nsettings : data ? el_train_nsettings : 0;
  for (int i = 0; i < n && !help; i++)
    if (!strcmp(other[i].name, name))
      help = ctx_strf(e->c, "`%s` is a setting of %s sections", name, train ? "data" : "train");
  const char *near = help ? NULL : diag_suggest(e->c, name, words, s->nset);
  if (!near && !help && *reported) return false;
  if (!near && !help) {
    *reported = true;
    el_error_at(e, E_UNUSED_SECTION_NAME, at, len, "`%s` is neither a setting of a %s section nor used in it", name,
                s->kind);
    return false;
  }
  Diag *d = el_error_at(e, E_UNKNOWN_SETTING, at, len, "`%s` is not a setting of a %s section, and it is not used",
                        name, s->kind);
  diag_help(e->c, d, help ? "%s" : "did you mean `%s`?", help ? help : near);
  return false;
}

/* A block of the section: its own, or that of a loop in it, within others. */
typedef struct Block Block;
struct Block {
  Mentions reads;
  int line; /* the statement that is looked at */
  const Block *up;
};

/* Whether another statement reads the name: one after it; in a loop, which repeats, any. */
static bool is_used(const Block *b, const char *name) {
  for (; b; b = b->up) {
    const Mention *first = b->up ? mentions_first(&b->reads, name, 0) : NULL;
    if ((first && first->line != b->line) || mentions_first(&b->reads, name, b->line + 1)) return true;
  }
  return false;
}

static bool no_setting(Elab *e, const Section *s, const Ast *b) {
  if (b->n != 2 || !el_is_setting(s, b->kid[0]->text)) return true;
  return el_reject(e, E_MISPLACED, b->kid[0], "`%s` is a setting, which stands in the section and not in a loop",
                   b->kid[0]->text);
}

static bool all_used(Elab *e, const Section *s, const Ast *ast, const Block *up, bool *reported) {
  bool ok = true;
  Block at = {.reads = mentions_of_lines(e, ast), .up = up};
  for (; at.line < ast->n; at.line++) {
    const Ast *b = ast->kid[at.line];
    if (b->kind == AST_FOR) ok &= all_used(e, s, b->kid[1], &at, reported);
    if (b->kind == AST_INDEXDEF && !is_used(&at, b->text))
      ok = unused(e, s, b->caret, b->caret_len, b->text, NULL, reported);
    if (b->kind == AST_BIND && up && !no_setting(e, s, b)) ok = false;
    if (b->kind != AST_BIND || (b->n == 2 && el_is_setting(s, b->kid[0]->text))) continue;
    bool any = false; /* of `a, b = e` one name must be used */
    for (int k = 0; k + 1 < b->n; k++) any |= is_used(&at, b->kid[k]->text);
    if (!any) ok = unused(e, s, b->kid[0]->at, b->kid[0]->len, b->kid[0]->text, b->kid[b->n - 1], reported);
  }
  return ok;
}

/* Checks of a section that need no elaboration; also evaluates its budgets. */
bool el_settings(Elab *e, const Section *s) {
  bool ok = true;
  for (int i = 0; i < s->block->n; i++) {
    const Ast *b = s->block->kid[i];
    bool setting = b->kind == AST_BIND && b->n == 2 && el_is_setting(s, b->kid[0]->text);
    if (b->hints && el_read_hints(e, b) & HINT_CHECKPOINT && setting && strcmp(b->kid[0]->text, "loss"))
      el_error(e, E_UNKNOWN_HINT, b->hints->kid[0],
               "`@checkpoint` must precede a statement; a setting computes nothing");
    if (b->kind == AST_BUDGET) ok &= check_budget(e, s, i);
    if (b->kind != AST_BIND || b->n != 2) continue;
    for (int k = 0; k < s->nset; k++)
      if (is_bind_of(b, s->set[k].name)) ok &= check_setting(e, s, i, &s->set[k]);
    if (strncmp(b->kid[0]->text, "metric.", 7)) continue;
    ok &= check_setting(e, s, i, &(Setting){b->kid[0]->text, 0}) && check_metric(e, b);
  }
  bool reported = false;
  return all_used(e, s, s->block, NULL, &reported) && ok;
}

static bool set_device(Elab *e, const Section *s) {
  const Ast *v = el_setting_value(s, "device");
  bool is_name = v && v->kind == AST_NAME;
  if (!v) return true;
  if (is_name && !strcmp(v->text, "cuda")) return e->m->opt.file_device = true;
  if (is_name && !strcmp(v->text, "cpu")) return true;
  return el_reject(e, E_SETTING_VALUE, v, "`device` is cpu or cuda, not `%s`", el_source(e, v));
}

static const Setting target_settings[] = {{"device", 0}};

const char *elab_setting(const char *section, int i) {
  bool data = !strcmp(section, "data"), train = !strcmp(section, "train");
  const Setting *set = data ? el_data_settings : train ? el_train_settings : target_settings;
  int n = data ? el_data_nsettings : train ? el_train_nsettings : 1;
  for (int k = 0; k < n; k++)
    if (!set[k].unsupported && i-- == 0) return set[k].name;
  return NULL;
}

/* The supported content of a target section is its memory budget and its device. */
void el_target_section(Elab *e, const Ast *a) {
  Section s = {.ast = a, .block = a->kid[0], .kind = "target", .set = target_settings, .nset = 1};
  for (int i = 0; i < s.block->n; i++)
    if (s.block->kid[i]->kind != AST_BUDGET && !is_bind_of(s.block->kid[i], "device")) {
      el_fail(e, E_UNSUPPORTED_TARGET, a,
              "target sections with more than budgets and a device are not in this version");
      return;
    }
  Frame f;
  GraphState saved = el_enter_settings(e, a, &f);
  f.site = site_root(e, "target", false);
  if (el_settings(e, &s)) set_device(e, &s);
  el_leave(e, &saved);
}
