/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/run_rank.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- scores ---- */

static void add_name(Ctx *c, RunNames *s, const char *name) {
  for (int i = 0; i < s->n; i++)
    if (!strcmp(s->v[i], name)) return;
  *VEC_PUSH(c, s->v, s->n, s->cap) = name;
}

/* Validation first: it is what runs are compared by. */
RunNames run_scores(Ctx *c, const RunFolder *r, int n) {
  RunNames s = {0};
  for (int val = 1; val >= 0; val--)
    for (int i = 0; i < n; i++)
      for (int k = 0; k < r[i].ncurve; k++)
        if (r[i].curve[k].val == val) add_name(c, &s, r[i].curve[k].name);
  return s;
}

/* --by NAME, NAME:min or NAME:max; by default the first score that has a direction. False: reported. */
bool run_rank(Args *a, const RunFolder *r, int n, const RunNames *s, RunRank *k) {
  const char *by = a->value[OPT_by], *colon = by ? strchr(by, ':') : NULL;
  const char *name = by ? ctx_intern(a->c, by, colon ? (size_t)(colon - by) : strlen(by)) : NULL;
  bool max = colon && !strcmp(colon, ":max"), min = colon && !strcmp(colon, ":min");
  *k = (RunRank){0};
  for (int i = 0; i < s->n && !k->by; i++)
    for (int m = 0; m < n && !k->by; m++) {
      const RunCurve *u = run_curve(&r[m], s->v[i]);
      if (!u || (name ? strcmp(name, u->name) != 0 : !u->rises)) continue;
      *k = (RunRank){u->name, max ? 1 : min ? -1 : u->rises};
    }
  if (!by || (k->by && k->rises && (!colon || max || min))) return true;
  if (!k->by) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "no run has a score `%s`", name);
    const char *near = diag_suggest(a->c, name, s->v, s->n);
    if (near) diag_help(a->c, d, "did you mean `%s`?", near);
  } else {
    diag_error(a->c, E_USAGE, 0, 1,
               "`--by %s`: say whether the best one is the smallest or the largest: %s:min or %s:max", by, k->by,
               k->by);
  }
  return false;
}

double run_best(const RunFolder *r, const RunRank *k, double *step) {
  const RunCurve *u = k->by ? run_curve(r, k->by) : NULL;
  double best = NAN;
  *step = NAN;
  if (u && u->rises == k->rises) {
    *step = u->best_step;
    return u->best;
  }
  for (int i = 0; u && i < u->n; i++) {
    if (!isfinite(u->v[i]) || (!isnan(best) && k->rises * (u->v[i] - best) <= 0)) continue;
    best = u->v[i];
    *step = u->step[i];
  }
  return best;
}

/* ---- as text ---- */

const char *run_number(Ctx *c, double v) { return isnan(v) ? "" : ctx_strf(c, "%.5g", v); }

const char *run_took(Ctx *c, double s) {
  if (isnan(s)) return "";
  if (s < 100) return ctx_strf(c, "%.1f s", s);
  if (s < 6000) return ctx_strf(c, "%.0f min", s / 60);
  return ctx_strf(c, "%.1f h", s / 3600);
}

const char *const run_state_name[] = {[RUN_DONE] = "done", [RUN_ACTIVE] = "running", [RUN_STOPPED] = "stopped"};

static void put_number(Str *s, double v) {
  if (isfinite(v)) str_printf(s, "%.9g", v);
  else str_puts(s, "null");
}

const char *run_json_text(Ctx *c, const RunFolder *r) {
  Str s = {.c = c};
  str_puts(&s, "{\"run\":");
  str_json(&s, r->path);
  str_puts(&s, ",\"model\":");
  str_json(&s, r->model ? r->model : "");
  str_printf(&s, ",\"state\":\"%s\",\"steps\":%.0f,\"seconds\":", run_state_name[r->state], r->steps);
  put_number(&s, r->seconds);
  str_puts(&s, ",\"settings\":{");
  for (int i = 0; i < r->nmember; i++) {
    if (i) str_puts(&s, ",");
    str_json(&s, r->member[i].name);
    str_puts(&s, ":");
    if (r->member[i].text) str_json(&s, r->member[i].value);
    else str_puts(&s, r->member[i].value);
  }
  for (int best = 0; best < 2; best++) {
    int n = 0;
    str_puts(&s, best ? "},\"best\":{" : "},\"last\":{");
    for (int i = 0; i < r->ncurve; i++) {
      const RunCurve *u = &r->curve[i];
      if (best && isnan(u->best)) continue;
      if (n++) str_puts(&s, ",");
      str_json(&s, u->name);
      str_puts(&s, ":");
      if (best) str_puts(&s, "{\"value\":");
      put_number(&s, best ? u->best : u->last);
      if (best) str_printf(&s, ",\"step\":%.0f}", u->best_step);
    }
  }
  str_puts(&s, "}}");
  return s.s;
}
