#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--rounds N] [--threads "1 2"] [--seconds S] [--modes "train infer"] [--precisions "f32 bf16"]
# [--peers "torch compiled autotune jax onnx"] [--quick] [--heldout] [WORKLOAD...]: gradc against PyTorch (eager,
# compiled, compiled with max-autotune) and JAX: a training step, and a call with a batch of 1 (f32 only), for which
# onnxruntime runs the exported model too.
#
# Sets up its own Python environment (.venv, pinned in requirements.txt; PYTHON=... takes another one), builds every
# model of models/ and runs the sides in turn, each run a separate process bound to the same CPUs. Prints versions and
# flags, the measured FMA peak, and medians and minima with their ratios; raw numbers go to results/*.csv. --quick: one
# round of the small models, each for a second. --heldout: the models of heldout/, of the same kinds in other sizes.
# GRADC names the compiler (default: ../gradc), BUILD_FLAGS go to `gradc build`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${GRADC:-$here/../gradc}
all="mlp tiny cnn lstm gpt resnet20 resnet18 mobilenetv1 gpt2"
heldout="vgg resnet48 mobilenetv2 tcn gru3 bilstm gpt40"
rounds=3; threads="1 2"; seconds=6; works=; modes="train infer"; precisions="f32 bf16"
peers="torch compiled autotune jax onnx"
usage() { sed -n '3,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model_file() { f=$here/heldout/$1.nn; [ -f "$f" ] || f=$here/models/$1.nn; echo "$f"; }
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --modes) modes=$2; shift 2 ;;
    --precisions) precisions=$2; shift 2 ;;
    --peers) peers=$2; shift 2 ;;
    --quick) rounds=1; seconds=1; threads=1; precisions=f32; all="mlp tiny cnn lstm"; shift ;;
    --heldout) all=$heldout; shift ;;
    -*) usage ;;
    *) [ -f "$(model_file "$1")" ] || usage; works="$works $1"; shift ;;
  esac
done
works=${works:-$all}; sides="$peers gradc"
[ -x "$gradc" ] || { echo "bench: $gradc is not there: run make first" >&2; exit 2; }

. "$here/common.sh"
now() { date +%s.%N; }
peak() { bound "$1" "$bin/peak" "$1"; }

# A row is MODE.WORKLOAD.PRECISION. Its model is another file in the same folder, because data paths are relative to it:
# for inference without data and training, so that memory is that of a program that only infers.
rows() {
  for mode in $modes; do
    for p in $precisions; do
      [ "$mode.$p" != infer.bf16 ] || continue
      for w in $works; do
        [ -f "$(model_file "$w")" ] || { echo "bench: $w is left out: there is no models/$w.nn" >&2; continue; }
        [ "$w.$p" = tiny.bf16 ] || echo "$mode.$w.$p"
      done
    done
  done
}
split_row() { mode=${1%%.*}; p=${1##*.}; w=${1#*.}; w=${w%.*}; }

build_row() { # builds the model; notes the seconds, with those to the end of the first step
  split_row "$1"
  nn=$here/models/.$1.nn
  from=$(model_file "$w")
  if [ "$mode" = infer ]; then awk '/^(data|train) / { skip = 1 } !skip; /^}/ { skip = 0 }' "$from" >"$nn"
  elif [ "$p" = bf16 ]; then sed 's/^train {/train { precision = bf16;/' "$from" >"$nn"
  else cp "$from" "$nn"; fi
  begin=$(now)
  # shellcheck disable=SC2086  # several flags
  "$gradc" build "$nn" -o "$bin/$1" ${BUILD_FLAGS:-} >&2 || { rm -f "$nn"; exit 1; }
  built=$(now)
  # shellcheck disable=SC2046
  line=$("$bin/$1" bench $(infer_option) --threads 1 --steps 1 --json)
  echo "$begin $built $(field "$line" first_ms)" | awk '{ printf "%.3f", $2 - $1 + $3 / 1000 }' >"$bin/$1.first"
  [ "$mode" = train ] || "$gradc" export --onnx "$nn" -o "$bin/$1.onnx" >&2 || echo "bench: $1 is not exported" >&2
  rm -f "$nn"
  ms=$(field "$line" median)
  awk "BEGIN { n = $seconds * 1000 / $ms; n = n < 3 ? 3 : n < 200000 ? n : 200000; printf \"%d\", n }" >"$bin/$1.steps"
}
infer_option() { [ "$mode" = train ] || echo --infer; }

torch() { # THREADS ARGUMENTS...
  count=$1; shift
  # shellcheck disable=SC2046,SC2086  # several settings
  bound "$count" env $torch_env "$PYTHON" "$here/torch_step.py" "$@" --threads "$count" --precision "$p" $(infer_option)
}

onnx() { # THREADS ROW
  bound "$1" "$PYTHON" "$here/onnx_step.py" "$bin/$2.onnx" --threads "$1" --seconds "$seconds" --begin "$(now)"
}

jax() { # THREADS WORKLOAD
  # shellcheck disable=SC2046
  bound "$1" "$PYTHON" "$here/jax_step.py" "$2" --threads "$1" --precision "$p" $(infer_option) --seconds "$seconds" \
    --begin "$(now)"
}

pick() { # ROW THREADS: the fastest implementation of the optimizer
  split_row "$1"
  if [ "$mode" = train ]; then torch "$2" "$w" --pick; else echo fused; fi >"$bin/$1.$2.pick"
}

# The peers' rate is that of the same operations: those that gradc counts.
run_side() { # ROUND ROW THREADS SIDE
  split_row "$2"
  [ "$4.$mode" != onnx.train ] || return 0
  case $4 in compiled) option=--compile ;; autotune) option=--autotune ;; *) option= ;; esac
  if [ "$4" = gradc ]; then
    # shellcheck disable=SC2046
    line=$(bound "$3" "$bin/$2" bench $(infer_option) --threads "$3" --steps "$(cat "$bin/$2.steps")" --json)
    first=$(cat "$bin/$2.first") detail=
  elif [ "$4" = onnx ] || [ "$4" = jax ]; then
    what=$2; [ "$4" = onnx ] || what=$w
    line=$("$4" "$3" "$what" 2>/dev/null) || { echo "bench: $4 fails on $2: left out" >&2; return 0; }
    first=$(field "$line" first_s) detail=
  else
    line=$(torch "$3" "$w" --seconds "$seconds" --optimizer "$(cat "$bin/$2.$3.pick")" $option --begin "$(now)") || {
      echo "bench: $4 fails on $2: left out" >&2
      return 0
    }
    first=$(field "$line" first_s) detail=$(word "$line" optimizer)
  fi
  [ "$4" != gradc ] || awk "BEGIN { print $(field "$line" gflops) * $(field "$line" median) }" >"$bin/$2.mflop"
  rate=$(awk "BEGIN { printf \"%.4g\", $(cat "$bin/$2.mflop") / $(field "$line" median) }")
  share=$(awk "BEGIN { printf \"%.1f\", 100 * $rate / $(cat "$bin/peak.$3") }")
  times=$(fields "$line" median min p90) rss=$(field "$line" peak_rss_bytes)
  echo "$1,$mode,$w,$p,$3,$4$times,$rate,$share,$rss,$first,$detail" >>"$csv"
}

