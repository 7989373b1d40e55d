/* SPDX-License-Identifier: Apache-2.0 */
/* The forms `sort` and `topk` of argsort. A team of threads has a part of a row, as keys that are ordered as unsigned
 * words, and places, in shared memory. It sorts runs by a bitonic network, in alternating directions; of each two runs
 * it keeps the elements that are first, which one more stage sorts, until one run is left. For sort a run is the part.
 * Distances below 32 are shuffles. Of a row that is too long for one team each further launch merges up to MERGED
 * lists in scratch memory: the place of an element is the sum of its places in them. Keys with their places are in
 * total order, so that every way of sorting gives the same. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"
#include "codegen/text/sort.h"

enum { PART_WORDS = 16384, WARP = 32, MOST_THREADS = 1024, MERGED = 8 };

typedef struct SortPlan {
  NestSchedule s;
  Dim rows;
  int64_t terms, count;
  int64_t parts;                 /* lists of a row after the first launch */
  int part, run, threads, teams; /* elements of a part and a run, powers of 2; of a team, of a block */
  int words;                     /* of a key */
  int64_t all;                   /* elements of scratch memory for one list of keys or places */
} SortPlan;

static int power_of_two(int64_t n, int least) {
  int p = least;
  while (p < n) p *= 2;
  return p;
}

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* Lists of a row, their length and the span of places that they are of, after launch `part`. */
typedef struct Lists {
  int64_t lists, length, span;
} Lists;

static Lists lists_after(const SortPlan *p, int part) {
  Lists l = {p->parts, at_most(p->count, p->part), p->part};
  for (int i = 0; i < part; i++) {
    l.lists = (l.lists + MERGED - 1) / MERGED;
    l.length = at_most(p->count, l.length * MERGED);
    l.span *= MERGED;
  }
  return l;
}

static bool plan_rows(const KNest *n, SortPlan *p) {
  const KSort *sort = n->sort;
  Module *m = n->axes.m;
  if (!dim_number(m, sort->terms, &p->terms) || !dim_number(m, sort->count, &p->count)) return false;
  if (p->terms < 2 || p->count < 1) return false;
  p->rows = index_product(n, n->outer, n->nouter);
  p->words = dtype_info[sort->type].bytes == 8 ? 2 : 1;
  int most = PART_WORDS / (p->words == 2 ? 4 : 2);
  p->part = p->terms > most ? most : power_of_two(p->terms, WARP);
  p->parts = (p->terms + p->part - 1) / p->part;
  p->run = power_of_two(at_most(p->count, p->part), WARP);
  p->threads = (int)at_most(p->part, p->part / 8 > CUDA_BLOCK ? at_most(p->part / 8, MOST_THREADS) : CUDA_BLOCK);
  p->teams = p->threads < CUDA_BLOCK ? CUDA_BLOCK / p->threads : 1;
  return dim_bound(m, p->rows) <= 0x7fffffff && p->parts <= 65535;
}

static bool plan_launches(Module *m, SortPlan *p, FormShape *f) {
  double most = 0;
  int block = p->threads * p->teams;
  f->launches = 1;
  f->launch[0] = (LaunchShape){.grid = {{p->rows, p->teams}, {dim_of(m, p->parts), 1}},
                               .block = block,
                               .shared_bytes = 4 * (p->words + 1) * p->part * p->teams};
  for (Lists l = lists_after(p, 0); l.lists > 1; l = lists_after(p, f->launches++)) {
    Dim points = dim_mul(m, p->rows, dim_of(m, l.lists * l.length));
    double all = (double)dim_bound(m, points);
    most = all > most ? all : most;
    if (f->launches == FORM_LAUNCHES) return false;
    f->launch[f->launches] = (LaunchShape){.grid[0] = {points, CUDA_BLOCK}, .block = CUDA_BLOCK};
  }
  if (most > 0x1p28) return false;
  p->all = (int64_t)most;
  f->scratch = 4 * (p->words + 1) * p->all * (f->launches > 2 ? 2 : 1);
  return true;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  SortPlan *p = ctx_alloc(m->c, sizeof *p);
  (void)k;
  if (!plan_rows(n, p) || !plan_launches(m, p, f)) return false;
  p->s = schedule_scalar(n);
  p->s.narrow = s->narrow;
  p->s.grid = true;
  for (int i = 0; i < n->nouter; i++) p->s.point[p->s.npoint++] = n->outer[i];
  f->plan = p;
  return true;
}

