# A list of cases as IR text: one graph a line.
#   contract SPEC LABEL=SIZE... [act]    act: with the last axis' bias, another operand added, relu
#   conv|conv_dx|conv_dw B C O X K STRIDE PAD DILATION GROUPS [act]    X, K, ...: one number an axis, joined by commas
function shape(labels,   s, i) {
  for (i = 1; i <= length(labels); i++) s = s (i > 1 ? "," : "") size[substr(labels, i, 1)]
  return s
}
function graph(a, b, t, last, op) {
  printf "\ngraph g%d(a: f32[%s], b: f32[%s]%s) export {\n", NR, a, b, with ? sprintf(", bias: f32[%s], other: f32[%s]", last, t) : ""
  printf "  %%1: f32[%s] = input \"a\"\n  %%2: f32[%s] = input \"b\"\n", a, b
  if (with) printf "  %%3: f32[%s] = input \"bias\"\n  %%4: f32[%s] = input \"other\"\n", last, t
  printf "  %%%d: f32[%s] = %s\n", with ? 5 : 3, t, op
  if (!with) { printf "  y = %%3\n}\n"; return }
  printf "  %%6: f32[%s] = add(%%5, %%3)\n  %%7: f32[%s] = add(%%6, %%4)\n  %%8: f32[%s] = max(%%7, 0)\n  y = %%8\n}\n", t, t, t
}
function repeat(x, n,   s, i) { for (i = 1; i <= n; i++) s = s (i > 1 ? "," : "") x; return s }
BEGIN { print "module native\nsize B <= 38" }
/^#/ || NF == 0 { next }
{ with = $NF == "act" }
$1 == "contract" {
  split($2, part, /,|->/)
  for (i = 3; i <= NF - with; i++) { split($i, kv, "="); size[kv[1]] = kv[2] }
  graph(shape(part[1]), shape(part[2]), shape(part[3]), size[substr(part[3], length(part[3]))],
        sprintf("contract(%%1, %%2) {spec=\"%s\"}", $2))
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
  if ($1 == "conv") graph(xs, ws, ys, y, sprintf("conv(%%1, %%2) {%s}", attr))
  else if ($1 == "conv_dx") graph(ys, ws, xs, x[n], sprintf("conv_dx(%%1, %%2) {%s, shape=[%s]}", attr, xs))
  else graph(xs, ys, ws, k[n], sprintf("conv_dw(%%1, %%2) {%s, shape=[%s]}", attr, ws))
}
