/* The command line against the table of options.def. */
#include "codegen/jit/jit.h"
#include "driver/driver.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

const Command command_info[CMD_COUNT] = {
#define COMMAND(name, operands, fewest, most, purpose, example) \
  [CMD_##name] = {#name, operands, fewest, most, purpose, example, cmd_##name},
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

enum { E_USAGE = 500, GO_ON = -1 };

static int usage(Args *a, const char *word, const char *const *words, int n, const char *what) {
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "%s", what);
  const char *near = word ? diag_suggest(a->c, word, words, n) : NULL;
  if (near) diag_help(a->c, d, "did you mean `%s`?", near);
  else if (a->cmd < CMD_COUNT) diag_help(a->c, d, "`gradc %s --help` tells more", command_info[a->cmd].name);
  else diag_help(a->c, d, "`gradc --help` lists the commands");
  return EXIT_USAGE;
}

static int find_command(Args *a, const char *word) {
  const char *names[CMD_COUNT];
  for (int i = 0; i < CMD_COUNT; i++) {
    names[i] = command_info[i].name;
    if (!strcmp(word, names[i])) {
      a->cmd = i;
      return GO_ON;
    }
  }
  return usage(a, word, names, CMD_COUNT, ctx_strf(a->c, "there is no command `%s`", word));
}

static bool takes(const Args *a, int option) { return option_info[option].commands >> a->cmd & 1; }

static int unknown_option(Args *a, const char *flag) {
  const char *words[OPT_COUNT + PASS_COUNT];
  int n = 0;
  for (int i = 0; i < OPT_COUNT; i++)
    if (takes(a, i)) words[n++] = option_info[i].flag;
  if ((unsigned)TAKES_PASSES >> a->cmd & 1)
    for (int i = 0; i < PASS_COUNT; i++)
      if (pass_info[i].kind != PASS_LOWERING) words[n++] = ctx_strf(a->c, "--no-%s", pass_info[i].name);
  return usage(a, flag, words, n,
               ctx_strf(a->c, "`gradc %s` has no option `%s`", command_info[a->cmd].name, flag));
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

static int check_choice(Args *a, const Option *o, const char *value) {
  int64_t bytes;
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
  return usage(a, value, words, n,
               ctx_strf(a->c, "`%s` takes %s, not `%s`", o->flag, o->choices, value));
}

/* --no-PASS of a pass that can be off. */
static bool pass_option(Args *a, const char *flag) {
  if (!((unsigned)TAKES_PASSES >> a->cmd & 1) || strncmp(flag, "--no-", 5)) return false;
  int p = pass_find(flag + 5, strlen(flag + 5));
  if (p < 0 || pass_info[p].kind == PASS_LOWERING) return false;
  a->off |= (uint64_t)1 << p;
  return true;
}

/* argv[*i] is an option; its value may be in it (`--fp=fast`) or be the next word. */
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
  if (o->value[0] && !eq) {
    if (*i + 1 >= argc) return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`%s` needs a value, %s", flag, o->value));
    value = argv[++*i];
  }
  if (o->commands & PASSED)
    for (int k = first; k <= *i; k++) a->passed[a->npassed++] = argv[k];
  a->value[id] = value;
  return check_choice(a, o, value);
}

static int check_operands(Args *a) {
  const Command *k = &command_info[a->cmd];
  if (a->noperand < k->fewest)
    return usage(a, NULL, NULL, 0,
                 ctx_strf(a->c, "`gradc %s` needs an operand: gradc %s %s", k->name, k->name, k->operands));
  if (k->most >= 0 && a->noperand > k->most)
    return usage(a, NULL, NULL, 0, ctx_strf(a->c, "`gradc %s`: what is `%s`?", k->name, a->operand[k->most]));
  return GO_ON;
}

static bool is_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

static int parse_global(Args *a, int argc, char **argv) {
  if (argc < 2 || is_help(argv[1]) || (!strcmp(argv[1], "help") && argc == 2)) {
    help_overview();
    return EXIT_WELL;
  }
  if (!strcmp(argv[1], "--version")) {
    printf("gradc " GRADC_VERSION ", with %s\n", jit_describe());
    return EXIT_WELL;
  }
  if (!strcmp(argv[1], "help") && !strcmp(argv[2], "--man")) {
    help_man();
    return EXIT_WELL;
  }
  if (!strcmp(argv[1], "help")) {
    int status = find_command(a, argv[2]);
    if (status == GO_ON) help_command(a->cmd);
    return status == GO_ON ? EXIT_WELL : status;
  }
  return find_command(a, argv[1]);
}

int args_parse(Args *a, int argc, char **argv) {
  a->cmd = CMD_COUNT;
  int status = parse_global(a, argc, argv);
  if (status != GO_ON) return status;
  a->operand = ctx_alloc(a->c, sizeof *a->operand * (size_t)argc);
  a->passed = ctx_alloc(a->c, sizeof *a->passed * (size_t)(argc + 1));
  bool only_operands = false;
  for (int i = 2; i < argc; i++) {
    if (!only_operands && !strcmp(argv[i], "--")) {
      only_operands = true;
    } else if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
      a->operand[a->noperand++] = argv[i];
    } else if (is_help(argv[i])) {
      help_command(a->cmd);
      return EXIT_WELL;
    } else {
      status = parse_option(a, argc, argv, &i);
      if (status != GO_ON) return status;
    }
  }
  return check_operands(a);
}