/* ---- functions ---- */

/* An element is @ words: those of its key, the high one first, and its place. */
static const char ORDER_TEXT[] =
  "static int gc_sort_before_@(const uint32_t *a, const uint32_t *b) {\n"
  "  int less = 0;\n"
  "  GC_UNROLL for (int w = @ - 1; w >= 0; w--) less = a[w] < b[w] || (a[w] == b[w] && less);\n"
  "  return less;\n"
  "}\n";
static const char LANES_TEXT[] =
  "static void gc_sort_get_@(uint32_t *v, gc_saddr at, int part) {\n"
  "  GC_UNROLL for (int w = 0; w < @; w++) v[w] = gc_lds_u32(at + (gc_saddr)(w * part * 4));\n"
  "}\n"
  "static void gc_sort_put_@(gc_saddr at, int part, const uint32_t *v) {\n"
  "  GC_UNROLL for (int w = 0; w < @; w++) gc_sts_u32(at + (gc_saddr)(w * part * 4), v[w]);\n"
  "}\n"
  "/* Exchanges of lanes at distances from d down; e: the number of the element of this lane. */\n"
  "static void gc_sort_lanes_@(uint32_t *v, int e, int size, int d) {\n"
  "  for (; d; d /= 2) {\n"
  "    uint32_t o[@];\n"
  "    GC_UNROLL for (int w = 0; w < @; w++) o[w] = gc_shfl_xor_u32(v[w], d);\n"
  "    const int take = gc_sort_before_@(o, v) == (((e & d) == 0) == ((e & size) == 0));\n"
  "    GC_UNROLL for (int w = 0; w < @; w++) v[w] = take ? o[w] : v[w];\n"
  "  }\n"
  "}\n";
static const char BLOCKS_TEXT[] =
  "/* Sorts blocks of `size` of the first n elements, rising in every other one. Runs are `shift` doublings apart. */\n"
  "static void gc_sort_blocks_@(gc_saddr list, int part, int thread, int threads, int n, int run, int shift,\n"
  "                            int size) {\n"
  "  for (int d = size / 2; d >= 32; d /= 2) {\n"
  "    for (int i = thread; i < n / 2; i += threads) {\n"
  "      const int e = (i & ~(d - 1)) * 2 + (i & (d - 1));\n"
  "      const gc_saddr at = list + (gc_saddr)(((e / run << shift) * run + e % run) * 4);\n"
  "      uint32_t a[@], b[@];\n"
  "      gc_sort_get_@(a, at, part);\n"
  "      gc_sort_get_@(b, at + (gc_saddr)(d * 4), part);\n"
  "      if (gc_sort_before_@(b, a) != ((e & size) == 0)) continue;\n"
  "      gc_sort_put_@(at, part, b);\n"
  "      gc_sort_put_@(at + (gc_saddr)(d * 4), part, a);\n"
  "    }\n"
  "    gc_sync();\n"
  "  }\n"
  "  for (int e = thread; e < n; e += threads) {\n"
  "    const gc_saddr at = list + (gc_saddr)(((e / run << shift) * run + e % run) * 4);\n"
  "    uint32_t v[@];\n"
  "    gc_sort_get_@(v, at, part);\n"
  "    gc_sort_lanes_@(v, e, size, size < 64 ? size / 2 : 16);\n"
  "    gc_sort_put_@(at, part, v);\n"
  "  }\n"
  "  gc_sync();\n"
  "}\n";