environment
bin=$(mktemp -d)
trap 'rm -rf "$bin" "$here"/models/.train.* "$here"/models/.infer.*' EXIT
trap 'exit 130' INT TERM
csv=$here/results/$(date -u +%Y%m%dT%H%M%SZ).csv
mkdir -p "$here/results"
columns=round,mode,workload,precision,threads,side,median_ms,min_ms,p90_ms,gflops,peak_percent,peak_rss_bytes
echo "$columns,first_s,detail" >"$csv"
rows=$(rows)

"$PYTHON" "$here/make_data.py"
cc=${CC:-cc}
$cc -O3 -march=native -mprefer-vector-width=512 -ffp-contract=fast -pthread "$here/peak.c" -o "$bin/peak" 2>/dev/null ||
  $cc -O3 -march=native -ffp-contract=fast -pthread "$here/peak.c" -o "$bin/peak"
"$gradc" build "$here/models/gemm.nn" -o "$bin/gemm" >&2
echo "machine  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs"
echo "gradc    $("$gradc" --version | head -n 1); flags: ${BUILD_FLAGS:-(default)}; cc: $($cc --version | head -n 1)"
echo "torch    $("$PYTHON" "$here/torch_step.py" --version); flags: $torch_env"
for module in onnxruntime jax; do
  "$PYTHON" -c "import $module; print('peer     $module', $module.__version__)" 2>/dev/null || {
    echo "$module is not installed: skipped"
    sides=$(printf ' %s ' "$sides" | sed "s/ ${module%runtime} / /")
  }
done
for t in $threads; do
  line=$(peak "$t")
  field "$line" gflops >"$bin/peak.$t"
  echo "peak     $line"
done
one=$(field "$(peak 1)" gflops)
gemm=$(field "$(bound 1 "$bin/gemm" bench --infer --threads 1 --steps 500 --json)" gflops)
awk -v g="$gemm" -v peak="$one" \
  'BEGIN { printf "contract 256x768x768 on 1 thread: %s GF/s, %.1f %% of the peak\n", g, 100 * g / peak }'

for row in $rows; do
  build_row "$row"
  for t in $threads; do pick "$row" "$t"; done
done
round=1
while [ "$round" -le "$rounds" ]; do
  for row in $rows; do
    for t in $threads; do
      echo "round $round of $rounds: $row, $t thread(s)" >&2
      # The order of the sides alternates from round to round; the first round's needs the operations.
      order=$(printf '%s\n' $sides | tac); [ $((round % 2)) -eq 1 ] || order=$sides
      for side in $order; do run_side "$round" "$row" "$t" "$side"; done
    done
  done
  round=$((round + 1))
done
for t in $threads; do echo "peak     $(peak "$t") (after)"; done
echo
echo "ms: median of the rounds' medians, and minimum; MB resident; s to the first result, from the source;"
echo "last columns: how many times faster gradc is than the best peer"
awk -f "$here/median.awk" -f "$here/summary.awk" "$csv"
echo
awk -f "$here/median.awk" -f "$here/table.awk" "$csv"
echo "raw numbers: bench/results/$(basename "$csv")"
