/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rt.h"
#include "serve/http.h"
#include <string.h>

bool route_is_post(RouteKind kind) { return kind == ROUTE_INFER || kind == ROUTE_PREDICT; }

/* The export of this name, or the first, by the name of the model. */
static void set_model(const Server *sv, Route *r, const char *s, size_t n) {
  const GcModel *m = sv->m;
  r->served = -1;
  for (int i = 0; i < m->nexports; i++) {
    if (strlen(m->exports[i].name) != n || memcmp(m->exports[i].name, s, n) != 0) continue;
    r->served = i;
    r->name = m->exports[i].name;
  }
  if (r->served >= 0 || strlen(m->name) != n || memcmp(m->name, s, n) != 0) return;
  r->served = sv->first;
  r->name = m->name;
}

/* /NAME[/versions/1][/ready|/infer] */
static Route model_route(const Server *sv, const char *p) {
  Route r = {.kind = ROUTE_MODEL};
  size_t n = strcspn(p, "/");
  set_model(sv, &r, p, n);
  p += n;
  if (!strncmp(p, "/versions/", 10)) {
    n = strcspn(p + 10, "/");
    if (n != 1 || p[10] != '1') r.served = -1;
    p += 10 + n;
  }
  if (!strcmp(p, "/ready")) r.kind = ROUTE_MODEL_READY;
  else if (!strcmp(p, "/infer")) r.kind = ROUTE_INFER;
  else if (*p) r.kind = ROUTE_NONE;
  return r;
}

Route route_find(const Server *sv, const char *path) {
  static const struct {
    const char *path;
    RouteKind kind;
  } fixed[] = {
    {"/", ROUTE_SERVER},
    {"/v2", ROUTE_SERVER},
    {"/v2/", ROUTE_SERVER},
    {"/v2/health/live", ROUTE_LIVE},
    {"/v2/health/ready", ROUTE_READY},
    {"/metrics", ROUTE_METRICS},
  };
  for (int i = 0; i < COUNT(fixed); i++)
    if (!strcmp(path, fixed[i].path)) return (Route){.kind = fixed[i].kind};
  if (!strncmp(path, "/v2/models/", 11)) return model_route(sv, path + 11);
  Route r = {.kind = ROUTE_PREDICT, .served = sv->first, .name = sv->m->name};
  if (!strcmp(path, "/predict")) return r;
  if (!strncmp(path, "/predict/", 9) && !strchr(path + 9, '/')) {
    set_model(sv, &r, path + 9, strlen(path + 9));
    return r;
  }
  return (Route){0};
}
