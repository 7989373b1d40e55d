#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# prepare.sh GRADC BUILD FOLDER [host]: builds in FOLDER, on any machine with nvcc, everything that `make check-gpu` and
# `make bench-gpu` run, with the results that are expected, so that no time of a GPU goes into compiling; and their
# lists for run.sh. GPU_CODE="sm_80 sm_90a": for these GPUs; the default is sm_90a. What cannot be built is an item that
# says why. With `host` a small share is built over the host form instead: a dry run.
. "$(dirname "$0")/../../suite.sh"
root=$(cd "$(dirname "$0")/../../.." && pwd)
here=$root/tests/cuda/gpu; cuda=$root/tests/cuda; host=$build/libgradc_cuda_host.a
mkdir -p "$3" || exit 2
out=$(cd "$3" && pwd); dry=${4:-}
cd "$root" || exit 2
rm -rf "$out/ops" "$out/ops.list" "$out/models" "$out/programs"
mkdir -p "$out/ops" "$out/models" "$out/programs"
cp "$here/items.sh" "$cuda/prim.tsv" "$out/"
PATH=$PATH:/usr/local/cuda/bin
nvcc=$(command -v nvcc); include=$(dirname "${nvcc:-/}")/../include
code=; for of in ${GPU_CODE:-sm_90a}; do code="$code -gencode arch=compute_${of#sm_},code=$of"; done

begin() { list=$out/$1.tsv; : >"$list"; }
row() { printf '%s\t%s\tsh items.sh %s\n' "$1" "$2" "$3" >>"$list"; } # row NAME LIMIT ITEM
absent() { printf '%s\t-\t%s\n' "$1" "$2" >>"$list"; echo "$1: missing: $2"; } # absent NAME REASON
why() { grep -v '^ *$' "$tmp/log" | head -n 1; }
can_compile() { # can_compile NAME: else the item is missing
  [ -z "$dry$nvcc" ] || return 0
  absent "$1" "nvcc is not installed"; return 1
}
compiled() { # compiled OUTPUT SOURCE: a program of kernels, by nvcc or over the host form
  if [ -n "$dry" ]; then
    ${CC:-cc} -std=gnu11 -x c -w -ffp-contract=off -O1 -I"$root" -c "$2" -o "$tmp/o" &&
      ${CC:-cc} "$tmp/o" "$host" -o "$1" -lm -ldl -lpthread
  else
    # shellcheck disable=SC2086  # several flags
    "$nvcc" -std=c++17 -I"$root" $code -o "$1" "$2"
  fi >"$tmp/log" 2>&1
}
# all_linked FOLDER...: each gets a program `run` of *.cu by nvcc and unit.c by cc, several at a time
all_linked() {
  printf '%s\n' "$@" | NVCC=$nvcc CODE=$code ROOT=$root INCLUDE=$include xargs -P "$(nproc)" -n 1 sh "$here/link.sh"
}

# ---- ops: cases of ccheck, which cc.sh keeps ----

