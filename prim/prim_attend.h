/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of attention: the bodies that the interpreter and all plain forms of generated code share. Included, or pasted,
 * once for each instantiation, after defining
 *   AT(name)              the name of a function in this instantiation
 *   AT_T, AT_F            the type of stored elements, and the type that is computed in
 *   AT_GET(x), AT_PUT(x)  an element as AT_F, an AT_F as an element
 *   AT_EXP(x), AT_LOG(x)
 *   AT_MOST               the most elements of a row
 *   AT_ROLLED             before a loop over a row of sums: not to be unrolled into as many registers
 * At its end these names are undefined again. A printer instead pastes the sections that it needs, with the text of
 * these names in their place.
 *
 * The order of evaluation. A dot product has 16 lanes: lane i adds up the terms of index i, i + 16, … from +0 in
 * order, then lane i takes lane i + 8, + 4, + 2, + 1. Sums over keys, and over queries, go up from +0 in order, those
 * of several heads of queries head by head. Scores are computed twice, for the maximum and for the sums, and no sum is
 * scaled again.
 *
 * Strides are in elements: ks from key to key, kd along k's last axis, and so on. d is the length of the rows of q and
 * k, e that of the rows of v. */

/*@ common */
/* The keys that query i of t sees: with `causal` those up to its own position, where the last query is at the last of s
 * keys; of these only the first `length`. */
static inline ptrdiff_t AT(keys)(ptrdiff_t i, ptrdiff_t t, ptrdiff_t s, int causal, ptrdiff_t length) {
  const ptrdiff_t seen = causal ? i + 1 + s - t : s, n = seen < length ? seen : length;
  return n < 0 ? 0 : n < s ? n : s;
}

/*@ products */
static inline AT_F AT(dot)(const AT_T *a, ptrdiff_t as, const AT_T *b, ptrdiff_t bs, int n) {
  AT_F lane[16] = {0};
  int i = 0;
  if (as == 1 && bs == 1)
    for (; i + 16 <= n; i += 16)
      for (int l = 0; l < 16; l++) lane[l] += AT_GET(a[i + l]) * AT_GET(b[i + l]);
  for (; i < n; i++) lane[i & 15] += AT_GET(a[i * as]) * AT_GET(b[i * bs]);
  for (int h = 8; h; h /= 2)
    for (int l = 0; l < h; l++) lane[l] += lane[l + h];
  return lane[0];
}

/* sum[i] += x * row[i] */
static inline void AT(add)(AT_F *sum, AT_F x, const AT_T *row, ptrdiff_t step, int n) {
  if (step == 1) AT_ROLLED for (int i = 0; i < n; i++) sum[i] += x * AT_GET(row[i]);
  else AT_ROLLED for (int i = 0; i < n; i++) sum[i] += x * AT_GET(row[i * step]);
}

/*@ attend */
/* One query: o = softmax(scale q k') v, lse = the logarithm of the sum of exp(scale q k'). Without a key: 0 and
 * -inf. */
static inline void AT(attend)(const AT_T *q, ptrdiff_t qd, const AT_T *k, ptrdiff_t ks, ptrdiff_t kd, const AT_T *v,
                              ptrdiff_t vs, ptrdiff_t ve, ptrdiff_t keys, int d, int e, AT_F scale, AT_T *o,
                              ptrdiff_t oe, AT_F *lse) {
  AT_F most = (AT_F)(-1.0f / 0.0f), total = 0, sum[AT_MOST];
  AT_ROLLED for (int i = 0; i < e; i++) sum[i] = 0;
  for (ptrdiff_t j = 0; j < keys; j++) {
    const AT_F x = scale * AT(dot)(q, qd, k + j * ks, kd, d);
    if (x > most || x != x) most = x;
  }
  for (ptrdiff_t j = 0; j < keys; j++) {
    const AT_F p = AT_EXP(scale * AT(dot)(q, qd, k + j * ks, kd, d) - most);
    total += p;
    AT(add)(sum, p, v + j * vs, ve, e);
  }
  AT_ROLLED for (int i = 0; i < e; i++) o[i * oe] = AT_PUT(keys > 0 ? sum[i] / total : 0);
  *lse = keys > 0 ? most + AT_LOG(total) : most;
}

