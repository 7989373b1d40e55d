/* gradc report: the memory plan as a drawing, in the terminal and as SVG, and the stack that generated C takes. */
#ifndef GRADC_REPORT_H
#define GRADC_REPORT_H
#include "driver/driver.h"
#include "passes/gradients.h"

/* What a value of the arena is for. */
typedef enum Use { USE_KEPT, USE_FORWARD, USE_BACKWARD, USE_GRADIENT, USE_SCRATCH, USE_COUNT } Use;
extern const char *const use_text[USE_COUNT];

typedef struct Plan { Ctx *c; Module *m; const Lives *l; Gradients grads; } Plan; /* of the module's largest graph */
Plan plan_of(Module *m, Graph *g);
Use plan_use(const Plan *p, const Live *v);
bool plan_again(const Plan *p, const Live *v);        /* a clone: computed a second time, instead of kept */
const char *plan_name(const Plan *p, const Live *v);  /* "max f32[32,256]" */
const char *plan_place(const Plan *p, const Live *v); /* "digits.nn:3:28"; "" */
const char *grouped(Ctx *c, double v);                /* 1234567 as 1,234,567 */

/* The largest values alive at the peak that are worth a label, `most` at most. */
int plan_labels(const Plan *p, const Live **v, int most);

void report_map(const Plan *p);                       /* to standard output, as wide as the terminal */
void report_lines(const Plan *p);                     /* JSON, a line for the plan and one for each value */
bool report_svg(const Plan *p, const char *path);     /* false: reported */

/* The bytes of stack that the deepest calls of the reported module's portable C take, in its --fp mode, as the C
 * compiler counts them. -1: it cannot be told, and *why says so. */
int64_t report_stack(const Args *a, const Module *reported, const char **why);
#endif
