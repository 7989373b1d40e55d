# SPDX-License-Identifier: Apache-2.0
# The defs of std/*.nn that have leading tensors -> a test file: each gives the same function with all static arguments
# by name and with any number of them by position and the rest by name. Each kind of value that a parameter takes is
# tried, `any` as a number, a list and a text.
function values(type, name) {
  if (name == "how") return "\"sum\""
  if (type == "none") return "2" # where a list would be a tensor, too
  if (type == "int") return "3"
  if (type == "float") return "0.5 2"
  if (type == "bool") return "true"
  if (type == "str") return "\"s\""
  if (type == "list") return "[1,2]"
  return type == "fn" ? "relu" : "2 [1,2] \"same\""
}
function close_of(s,   i, d, c) { # the place of the parenthesis that closes the first one
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "(") d++
    if (c == ")" && --d == 0) return i
  }
  return 0
}
function def(text,   name, open, body, n, part, i, d, c, p, lead, k, at, v, nv, row, rows, w) {
  name = text; sub(/^def /, "", name); sub(/\(.*/, "", name)
  if (name ~ /^_/ || name ~ /^(gaussian_nll|scatter|isclose|clamp)$/) return # tensors for which a list stands, too
  open = index(text, "("); body = substr(text, open + 1, close_of(substr(text, open)) - 2)
  n = 1; d = 0; part[1] = ""
  for (i = 1; i <= length(body); i++) {
    c = substr(body, i, 1)
    if (c ~ /[[(]/) d++
    if (c ~ /[])]/) d--
    if (c == "," && !d) part[++n] = ""
    else part[n] = part[n] c
  }
  lead = 0; k = 0; at = 1; needs = 0
  for (i = 1; i <= n; i++) {
    gsub(/^ +| +$/, "", part[i]); given = part[i] ~ /=/; none = part[i] ~ /= none/; sub(/ *=.*/, "", part[i])
    split(part[i], p, / *: */)
    if (at && p[2] ~ /\[/) { lead++; continue }
    if (p[2] ~ /\[/ || p[2] ~ /^(f32|f64|i32)$/) { if (at) { lead++; continue } return }
    at = 0; word[++k] = p[1]; type[k] = none ? "none" : p[2]; needs += !given
  }
  if (!lead || !k) return
  rows = 0
  for (i = 1; i <= k; i++) { nv = split(values(type[i], word[i]), v, " "); if (nv > rows) rows = nv }
  for (row = 1; row <= rows; row++)
    for (at = 0; at <= k; at++) {
      # mean([1, 2]) and pad([1, 2], ...) are those of a tensor
      if (at && lead == 1 && (!needs || name == "pad") && type[1] == "any" && row == 2) continue
      got = ""; all = ""
      for (i = 1; i <= k; i++) {
        nv = split(values(type[i], word[i]), v, " "); w = v[(row - 1) % nv + 1]
        got = got (i > 1 ? ", " : "") (i > at ? word[i] " = " : "") w
        all = (i > 1 ? word[i] " = " w ", " all : word[i] " = " w)
      }
      printf "  assert %s(%s) == %s(%s)\n", name, got, name, all
      count++
    }
}
BEGIN { print "test \"arguments by position and by name\" {" }
/^def / { text = ""; reading = 1 }
reading { text = text $0; if (close_of(text)) { def(text); reading = 0 } }
END { print "}"; if (count < 60) { print "too few defs were found" } }
