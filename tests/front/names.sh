#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# names.sh ROOT DIR: writes a program for each role that a name can have, in which every name of the standard library
# has it: a name of the library must not change what a program means that uses it for itself.
root=$1; dir=$2
names=$(sed -n 's/^\(def\|const\) \([A-Za-z_0-9]*\).*/\2/p' "$root"/std/*.nn "$root"/runtime/*.nn | sort -u)
names="$names inf nan none random iota conv fold unfold lowest" # what the compiler itself defines
# shellcheck disable=SC2086  # several names
each() { # each FILE LINE: the line with every name in the place of NAME
  printf '%s\n' $names | awk -v line="$2" '{ text = line; gsub(/NAME/, $1, text); print text }' >>"$dir/$1.nn"
}
each argument 'export def a_NAME(NAME: f32[2]) -> f32[2] { 2 * NAME }'
each static 'def s_NAME(x: f32[2], NAME: int = 3) -> f32[2] { x * NAME }'
each static 'export def t_NAME(x: f32[2]) -> f32[2] { s_NAME(x, NAME = 4) }'
each local 'export def l_NAME(x: f32[2]) -> f32[2] { NAME = 2 * x; NAME + 1 }'
each size 'def z_NAME(x: f32[NAME]) -> f32[NAME] { x + ones(NAME) }'
each size 'export def e_NAME(x: f32[2]) -> f32[2] { z_NAME(x) }'
each index 'export def i_NAME(x: f32[2]) -> f32[2] { y[NAME] = 2 * x[NAME]; y }'
each loop 'export def o_NAME(x: f32[2]) -> f32[2] { for NAME in 0..2 { x = x + NAME }; x }'
each weight 'def p_NAME(x: f32[2]) -> f32[2] { param NAME: f32[2] = 1; x * NAME }'
each weight 'use q_NAME = p_NAME()'
each weight 'export def w_NAME(x: f32[2]) -> f32[2] { q_NAME(x) }'
echo 'def net(x: f32[2]) -> f32[2] { param w: f32[2] = 1; x * w }' >"$dir/instance.nn"
each instance 'use NAME = net()'
each instance 'export def u_NAME(x: f32[2]) -> f32[2] { NAME(x) }'
each constant 'const NAME = 3'
each constant 'export def c_NAME(x: f32[2]) -> f32[2] { x * NAME }'
each dimension 'dim NAME = 2'
each dimension 'export def d_NAME(x: f32[NAME]) -> f32[2] { x + zeros(NAME) }'
# A def of the file replaces that of the library, for the file but not for the library.
each def 'def NAME(x: f32[2]) -> f32[2] { 5 * x }'
each def 'test "NAME" { assert NAME(ones(2)) == [5, 5] }'
cat >"$dir/library.nn" <<'NN'
def mean(x: f32[...]) { 0 * x }
def widened(x: f32[...]) { 0 * x }
test "the library has its own" { assert var([1.0, 3.0]) == 1 and silu(0.0) == 0 and gelu(ones(1)) > 0.8 }
NN
