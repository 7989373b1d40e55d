/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page in the macros of man(7), generated from the tables. */
#include "driver/driver.h"
#include "passes/pass.h"
#include "runtime/man.h"
#include "runtime/rt.h"
#include <stdio.h>

static void put(const char *s) {
  char *t = man_escape(s);
  fputs(t, stdout);
  rt_free(t);
}

static void item(const char *flag, const char *between, const char *value, const char *text) {
  fputs(".TP\n\\fB", stdout);
  put(flag);
  fputs("\\fR", stdout);
  put(between);
  put(value);
  putchar('\n');
  put(text);
  putchar('\n');
}

static void command(CommandId cmd) {
  const Command *k = &command_info[cmd];
  printf(".SS gradc %s ", k->name);
  put(k->operands);
  putchar('\n');
  put(k->purpose);
  fputs(".\nExample:\n.B ", stdout);
  put(k->example);
  putchar('\n');
  for (int i = 0; i < OPT_COUNT; i++) {
    const Option *o = &option_info[i];
    const char *value = o->choices[0] ? o->choices : o->value;
    if (o->commands >> cmd & 1) item(o->flag, option_sign(o), value, o->help);
  }
}

void help_man(void) {
  fputs(".TH GRADC 1 \"\" \"gradc " GRADC_VERSION "\" \"User commands\"\n"
        ".SH NAME\ngradc \\- compiler for neural networks\n"
        ".SH SYNOPSIS\n.B gradc\n.I COMMAND\n[\\fIOPTIONS\\fR] \\fIFILE\\fR\n.SH DESCRIPTION\n"
        "gradc compiles a neural network with its data, its training and its use, written in one .nn file, to a\n"
        "training binary or to plain C.\n.SH COMMANDS\n",
        stdout);
  for (int i = 0; i < CMD_COUNT; i++) command(i);
  puts(".SH PASSES\nCommands that take \\fB\\-\\-no\\-\\fIPASS\\fR leave a pass out; results do not change:");
  for (int i = 0; i < PASS_COUNT; i++)
    if (pass_info[i].kind != PASS_LOWERING) item(pass_info[i].name, "", "", pass_info[i].purpose);
  puts(".SH EXIT STATUS\n0 ok, 1 error in the model, 2 error in the command line, 5 out of resources.\n"
       "Those of training are 4 too, data or weights are malformed, and 6, the loss is not finite.\n"
       ".SH SEE ALSO\n.BR nn (5), the language;\n.BR m (1), a training binary");
}
