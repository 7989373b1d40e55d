/* SPDX-License-Identifier: Apache-2.0 */
/* gradc report: the memory plan as a drawing, in the terminal and as SVG, and the stack use of the generated C. */
#ifndef GRADC_REPORT_PLAN_H
#define GRADC_REPORT_PLAN_H
#include "driver/driver.h"
#include "passes/analysis/gradient_buffers.h"

/* What a value in the arena is used for. */
typedef enum Use { USE_KEPT, USE_FORWARD, USE_BACKWARD, USE_GRADIENT, USE_SCRATCH, USE_COUNT } Use;
extern const char *const use_text[USE_COUNT];

/* The memory plan of the module's largest graph. */
typedef struct Plan {
  Ctx *c;
  Module *m;
  const Liveness *l;
  GradientBuffers grads;
} Plan;
Plan plan_of(Module *m, Graph *g);
Use plan_use(const Plan *p, const LiveRange *v);
bool plan_is_recomputed(const Plan *p, const LiveRange *v);   /* a rematerialised clone */
const char *plan_name(const Plan *p, const LiveRange *v);     /* "max f32[32,256]" */
const char *plan_location(const Plan *p, const LiveRange *v); /* "digits.nn:3:28"; "" */
const char *grouped(Ctx *c, double v);                        /* 1234567 as 1,234,567 */

/* The largest values alive at the peak that get a label, at most `max`. Returns their number. */
int plan_labels(const Plan *p, const LiveRange **v, int max);

void report_terminal(const Plan *p); /* to standard output, as wide as the terminal */
void report_lines(const Plan *p);    /* JSON, a line for the plan and one for each value */
Str report_svg_text(const Plan *p);
bool report_svg(const Plan *p, const char *path); /* false: reported */

/* The maximum stack depth, in bytes, of the reported module's portable C in its --fp mode, by the C compiler's figures.
 * -1: unknown, *why is the reason. */
int64_t report_stack(const Args *a, const Module *reported, const char **why);
/* The same of one program: its text, and the compiler's file of frames. -1: the file names none of its functions. */
int64_t stack_depth(Ctx *c, const char *code, const char *su);
#endif
