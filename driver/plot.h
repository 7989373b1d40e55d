/* SPDX-License-Identifier: Apache-2.0 */
/* Charts of the curves of runs: what `gradc plot` draws in the terminal and as SVG. */
#ifndef GRADC_PLOT_H
#define GRADC_PLOT_H
#include "driver/run_folder.h"

typedef struct PlotCurve {
  const char *label;
  int colour; /* number of a run, or of a curve if there is one run */
  bool dashed;
  int n;
  const double *x, *y; /* values that are not finite interrupt it */
} PlotCurve;
typedef struct Chart {
  const char *title;
  PlotCurve *curve;
  int n, cap;
  bool log;              /* y is a logarithm to base 10; values <= 0 are left out */
  double x0, x1, y0, y1; /* the shown range; of y in the scale's own numbers */
} Chart;

/* plot.c: the range of the chart, with some of what it shows. False: no value can be shown. */
bool chart_range(Chart *k);
double chart_y(const Chart *k, double v); /* in the scale; NaN: not to be shown */
/* The next round number not below v, for ticks `step` apart; a step for about `most` ticks over a range. */
double tick_step(double range, int most);
const char *chart_value(Ctx *c, const Chart *k, double y); /* of a tick */

/* plot_text.c: on standard output. */
typedef struct PlotText {
  int width, height;
  bool braille, colour;
} PlotText;
void plot_text(Ctx *c, const Chart *k, const PlotText *o);

/* plot_svg.c: all charts, one below the other. */
Str plot_svg(Ctx *c, const Chart *k, int n);
#endif
