#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--rounds N] [--threads "1 2"] [--seconds S] [--precision bf16] [WORKLOAD...]: gradc against PyTorch eager, one
# training step each. With --precision bf16 both train in bf16 (PyTorch by autocast), and compiled PyTorch is a third.
#
# Sets up its own Python environment (.venv, pinned in requirements.txt; PYTHON=... takes another one), builds every
# model of models/ and runs the sides alternately, each run a separate process bound to the same CPUs. Prints versions
# and flags, the measured FMA peak, and medians and minima with their ratios; raw numbers go to results/*.csv.
# GRADC names the compiler (default: ../gradc), BUILD_FLAGS go to `gradc build`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${GRADC:-$here/../gradc}
rounds=3; threads="1 2"; seconds=6; works=; precision=f32; sides="torch gradc"; torch_how="eager, float32"
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --precision) precision=$2; shift 2; [ "$precision" = bf16 ] || [ "$precision" = f32 ] || usage ;;
    mlp|tiny|cnn|gpt|lstm) works="$works $1"; shift ;;
    *) usage ;;
  esac
done
[ "$precision" = f32 ] || { sides="torch compiled gradc"; torch_how="eager and compiled, autocast to bf16"; }
[ -n "$works" ] || if [ "$precision" = f32 ]; then works="mlp tiny cnn gpt lstm"; else works="mlp cnn gpt lstm"; fi
[ -x "$gradc" ] || { echo "bench: $gradc is not there: run make first" >&2; exit 2; }

. "$here/common.sh"

# Enough steps for seconds, not minutes, on a slow core.
steps() { case $1 in mlp) echo 400 ;; tiny) echo 50000 ;; cnn) echo 60 ;; gpt) echo 8 ;; lstm) echo 40 ;; esac; }

record() { # ROUND WORK THREADS SIDE JSON DETAIL
  echo "$1,$2,$3,$4$(fields "$5" median min p90 gflops peak_rss_bytes),$6" >> "$csv"
}

run_gradc() {
  line=$(bound "$3" "$bin/$2" bench --threads "$3" --steps "$(steps "$2")" --json)
  record "$1" "$2" "$3" gradc "$line" ""
}

torch() { # THREADS ARGUMENTS...
  count=$1; shift
  # shellcheck disable=SC2086  # several settings
  bound "$count" env $torch_env "$PYTHON" "$here/torch_step.py" "$@" --threads "$count"
}

run_torch() { # ROUND WORK THREADS SIDE
  option=; [ "$4" = torch ] || option=--compile
  line=$(torch "$3" "$2" --seconds "$seconds" --optimizer "$(cat "$bin/$2.$3.pick")" --precision "$precision" $option)
  record "$1" "$2" "$3" "$4" "$line" "$(word "$line" optimizer)"
}

run_side() { # ROUND WORK THREADS SIDE
  if [ "$4" = gradc ]; then run_gradc "$1" "$2" "$3"; else run_torch "$@"; fi
}

peak() { bound "$1" "$bin/peak" "$1"; }

summary() {
  awk -F, '
    function middle(list,   n, v, i, j, t) {
      n = split(list, v, " ")
      for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
      return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    NR > 1 && $5 != "" {
      k = $2 "," $3; if (!(k in seen)) { seen[k] = 1; key[++keys] = k }
      s = k "," $4; med[s] = med[s] " " $5
      if (!(s in low) || $6 + 0 < low[s] + 0) low[s] = $6
      if ($8 != "") rate[s] = rate[s] " " $8
      rss[s] = $9 / 1048576; how[s] = $10
    }
    END {
      printf "%-5s %7s | %11s %11s %7s %7s | %11s %11s %7s %-8s | %7s %7s\n", "work", "threads",
             "gradc med", "min ms", "GF/s", "MB", "torch med", "min ms", "MB", "optim", "by med", "by min"
      for (i = 1; i <= 2 * keys; i++) {
        k = key[int((i + 1) / 2)]
        split(k, p, ","); g = k ",gradc"; t = k (i % 2 ? ",torch" : ",compiled")
        if (!(g in med) || !(t in med)) continue
        gm = middle(med[g]); tm = middle(med[t])
        printf "%-5s %7d | %11.4f %11.4f %7.1f %7.1f | %11.4f %11.4f %7.1f %-8s | %6.2fx %6.2fx\n", p[1], p[2],
               gm, low[g], rate[g] == "" ? 0 : middle(rate[g]), rss[g], tm, low[t], rss[t],
               i % 2 ? how[t] : "compiled", tm / gm, low[t] / low[g]
      }
    }' "$csv"
}

environment
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
trap 'exit 130' INT TERM
csv=$here/results/$(date -u +%Y%m%dT%H%M%SZ).csv
mkdir -p "$here/results"
echo "round,workload,threads,side,median_ms,min_ms,p90_ms,gflops,peak_rss_bytes,detail" > "$csv"

"$PYTHON" "$here/make_data.py"
cc=${CC:-cc}
$cc -O3 -march=native -mprefer-vector-width=512 -ffp-contract=fast -pthread "$here/peak.c" -o "$bin/peak" 2>/dev/null ||
  $cc -O3 -march=native -ffp-contract=fast -pthread "$here/peak.c" -o "$bin/peak"
for w in $works gemm; do
  nn=$here/models/$w.nn
  if [ "$precision" != f32 ]; then # in the same folder, because data paths are relative to it
    nn=$here/models/.$w.$precision.nn
    sed "s/^train {/train { precision = $precision;/" "$here/models/$w.nn" > "$nn"
  fi
  # shellcheck disable=SC2086  # several flags
  "$gradc" build "$nn" -o "$bin/$w" ${BUILD_FLAGS:-} >&2
  [ "$precision" = f32 ] || rm "$nn"
done

echo "machine  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs"
echo "gradc    $("$gradc" --version | head -n 1); flags: ${BUILD_FLAGS:-(default)}; cc: $($cc --version | head -n 1)"
echo "torch    $("$PYTHON" "$here/torch_step.py" --version); flags: $torch_env, $torch_how"
for t in $threads; do echo "peak     $(peak "$t")"; done
one=$(field "$(peak 1)" gflops)
gemm=$(field "$(bound 1 "$bin/gemm" bench --infer --threads 1 --steps 500 --json)" gflops)
share=$(awk "BEGIN { printf \"%.1f\", 100 * $gemm / $one }")
echo "contract 256x768x768 on 1 thread: $gemm GF/s, $share % of the peak"

for w in $works; do
  for t in $threads; do
    torch "$t" "$w" --pick --precision "$precision" > "$bin/$w.$t.pick"
  done
done

round=1
while [ "$round" -le "$rounds" ]; do
  for w in $works; do
    for t in $threads; do
      echo "round $round of $rounds: $w, $t thread(s)" >&2
      # The first side alternates from round to round.
      order=$sides; [ $((round % 2)) -eq 1 ] || order=$(printf '%s\n' $sides | tac)
      for side in $order; do run_side "$round" "$w" "$t" "$side"; done
    done
  done
  round=$((round + 1))
done
for t in $threads; do echo "peak     $(peak "$t") (after)"; done
echo
echo "training step in ms, median of the rounds' medians, and minimum; last columns: how many times faster gradc is"
summary
echo "raw numbers: bench/results/$(basename "$csv")"
