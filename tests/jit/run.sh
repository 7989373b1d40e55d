#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: compiling in process. With both backends, clang (where gradc has it) and cc with dlopen, the same
# tests pass and give the bits of the interpreter and of a built program; the cache has the right entries and survives
# damage.
. "$(dirname "$0")/../suite.sh"
quick_cc
cd "$tmp" || exit 2
XDG_CACHE_HOME=$tmp/cache; TMPDIR=$tmp/temp; export XDG_CACHE_HOME TMPDIR
mkdir "$TMPDIR"
store=$XDG_CACHE_HOME/gradc
ways=cc
case $("$gradc" --version) in *clang*) ways="clang cc" ;; *) echo "no clang libraries in this build" ;; esac
first=${ways%% *} # explicit, since small graphs are interpreted by default

# The runtime and the compiler have no symbol in common: gradc links both.
names() { nm "$@" | awk '$2 ~ /^[TDRBVC]$/ && $3 != "main" { print $3 }' | sort -u; }
names "$build"/runtime/*.o >rt.names
find "$build" -name '*.o' ! -path "$build/runtime/*" ! -path "$build/tests/*" ! -path "$build/asan/*" \
  ! -path "$build/cuda_host*" | xargs nm |
  awk '$2 ~ /^[TDRBVC]$/ { print $3 }' | sort -u >cc.names
equal "names of both" "$(comm -12 rt.names cc.names | grep -v '^main$')" ""

cat >small.nn <<'N'
dim N = 5
def net(x: f32[B, 3]) -> f32[B, N] { x |> linear(16) |> tanh |> dropout(0.5) |> linear(N) }
use model = net()
data points { source = uniform(n = 64, lo = [-1, -1, -1], hi = [1, 1, 1]); x: f32[3] = field(0) }
train { data = points; batch = 16; steps = 20; seed = 7; optim = adam(lr = 1e-2)
        loss = mse(model(x), concat([x, x[:, 0:2]], axis = 1)) }
export def predict(x: f32[1, 3]) -> f32[1, N] { model(x) }
test "sums" { assert sum([1, 2, 3]) == 6; assert max(abs(model(zeros(4, 3)))) < 1e9 }
test "order" { a = cumsum(ones(7), axis = 0) * 3; assert a[2] == 9; assert argmax(a) == 6 }
N
sed 's/^train {/train { precision = bf16;/' small.nn >half.nn
cat >wrong.nn <<'N'
test "fails" { assert 1 + 1 == 3; assert sum(ones(3)) > 4 }
N

# ---- values: the interpreter and each backend ----
expressions='1 + 2
[1.5, 2, 3] * 2
i32([1, 2, 3])
[1, 2] > [2, 1]
model(ones(2, 3))
softmax(cumsum(ones(1, 300), axis = 1) / 7)
x = cumsum(ones(41), axis = 0) - 20; exp(x) / sin(x + 0.5)
sum(sqrt(cumsum(ones(5000), axis = 0)))
ones(2, 3, 4) @ ones(4, 2)
log(zeros(2) - 1)'
printf '%s\n' "$expressions" | while read -r e; do
  want=$("$gradc" eval small.nn -e "$e" --interpret 2>&1) || echo "interpreter: $want"
  for way in $ways; do
    got=$("$gradc" eval small.nn -e "$e" --jit=$way 2>&1)
    [ "$got" = "$want" ] || echo "$e by $way: $got is not $want"
  done
done >values
equal values "$(cat values)" ""

# Mappings that are far apart: code, tables and the objects of matrix products refer to each other by 32 bits.
cat >far.nn <<'N'
use net = linear(70)
test "products" { x = ones(9, 80); assert max(abs(net(x) - net(x)[0:1])) < 1e-5; assert sum(x @ ones(80, 70)) == 50400 }
N
if cc -std=gnu11 -shared -fPIC -o far.so "$root/tests/jit/far.c" 2>log; then
  for way in $ways; do check "far mappings, $way" env LD_PRELOAD="$tmp/far.so" "$gradc" test far.nn --jit=$way; done
else fail "far.c: $(head -n 3 log)"; fi

# ---- tests ----
for file in small.nn wrong.nn "$root"/examples/models/iris.nn; do
  "$gradc" test "$file" --interpret >want 2>&1; wanted=$?
  for way in $ways; do
    "$gradc" test "$file" --jit=$way >got 2>&1; equal "status of test $file by $way" $? $wanted
    cmp -s got want && pass || fail "test $file by $way: $(cat got)"
  done
done

# ---- gradients: the same verdicts and numbers ----
sed -n '/^train/,/^export/{/^export/!p;}' small.nn |
  sed 's/^train/train again/;s/ seed = 7;//;s/batch = 16/precision = bf16; batch = 8/' | cat small.nn - >two.nn
for file in two.nn "$root"/examples/models/pinn.nn; do
  "$gradc" gradcheck "$file" --interpret >want 2>&1; equal "status of gradcheck $file" $? 0
  for way in $ways; do
    "$gradc" gradcheck "$file" --jit=$way >got 2>&1; equal "status of gradcheck $file by $way" $? 0
    cmp -s got want && pass || fail "gradcheck $file by $way: $(cat got)"
  done
done
sed 's/loss = mse(/loss = mse(sqrt(0 * model(x)) + /' small.nn >nan.nn
for way in $ways; do
  "$gradc" gradcheck nan.nn --interpret --json >want 2>&1; equal "status of nan.nn" $? 1
  "$gradc" gradcheck nan.nn --jit=$way --json >got 2>&1; equal "status of nan.nn by $way" $? 1
  cmp -s got want && pass || fail "nan.nn by $way: $(cat got)"
done

# ---- training: each backend and a built program; strict, so that compilers agree ----
hash_of() { sed -n 's/.*(hash \([0-9a-f]*\)).*/\1/p' "$1"; }
for m in half small; do
  rm -rf built; "$gradc" build $m.nn -o $m --fp=strict && ./$m train --run-dir built >out 2>err ||
    fail "build $m: $(cat err)"
  want=$(hash_of out)
  [ -n "$want" ] && pass || fail "the built program printed $(cat out)"
  for way in $ways; do
    for threads in 1 2; do
      "$gradc" run $m.nn --fp=strict --jit=$way --threads $threads --run-dir $m$way$threads >out 2>err
      equal "status of run $m by $way" $? 0
      equal "hash of $m by $way with $threads threads" "$(hash_of out)" "$want"
    done
  done
