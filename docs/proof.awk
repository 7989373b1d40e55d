# SPDX-License-Identifier: Apache-2.0
# Prints docs/proof.md, of these files in this order: docs/std.md, tests/golden/programs/exceptions.txt,
# tests/golden/ops/ops.txt, tests/random/nn/gen_std*.c, then, for what they call, tests/golden/programs/*.nn and its
# train/*.nn, tests/front/elab/*_values.nn and tests/golden/properties.nn.
function words(line, into,   n, part, i) { # the names in a line of code
  delete into
  n = split(line, part, /[^a-zA-Z0-9_]+/)
  for (i = 1; i <= n; i++) into[part[i]] = 1
}
function close_program(   w) {
  for (w in of_program) if (hand) tests[w]++; else programs[w]++
  delete of_program
}
FNR == 1 { close_program(); hand = FILENAME !~ /programs\// }
FILENAME ~ /std\.md$/ {
  if (match($0, /^- `[a-z][a-z0-9_]*\(/)) {
    name = substr($0, 4, RLENGTH - 4)
    if (!(name in known)) { known[name] = 1; names[++count] = name }
  }
  next
}
FILENAME ~ /exceptions\.txt$/ { name = $1; sub(/^[^ ]* /, ""); except[name] = $0; next }
FILENAME ~ /ops\.txt$/ {
  if ($1 == "expr") { sub(/^expr /, ""); words($0, w); for (k in w) cases[k]++ }
  next
}
FILENAME ~ /\.c$/ {
  if (match($0, /^  \{"[a-z0-9_]+",/)) made[substr($0, 5, RLENGTH - 6)] = 1
  next
}
/^(export def|test) / { close_program() }
{ line = $0; sub(/#.*/, "", line); sub(/^export def [a-z0-9_]+/, "", line); words(line, w)
  for (k in w) of_program[k] = 1 }
END {
  close_program()
  print "# Names and their proof\n"
  print "Printed by `docs/proof.awk`. For each name of [std.md](std.md): how many golden programs have it, whose values"
  print "and gradients are PyTorch's, and how many cases of `tests/golden/ops/ops.txt`; how many `test` blocks compare"
  print "values worked out by hand; whether the generator of random programs ([testing.md](testing.md)) calls it at"
  print "random arguments; or why PyTorch has no value for it.\n"
  print "| name | programs | cases | by hand | random | else |"
  print "|---|---|---|---|---|---|"
  for (i = 1; i <= count; i++) {
    k = names[i]
    printf "| `%s` | %s | %s | %s | %s | %s |\n", k, programs[k], cases[k], tests[k], k in made ? "yes" : "", except[k]
  }
}
