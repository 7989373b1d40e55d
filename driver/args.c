/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the command line by the table of options.def. */
#include "codegen/jit/jit.h"
#include "driver/board.h"
#include "driver/driver.h"
#include "frontend/elab.h"
#include "passes/pass.h"
#include "runtime/man.h"
#include "runtime/rt.h"
#include "runtime/terminal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const Command command_info[CMD_COUNT] = {
#define COMMAND(name, operands, min, max, purpose, example) \
  [CMD_##name] = {#name, operands, min, max, purpose, example, cmd_##name},
#define OPTION(...)
#include "options.def"
#undef COMMAND
#undef OPTION
};
const Option option_info[OPT_COUNT] = {
#define COMMAND(...)
#define OPTION(id, flag, value, choices, commands, help) [OPT_##id] = {flag, value, choices, commands, help},
#include "options.def"
#undef COMMAND
#undef OPTION
};

enum { GO_ON = -1 };

static bool takes(const Args *a, int option) { return option_info[option].commands >> a->cmd & 1; }

static int usage(Args *a, const char *word, const char *const *words, int n, const char *what) {
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "%s", what);
  const char *near = word ? diag_suggest(a->c, word, words, n) : NULL;
  if (near) diag_help(a->c, d, "did you mean `%s`?", near);
  else if (a->cmd < CMD_COUNT && word && word[0] == '-' && takes(a, OPT_set))
    diag_help(a->c, d, "`gradc %s --help` lists its options; a constant of the model is set by `--set NAME=VALUE`",
              command_info[a->cmd].name);
  else if (a->cmd < CMD_COUNT) diag_help(a->c, d, "`gradc %s --help` lists its options", command_info[a->cmd].name);
  else diag_help(a->c, d, "`gradc --help` lists the commands");
  return EXIT_USAGE;
}

/* What people write for a command. */
static const struct {
  const char *word, *help;
} OTHER_COMMANDS[] = {
  {"train", "`gradc run m.nn` trains; a binary of `gradc build m.nn` is run as `./m train`"},
  {"fit", "`gradc run m.nn` trains"},
  {"predict", "`gradc run m.nn` trains, then `gradc build m.nn` makes a program: `./m predict`"},
  {"infer", "`gradc build m.nn` makes a program: `./m predict`"},
  {"evaluate", "`gradc build m.nn` makes a program: `./m eval`"},
  {"compile", "`gradc build m.nn` makes a program, `gradc emit m.nn` C source"},
  {"make", "`gradc build m.nn` makes a program"},
  {"codegen", "`gradc emit m.nn` makes C source"},
  {"format", "`gradc fmt m.nn` formats"},
  {"lint", "`gradc check m.nn` reports errors and warnings"},
  {"info", "`gradc report m.nn` says what a model needs"},
  {"profile", "`gradc report m.nn` says what a model needs, `./m bench --profile` measures"},
  {"version", "`gradc --version` prints it"},
};

static int other_command(Args *a, const char *word, const char *help) {
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "there is no command `%s`", word);
  diag_help(a->c, d, "%s", help);
  return EXIT_USAGE;
}

static int find_command(Args *a, const char *word) {
  enum { OTHERS = sizeof OTHER_COMMANDS / sizeof *OTHER_COMMANDS };
  const char *names[CMD_COUNT + OTHERS], *dot = strrchr(word, '.');
  int n = 0;
  for (int i = 0; i < CMD_COUNT; i++) {
    names[n++] = command_info[i].name;
    if (!strcmp(word, command_info[i].name)) {
      a->cmd = i;
      return GO_ON;
    }
  }
  if (dot && !strcmp(dot, ".nn"))
    return other_command(a, word, ctx_strf(a->c, "`gradc run %s` trains, `gradc check %s` checks", word, word));
  if (dot && !strcmp(dot, ".ir")) return other_command(a, word, ctx_strf(a->c, "`gradc ir %s` reads it", word));
  for (int i = 0; i < OTHERS; i++) names[n++] = OTHER_COMMANDS[i].word;
  const char *near = diag_suggest(a->c, word, names, n);
  for (int i = 0; i < OTHERS; i++)
    if (!strcmp(word, OTHER_COMMANDS[i].word) || (near && !strcmp(near, OTHER_COMMANDS[i].word)))
      return other_command(a, word, OTHER_COMMANDS[i].help);
  return usage(a, word, names, CMD_COUNT, ctx_strf(a->c, "there is no command `%s`", word));
}

