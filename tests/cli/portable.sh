# SPDX-License-Identifier: Apache-2.0
# Portable C of several models, training and inference: no warning from any compiler, language and level (without FULL=1
# a file has one or two of the compilers in turn, each at one level), and no undefined symbol. Sourced by run.sh: uses
# gradc, models, pass, fail.
: "${tmp:?run.sh sources this file}"
file_number=0
silent() { # silent NAME FILE.c
  file_number=$((file_number + 1)); n=$file_number
  for cc in "gcc -std=c99" "clang -std=c99" "g++ -x c++ -std=c++11" "clang++ -x c++ -std=c++11"; do
    command -v "${cc%% *}" >/dev/null || { fail "$cc is not installed"; continue; }
    n=$((n + 1)); full || [ $((n % 3)) -eq 0 ] || continue
    levels="0 1 2 3"
    full || case $cc in gcc* | clang++*) levels=1 ;; *) levels=0 ;; esac
    for level in $levels; do
      if $cc -Wall -Wextra -pedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion \
         -ffreestanding -nostdlib -O"$level" -c "$2" -o one.o 2>err && [ ! -s err ] &&
         [ -z "$(nm -u one.o)" ]; then pass
      else fail "$1 with $cc -O$level: $(head -c 300 err) $(nm -u one.o | tr '\n' ' ')"; fi
    done
  done
}
for model in digits iris $(full && echo digits_cnn lstm gpt); do
  for only in "" --only=infer; do
    rm -rf c; mkdir c
    # shellcheck disable=SC2086
    if "$gradc" emit --c "$models/$model.nn" $only -o c 2>err; then
      [ "$(ls c | tr '\n' ' ')" = "$model.c $model.h " ] && pass || fail "emit $model $only wrote $(ls c)"
      silent "$model.c $only" c/$model.c
    else fail "emit --c $model.nn $only: $(head -n 2 err)"; fi
    bytes=$(sed -n "s/^#define ${model}_BYTES //p" c/$model.h)
    case $only in "") all=$bytes ;; *) [ "$bytes" -lt "$all" ] && pass ||
      fail "$model: inference takes $bytes bytes, training $all" ;; esac
    case $only in "") grep -q "${model}_train_step" c/$model.h && pass ||
      fail "$model.h lacks its training step" ;; esac
  done
done
[ "$("$gradc" report --json --fp=strict "$models/digits.nn" | sed 's/.*"ram_bytes":\([0-9]*\).*/\1/')" = \
  "$(rm -rf c; "$gradc" emit --c "$models/digits.nn" -o c; sed -n 's/^#define digits_BYTES //p' c/digits.h)" ] &&
  pass || fail "ram_bytes of the report is not digits_BYTES"
# A program that does not train has nothing of training, and no condition of the C is decided already.
for only in "" --only=infer; do
  rm -rf c
  # shellcheck disable=SC2086  # no flag, or one
  "$gradc" emit --c "$models/digits_cnn.nn" $only -o c
  equal "conditions of $only" "$(grep -c '^#if.*PRIM_' c/digits_cnn.c)" 0
done
equal "training in a program that only infers" "$(cat c/digits_cnn.[ch] | grep -cE 'run->steps|float loss|epoch')" 0
grep -q 'stored \[' c/digits_cnn.h && grep -q 'lists their axes' c/digits_cnn.h && pass ||
  fail "the header does not say how weights are stored"
# Two models in one program: nothing of either clashes.
"$gradc" emit --c "$models/iris.nn" -o two && "$gradc" emit --c "$models/digits.nn" -o two &&
  printf '#include "iris.h"\n#include "digits.h"\nint main(void) { return iris_bytes == digits_bytes; }\n' \
   >two/main.c &&
  gcc -O2 -std=c99 -Wall -Wextra -Werror -o two/main two/main.c two/iris.c two/digits.c 2>err && two/main &&
  pass || fail "two models in one program: $(head -n 3 err)"
# The example of docs/runtime.md compiles and runs.
sed -n '/^```c$/,/^```$/p' "$root/docs/runtime.md" | sed '/^```/d' >example.c
if [ -s example.c ]; then
  "$gradc" emit --c "$models/digits.nn" -o . &&
    gcc -std=c99 -Wall -Wextra -Werror -O2 -o example example.c digits.c 2>err && ./example >out &&
    grep -q 'loss' out && pass || fail "the example of docs/runtime.md: $(head -n 5 err)"
else fail "docs/runtime.md has no example in C"; fi
# Names with a meaning in C or C++, and weights whose names coincide in C: distinct, and the header is C++ too.
cat >odd.nn <<'N'
def b(x: f32[B, 4]) { param w: f32[4, 4] = kaiming
  x @ w }
