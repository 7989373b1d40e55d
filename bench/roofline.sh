#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# roofline.sh [--steps N] [--precision P] [WORKLOAD...]: what `gradc report --roofline` predicts of a training step,
# beside what `bench --profile` measures at one thread and beside the roofline: the sum over the kernels, and by class
# of kernel. --steps: steps that are measured (10). --precision: f32 or bf16. For an idle machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${GRADC:-$here/../gradc}
steps=10; works=; precision=f32
while [ $# -gt 0 ]; do
  case $1 in
    --steps) steps=$2; shift 2 ;;
    --precision) precision=$2; shift 2 ;;
    -*) sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) works="$works $1"; shift ;;
  esac
done
: "${works:=mlp cnn lstm gpt resnet20 resnet18 mobilenetv1}"
[ -x "$gradc" ] || { echo "roofline: $gradc is not there: run make first" >&2; exit 2; }
. "$here/common.sh"
tmp=$(mktemp -d)
nn=$here/models/.roofline.$$.nn # beside the models: the paths of their data are relative
trap 'rm -rf "$tmp" "$nn"' EXIT
trap 'exit 130' INT TERM
for w in $works; do
  echo "$w" >&2
  sed "s/^train {/train { precision = $precision;/" "$here/models/$w.nn" >"$nn"
  "$gradc" report --roofline --json "$nn" >"$tmp/predicted"
  "$gradc" build "$nn" -o "$tmp/m" >&2
  bound 1 "$tmp/m" bench --profile --json --threads 1 --steps "$steps" >"$tmp/measured"
  for side in predicted measured; do
    awk -v w="$w" -v side=$side -f "$here/roofline.awk" "$tmp/$side" >>"$tmp/rows"
  done
done
awk -F, '
  { key = $1 "," $3; if (!(key in seen)) { seen[key] = 1; keys[++n] = key } ms[key, $2] = $4; roof[key, $2] = $5 }
  END {
    printf "%-12s %-14s %12s %12s %12s %10s %10s\n", "model", "class", "predicted", "measured", "roofline", "pred/meas",
           "meas/roof"
    for (i = 1; i <= n; i++) {
      split(keys[i], p, ",")
      a = ms[keys[i], "predicted"]; b = ms[keys[i], "measured"]; r = roof[keys[i], "measured"]
      if (p[2] == "step" || b > 0.05 * ms[p[1] ",step", "measured"])
        printf "%-12s %-14s %12.3f %12.3f %12.3f %10.2f %10.2f\n", p[1], p[2], a, b, r, b ? a / b : 0, r ? b / r : 0
    }
  }' "$tmp/rows"
