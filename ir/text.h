/* Words of the IR text that printer and parser share. */
#ifndef GRADC_TEXT_H
#define GRADC_TEXT_H
#include "ir.h"

static const char *const graph_kind_name[] = {"init", "train_step", "train_pass", "train_update", "eval_step",
                                              "eval_done", "export", "test", "bind", "body"};
static const char *const var_kind_name[] = {"param", "state", "optim"};
static const char *const space_name[] = {"none", "arena", "var", "head", "in", "out"};
enum { NKINDS = sizeof graph_kind_name / sizeof *graph_kind_name, NSPACES = SP_OUT + 1 };

const char *number_text(Ctx *c, double v); /* shortest decimal that reads back as v; nan, inf, -inf */
#endif
