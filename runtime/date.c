/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of ISO 8601 as days since 1970-01-01: 2024-02-29, 20240229, and after a T or a blank a time, 12:30,
 * 12:30:05.5, with Z or an offset such as +01:00. Days of the Gregorian calendar by Hinnant's days_from_civil
 * ("chrono-compatible low-level date algorithms"). */
#include "columns.h"
#include <string.h>

typedef struct Scan {
  const char *p, *end;
} Scan;

static bool digits(Scan *s, int n, int *v) {
  *v = 0;
  for (int i = 0; i < n; i++, s->p++) {
    if (s->p == s->end || *s->p < '0' || *s->p > '9') return false;
    *v = *v * 10 + *s->p - '0';
  }
  return true;
}

static bool accept(Scan *s, char c) { return s->p < s->end && *s->p == c && ++s->p; }

static double days_from_civil(int y, int m, int d) {
  y -= m <= 2;
  int era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
  int doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097.0 + doe - 719468;
}

static int days_in(int y, int m) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return m == 2 && y % 4 == 0 && (y % 100 || y % 400 == 0) ? 29 : days[m - 1];
}

/* Z, +01:00, +0100, +01, or nothing: in minutes. */
static bool offset(Scan *s, int *minutes) {
  int h = 0, m = 0, sign = accept(s, '+') ? 1 : accept(s, '-') ? -1 : 0;
  *minutes = 0;
  if (!sign) return accept(s, 'Z') || s->p == s->end;
  if (!digits(s, 2, &h)) return false;
  if (s->p < s->end && (accept(s, ':') || true) && !digits(s, 2, &m)) return false;
  *minutes = sign * (60 * h + m);
  return h < 24 && m < 60;
}

static bool time_of(Scan *s, double *days) {
  int h, m, sec = 0, minutes;
  double part = 0, unit = 1;
  if (!digits(s, 2, &h) || !accept(s, ':') || !digits(s, 2, &m)) return false;
  if (accept(s, ':')) {
    if (!digits(s, 2, &sec)) return false;
    if (accept(s, '.') || accept(s, ','))
      for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) part += (unit /= 10) * (*s->p - '0');
  }
  if (h > 24 || m > 59 || sec > 60 || (h == 24 && m + sec > 0) || !offset(s, &minutes)) return false;
  *days += ((h * 60.0 + m - minutes) * 60 + sec + part) / 86400;
  return true;
}

bool csv_date(const CsvField *f, double *days) {
  CsvField t = csv_trim(*f);
  Scan s = {t.s, t.s + t.n};
  int y, m, d;
  if (!digits(&s, 4, &y)) return false;
  bool dash = accept(&s, '-');
  if (!digits(&s, 2, &m) || (dash && !accept(&s, '-')) || !digits(&s, 2, &d)) return false;
  if (m < 1 || m > 12 || d < 1 || d > days_in(y, m)) return false;
  *days = days_from_civil(y, m, d);
  return s.p == s.end || ((accept(&s, 'T') || accept(&s, ' ')) && time_of(&s, days) && s.p == s.end);
}