static const char HALVE_TEXT[] =
  "/* Keeps of each two runs, of n elements in all, the elements that are first. */\n"
  "static void gc_sort_halve_@(gc_saddr list, int part, int thread, int threads, int n, int run, int shift) {\n"
  "  for (int e = thread; e < n / 2; e += threads) {\n"
  "    const gc_saddr at = list + (gc_saddr)(((e / run << (shift + 1)) * run + e % run) * 4);\n"
  "    uint32_t a[@], b[@];\n"
  "    gc_sort_get_@(a, at, part);\n"
  "    gc_sort_get_@(b, at + (gc_saddr)((run << shift) * 4), part);\n"
  "    if (gc_sort_before_@(b, a)) gc_sort_put_@(at, part, b);\n"
  "  }\n"
  "  gc_sync();\n"
  "}\n";

/* The function that stores a key: its words, the high one first. */
static const char *key_text(NestText *c, DType t) {
  bool wide = dtype_info[t].bytes == 8;
  return ctx_strf(c->p->c,
                  "static void gc_sort_key_%s(uint32_t *v, %s x, int descending) {\n"
                  "%s  if (descending) key = ~key;\n%s}\n",
                  dtype_info[t].name, dtype_info[dtype_computed(t)].c,
                  sort_key_text(c->p->c, t, wide ? "gc_u64" : "uint32_t"),
                  wide ? "  v[0] = (uint32_t)(key >> 32), v[1] = (uint32_t)key;\n" : "  v[0] = key;\n");
}

static void put_helper(NestText *c, const char *text) {
  bool made;
  text_intern(c->p, text, &made);
  if (made) str_puts(&c->p->helpers, text);
}

static int element_words(const NestText *c) { return ((const SortPlan *)c->form)->words + 1; }

/* A text whose @ are the words of an element. */
static void put_words(NestText *c, const char *text) {
  Str s = {.c = c->p->c};
  for (; *text; text++)
    if (*text == '@') str_printf(&s, "%d", element_words(c));
    else str_put(&s, text, 1);
  put_helper(c, s.s);
}

static void put_functions(NestText *c, bool merges) {
  const SortPlan *p = c->form;
  put_words(c, ORDER_TEXT);
  if (merges) return;
  put_words(c, LANES_TEXT);
  put_helper(c, key_text(c, c->n->sort->type));
  if (p->part > WARP) put_words(c, BLOCKS_TEXT);
  if (p->run < p->part) put_words(c, HALVE_TEXT);
}

/* ---- a part of a row ---- */

static void print_team(NestText *c) {
  const SortPlan *p = c->form;
  const char *type = nest_index_type(c), *rows = text_dim(c->p, p->rows);
  int n = element_words(c);
  bool one = !c->n->nouter && p->parts == 1;
  if (p->teams == 1) {
    if (!one) nest_line(c, "const %s row = gc_block();", type);
    nest_line(c, "const int thread = gc_thread();");
    nest_line(c, "const gc_saddr list = gc_shared();");
  } else {
    nest_line(c, "const int thread = gc_thread() %% %d, team = gc_thread() / %d;", p->threads, p->threads);
    nest_line(c, "const %s of_team = %sgc_block() * %d + team;", type, c->s->narrow ? "" : "(gc_i64)", p->teams);
    nest_line(c, "const int real = of_team < %s;", rows);
    if (!one) nest_line(c, "const %s row = real ? of_team : 0;", type);
    nest_line(c, "const gc_saddr list = gc_shared() + (gc_saddr)(team * %d);", 4 * n * p->part);
  }
  index_declare(c, c->n->outer, c->n->nouter, "row");
}

static void declare_axis(NestText *c, int axis, const char *index) {
  if (axis >= 0) nest_line(c, "const %s i%d = %s;", nest_index_type(c), axis, index);
}

