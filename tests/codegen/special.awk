# SPDX-License-Identifier: Apache-2.0
# special.awk, on `gradc ops --markdown`: every element-wise op of every element type, and every reduction, as IR. The
# inputs have 48 x 48 elements, so that two of them can hold each pair of 48 numbers; constants have 12 x 12. With
# -v types=… only of these element types.
BEGIN {
  FS = " *\\| *"
  split(types ? types : "f32 f64 f16 bf16 i8 i16 i32 u8 u16 u32 bool", type, " ")
  floats = "0, -0, 1, -1.5, 0.5, 55, 3e38, 1e-45, -3e-39, inf, -inf, nan"
  half = "0, -0, 1, -1.5, 0.5, 55, 60000, 6e-08, -0.0001, inf, -inf, nan"
  ints = "0, 1, 2, 3, 7, 31, 100, 127, 5, 6, 11, 64"
  print "module special"
}
function is_float(t) { return t ~ /f/ }
function calls(body) { # whether the body is an elementary function: CALL in ops.def, not a token
  return body ~ /^`[A-Z0-9]+\(/ && body !~ /^`(ABS|SIGN|FLOOR|CEIL|ROUND|IDIV|MOD|MAX|MIN)\(/
}
function takes(body, flags, t) { # whether the op has operands of that type
  if (name == "stop_gradient" || name == "copy" || flags ~ /chooses/) return 1
  if (name ~ /^(and|or|not)$/) return t == "bool"
  if (name ~ /^(eq|ne|lt|le)$/) return 1
  if (name ~ /^(bit|sh[lr]$)/) return !is_float(t) && t != "bool"
  if (name == "div" || calls(body)) return is_float(t)
  return t != "bool"
}
function numbers(t, rows,   s, list, i, j, v) { # 12 x 12 of them, along the rows or along the columns
  if (t == "bool") split("0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0", v, ", ")
  else split(t == "f16" ? half : is_float(t) ? floats : ints, v, ", ")
  for (i = 1; i <= 12; i++) for (j = 1; j <= 12; j++) s = s (s == "" ? "" : ", ") v[rows ? i : j]
  return s
}
function outside(t) { return t ~ /f16/ ? "f32" : t } # 16-bit floats come and go as f32
# call: its operands as @1 ...
function graph(label, shape, n, in_type, out_type, out_shape, call, constant,   i, k, v) {
  printf "graph %s(", label
  for (i = 1; i <= n && !constant; i++) printf "%sx%d: %s%s", (i > 1 ? ", " : ""), i, outside(in_type[i]), shape
  print ") export {"
  for (i = 1; i <= n; i++) {
    v = outside(in_type[i]) shape
    if (constant) printf "  %%%d: %s = const {value=[%s]}\n", ++k, v, numbers(in_type[i], i % 2)
    else printf "  %%%d: %s = input \"x%d\"\n", ++k, v, i
    if (outside(in_type[i]) != in_type[i]) {
      k++
      printf "  %%%d: %s%s = cast(%%%d) {to=%s}\n", k, in_type[i], shape, k - 1, in_type[i]
    }
    gsub("@" i, "%" k, call)
  }
  printf "  %%%d: %s%s = %s\n", ++k, out_type, out_shape, call
  if (outside(out_type) != out_type) {
    k++
    printf "  %%%d: f32%s = cast(%%%d) {to=f32}\n", k, out_shape, k - 1
  }
  printf "  y = %%%d\n}\n", k
}
function elem(t,   n, i, in_type, call, out) {
  n = $5 + 0
  for (i = 1; i <= n; i++) {
    in_type[i] = flags ~ /chooses/ && i == 1 ? "bool" : t
    call = call (i > 1 ? ", " : "") "@" i
  }
  out = flags ~ /boolean/ ? "bool" : t
  graph(name "_" t, "[48,48]", n, in_type, out, "[48,48]", name "(" call ")", 0)
  graph(name "_" t "_folded", "[12,12]", n, in_type, out, "[12,12]", name "(" call ")", 1)
}
function cast_to(t, to,   in_type) {
  in_type[1] = t
  graph("cast_" t "_" to, "[48,48]", 1, in_type, to, "[48,48]", "cast(@1) {to=" to "}", 0)
  graph("cast_" t "_" to "_folded", "[12,12]", 1, in_type, to, "[12,12]", "cast(@1) {to=" to "}", 1)
}
function reduce(t,   in_type, axis) {
  in_type[1] = t
  for (axis = 0; axis < 2; axis++)
    graph(name "_" t "_" axis, "[48,48]", 1, in_type, (name ~ /^arg/ ? "i32" : t), "[48]",
          name "(@1) {axes=[" axis "], keep=false}", 0)
}
/^\| `/ {
  name = $2; gsub(/`/, "", name); flags = $8
  for (i = 1; i in type; i++) {
    if ($4 == "element-wise" && name == "cast") for (k = 1; k in type; k++) cast_to(type[i], type[k])
    else if ($4 == "element-wise" && takes($7, flags, type[i])) elem(type[i])
    else if ($4 == "reduction" && type[i] != "bool") reduce(type[i])
  }
}
