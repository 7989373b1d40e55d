/* SPDX-License-Identifier: Apache-2.0 */
/* Trained weights of a portable program: in tables of the program, or in a file that is copied or mapped.
 *
 * Weights with Var.rom are read in place, in the table or the mapped file. Weights that are written, and all weights of
 * a program that trains, are copied to mem. The file has a header of 64 bytes (magic, byte order, hash of names, types
 * and offsets, size and hash of the rest), then every tensor in its storage order at a multiple of 64. */
#include "codegen/text/weights.h"
#include "codegen/text/descriptor.h"
#include <string.h>

enum { FILE_ALIGN = 64, FILE_HEAD = 64 };

static int64_t var_bytes(const Emitter *p, int var) { return type_bytes(p->m, p->m->var[var].type); }
static bool is_given(const Emitter *p, int var) { return p->o->values && p->o->values[var]; }
static bool has_file(const Emitter *p) { return p->o->values && p->o->weights_as != WEIGHTS_EMBED; }

/* The given values, which are row-major, in the storage order of the variable. */
static const void *stored_values(Emitter *p, int var) {
  const Var *v = &p->m->var[var];
  const Type *t = type_get(p->m, v->type);
  const unsigned char *from = p->o->values[var];
  if (!v->stored) return from;
  const StorageOrder *s = &p->m->stored[v->stored - 1];
  int64_t stride[MAX_RANK], index[MAX_RANK] = {0}, step = dtype_info[t->dtype].bytes, size = step, at = 0;
  unsigned char *to = ctx_alloc(p->c, (size_t)var_bytes(p, var) + 1);
  for (int i = t->rank - 1; i >= 0; i--) stride[s->perm[i]] = step, step *= t->dim[s->perm[i]];
  for (int64_t n = type_count(p->m, v->type); n > 0; n--, from += size) {
    memcpy(to + at, from, (size_t)size);
    for (int i = t->rank - 1; i >= 0; i--) { /* the next row-major index */
      at += stride[i];
      if (++index[i] < t->dim[i]) break;
      at -= index[i] * stride[i];
      index[i] = 0;
    }
  }
  return to;
}

/* " stored [2,3,0,1]" and the panels; nothing if the order is row-major. */
static const char *stored_text(Emitter *p, const Var *v) {
  if (!v->stored) return "";
  const StorageOrder *st = &p->m->stored[v->stored - 1];
  Str s = {.c = p->c};
  for (int i = 0; i < st->rank; i++) str_printf(&s, "%s%d", i ? "," : " stored [", st->perm[i]);
  str_puts(&s, "]");
  if (st->panel) str_printf(&s, " in panels of %u along axis %d", st->panel, st->panel_axis);
  return s.s;
}

/* ---- tables ---- */

static const char *table_name(const Emitter *p, int var) { return ctx_strf(p->c, "gc_weight%d", var); }

static void print_table(Emitter *p, int var, Str *o) {
  const Var *v = &p->m->var[var];
  const Type *t = type_get(p->m, v->type);
  const void *values = stored_values(p, var);
  int64_t n = type_count(p->m, v->type);
  str_printf(o, "static const %s %s[%lld] = { /* %s: %s%s */", dtype_info[t->dtype].c, table_name(p, var),
             (long long)(n ? n : 1), text_comment(p, v->name), type_text(p->m, v->type), stored_text(p, v));
  for (int64_t i = 0; i < n; i++)
    str_printf(o, "%s%s,", i % 8 ? " " : "\n  ", text_stored_number(p, (DType)t->dtype, values, i));
  str_puts(o, n ? "\n};\n" : "0};\n");
}

void weights_init(GraphText *c, const WeightsText *t, Str *tables) {
  Emitter *p = c->p;
  if (p->m->rom_bytes && has_file(p)) graph_stmt(c, "run->weights = 0;");
  for (int v = 0; v < p->m->nvar && !has_file(p); v++) {
    if (!is_given(p, v)) continue;
    print_table(p, v, tables);
    if (p->m->var[v].rom) continue;
    const char *from = ctx_strf(p->c, "(const unsigned char *)%s", table_name(p, v));
    graph_stmt(c, "%s", t->copy(p, p->m->var[v].offset, from, var_bytes(p, v)));
  }
}

const char *weights_location(Emitter *p, int var) {
  const char *type = dtype_info[type_get(p->m, p->m->var[var].type)->dtype].c;
  if (!has_file(p)) return table_name(p, var);
  return ctx_strf(p->c, "(const %s *)(run->weights + %lld)", type, (long long)p->m->var[var].offset);
}

/* ---- the file ---- */

