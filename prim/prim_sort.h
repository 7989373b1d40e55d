/* SPDX-License-Identifier: Apache-2.0 */
/* A row of argsort, for C: `sort`, in place, and `order`, which needs 64 KiB of stack. A printer pastes the section
 * with the text of these names in their place:
 *   AT(name)    the name of a function in this instantiation
 *   AT_T, AT_F  the type of stored elements, and the type in which they are compared
 *   AT_GET(x)   an element as AT_F
 *   AT_NAN(x)   whether an AT_F is NaN
 * `order` also calls AT(key)(AT_F, descending): an unsigned number of 32 bits, which is in order as the elements are.
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

/*@ order_words */
/* Elements as words: the key in the high half, which is in order as the elements are, and the place in the low half. A
 * row of up to GC_ORDER_ROW elements is sorted as words on the stack. */
enum { GC_ORDER_ROW = 4096, GC_ORDER_RUN = 8, GC_ORDER_MERGED = 128, GC_ORDER_BLOCK = 32, GC_ORDER_HEAP = 64 };

/* Insertion. */
static inline void gc_order_run(uint64_t *a, ptrdiff_t n) {
  for (ptrdiff_t i = 1; i < n; i++) {
    const uint64_t v = a[i];
    ptrdiff_t j = i;
    for (; j > 0 && a[j - 1] > v; j--) a[j] = a[j - 1];
    a[j] = v;
  }
}

/* Merges the runs [p, q) and [q, end) into o. The comparison chooses by a number, not by a branch. */
static inline void gc_order_merge(const uint64_t *p, const uint64_t *q, const uint64_t *end, uint64_t *o) {
  const uint64_t *const mid = q;
  while (p < mid && q < end) {
    const uint64_t u = *p, v = *q;
    const int second = v < u;
    *o++ = second ? v : u;
    p += !second, q += second;
  }
  while (p < mid) *o++ = *p++;
  while (q < end) *o++ = *q++;
}

/* The n words of a in order, in a or in b: short runs, which are merged in pairs. */
static inline const uint64_t *gc_order_merged(uint64_t *a, uint64_t *b, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += GC_ORDER_RUN) gc_order_run(a + i, n - i < GC_ORDER_RUN ? n - i : GC_ORDER_RUN);
  for (ptrdiff_t run = GC_ORDER_RUN; run < n; run *= 2) {
    for (ptrdiff_t i = 0; i < n; i += 2 * run) {
      const ptrdiff_t mid = i + run < n ? i + run : n, end = mid + run < n ? mid + run : n;
      gc_order_merge(a + i, a + mid, a + end, b + i);
    }
    uint64_t *const t = a;
    a = b, b = t;
  }
  return a;
}

/* The same by counting bytes, the low ones first; those below `from`, which is 0 or 4, are in order. */
static inline const uint64_t *gc_order_bytes(uint64_t *a, uint64_t *b, ptrdiff_t n, int from) {
  uint16_t count[8][256];
  for (int d = from; d < 8; d++)
    for (int v = 0; v < 256; v++) count[d][v] = 0;
  for (ptrdiff_t i = 0; i < n; i++) {
    const uint32_t high = (uint32_t)(a[i] >> 32), low = (uint32_t)a[i];
    count[4][high & 255]++, count[5][high >> 8 & 255]++, count[6][high >> 16 & 255]++, count[7][high >> 24]++;
    if (!from) count[0][low & 255]++, count[1][low >> 8 & 255]++, count[2][low >> 16 & 255]++, count[3][low >> 24]++;
  }
  for (int d = from; d < 8; d++) {
    uint16_t *const at = count[d];
    if (at[a[0] >> 8 * d & 255] == n) continue; /* a byte that all have */
    for (int v = 0, next = 0; v < 256; v++) {
      const int some = at[v];
      at[v] = (uint16_t)next, next += some;
    }
    for (ptrdiff_t i = 0; i < n; i++) b[at[a[i] >> 8 * d & 255]++] = a[i];
    uint64_t *const t = a;
    a = b, b = t;
  }
  return a;
}

/* Stores the places of the first k of n words, in order. */
static void gc_order_words(uint64_t *a, uint64_t *b, ptrdiff_t n, int from, ptrdiff_t k, int32_t *y, ptrdiff_t ys) {
  const uint64_t *const s = n <= GC_ORDER_MERGED ? gc_order_merged(a, b, n) : gc_order_bytes(a, b, n, from);
  for (ptrdiff_t i = 0; i < k; i++) y[i * ys] = (int32_t)(uint32_t)s[i];
}

