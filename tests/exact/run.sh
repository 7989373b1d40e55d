#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: strict training steps give the same bits (losses, weights, states, moments) everywhere: in the
# interpreter, in portable C by gcc and clang at -O0 to -O3, with each optional pass off, under budgets (which change
# the alignment and rematerialise activations: the smallest that is accepted, and halfway to it), and natively with 1 to
# 4 threads. So do exports, at several values of their run-time sizes, and refuse the same values. MODEL:TYPE is the
# model with that precision. CROSS="CC:QEMU ..." runs the portable C on other machines instead (see tests/isa/run.sh).
# FULL=1 runs every form of every model for 8 steps; otherwise each model has a sixth of the forms, which differ from
# one model to the next, for 6 steps, and compilers optimise only in the forms that test it.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
[ -z "${CROSS:-}" ] || FULL=1
if full; then steps=${STEPS:-8}; else steps=${STEPS:-6}; fi
# The order decides which forms a model has: those that search for a plan (least, half) and those that optimise go to
# small models.
models=${MODELS:-gpt bounded cnn_batchnorm lstm mlp cnn lstm:bf16 scan_checkpoint gpt_dropout cnn_batchnorm:bf16
  residual mlp:f16 mixed:bf16 gpt:f16 overflow tied mixed:f16 shared_names}
program reference tests/exact/reference.c || { counts; exit 1; }

number=0
form() { full || [ $(((number + $1) % 6)) -eq 0 ]; } # form K: whether this model has form K
same() { # same NAME EXPECTED COMMAND...: the command's output equals the file
  name=$1; expected=$2; shift 2
  if "$@" >"$tmp/out" 2>"$tmp/err" && cmp -s "$tmp/out" "$expected"; then pass
  else fail "$name"; head -n 3 "$tmp/err"; diff "$expected" "$tmp/out" | head -n 4; fi
}
choose() { # choose MODEL: the compiler where optimisation is not tested; 16-bit floats take long at -O0
  quick="gcc -O1" O=-O2
  full || case $1 in *_f16) ;; *) quick="gcc -O0" O=-O1 ;; esac
}
warn="-Wall -Wno-unused -Wno-psabi -Wshadow -Wconversion -Werror"
strict="-ffp-contract=off -fno-strict-aliasing"
source_of() { # source_of MODEL
  for dir in tests/golden/curves tests/exact tests/native "$tmp"; do [ ! -f "$dir/$1.nn" ] ||
    { echo "$dir/$1.nn"; return; }; done
}
portable() { # portable MODEL LABEL "CC FLAGS" RUNNER [--no-PASS] [--ram=BYTES]
  model=$1; label=$2; compile=$3; runner=$4; shift 4
  dir=$tmp/$model$label; mkdir -p "$dir"
  nn=$(source_of "$model")
  # The interpreter runs once for a model, at the first call.
  if "$tmp/reference" "$nn" "$steps" "$dir" ${want:+--files} "$@" >"$dir/want" 2>"$tmp/err" &&
     "$gradc" emit --c "$nn" -o "$dir" "$@" >"$tmp/err" 2>&1 &&
     $compile $warn -I"$dir" -c -o "$dir/model.o" "$dir/$model.c" 2>"$tmp/err" &&
     $compile -std=gnu99 -I"$dir" -Itests/exact -o "$dir/run" tests/exact/main_portable.c "$dir/model.o" \
       2>"$tmp/err"; then
    same "$model $label $*" "${want:-$dir/want}" $runner "$dir/run"
  else fail "$model $label $*"; head -n 4 "$tmp/err"; fi
}
native() { # native MODEL "CC FLAGS" LABEL, after portable MODEL of the same label
  model=$1; dir=$tmp/$model$3
  if $2 $warn -std=gnu11 -I. -Iruntime -Itests/exact -o "$dir/native" tests/exact/main_native.c "$dir/native.c" -lm \
    -pthread 2>"$tmp/err"; then
    for threads in 1 2 3 4; do same "$model native $2 threads $threads" "$want" "$dir/native" "$steps" $threads; done
  else fail "$model native $2"; head -n 4 "$tmp/err"; fi
}

in_less_memory() { # MODEL
  if form 0 || form 1; then
    nn=$(source_of "$1")
    least=$("$gradc" emit --c "$nn" -o "$tmp/refused" --ram=1 2>&1 |
      sed -n 's/.*the least budget that works is \([0-9]*\) bytes/\1/p')
    most=$("$gradc" report --fp=strict --json "$nn" | sed -n 's/.*"ram_bytes":\([0-9]*\).*/\1/p')
    if [ -z "$least" ] || [ -z "$most" ]; then fail "$1: no budget is refused"; return; fi
    ! form 0 || portable "$1" least "$quick" "" --ram="$least"
    ! form 0 || native "$1" "gcc -O1 -march=native $strict" least
    [ "$least" -ge "$most" ] || ! form 1 || portable "$1" half "$quick" "" --ram=$(((least + most) / 2))
  fi
  form=1; for p in recompute checkpoint; do form=$((form + 1)); ! form $form ||
    portable "$1" "no-$p" "$quick" "" "--no-$p"; done
}

for m in $models; do
  number=$((number + 1))
  case $m in *:*) # with that precision
    sed "s/^train {/train { precision = ${m##*:};/" "$(source_of "${m%%:*}")" >"$tmp/${m%%:*}_${m##*:}.nn"
    m=${m%%:*}_${m##*:} ;;
  esac
  if [ -n "${CROSS:-}" ]; then
    for pair in $CROSS; do portable "$m" "-${pair%%:*}" "${pair%%:*} -O2 -static" "${pair##*:}"; done
    continue
  fi
  choose "$m"
  level="gcc -O0"; [ "$m" = gpt_f16 ] && level="gcc -O1" # 30 s at -O0; mlp:f16 and mixed:f16 run at that
  portable "$m" plain "$level" ""
  want=$tmp/${m}plain/want
  in_less_memory "$m"
  case $m in gpt_dropout|scan_checkpoint|tied|residual|shared_names|*_bf16|*_f16|overflow) want=; continue ;; esac
  ! form 0 || portable "$m" gcc-O3 "gcc -O3 -march=native" ""
  ! form 1 || portable "$m" clang "clang -O2 -march=native -std=c99" ""
  ! form 3 || native "$m" "gcc $O -march=native $strict" plain
  ! form 2 || native "$m" "clang $O -march=native -mprefer-vector-width=512 $strict" plain
  form=0; for p in simplify fold cse dce layout fuse order memory; do
    form=$((form + 1)); ! form $form || portable "$m" "no-$p" "$quick" "" "--no-$p"
  done
  want=
done
counts
