/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the path of a result before anything is computed. */
#include "driver/driver.h"
#include <string.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b) {
  struct stat x, y;
  return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether the path ends with one of the endings, which are separated by blanks. */
static bool has_ending(const char *path, const char *endings) {
  size_t n = strlen(path);
  while (*endings) {
    size_t k = strcspn(endings, " ");
    if (n > k && !strncmp(path + n - k, endings, k)) return true;
    endings += k + (endings[k] == ' ');
  }
  return false;
}

bool output_check(Args *a, OptionId option, const char *endings, const char *writes, const char *help) {
  const char *path = a->value[option], *flag = option_info[option].flag, *cmd = command_info[a->cmd].name;
  struct stat st;
  if (!path) return true;
  if (same_file(path, a->operand[0])) {
    diag_error(a->c, E_USAGE, 0, 1, "`%s %s` would overwrite what `gradc %s` reads", flag, path, cmd);
    return false;
  }
  if (!has_ending(path, endings) || (!stat(path, &st) && S_ISDIR(st.st_mode))) return true;
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`%s %s`: `gradc %s` writes %s", flag, path, cmd, writes);
  if (help) diag_help(a->c, d, "%s", help);
  return false;
}
