/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"
#include "human.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* From left to right. */
enum { EPOCH, STEP, LOSS, METRICS, VALIDATION, VALIDATION_METRICS, RATE, LEFT, MEMORY, FIELDS };
enum { FIELD_TEXT = 200, BAR_MIN = 7, BAR_MAX = 22 };
typedef struct Fields {
  char text[FIELDS][FIELD_TEXT];
} Fields;

int live_columns(int fd) {
  struct winsize w;
  const char *columns = getenv("COLUMNS");
  int n = ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : columns ? atoi(columns) : 0;
  return n > 0 ? n : 80;
}

/* "loss 0.3  acc 90.0 %": the first score and the others. */
static void split(const char *scores, const char *before, char *first, char *others) {
  const char *gap = strstr(scores, "  ");
  int n = gap ? (int)(gap - scores) : (int)strlen(scores);
  snprintf(first, FIELD_TEXT, "%s%.*s", before, n, scores);
  snprintf(others, FIELD_TEXT, "%s", gap ? gap + 2 : "");
}

static void fill(Fields *f, const LiveLine *l) {
  char a[HUMAN_TEXT], b[HUMAN_TEXT];
  memset(f, 0, sizeof *f);
  if (l->epochs) snprintf(f->text[EPOCH], FIELD_TEXT, "epoch %u/%u", l->epoch, l->epochs);
  human_count(a, sizeof a, l->step);
  human_count(b, sizeof b, l->steps);
  snprintf(f->text[STEP], FIELD_TEXT, "%s/%s", a, b);
  split(l->scores, "", f->text[LOSS], f->text[METRICS]);
  if (l->validation) split(l->validation, "validation ", f->text[VALIDATION], f->text[VALIDATION_METRICS]);
  human_rate(f->text[RATE], FIELD_TEXT, l->rate);
  human_duration(a, sizeof a, l->left);
  snprintf(f->text[LEFT], FIELD_TEXT, "%s left", a);
  human_bytes(f->text[MEMORY], FIELD_TEXT, (double)l->memory);
}

static size_t width(const Fields *f) {
  size_t n = 0;
  for (int i = 0; i < FIELDS; i++)
    if (f->text[i][0]) n += strlen(f->text[i]) + (n ? 2 : 0);
  return n;
}

void live_text(char *to, size_t n, const LiveLine *l, int columns) {
  static const int leave_out[] = {EPOCH, VALIDATION_METRICS, METRICS, STEP, MEMORY, LEFT, RATE, VALIDATION};
  Fields f;
  fill(&f, l);
  size_t most = (size_t)(columns > 1 ? columns - 1 : 1), k = 0;
  if (most > n - 1) most = n - 1;
  bool all = true; /* but for the epoch */
  for (size_t i = 0; i < sizeof leave_out / sizeof *leave_out && width(&f) > most; i++) {
    f.text[leave_out[i]][0] = 0;
    all &= leave_out[i] == EPOCH;
  }
  to[0] = 0;
  for (int i = 0; i < FIELDS; i++)
    if (f.text[i][0] && k < n) k += (size_t)snprintf(to + k, n - k, "%s%s", k ? "  " : "", f.text[i]);
  if (k > most) to[k = most] = 0;
  size_t room = most - k < 2 ? 0 : most - k - 2, bar = room < BAR_MAX ? room : BAR_MAX;
  if (bar < BAR_MIN || !all) return;
  size_t full = (size_t)((double)(bar - 2) * l->step / (l->steps ? l->steps : 1));
  k += (size_t)snprintf(to + k, n - k, "  [");
  for (size_t i = 0; i < bar - 2; i++) to[k++] = i < full ? '#' : '.';
  snprintf(to + k, n - k, "]");
}
