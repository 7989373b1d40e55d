/* SPDX-License-Identifier: Apache-2.0 */
/* Reports failures to the host. The exit status follows from the range of the code. */
#include "rt.h"
#include <stdarg.h>
#include <string.h>

_Thread_local RtHost *rt_host RT_STATIC_TLS;

int rt_status(int code) {
  static const struct {
    int first, status;
  } range[] = {
    {600, ST_USAGE}, {610, ST_DATA}, {660, ST_RESOURCE}, {670, ST_NOT_FINITE}, {680, ST_USER}, {690, ST_RESOURCE},
  };
  int status = ST_USER;
  for (int i = 0; i < COUNT(range); i++)
    if (code >= range[i].first) status = range[i].status;
  return status;
}

static void report(int code, const char *fmt, va_list ap) {
  char text[4096];
  vsnprintf(text, sizeof text, fmt, ap);
  rt_host->error(rt_host, code, text);
}

void rt_error(int code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  report(code, fmt, ap);
  va_end(ap);
}

void rt_die(int code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  report(code, fmt, ap);
  va_end(ap);
  rt_quit(code);
}

void rt_quit(int code) { rt_host->quit(rt_host, code); }

bool rt_fail(char *err, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(err, ERR_TEXT, fmt, ap);
  va_end(ap);
  return false;
}

bool rt_is_place(const char *line) { return !strncmp(line, "--> ", 4); }

int rt_distance(const char *a, const char *b) {
  int row[64], n = (int)strlen(b);
  if (n > 63) return 64;
  for (int j = 0; j <= n; j++) row[j] = j;
  for (int i = 1; *a; a++, i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= n; j++) {
      int best = diagonal + (*a != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[n];
}

const char *rt_suggest(const char *typed, const char *const *word, int n) {
  const char *best = NULL;
  for (int i = 0, least = 64; i < n && strlen(typed) < 64; i++) {
    int d = rt_distance(typed, word[i]);
    if (d >= least || d > 1 + (int)strlen(word[i]) / 3) continue;
    best = word[i];
    least = d;
  }
  return best;
}
