/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/table.h"
#include "ir/utf8.h"
#include <stdio.h>
#include <string.h>

enum { GAP = 2 };

int text_columns(const char *s) {
  int n = 0, used, width;
  for (size_t left = strlen(s); left; left -= (size_t)used, s += used) {
    utf8_step(s, left, &used, &width);
    n += width;
  }
  return n;
}

Table table_new(Ctx *c, int rows) { return (Table){.c = c, .rows = rows}; }

int table_column(Table *t, const char *head, int weight, bool right) {
  TableColumn *k = VEC_PUSH(t->c, t->column, t->n, t->cap);
  *k = (TableColumn){.head = head, .weight = weight, .right = right};
  k->cell = ctx_alloc(t->c, sizeof *k->cell * (size_t)(t->rows + 1));
  return t->n - 1;
}

void table_set_cell(Table *t, int column, int row, const char *text) { t->column[column].cell[row] = text; }

static const char *cell_of(const TableColumn *k, int row) {
  const char *text = row < 0 ? k->head : k->cell[row];
  return text ? text : "";
}

static int total(const Table *t) {
  int n = 0;
  for (int i = 0; i < t->n; i++)
    if (!t->column[i].hidden) n += t->column[i].width + GAP;
  return n - GAP;
}

void table_fit(Table *t, int width) {
  for (int i = 0; i < t->n; i++)
    for (int row = -1; row < t->rows; row++) {
      int n = text_columns(cell_of(&t->column[i], row));
      if (n > t->column[i].width) t->column[i].width = n;
    }
  while (width && total(t) > width) {
    int least = 0; /* of equal ones the last; the first column stays */
    for (int i = 1; i < t->n; i++)
      if (!t->column[i].hidden && (!least || t->column[i].weight <= t->column[least].weight)) least = i;
    if (!least) return;
    t->column[least].hidden = true;
  }
}

void table_print_row(const Table *t, int row) {
  int pad = 0;
  for (int i = 0; i < t->n; i++) {
    const TableColumn *k = &t->column[i];
    if (k->hidden) continue;
    const char *text = cell_of(k, row);
    int n = text_columns(text), lack = k->width > n ? k->width - n : 0;
    if (*text) printf("%*s%s", pad + (k->right ? lack : 0), "", text), pad = k->right ? 0 : lack;
    else pad += lack;
    pad += GAP;
  }
  putchar('\n');
}

int table_print(Table *t, int width) {
  int hidden = 0;
  table_fit(t, width);
  for (int row = -1; row < t->rows; row++) table_print_row(t, row);
  for (int i = 0; i < t->n; i++) hidden += t->column[i].hidden;
  return hidden;
}
