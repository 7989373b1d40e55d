// SPDX-License-Identifier: Apache-2.0
/* The opcodes are those of Python's pickletools; the ones that make objects of classes, or name extensions, are not
 * read. Every value of the tree is made by a byte of the pickle or is an operand of one, so that memory is bounded by
 * its length. Values refer to each other by index, and a container may hold itself. */
#include "weights/pickle.h"
#include <string.h>

/* What a file may name. None of them is run: weights/pt.c knows what the functions would build. */
static const char *const allowed[] = {
  "collections OrderedDict",
  "torch Size",
  "torch device",
  "torch._utils _rebuild_parameter",
  "torch._utils _rebuild_tensor_v2",
  "torch._utils _rebuild_tensor_v3",
  "torch.storage UntypedStorage",
#define TYPE(storage, type, name) "torch " #storage, "torch " #type,
#include "weights/pt_types.def"
#undef TYPE
};

typedef struct Machine {
  Pickle *p;
  const unsigned char *at, *end;
  int *stack, *mark, *memo; /* memo: 0: nothing */
  int n, cap, nmark, capmark, nmemo, capmemo, next_memo;
  char *err;
} Machine;

static bool fail(Machine *m, const char *what) { return rt_fail(m->err, "a malformed pickle: %s", what); }

/* ---- values ---- */

static int value_new(Machine *m, PickleKind kind) {
  Pickle *p = m->p;
  if (p->nv == p->capv) p->v = rt_realloc(p->v, rt_mul((size_t)(p->capv *= 2), sizeof *p->v));
  p->v[p->nv] = (PickleValue){.kind = kind};
  return p->nv++;
}

static void add_item(Machine *m, int to, int key, int value) {
  Pickle *p = m->p;
  if (p->ncell == p->capcell) p->cell = rt_realloc(p->cell, rt_mul((size_t)(p->capcell *= 2), sizeof *p->cell));
  int c = p->ncell++;
  p->cell[c] = (PickleCell){.key = key, .value = value};
  PickleValue *v = &p->v[to];
  if (v->last) p->cell[v->last].next = c;
  else v->first = c;
  v->last = c;
  v->count++;
}

static void push(Machine *m, int value) {
  if (m->n == m->cap) m->stack = rt_realloc(m->stack, rt_mul((size_t)(m->cap *= 2), sizeof *m->stack));
  m->stack[m->n++] = value;
}

static int base(const Machine *m) { return m->nmark ? m->mark[m->nmark - 1] : 0; }

/* 0: the stack has nothing above the last mark. */
static int pop(Machine *m) { return m->n > base(m) ? m->stack[--m->n] : 0; }
static int top(const Machine *m) { return m->n > base(m) ? m->stack[m->n - 1] : 0; }

static bool push_number(Machine *m, PickleKind kind, int64_t i) {
  int v = value_new(m, kind);
  m->p->v[v].i = i;
  push(m, v);
  return true;
}

static bool push_items(Machine *m, PickleKind kind, int count) {
  if (m->n - base(m) < count) return fail(m, "the stack is empty");
  int v = value_new(m, kind);
  for (int i = m->n - count; i < m->n; i++) add_item(m, v, 0, m->stack[i]);
  m->n -= count;
  push(m, v);
  return true;
}

/* ---- operands ---- */

static bool number(Machine *m, int bytes, uint64_t *v) {
  *v = 0;
  if (m->end - m->at < bytes) return fail(m, "it is cut off");
  for (int i = 0; i < bytes; i++) *v |= (uint64_t)*m->at++ << 8 * i;
  return true;
}

static bool push_text(Machine *m, int bytes) {
  uint64_t n;
  if (!number(m, bytes, &n)) return false;
  if (n > (uint64_t)(m->end - m->at)) return fail(m, "a text is longer than the file");
  int v = value_new(m, PICKLE_TEXT);
  m->p->v[v].s = (const char *)m->at;
  m->p->v[v].n = (size_t)n;
  m->at += n;
  push(m, v);
  return true;
}

static bool push_long(Machine *m) {
  uint64_t n, v;
  if (!number(m, 1, &n)) return false;
  if (n > 8) return fail(m, "an integer has more than 64 bits");
  if (!number(m, (int)n, &v)) return false;
  int unused = 64 - 8 * (int)n;
  return push_number(m, PICKLE_INT, n ? (int64_t)(v << unused) >> unused : 0);
}

static bool push_float(Machine *m) {
  uint64_t bits = 0;
  if (m->end - m->at < 8) return fail(m, "it is cut off");
  for (int i = 0; i < 8; i++) bits = bits << 8 | *m->at++;
  int v = value_new(m, PICKLE_FLOAT);
  memcpy(&m->p->v[v].x, &bits, 8);
  push(m, v);
  return true;
}