/*@ order */
static inline uint64_t AT(word)(const AT_T *x, ptrdiff_t step, int descending, int32_t i) {
  return (uint64_t)AT(key)(AT_GET(x[i * step]), descending) << 32 | (uint32_t)i;
}

/* Whether one of the block from x on is before the key; of a contiguous row this is a few vectors. */
static inline int AT(any_before)(const AT_T *x, ptrdiff_t step, int descending, uint32_t key) {
  int any = 0;
  if (step == 1)
    for (int i = 0; i < GC_ORDER_BLOCK; i++) any |= AT(key)(AT_GET(x[i]), descending) < key;
  else
    for (int i = 0; i < GC_ORDER_BLOCK; i++) any |= AT(key)(AT_GET(x[i * step]), descending) < key;
  return any;
}

/* The first k of n, where k is small: the heap of `sort`, which most blocks leave as it is. */
static inline void AT(order_first)(const AT_T *x, ptrdiff_t step, ptrdiff_t n, ptrdiff_t k, int descending, int32_t *y,
                                   ptrdiff_t ys) {
  for (ptrdiff_t i = 0; i < k; i++) y[i * ys] = (int32_t)i;
  for (ptrdiff_t i = k / 2 - 1; i >= 0; i--) AT(sink)(x, step, descending, y, ys, i, k, y[i * ys]);
  uint32_t last = AT(key)(AT_GET(x[y[0] * step]), descending);
  for (ptrdiff_t i = k; i < n;) {
    const ptrdiff_t end = i + GC_ORDER_BLOCK < n ? i + GC_ORDER_BLOCK : n;
    if (end - i == GC_ORDER_BLOCK && !AT(any_before)(x + i * step, step, descending, last)) i = end;
    for (; i < end; i++)
      if (AT(key)(AT_GET(x[i * step]), descending) < last) {
        AT(sink)(x, step, descending, y, ys, 0, k, (int32_t)i);
        last = AT(key)(AT_GET(x[y[0] * step]), descending);
      }
  }
  for (ptrdiff_t i = k - 1; i > 0; i--) {
    const int32_t v = y[i * ys];
    y[i * ys] = y[0];
    AT(sink)(x, step, descending, y, ys, 0, i, v);
  }
}

/* The n places of y in order, in place: by the eight highest bits in which their words differ, then each part by
 * itself. Where the keys are equal, the places alone are read. `rising`: the places go up. Source: McIlroy, Bostic,
 * McIlroy, "Engineering Radix Sort", 1993. */
static void AT(order_part)(const AT_T *x, ptrdiff_t step, ptrdiff_t n, int descending, int rising, int32_t *y,
                           ptrdiff_t ys, uint64_t *a, uint64_t *b) {
  if (n <= GC_ORDER_ROW) {
    for (ptrdiff_t i = 0; i < n; i++) a[i] = AT(word)(x, step, descending, y[i * ys]);
    gc_order_words(a, b, n, rising ? 4 : 0, n, y, ys);
    return;
  }
  const uint64_t first = AT(word)(x, step, descending, y[0]);
  uint64_t differ = 0, before = first;
  int ordered = 1, shift = 0;
  for (ptrdiff_t i = 1; i < n; i++) {
    const uint64_t v = AT(word)(x, step, descending, y[i * ys]);
    differ |= v ^ first, ordered &= before < v, before = v;
  }
  if (ordered) return;
  const int equal = !(differ >> 32);
  while (differ >> shift > 255) shift++;
  ptrdiff_t at[256], end[256], sum = 0;
  for (int d = 0; d < 256; d++) end[d] = 0;
#define GC_DIGIT(v) ((int)((equal ? (uint32_t)(v) : AT(word)(x, step, descending, v)) >> shift & 255))
  for (ptrdiff_t i = 0; i < n; i++) end[GC_DIGIT(y[i * ys])]++;
  for (int d = 0; d < 256; d++) at[d] = sum, sum += end[d], end[d] = sum;
  for (int d = 0; d < 256; d++)
    while (at[d] < end[d]) {
      int32_t v = y[at[d] * ys];
      for (int to; (to = GC_DIGIT(v)) != d;) {
        const int32_t other = y[at[to] * ys];
        y[at[to]++ * ys] = v, v = other;
      }
      y[at[d]++ * ys] = v;
    }
#undef GC_DIGIT
  for (int d = 0; d < 256; d++) {
    const ptrdiff_t from = d ? end[d - 1] : 0;
    if (end[d] - from > 1) AT(order_part)(x, step, end[d] - from, descending, 0, y + from * ys, ys, a, b);
  }
}

