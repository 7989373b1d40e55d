/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/plot.h"
#include <math.h>

double chart_y(const Chart *k, double v) {
  if (!isfinite(v) || (k->log && v <= 0)) return NAN;
  return k->log ? log10(v) : v;
}

bool chart_range(Chart *k) {
  k->x0 = k->y0 = INFINITY;
  k->x1 = k->y1 = -INFINITY;
  for (int i = 0; i < k->n; i++)
    for (int p = 0; p < k->curve[i].n; p++) {
      double x = k->curve[i].x[p], y = chart_y(k, k->curve[i].y[p]);
      if (isnan(y)) continue;
      k->x0 = fmin(k->x0, x), k->x1 = fmax(k->x1, x);
      k->y0 = fmin(k->y0, y), k->y1 = fmax(k->y1, y);
    }
  if (k->x1 < k->x0) return false;
  if (k->x1 <= k->x0) k->x0 -= 1, k->x1 += 1;
  double wide = k->y1 - k->y0, least = 1e-6 * fmax(fabs(k->y0), 1e-30); /* a constant is a line in the middle */
  if (wide < least) k->y0 -= fmax(least, 0.5 * fabs(k->y0)), k->y1 += fmax(least, 0.5 * fabs(k->y1));
  return true;
}

double tick_step(double range, int most) {
  double power = pow(10, floor(log10(range / most))), ratio = range / most / power;
  return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

const char *chart_value(Ctx *c, const Chart *k, double y) {
  double wide = k->y1 - k->y0;
  if (k->log) return ctx_strf(c, "%.3g", pow(10, y));
  return ctx_strf(c, "%.4g", fabs(y) < 1e-9 * wide ? 0 : y);
}
