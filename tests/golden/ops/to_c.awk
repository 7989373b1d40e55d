# SPDX-License-Identifier: Apache-2.0
# to_c.awk - the cases of ops.txt that a `test` block cannot give, since they need weights, states or training: a .nn
# file, and the C program that runs what `gradc emit --c --no-layout` makes of it.
#   awk -v nn=cases.nn -v c=main.c -f literal.awk -f to_c.awk ops.txt
#
# The loss is the sum of all cases. Their inputs are weights like all others, their values are states, and the optimizer
# replaces each weight by its gradient, so that after one step the memory holds all values to compare. Cases with states
# outside training are exports, which have the gradients of inputs but not those of the weights.

function type(shape) { return shape == "[]" ? "f32" : "f32" shape }
function place(path) { gsub(/\./, "_", path); return "mem + cases_AT_net_" name "_" path }

function array(at,    i, out) {
  for (i = at + 1; i <= NF; i++) out = out (i > at + 1 ? ", " : "") $i
  return "{" out "}"
}

function set(path, at) {
  before = before "  static const float v" ++n "[] = " array(at) ";\n"
  before = before "  memcpy(" place(path) ", v" n ", sizeof v" n ");\n"
}

function compare(what, path, at) {
  after = after "  static const double v" ++n "[] = " array(at) ";\n  ok &= near(\"" name ": " what "\", "
  after = after place(path) ", v" n ", sizeof v" n " / sizeof *v" n ");\n"
}

BEGIN {
  print "def take(w: f32[...], g: f32[...]) { g }" > nn
  print "#include \"cases.h\"\n#include \"harness.h\"\n" > c
  print "static _Alignas(64) unsigned char mem[cases_BYTES];" > c
}

$1 == "case" { name = $2; needed = outside = n = 0; lines = before = after = ""; next }
$1 == "expr" { sub(/^expr /, ""); body = $0; next }
$1 == "mode" { training = $2 == "training"; needed = training; next }
$1 == "in" && $3 != "f32" { lines = lines "    " $2 " = " literal(4, 0) "\n"; next }
$1 == "in" {
  if ($4 == "[]") needed = 1
  of[$2] = type($4)
  lines = lines "    param " $2 ": " of[$2] " = 0\n"
  set($2, 4)
  next
}
$1 == "param" { needed = 1; set($2, 3); next }
$1 == "state" { needed = 1; outside = !training; set($2, 3); next }
$1 == "out" {
  lines = lines "    state value: " type($3) " = 0\n    y = " body "\n    value := y\n"
  compare("value", "value", 3)
  next
}
$1 == "cot" { cot = literal(2, 1); next }
$1 == "grad" && outside && $2 in of {
  lines = lines "    state d_" $2 ": " of[$2] " = 0\n    d_" $2 " := grad(y * " cot ", " $2 ")\n"
  compare("gradient of " $2, "d_" $2, 3)
}
$1 == "grad" && !outside { compare("gradient of " $2, $2, 3); next }
$1 == "after" { compare("later " $2, $2, 3); next }
$1 == "end" {
  if (needed) {
    printf "\ndef case_%s() {\n%s    y\n}\nuse net_%s = case_%s()\n", name, lines, name, name > nn
    if (outside) {
      printf "export def run_%s() { sum(net_%s()) }\n", name, name > nn
      run = run "  if (cases_run_" name "(mem, &sum)) return 1;\n"
    } else {
      loss = loss (loss ? " +\n        " : "") "sum(net_" name "() * " cot ")"
    }
    printf "\nstatic void set_%s(void) {\n%s}\n", name, before > c
    printf "\nstatic int case_%s(void) {\n  int ok = 1;\n%s  return ok;\n}\n", name, after > c
    fill = fill "  set_" name "();\n"
    all = all "  count(\"" name "\", case_" name "());\n"
  }
  split("", of)
}
END {
  printf "\ntrain {\n    loss = %s\n    optim = take()\n    steps = 1\n}\n", loss > nn
  printf "\nint main(void) {\n  float sum;\n  cases_init(mem, 0);\n%s", fill > c
  printf "  if (cases_train_step(mem)) return 1;\n%s%s  return finish();\n}\n", run, all > c
}
