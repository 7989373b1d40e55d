/* random check FIRST N          N graphs from that seed on, through the interpreter
 * random c FIRST N CC DIR       the same as portable C, N graphs to one translation unit, compiled by the command CC
 * random native FIRST N CC DIR  the same as native C, run in 1 to 4 parts
 * random print SEED             the graph's text
 * random file X.ir SEED [c|native CC DIR]   one text, on the inputs of that seed
 * A failure is printed with its seed and its graph, made small. The last line is `N passed, N failed`. */
#include "random.h"
#include "tests/files.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 60, BUDGET = 400, BUDGET_C = 80 };

typedef struct Task {
  uint64_t seed;
  int dialect, number;    /* -1: the interpreter; of the graph in its unit */
  const char *cc, *dir;
  char one[1000];         /* C: a folder for single graphs */
  char kind[14];          /* how the reason begins, while it is being made small */
  Why *why;
} Task;

typedef bool Doing(const char *text, const Task *t, Why *why);

static bool check(const char *text, const Task *t, Why *why) {
  return t->dialect < 0 ? check_interp(text, t->seed, why) : check_c(text, t->seed, t->dialect, t->cc, t->one, why);
}

static bool emit(const char *text, const Task *t, Why *why) {
  return emit_module(text, t->seed, t->number, t->dialect, t->dir, why);
}

/* In a process of its own, so that a crash or an endless loop is a failure like any other. */
static bool in_child(Doing *doing, const char *text, const Task *t) {
  int pipes[2], status;
  if (pipe(pipes)) exit(2);
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0) exit(2);
  if (!pid) {
    Why why = {{0}};
    alarm(SECONDS);
    bool well = doing(text, t, &why);
    if (!well && write(pipes[1], why.text, strlen(why.text)) < 0) _exit(3);
    _exit(!well);
  }
  close(pipes[1]);
  ssize_t n = read(pipes[0], t->why->text, sizeof t->why->text - 1);
  t->why->text[n > 0 ? n : 0] = 0;
  close(pipes[0]);
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) snprintf(t->why->text, sizeof t->why->text, "ended by signal %d", WTERMSIG(status));
  return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool fails(const char *text, void *arg) {
  Task *t = arg;
  return !in_child(check, text, t) && !strncmp(t->why->text, t->kind, strlen(t->kind));
}

static void report(const char *text, Task *t, const char *how) {
  printf("FAIL  seed %llu: %s\n", (unsigned long long)t->seed, t->why->text);
  snprintf(t->kind, sizeof t->kind, "%.13s", t->why->text);
  char *least = shrink(text, fails, t, t->dialect < 0 ? BUDGET : BUDGET_C);
  bool still = !in_child(check, least, t);
  printf("%s--- shrunken%s: %s\n", least, still ? "" : " (does not fail again)", t->why->text);
  printf("--- again: %s\n", how);
  fflush(stdout);
  free(least);
}

enum { MANY = 500 }; /* graphs that every op stands in */

/* Marks the ops of a graph's text: "= add(". */
static void note_ops(const char *text, bool *seen) {
  for (int op = 1; op < OP_COUNT; op++) {
    char word[40];
    snprintf(word, sizeof word, "= %s(", op_info[op].name);
    seen[op] |= strstr(text, word) != NULL;
  }
}

static int check_graphs(uint64_t first, int n) {
  int failed = 0;
  bool seen[OP_COUNT] = {0};
  Why why;
  for (int i = 0; i < n; i++) {
    Task t = {.seed = first + (uint64_t)i, .dialect = -1, .why = &why};
    char *text = generate(t.seed), how[80];
    snprintf(how, sizeof how, "random check %llu 1", (unsigned long long)t.seed);
    if (text) note_ops(text, seen);
    if (!text) printf("FAIL  seed %llu: no graph was made\n", (unsigned long long)t.seed), failed++;
    else if (!in_child(check, text, &t)) failed++, report(text, &t, how);
    free(text);
    if (failed > 20) break;
  }
  for (int op = 1; op < OP_COUNT && n >= MANY; op++)
    if (!seen[op] && op_info[op].cls != CL_LEAF) printf("FAIL  no graph has the op `%s`\n", op_info[op].name), failed++;
  printf("%d passed, %d failed\n", n - failed, failed);
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
  Why why = {{0}};
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
    bool well = text && in_child(emit, text, &t);
    if (!well && !no_module(dir, i)) return 2;
    if (!well) failed++, report(text, &t, how);
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
  Why why = {{0}};
  char *text = read_file(argv[2], NULL);
  if (!text) return 2;
  uint64_t seed = strtoull(argv[3], NULL, 10);
  bool native = argc > 6 && !strcmp(argv[4], "native");
  bool well = argc > 6 ? check_c(text, seed, native ? DIALECT_NATIVE : DIALECT_PORTABLE, argv[5], argv[6], &why)
                       : check_interp(text, seed, &why);
  printf("%s\n%d passed, %d failed\n", well ? "" : why.text, well, !well);
  free(text);
  return !well;
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
  if (argc == 3 && !strcmp(argv[1], "print")) return puts(generate(first)) < 0;
  if (argc == 4 && !strcmp(argv[1], "check")) return all_ops_made() ? check_graphs(first, atoi(argv[3])) : 1;
  if (argc >= 4 && !strcmp(argv[1], "file")) return check_file(argc, argv);
  bool native = argc == 6 && !strcmp(argv[1], "native");
  if (native || (argc == 6 && !strcmp(argv[1], "c")))
    return check_unit(first, atoi(argv[3]), native ? DIALECT_NATIVE : DIALECT_PORTABLE, argv[4], argv[5]);
  fprintf(stderr, "random check FIRST N | c|native FIRST N CC DIR | print SEED | file X.ir SEED [c|native CC DIR]\n");
  return 2;
}
