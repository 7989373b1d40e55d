/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/toolchain.h"
#include <signal.h>

void signals_block(bool block) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

bool temp_make(Ctx *c, WorkFolder *f) {
  signals_block(true);
  CcResult r = work_folder_make(c, f);
  if (!r.fault) return true;
  diag_error(c, E_FILE_WRITE, 0, 1, "%s", r.text);
  signals_block(false);
  return false;
}

void temp_remove(const WorkFolder *f) {
  work_folder_remove(f);
  signals_block(false);
}
