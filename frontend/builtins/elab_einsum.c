/* SPDX-License-Identifier: Apache-2.0 */
/* einsum, and what indexed updates and sorting are made of. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include <math.h>
#include <string.h>

/* A tensor with a letter for each axis. Axes of `...` have the letters from DOTS on, counted from the last one. */
typedef struct Labelled {
  Id x;
  int n;
  char label[MAX_RANK + 1];
} Labelled;

enum { MAX_OPERANDS = 4, DOTS = 1 };

static int at_label(const Labelled *t, char label) {
  const char *p = memchr(t->label, label, (size_t)t->n);
  return p ? (int)(p - t->label) : -1;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* Reads the labels of one operand, of `rank` axes, or of the result (rank -1: `dots` axes for `...`). */
static bool read_labels(const char **s, int rank, int dots, Labelled *t) {
  int letters = 0;
  bool seen = false;
  for (const char *p = *s; *p && *p != ',' && *p != '-'; p++) letters += is_letter(*p);
  if (rank >= 0) dots = rank - letters;
  t->n = 0;
  for (; **s && **s != ',' && **s != '-'; (*s)++) {
    if (**s == ' ') continue;
    if (is_letter(**s) && t->n < MAX_RANK) t->label[t->n++] = **s;
    else if (!strncmp(*s, "...", 3) && !seen && dots >= 0 && t->n + dots <= MAX_RANK) {
      for (int i = dots; i > 0; i--) t->label[t->n++] = (char)(DOTS + i - 1);
      *s += 2;
      seen = true;
    } else return false;
  }
  return rank < 0 || t->n == rank;
}

/* The axes in another order, or without those of which the label is not in `order`, which are sums. */
static void arrange(Elab *e, Labelled *t, const char *order, int n) {
  const Builder *b = &e->cur.b;
  int64_t axes[MAX_RANK], perm[MAX_RANK];
  int sums = 0, k = 0;
  Labelled to = {.x = t->x};
  for (int i = 0; i < t->n; i++) {
    if (!memchr(order, t->label[i], (size_t)n)) axes[sums++] = i;
    else to.label[to.n++] = t->label[i];
  }
  if (sums) to.x = b_sum(b, to.x, sums, axes, false);
  for (int i = 0; i < n; i++)
    if (at_label(&to, order[i]) >= 0) perm[k++] = at_label(&to, order[i]);
  to.x = b_transpose(b, to.x, perm);
  *t = to;
  k = 0;
  for (int i = 0; i < n; i++)
    if (memchr(to.label, order[i], (size_t)to.n)) t->label[k++] = order[i];
}

/* One axis for a label that occurs twice: the diagonal of both, as a sum in which all else is 0. */
static bool diagonals(Elab *e, Labelled *t) {
  const Builder *b = &e->cur.b;
  for (int i = 0; i < t->n; i++) {
    const char *p = memchr(t->label + i + 1, t->label[i], (size_t)(t->n - i - 1));
    if (!p) continue;
    int64_t k = p - t->label;
    const Type *type = el_type(e, t->x);
    if (!dim_equal(e->m, type->dim[i], type->dim[k])) return false;
    Id row = b_iota(b, DT_I32, type->rank, type->dim, i), col = b_iota(b, DT_I32, type->rank, type->dim, (int)k);
    Id same = b_op2(b, (Op)op_find_spelling("==", 2), row, col);
    t->x = b_sum(b, b_where(b, same, t->x, b_like(b, t->x, 0)), 1, &k, false);
    memmove(t->label + k, t->label + k + 1, (size_t)(--t->n - k));
    i--;
  }
  return true;
}

/* Whether a label is needed after operand `i` is multiplied in. */
static bool is_needed(const Labelled *op, int n, int i, const Labelled *out, char label) {
  bool needed = at_label(out, label) >= 0;
  for (int k = i + 1; k < n; k++) needed |= at_label(&op[k], label) >= 0;
  return needed;
}

static void drop_axis(Elab *e, Labelled *t, int axis) { /* of size 1: it broadcasts */
  const Type *type = el_type(e, t->x);
  Dim dim[MAX_RANK];
  dims_copy(dim, type->dim, axis);
  dims_copy(dim + axis, type->dim + axis + 1, type->rank - axis - 1);
  t->x = b_reshape(&e->cur.b, t->x, type->rank - 1, dim);
  memmove(t->label + axis, t->label + axis + 1, (size_t)(--t->n - axis));
}

/* Equal extents for equal labels, but for 1. */
static bool extents_fit(Elab *e, Labelled *a, Labelled *b) {
  for (int i = 0; i < a->n; i++) {
    int k = at_label(b, a->label[i]);
    if (k < 0) continue;
    Dim p = el_type(e, a->x)->dim[i], q = el_type(e, b->x)->dim[k];
    if (dim_equal(e->m, p, q)) continue;
    if (q == 1) drop_axis(e, b, k);
    else if (p == 1) drop_axis(e, a, i--);
    else return false;
  }
  return true;
}

/* a := a b, without the labels that nothing needs any more. */
static bool multiply(Elab *e, Labelled *a, Labelled *b, const Labelled *op, int n, int i, const Labelled *out) {
  char keep[2 * MAX_RANK], own[2][MAX_RANK], spec[3 * MAX_RANK + 4];
  int nkeep = 0, nown[2] = {0};
  if (!extents_fit(e, a, b)) return false;
  const Labelled *both[] = {a, b};
  for (int o = 0; o < 2; o++)
    for (int k = 0; k < both[o]->n; k++) {
      char c = both[o]->label[k];
      bool shared = at_label(both[1 - o], c) >= 0, needed = is_needed(op, n, i, out, c);
      if (shared || needed) own[o][nown[o]++] = c;
      if (needed && !memchr(keep, c, (size_t)nkeep)) keep[nkeep++] = c;
    }
  if (nkeep > MAX_RANK) return false;
  arrange(e, a, own[0], nown[0]);
  arrange(e, b, own[1], nown[1]);
  char letter[256];
  for (int c = 0; c < 256; c++) letter[c] = (char)c;
  for (int d = 0, c = 'a'; d < MAX_RANK; d++, c++) { /* letters that the spec has not, for the axes of `...` */
    while (memchr(own[0], c, (size_t)nown[0]) || memchr(own[1], c, (size_t)nown[1])) c++;
    letter[DOTS + d] = (char)c;
  }
  char *s = spec;
  for (int k = 0; k < a->n; k++) *s++ = letter[(unsigned char)a->label[k]];
  *s++ = ',';
  for (int k = 0; k < b->n; k++) *s++ = letter[(unsigned char)b->label[k]];
  *s++ = '-', *s++ = '>';
  for (int k = 0; k < nkeep; k++) *s++ = letter[(unsigned char)keep[k]];
  *s = 0;
  a->x = b_contract(&e->cur.b, a->x, b->x, spec);
  a->n = nkeep;
  memcpy(a->label, keep, (size_t)nkeep);
  return a->x != 0;
}

/* Without `->`: the axes of `...`, then the labels that occur once, in alphabetical order. */
static void default_result(const Labelled *op, int n, int dots, Labelled *out) {
  out->n = 0;
  for (int i = dots; i > 0; i--) out->label[out->n++] = (char)(DOTS + i - 1);
  for (int c = 'A'; c <= 'z'; c++) {
    int count = 0;
    for (int i = 0; i < n; i++)
      for (int k = 0; k < op[i].n; k++) count += op[i].label[k] == c;
    if (count == 1 && out->n < MAX_RANK) out->label[out->n++] = (char)c;
  }
}

static bool read_spec(Elab *e, Call *k, const char *s, Labelled *op, int n, Labelled *out) {
  int dots = 0;
  for (int i = 0; i < n; i++) {
    if (!(op[i].x = el_want_tensor(e, k, i + 1))) return false;
    if (!dtype_is_float(el_type(e, op[i].x)->dtype))
      return el_arg_reject(e, E_DTYPE_MISMATCH, k, i + 1, "`einsum` takes floats");
    if (!read_labels(&s, el_type(e, op[i].x)->rank, 0, &op[i]) || (i + 1 < n && *s++ != ','))
      return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "the labels of operand %d are not those of its %s", i + 1,
                           el_axes(e, el_type(e, op[i].x)->rank));
    for (int a = 0; a < op[i].n; a++)
      if (!is_letter(op[i].label[a]) && op[i].label[a] - DOTS >= dots) dots = op[i].label[a] - DOTS + 1;
  }
  if (!*s) return default_result(op, n, dots, out), true;
  if (s[0] != '-' || s[1] != '>' || (s += 2, !read_labels(&s, -1, dots, out)) || *s)
    return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "the labels of the result follow `->`, as in \"ij,jk->ik\"");
  for (int a = 0; a < out->n; a++) {
    char label = out->label[a];
    bool known = !is_letter(label);
    for (int i = 0; i < n; i++) known |= at_label(&op[i], label) >= 0;
    if (!known) return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "no operand has the label `%c` of the result", label);
    if (memchr(out->label, label, (size_t)a))
      return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "the label `%c` of the result occurs twice", label);
  }
  return true;
}

