/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/profile_row.h"
#include "runtime/json.h"
#include "runtime/rt.h"
#include <stdlib.h>
#include <string.h>

static const char *string(Ctx *c, Json *j) {
  char *s = json_string(j);
  const char *kept = s ? ctx_strf(c, "%s", s) : NULL;
  rt_free(s);
  return kept;
}

static double number(Json *j) {
  double v = strtod(j->p, NULL);
  return json_skip(j, 0) ? v : -1;
}

/* The members of the line's object and of "step_ms" in it. */
static bool members(Ctx *c, Json *j, ProfileRow *r) {
  if (!json_accept(j, '{')) return false;
  do {
    char *key = json_string(j);
    bool ok = key && json_expect(j, ':');
    if (ok && !strcmp(key, "layer")) r->layer = string(c, j);
    else if (ok && !strcmp(key, "gemm")) r->gemm = string(c, j);
    else if (ok && !strcmp(key, "ms")) r->ms = number(j);
    else if (ok && !strcmp(key, "min")) r->min_ms = number(j);
    else if (ok && !strcmp(key, "step_ms")) ok = members(c, j, r);
    else if (ok) ok = json_skip(j, 0);
    rt_free(key);
    if (!ok) return false;
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

ProfileRow profile_row(Ctx *c, const char *line) {
  char err[ERR_TEXT] = "";
  Json j = {line, line + strlen(line), err};
  ProfileRow r = {.ms = -1, .min_ms = -1};
  members(c, &j, &r);
  return r;
}