/* Elements of this thread, in order within those of each warp. */
static void print_load(NestText *c) {
  const SortPlan *p = c->form;
  const KSort *s = c->n->sort;
  const KVal *v = &c->n->val[s->load.at];
  int n = element_words(c);
  nest_open_block(c, "for (int e = thread; e < %d; e += %d)", p->part, p->threads);
  nest_line(c, "const int place = %se;", p->parts > 1 ? ctx_strf(c->p->c, "gc_block_y() * %d + ", p->part) : "");
  nest_line(c, "uint32_t v[%d];", n);
  nest_line(c, "GC_UNROLL for (int w = 0; w < %d; w++) v[w] = ~0u;", p->words);
  nest_line(c, "v[%d] = (uint32_t)place;", p->words);
  nest_open_block(c, "if (place < %lld)", (long long)p->terms);
  declare_axis(c, s->load.col, "place");
  nest_line(c, "gc_sort_key_%s(v, %s, %d);", dtype_info[s->type].name,
            text_after_load(c->p, s->type, nest_element(c, v->buf, &v->at)), s->descending);
  nest_close_block(c);
  nest_line(c, "for (int size = 2; size <= 32; size *= 2) gc_sort_lanes_%d(v, e, size, size / 2);", n);
  nest_line(c, "gc_sort_put_%d(list + (gc_saddr)(e * 4), %d, v);", n, p->part);
  nest_close_block(c);
  nest_line(c, "gc_sync();");
}

static void print_network(NestText *c) {
  const SortPlan *p = c->form;
  int n = element_words(c);
  const char *list = ctx_strf(c->p->c, "list, %d, thread, %d", p->part, p->threads);
  if (p->run > 32)
    nest_line(c, "for (int size = 64; size <= %d; size *= 2) gc_sort_blocks_%d(%s, %d, %d, 0, size);", p->run, n, list,
              p->part, p->run);
  if (p->run == p->part) return;
  nest_open_block(c, "for (int n = %d, shift = 0; n > %d; n /= 2, shift++)", p->part, p->run);
  nest_line(c, "gc_sort_halve_%d(%s, n, %d, shift);", n, list, p->run);
  nest_line(c, "gc_sort_blocks_%d(%s, n / 2, %d, shift + 1, %d);", n, list, p->run, p->run);
  nest_close_block(c);
}

static void print_result(NestText *c, const char *place, const char *value) {
  const KSort *s = c->n->sort;
  const KStore *y = &c->n->store[s->store.at];
  declare_axis(c, s->store.col, place);
  nest_line(c, "%s = (int32_t)%s;", nest_element(c, y->buf, &y->at), value);
}

/* Word w of element `at` of the lists that launch `part` stores. */
static const char *scratch_word(NestText *c, int part, const char *w, const char *at) {
  const SortPlan *p = c->form;
  int64_t half = part % 2 * p->all * element_words(c);
  return ctx_strf(c->p->c, "((uint32_t *)scratch)[%s%lld * %s + %s]",
                  half ? ctx_strf(c->p->c, "%lld + ", (long long)half) : "", (long long)p->all, w, at);
}

static void print_part(NestText *c) {
  const SortPlan *p = c->form;
  Lists l = lists_after(p, 0);
  int n = element_words(c);
  print_team(c);
  print_load(c);
  print_network(c);
  if (p->parts == 1) {
    nest_open_block(c, "for (int e = thread; %se < %lld; e += %d)", p->teams > 1 ? "real && " : "", (long long)p->count,
                    p->threads);
    print_result(c, "e", ctx_strf(c->p->c, "gc_lds_u32(list + (gc_saddr)((e + %d) * 4))", p->words * p->part));
    nest_close_block(c);
    return;
  }
  nest_line(c, "const int rest = %lld - gc_block_y() * %d, n = rest < %lld ? rest : %lld;", (long long)p->terms,
            p->part, (long long)l.length, (long long)l.length);
  nest_open_block(c, "for (int e = thread; e < n; e += %d)", p->threads);
  nest_line(c, "const %s at = (row * %lld + gc_block_y()) * %lld + e;", nest_index_type(c), (long long)l.lists,
            (long long)l.length);
  nest_line(c, "GC_UNROLL for (int w = 0; w < %d; w++) %s = gc_lds_u32(list + (gc_saddr)((e + w * %d) * 4));", n,
            scratch_word(c, 0, "w", "at"), p->part);
  nest_close_block(c);
}

/* ---- merging lists ---- */

