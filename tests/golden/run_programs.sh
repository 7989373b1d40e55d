#!/bin/sh
# run_programs.sh GRADC BUILD: the programs of programs/ against what PyTorch made of them: in the interpreter in double
# precision, and with FULL=1 as portable C and as native code in fast and in strict mode; else by one of these three, or
# for some of the training not at all. Every def of the standard library and every operation must stand in a program,
# unless programs/exceptions.txt says why not.
here=$(cd "$(dirname "$0")" && pwd)
gradc=$(cd "$(dirname "${1:-./gradc}")" && pwd)/gradc; build=$(cd "${2:-build}" && pwd) || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
root=$here/../..
pass=0; fail=0

objects="$build/ir/*.o $build/passes/*.o $build/frontend/*.o $build/codegen/*.o $build/codegen/c/*.o $build/codegen/jit/*.o"
# shellcheck disable=SC2086
(cd "$root" && ${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$tmp/programs" tests/golden/programs/*.c $objects \
  "$build"/lib/*.o "$build/embed.o" "$build/libgradc_rt.a" -lm -ldl -lpthread) ||
  { echo "programs: 0 passed, 1 failed"; exit 1; }

run() { # run ENGINE FILE: adds up its last line
  "$tmp/programs" "$1" "$gradc" "${CC:-cc}" "$tmp" "$here/programs/$2.nn" "$here/programs/$2.txt" >"$tmp/log" 2>&1
  status=$?
  counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$tmp/log" | tail -n 1)
  [ -n "$counts" ] || { echo "FAIL  $2 ($1): ended with status $status"; counts="0 1"; }
  sed -n 's/^uses //p' "$tmp/log" >>"$tmp/used"
  grep -vE '^[0-9]+ passed|^uses ' "$tmp/log"
  pass=$((pass + ${counts% *})); fail=$((fail + ${counts#* }))
}

for nn in "$here"/programs/*.nn "$here"/programs/train/*.nn; do
  file=${nn#"$here/programs/"}; file=${file%.nn}
  if [ "${FULL:-}" = 1 ]; then engines="double native portable strict"
  else # the interpreter, and each file by one of the compiled ways
    case $file in
      layers) engines="double strict" ;;
      kept | whole | casts | doubles | halves | layersf16) engines="double portable" ;;
      train/*_args | train/clip_* | train/accumulate* | train/*f16 | train/batchnorm_states) engines="double native" ;;
      train/*) engines="double" ;;
      *) engines="double native" ;;
    esac
  fi
  for engine in $engines; do run "$engine" "$file"; done
done

# ---- coverage ----
sed -n 's/^def \([a-z0-9_]*\)(.*/\1/p' "$root"/std/*.nn "$root"/runtime/*.nn | sort -u >"$tmp/defs"
cat "$here"/programs/*.nn "$here"/programs/train/*.nn | sed 's/#.*//' | grep -oE '[a-z0-9_]+' | sort -u >"$tmp/words"
"$gradc" ops | sed -n 's/^\([a-z0-9_]*\) .*/\1/p' | sort -u >"$tmp/ops"
sort -u -o "$tmp/used" "$tmp/used"
sed 's/ .*//' "$here/programs/exceptions.txt" | sort -u >"$tmp/except"
{ comm -23 "$tmp/defs" "$tmp/words"; comm -23 "$tmp/ops" "$tmp/used"; } | sort -u |
  comm -23 - "$tmp/except" >"$tmp/missing"
if [ -s "$tmp/missing" ] || [ ! -s "$tmp/used" ] || [ ! -s "$tmp/defs" ]; then
  echo "FAIL  no program has: $(tr '\n' ' ' <"$tmp/missing")"; fail=$((fail + 1))
else pass=$((pass + 1)); fi
echo "programs: $pass passed, $fail failed"
[ "$fail" -eq 0 ] && [ "$pass" -gt 0 ]