/* einsum(spec, a, ...): sums of products over labelled axes, of at most 4 operands; with `->` and without it, with
 * labels that occur twice in an operand, and `...` for axes that broadcast */
static Value fn_einsum(Elab *e, Call *k) {
  Labelled op[MAX_OPERANDS], out = {0};
  int n = k->n - 1;
  if (k->arg[0].v.kind != V_STR) return el_arg_fail(e, E_ARG_KIND, k, 0, "`einsum` begins with its labels, a string");
  if (n < 1 || n > MAX_OPERANDS)
    return el_arg_fail(e, E_ARG_COUNT, k, 0, "`einsum` takes 1 to %d tensors", MAX_OPERANDS);
  if (!read_spec(e, k, k->arg[0].v.s, op, n, &out)) return v_error();
  for (int i = 0; i < n; i++)
    if (!diagonals(e, &op[i]))
      return el_arg_fail(e, E_SHAPE_MISMATCH, k, i + 1, "axes of the same label have different extents");
  for (int i = 1; i < n; i++)
    if (!multiply(e, &op[0], &op[i], op, n, i, &out))
      return el_arg_fail(e, E_SHAPE_MISMATCH, k, i + 1, "its axes do not fit those of the same label before it");
  arrange(e, &op[0], out.label, out.n);
  return op[0].n == out.n ? v_tensor(e, op[0].x)
                          : el_arg_fail(e, E_SHAPE_MISMATCH, k, 0, "a label of the result is in no operand");
}

