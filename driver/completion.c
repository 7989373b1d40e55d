/* SPDX-License-Identifier: Apache-2.0 */
/* Completions of shells, generated from the tables: commands, options, and the values that an option may have. */
#include "driver/driver.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

/* Calls f for each option of a command, once for each of its values that are known; value NULL: any, or none. */
typedef void EachOption(const char *flag, const char *value, const Option *o);
static void each_option(int cmd, EachOption *f) {
  for (int i = 0; i < OPT_COUNT; i++) {
    const Option *o = &option_info[i];
    if (!(o->commands >> cmd & 1)) continue;
    if (!o->choices[0]) f(o->flag, NULL, o);
    char value[32];
    for (const char *p = o->choices; *p;) {
      size_t n = strcspn(p, "|");
      snprintf(value, sizeof value, "%.*s", (int)n, p);
      f(o->flag, value, o);
      p += n + (p[n] == '|');
    }
  }
}

static bool takes_passes(int cmd) { return (unsigned)TAKES_PASSES >> cmd & 1; }

/* Text inside '...' of zsh or fish; letters of `special` get a backslash. */
static void put_text(const char *s, const char *special) {
  for (; *s; s++)
    if (*s == '\'') fputs("'\\''", stdout);
    else printf(strchr(special, *s) ? "\\%c" : "%c", *s);
}

/* ---- bash ---- */

static void bash_option(const char *flag, const char *value, const Option *o) {
  (void)o;
  printf(value ? " %s=%s" : " %s", flag, value);
}

/* bash replaces only what stands after a `=`: the words that are offered lose what stands before it. */
static void bash(void) {
  puts("# bash completion of gradc\n_gradc() {\n"
       "  local line=${COMP_LINE:0:COMP_POINT} words\n  local word=${line##* }\n"
       "  if [ \"$COMP_CWORD\" -le 1 ]; then");
  fputs("    words='", stdout);
  for (int i = 0; i < CMD_COUNT; i++) printf("%s ", command_info[i].name);
  puts("help --help --version'\n  else\n    case ${COMP_WORDS[1]} in");
  for (int i = 0; i < CMD_COUNT; i++) {
    printf("      %s) words='--help", command_info[i].name);
    each_option(i, bash_option);
    for (int p = 0; p < PASS_COUNT && takes_passes(i); p++)
      if (pass_info[p].kind != PASS_LOWERING) printf(" --no-%s", pass_info[p].name);
    puts("' ;;");
  }
  puts("    esac\n    case $word in -*) ;; *) words= ;; esac # files\n  fi\n"
       "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
       "  case $word in *=*) COMPREPLY=(\"${COMPREPLY[@]#\"${word%%=*}=\"}\") ;; esac\n}\n"
       "complete -o default -F _gradc gradc");
}

/* ---- zsh ---- */

static void zsh_option(const char *flag, const char *value, const Option *o) {
  if (value && strncmp(o->choices, value, strlen(value))) return; /* all values are in one line, that of the first */
  bool has_value = o->value[0] != 0;
  printf("        '*%s%s[", flag, !has_value ? "" : flag[1] == '-' ? "=" : "+");
  put_text(o->help, "[]\\");
  fputs("]", stdout);
  if (has_value) printf(":%s:", o->value);
  if (has_value && o->choices[0]) {
    putchar('(');
    for (const char *p = o->choices; *p; p++) putchar(*p == '|' ? ' ' : *p);
    putchar(')');
  } else if (has_value) fputs("_files", stdout);
  puts("' \\");
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
    puts("        '--help[its options]' \\\n        '*:file:_files' ;;");
  }
  puts("  esac\nfi");
}

/* ---- fish ---- */

static const char *fish_command;

static void fish_option(const char *flag, const char *value, const Option *o) {
  if (value && strncmp(o->choices, value, strlen(value))) return;
  bool is_long = flag[1] == '-';
  printf("complete -c gradc -n '__fish_seen_subcommand_from %s' %s %s", fish_command, is_long ? "-l" : "-s",
         flag + 1 + is_long);
  if (o->choices[0]) {
    fputs(" -xa '", stdout);
    for (const char *p = o->choices; *p; p++) putchar(*p == '|' ? ' ' : *p);
    putchar('\'');
  } else if (o->value[0]) fputs(" -r", stdout);
  fputs(" -d '", stdout);
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
  for (int i = 0; i < CMD_COUNT; i++) {
    fish_command = command_info[i].name;
    each_option(i, fish_option);
    for (int p = 0; p < PASS_COUNT && takes_passes(i); p++)
      if (pass_info[p].kind != PASS_LOWERING)
        printf("complete -c gradc -n '__fish_seen_subcommand_from %s' -l no-%s -d 'leave a pass out'\n", fish_command,
               pass_info[p].name);
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
