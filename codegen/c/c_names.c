/* Names of the .nn file as identifiers of C and C++: parameters, metrics, weights. */
#include "codegen/c/graph.h"
#include "passes/persist.h"
#include <ctype.h>
#include <string.h>

/* Of C, of C++ (which includes the header), and what compilers and <stddef.h> define. */
static const char KEYWORDS[] =
  " auto break case char const continue default do double else enum extern float for goto if inline int long register"
  " restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
  " alignas alignof and and_eq asm bitand bitor bool catch char8_t char16_t char32_t class co_await co_return co_yield"
  " compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast explicit export false friend"
  " mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public reinterpret_cast"
  " requires static_assert static_cast template this thread_local throw true try typeid typename typeof using virtual"
  " wchar_t xor xor_eq linux unix NULL offsetof ";

/* What the functions that take ports use besides. */
static const char LOCALS[] = " a m t i e k s mem run pass turn part parts sum call memset memcpy memmove ";

const char *c_ident(CPrint *p, const char *name) {
  char *s = ctx_strf(p->c, "%s", name);
  for (char *x = s; *x; x++)
    if (!isalnum((unsigned char)*x)) *x = '_';
  return isdigit((unsigned char)*s) ? ctx_strf(p->c, "_%s", s) : s;
}

static bool listed(const char *words, const char *s) {
  size_t n = strlen(s);
  for (const char *at = strstr(words, s); at; at = strstr(at + 1, s))
    if (at > words && at[-1] == ' ' && at[n] == ' ') return true;
  return false;
}

/* Helpers, sizes, kernels, carries of scans and the model's own functions have their prefixes. */
static bool has_prefix(const CPrint *p, const char *s) {
  size_t own = strlen(p->m->name);
  if (!strncmp(s, "gc_", 3) || !strncmp(s, "n_", 2)) return true;
  return (s[0] && strchr("kcd", s[0]) && isdigit((unsigned char)s[1])) || (!strncmp(s, p->m->name, own) && s[own] == '_');
}

/* A name that means nothing else in a function which takes ports; types end in _t. */
static const char *port_name(CPrint *p, const char *name) {
  const char *s = c_ident(p, name);
  size_t n = strlen(s);
  if (has_prefix(p, s)) s = ctx_strf(p->c, "_%s", s);
  bool type = n > 2 && !strcmp(s + strlen(s) - 2, "_t");
  return type || listed(LOCALS, s) || listed(KEYWORDS, s) ? ctx_strf(p->c, "%s_", s) : s;
}

/* `name`, or with underscores behind it until it is none of the n others; interned, so that pointers tell. */
static const char *distinct(CPrint *p, const char *name, const char *const *other, int n) {
  name = ctx_name(p->c, name);
  for (int i = 0; i < n; i++)
    if (name == other[i]) return distinct(p, ctx_strf(p->c, "%s_", name), other, n);
  return name;
}

void c_name_params(CGraph *c) {
  CPrint *p = c->p;
  const Graph *g = c->g;
  const char **name = ctx_alloc(p->c, (size_t)(g->nport + g->nout + 1) * sizeof *name);
  int n = 0;
  for (int i = 0; i < g->nport + g->nout; i++) {
    const Out *o = i < g->nport ? NULL : &g->out[i - g->nport];
    if (o && o->var >= 0) continue;
    const char *s = port_name(p, o ? (o->name && *o->name ? o->name : "out") : node_attr(g, g->port[i], 0)->s);
    name[n] = distinct(p, s, name, n);
    n++;
  }
  c->in = name;
  c->out = name + g->nport;
}

const char *c_metric_name(CPrint *p, const char *metric) {
  int n, i = 0;
  const char **all = head_metrics(p->m, &n), **name = ctx_alloc(p->c, (size_t)(n + 1) * sizeof *name);
  for (; i < n; i++) {
    const char *s = c_ident(p, all[i]);
    name[i] = distinct(p, listed(KEYWORDS, s) ? ctx_strf(p->c, "%s_", s) : s, name, i);
    if (!strcmp(all[i], metric)) break;
  }
  return i < n ? name[i] : metric;
}

const char **c_var_names(CPrint *p) {
  const char **name = ctx_alloc(p->c, (size_t)(p->m->nvar + 1) * sizeof *name);
  for (int i = 0; i < p->m->nvar; i++) name[i] = distinct(p, c_ident(p, p->m->var[i].name), name, i);
  return name;
}
