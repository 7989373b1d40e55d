/* SPDX-License-Identifier: Apache-2.0 */
/* --help, from the table. */
#include "driver/driver.h"
#include "passes/pass.h"
#include <stdio.h>

void help_overview(void) {
  puts("gradc compiles neural networks: one .nn file in; a training binary, or plain C, out.\n"
       "A complete program, product.nn, that learns x * y (more: examples/models/): gradc run product.nn\n"
       "  def net(x: f32[B, 2]) { x |> linear(16) |> tanh |> linear(1) }; use model = net()\n"
       "  data points { source = uniform(n = 1000, lo = [-1, -1], hi = [1, 1]); x: f32[2] = field(0) }\n"
       "  train { data = points; batch = 50; steps = 2000; optim = adam(lr = 1e-2); "
       "loss = mse(model(x), x[:, 0:1] * x[:, 1:2]) }\n"
       "Commands (`gradc COMMAND --help`; exit status 1: error in the model, 2: in the command line, 5: out of "
       "resources):");
  for (int i = 0; i < CMD_COUNT; i++) printf("  %-10s %s\n", command_info[i].name, command_info[i].purpose);
}

/* What stands between an option and its value: "--fp=MODE", "-o PATH", "--remarks[=KINDS]" has its own. */
const char *option_sign(const Option *o) {
  return !o->value[0] || o->value[0] == '[' ? "" : o->flag[1] == '-' ? "=" : " ";
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
    snprintf(left, sizeof left, "%s%s%s", o->flag, option_sign(o), value);
    printf("  %-22s %s\n", left, o->help);
  }
  if (!((unsigned)TAKES_PASSES >> cmd & 1)) return;
  puts("\nPasses that can be disabled (results do not change):");
  for (int i = 0; i < PASS_COUNT; i++)
    if (pass_info[i].kind != PASS_LOWERING) printf("  --no-%-17s %s\n", pass_info[i].name, pass_info[i].purpose);
}
