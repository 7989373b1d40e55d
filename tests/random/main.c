/* SPDX-License-Identifier: Apache-2.0 */
/* random check FIRST N          N graphs from that seed on, through the interpreter
 * random c FIRST N CC DIR       the same as portable C, N graphs to one translation unit, compiled by the command CC
 * random native FIRST N CC DIR  the same as native C, run by 1 to 4 threads
 * random jit FIRST N            the same as code made in this process, native and portable
 * random print SEED             the graph's text
 * random nn FIRST N             N programs in every way to compute them (nn/)
 * random mutated FIRST N        N mutated programs: refused by an error of the language, or compiled
 * random program SEED           the program's text
 * random fuzz SECONDS SEED DIR  graphs and programs; reduced failures go to DIR
 * random file X.ir SEED [c|native CC DIR]   one text, on the inputs of that seed
 * A failure is printed with its seed and its reduced graph. The last line is `N passed, N failed`. */
#include "codegen/jit/jit.h"
#include "nn/nn.h"
#include "random.h"
#include "try.h"
#include "tests/files.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- one after another ---- */

enum { MANY_GRAPHS = 500, MANY_PROGRAMS = 200, NAMES = 400, MAX_FAILURES = 20 }; /* many: every op or def is in one */

typedef struct Seen {
  bool op[OP_COUNT], def[NAMES];
  const char *name[NAMES];
  int names;
} Seen;

/* Marks the ops of a graph's text, "= add(", or the defs of a program's. */
static void note(const char *text, int dialect, Seen *s) {
  for (int op = 1; op < OP_COUNT && dialect > PROGRAM; op++) {
    char word[40];
    snprintf(word, sizeof word, "= %s(", op_info[op].name);
    s->op[op] |= strstr(text, word) != NULL;
  }
  if (dialect == PROGRAM) s->names = std_seen(text, s->def, s->name);
}

/* The ops or defs that no text had; `tell`: each is printed. */
static int unseen(const Seen *s, int dialect, bool tell) {
  int missing = 0;
  for (int op = 1; op < OP_COUNT && dialect > PROGRAM; op++)
    if (!s->op[op] && op_info[op].cls != CL_LEAF && ++missing && tell)
      printf("FAIL  no graph has the op `%s`\n", op_info[op].name);
  for (int i = 0; i < s->names; i++)
    if (!s->def[i] && ++missing && tell) printf("FAIL  no program calls `%s`\n", s->name[i]);
  return missing;
}

static int check_seeds(uint64_t first, int n, int dialect) {
  int failed = dialect == PROGRAM ? std_without_maker() : 0, done = 0, skipped = 0;
  bool many = n >= (dialect == PROGRAM ? MANY_PROGRAMS : MANY_GRAPHS);
  Seen seen = {.names = 0};
  Why why;
  for (; (done < n || (many && done < 4 * n && unseen(&seen, dialect, false))) && failed < MAX_FAILURES; done++) {
    Task t = {.seed = first + (uint64_t)done, .dialect = dialect, .why = &why};
    char *text = make_text(dialect, t.seed), how[80];
    snprintf(how, sizeof how, "random %s %llu 1", dialect_word(dialect), (unsigned long long)t.seed);
    int before = unseen(&seen, dialect, false);
    if (text) note(text, dialect, &seen);
    if (done >= n && text && unseen(&seen, dialect, false) == before) { /* beyond n only what has a new op or def */
      free(text);
      skipped++;
      continue;
    }
    if (!text) printf("FAIL  seed %llu: nothing was made\n", (unsigned long long)t.seed), failed++;
    else if (!in_child(check, text, &t)) failed++, report(text, &t, how);
    free(text);
  }
  if (many) failed += unseen(&seen, dialect, true);
  printf("%d passed, %d failed\n", done - skipped - failed < 0 ? 0 : done - skipped - failed, failed);
  return failed != 0;
}

/* ---- as C ---- */

/* The graphs of a unit that was compiled, each as a process: `unit NUMBER` reads data.NUMBER. */
static int run_unit(uint64_t first, int n, const char *how, Task *t) {
  int failed = 0;
  for (int i = 0; i < n; i++) {
    char cmd[1200];
    snprintf(cmd, sizeof cmd, "'%s/unit' %d '%s' >'%s/out' 2>&1", t->dir, i, t->dir, t->dir);
    int status = system(cmd);
    if (!status || (WIFEXITED(status) && WEXITSTATUS(status) == 3)) continue; /* 3: not in the unit */
    t->seed = first + (uint64_t)i;
    snprintf(cmd, sizeof cmd, "%s/out", t->dir);
    char *text = generate(t->seed), *out = read_file(cmd, NULL);
    snprintf(t->why->text, sizeof t->why->text, "%.500s", out ? out : "");
    failed++;
    report(text, t, how);
    free(text), free(out);
    if (failed > 5) break;
  }
  return failed;
}

