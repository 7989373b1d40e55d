/* SPDX-License-Identifier: Apache-2.0 */
#include "human.h"
#include <stdio.h>
#include <string.h>

void human_count(char *to, size_t n, double v) {
  char digits[400];
  int len = snprintf(digits, sizeof digits, "%.0f", v), first = digits[0] == '-';
  size_t k = 0;
  for (int i = 0; i < len && k + 2 < n; i++) {
    if (i > first && (len - i) % 3 == 0) to[k++] = ',';
    to[k++] = digits[i];
  }
  to[k] = 0;
}

static void with_unit(char *to, size_t n, double v, double unit, const char *const *names) {
  int i = 0;
  for (; v >= unit * 0.99995 && names[i + 1]; i++) v /= unit;
  snprintf(to, n, v < 10 && i ? "%.2f %s" : v < 100 && i ? "%.1f %s" : "%.0f %s", v, names[i]);
}

void human_bytes(char *to, size_t n, double v) {
  static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};
  with_unit(to, n, v, 1024, names);
}

void human_flops(char *to, size_t n, double v) {
  static const char *const names[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", NULL};
  with_unit(to, n, v, 1000, names);
}

void human_duration(char *to, size_t n, double s) {
  if (s < 60) snprintf(to, n, "%.0f s", s);
  else if (s < 3600) snprintf(to, n, "%d min %02d s", (int)s / 60, (int)s % 60);
  else if (s < 360000) snprintf(to, n, "%d h %02d min", (int)(s / 3600), (int)(s / 60) % 60);
  else snprintf(to, n, "%.0f days", s / 86400);
}

void human_rate(char *to, size_t n, double per_s) {
  char count[HUMAN_TEXT];
  human_count(count, sizeof count, per_s);
  if (per_s >= 99.95) snprintf(to, n, "%s steps/s", count);
  else if (per_s >= 1) snprintf(to, n, per_s < 9.995 ? "%.2f steps/s" : "%.1f steps/s", per_s);
  else if (per_s > 1e-9) snprintf(to, n, "%.3g s/step", 1 / per_s);
  else snprintf(to, n, "0 steps/s");
}
