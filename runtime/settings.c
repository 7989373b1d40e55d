/* SPDX-License-Identifier: Apache-2.0 */
/* A value is compared by its JSON text, which the compiler writes in one way only. */
#include "settings.h"
#include "run.h"
#include <string.h>

/* Of `train --set`, the last part of NAME=VALUE; NULL: this constant is not among them. */
static const char *given(const Session *sess, const GcConst *k) {
  size_t n = strlen(k->name);
  for (int i = 0; i < sess->o.set.n; i++)
    if (!strncmp(sess->o.set.v[i], k->name, n) && sess->o.set.v[i][n] == '=') return sess->o.set.v[i] + n + 1;
  return NULL;
}

static const char *value_of(const Session *sess, const GcConst *k) {
  const char *v = given(sess, k);
  return v ? v : k->value;
}

static bool is_set(const Session *sess, const GcConst *k) { return k->set || given(sess, k); }

static const GcConst *find(const GcModel *m, const char *name, size_t n) {
  for (int i = 0; i < m->nconstants; i++)
    if (strlen(m->constants[i].name) == n && !memcmp(m->constants[i].name, name, n)) return &m->constants[i];
  return NULL;
}

/* ---- train --set ---- */

static _Noreturn void unknown(const GcModel *m, const char *name, int n) {
  char *all = rt_strdup(""), *typed = rt_printf("%.*s", n < 60 ? n : 60, name);
  Nearest near = {NULL, 64};
  for (int i = 0; i < m->nconstants; i++) opt_consider(&near, typed, m->constants[i].name);
  if (near.word) rt_die(E_OPTION_VALUE, "there is no constant `%.*s`\ndid you mean `%s`?", n, name, near.word);
  for (int i = 0; i < m->nconstants && i < 12; i++) {
    char *longer = rt_printf("%s%s%s", all, i ? ", " : "", m->constants[i].name);
    rt_free(all);
    all = longer;
  }
  if (!m->nconstants) rt_die(E_OPTION_VALUE, "there is no constant `%.*s`: %s has none", n, name, m->source_name);
  rt_die(E_OPTION_VALUE, "there is no constant `%.*s`\nthe constants of %s are %s%s", n, name, m->source_name, all,
         m->nconstants > 12 ? ", ..." : "");
}

static void apply(Session *sess, const char *text) {
  const char *eq = strchr(text, '=');
  Opts *o = &sess->o;
  uint64_t v = 0;
  if (!eq || eq == text || !eq[1]) rt_die(E_OPTION_VALUE, "--set takes NAME=VALUE, not `%s`", text);
  int n = (int)(eq - text);
  const GcConst *k = find(sess->m, text, (size_t)n);
  if (!k) unknown(sess->m, text, n);
  if (given(sess, k) != eq + 1) rt_die(E_OPTION_VALUE, "`%s` is set twice", k->name);
  if (k->use == GC_COMPILED)
    rt_die(E_CONSTANT_COMPILED,
           "`%s` is compiled into this program, as %s\n`gradc run --set %s` trains with another value, "
           "`gradc build --set %s` makes a program with it",
           k->name, k->value, text, text);
  if (!opt_number(eq + 1, &v) || v < (k->use != GC_SEED) || v > (k->use == GC_SEED ? INT64_MAX : UINT32_MAX))
    rt_die(E_OPTION_VALUE, "`%s` is a whole number, not `%s`", k->name, eq + 1);
  bool plan = k->use != GC_SEED && (o->steps >= 0 || o->epochs >= 0);
  if (plan || (k->use == GC_SEED && o->seed_set))
    rt_die(E_OPTION_VALUE, "--set %s and --%s exclude each other", text,
           k->use == GC_SEED ? "seed"
           : o->steps >= 0   ? "steps"
                             : "epochs");
  if (k->use == GC_STEPS) o->steps = (int64_t)v;
  if (k->use == GC_EPOCHS) o->epochs = (int64_t)v;
  if (k->use == GC_SEED) o->seed = v, o->seed_set = true;
}

void settings_apply(Session *sess) {
  for (int i = 0; i < sess->o.set.n; i++) apply(sess, sess->o.set.v[i]);
}

/* ---- run.json ---- */

static char *members(const Session *sess, char *text, const char *key, bool all) {
  int n = 0;
  for (int i = 0; i < sess->m->nconstants; i++) {
    const GcConst *k = &sess->m->constants[i];
    if (!all && !is_set(sess, k)) continue;
    char *longer = n++ ? rt_printf("%s, \"%s\": %s", text, k->name, value_of(sess, k))
                       : rt_printf("%s,\n  \"%s\": {\"%s\": %s", text, key, k->name, value_of(sess, k));
    rt_free(text);
    text = longer;
  }
  if (!n) return text;
  char *closed = rt_printf("%s}", text);
  rt_free(text);
  return closed;
}