static bool remember(Machine *m, uint64_t at) {
  if (!top(m)) return fail(m, "the stack is empty");
  if (at > (uint64_t)m->p->nv * 2 + 64) return fail(m, "a place of the memo is too far");
  while ((uint64_t)m->capmemo <= at) {
    int cap = m->capmemo * 2;
    m->memo = rt_realloc(m->memo, rt_mul((size_t)cap, sizeof *m->memo));
    memset(m->memo + m->capmemo, 0, (size_t)(cap - m->capmemo) * sizeof *m->memo);
    m->capmemo = cap;
  }
  m->memo[at] = top(m);
  return true;
}

static bool recall(Machine *m, int bytes) {
  uint64_t at;
  if (!number(m, bytes, &at)) return false;
  if (at >= (uint64_t)m->capmemo || !m->memo[at]) return fail(m, "a place of the memo is empty");
  push(m, m->memo[at]);
  return true;
}

/* ---- globals and calls ---- */

static bool push_global(Machine *m, const char *module, size_t nmodule, const char *name, size_t nname) {
  char *text = rt_printf("%.*s %.*s", (int)(nmodule < 99 ? nmodule : 99), module, (int)(nname < 99 ? nname : 99), name);
  const char *found = NULL;
  for (int i = 0; i < COUNT(allowed) && !found; i++)
    if (!strcmp(text, allowed[i])) found = allowed[i];
  if (!found) {
    for (char *c = text; *c; c++) *c = *c == ' ' ? '.' : *c < 32 || *c > 126 ? '?' : *c;
    m->p->unsafe = true;
    rt_fail(m->err, "it asks for `%s`, which is none of the functions and classes that build tensors", text);
  }
  rt_free(text);
  if (!found) return false;
  int v = value_new(m, PICKLE_GLOBAL);
  m->p->v[v].s = found;
  m->p->v[v].n = strlen(found);
  push(m, v);
  return true;
}

static bool line(Machine *m, const char **s, size_t *n) {
  const unsigned char *e = memchr(m->at, '\n', (size_t)(m->end - m->at));
  if (!e) return fail(m, "it is cut off");
  *s = (const char *)m->at;
  *n = (size_t)(e - m->at);
  m->at = e + 1;
  return true;
}

static bool global(Machine *m) {
  const char *module = NULL, *name = NULL;
  size_t nmodule = 0, nname = 0;
  return line(m, &module, &nmodule) && line(m, &name, &nname) && push_global(m, module, nmodule, name, nname);
}

static bool stack_global(Machine *m) {
  int name = pop(m), module = pop(m);
  const PickleValue *a = &m->p->v[module], *b = &m->p->v[name];
  if (!module || a->kind != PICKLE_TEXT || b->kind != PICKLE_TEXT) return fail(m, "a name is no text");
  return push_global(m, a->s, a->n, b->s, b->n);
}

/* An OrderedDict is a dict from the beginning: its items follow. */
static bool call(Machine *m) {
  int args = pop(m), fn = pop(m);
  if (!fn || m->p->v[fn].kind != PICKLE_GLOBAL || m->p->v[args].kind != PICKLE_TUPLE)
    return fail(m, "a call of what is no function");
  bool dict = pickle_is(m->p, fn, "collections OrderedDict");
  if (dict && m->p->v[args].count) return fail(m, "an OrderedDict with arguments");
  int v = value_new(m, dict ? PICKLE_DICT : PICKLE_CALL);
  if (!dict) add_item(m, v, 0, fn);
  if (!dict) add_item(m, v, 0, args);
  push(m, v);
  return true;
}

static bool stored(Machine *m) {
  int id = pop(m);
  if (!id) return fail(m, "the stack is empty");
  int v = value_new(m, PICKLE_STORED);
  add_item(m, v, 0, id);
  push(m, v);
  return true;
}

/* ---- containers ---- */

static bool append(Machine *m, int from) { /* the stack from `from` on, to the list below */
  int list = from > 0 ? m->stack[from - 1] : 0;
  if (!list || m->p->v[list].kind != PICKLE_LIST) return fail(m, "items without a list");
  for (int i = from; i < m->n; i++) add_item(m, list, 0, m->stack[i]);
  m->n = from;
  return true;
}

static bool set_items(Machine *m, int from) {
  int dict = from > 0 ? m->stack[from - 1] : 0;
  if (!dict || m->p->v[dict].kind != PICKLE_DICT || (m->n - from) % 2) return fail(m, "items without a dict");
  for (int i = from; i < m->n; i += 2) add_item(m, dict, m->stack[i], m->stack[i + 1]);
  m->n = from;
  return true;
}

static bool push_mark(Machine *m) {
  if (m->nmark == m->capmark) m->mark = rt_realloc(m->mark, rt_mul((size_t)(m->capmark *= 2), sizeof *m->mark));
  m->mark[m->nmark++] = m->n;
  return true;
}

/* Removes the last mark; -1: there is none. */
static int pop_mark(Machine *m) { return m->nmark ? m->mark[--m->nmark] : -1; }

