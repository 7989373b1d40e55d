/* SPDX-License-Identifier: Apache-2.0 */
/* What a project needs: its program is compiled for the board in a work folder, and run in the emulator. */
#include "driver/project.h"
#include "driver/report_plan.h"
#include "driver/toolchain.h"
#include "lib/cost.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_SECONDS = 10 };
static const char OPT_LEVEL[] = "-O2";

typedef struct Bench {
  const Project *p;
  Ctx *c;
  WorkFolder w;
  const char *cc;
} Bench;

static const char *missing(Ctx *c, const char *program, const char *package) {
  if (cc_find(c, program)) return NULL;
  return ctx_strf(c, "%s is missing; on Debian, apt-get install %s", program, package);
}

static const char *in_folder(const Bench *b, const char *name) { return work_folder_path(&b->w, name); }

/* The output of command i of the last cc_run. */
static const char *output(const Bench *b, int i) {
  char *text;
  size_t n;
  if (work_folder_read(&b->w, ctx_strf(b->c, "%d.log", i), &text, &n).fault) return "";
  const char *copy = ctx_strf(b->c, "%s", text);
  free(text);
  return copy;
}

/* The line of an output that says what is wrong: the first with one of these words, else the first. */
static const char *telling_line(Ctx *c, const char *text) {
  static const char *const words[] = {"overflowed", "undefined reference", "error"};
  const char *line = NULL;
  for (size_t i = 0; i < sizeof words / sizeof *words && !line; i++) line = strstr(text, words[i]);
  if (!line) line = text;
  while (line > text && line[-1] != '\n' && strncmp(line, "region ", 7)) line--;
  return ctx_strf(c, "%.*s", (int)strcspn(line, "\n"), line);
}

/* Runs the commands. NULL, or why one failed. */
static const char *run(const Bench *b, CcArgs *k, int n) {
  CcResult r = cc_run(&b->w, k, n);
  return r.fault ? telling_line(b->c, r.text) : NULL;
}

static CcArgs compile(const Bench *b, const char *source, const char *object, const char *flags) {
  CcArgs k = cc_command(b->c, b->cc);
  cc_words(&k, b->p->board->cpu);
  cc_words(&k, project_flags);
  cc_arg(&k, OPT_LEVEL);
  cc_words(&k, flags);
  cc_arg(&k, "-c");
  cc_arg(&k, in_folder(b, source));
  cc_arg(&k, "-o");
  cc_arg(&k, in_folder(b, object));
  return k;
}

static CcArgs link_command(const Bench *b, const char *example, const char *program) {
  CcArgs k = cc_command(b->c, b->cc);
  cc_words(&k, b->p->board->cpu);
  cc_words(&k, project_link);
  cc_arg(&k, "-T");
  cc_arg(&k, in_folder(b, "board.ld"));
  cc_arg(&k, in_folder(b, example));
  cc_arg(&k, in_folder(b, "model.o"));
  cc_arg(&k, in_folder(b, "startup.o"));
  cc_arg(&k, "-lgcc");
  cc_arg(&k, "-o");
  cc_arg(&k, in_folder(b, program));
  return k;
}

static CcArgs size_command(const Bench *b, const char *file) {
  CcArgs k = cc_command(b->c, ctx_strf(b->c, "%ssize", b->p->board->prefix));
  cc_arg(&k, "-A");
  cc_arg(&k, in_folder(b, file));
  return k;
}

