# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. Every op of the table, and random graphs, emitted as CUDA, compiled by cc and run over the host
# form, with its checks for races, bounds and reads of memory that was not written: the bits of the interpreter, with
# threads in rising and in falling order, with fusion on and off, with run-time sizes of 0, 1 and the bound. What
# launches wait for is proved apart (launches.c).
if program ccheck tests/codegen/ccheck.c tests/codegen/ccheck_main.c; then
  ops() { # ops NAME OPTION|FILE...
    what=$1; shift
    tally "$what" env BUILD="$build" "$tmp/ccheck" --cuda "--cc=$here/hooked_cc.sh -O0" "$@"
  }
  # shellcheck disable=SC2046  # several files
  if full; then
    ops "all ops" $(ls tests/codegen/*.ir)
    ops "all ops, plain forms" --plain --fused $(ls tests/codegen/*.ir)
  else ops "all ops, fused" --fused $(ls tests/codegen/*.ir); fi
  . "$here/forms.sh"
  . "$here/form_bugs.sh"
  for size in 0 $(full && echo 1); do
    ops "sizes of $size" --some --fused --size=$size tests/codegen/windows.ir tests/codegen/move.ir
  done
  # products SHARE[:AT] FORM FORM LIST OPTION...: of the list one line of SHARE, from line AT on, with operands of these
  # forms; precision=tf32: in graphs of that precision
  products() {
    awk -v share="${1%:*}" -v at="${1#*:}" '/^#/ || NR % share == at % share' "$4" |
      awk -v a="$2" -v b="$3" -f tests/native/cases.awk |
      sed "s/ export {\$/ export${precision:+ precision=$precision} {/" >"$tmp/cases.ir"
    what="$2 $3 $4"; shift 4
    ops "$what $*" --some --fused "$@" "$tmp/cases.ir"
  }
  if full; then
    products 12 f32 f32 tests/native/contract.txt; products 9 f32 f32 tests/native/conv.txt
    for list in tests/native/contract.txt tests/native/conv.txt; do
      products 27 bf16 as_bf16 $list; products 30 as_f16 f16 $list
    done
    grep =B tests/native/contract.txt >"$tmp/sized.txt"
    for size in 0 1; do products 12 f32 f32 "$tmp/sized.txt" --size=$size; done
    products 24 f32 f32 tests/native/conv.txt --extreme
    products 24 f32 f32 tests/native/contract.txt --bound
    for list in tests/native/contract.txt tests/native/conv.txt; do # tensor cores
      products 18 bf16 as_bf16 $list --bound; products 21 as_f16 f16 $list --bound
      precision=tf32 products 18 f32 f32 $list --bound
    done
    products 2 bf16 as_bf16 tests/cuda/contract.txt --bound; products 3 as_f16 f16 tests/cuda/contract.txt --bound
    products 1 f32 f32 tests/cuda/contract.txt
  else
    products 36:17 f32 f32 tests/native/contract.txt; products 28 f32 f32 tests/native/conv.txt
    products 48 bf16 as_bf16 tests/native/contract.txt --bound; products 64 f16 as_f16 tests/native/conv.txt --bound
  fi
  if full && program sweep tests/codegen/sweep.c; then
    "$gradc" ops --markdown | awk -v types= -f tests/codegen/special.awk >"$tmp/special.ir"
    ops "extreme numbers" --extreme "$tmp/special.ir"
    ops "extreme numbers in fast mode" --extreme --fast --fused "$tmp/special.ir"
    if [ "${ALL:-}" = 1 ]; then # takes minutes
      "$tmp/sweep" all 1 1 >"$tmp/sweep.ir"
      ops "kernels of each class" --some --fused "$tmp/sweep.ir"
    fi
  fi
fi
# shellcheck disable=SC2046  # several objects
if program random -O0 tests/random/*.c tests/random/nn/*.c $(sh tests/objects.sh "$build" codegen/jit); then
  first=${FIRST:-1}; if full; then number=8; else number=1; fi
  for seed in $(seq "$first" $((first + number - 1))); do "$tmp/random" print "$seed" >"$tmp/random.$seed.ir"; done
  ops "random graphs" --some --fused "$tmp"/random.*.ir
fi
program launches tests/cuda/launches.c &&
  tally launches "$tmp/launches" tests/golden/curves/cnn.nn tests/golden/curves/lstm.nn $(ls tests/codegen/*.ir)
