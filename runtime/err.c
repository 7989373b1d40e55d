/* Messages. A code's exit status follows from its range, so that no call site can get it wrong. */
#include "rt.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool live_shown;

int rt_status(int code) {
  static const struct { int first, status; } range[] = {
    {600, ST_USAGE}, {610, ST_DATA}, {660, ST_RESOURCE}, {670, ST_NOT_FINITE}, {680, ST_USER},
  };
  int status = ST_USER;
  for (int i = 0; i < COUNT(range); i++) if (code >= range[i].first) status = range[i].status;
  return status;
}

void rt_live(const char *line) {
  if (line) fprintf(stderr, "\r%s\033[K", line);
  else if (live_shown) fputs("\r\033[K", stderr);
  live_shown = line != NULL;
  fflush(stderr);
}

static bool colour(void) {
  const char *no = getenv("NO_COLOR");
  return !(no && *no) && isatty(2);
}

static void print_error(int code, const char *fmt, va_list ap) {
  char text[4096];
  vsnprintf(text, sizeof text, fmt, ap);
  rt_live(NULL);
  fflush(stdout);
  const char *end = strchr(text, '\n');
  int n = end ? (int)(end - text) : (int)strlen(text);
  const char *on = colour() ? "\033[1;31m" : "", *off = *on ? "\033[0m" : "";
  fprintf(stderr, "%serror[E%04d]%s: %.*s\n", on, code, off, n, text);
  while (end) {
    const char *line = end + 1;
    end = strchr(line, '\n');
    fprintf(stderr, "   = help: %.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
  }
}

void rt_error(int code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  print_error(code, fmt, ap);
  va_end(ap);
}

void rt_die(int code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  print_error(code, fmt, ap);
  va_end(ap);
  exit(rt_status(code));
}

void rt_note(const char *fmt, ...) {
  rt_live(NULL);
  va_list ap;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}

bool rt_fail(char *err, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(err, ERR_TEXT, fmt, ap);
  va_end(ap);
  return false;
}

void rt_out(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vprintf(fmt, ap);
  va_end(ap);
}

void rt_out_flush(void) {
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout)) rt_die(664, "cannot write to standard output: %s", strerror(errno));
}
