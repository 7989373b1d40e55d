#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# zoo.sh [--rounds N] [--seconds S] [--threads N] [KIND...]: a training step of each kind of model in tests/models/zoo
# and examples/models that has a twin in torch_zoo.py, of gradc and of eager PyTorch: the same batch, sizes and
# optimizer, in turn, each run a separate process bound to the same CPUs. Prints for each kind the lines of its text
# without blank ones and comments (the .nn has data, epochs and exports, too), the figure that it is trained to, and the
# medians of the rounds' medians in ms; raw numbers go to results/zoo-*.csv. All kinds take about five minutes on two
# CPUs.
set -eu
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/.." && pwd)
gradc=${GRADC:-$root/gradc}
rounds=3; seconds=0.5; threads=1; kinds=
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    -*) sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) kinds="$kinds $1"; shift ;;
  esac
done
[ -x "$gradc" ] || { echo "zoo: $gradc is not there: run make first" >&2; exit 2; }
. "$here/common.sh"
environment
lines=$("$PYTHON" "$here/torch_zoo.py" --lines)
: "${kinds:=$(echo "$lines" | cut -d " " -f 1)}"
model() { f=$root/tests/models/zoo/$1.nn; [ -f "$f" ] || f=$root/examples/models/$1.nn; echo "$f"; }
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
trap 'exit 130' INT TERM
csv=$here/results/zoo-$(date -u +%Y%m%dT%H%M%SZ).csv
mkdir -p "$here/results"

echo "building: $kinds" >&2
for k in $kinds; do echo "$k $(model "$k")"; done >"$bin/list"
# shellcheck disable=SC2016
xargs -P "$(nproc)" -n 2 sh -c '"$0" build "$3" -o "$1/$2" >"$1/$2.log" 2>&1 || cat "$1/$2.log" >&2' \
  "$gradc" "$bin" <"$bin/list"

run_side() { # KIND SIDE: the line of JSON
  if [ "$2" = torch ]; then
    # shellcheck disable=SC2086  # several settings
    bound "$threads" env $torch_env "$PYTHON" "$here/torch_zoo.py" "$1" --threads "$threads" --seconds "$seconds"
  else
    steps=$(cat "$bin/$1.steps" 2>/dev/null) || {
      line=$(bound "$threads" "$bin/$1" bench --threads "$threads" --steps 10 --json)
      steps=$(awk "BEGIN { n = $seconds * 1000 / $(field "$line" median); printf \"%d\", n < 10 ? 10 : n }")
      echo "$steps" >"$bin/$1.steps"
    }
    bound "$threads" "$bin/$1" bench --threads "$threads" --steps "$steps" --json
  fi
}

round=1
echo "round,kind,side,median_ms,min_ms" >"$csv"
while [ "$round" -le "$rounds" ]; do
  for k in $kinds; do
    sides="torch gradc"; [ $((round % 2)) -eq 1 ] || sides="gradc torch"
    for side in $sides; do
      line=$(run_side "$k" "$side") || { echo "zoo: $side fails on $k: left out" >&2; continue; }
      echo "$round,$k,$side$(fields "$line" median min)" >>"$csv"
    done
  done
  round=$((round + 1))
done

text() { grep -cv '^ *\(#.*\)\{0,1\}$' "$(model "$1")"; }
figure() { cat "$root/tests/models/zoo/figures.tsv" "$root/tests/models/figures.tsv" | awk -v k="$1" -F '\t' '
  $1 == k { print $2 " " $3 " " $4; exit }'; }
echo "torch $("$PYTHON" -c 'import torch; print(torch.__version__)'), $threads thread(s), $rounds rounds"
for k in $kinds; do
  echo "$k,$(text "$k"),$(echo "$lines" | sed -n "s/^$k //p"),$(figure "$k")"
done | awk -F, -v csv="$csv" -f "$here/median.awk" -f "$here/zoo.awk"
echo "raw numbers: bench/results/$(basename "$csv")"