static bool marked(Machine *m, int op) {
  int from = pop_mark(m);
  if (from < 0) return fail(m, "no mark");
  if (op == '1') m->n = from; /* POP_MARK */
  if (op == 't') return push_items(m, PICKLE_TUPLE, m->n - from);
  if (op == 'l') return push_items(m, PICKLE_LIST, m->n - from);
  if ((op == 'e' || op == 'u') && from <= base(m)) return fail(m, "items without a container");
  return op == 'e' ? append(m, from) : op == 'u' ? set_items(m, from) : true;
}

static bool single(Machine *m, int op) { /* APPEND, SETITEM, BUILD */
  int n = op == 's' ? 2 : 1;
  if (m->n - base(m) < n + 1) return fail(m, "the stack is empty");
  if (op == 'a') return append(m, m->n - 1);
  if (op == 's') return set_items(m, m->n - 2);
  pop(m); /* attributes of an object: none of what is built here has any that matters */
  return true;
}

/* ---- the machine ---- */

static bool step(Machine *m, int op) {
  uint64_t v = 0;
  switch (op) {
  case 0x80: return number(m, 1, &v) && (v <= 5 || fail(m, "a protocol above 5"));
  case 0x95: return number(m, 8, &v); /* FRAME */
  case 'N': return push_number(m, PICKLE_NONE, 0);
  case 0x88:
  case 0x89: return push_number(m, PICKLE_BOOL, op == 0x88);
  case 'K': return number(m, 1, &v) && push_number(m, PICKLE_INT, (int64_t)v);
  case 'M': return number(m, 2, &v) && push_number(m, PICKLE_INT, (int64_t)v);
  case 'J': return number(m, 4, &v) && push_number(m, PICKLE_INT, (int32_t)(uint32_t)v);
  case 0x8A: return push_long(m);
  case 'G': return push_float(m);
  case 'U':
  case 0x8C:
  case 'C': return push_text(m, 1);
  case 'X':
  case 'T':
  case 'B': return push_text(m, 4);
  case 0x8D:
  case 0x8E: return push_text(m, 8);
  case ']': return push_items(m, PICKLE_LIST, 0);
  case '}': return push_items(m, PICKLE_DICT, 0);
  case ')': return push_items(m, PICKLE_TUPLE, 0);
  case 0x85:
  case 0x86:
  case 0x87: return push_items(m, PICKLE_TUPLE, op - 0x84);
  case '(': return push_mark(m);
  case 't':
  case 'l':
  case 'e':
  case 'u':
  case '1': return marked(m, op);
  case 'a':
  case 's':
  case 'b': return single(m, op);
  case 'q': return number(m, 1, &v) && remember(m, v);
  case 'r': return number(m, 4, &v) && remember(m, v);
  case 0x94: return remember(m, (uint64_t)m->next_memo++);
  case 'h': return recall(m, 1);
  case 'j': return recall(m, 4);
  case '0': return pop(m) != 0 || fail(m, "the stack is empty");
  case '2': return top(m) ? push(m, top(m)), true : fail(m, "the stack is empty");
  case 'c': return global(m);
  case 0x93: return stack_global(m);
  case 'R': return call(m);
  case 'Q': return stored(m);
  }
  return rt_fail(m->err, "opcode 0x%02x of the pickle is not read", op);
}

bool pickle_read(Pickle *p, const unsigned char *text, size_t n, char *err) {
  enum { MOST = 1 << 28, FIRST = 64 };
  *p = (Pickle){.capv = FIRST, .capcell = FIRST, .nv = 1, .ncell = 1};
  p->v = rt_array(FIRST, sizeof *p->v);
  p->cell = rt_array(FIRST, sizeof *p->cell);
  Machine m = {.p = p, .at = text, .end = text + n, .err = err, .cap = FIRST, .capmark = FIRST, .capmemo = FIRST};
  m.stack = rt_array(FIRST, sizeof *m.stack);
  m.mark = rt_array(FIRST, sizeof *m.mark);
  m.memo = rt_array(FIRST, sizeof *m.memo);
  bool ok = n < MOST || rt_fail(err, "the pickle has %zu bytes", n), done = false;
  while (ok && !done) {
    if (m.at == m.end) ok = fail(&m, "it is cut off");
    else if (*m.at == '.') done = true;
    else ok = step(&m, *m.at++);
  }
  if (ok && !(p->root = top(&m))) ok = fail(&m, "it has no value");
  rt_free(m.stack);
  rt_free(m.mark);
  rt_free(m.memo);
  return ok;
}

void pickle_free(Pickle *p) {
  rt_free(p->v);
  rt_free(p->cell);
}

int pickle_item(const Pickle *p, int value, int number) {
  int c = p->v[value].first;
  while (c && number--) c = p->cell[c].next;
  return c ? p->cell[c].value : 0;
}

bool pickle_is(const Pickle *p, int value, const char *global) {
  return p->v[value].kind == PICKLE_GLOBAL && !strcmp(p->v[value].s, global);
}