static int unknown_option(Args *a, const char *flag) {
  const char *words[OPT_COUNT + PASS_COUNT];
  int n = 0;
  for (int i = 0; i < OPT_COUNT; i++)
    if (takes(a, i)) words[n++] = option_info[i].flag;
  if ((unsigned)TAKES_PASSES >> a->cmd & 1)
    for (int i = 0; i < PASS_COUNT; i++)
      if (pass_info[i].kind != PASS_LOWERING) words[n++] = ctx_strf(a->c, "--no-%s", pass_info[i].name);
  return usage(a, flag, words, n, ctx_strf(a->c, "`gradc %s` has no option `%s`", command_info[a->cmd].name, flag));
}

bool args_number(Args *a, OptionId o, int64_t fallback, int64_t min, int64_t max, int64_t *n) {
  char *end;
  *n = fallback;
  if (!args_has(a, o)) return true;
  *n = strtoll(a->value[o], &end, 10);
  if (end > a->value[o] && !*end && *n >= min && *n <= max) return true;
  diag_error(a->c, E_USAGE, 0, 1, "`%s` takes a number from %lld to %lld, not `%s`", option_info[o].flag,
             (long long)min, (long long)max, a->value[o]);
  return false;
}

bool args_bytes(const char *text, int64_t *n) {
  int64_t v = 0;
  const char *p = text;
  for (; *p >= '0' && *p <= '9' && v < (int64_t)1 << 50; p++) v = 10 * v + *p - '0';
  int shift = *p == 'K' ? 10 : *p == 'M' ? 20 : *p == 'G' ? 30 : 0;
  if (p == text || p[shift > 0] || v < 1 || v >= (int64_t)1 << (62 - shift)) return false;
  *n = v << shift;
  return true;
}

int64_t args_gpu(const Args *a) {
  const char *s = a->value[OPT_device];
  size_t n = s ? strspn(s, "0123456789") : 0;
  return n && n < 10 && !s[n] ? atoll(s) : -1;
}

int args_sm(const char *gpus) { return gpus && !strcmp(gpus, "sm_90a") ? 90 : 0; }

const char *args_device(const Args *a) {
  const char *s = a->value[OPT_device];
  if (!s) return args_has(a, OPT_cuda) ? "cuda" : NULL;
  return args_has(a, OPT_cpu) || !strcmp(s, "cpu") ? NULL : !strcmp(s, "cuda-host") ? s : "cuda";
}

/* Reports a device that there is not, or that cannot do what is asked for. */
static int check_device(Args *a) {
  const char *s = a->value[OPT_device];
  static const char *const words[] = {"cpu", "cuda", "cuda-host"};
  if (args_has(a, OPT_hooks) && (!s || strcmp(s, "cuda-host") != 0))
    return usage(a, NULL, NULL, 0, "`--hooks` needs --device=cuda-host");
  if (args_has(a, OPT_cpu) && (args_has(a, OPT_cuda) || s))
    return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`--cpu` and `%s` exclude each other", s ? "--device" : "--cuda"));
  if (!s || args_gpu(a) >= 0) return GO_ON;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(words[i], s)) return GO_ON;
  return usage(a, s, words, 3,
               ctx_strf(a->c, "`--device` takes cpu, cuda, cuda-host or the number of a GPU, not `%s`", s));
}

static int check_choice(Args *a, const Option *o, const char *value) {
  int64_t bytes;
  if ((o == &option_info[OPT_set] || o == &option_info[OPT_values]) && !setting_name(value))
    return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`--set` takes NAME=VALUE, such as LR=1e-2, not `%s`", value));
  if (!strcmp(o->value, "BYTES") && !args_bytes(value, &bytes))
    return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`%s` takes bytes, such as 256K, not `%s`", o->flag, value));
  if (!o->choices[0]) return GO_ON;
  const char *words[8];
  int n = 0;
  for (const char *p = o->choices; *p;) {
    size_t len = strcspn(p, "|");
    words[n++] = ctx_intern(a->c, p, len);
    if (!strcmp(words[n - 1], value)) return GO_ON;
    p += len + (p[len] == '|');
  }
  const char *text = ctx_strf(a->c, "`%s` takes %s, not `%s`", o->flag, o->choices, value);
  const Board *chip = o == &option_info[OPT_target] ? board_of_chip(value) : NULL;
  if (!chip) return usage(a, value, words, n, text);
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "%s", text);
  diag_help(a->c, d, "its processor is a %s: `--target=%s`", chip->title, chip->name);
  return EXIT_USAGE;
}

/* --no-PASS of a pass that can be disabled. */
static bool pass_option(Args *a, const char *flag) {
  if (!((unsigned)TAKES_PASSES >> a->cmd & 1) || strncmp(flag, "--no-", 5)) return false;
  int p = pass_find(flag + 5, strlen(flag + 5));
  if (p < 0 || pass_info[p].kind == PASS_LOWERING) return false;
  a->off |= (uint64_t)1 << p;
  return true;
}