done
for way in $ways; do # fast: not the same bits, but it runs
  "$gradc" run half.nn --jit=$way --run-dir fast$way >out 2>err && pass || fail "half.nn by $way: $(cat err)"
done
"$gradc" eval small.nn -e 'model(ones(1, 3))' --jit=$first --weights built/weights.safetensors >e1
"$gradc" eval small.nn -e 'model(ones(1, 3))' --weights built/weights.safetensors --interpret >e2
cmp -s e1 e2 && pass || fail "trained weights: $(cat e1 e2)"
"$gradc" eval small.nn -e 'model(ones(1, 3))' | cmp -s - e1 && fail "--weights changes nothing" || pass
equal "left in the folder of temporary files" "$(ls "$TMPDIR")" ""

# ---- the cache ----
entries() { ls "$store" 2>/dev/null | wc -l; }
for way in $ways; do
  rm -rf "$store"
  "$gradc" eval small.nn -e '2 + 3' --jit=$way >/dev/null; n=$(entries)
  [ "$n" -gt 0 ] && pass || fail "$way: nothing is cached"
  ls -l --time-style=full-iso "$store" | awk '{ print $5, $NF }' >before
  equal "$way: again" "$("$gradc" eval small.nn -e '2 + 3' --jit=$way)" 5
  equal "$way: entries after a second run" "$(entries)" "$n"
  if [ $way = cc ]; then # a second run needs no compiler that works
    mkdir bin; printf '#!/bin/sh\nexit 1\n' >bin/cc2; chmod +x bin/cc2
    "$gradc" eval small.nn -e '2 + 3' --cc=bin/cc2 >/dev/null 2>&1 &&
      fail "another compiler took the first one's code" || pass
  fi
  for damage in cut flip empty; do
    for f in "$store"/*; do
      case $damage in
        cut) head -c 500 "$f" >t; cat t >"$f" ;;
        flip) printf 'X' | dd of="$f" bs=1 seek=700 conv=notrunc 2>/dev/null ;;
        empty) : >"$f" ;;
      esac
    done
    equal "$way: a damaged entry ($damage)" "$("$gradc" eval small.nn -e '2 + 3' --jit=$way 2>&1)" 5
    ls -l "$store" | awk '{ print $5, $NF }' >after
    cmp -s before after && pass || fail "$way: $damage entries were not rewritten: $(cat before after)"
  done
done
for home in /dev/null /proc/none relative; do
  equal "cache folder $home" "$(XDG_CACHE_HOME=$home HOME=$home "$gradc" eval small.nn -e '2 + 4' --jit=$first 2>&1)" 6
done
[ -e relative ] && fail "a relative XDG_CACHE_HOME was made" || pass
rm -rf "$store"; mkdir -p "$store"
for i in 0 1 2 3 4; do truncate -s 60M "$store/old$i"; touch -d "2001-01-0$((i + 1))" "$store/old$i"; done
"$gradc" eval small.nn -e '2 + 5' --jit=$first >/dev/null
equal "what a full cache keeps" "$(ls "$store" | grep -c old) $([ -e "$store/old4" ] && echo newest)" "3 newest"

# A graph that the interpreter finishes sooner is not compiled, except with an option or in fast mode.
compiled() { # yes|no COMMAND...: whether something comes into the cache
  want=$1; shift; rm -rf "$store"
  "$gradc" "$@" >/dev/null 2>err || fail "$*: $(cat err)"
  equal "compiled: $*" "$([ "$(entries)" -gt 0 ] && echo yes || echo no)" "$want"
}
compiled no eval small.nn -e 'sum(model(ones(8, 3)))'
compiled no test small.nn
compiled no gradcheck small.nn
compiled yes eval small.nn -e 'sum(ones(400, 400) @ ones(400, 400))'
compiled yes test small.nn --jit=cc
compiled yes test small.nn --cc=cc

# ---- several at once ----
rm -rf "$store"
for i in 1 2 3 4; do "$gradc" eval small.nn -e 'sum(model(ones(8, 3)))' --jit=$first >out$i 2>&1 & done; wait
equal "four at once" "$(sort -u out1 out2 out3 out4 | wc -l)" 1

# ---- headers that belong to clang (limits.h, arm_neon.h) are found ----
cat >headers.c <<'C'
#include "codegen/jit/jit.h"
#include <stdio.h>
#include <string.h>
int main(void) {
  static const char text[] =
    "#include <stdint.h>\n#include <limits.h>\n#include <stdarg.h>\nint32_t most(void) { return INT_MAX; }\n";
  JitUnit u = {text, strlen(text), NULL, 0};
  JitError error;
  Jit *j = jit_load(&(JitJob){.unit = &u, .nunit = 1}, &error);
  if (!j) return puts(error.text ? error.text : "no memory"), 1;
  printf("%s %x\n", jit_has_clang() ? "clang" : "cc", ((int (*)(void))jit_symbol(j, "most"))());
  jit_free(j);
  return 0;
}
C
jit=$(sh "$root/tests/objects.sh" "$build" codegen/jit)
# shellcheck disable=SC2086  # several objects
program headers "$tmp/headers.c" $jit
equal "headers of clang" "$(./headers)" "${ways%% *} 7fffffff"
# shellcheck disable=SC2086  # several objects
program quiet "$root/tests/jit/quiet.c" $jit
equal "remarks of clang on the terminal" "$(./quiet 2>&1)" ok

# ---- errors ----
refused() { # STATUS PATTERN ARGUMENTS...
  want=$1; pattern=$2; shift 2
  "$gradc" "$@" >out 2>&1; got=$?
  if [ $got -eq "$want" ] && grep -q "$pattern" out; then pass; else fail "$*: status $got, $(cat out)"; fi
}
refused 1 'E0201' eval small.nn -e 'nothing + 1'
refused 1 '> -e:1:5' eval small.nn -e '1 + nothing'
refused 1 'E0107' eval small.nn -e '1 +'
refused 1 'E0224' eval small.nn -e ''
refused 1 'E0205' eval small.nn -e 'model(ones(2, 2))'
refused 2 'E0500' eval small.nn
"$gradc" ir small.nn >small.ir; refused 2 'E0500' eval small.ir -e 1
refused 1 'E0505' eval small.nn -e '1' --weights small.nn
refused 1 'E0503' run small.nn --cc=no-such-compiler
refused 1 'E0504' run small.nn --jit=cc --cflags=--no-such-flag
[ "$ways" = cc ] || refused 1 'E0504' run small.nn --jit=clang --cflags=--no-such-flag
[ "$ways" = cc ] && refused 1 'E0503' run small.nn --jit=clang
refused 2 'E0500' run small.nn --jit=tcc
# What only `bench --profile` of a program uses is not compiled here.
mkdir -p bin
cat >bin/shows <<'C'
#!/bin/sh
for f; do case $f in *.c) cat "$f" ;; esac; done >>text.c
exit 1
C
chmod +x bin/shows
refused 1 'E0504' run small.nn --cc=bin/shows
kernels=$(grep -c "^GC_KERNEL" text.c)
equal "marks of kernels" "$((kernels > 0)) $(grep -c gc_mark text.c)" "1 0"

counts
