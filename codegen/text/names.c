/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the .nn file as identifiers of C and C++: parameters, metrics, weights. */
#include "codegen/text/graph.h"
#include "passes/analysis/model_memory.h"
#include <ctype.h>
#include <string.h>

/* Keywords of C and C++ (the header is for both), and names that compilers and <stddef.h> define. */
static const char KEYWORDS[] =
  " auto break case char const continue default do double else enum extern float for goto if inline int long register"
  " restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
  " alignas alignof and and_eq asm bitand bitor bool catch char8_t char16_t char32_t class co_await co_return co_yield"
  " compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast explicit export false friend"
  " mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public reinterpret_cast"
  " requires static_assert static_cast template this thread_local throw true try typeid typename typeof using virtual"
  " wchar_t xor xor_eq linux unix NULL offsetof ";

/* Macros without parameters in the C and POSIX headers, which may be included before a model's header. */
static const char MACROS[] =
  " complex d_fileno errno h_addr h_errno i386 imaginary math_errhandling noreturn s6_addr s6_addr16 s6_addr32"
  " sa_handler sa_sigaction sched_priority si_addr si_addr_lsb si_arch si_band si_call_addr si_fd si_int si_lower"
  " si_overrun si_pid si_pkey si_ptr si_status si_stime si_syscall si_timerid si_uid si_upper si_utime si_value"
  " sigev_notify_attributes sigev_notify_function st_atime st_ctime st_mtime stderr stdin stdout ";

/* Further names that members of the run header must not have: macros that are likely names of metrics, some of them of
 * Windows, and the member of programs with mapped weights. */
static const char MEMBERS[] =
  " I EOF NAN INFINITY HUGE_VAL BUFSIZ OVERFLOW UNDERFLOW DOMAIN M_E M_PI INT_MAX FLT_MAX FLT_MIN FLT_EPSILON TRUE"
  " FALSE PI IN OUT min max near far small interface weights ";

const char *text_ident(Emitter *p, const char *name) {
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

/* Begins as names of kernels do: "k", a number, and its end or "_". */
static bool is_kernel(const char *s) {
  size_t n = *s == 'k' ? strspn(s + 1, "0123456789") : 0;
  return n && (!s[n + 1] || s[n + 1] == '_');
}

const char *model_identifier(Ctx *c, const char *name) {
  static const char *const taken[] = {"gc", "GC", "p", "v", "n", "in", "out", "PRIM", "GRADC"};
  bool meets = is_kernel(name);
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) meets |= !strcmp(name, taken[i]);
  return meets ? ctx_strf(c, "%s_", name) : name;
}

/* `name` with underscores appended until it differs from the n others. Names are interned: compared as pointers. */
static const char *distinct(Emitter *p, const char *name, const char *const *other, int n) {
  name = ctx_name(p->c, name);
  for (int i = 0; i < n; i++)
    if (name == other[i]) return distinct(p, ctx_strf(p->c, "%s_", name), other, n);
  return name;
}

/* Names get a prefix, since a name of the file may be a keyword, a macro of the including file, or a name of ours. */
void name_params(GraphText *c) {
  Emitter *p = c->p;
  const Graph *g = c->g;
  const char **name = ctx_alloc(p->c, (size_t)(g->nport + g->nout + 1) * sizeof *name);
  int n = 0;
  for (int i = 0; i < g->nport + g->nout; i++) {
    const Out *o = i < g->nport ? NULL : &g->out[i - g->nport];
    if (o && o->var >= 0) continue;
    const char *s = o ? o->name : node_name(g, g->port[i]);
    if (o && (!s || !*s || !strcmp(s, "out"))) s = "0"; /* the one result of an export */
    name[n] = distinct(p, ctx_strf(p->c, o ? "out_%s" : "in_%s", text_ident(p, s)), name, n);
    n++;
  }
  c->in = name;
  c->out = name + g->nport;
}

const char *metric_identifier(Emitter *p, const char *metric) {
  int n, i = 0;
  const char **all = head_metrics(p->m, &n), **name = ctx_alloc(p->c, (size_t)(n + 1) * sizeof *name);
  for (; i < n; i++) {
    const char *s = text_ident(p, all[i]);
    if (p->m->opt.device && listed(" status sums others ", s)) s = ctx_strf(p->c, "%s_", s);
    if (listed(KEYWORDS, s) || listed(MACROS, s) || listed(MEMBERS, s)) s = ctx_strf(p->c, "%s_", s);
    name[i] = distinct(p, *s == '_' ? ctx_strf(p->c, "x%s", s) : s, name, i);
    if (!strcmp(all[i], metric)) break;
  }
  return i < n ? name[i] : metric;
}

const char *text_comment(Emitter *p, const char *text) {
  char *s = ctx_strf(p->c, "%s", text);
  for (char *x = s; *x; x++)
    if (*x < ' ' || *x > '~' || (x > s && ((x[-1] == '*' && *x == '/') || (x[-1] == '/' && *x == '*')))) *x = '?';
  return s;
}

const char **var_identifiers(Emitter *p) {
  const char **name = ctx_alloc(p->c, (size_t)(p->m->nvar + 1) * sizeof *name);
  for (int i = 0; i < p->m->nvar; i++) name[i] = distinct(p, text_ident(p, p->m->var[i].name), name, i);
  return name;
}

/* ---- kernels ---- */

enum { MAX_LABEL = 48, MAX_PATH = 40 };

/* The last parts of a path that fit; the first one only if it is a `use`. */
static const char *path_words(Emitter *p, int scope) {
  const char *s = scope_path(p->m, scope), *dot = strchr(s, '.');
  if (scope && !p->m->scope[scope].instance) s = dot ? dot + 1 : "";
  while (strlen(s) > MAX_PATH && (dot = strchr(s, '.'))) s = dot + 1;
  return ctx_strf(p->c, "%.*s", MAX_PATH, s);
}

/* As an identifier that follows "k1_": words of letters and digits, with one `_` between them. */
static const char *label_text(Emitter *p, const char *words) {
  char *s = ctx_strf(p->c, "%s", words), *to = s;
  for (const char *x = words; *x; x++) {
    if (isalnum((unsigned char)*x)) *to++ = *x;
    else if (to > s && to[-1] != '_') *to++ = '_';
  }
  while (to > s && to[-1] == '_') to--;
  *to = 0;
  return s;
}

const char *kernel_label(Emitter *p, const Kernel *k) {
  const Graph *g = k->gs->g;
  int scope = group_scope(g, k->group), last = scope;
  Str s = {.c = p->c};
  str_puts(&s, path_words(p, scope));
  for (int i = 0; i < k->group->nnode; i++) {
    int other = source_scope(p->c, node_get(g, k->group->node[i])->loc);
    const char *call = other != last && *path_words(p, other) ? scope_call(p->m, other) : "";
    if (s.n + strlen(call) + 1 > MAX_LABEL || (*call && strstr(s.s, call))) continue;
    if (*call) str_printf(&s, "_%s", call);
    last = other;
  }
  const char *label = label_text(p, s.s);
  return *label ? label : kernel_class_name[k->group->cls];
}
