# SPDX-License-Identifier: Apache-2.0
# to_nn.awk - writes the cases of ops.txt that need no weights as `test` blocks of one .nn file: values and gradients,
# to 1e-5 of 1 + |value| (the blocks run in float32).   awk -f literal.awk -f to_nn.awk ops.txt > ops.nn

function near(value, wanted) {
  return "    want = " wanted "\n    assert max(abs(" value " - want) / (1 + abs(want))) < 1e-5\n"
}

$1 == "case" { name = $2; given = takes = gives = checks = ""; usable = 1; next }
$1 == "expr" { sub(/^expr /, ""); code = $0; next }
$1 == "mode" { if ($2 != "inference") usable = 0; next }
$1 == "param" || $1 == "state" { usable = 0; next }
# A scalar input would be a static number, which has no gradient.
$1 == "in" && $4 == "[]" { usable = 0; next }
$1 == "in" {
  given = given "    " $2 " = " literal(4, $3 == "f32") "\n"
  takes = takes (takes ? ", " : "") $2 ": " $3 $4
  gives = gives (gives ? ", " : "") $2
  next
}
$1 == "out" { checks = checks near($2 == "f32" ? "out" : "f32(out)", literal(3, 1)); next }
$1 == "cot" { checks = checks "    cot = " literal(2, 1) "\n"; next }
$1 == "grad" { checks = checks near("grad(out * cot, " $2 ")", literal(3, 1)); next }
$1 == "end" && usable {
  printf "def case_%s(%s) { %s }\n\n", name, takes, code
  printf "test \"%s\" {\n%s    out = case_%s(%s)\n%s}\n\n", name, given, name, gives, checks
}
