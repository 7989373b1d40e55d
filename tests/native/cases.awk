# SPDX-License-Identifier: Apache-2.0
# A list of cases as IR text: one graph per line.
#   contract SPEC LABEL=SIZE... [act]    act: with the last axis' bias, another operand added, relu
#   conv|conv_dx|conv_dw B C O X K STRIDE PAD DILATION GROUPS [act]    X, K, ...: one number per axis, joined by commas
# -v a=FORM -v b=FORM: the operands' forms: f32, bf16, f16, as_bf16, as_f16, copied (f32 that layout may store),
# copied_bf16, copied_as_bf16, ..., last_bf16, last_as_bf16, ... (given channels-last).
function shape(labels,   s, i) {
  for (i = 1; i <= length(labels); i++) s = s (i > 1 ? "," : "") size[substr(labels, i, 1)]
  return s
}
# The shape of a given operand: the axis 1 comes last.
function order(form, s,   part) {
  if (form !~ /^last/) return s
  split(s, part, ",")
  sub(/,[^,]*/, "", s)
  return s "," part[2]
}
function perm(s,   n, i, part, p) {
  n = split(s, part, ",")
  p = "0," n - 1
  for (i = 1; i < n - 1; i++) p = p "," i
  return p
}
# An operand in f32, converted from the type `form` or, for as_TYPE, rounded to it.
function operand(name, form, s, n,   type) {
  type = given(form)
  printf "  %%%d: %s[%s] = input \"%s\"\n", n++, type, order(form, s), name
  if (form ~ /^last/) { printf "  %%%d: %s[%s] = transpose(%%%d) {perm=[%s]}\n", n, type, s, n - 1, perm(s); n++ }
  if (form ~ /^copied/) { printf "  %%%d: %s[%s] = copy(%%%d)\n", n, type, s, n - 1; n++ }
  if (form ~ /as_/) {
    type = form
    sub(/.*as_/, "", type)
    printf "  %%%d: %s[%s] = cast(%%%d) {to=%s}\n", n, type, s, n - 1, type
    n++
  }
  if (type != "f32") printf "  %%%d: f32[%s] = cast(%%%d) {to=f32}\n", n, s, n - 1
  return type == "f32" ? n : n + 1
}
function given(form) {
  if (form ~ /as_|^copied$/) return "f32"
  sub(/.*_/, "", form)
  return form
}
# op: "%A", "%B" are replaced by the operands
function graph(x, y, t, last, op,   n, at) {
  printf "\ngraph g%d(a: %s[%s], b: %s[%s]%s) export {\n", NR, given(a), order(a, x), given(b), order(b, y),
         with ? sprintf(", bias: f32[%s], other: f32[%s]", last, t) : ""
  n = operand("a", a, x, 1)
  sub(/%A/, "%" (n - 1), op)
  n = operand("b", b, y, n)
  sub(/%B/, "%" (n - 1), op)
  if (with) printf "  %%%d: f32[%s] = input \"bias\"\n  %%%d: f32[%s] = input \"other\"\n", n, last, n + 1, t
  at = with ? n + 2 : n
  printf "  %%%d: f32[%s] = %s\n", at, t, op
  if (!with) { printf "  y = %%%d\n}\n", at; return }
  printf "  %%%d: f32[%s] = add(%%%d, %%%d)\n", at + 1, t, at, n
  printf "  %%%d: f32[%s] = add(%%%d, %%%d)\n", at + 2, t, at + 1, n + 1
  printf "  %%%d: f32[%s] = max(%%%d, 0)\n  y = %%%d\n}\n", at + 3, t, at + 2, at + 3
}
function repeat(x, n,   s, i) { for (i = 1; i <= n; i++) s = s (i > 1 ? "," : "") x; return s }
BEGIN {
  print "module native\nsize B <= 38"
}
/^#/ || NF == 0 { next }
{ with = $NF == "act" }
$1 == "contract" {
  split($2, part, /,|->/)
  for (i = 3; i <= NF - with; i++) { split($i, kv, "="); size[kv[1]] = kv[2] }
  graph(shape(part[1]), shape(part[2]), shape(part[3]), size[substr(part[3], length(part[3]))],
        sprintf("contract(%%A, %%B) {spec=\"%s\"}", $2))
  next
}
{
  n = split($5, x, ","); split($6, k, ","); split($7, st, ","); split($8, pd, ","); split($9, dl, ",")
  out = ""; pads = ""
  for (i = 1; i <= n; i++) {
    y = int((x[i] + 2 * pd[i] - dl[i] * (k[i] - 1) - 1) / st[i]) + 1
    out = out "," y
    pads = pads (i > 1 ? "," : "") pd[i] "," pd[i]
  }
  xs = $2 "," $3 "," $5; ws = $4 "," $3 / $10 "," $6; ys = $2 "," $4 out
  attr = sprintf("stride=[%s], pad=[%s], dilation=[%s], groups=%d", $7, pads, $9, $10)
  if ($1 == "conv") graph(xs, ws, ys, y, sprintf("conv(%%A, %%B) {%s}", attr))
  else if ($1 == "conv_dx") graph(ys, ws, xs, x[n], sprintf("conv_dx(%%A, %%B) {%s, shape=[%s]}", attr, xs))
  else graph(xs, ys, ws, k[n], sprintf("conv_dw(%%A, %%B) {%s, shape=[%s]}", attr, ws))
}
