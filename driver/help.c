/* --help, from the table. */
#include "driver/driver.h"
#include "passes/pass.h"
#include <stdio.h>

void help_overview(void) {
  puts("gradc compiles neural networks: one .nn file in, a training binary or plain C out.\n\n"
       "A first model, xor.nn:                       Then:\n"
       "  def net(x: f32[B, 2]) { … }                  gradc check xor.nn\n"
       "  use model = net()                            gradc run xor.nn --steps 500\n"
       "  data d { … }  train { … }                    gradc build xor.nn -o xor && ./xor train\n");
  puts("Commands (`gradc COMMAND --help` tells more):");
  for (int i = 0; i < CMD_COUNT; i++) printf("  %-10s %s\n", command_info[i].name, command_info[i].purpose);
  puts("\nExit status: 0 well, 1 the model is wrong, 2 the command line is wrong, 5 out of resources.\n"
       "The language: docs/language.md. Whole programs: examples/models/.");
}

void help_command(CommandId cmd) {
  const Command *k = &command_info[cmd];
  printf("Example: %s\n\nUsage: gradc %s %s [OPTIONS]\n  %s\n", k->example, k->name, k->operands, k->purpose);
  bool any = false;
  for (int i = 0; i < OPT_COUNT; i++) {
    const Option *o = &option_info[i];
    if (!(o->commands >> cmd & 1)) continue;
    if (!any) puts("\nOptions:");
    any = true;
    char left[64];
    const char *value = o->choices[0] ? o->choices : o->value;
    snprintf(left, sizeof left, "%s%s%s", o->flag, !value[0] ? "" : o->flag[1] == '-' ? "=" : " ", value);
    printf("  %-22s %s\n", left, o->help);
  }
  if (!((unsigned)TAKES_PASSES >> cmd & 1)) return;
  puts("\nPasses that can be switched off (results do not change):");
  for (int i = 0; i < PASS_COUNT; i++)
    if (pass_info[i].kind != PASS_LOWERING) printf("  --no-%-17s %s\n", pass_info[i].name, pass_info[i].purpose);
}
