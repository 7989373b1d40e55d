#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# busy.sh [GRADC] [SECONDS]: what threads cost on busy cores and gain on free ones. Trains digits.nn alternately with
# the default and with --threads 1, together with as many busy processes as there are cores, then without them;
# OLD=PATH names another gradc to compare the default with on free cores. Prints ratios of the time per step, medians of
# ROUNDS. For an otherwise idle machine.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
gradc=$(cd "$(dirname "${1:-$root/gradc}")" && pwd)/$(basename "${1:-gradc}"); seconds=${2:-4}; rounds=${ROUNDS:-5}
tmp=$(mktemp -d); hogs=
trap 'for p in $hogs; do kill $p 2>/dev/null; done; rm -rf "$tmp"' EXIT INT TERM
cores=$(nproc)
cd "$tmp"
mkdir data models
cp "$root/examples/data/digits.csv.gz" data/; cp "$root/examples/models/digits.nn" models/
"$gradc" build models/digits.nn -o new
[ -z "${OLD:-}" ] || "$OLD" build models/digits.nn -o old
steps=$(./new bench --threads 1 --json | sed 's/.*"median":\([0-9.e+-]*\).*/\1/' |
  awk -v s="$seconds" '{ printf "%d", s * 1000 / $1 }')
one() { # one PROGRAM ARGS...: milliseconds a step
  p=$1; shift
  begin=$(date +%s%N)
  ./$p train --steps "$steps" --log-every 1000000 --run-dir r --force "$@" >log 2>&1 || { cat log >&2; exit 1; }
  end=$(date +%s%N)
  awk -v a="$begin" -v b="$end" -v n="$steps" 'BEGIN { printf "%.6f\n", (b - a) / 1e6 / n }'
}
median() {
  sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
compare() { # compare NAME A B: files of times
  awk -v name="$1" -v a="$(median "$2")" -v b="$(median "$3")" \
    'BEGIN { printf "%-58s %.4f / %.4f ms = %.2f\n", name, a, b, a / b }'
}
echo "$cores cores, $steps steps of digits.nn, $rounds rounds"
for i in $(seq "$cores"); do (while :; do :; done) & hogs="$hogs $!"; done
for r in $(seq "$rounds"); do one new >>busy_default; one new --threads 1 >>busy_one; done
for p in $hogs; do kill "$p"; done; hogs=
compare "$cores busy processes: the default / --threads 1" busy_default busy_one
for r in $(seq "$rounds"); do
  one new >>free_default; one new --threads 1 >>free_one
  [ -z "${OLD:-}" ] || one old >>free_old
done
compare "free cores: the default / --threads 1" free_default free_one
[ -z "${OLD:-}" ] || compare "free cores: the default / the default of $OLD" free_default free_old
