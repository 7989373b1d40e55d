/* SPDX-License-Identifier: Apache-2.0 */
/* The made-up data of `gradc new`. False: reported. */
#ifndef GRADC_NEW_H
#define GRADC_NEW_H
#include "ir/ctx.h"

bool new_file(Ctx *c, const char *dir, const char *name, const char *text, size_t n); /* cmd_new.c */
bool new_leaves(Ctx *c, const char *dir);                                             /* new_data.c */
bool new_shapes(Ctx *c, const char *dir);
bool new_text(Ctx *c, const char *dir);
#endif
