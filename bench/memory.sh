#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# memory.sh [--threads N] [--steps N] [--rounds N] [--shares "1 0.75 ..."] [--only gradc|torch] [WORKLOAD...]:
# time against memory. gradc under budgets for decreasing shares of the bytes of activations, and PyTorch with
# torch.utils.checkpoint on more and more blocks and torch.compile with activation_memory_budget.
#
# Sets up the Python environment of run.sh (PYTHON=... takes another one). Writes memory.csv and memory.svg here, or
# in the folder OUT. Each run is a separate process on the same CPUs; sides alternate within a round.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${GRADC:-$here/../gradc}
out=${OUT:-$here}; threads=1; steps=5; rounds=1; shares="1 0.9 0.8 0.7 0.6 0.5 0.4 0.3 0.25"; only=; works=
while [ $# -gt 0 ]; do
  case $1 in
    --threads) threads=$2; shift 2 ;;
    --steps) steps=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --shares) shares=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    gpt2|gpt|resnet18) works="$works $1"; shift ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
works=${works:-gpt2 gpt resnet18}
[ -x "$gradc" ] || { echo "bench: $gradc is not there: run make first" >&2; exit 2; }
. "$here/common.sh"
environment
"$PYTHON" "$here/make_data.py"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
csv=$out/memory.csv
echo "workload,side,share,peak_bytes,saved_bytes,median_ms,min_ms,peak_rss_bytes,recompute_flops_percent" > "$csv"

# The budget for this share of the bytes that activations take without one.
budget() {
  awk -v ram="$(field "$1" ram_bytes)" -v act="$(field "$1" activation_bytes)" -v f="$2" \
      'BEGIN { printf "%.0f", ram - (1 - f) * act }'
}

# Builds a program for every share. If a budget is refused, the smallest one that works is the last.
build() { # WORK
  model=$here/models/$1.nn; free=$("$gradc" report --json "$model")
  : > "$tmp/$1.list"
  for f in $shares; do
    ram=$(budget "$free" "$f"); last=
    if ! "$gradc" report --json --ram "$ram" "$model" > "$tmp/report" 2> "$tmp/err"; then
      ram=$(sed -n 's/.*the least budget that works is \([0-9]*\) bytes.*/\1/p' "$tmp/err"); last=1
      [ -n "$ram" ] || { cat "$tmp/err" >&2; exit 1; }
      "$gradc" report --json --ram "$ram" "$model" > "$tmp/report"
      f=$(awk -v a="$(field "$(cat "$tmp/report")" ram_bytes)" -v ram="$(field "$free" ram_bytes)" \
              -v act="$(field "$free" activation_bytes)" 'BEGIN { printf "%.3f", 1 - (ram - a) / act }')
    fi
    # shellcheck disable=SC2086  # several flags
    "$gradc" build --ram "$ram" "$model" -o "$tmp/$1.$f" ${BUILD_FLAGS:-} >&2
    cp "$tmp/report" "$tmp/$1.$f.json"
    echo "$f" >> "$tmp/$1.list"
    [ -z "$last" ] || break
  done
}

run_gradc() { # WORK SHARE
  line=$(bound "$threads" "$tmp/$1.$2" bench --threads "$threads" --steps "$steps" --json)
  plan=$(cat "$tmp/$1.$2.json")
  echo "$1,gradc,$2$(fields "$plan" ram_bytes activation_bytes)$(fields "$line" median min peak_rss_bytes)$(
    fields "$plan" recompute_flops_percent)" >> "$csv"
}

run_torch() { # WORK MODE SHARE
  for try in 1 2 3; do # its profiler sometimes ends the process
    # shellcheck disable=SC2086  # several settings
    line=$(bound "$threads" env $torch_env "$PYTHON" "$here/torch_memory.py" "$1" --mode "$2" --share "$3" \
                 --threads "$threads" --steps "$steps") && break
    echo "$1 torch-$2 $3: try $try failed" >&2; line=
  done
  echo "$1,torch-$2,$3$(fields "$line" peak_bytes saved_bytes median_ms min_ms peak_rss_bytes)," >> "$csv"
}

for w in $works; do
  [ "$only" = torch ] || build "$w"
done
round=1
while [ "$round" -le "$rounds" ]; do
  for w in $works; do
    echo "round $round of $rounds: $w" >&2
    if [ "$only" != torch ]; then
      while read -r f; do run_gradc "$w" "$f"; done < "$tmp/$w.list"
    fi
    if [ "$only" != gradc ]; then
      run_torch "$w" eager 1
      for f in 0.25 0.5 0.75 1; do run_torch "$w" checkpoint "$f"; done
      for f in 1 0.75 0.5 0.25 0; do run_torch "$w" compile "$f"; done
    fi
  done
  round=$((round + 1))
done
awk -f "$here/median.awk" -f "$here/memory_svg.awk" "$csv" > "$out/memory.svg"
awk -F, 'NR == 1 { printf "%-9s %-17s %6s %9s %9s %11s %11s\n", "work", "side", "share", "peak MB", "saved MB",
                          "median ms", "min ms" }
  NR > 1 { printf "%-9s %-17s %6s %9.1f %9.1f %11.2f %11.2f\n", $1, $2, $3, $4 / 1e6, $5 / 1e6, $6, $7 }' "$csv"
echo "raw numbers: $csv; drawn: $out/memory.svg"
