# SPDX-License-Identifier: Apache-2.0
# The sources of the standard library -> docs/std.md (make docs/std.md writes it, the suite docs compares it):
#   awk -f docs/std.awk frontend/builtins/*.c std/*.nn runtime/schedule.nn runtime/optim.nn runtime/lbfgs.nn
# A def's entry is its signature and the comment above it; defs whose names begin with _ are the library's own. Of the
# compiler's sources those functions are listed that have a comment "name(arguments): ..." above them and a row in a
# table.
function flush_comment() { text = "" }
function entry(signature, said) {
  gsub(/ +/, " ", signature); sub(/ *\{.*/, "", signature)
  print "- `" signature "`" (said == "" ? "" : "  \n  " said)
}
function balance(s,   i, d) {
  for (i = 1; i <= length(s); i++) { c = substr(s, i, 1); d += c == "(" || c == "["; d -= c == ")" || c == "]" }
  return d
}
BEGIN {
  print "# The standard library"
  print ""
  print "Printed from the sources by `docs/std.awk`. Shapes of arguments are in the signatures: `float[...]` is any"
  print "float type and shape, `any[...]` any type; names in shapes are sizes. Static arguments have a type without a"
  print "shape. How the parts of the language read is in [language.md](language.md), the element-wise functions that"
  print "are single operations are in [ops.md](ops.md)."
}
FNR == 1 && FILENAME ~ /\.c$/ { if (!tools++) print "\n## Tools\n\nFunctions of the compiler itself.\n"; comment = "" }
FILENAME ~ /\.c$/ {
  if (/^\/\* [a-z_]+\(.*\)/) { comment = $0; open = 1 }
  else if (open) comment = comment " " $0
  if (open && /\*\//) {
    open = 0
    sub(/^\/\* /, "", comment); sub(/ *\*\/.*/, "", comment); gsub(/ \* /, " ", comment); gsub(/ +/, " ", comment)
    at = match(comment, /\)(: |$)/)
    if (at) entry(substr(comment, 1, at), substr(comment, at + 3))
  }
  next
}
FNR == 1 { line = $0; sub(/^# */, "", line); sub(/ - /, ": ", line); print "\n## " line "\n"; text = ""; next }
/^# ---- .* ----$/ {
  line = $0; sub(/^# ---- /, "", line); sub(/ ----$/, "", line); print "\n### " line "\n"; text = ""; next
}
/^# / { line = $0; sub(/^# /, "", line); text = text (text == "" ? "" : " ") line; next }
/^(def|const) / { signature = $0; sub(/^def /, "", signature); reading = 1 }
reading {
  if (!/^(def|const) /) { line = $0; sub(/^ +/, "", line); signature = signature " " line }
  if (balance(signature) == 0 || signature ~ /\{/) {
    if (signature !~ /^_/) entry(signature, text)
    reading = 0; text = ""
  }
  next
}
/^$/ { text = "" }
