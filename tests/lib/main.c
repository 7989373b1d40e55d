/* SPDX-License-Identifier: Apache-2.0 */
/* lib_test api | device | faults | threads | steps MODEL N: the tests of the library. They run in a folder with
 * model.nn, points.csv and search/. */
#include "tests/lib/suite.h"

int passed, failed;
const char *extra_flags;

void check(bool ok, const char *what, const char *file, int line) {
  if (ok) __atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);
  else __atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED), printf("FAIL  %s:%d: %s\n", file, line, what);
}

void expect(gradc_status got, gradc_error *e, gradc_status status, int code, const char *words, const char *file,
            int line) {
  const gradc_diagnostic *d = gradc_error_at(e, 0);
  bool complete = d && gradc_error_count(e) >= 1 && gradc_error_status(e) == got && d->message && d->help && d->file &&
                  strstr(gradc_error_text(e), d->message) && !gradc_error_at(e, gradc_error_count(e));
  bool right = got == status && d && d->code == code && strstr(gradc_error_text(e), words);
  if (!complete || !right)
    printf("status %d, code %d, not %d, %d, `%s`: %s", got, d ? d->code : 0, status, code, words, gradc_error_text(e));
  check(complete && right, "the error", file, line);
}

void batch_fill(Batch *b, int records, unsigned step) {
  unsigned r = step * 2654435761u + 1;
  for (int i = 0; i < records * 4; i++) {
    r = r * 1664525u + 1013904223u;
    b->x[i] = (float)(int)(r >> 24) / 128.0f - 1;
  }
  for (int i = 0; i < records; i++) b->y[i] = b->x[4 * i] > 0.3f ? 2 : b->x[4 * i + 1] > 0 ? 1 : 0;
  b->x_shape[0] = b->y_shape[0] = records;
  b->x_shape[1] = 4;
  b->field[0] = (gradc_array){b->x, GRADC_F32, 2, b->x_shape};
  b->field[1] = (gradc_array){b->y, GRADC_I32, 1, b->y_shape};
}

gradc_options options_make(void) {
  gradc_options o = GRADC_OPTIONS;
  o.strict = 1;
  o.threads = 1;
  o.backend = GRADC_CC;
  o.cflags = extra_flags;
  o.cache = "cache";
  o.search = "nowhere:search";
  return o;
}

int steps_main(const char *path, int steps) {
  gradc_error *e = NULL;
  gradc_options o = options_make();
  gradc_model *m = NULL;
  gradc_data *d = NULL;
  uint64_t hash = 0;
  o.cache = ""; /* it runs in the tree */
  o.threads = 2;
  if (gradc_compile(&(gradc_source){path, NULL, 0}, &o, &m, &e) || gradc_data_open(m, NULL, &d, &e)) goto bad;
  const gradc_info *info = gradc_model_info(m);
  size_t take = (size_t)info->batch, per_epoch = gradc_data_records(d) / take;
  gradc_array field[8];
  int64_t shape[8][GRADC_MAX_RANK];
  for (int i = 0; i < info->fields; i++) {
    const gradc_tensor *t = gradc_field(m, i);
    size_t n = 1;
    for (int k = 0; k < t->rank; k++) n *= (size_t)(shape[i][k] = t->shape[k]);
    field[i] = (gradc_array){malloc(n * 8), t->dtype, t->rank, shape[i]};
  }
  if (gradc_plan(m, (uint32_t)steps, (uint32_t)per_epoch, &e)) goto bad;
  for (size_t i = 0; i < (size_t)steps; i++) {
    size_t at = i % per_epoch * take;
    if (gradc_data_batch(d, (int64_t)(i / per_epoch), at, take, field, info->fields, &e)) goto bad;
    if (gradc_step(m, field, info->fields, &e)) goto bad;
  }
  if (gradc_weights_hash(m, &hash, &e)) goto bad;
  printf("%016llx\n", (unsigned long long)hash);
  for (int i = 0; i < info->fields; i++) free(field[i].data);
bad:
  fputs(gradc_error_text(e), stderr);
  gradc_error_free(e);
  gradc_data_close(d);
  gradc_free(m);
  return !hash;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  extra_flags = getenv("MODEL_FLAGS");
  if (!strcmp(what, "steps") && argc == 4) return steps_main(argv[2], atoi(argv[3]));
  if (!strcmp(what, "api")) test_api(), test_errors(), test_text();
  if (!strcmp(what, "device")) test_device();
  if (!strcmp(what, "faults")) test_faults();
  if (!strcmp(what, "threads")) test_threads();
  printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed;
}
