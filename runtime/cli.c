/* SPDX-License-Identifier: Apache-2.0 */
/* The entry point of a training binary: signals and commands. */
#include "man.h"
#include "run.h"
#include "settings.h"
#include "terminal.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile int gc_signal, gc_training;

/* While the step loop runs, the first signal makes it save and stop. Any other signal exits at once. */
static void on_signal(int number) {
  if (!gc_training || gc_signal) {
    lock_release();
    _exit(128 + number);
  }
  gc_signal = number;
}

static void catch_signals(void) {
  struct sigaction act;
  memset(&act, 0, sizeof act);
  act.sa_handler = on_signal;
  act.sa_flags = SA_RESTART;
  sigaction(SIGINT, &act, NULL);
  sigaction(SIGTERM, &act, NULL);
  sigaction(SIGHUP, &act, NULL);
  act.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &act, NULL); /* writing to a closed pipe fails instead */
  sigaction(SIGXFSZ, &act, NULL);
}

int gc_main(const GcModel *m, int argc, char **argv) {
  const char *prog = argc ? argv[0] : m->name;
  rt_standard_files();
  rt_host = &rt_program;
  catch_signals();
  if (argc == 3 && !strcmp(argv[1], "help") && !strcmp(argv[2], "--man")) {
    man_program(m->name, m->version ? m->version : "");
    rt_out_flush();
    return 0;
  }
  if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
    opt_overview(m, prog);
    rt_out_flush();
    return 0;
  }
  if (!strcmp(argv[1], "--version")) {
    rt_out("%s, built by gradc %s\n", m->name, m->version ? m->version : "");
    rt_out_flush();
    return 0;
  }
  Session sess = {.m = m, .t = m->ntrain ? &m->train[0] : NULL, .prog = prog};
  sess.train_command = getenv("GRADC_RUN_AS"); /* set by `gradc run`, which leaves no binary */
  if (!sess.train_command) sess.train_command = rt_printf("%s train", prog);
  const Command *c = opt_command(argv[1]);
  opt_parse(&sess.o, c, argc - 2, argv + 2);
  if (sess.o.help) {
    opt_help(prog, c);
    rt_out_flush();
    return 0;
  }
  if (!m->device && (sess.o.device >= 0 || sess.o.check_launches))
    rt_die(E_OPTION_VALUE, "%s was built for the CPU\nbuild it with --cuda", m->name);
  if (!c->run)
    rt_die(E_NO_SUCH_PART, "%s has no export from tokens i32[1, T] to scores f32[1, V], to generate by", m->name);
  settings_apply(&sess);
  int status = c->run(&sess);
  session_close(&sess);
  return status;
}
