/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns of text that fit a terminal. */
#ifndef GRADC_TABLE_H
#define GRADC_TABLE_H
#include "ir/ctx.h"

typedef struct TableColumn {
  const char *head;
  const char **cell;
  int weight, width;
  bool right, hidden;
} TableColumn;
typedef struct Table {
  Ctx *c;
  TableColumn *column;
  int n, cap, rows;
} Table;

Table table_new(Ctx *c, int rows);
/* Adds a column; returns its number. weight: a narrow terminal drops those of the lowest first. right: of numbers. */
int table_column(Table *t, const char *head, int weight, bool right);
void table_set_cell(Table *t, int column, int row, const char *text); /* NULL: empty */
/* Prints it on standard output. width 0: any. Returns the number of columns that were dropped. */
int table_print(Table *t, int width);
/* One row, with the widths that the columns have so far; row -1: the heads. Of a table that grows while it is shown. */
void table_print_row(const Table *t, int row);
void table_fit(Table *t, int width); /* sets the widths, and drops columns */
int text_columns(const char *s);     /* that a text takes on a terminal */
#endif
