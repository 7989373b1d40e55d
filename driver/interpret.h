/* Running graphs of a module in the reference interpreter: what test and gradcheck share. */
#ifndef GRADC_INTERPRET_H
#define GRADC_INTERPRET_H
#include "driver/driver.h"
#include "ir/interp.h"

/* An interpreter whose weights and states the file's `init` graph filled from its seed. NULL: reported. Freed by
 * interp_free. */
Interp *interpret_new(Module *m, bool f64);
bool interpret_init(Interp *in);                    /* initial values again; false: reported */
bool interpret_run(Interp *in, const Graph *g, Val *const *ports, Val **results); /* false: reported */
void interpret_drop(Val **v, int n);
const char *val_text(Ctx *c, const Val *v);         /* "0.5", "[1, 2, 3, … 97 more]" */
#endif
