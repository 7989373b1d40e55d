/* SPDX-License-Identifier: Apache-2.0 */
/* A row of argsort: the body that all plain forms of generated code share. A printer pastes the section with the text
 * of these names in their place:
 *   AT(name)    the name of a function in this instantiation
 *   AT_T, AT_F  the type of stored elements, and the type in which they are compared
 *   AT_GET(x)   an element as AT_F
 *   AT_NAN(x)   whether an AT_F is NaN
 * Strides are in elements. */

/*@ sort */
/* Whether element i comes before element j: NaN after all numbers, or before them if the order descends; equal elements
 * by their places. */
static inline int AT(is_before)(const AT_T *x, ptrdiff_t step, int descending, int32_t i, int32_t j) {
  const AT_F a = AT_GET(x[i * step]), b = AT_GET(x[j * step]);
  if (AT_NAN(a) || AT_NAN(b)) return AT_NAN(a) && AT_NAN(b) ? i < j : AT_NAN(a) ? descending : !descending;
  return a == b ? i < j : descending ? a > b : a < b;
}

/* Puts place v into the heap of n from node i down: the last in order is at its top. The nodes below i are a heap. */
static inline void AT(sink)(const AT_T *x, ptrdiff_t step, int descending, int32_t *heap, ptrdiff_t hs, ptrdiff_t i,
                            ptrdiff_t n, int32_t v) {
  const ptrdiff_t top = i;
  while (2 * i + 2 < n) {
    const ptrdiff_t c = 2 * i + 1;
    const ptrdiff_t last = c + AT(is_before)(x, step, descending, heap[c * hs], heap[(c + 1) * hs]);
    heap[i * hs] = heap[last * hs], i = last;
  }
  if (2 * i + 1 < n) heap[i * hs] = heap[(2 * i + 1) * hs], i = 2 * i + 1;
  while (i > top && AT(is_before)(x, step, descending, heap[(i - 1) / 2 * hs], v))
    heap[i * hs] = heap[(i - 1) / 2 * hs], i = (i - 1) / 2;
  heap[i * hs] = v;
}

/* The places of the first k of n elements, in order: a heap of the best k so far, which is then sorted. */
static inline void AT(sort)(const AT_T *x, ptrdiff_t step, ptrdiff_t n, ptrdiff_t k, int descending, int32_t *y,
                            ptrdiff_t ys) {
  if (k < 1) return;
  for (ptrdiff_t i = 0; i < k; i++) y[i * ys] = (int32_t)i;
  for (ptrdiff_t i = k / 2 - 1; i >= 0; i--) AT(sink)(x, step, descending, y, ys, i, k, y[i * ys]);
  for (ptrdiff_t i = k; i < n; i++)
    if (AT(is_before)(x, step, descending, (int32_t)i, y[0])) AT(sink)(x, step, descending, y, ys, 0, k, (int32_t)i);
  for (ptrdiff_t i = k - 1; i > 0; i--) {
    const int32_t v = y[i * ys];
    y[i * ys] = y[0];
    AT(sink)(x, step, descending, y, ys, 0, i, v);
  }
}