static int check_unit(uint64_t first, int n, int dialect, const char *cc, const char *dir) {
  Why why = {.text = ""};
  Task t = {.dialect = dialect, .cc = cc, .dir = dir, .why = &why};
  char how[400];
  snprintf(how, sizeof how, "random %s %llu %d '%s' DIR", dialect == DIALECT_NATIVE ? "native" : "c",
           (unsigned long long)first, n, cc);
  int failed = 0;
  snprintf(t.one, sizeof t.one, "%s/one", dir);
  if ((mkdir(t.one, 0777) && errno != EEXIST) || !begin_unit(dir, dialect)) return 2;
  for (int i = 0; i < n; i++) {
    char *text = generate(first + (uint64_t)i);
    t.seed = first + (uint64_t)i;
    t.number = i;
    bool ok = text && in_child(emit, text, &t);
    if (!ok && !no_module(dir, i)) return 2;
    if (!ok) failed++, report(text, &t, how);
    free(text);
  }
  if (end_unit(dir, n, cc, dialect, &why)) {
    failed += run_unit(first, n, how, &t);
  } else {
    printf("FAIL  the unit of %d graphs from seed %llu: %s\n", n, (unsigned long long)first, why.text);
    failed += n;
  }
  printf("%d passed, %d failed\n", n - failed < 0 ? 0 : n - failed, failed);
  return failed != 0;
}

static int check_file(int argc, char **argv) {
  Why why = {.text = ""};
  char *text = read_file(argv[2], NULL);
  if (!text) return 2;
  uint64_t seed = strtoull(argv[3], NULL, 10);
  size_t n = strlen(argv[2]);
  bool program = n > 3 && !strcmp(argv[2] + n - 3, ".nn");
  if (program || (argc == 5 && !strcmp(argv[4], "jit"))) {
    Task t = {.seed = seed, .dialect = !program ? BY_JIT : argc > 4 ? MUTATED : PROGRAM, .why = &why};
    bool good = in_child(check, text, &t);
    printf("%s\n%d passed, %d failed\n", good ? "" : why.text, good, !good);
    free(text);
    return !good;
  }
  bool native = argc > 6 && !strcmp(argv[4], "native");
  bool ok = argc > 6 ? check_c(text, seed, native ? DIALECT_NATIVE : DIALECT_PORTABLE, argv[5], argv[6], &why)
                     : check_interp(text, seed, &why);
  printf("%s\n%d passed, %d failed\n", ok ? "" : why.text, ok, !ok);
  free(text);
  return !ok;
}

/* Every op of the table is made by this generator, or is a leaf (gen.c makes those). */
static bool all_ops_made(void) {
  bool all = true;
  for (int op = 1; op < OP_COUNT; op++)
    if (op_info[op].cls != CL_LEAF && !op_has_maker((Op)op)) {
      printf("FAIL  no random graph has the op `%s`: gen_ops.c needs a maker for it\n", op_info[op].name);
      all = false;
    }
  return all;
}

int main(int argc, char **argv) {
  uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  jit_has_clang(); /* once for all processes */
  for (int d = MUTATED; d <= BY_INTERP && argc == 4; d++)
    if (!strcmp(argv[1], dialect_word(d))) return all_ops_made() ? check_seeds(first, atoi(argv[3]), d) : 1;
  if (argc == 5 && !strcmp(argv[1], "fuzz")) return fuzz(atol(argv[2]), strtoull(argv[3], NULL, 10), argv[4]);
  if (argc == 3 && !strcmp(argv[1], "program")) return puts(nn_generate(first)) < 0;
  if (argc == 3 && !strcmp(argv[1], "print")) return puts(generate(first)) < 0;
  if (argc >= 4 && !strcmp(argv[1], "file")) return check_file(argc, argv);
  bool native = argc == 6 && !strcmp(argv[1], "native");
  if (native || (argc == 6 && !strcmp(argv[1], "c")))
    return check_unit(first, atoi(argv[3]), native ? DIALECT_NATIVE : DIALECT_PORTABLE, argv[4], argv[5]);
  fprintf(stderr, "random check FIRST N | c|native FIRST N CC DIR | print SEED | file X.ir SEED [c|native CC DIR]\n");
  return 2;
}
