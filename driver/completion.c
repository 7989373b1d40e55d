/* SPDX-License-Identifier: Apache-2.0 */
/* Completions of shells, generated from the tables: commands, options, and the values that an option may have. */
#include "driver/driver.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

typedef void EachOption(int cmd, const Option *o);
static void each_option(int cmd, EachOption *f) {
  for (int i = 0; i < OPT_COUNT; i++)
    if (option_info[i].commands >> cmd & 1) f(cmd, &option_info[i]);
}

/* The values of an option that are known, each after `before`. */
static void put_choices(const Option *o, const char *before) {
  for (const char *p = o->choices; *p;) {
    size_t n = strcspn(p, "|");
    printf("%s%.*s", before, (int)n, p);
    p += n + (p[n] == '|');
  }
}

static bool takes_passes(int cmd) { return (unsigned)TAKES_PASSES >> cmd & 1; }

/* Whether the first operand of a command is one of some words. */
static bool has_words(int cmd) {
  const char *p = command_info[cmd].operands;
  return memchr(p, '|', strcspn(p, " ")) != NULL;
}

/* These words, each after `before`. */
static void put_operands(int cmd, const char *before) {
  const char *p = command_info[cmd].operands;
  for (const char *end = p + strcspn(p, " "); has_words(cmd) && p < end; p += strcspn(p, "| ") + 1)
    printf("%s%.*s", before, (int)strcspn(p, "| "), p);
}

static void put_commands(void) {
  for (int i = 0; i < CMD_COUNT; i++) printf("%s%s", i ? " " : "", command_info[i].name);
}

/* Text inside '...' of zsh or fish; letters of `special` get a backslash. */
static void put_text(const char *s, const char *special) {
  for (; *s; s++)
    if (*s == '\'') fputs("'\\''", stdout);
    else printf(strchr(special, *s) ? "\\%c" : "%c", *s);
}

/* ---- bash ---- */

static void bash_option(int cmd, const Option *o) {
  (void)cmd;
  char before[64];
  snprintf(before, sizeof before, " %s=", o->flag);
  if (o->choices[0]) put_choices(o, before);
  else printf(" %s", o->flag);
}

/* bash replaces only what stands after a `=`: the words that are offered lose what stands before it. */
static void bash(void) {
  puts("# bash completion of gradc\n_gradc() {\n"
       "  local line=${COMP_LINE:0:COMP_POINT} words operands\n  local word=${line##* }\n"
       "  if [ \"$COMP_CWORD\" -le 1 ]; then");
  fputs("    words='", stdout);
  put_commands();
  fputs(" help --help --version'\n  else\n    case ${COMP_WORDS[1]} in\n      help) operands='", stdout);
  put_commands();
  puts("' ;;");
  for (int i = 0; i < CMD_COUNT; i++) {
    printf("      %s) words='--help", command_info[i].name);
    each_option(i, bash_option);
    for (int p = 0; p < PASS_COUNT && takes_passes(i); p++)
      if (pass_info[p].kind != PASS_LOWERING) printf(" --no-%s", pass_info[p].name);
    fputs("' operands='", stdout);
    put_operands(i, " ");
    puts("' ;;");
  }
  puts("    esac\n    [ \"$COMP_CWORD\" -eq 2 ] || operands= # files\n    case $word in -*) ;; *) words=$operands ;; "
       "esac\n"
       "  fi\n"
       "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
       "  case $word in *=*) COMPREPLY=(\"${COMPREPLY[@]#\"${word%%=*}=\"}\") ;; esac\n}\n"
       "complete -o default -F _gradc gradc");
}

/* ---- zsh ---- */

static void zsh_option(int cmd, const Option *o) {
  (void)cmd;
  printf("        '*%s%s[", o->flag, !o->value[0] || o->value[0] == '[' ? "" : o->flag[1] == '-' ? "=" : "+");
  put_text(o->help, "[]\\");
  fputs("]", stdout);
  if (o->value[0] && o->value[0] != '[') printf(":%s:%s", o->value, o->choices[0] ? "(" : "_files");
  put_choices(o, " ");
  puts(o->choices[0] ? ")' \\" : "' \\");
}

static void zsh(void) {
  puts("#compdef gradc\nlocal -a commands\ncommands=(");
  for (int i = 0; i < CMD_COUNT; i++) {
    printf("  '%s:", command_info[i].name);
    put_text(command_info[i].purpose, ":\\");
    puts("'");
  }
  puts(")\nif (( CURRENT == 2 )); then\n  _describe command commands\nelse\n  local command=$words[2]\n"
       "  shift words\n  (( CURRENT-- ))\n  case $command in");
  for (int i = 0; i < CMD_COUNT; i++) {
    printf("    %s)\n      _arguments \\\n", command_info[i].name);
    each_option(i, zsh_option);
    for (int p = 0; p < PASS_COUNT && takes_passes(i); p++)
      if (pass_info[p].kind != PASS_LOWERING) printf("        '--no-%s[leave a pass out]' \\\n", pass_info[p].name);
    if (has_words(i)) fputs("        '1:operand:(", stdout);
    put_operands(i, " ");
    if (has_words(i)) puts(")' \\");
    puts("        '--help[its options]' \\\n        '*:file:_files' ;;");
  }
  puts("    help) _describe command commands ;;\n  esac\nfi");
}

/* ---- fish ---- */

static void fish_option(int cmd, const Option *o) {
  bool is_long = o->flag[1] == '-';
  printf("complete -c gradc -n '__fish_seen_subcommand_from %s' %s %s", command_info[cmd].name, is_long ? "-l" : "-s",
         o->flag + 1 + is_long);
  fputs(o->choices[0] ? " -xa '" : o->value[0] && o->value[0] != '[' ? " -r" : "", stdout);
  put_choices(o, " ");
  fputs(o->choices[0] ? "' -d '" : " -d '", stdout);
  put_text(o->help, "");
  puts("'");
}

static void fish(void) {
  puts("# fish completion of gradc");
  for (int i = 0; i < CMD_COUNT; i++) {
    printf("complete -c gradc -n __fish_use_subcommand -xa %s -d '", command_info[i].name);
    put_text(command_info[i].purpose, "");
    puts("'");
  }
  fputs("complete -c gradc -n '__fish_seen_subcommand_from help' -xa '", stdout);
  put_commands();
  puts("'");
  for (int i = 0; i < CMD_COUNT; i++) {
    if (has_words(i)) printf("complete -c gradc -n '__fish_seen_subcommand_from %s' -xa '", command_info[i].name);
    put_operands(i, " ");
    if (has_words(i)) puts("'");
    each_option(i, fish_option);
    for (int p = 0; p < PASS_COUNT && takes_passes(i); p++)
      if (pass_info[p].kind != PASS_LOWERING)
        printf("complete -c gradc -n '__fish_seen_subcommand_from %s' -l no-%s -d 'leave a pass out'\n",
               command_info[i].name, pass_info[p].name);
  }
}

bool help_completion(const char *shell) {
  static const struct {
    const char *name;
    void (*print)(void);
  } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
    if (!strcmp(shell, shells[i].name)) {
      shells[i].print();
      return true;
    }
  return false;
}
