#!/bin/sh
# run_curves.sh [GRADC [BUILD OPTIONS...]]: the first 20 losses of every curve against PyTorch's, to 5e-6 relative.
# Prints a line for each curve and a count; status 1 when one fails.
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-./gradc}
[ $# -gt 0 ] && shift
case $gradc in */*) gradc=$(cd "$(dirname "$gradc")" && pwd)/$(basename "$gradc") ;; esac
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# Losses of metrics.csv (the column `loss`, by its header) beside the reference, in order; every step must be there.
compare() {
  awk -F, -v bound=5e-6 '
    FNR == 1 { file++; if (file == 2) { for (i = 1; i <= NF; i++) if ($i == "loss") col = i }; next }
    file == 1 { want[++n] = $2; next }
    { got[++m] = $col }
    END {
      if (!col) { print "metrics.csv has no column loss"; exit 1 }
      if (m != n) { printf "%d losses, expected %d\n", m, n; exit 1 }
      for (i = 1; i <= n; i++) {
        if (got[i] !~ /^[0-9.eE+-]+$/) { printf "step %d: loss %s is no number\n", i - 1, got[i]; exit 1 }
        e = got[i] / want[i] - 1; if (e < 0) e = -e
        if (!(e <= bound)) { printf "step %d: loss %s, expected %s (%.1e off)\n", i - 1, got[i], want[i], e; exit 1 }
        if (e > worst) worst = e
      }
      printf "within %.1e\n", worst
    }' "$1" "$2"
}

pass=0; fail=0
while read -r name weights; do
  dir=$tmp/$name; mkdir "$dir"
  if "$gradc" build "$here/curves/$name.nn" -o "$dir/m" "$@" >"$dir/log" 2>&1 &&
     "$dir/m" train --init "$here/curves/$weights" --run-dir "$dir/run" --log-every 1 >"$dir/log" 2>&1 &&
     compare "$here/curves/$name.losses" "$dir/run/metrics.csv" >"$dir/log" 2>&1; then
    pass=$((pass + 1)); echo "ok    $name: $(cat "$dir/log")"
  else
    fail=$((fail + 1)); echo "FAIL  $name"; sed 's/^/      /' "$dir/log" | tail -n 12
  fi
done < "$here/curves/index.tsv"
echo "curves: $pass passed, $fail failed"
[ "$fail" -eq 0 ] && [ "$pass" -gt 0 ]
