#!/bin/sh
# fuzz.sh GRADC BUILD: spoilt models and dumps through a gradc that is built with the sanitizers. Whatever comes in, gradc
# ends with status 0 or 1 and, where it is 1, a coded error. COUNT: mutations of each file; FIRST: the first seed.
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../.." && pwd); build=$(cd "$2" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$root" || exit 2
asan=$build/tests/asan
sh tests/asan.sh "$build" >"$tmp/log" 2>&1 ||
  { echo "FAIL  the sanitized gradc is not built"; tail -n 5 "$tmp/log"; echo "0 passed, 1 failed"; exit 1; }
cc -O1 -Wall -Wextra -o "$tmp/mutate" tests/bad/mutate.c || exit 1
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
pass=0; fail=0
try() { # try SEED FILE COMMAND...
  seed=$1; file=$2; shift 2
  "$tmp/mutate" "$seed" "$file" >"$tmp/in.${file##*.}"
  timeout 20 "$@" "$tmp/in.${file##*.}" >"$tmp/out" 2>"$tmp/err"; status=$?
  well=no
  [ $status -eq 0 ] && well=yes
  [ $status -eq 1 ] && grep -q '^error\[E[0-9]*\]' "$tmp/err" && ! grep -q Sanitizer "$tmp/err" && well=yes
  case $file in *.nn) grep -qE '^error\[E0(4|50[^8]|51)' "$tmp/err" && well=no ;; esac # the compiler's own: not to be reached
  if [ $well = yes ]; then pass=$((pass + 1)); return; fi
  fail=$((fail + 1)); echo "FAIL  mutate $seed $file | $*: status $status"
  grep -E 'ERROR|runtime error|error\[|#[0-9] ' "$tmp/err" | head -n 6
}
count=${COUNT:-25}; first=${FIRST:-1}
for ir in mlp cnn; do
  "$asan/gradc" ir "tests/golden/curves/$ir.nn" --stop-after=cse >"$tmp/$ir.ir" 2>/dev/null || rm -f "$tmp/$ir.ir"
done
for model in examples/models/*.nn; do
  i=0; while [ $i -lt "$count" ]; do try $((first + i)) "$model" "$asan/gradc" check; i=$((i + 1)); done
done
for ir in tests/ir/*.ir tests/grad/scan.ir "$tmp"/*.ir; do
  i=0; while [ $i -lt "$count" ]; do try $((first + i)) "$ir" "$asan/gradc" opt --verify --passes=autodiff,simplify,fold,cse,dce,layout,fuse,order,memory; i=$((i + 1)); done
done

# In one process: single mistakes, of which each is told once, and random programs with dead parts.
tool() { # NAME ARGS...: its counts are added
  name=$1; shift
  cc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -I. -I"$build" -o "$tmp/$name" "tests/bad/$name.c" \
    "$asan/gradc.a" "$build/embed.o" -lm -ldl -lpthread && "$tmp/$name" "$@" >"$tmp/$name.log" 2>&1
  status=$?; line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$tmp/$name.log" | tail -n 1)
  p=$(echo "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p'); f=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed$/\1/p')
  [ $status -eq 0 ] || { echo "FAIL  $name $*: status $status"; grep -vE ' tried,' "$tmp/$name.log" | tail -n 40; [ "${f:-0}" -gt 0 ] || f=1; }
  pass=$((pass + ${p:-0})); fail=$((fail + ${f:-1}))
}
if [ "${FULL:-}" = 1 ]; then
  tool mistakes examples/models/*.nn tests/front/elab/*_values.nn bench/models/*.nn tests/exact/bounded.nn
  tool programs 3000 "$first"
else
  tool mistakes --every=29 --from="$first" examples/models/*.nn
  tool programs 60 "$first"
fi
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