/* The sum of the sections of `size -A` whose names begin with one of the words. */
static int64_t sections(const char *table, const char *const *word) {
  int64_t sum = 0;
  for (const char *p = table; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'))
    for (int i = 0; word[i]; i++)
      if (!strncmp(p, word[i], strlen(word[i]))) sum += strtoll(p + strcspn(p, " \t\n"), NULL, 10);
  return sum;
}

/* ---- the compiler ---- */

static const char *build(const Bench *b, Measures *m) {
  static const char *const flash[] = {".text", ".rodata", ".data", ".ARM.exidx", ".srodata", ".sdata", NULL};
  static const char *const ram[] = {".data", ".bss", ".sdata", ".sbss", NULL};
  const char *why = missing(b->c, b->cc, b->p->board->cc_package), *model = ctx_strf(b->c, "%s.c", b->p->name);
  CcResult r = {CC_OK, NULL};
  for (int i = 0; i < b->p->n && !r.fault; i++)
    r = work_folder_write(&b->w, b->p->file[i].path, b->p->file[i].text, b->p->file[i].n);
  if (why || r.fault) return why ? why : r.text;
  CcArgs step1[] = {compile(b, model, "model.o", "-fstack-usage"), compile(b, "startup.c", "startup.o", NULL),
                    compile(b, "main.c", "main.o", NULL), compile(b, "main.c", "count.o", "-DCOUNT -DSTEPS=2")};
  why = run(b, step1, 4);
  CcArgs step2[] = {link_command(b, "main.o", "program.elf"), link_command(b, "count.o", "count.elf")};
  if (!why) why = run(b, step2, 2);
  CcArgs step3[] = {size_command(b, "program.elf"), size_command(b, "model.o")};
  if (!why) why = run(b, step3, 2);
  if (why) return why;
  m->flash = sections(output(b, 0), flash);
  m->ram = sections(output(b, 0), ram);
  m->model_flash = sections(output(b, 1), flash);
  char *frames;
  size_t n;
  if (work_folder_read(&b->w, "model.su", &frames, &n).fault) return NULL;
  m->stack = stack_depth(b->c, b->p->model->code.s, frames);
  free(frames);
  return NULL;
}

/* ---- the emulator ---- */

/* Lines `ticks HIGH LOW`: the last of a training, the first of exports. -1: none. */
static double ticks(const char *text, bool last) {
  double found = -1;
  for (const char *p = text; (p = strstr(p, "ticks ")); p++) {
    char *low;
    double high = (double)strtoull(p + 6, &low, 10);
    found = high * 4294967296.0 + (double)strtoull(low, NULL, 10);
    if (!last) break;
  }
  return found;
}

static const char *emulate(const Bench *b, Measures *m) {
  const Board *board = b->p->board;
  const char *why = missing(b->c, board->qemu, board->qemu_package);
  if (why) return why;
  CcArgs k = cc_command(b->c, "timeout");
  cc_arg(&k, ctx_strf(b->c, "%d", RUN_SECONDS));
  cc_arg(&k, board->qemu);
  cc_words(&k, board->machine);
  cc_words(&k, project_text);
  cc_arg(&k, "-icount");
  cc_arg(&k, ctx_strf(b->c, "shift=%d", BOARD_ICOUNT_SHIFT));
  cc_arg(&k, "-kernel");
  cc_arg(&k, in_folder(b, "count.elf"));
  why = run(b, &k, 1);
  double n = ticks(output(b, 0), b->p->m->ntrain && !b->p->m->opt.infer_only);
  if (n >= 0) m->instructions = n * board->ns / (1 << BOARD_ICOUNT_SHIFT);
  else if (why && strstr(why, "status 124"))
    return ctx_strf(b->c, "it takes more than %d seconds in %s; `make count` waits", RUN_SECONDS, board->qemu);
  else return ctx_strf(b->c, "the example ends early in %s: %s", board->qemu, why ? why : output(b, 0));
  return NULL;
}

Measures project_measure(const Project *p) {
  Project board = *p;
  board.file = NULL;
  board.n = board.cap = 0;
  project_add_board(&board);
  Bench b = {.p = &board, .c = p->c, .cc = ctx_strf(p->c, "%sgcc", p->board->prefix)};
  Measures m = {.flash = -1, .model_flash = -1, .ram = -1, .stack = -1, .instructions = -1};
  m.build_why = m.run_why = "there is no work folder";
  if (!temp_make(p->c, &b.w)) return m;
  m.build_why = build(&b, &m);
  m.run_why = m.build_why ? "the program could not be built" : emulate(&b, &m);
  temp_remove(&b.w);
  return m;
}

/* ---- the report ---- */

static const char *human(Ctx *c, int64_t n) {
  static const char *const unit[] = {"B", "KiB", "MiB", "GiB"};
  double x = (double)n;
  int k = 0;
  for (; x >= 1024 && k < 3; k++) x /= 1024;
  return ctx_strf(c, k ? "%.1f %s" : "%.0f %s", x, unit[k]);
}

static void put_number(Str *s, const char *key, double n) {
  if (n < 0) str_printf(s, ",\"%s\":null", key);
  else str_printf(s, ",\"%s\":%.0f", key, n);
}

static void put_why(Str *s, const char *key, const char *why) {
  if (!why) return;
  str_printf(s, ",\"%s\":", key);
  str_json(s, why);
}

static void print_json(const Project *p, const char *dir, const Measures *m, const Cost *k) {
  Str s = {.c = p->c};
  str_printf(&s, "{\"project\":\"%s\",\"target\":\"%s\",\"folder\":", p->kind, p->board->name);
  str_json(&s, dir);
  put_number(&s, "flash_bytes", (double)m->flash);
  put_number(&s, "model_flash_bytes", (double)m->model_flash);
  put_number(&s, "ram_bytes", (double)m->ram);
  put_number(&s, "model_ram_bytes", (double)p->m->total_bytes);
  put_number(&s, "stack_bytes", (double)m->stack);
  put_number(&s, "macs", k->macs);
  put_number(&s, "work", k->work);
  put_number(&s, "instructions", m->instructions);
  put_why(&s, "sizes_why", m->build_why);
  put_why(&s, "instructions_why", m->run_why);
  printf("%s}\n", s.s);
}

static void print_text(const Project *p, const char *dir, const Measures *m, double macs) {
  const char *of = p->m->ntrain && !p->m->opt.infer_only ? "a step" : "a call of the first export";
  printf("%s for %s, in %s\n", p->name, p->board->title, dir);
  if (m->build_why) printf("flash, RAM, stack  not known: %s\n", m->build_why);
  else {
    printf("flash          %14s  the example; all functions of the model are %s (%sgcc %s)\n", human(p->c, m->flash),
           human(p->c, m->model_flash), p->board->prefix, OPT_LEVEL);
    printf("RAM            %14s  of the example, without the stack; the model's is %s\n", human(p->c, m->ram),
           human(p->c, p->m->total_bytes));
    if (m->stack < 0) printf("stack                not known: the compiler does not report it\n");
    else printf("stack          %14s  in the model's deepest call\n", human(p->c, m->stack));
  }
  printf("MACs           %14s  %s\n", grouped(p->c, macs), of);
  if (m->run_why) printf("instructions         not known: %s\n", m->run_why);
  else printf("instructions   %14s  %s, counted by %s -icount\n", grouped(p->c, m->instructions), of, p->board->qemu);
}

void project_report(const Project *p, const char *dir, bool json) {
  Measures m = project_measure(p);
  Cost k = cost_of(p->m, NULL);
  if (json) print_json(p, dir, &m, &k);
  else print_text(p, dir, &m, k.macs);
}
