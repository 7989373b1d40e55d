# SPDX-License-Identifier: Apache-2.0
# literal.awk - tensors of ops.txt as lists of the language, for to_nn.awk and to_c.awk.

# "[2,3] v v v v v v" from word `at` on, as a nested list; a scalar as a list of one, which broadcasts.
function literal(at, real,    shape, dims, d, k, i, j, size, out) {
  shape = $at
  gsub(/[][]/, "", shape)
  d = split(shape, dims, ",")
  if (d == 0) return "[" number($(at + 1), real) "]"
  k = NF - at
  for (i = 1; i <= k; i++) {
    size = 1
    for (j = d; j >= 1; j--) { size *= dims[j]; if ((i - 1) % size == 0) out = out "[" }
    out = out number($(at + i), real)
    size = 1
    for (j = d; j >= 1; j--) { size *= dims[j]; if (i % size == 0) out = out "]" }
    if (i < k) out = out ", "
  }
  return out
}

function number(v, real) { return real && v !~ /[.e]/ ? v ".0" : v }
