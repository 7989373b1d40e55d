/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"
#include "json_record.h"
#include "session.h"
#include "stream.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct StreamText {
  Data *d;
  int fd;
  bool csv, begun, ended;
  char *text;
  size_t begin, n, cap; /* text[begin] .. text[n] is not used yet */
  uint64_t line;
  JsonRecords json;
  Columns columns;
  Csv table;
};

StreamText *stream_text_open(Data *d, const char *path) {
  StreamText *s = rt_alloc(sizeof *s);
  *s = (StreamText){.d = d, .csv = !strcmp(d->d->kind, "csv")};
  s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : 0;
  if (s->fd < 0) rt_die(E_DATA_READ, "%s: %s", path, strerror(errno));
  return s;
}

bool stream_text_ended(const StreamText *s) { return s->ended; }

static void make_room(StreamText *s) {
  if (s->begin) memmove(s->text, s->text + s->begin, s->n - s->begin);
  s->n -= s->begin;
  s->begin = 0;
  if (s->n + 1 < s->cap) return;
  s->cap = s->cap ? 2 * s->cap : 1 << 16;
  s->text = rt_realloc(s->text, s->cap);
}

static bool stopped(const StreamText *s) { return s->d->sess->stop && *s->d->sess->stop; }

/* Reads more. False: the stream has ended, or a signal came. */
static bool fill(StreamText *s) {
  if (s->ended) return false;
  if (s->begin || s->n + 1 >= s->cap) make_room(s);
  for (;;) {
    if (stopped(s)) return false;
    int ready = poll(&(struct pollfd){.fd = s->fd, .events = POLLIN}, 1, -1);
    ssize_t n = ready > 0 ? read(s->fd, s->text + s->n, s->cap - s->n - 1) : -1;
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) rt_die(E_DATA_READ, "%s: %s", s->d->path[0], strerror(errno));
    s->ended = n == 0;
    s->n += (size_t)n;
    return !s->ended;
  }
}

/* Where the record at `from` ends, after its newline; 0: what was read so far does not have its end. */
static size_t record_end(const StreamText *s, size_t from) {
  bool quote = false;
  for (size_t i = from; i < s->n; i++) {
    quote ^= s->csv && s->text[i] == '"';
    if (s->text[i] == '\n' && !quote) return i + 1;
  }
  return 0;
}

/* The text of the next record, with its newline if there is one. */
static bool next_text(StreamText *s, char **p, size_t *n) {
  size_t end;
  while (!(end = record_end(s, s->begin)) && fill(s)) {}
  if (!end && s->ended) end = s->n;
  if (end <= s->begin) return false;
  *p = s->text + s->begin;
  *n = end - s->begin;
  s->begin = end;
  return true;
}

/* The separator is found in the first two records. */
static bool begin(StreamText *s) {
  Data *d = s->d;
  for (size_t end; s->csv && (!(end = record_end(s, s->begin)) || !record_end(s, end));)
    if (!fill(s)) break;
  if (s->n - s->begin < 2 && !s->ended) fill(s);
  if (!s->ended && stopped(s)) return false;
  const unsigned char *p = (const unsigned char *)s->text + s->begin;
  if (s->n - s->begin >= 2 && p[0] == 0x1F && p[1] == 0x8B)
    rt_die(E_DATA_READ, "%s is compressed\na stream is read as it is: zcat FILE | %s", d->path[0],
           d->sess->train_command);
  Bytes b = {(unsigned char *)s->text + s->begin, s->n - s->begin};
  if (s->csv) {
    csv_begin(&s->table, &b, d->d->sep, d->d->decimal);
    columns_begin(&s->columns, d->sess, d->d, d->path[0]);
    if (b.n) s->begin = (size_t)(s->table.p - s->text);
  } else {
    json_records_begin(&s->json, d->sess, d->d);
  }
  return s->begun = true;
}

/* False: a value is missing, and its record is left out. */
static bool parse_cells(StreamText *s, void *const *to) {
  Data *d = s->d;
  Columns *k = &s->columns;
  bool all = true;
  for (int f = 0; f < d->d->nfields && !k->fault; f++) {
    Cell at = {.record = d->n + d->skipped + d->faulty, .field = f, .type = data_raw_type(d, f), .to = to[f]};
    for (at.i = 0; at.i < d->d->fields[f].raw_count && !k->fault; at.i++) all &= columns_read(k, &s->table, &at);
  }
  return all;
}

/* False: the text has no record that can be used. */
static bool csv_record(StreamText *s, char *p, size_t n, void *const *to) {
  Data *d = s->d;
  Columns *k = &s->columns;
  s->table.p = p;
  s->table.end = p + n;
  bool found = columns_next(k, &s->table, d->n + d->skipped + d->faulty);
  s->line = s->table.line;
  if (!found) return false;
  bool all = !k->fault && parse_cells(s, to);
  if (k->fault) {
    data_fault(d, k->fault);
    k->fault = NULL;
    return false;
  }
  if (!all) data_gap(d, "in line", s->line);
  return all;
}

static bool jsonl_record(StreamText *s, const char *p, size_t n, void *const *to) {
  s->line++;
  n -= p[n - 1] == '\n';
  size_t blank = 0;
  while (blank < n && strchr(" \t\r", p[blank])) blank++;
  if (blank == n) return false;
  if (json_record(&s->json, p, n, to)) return true;
  jsonl_refused(s->d, &s->json, s->line);
  return false;
}

bool stream_text_next(StreamText *s, void *const *to, uint64_t *line) {
  char *p;
  size_t n;
  if (!s->begun && !begin(s)) return false;
  while (next_text(s, &p, &n)) {
    if (!(s->csv ? csv_record(s, p, n, to) : jsonl_record(s, p, n, to))) continue;
    s->d->n++;
    *line = s->line;
    return true;
  }
  return false;
}