static int64_t file_round(int64_t n) { return (n + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN; }

/* Offsets after the file's header, per variable: mapped weights at their offsets in read-only memory, then the others.
 * Returns the size. */
static int64_t file_offsets(Emitter *p, int64_t *at, uint64_t *hash) {
  int64_t top = 0;
  for (int v = 0; v < p->m->nvar; v++) {
    if (!is_given(p, v)) continue;
    const Var *x = &p->m->var[v];
    bool mapped = p->o->weights_as == WEIGHTS_EXTERN && x->rom;
    at[v] = mapped ? x->offset : file_round(p->m->rom_bytes) + top;
    if (!mapped) top += file_round(var_bytes(p, v));
    const char *what = ctx_strf(p->c, "%s %s %lld %u", x->name, type_text(p->m, x->type), (long long)at[v], x->stored);
    *hash = hash_bytes(what, strlen(what), *hash);
  }
  return file_round(p->m->rom_bytes) + top;
}

static void put_u64(unsigned char *to, uint64_t x) { memcpy(to, &x, sizeof x); }

/* The same hash as in the generated code: FNV-1a over words of 4 bytes. */
static uint64_t hash_of_words(const unsigned char *s, int64_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (uint32_t w; n > 0; n -= 4, s += 4) memcpy(&w, s, 4), h = (h ^ w) * 0x100000001b3u;
  return h;
}

void weights_file(Emitter *p, Str *file) {
  if (!has_file(p)) return;
  int64_t *at = ctx_alloc(p->c, sizeof *at * (size_t)(p->m->nvar + 1));
  uint64_t hash = 0;
  int64_t bytes = file_offsets(p, at, &hash);
  unsigned char *b = ctx_alloc(p->c, (size_t)(FILE_HEAD + bytes));
  for (int v = 0; v < p->m->nvar; v++)
    if (is_given(p, v)) memcpy(b + FILE_HEAD + at[v], stored_values(p, v), (size_t)var_bytes(p, v));
  memcpy(b, "gradc-w", 8);
  put_u64(b + 8, 0x0102030405060708u);
  put_u64(b + 16, hash);
  put_u64(b + 24, (uint64_t)bytes);
  put_u64(b + 32, hash_of_words(b + FILE_HEAD, bytes));
  str_put(file, (const char *)b, (size_t)(FILE_HEAD + bytes));
}

/* The check at the start of NAME_load and NAME_map. */
static const char CHECK[] =
  "/* True if w is the file of this model's weights, %lld bytes in this machine's byte order. */\n"
  "static int gc_is_weights(const unsigned char *w, size_t bytes) {\n"
  "  static const unsigned char magic[8] = \"gradc-w\";\n"
  "  const uint64_t *const head = (const uint64_t *)(const void *)w;\n"
  "  if (!w || (uintptr_t)w %% 64 || bytes < %lld) return 0;\n"
  "  for (int i = 0; i < 8; i++)\n    if (w[i] != magic[i]) return 0;\n"
  "  return head[1] == 0x0102030405060708u && head[2] == 0x%016llxu && head[3] == %lld;\n}\n\n";

/* Statements that copy weights to mem. */
static void print_copies(Emitter *p, const WeightsText *t, const int64_t *at, Str *o) {
  for (int v = 0; v < p->m->nvar; v++) {
    if (!is_given(p, v) || p->m->var[v].rom) continue;
    const char *from = ctx_strf(p->c, "w + %lld", (long long)(FILE_HEAD + at[v]));
    str_printf(o, "  %s /* %s */\n", t->copy(p, p->m->var[v].offset, from, var_bytes(p, v)),
               text_comment(p, p->m->var[v].name));
  }
}

void weights_functions(Emitter *p, const WeightsText *t, Str *functions, Str *header) {
  if (!has_file(p)) return;
  bool map = p->o->weights_as == WEIGHTS_EXTERN;
  int64_t *at = ctx_alloc(p->c, sizeof *at * (size_t)(p->m->nvar + 1));
  uint64_t hash = 0;
  int64_t bytes = file_offsets(p, at, &hash);
  const char *sig = ctx_strf(p->c, "%s %s_%s(void *mem, const void *weights, size_t bytes%s)", t->result, p->m->name,
                             map ? "map" : "load", t->params);
  str_printf(functions, CHECK, (long long)(FILE_HEAD + bytes), (long long)(FILE_HEAD + bytes), (unsigned long long)hash,
             (long long)bytes);
  str_printf(functions,
             "%s {\n  unsigned char *const m = (unsigned char *)mem;\n"
             "  const unsigned char *const w = (const unsigned char *)weights;\n"
             "  if (!gc_is_weights(w, bytes)) return %s;\n",
             sig, t->refused);
  if (!map)
    str_printf(functions,
               "  uint64_t h = 0xcbf29ce484222325u;\n  for (ptrdiff_t i = 0; i < %lld; i++)\n"
               "    h = (h ^ ((const uint32_t *)(const void *)(w + %d))[i]) * 0x100000001b3u;\n"
               "  if (h != ((const uint64_t *)(const void *)w)[4]) return %s;\n",
               (long long)bytes / 4, FILE_HEAD, t->refused);
  print_copies(p, t, at, functions);
  if (map) str_printf(functions, "  ((%s *)mem)->weights = w + %d;\n", p->run, FILE_HEAD);
  str_printf(functions, "  (void)m;\n  return %s;\n}\n\n", t->done);
  str_printf(header, map ? t->map_comment : t->load_comment, p->m->name, (long long)(FILE_HEAD + bytes));
  str_printf(header, "%s;\n", sig);
}

/* ---- weights in mem ---- */

int weights_offsets(Emitter *p, Str *header) {
  Module *m = p->m;
  const char **name = var_identifiers(p);
  int n = 0;
  for (int v = 0; v < m->nvar; v++) {
    const Var *x = &m->var[v];
    if (x->rom) continue;
    str_printf(header, "%s#define %s_AT_%s %lld /* %s: %s%s */\n",
               n++ ? "" : "\n/* Offsets of weights and states in mem. */\n", m->name, name[v], (long long)x->offset,
               text_comment(p, x->name), type_text(m, x->type), stored_text(p, x));
  }
  return n;
}