/* argv[*i] is an option; its value follows in the same word (`--fp=fast`) or in the next. */
static int parse_option(Args *a, int argc, char **argv, int *i) {
  const char *word = argv[*i], *eq = word[1] == '-' ? strchr(word, '=') : NULL;
  const char *flag = ctx_intern(a->c, word, eq ? (size_t)(eq - word) : strlen(word));
  if (!eq && pass_option(a, flag)) return GO_ON;
  int id = 0;
  while (id < OPT_COUNT && !(takes(a, id) && !strcmp(option_info[id].flag, flag))) id++;
  if (id == OPT_COUNT) return unknown_option(a, flag);
  const Option *o = &option_info[id];
  const char *value = eq ? eq + 1 : "";
  int first = *i;
  if (!o->value[0] && eq) return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`%s` takes no value", flag));
  if (o->value[0] && o->value[0] != '[' && !eq) {
    if (*i + 1 >= argc) return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`%s` needs a value, %s", flag, o->value));
    value = argv[++*i];
  }
  if (o->commands & PASSED || (a->cmd == CMD_sweep && o->commands & C_run))
    for (int k = first; k <= *i; k++) a->passed[a->npassed++] = argv[k];
  a->value[id] = value;
  if (id == OPT_set || id == OPT_values || id == OPT_dim) a->set[a->nset++] = value;
  if (id == OPT_const) a->constant[a->nconstant++] = value;
  int status = check_choice(a, o, value);
  if (status == GO_ON && id == OPT_color) rt_set_colour(value);
  return status;
}

static int check_operands(Args *a) {
  const Command *k = &command_info[a->cmd];
  if (a->noperand < k->min_operands)
    return usage(a, NULL, NULL, 0,
                 ctx_strf(a->c, "`gradc %s` needs an operand: gradc %s %s", k->name, k->name, k->operands));
  if (k->max_operands >= 0 && a->noperand > k->max_operands)
    return usage(a, NULL, NULL, 0,
                 ctx_strf(a->c, "`gradc %s`: unexpected operand `%s`", k->name, a->operand[k->max_operands]));
  return GO_ON;
}

static bool is_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

static int parse_global(Args *a, int argc, char **argv) {
  if (argc < 2 || is_help(argv[1]) || (!strcmp(argv[1], "help") && argc == 2)) {
    help_overview();
    return EXIT_OK;
  }
  if (!strcmp(argv[1], "--version")) {
    printf("gradc " GRADC_VERSION ", with %s\n", jit_describe());
    return EXIT_OK;
  }
  if (!strcmp(argv[1], "help") && !strcmp(argv[2], "--man")) {
    help_man();
    return EXIT_OK;
  }
  if (!strcmp(argv[1], "help") && !strcmp(argv[2], "--man=m")) { /* of what `gradc build -o m` writes */
    man_program("m", GRADC_VERSION);
    rt_out_flush();
    return EXIT_OK;
  }
  const char completion[] = "--completion=";
  if (!strcmp(argv[1], "help") && !strncmp(argv[2], completion, sizeof completion - 1)) {
    const char *const shells[] = {"bash", "zsh", "fish"}, *shell = argv[2] + sizeof completion - 1;
    if (help_completion(shell)) return EXIT_OK;
    return usage(a, shell, shells, 3, ctx_strf(a->c, "`--completion` takes bash, zsh or fish, not `%s`", shell));
  }
  if (!strcmp(argv[1], "help")) {
    int status = find_command(a, argv[2]);
    if (status == GO_ON) help_command(a->cmd);
    return status == GO_ON ? EXIT_OK : status;
  }
  return find_command(a, argv[1]);
}

int args_parse(Args *a, int argc, char **argv) {
  a->cmd = CMD_COUNT;
  int status = parse_global(a, argc, argv);
  if (status != GO_ON) return status;
  a->operand = ctx_alloc(a->c, sizeof *a->operand * (size_t)argc);
  a->set = ctx_alloc(a->c, sizeof *a->set * (size_t)argc);
  a->constant = ctx_alloc(a->c, sizeof *a->constant * (size_t)argc);
  a->passed = ctx_alloc(a->c, sizeof *a->passed * (size_t)(argc + 1));
  bool only_operands = false;
  for (int i = 2; i < argc; i++) {
    if (!only_operands && !strcmp(argv[i], "--")) {
      only_operands = true;
    } else if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
      a->operand[a->noperand++] = argv[i];
    } else if (is_help(argv[i])) {
      help_command(a->cmd);
      return EXIT_OK;
    } else {
      status = parse_option(a, argc, argv, &i);
      if (status != GO_ON) return status;
    }
  }
  status = check_device(a);
  if (status == GO_ON && !remarks_wanted(a)) return EXIT_USAGE;
  return status == GO_ON ? check_operands(a) : status;
}
