/* SPDX-License-Identifier: Apache-2.0 */
/* Sections: data, train, target, test, and exports. */
#ifndef GRADC_ELAB_SECTION_H
#define GRADC_ELAB_SECTION_H
#include "frontend/elab/elab_value.h"

typedef struct Setting {
  const char *name;
  int unsupported;
} Setting; /* unsupported: 0, or the error code for it */
typedef struct Section {
  const Ast *ast, *block;
  const Setting *set;
  int nset;
  const char *kind;
} Section;
extern const Setting el_data_settings[], el_train_settings[];
extern const int el_data_nsettings, el_train_nsettings;
bool el_settings(Elab *e, const Section *s); /* misspelt, given twice, unsupported, budgets */
bool el_is_setting(const Section *s, const char *name);
const Ast *el_setting(const Section *s, const char *name); /* the BIND, or NULL */
const Ast *el_setting_value(const Section *s, const char *name);
bool el_setting_int(Elab *e, const Section *s, const char *name, int64_t min, int64_t fallback, int64_t *v);

void el_target_section(Elab *e, const Ast *a);
void el_data_section(Elab *e, const Ast *a);
void el_train_section(Elab *e, const Ast *a);
void el_export(Elab *e, const Ast *a);
void el_test(Elab *e, const Ast *a, int number);

void el_read_averages(Elab *e); /* of `ema`, in evaluations and exports: when all graphs are there */

/* The value of an export's input: of one that is named like a field, what its line makes of raw values. 0: an error. */
Id el_export_field(Elab *e, const Ast *p, Id port);
int el_data_find(const Module *m, const char *name);            /* number of the data section; -1 */
bool el_source_setting(Elab *e, const Section *s, DataInfo *d); /* `source` of a data section */
#endif
