/* SPDX-License-Identifier: Apache-2.0 */
/* How the command line chooses the C compiler: programs, code in this process, stack usage. */
#ifndef GRADC_TOOLCHAIN_H
#define GRADC_TOOLCHAIN_H
#include "codegen/jit/jit_module.h"
#include "driver/driver.h"

/* temp.c: a work folder. While it exists SIGINT, SIGTERM and SIGHUP are blocked, so that it is always removed. */
bool temp_make(Ctx *c, WorkFolder *f); /* false: reported */
void temp_remove(const WorkFolder *f);
void signals_block(bool block); /* or unblocks them */

/* Builds the operand's model as the program `out` in the folder. Returns the exit status; not EXIT_OK: reported. With
 * --keep-c the folder's C is also in that of the option; `emit --native` only writes it to that of -o. */
int toolchain_build(Args *a, const WorkFolder *f, const char *out);

/* Compiles a planned module to code in this process. NULL: reported, *status is the exit status. */
Jit *toolchain_load(Args *a, Module *m, int *status);
void toolchain_prepare(const Args *a); /* starts loading on another thread what toolchain_load will need */

/* Compiles model.c in the folder, portable C, and returns the compiler's -fstack-usage file. NULL: failed, see *why. */
const char *toolchain_stack_usage(Args *a, const WorkFolder *f, const char **why);
#endif
