#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_programs.sh GRADC BUILD: the programs of programs/ against the results of PyTorch: by the interpreter in double
# precision, and with FULL=1 as portable C and as native code in fast and in strict mode; otherwise in one of these
# three ways, or for some of the training in none. Every def of the standard library and every operation must be in a
# program, unless programs/exceptions.txt says why not.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/golden
# shellcheck disable=SC2046  # several objects
program programs "$root"/tests/golden/programs/*.c $(sh "$root/tests/objects.sh" "$build" codegen/jit lib) \
  "$build/libgradc_rt.a" || { counts; exit 1; }

cc="${CC:-cc} -O0"; full && cc="${CC:-cc} -O1"
run() { # run ENGINE FILE
  tally "$2 ($1)" "$tmp/programs" "$1" "$gradc" "$cc" "$tmp" "$here/programs/$2.nn" "$here/programs/$2.txt"
  sed -n 's/^uses //p' "$tmp/tally" >>"$tmp/used"
}

number=0
for nn in "$here"/programs/*.nn "$here"/programs/train/*.nn; do
  number=$((number + 1)); file=${nn#"$here/programs/"}; file=${file%.nn}
  if full; then engines="double native portable strict"
  else # the interpreter, and every other file by one of the compiled ways
    case $file in
      layers) engines="double strict" ;;
      kept | whole | casts | doubles | halves | layersf16) engines="double portable" ;;
      train/steps_* | train/plateau*) engines="double" ;;
      train/*_args | train/clip_* | train/accumulate* | train/*f16 | train/batchnorm_states) engines="double native" ;;
      train/*) engines="double" ;;
      *) engines="double native" ;;
    esac
    case $((number % 4))$engines in # native code takes three times as long as portable C
    [13]*native) engines=double ;;
    2*native) engines="double portable" ;;
    esac
  fi
  for engine in $engines; do run "$engine" "$file"; done
done

# ---- coverage ----
sed -n 's/^def \([a-z][a-z0-9_]*\)(.*/\1/p' "$root"/std/*.nn "$root"/runtime/*.nn | sort -u >"$tmp/defs"
cat "$here"/programs/*.nn "$here"/programs/train/*.nn | sed 's/#.*//' | grep -oE '[a-z0-9_]+' | sort -u >"$tmp/words"
"$gradc" ops | sed -n 's/^\([a-z0-9_]*\) .*/\1/p' | sort -u >"$tmp/ops"
sort -u -o "$tmp/used" "$tmp/used"
sed 's/ .*//' "$here/programs/exceptions.txt" | sort -u >"$tmp/except"
{ comm -23 "$tmp/defs" "$tmp/words"; comm -23 "$tmp/ops" "$tmp/used"; } | sort -u |
  comm -23 - "$tmp/except" >"$tmp/missing"
if [ -s "$tmp/missing" ] || [ ! -s "$tmp/used" ] || [ ! -s "$tmp/defs" ]; then
  fail "no program has: $(tr '\n' ' ' <"$tmp/missing")"
else pass; fi
counts