/* The key of the k-th of n elements in order, found byte by byte; *equal: how many elements of that key are among the
 * first k. */
static uint32_t AT(order_kth)(const AT_T *x, ptrdiff_t step, ptrdiff_t n, ptrdiff_t k, int descending,
                              ptrdiff_t *equal) {
  uint32_t found = 0, mask = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    ptrdiff_t count[256];
    int d = 0;
    for (int v = 0; v < 256; v++) count[v] = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
      const uint32_t key = AT(key)(AT_GET(x[i * step]), descending);
      if ((key & mask) == found) count[key >> shift & 255]++;
    }
    for (; count[d] < k; d++) k -= count[d];
    found |= (uint32_t)d << shift, mask |= (uint32_t)255 << shift;
  }
  *equal = k;
  return found;
}

/* The first k of a row of more than GC_ORDER_ROW elements: their places go to buckets, by the highest bits in which the
 * keys differ, in the order of the row; then each bucket is sorted. */
static void AT(order_large)(const AT_T *x, ptrdiff_t step, ptrdiff_t n, ptrdiff_t k, int descending, int32_t *y,
                            ptrdiff_t ys, uint64_t *a, uint64_t *b) {
  enum { BUCKETS = 2048 };
  int32_t at[BUCKETS], sum = 0;
  ptrdiff_t equal = n;
  const uint32_t most = k < n ? AT(order_kth)(x, step, n, k, descending, &equal) : ~(uint32_t)0;
  const uint32_t one = k < n ? most : AT(key)(AT_GET(x[0]), descending);
  uint32_t differ = 0;
  int shift = 0;
  for (ptrdiff_t i = 0; i < n; i++) {
    const uint32_t key = AT(key)(AT_GET(x[i * step]), descending);
    differ |= key <= most ? key ^ one : 0;
  }
  while (differ >> shift >= BUCKETS) shift++;
  for (int d = 0; d < BUCKETS; d++) at[d] = 0;
  for (ptrdiff_t i = 0; i < n; i++) {
    const uint32_t key = AT(key)(AT_GET(x[i * step]), descending);
    if (key <= most) at[key >> shift & (BUCKETS - 1)]++;
  }
  for (int d = 0; d < BUCKETS; d++) {
    const int32_t some = at[d];
    at[d] = sum, sum += some;
  }
  for (ptrdiff_t i = 0; i < n; i++) {
    const uint32_t key = AT(key)(AT_GET(x[i * step]), descending);
    if (key < most || (key == most && equal-- > 0)) y[at[key >> shift & (BUCKETS - 1)]++ * ys] = (int32_t)i;
  }
  const int last = (int)(most >> shift & (BUCKETS - 1)); /* at is now the end of each bucket up to that one */
  for (int d = 0, from = 0; d <= last; from = at[d++])
    if (at[d] - from > 1) AT(order_part)(x, step, at[d] - from, descending, 1, y + from * ys, ys, a, b);
}

/* `sort` by keys of 32 bits; longer, fast, and with more stack. */
static void AT(order)(const AT_T *x, ptrdiff_t step, ptrdiff_t n, ptrdiff_t k, int descending, int32_t *y,
                      ptrdiff_t ys) {
  uint64_t a[GC_ORDER_ROW], b[GC_ORDER_ROW];
  if (k < 1) return;
  if (k < n && k <= GC_ORDER_HEAP && (32 * k <= n || k * n <= 1024)) {
    AT(order_first)(x, step, n, k, descending, y, ys);
  } else if (n <= GC_ORDER_ROW) {
    for (ptrdiff_t i = 0; i < n; i++) a[i] = AT(word)(x, step, descending, (int32_t)i);
    gc_order_words(a, b, n, 4, k, y, ys);
  } else {
    AT(order_large)(x, step, n, k, descending, y, ys, a, b);
  }
}