gpu_unit() { # gpu_unit FOLDER NAME: calls wait, and give a status
  printf '#include "main.h"\n#include "%s.h"\n' "$2"
  sed -n 's/^cudaError_t \([A-Za-z0-9_]*\)(.*/#define \1(...) gc_wait(\1(__VA_ARGS__))/p' "$1/$2.h"
  grep -vxF "#include \"$2.cu\"" "$1/main.c"
}
ops() {
  can_compile ops || return
  program ccheck tests/codegen/ccheck.c tests/codegen/ccheck_main.c || { absent ops "ccheck does not compile"; return; }
  files="tests/codegen/*.ir tests/cuda/forms.ir"
  if [ -n "$dry" ]; then
    awk '/^graph / && ++n > 3 { exit } { print }' tests/cuda/forms.ir >"$tmp/some.ir"; files="--some $tmp/some.ir"
  fi
  # shellcheck disable=SC2086  # several files
  env TMPDIR="$tmp" BUILD="$build" GPU_CASES="$out/ops" GPU_CODE="${dry:-gpu}" "$tmp/ccheck" --cuda --fused \
    "--cc=$here/cc.sh" $files >"$tmp/log" 2>&1 || { absent ops "over the host form: $(why)"; return; }
  if [ -z "$dry" ]; then
    while read -r folder name; do gpu_unit "$folder" "$name" >"$folder/unit.c"; done <"$out/ops.list"
    all_linked "$out"/ops/*
    for folder in "$out"/ops/*; do
      mv "$folder/run" "$folder/prog" 2>/dev/null && continue
      absent "ops: $(basename "$folder")" "$(head -n 1 "$folder/log")"; rm -rf "$folder"
    done
  fi
  row ops 60 "cases ops"
}

# ---- models: emitted, strict; what is expected is the interpreter's ----

model() { # model FILE.nn STEPS NAME
  dir=$out/models/$3; mkdir -p "$dir"; stem=$(basename "$1" .nn)
  { "$tmp/reference" "$1" "$2" "$dir" --device >"$dir/all" && "$gradc" emit --cuda "$1" -o "$dir"; } >"$tmp/log" 2>&1 ||
    { absent "model $3" "$(why)"; rm -rf "$dir"; return; }
  # A refused size has one error here, and a status of its own there.
  printf 's/\\(^call .* status\\) [1-9].*/\\1 refused/\n' >"$dir/refused.sed"
  sed -f "$dir/refused.sed" "$dir/all" >"$dir/want"
  {
    echo "static int cuda_status(void *mem, int e) { return e ? 1000 + e : ((struct ${stem}_run *)mem)->status; }"
    sed -n 's/^cudaError_t \([A-Za-z0-9_]*\)(.*/#define \1(...) cuda_status(mem, WAIT(\1(__VA_ARGS__, 0)))/p' \
      "$dir/$stem.h"
  } >"$dir/interface.h"
  if [ -n "$dry" ]; then
    printf '#define WAIT(x) (x)\n' >"$dir/unit.c"
    printf '#include "%s"\n' "$stem.cu" interface.h tests/exact/main_portable.c >>"$dir/unit.c"
    ${CC:-cc} -std=gnu11 -O1 -w -ffp-contract=off -fno-strict-aliasing -I"$root" -I"$cuda/runtime" -I"$dir" \
      -I"$root/tests/exact" -o "$dir/run" "$dir/unit.c" "$host" -lm -ldl -lpthread >"$dir/log" 2>&1
  else
    printf '#define WAIT(x) gc_wait(x)\n' >"$dir/unit.c"
    printf '#include "%s"\n' main.h "$stem.h" interface.h tests/exact/main_portable.c registered.inc >>"$dir/unit.c"
  fi
  # shellcheck disable=SC2016  # of that script
  printf '#!/bin/sh\ncd "$(dirname "$0")" && ./run | sed -f refused.sed\n' >"$dir/prog"
  chmod +x "$dir/prog"
}
models() {
  can_compile models || return
  program reference tests/exact/reference.c || { absent models "reference.c does not compile"; return; }
  model tests/golden/curves/mlp.nn 3 mlp
  if [ -z "$dry" ]; then
    for name in cnn cnn_batchnorm lstm gpt mlp_clip_accumulate; do model tests/golden/curves/$name.nn 6 $name; done
    model tests/exact/bounded.nn 3 bounded
    for type in f16 bf16; do
      sed "s/^train {/train { precision = $type;/" tests/golden/curves/mlp.nn >"$tmp/mlp_$type.nn"
      model "$tmp/mlp_$type.nn" 6 "mlp_$type"
    done
  fi
  [ -n "$dry" ] || all_linked "$out"/models/*
  for dir in "$out"/models/*; do
    [ ! -x "$dir/run" ] || continue
    absent "model $(basename "$dir")" "$(head -n 1 "$dir/log")"; rm -rf "$dir"
  done
  row models 30 "cases models"
}

# ---- programs of gradc build, in programs/, with their data beside them ----

device=cuda; for_gpu=--gpu=$(echo "${GPU_CODE:-sm_90a}" | tr ' ' ',')
[ -z "$dry" ] || { device='cuda-host'; for_gpu=--cflags=-O0; }
built() { # built NAME OPTION...: of programs/NAME.nn; $reason if not
  name=$1; shift
  # shellcheck disable=SC2086  # none or one
  "$gradc" build --device=$device $for_gpu "$@" "$out/programs/$name.nn" -o "$out/programs/$name" \
    >"$tmp/log" 2>&1 && return
  reason=$(why); return 1
}
copied() { # copied FILE.nn NAME [EXPRESSION]: the model as programs/NAME.nn, edited
  for data in $(sed -n 's/^ *source *= *[a-z]*("\([^"]*\)".*/\1/p' "$1"); do
    cp "$(dirname "$1")/$data" "$out/programs/"
  done
  sed "/^ *source/s|\"[^\"]*/\([^/\"]*\)\"|\"\1\"|; ${3:-}" "$1" >"$out/programs/$2.nn"
}
on_cpu() { # on_cpu NAME STEPS OPTION...: the last line of training on the CPU
  name=$1; steps_=$2; shift 2
  rm -rf "$tmp/cpu_run"
  "$gradc" build ${dry:+--cflags=-O0} "$@" "$out/programs/$name.nn" -o "$tmp/cpu" >"$tmp/log" 2>&1 &&
    cd "$out/programs" &&
    "$tmp/cpu" train --steps "$steps_" --run-dir "$tmp/cpu_run" --json 2>>"$tmp/log" | tail -n 1
  cd "$root" || exit 2
}
weights() { # weights NAME STEPS: strict training gives the weights of the CPU
  want=$(on_cpu "$1" "$2" --fp=strict | hash_of)
  if [ -z "$want" ]; then absent "weights $1" "on the CPU: $(why)"
  elif built "$1" --fp=strict; then row "weights $1" 30 "weights $1 $2 $want"
  else absent "weights $1" "$reason"; fi
}
curve() { # curve NAME STEPS: the same bits twice, and nearly the loss of the CPU
  want=$(on_cpu "$1" "$2" | loss_of)
  if [ -z "$want" ]; then absent "curve $1" "on the CPU: $(why)"
  elif built "$1"; then row "curve $1" 40 "curve $1 $2 $want"
  else absent "curve $1" "$reason"; fi
}
measured() { # measured ITEM LIMIT NAME OPTION...: the program's bench
  what=$1; limit=$2; name=$3; shift 3
  if built "$name" --fp=fast; then row "$what" "$limit" "bench $name $*"
  else absent "$what" "$reason"; fi
}

begin check
can_compile prim && if compiled "$out/prim" "$cuda/prim.cu"; then row prim 10 prim; else absent prim "$(why)"; fi
ops
models
if [ -n "$dry" ]; then copied tests/golden/curves/mlp.nn mlp; weights mlp 2
else copied tests/cuda/device.nn device; weights device 4; fi
if [ -n "$dry" ]; then absent "memcheck, racecheck" "a GPU"
else row memcheck 30 "sanitize memcheck"; row racecheck 30 "sanitize racecheck"; fi
names="cnn gpt"; steps=200
[ -z "$dry" ] || { names=mlp; steps=2; }
for name in $names; do
  copied "tests/golden/curves/$name.nn" "${name}_bf16" "s/^train {/train { precision = bf16;/"
  curve "${name}_bf16" $steps
done

. "$here/prepare_bench.sh"
echo "$out: $(wc -l <"$out/check.tsv") items to check, $(wc -l <"$out/bench.tsv") to measure"
