/* SPDX-License-Identifier: Apache-2.0 */
/* Reports failures to the host. The exit status follows from the range of the code. */
#include "rt.h"
#include <stdarg.h>

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
