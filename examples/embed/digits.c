/* SPDX-License-Identifier: Apache-2.0 */
/* Trains the digits model and lets it read one, through the library. With gradc installed (`make install`):
 *   cc digits.c $(pkg-config --cflags --libs gradc) -o digits && ./digits */
#include <gradc.h>
#include <stdio.h>

enum { EPOCHS = 10 };

static int fail(gradc_error *e) {
  fputs(gradc_error_text(e), stderr);
  int status = gradc_error_status(e);
  gradc_error_free(e);
  return status;
}

/* The pixels as characters, darker the higher. */
static void draw(const float *pixel) {
  for (int i = 0; i < 64; i++) printf("%c%s", " .:-=+*#%@"[(int)(pixel[i] * 9 / 16)], i % 8 == 7 ? "\n" : "");
}

int main(void) {
  gradc_model *m;
  gradc_data *d;
  gradc_error *e = NULL;
  if (gradc_compile(&(gradc_source){"../models/digits.nn", NULL, 0}, NULL, &m, &e)) return fail(e);
  if (gradc_data_open(m, NULL, &d, &e)) return fail(e); /* the files that the model names, its hold-out, its order */

  /* The fields of the data section, in its order: 32 records of 64 pixels, 32 labels. */
  float x[32 * 64], result[2];
  int32_t y[32];
  const int64_t x_shape[] = {32, 64}, y_shape[] = {32}, one[] = {1, 64};
  const gradc_array batch[] = {{x, GRADC_F32, 2, x_shape}, {y, GRADC_I32, 1, y_shape}};
  uint32_t epoch_steps = (uint32_t)(gradc_data_records(d) / 32);
  if (gradc_plan(m, EPOCHS * epoch_steps, epoch_steps, &e)) return fail(e); /* what the rate's cosine looks at */

  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    for (uint32_t i = 0; i < epoch_steps; i++)
      if (gradc_data_batch(d, epoch, 32 * i, 32, batch, 2, &e) || gradc_step(m, batch, 2, &e)) return fail(e);
    printf("epoch %2d: loss %.4f\n", epoch + 1, gradc_loss(m));
  }

  /* The first 32 records that were held out: loss and accuracy, then one of them alone. */
  if (gradc_data_batch(d, -1, 0, 32, batch, 2, &e) || gradc_evaluate(m, batch, 2, result, &e)) return fail(e);
  printf("held out: loss %.4f, accuracy %.1f %%\n", result[0], 100 * result[1]);
  int32_t digit;
  for (int i = 0; i < 64; i++) x[i] *= 16; /* the export takes pixels as they are in the file, 0 to 16 */
  const gradc_array in = {x, GRADC_F32, 2, one}, out = {&digit, GRADC_I32, 1, one};
  if (gradc_call(m, gradc_find_export(m, "predict"), &in, 1, &out, 1, NULL, &e)) return fail(e);
  draw(x);
  printf("this is a %d; the label says %d\n", (int)digit, (int)y[0]);

  gradc_data_close(d);
  gradc_free(m);
  return 0;
}