/* Declares `name`, the number of elements of list `list`. */
static void print_length(NestText *c, const Lists *l, const char *name, const char *list) {
  const SortPlan *p = c->form;
  nest_line(c, "const int rest_%s = %lld - %s * %lld;", list, (long long)p->terms, list, (long long)l->span);
  nest_line(c, "const int %s = rest_%s < %lld ? rest_%s : %lld;", name, list, (long long)l->length, list,
            (long long)l->length);
}

/* Adds to `place` the elements of list `other` that are before this one. */
static void print_search(NestText *c, int part, const Lists *l) {
  int n = element_words(c);
  print_length(c, l, "n", "other");
  nest_line(c, "int low = 0, high = n;");
  nest_open_block(c, "while (low < high)");
  nest_line(c, "const int middle = (low + high) / 2;");
  nest_line(c, "uint32_t o[%d];", n);
  nest_line(c, "GC_UNROLL for (int w = 0; w < %d; w++) o[w] = %s;", n,
            scratch_word(c, part - 1, "w", ctx_strf(c->p->c, "first + other * %lld + middle", (long long)l->length)));
  nest_line(c, "if (gc_sort_before_%d(o, v)) low = middle + 1;", n);
  nest_line(c, "else high = middle;");
  nest_close_block(c);
  nest_line(c, "place += low;");
}

static void print_merge(NestText *c, int part) {
  const SortPlan *p = c->form;
  Lists l = lists_after(p, part - 1), to = lists_after(p, part);
  const char *type = nest_index_type(c), *cast = c->s->narrow ? "" : "(gc_i64)";
  long long each = (long long)(l.lists * l.length), length = (long long)l.length;
  int n = element_words(c);
  nest_line(c, "const %s point = %sgc_block() * %d + gc_thread();", type, cast, CUDA_BLOCK);
  nest_line(c, "if (point >= %s * %lld) return;", index_operand(c, p->rows), each);
  nest_line(c, "const %s row = point / %lld, first = row * %lld;", type, each, each);
  nest_line(c, "const int list = (int)(point / %lld %% %lld), e = (int)(point %% %lld);", length, (long long)l.lists,
            length);
  print_length(c, &l, "length", "list");
  nest_line(c, "if (e >= length) return;");
  nest_line(c, "uint32_t v[%d];", n);
  nest_line(c, "GC_UNROLL for (int w = 0; w < %d; w++) v[w] = %s;", n, scratch_word(c, part - 1, "w", "point"));
  nest_line(c, "int place = e;");
  nest_open_block(c, "for (int other = list / %d * %d; other < %lld && other / %d == list / %d; other++)", MERGED,
                  MERGED, (long long)l.lists, MERGED, MERGED);
  nest_line(c, "if (other == list) continue;");
  print_search(c, part, &l);
  nest_close_block(c);
  nest_open_block(c, "if (place < %lld)", (long long)to.length);
  if (to.lists == 1) {
    index_declare(c, c->n->outer, c->n->nouter, "row");
    print_result(c, "place", ctx_strf(c->p->c, "v[%d]", p->words));
  } else {
    nest_line(c, "const %s at = (row * %lld + list / %d) * %lld + place;", type, (long long)to.lists, MERGED,
              (long long)to.length);
    nest_line(c, "GC_UNROLL for (int w = 0; w < %d; w++) %s = v[w];", n, scratch_word(c, part, "w", "at"));
  }
  nest_close_block(c);
}

static void print(Emitter *e, const Launch *l, Str *body) {
  static const ParallelText text = {0};
  const SortPlan *p = l->plan;
  NestText c = nest_text(e, l->step->kernel, &p->s, body);
  c.parallel = &text;
  c.form = p;
  put_functions(&c, l->part > 0);
  if (l->part) print_merge(&c, l->part);
  else print_part(&c);
}

static bool suits_sort(const Kernel *k, const NestSchedule *s, FormShape *f) {
  return s->nest->sort->count == s->nest->sort->terms && suits(k, s, f);
}

const Form form_sort = {"sort", suits_sort, print};
const Form form_topk = {"topk", suits, print};