/*@ back */
/* The first query that sees key j; t where none does. */
static inline ptrdiff_t AT(first_query)(ptrdiff_t j, ptrdiff_t t, ptrdiff_t s, int causal, ptrdiff_t length) {
  const ptrdiff_t first = causal ? j + t - s : 0;
  return j >= length ? t : first < 0 ? 0 : first;
}

/* One query's gradient: dq from g, that of o, and delta, the sum of g * o less the gradient of lse. */
static inline void AT(attend_queries)(const AT_T *q, ptrdiff_t qd, const AT_T *k, ptrdiff_t ks, ptrdiff_t kd,
                                      const AT_T *v, ptrdiff_t vs, ptrdiff_t ve, AT_F lse, const AT_T *g, ptrdiff_t ge,
                                      AT_F delta, ptrdiff_t keys, int d, int e, AT_F scale, AT_T *dq, ptrdiff_t dqd) {
  AT_F sum[AT_MOST];
  AT_ROLLED for (int i = 0; i < d; i++) sum[i] = 0;
  for (ptrdiff_t j = 0; j < keys; j++) {
    const AT_F p = AT_EXP(scale * AT(dot)(q, qd, k + j * ks, kd, d) - lse);
    AT(add)(sum, p * (AT(dot)(g, ge, v + j * vs, ve, e) - delta), k + j * ks, kd, d);
  }
  AT_ROLLED for (int i = 0; i < d; i++) dq[i * dqd] = AT_PUT(scale * sum[i]);
}

/* One key's gradients: dk and dv, sums over the queries `from` … t - 1 of `heads` heads. qh, gh, lh, mh: strides from
 * head to head of q, g, lse and delta. */
static inline void AT(attend_keys)(const AT_T *q, ptrdiff_t qh, ptrdiff_t qt, ptrdiff_t qd, const AT_T *k, ptrdiff_t kd,
                                   const AT_T *v, ptrdiff_t ve, const AT_F *lse, ptrdiff_t lh, ptrdiff_t lt,
                                   const AT_T *g, ptrdiff_t gh, ptrdiff_t gt, ptrdiff_t ge, const AT_F *delta,
                                   ptrdiff_t mh, ptrdiff_t mt, ptrdiff_t heads, ptrdiff_t from, ptrdiff_t t, int d,
                                   int e, AT_F scale, AT_T *dk, ptrdiff_t dkd, AT_T *dv, ptrdiff_t dve) {
  AT_F key[AT_MOST], value[AT_MOST];
  AT_ROLLED for (int i = 0; i < d; i++) key[i] = 0;
  AT_ROLLED for (int i = 0; i < e; i++) value[i] = 0;
  for (ptrdiff_t h = 0; h < heads; h++)
    for (ptrdiff_t i = from; i < t; i++) {
      const AT_T *qi = q + h * qh + i * qt, *gi = g + h * gh + i * gt;
      const AT_F p = AT_EXP(scale * AT(dot)(qi, qd, k, kd, d) - lse[h * lh + i * lt]);
      AT(add)(key, p * (AT(dot)(gi, ge, v, ve, e) - delta[h * mh + i * mt]), qi, qd, d);
      AT(add)(value, p, gi, ge, e);
    }
  AT_ROLLED for (int i = 0; i < d; i++) dk[i * dkd] = AT_PUT(scale * key[i]);
  AT_ROLLED for (int i = 0; i < e; i++) dv[i * dve] = AT_PUT(value[i]);
}

/*@ end */
#undef AT
#undef AT_T
#undef AT_F
#undef AT_GET
#undef AT_PUT
#undef AT_EXP
#undef AT_LOG
#undef AT_MOST
#undef AT_ROLLED