char *settings_members(const Session *sess, char *text) {
  return members(sess, members(sess, text, "set", false), "const", true);
}

/* The next member of an object: its name, and the text of its value. NULL: malformed. */
static char *next(Json *j, const char **value, int *n) {
  char *name = json_string(j);
  if (!name || !json_expect(j, ':')) return NULL;
  while (j->p < j->end && (*j->p == ' ' || *j->p == '\n')) j->p++;
  *value = j->p;
  if (!json_skip(j, 0)) return NULL;
  *n = (int)(j->p - *value);
  return name;
}

/* The text of a setting: strings without quotes, unless they begin with one. */
static char *plain(const char *value, int n) {
  char err[ERR_TEXT];
  Json j = {value, value + n, err};
  char *s = n && *value == '"' ? json_string(&j) : NULL;
  return s && *s != '"' ? s : rt_printf("%.*s", n, value);
}

static bool same(const char *ours, const char *value, int n) {
  return strlen(ours) == (size_t)n && !memcmp(ours, value, (size_t)n);
}

/* A constant of the run to be resumed. was_set: it is one of `set`. A plan or seed that is not set here is the run's.
 */
static void compare(const Session *sess, const char *name, const char *value, int n, bool was_set) {
  const GcConst *k = find(sess->m, name, strlen(name));
  if (!k && was_set)
    rt_die(E_CHECKPOINT_MISMATCH, "the run has %s = %.*s, this model has no such constant", name, n, value);
  if (!k || same(value_of(sess, k), value, n)) return;
  if (!is_set(sess, k) && (!was_set || k->use != GC_COMPILED)) return;
  rt_die(E_CHECKPOINT_MISMATCH,
         "the run was made with %s = %.*s, here it is %s\n`gradc run --resume` without --set takes the run's values; "
         "so does a program of `gradc build --set %s=%s`",
         name, n, value, value_of(sess, k), name, plain(value, n));
}

/* Calls f for each member of an object; false: malformed. */
typedef void EachSetting(void *arg, const char *name, const char *value, int n);
static bool each(Json *j, EachSetting *f, void *arg) {
  if (!json_expect(j, '{')) return false;
  if (json_accept(j, '}')) return true;
  do {
    const char *value;
    int n;
    char *name = next(j, &value, &n);
    if (!name) return false;
    f(arg, name, value, n);
    rt_free(name);
  } while (json_accept(j, ','));
  return json_expect(j, '}');
}

typedef struct Resumed {
  Session *sess;
  bool was_set;
} Resumed;

static void compare_one(void *arg, const char *name, const char *value, int n) {
  const Resumed *r = arg;
  if (r->sess->o.resume) compare(r->sess, name, value, n, r->was_set);
}

bool settings_load(Session *sess, Json *j, bool was_set) { return each(j, compare_one, &(Resumed){sess, was_set}); }

enum { MAX_LISTED = 1024 };
typedef struct Listed {
  char **text;
  int *n;
} Listed;

static void list_one(void *arg, const char *name, const char *value, int n) {
  const Listed *l = arg;
  if (*l->n < MAX_LISTED) l->text[(*l->n)++] = rt_printf("%s=%s", name, plain(value, n));
}

char **gc_settings_of_run(const char *model, const char *folder, int *n) {
  rt_host = &rt_program;
  Session sess = {.m = &(GcModel){.name = model}};
  if (!folder) folder = run_newest(&sess);
  char *path = rt_printf("%s/run.json", folder ? folder : ""), err[ERR_TEXT],
       **text = rt_array(MAX_LISTED, sizeof *text);
  Bytes b;
  *n = 0;
  if (!folder || !io_exists(path)) return text;
  if (!io_read_all(path, &b, err)) rt_die(E_RUN_FILE, "%s", err);
  Json j = {(char *)b.p, (char *)b.p + b.n, err};
  bool ok = json_expect(&j, '{');
  while (ok) {
    char *key = json_string(&j);
    ok =
      key && json_expect(&j, ':') && (!strcmp(key, "set") ? each(&j, list_one, &(Listed){text, n}) : json_skip(&j, 0));
    rt_free(key);
    if (ok && !json_accept(&j, ',')) break;
  }
  if (!ok) rt_die(E_NOT_A_CHECKPOINT, "%s: %s", path, err);
  rt_free(b.p);
  rt_free(path);
  return text;
}
