/* From native C to a program: a private temporary folder, the C compiler, the embedded runtime. */
#ifndef GRADC_TOOLCHAIN_H
#define GRADC_TOOLCHAIN_H
#include "codegen/jit/compile.h"
#include "driver/driver.h"

/* A folder that nobody else can look into. While it exists SIGINT, SIGTERM and SIGHUP wait, so that nothing is left
 * behind; temp_remove lets them through again. */
typedef struct Temp { Ctx *c; const char *dir; } Temp;
bool temp_make(Ctx *c, Temp *t);                       /* false: reported */
void temp_remove(Temp *t);                             /* with all that is in it */
void signals_hold(bool hold);                          /* or lets through what waits */
const char *temp_path(const Temp *t, const char *name);

/* Builds the operand's model as a program at `out` (a path in `t`). Returns the exit status; not 0: reported. */
int toolchain_build(Args *a, Temp *t, const char *out);

/* A planned module as code in this process. NULL: reported, and *status is what to exit with. */
Jit *toolchain_load(Args *a, Module *m, int *status);
void toolchain_prepare(const Args *a);  /* begins with what it will need, beside what the caller does until then */

/* Compiles model.c in `t`, portable C, and returns what -fstack-usage says of it. NULL: it could not; *why tells. */
const char *toolchain_stack_usage(Args *a, const Temp *t, const char **why);
#endif