def a(x: f32[B, 4]) { param b_w: f32[4, 4] = kaiming
  b(x) @ b_w }
use n = a()
use n_b = b()
data d { source = uniform(n = 100, lo = [0, 0, 0, 0], hi = 1); x: f32[4] = field(0); class: f32[4] = field(0) }
train { data = d; batch = 10; steps = 10; loss = mse(n_b(n(x)), class); optim = sgd(lr = 0.1)
        metric.double = mean(x); metric.class = mean(x); metric.sum = mean(x) }
export def H(x: f32[1, 4]) { n_b(x) }
export def loop(double: f32[1, 4], double_: f32[1, 4], mem: f32[1, 4], namespace: f32[1, 4], NULL: f32[1, 4],
                size_t: f32[1, 4], out: f32[1, 4], bad: f32[1, 4], call: f32[1, 4], odd_init: f32[1, 4],
                k7_row: f32[1, 4]) {
  n_b(double) + n(double_) + mem + namespace + NULL + size_t + out + bad + call + odd_init + k7_row }
N
rm -rf c; mkdir c
if "$gradc" emit --c odd.nn -o c 2>err; then
  silent 'names of C' c/odd.c
  clang -x c++ -std=c++11 -Wall -Wextra -Werror -pedantic -fsyntax-only c/odd.h 2>err && pass ||
    fail "the header as C++: $(head -n 3 err)"
  [ -z "$(sed -n 's/^#define odd_AT_\([^ ]*\) .*/\1/p' c/odd.h | sort | uniq -d)" ] && pass ||
    fail "weights of one name: $(grep AT_ c/odd.h)"
  grep -q 'float double_;' c/odd.h && grep -q 'float sum;' c/odd.h && pass ||
    fail "metrics in struct odd_run: $(grep float c/odd.h)"
else fail "names of C: $(head -n 2 err)"; fi
"$gradc" build odd.nn -o odd 2>err && ./odd train --steps 2 --run-dir oddrun >out 2>err && pass ||
  fail "names of C, native: $(head -n 2 err)"
# The files have the stem of the .nn file, whatever it is; NAME is derived from it.
cp odd.nn 'my net-2.b.nn'
"$gradc" emit --c 'my net-2.b.nn' -o 'a folder/sub' 2>err && [ -f 'a folder/sub/my net-2.b.h' ] &&
  silent 'an odd stem' 'a folder/sub/my net-2.b.c' &&
  grep -q my_net_2_b_train_step 'a folder/sub/my net-2.b.h' && pass ||
    fail "an odd stem: $(head -n 2 err; ls 'a folder/sub')"
