#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_curves.sh GRADC BUILD [OPTION...]: the first 20 losses of every curve against PyTorch's, to 5e-6 relative.
# Prints a line for each curve and a count; status 1 if one fails.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/golden
shift 2

# Losses of metrics.csv (the column `loss`, by its header) against the reference, in order; no step may be missing.
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

number=0 light=
full || light=--cflags=-O0
while read -r name weights; do
  number=$((number + 1))
  full || [ $# -eq 0 ] || [ $((number % 6)) -eq 0 ] || continue # a share of those with options
  full || [ "$name" = moe ] || ! grep -q 'models/zoo' "$here/curves/$name.nn" || continue
  dir=$tmp/$name; mkdir "$dir"
  if "$gradc" build "$here/curves/$name.nn" -o "$dir/m" $light "$@" >"$dir/log" 2>&1 &&
     "$dir/m" train --init "$here/curves/$weights" --run-dir "$dir/run" --log-every 1 >"$dir/log" 2>&1 &&
     compare "$here/curves/$name.losses" "$dir/run/metrics.csv" >"$dir/log" 2>&1; then
    pass; echo "ok    $name: $(cat "$dir/log")"
  else
    fail "$name"; sed 's/^/      /' "$dir/log" | tail -n 12
  fi
done < "$here/curves/index.tsv"
counts