/* ---- indexed updates, sorting ---- */

/* add_at(index, src, n): zeros [n, ...] to whose row index[i] each row i of src is added; f32 or f64 */
static Value fn_add_at(Elab *e, Call *k) {
  Id index = el_want_tensor(e, k, 0), src = el_want_tensor(e, k, 1);
  Dim dim[MAX_RANK], n;
  if (!index || !src) return v_error();
  const Type *t = el_type(e, src), *i = el_type(e, index);
  if (!v_is_dim(k->arg[2].v, &n)) return el_arg_fail(e, E_ARG_KIND, k, 2, "`add_at` takes a size here");
  if (i->rank != 1 || t->rank < 1 || !dim_equal(e->m, i->dim[0], t->dim[0]))
    return el_arg_fail(e, E_SHAPE_MISMATCH, k, 0, "`add_at` takes an index for each row of the tensor");
  dims_copy(dim, t->dim, t->rank);
  dim[0] = n;
  return v_tensor(e, b_scatter_add(&e->cur.b, index, src, t->rank, dim, 0));
}

/* largest(x): the largest number of x's type, which must be a float */
static Value fn_largest(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  if (!x) return v_error();
  switch (el_type(e, x)->dtype) {
  case DT_F64: return v_float(0x1.fffffffffffffp1023);
  case DT_F16: return v_float(65504);
  case DT_BF16: return v_float(0x1.fep127);
  default: return v_float(0x1.fffffep127);
  }
}

/* Whether f32 holds all values of the type; else f64 does, but for i64. */
static bool is_narrow(int t) { return dtype_is_float(t) ? t != DT_F64 : dtype_info[t].bytes <= 2; }

/* sort_key(x): x in a float type that orders as x does: f32, or f64 for integers of more than 16 bits; not of i64 */
static Value fn_sort_key(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  if (!x) return v_error();
  int t = el_type(e, x)->dtype;
  if (t == DT_I64)
    return el_arg_fail(e, E_OPERAND_KIND, k, 0, "no float type orders as i64 does: `sort_keys` gives two");
  return v_tensor(e, b_cast(&e->cur.b, x, is_narrow(t) ? DT_F32 : DT_F64));
}

/* sort_keys(x): a list: [sort_key(x)]; of i64 its halves, by the second of which equal ones of the first are ordered */
static Value fn_sort_keys(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  const Builder *b = &e->cur.b;
  if (!x) return v_error();
  if (el_type(e, x)->dtype != DT_I64) {
    Value key = fn_sort_key(e, k);
    return v_list(e, 1, &key);
  }
  Id high = b_op2(b, (Op)op_find_spelling("bitwise_right_shift", 2), x, b_like(b, x, 32));
  Id low = b_op2(b, (Op)op_find_spelling("bitwise_and", 2), x, b_like(b, x, 4294967295.0));
  return v_list(e, 2, (Value[]){v_tensor(e, b_cast(b, high, DT_F64)), v_tensor(e, b_cast(b, low, DT_F64))});
}

const Intrinsic el_einsum_intrinsics[] = {
  {"einsum", "spec *", fn_einsum}, {"add_at", "index src n", fn_add_at}, {"largest", "x", fn_largest},
  {"sort_key", "x", fn_sort_key},  {"sort_keys", "x", fn_sort_keys},     {0},
};