cp odd.nn 'a"quote.nn'
# No file name breaks an #include, a comment, a string, or JSON.
mkdir odd_names
n=0
for name in 'a"b' "it's" 'why?' 'back\slash' 'co*ment' '日本' 'a b' "tab$(printf '\t')" "line$(printf '\nbreak')" \
  p gc k7 int; do
  n=$((n + 1)); cp odd.nn "odd_names/$name.nn"; rm -rf quote
  if "$gradc" emit --c "odd_names/$name.nn" -o quote 2>err; then silent "a file named $name" quote/*.c
  else fail "emit of a file named $name: $(head -n 2 err)"; fi
  full || case $name in a*|line*) ;; *) continue ;; esac
  "$gradc" build "odd_names/$name.nn" -o odd 2>err && ./odd train --steps 2 --json --run-dir "run$n" >out 2>err &&
    json_lines out && tr -d ' \n' <"run$n/run.json" >run.json && json_lines run.json && pass ||
      fail "a program from a file named $name: $(head -n 3 err out)"
done
# Inputs, results and metrics with names of macros and keywords: the header may be included before or after the macros.
cat >macros.nn <<'N'
def a(x: f32[B, 4]) { linear(x, 4) }
use n = a()
data d { source = uniform(n = 100, lo = [0, 0, 0, 0], hi = 1); x: f32[4] = field(0) }
train { data = d; batch = 10; steps = 10; loss = mse(n(x), x); optim = sgd(lr = 0.1); metric.errno = mean(x)
        metric.I = mean(x); metric.NULL = mean(x); metric.stdin = mean(x) }
export def exp(M_PI: f32[1, 4], I: f32[1, 4], errno: f32[1, 4], linux: f32[1, 4], putchar: f32[1, 4], min: f32[1, 4],
               complex: f32[1, 4], EOF: f32[1, 4], out: f32[1, 4], new: f32[1, 4], restrict: f32[1, 4], B0: f32[1, 4]) {
  n(M_PI) + I + errno + linux + putchar + min + complex + EOF + out + new + restrict + B0 }
N
cat >macros.c <<'C'
#ifndef AFTER
#include "macros.h"
#endif
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#ifndef __cplusplus
#include <complex.h>
#include <iso646.h>
#include <tgmath.h>
#endif
#define min(a, b) ((a) < (b) ? (a) : (b))
#define linux 1
#define B 3
#include "macros.h"
float metric(const struct macros_run *r);
float metric(const struct macros_run *r) { return r->errno_ + r->I_ + r->NULL_ + r->stdin_; }
C
rm -rf c; mkdir c
if "$gradc" emit --c macros.nn -o c 2>err; then
  silent 'names of macros' c/macros.c
  for cc in "gcc -std=gnu99" "gcc -std=gnu99 -DLATE" "clang -std=gnu11 -DLATE" "g++ -x c++" "g++ -x c++ -DLATE"; do
    $cc -Wall -Wextra -Ic -c macros.c -o one.o 2>err && [ ! -s err ] && pass ||
      fail "macros around the header with $cc: $(head -c 300 err)"
  done
else fail "names of macros: $(head -n 2 err)"; fi
# A step of several microbatches that fails in the last one discards the accumulated gradients: the next step is as
# without it.
mkdir -p sums; cat >sums/sums.nn <<'N'
def f(x: f32[B, 2]) { x |> linear(3) |> tanh |> linear(3) }
use net = f()
data d { source = csv("d.csv"); x: f32[2] = field(0:2); y: i32 = field(2) }
train { data = d; batch = 2; accumulate = 3; steps = 10; loss = cross_entropy(net(x), y);
        optim = adam(lr = 0.1 * cosine(step / steps)) }
N
cat >sums/main.c <<'C'
#include <string.h>
#include "sums.h"
static union { unsigned char b[sums_BYTES]; double a; } one __attribute__((aligned(64))),
  two __attribute__((aligned(64)));
int main(void) {
  float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}, inf = 1e38f * 1e38f;
  int32_t y[6] = {0, 1, 2, 0, 1, 2};
  size_t from = sums_AT_net_linear_1_w, bytes;
  sums_init(&one, 1); sums_init(&two, 1);
  bytes = sizeof one - from;
  ((struct sums_run *)&one)->steps = 0;
  if (sums_train_step(&one, x, y) != -2) return 6;
  ((struct sums_run *)&one)->steps = 10;
  x[11] = inf - inf;
  if (sums_train_step(&one, x, y) != -1) return 1;
  x[11] = 3, y[5] = 3;
  if (sums_train_step(&one, x, y) != 2) return 2;
  y[5] = 2;
  if (sums_train_step(&one, x, y) || sums_train_step(&two, x, y)) return 3;
  return memcmp(one.b + from, two.b + from, bytes) ? 4 : memcmp(&one, &two, sizeof(struct sums_run)) ? 5 : 0;
}
C
"$gradc" emit --c sums/sums.nn -o sums && gcc -std=c99 -O1 -Isums -o sums/main sums/main.c sums/sums.c 2>err &&
  sums/main
got=$?; [ $got -eq 0 ] && pass || fail "a step after a failed one: $got $(head -n 3 err)"
# A single train section is NAME_train_step, whatever its name; several have their names appended, share metrics and
# count their own steps.
sed 's/^train {/train fine {/; s/accumulate = 3; //' sums/sums.nn >sums/fine.nn
"$gradc" emit --c sums/fine.nn -o sums 2>err && grep -q '^int fine_train_step(' sums/fine.h && pass ||
  fail "a named train section: $(head -n 2 err)"
cat >sums/both.nn <<'N'
def f(x: f32[B, 2]) { linear(x, 1) }
use net = f()
data d { source = uniform(n = 100, lo = [0, 0], hi = 1); x: f32[2] = field(0) }
train a { data = d; batch = 4; steps = 3; optim = sgd(lr = 0.1); loss = mse(net(x), x[:, 0:1]);
          metric.one = 1 + 0 * mean(x) }
train b { data = d; batch = 4; accumulate = 3; steps = 5; optim = sgd(lr = 0.1); loss = mse(net(x), x[:, 1:2])
          metric.two = 2 + 0 * mean(x); metric.one = 5 + 0 * mean(x); metric.three = 3 + 0 * mean(x) }
N
cat >sums/both.c.in <<'C'
#include "both.h"
static union { unsigned char b[both_BYTES]; double a; } mem __attribute__((aligned(64)));
int main(void) {
  float x[24] = {0};
  struct both_run *r = (struct both_run *)&mem;
  both_init(&mem, 1);
  if (both_train_step_a(&mem, x) || r->one != 1) return 1;
  if (both_train_step_b(&mem, x)) return 2;
  return r->one == 5 && r->two == 2 && r->three == 3 && r->step == 1 && r->done[0] == 1 && r->done[1] == 1
    ? 0 : 3;
}
C
"$gradc" emit --c sums/both.nn -o sums 2>err &&
  gcc -std=c99 -Wall -Wextra -Werror -O1 -Isums -o sums/both -x c sums/both.c.in sums/both.c 2>err && sums/both
got=$?; [ $got -eq 0 ] && pass || fail "two train sections: $got $(head -n 3 err)"
# Weights in logical order, written and read by a program: a convolution computes with them, and training updates them.
mkdir logical; cat >logical/l.nn <<'N'
use c = conv2d(out = 3, k = [2, 3], bias = false)
data d { source = uniform(n = 4, lo = [0], hi = 1); x: f32[1] = field(0) }
train { data = d; batch = 2; steps = 2; loss = mean(c(ones([1, 2, 4, 5])) ** 2); optim = adam(lr = 0.1) }
export def y(x: f32[1, 2, 4, 5]) -> f32[1, 3, 3, 3] { c(x) }
N
cat >logical/main.c <<'C'
#include <stdio.h>
#include <string.h>
#include "l.h"
static union { unsigned char b[l_BYTES]; double a; } mem __attribute__((aligned(64)));
int main(int argc, char **argv) {
  float file[36], w[3][2][2][3], x[2][4][5], y[3][3][3];
  FILE *f = fopen(argv[argc - 1], "rb");
  l_init(&mem, 7);
  if (!f || fseek(f, -(long)sizeof file, SEEK_END) || fread(file, sizeof file, 1, f) != 1) return 1;
  if (l_get_weight(&mem, l_AT_c_w, w) || memcmp(w, file, sizeof file)) return 2;
  for (int i = 0; i < 36; i++) ((float *)w)[i] = (float)(i * i % 17);
  for (int i = 0; i < 40; i++) ((float *)x)[i] = (float)(i * 7 % 13);
  if (l_set_weight(&mem, l_AT_c_w, w) || l_y(&mem, (const float *)x, (float *)y)) return 3;
  for (int o = 0; o < 3; o++)
    for (int i = 0; i < 9; i++) {
      float sum = 0;
      for (int k = 0; k < 12; k++) sum += w[o][k / 6][k / 3 % 2][k % 3] * x[k / 6][i / 3 + k / 3 % 2][i % 3 + k % 3];
      if (y[o][i / 3][i % 3] != sum) return 4;
    }
  return l_set_weight(&mem, 3, w) == 1 ? 0 : 5;
}
C
"$gradc" emit --c logical/l.nn -o logical 2>err && "$gradc" build logical/l.nn -o logical/l --fp=strict 2>err &&
  logical/l train --steps 0 --seed 7 --run-dir logical/run >/dev/null 2>err &&
  cc -O1 -Ilogical -o logical/main logical/main.c logical/l.c 2>err && logical/main logical/run/weights.safetensors
got=$?; [ $got -eq 0 ] && pass || fail "weights in logical order: $got $(head -n 3 err)"
grep -q 'l_AT_c_w .*c.w: f32\[3,2,2,3\] stored \[' logical/l.h && pass ||
  fail "the stored order in the header: $(grep AT_ logical/l.h)"
# Flags that change the arithmetic are refused with a reason, in native programs, too.
for flags in -ffast-math -Ofast; do
  "$gradc" build odd.nn -o fast --cflags=$flags 2>err && fail "build --cflags=$flags is taken"
  grep -q 'E0504' err && grep -q 'ffast-math and its flags change results' err && pass ||
    fail "build --cflags=$flags: $(head -n 3 err)"
done
# The table of docs/compilers.md, as far as this machine's compilers go, by the smallest model; without FULL=1 every
# sixth row.
every=6; full && every=1
EVERY=$every MODELS=examples/models/iris sh "$root/tests/isa/compilers.sh" "$gradc" "$build" host >table 2>err
rows=$(grep -c '^host ' "$root/tests/isa/compilers.txt"); [ "$rows" -gt 13 ] && [ ! -s err ] &&
  sed -n '/^| compiler /,/^$/p' "$root/docs/compilers.md" | head -n $((rows + 2)) |
  awk -v every=$every 'NR <= 2 || (NR - 2) % every == 0' >expected &&
  cmp -s expected table && pass ||
    fail "the table of docs/compilers.md: $(head -n 5 err) $(diff expected table | head -n 5)"
