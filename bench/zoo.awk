# SPDX-License-Identifier: Apache-2.0
# The table that zoo.sh prints: of each kind its lines, its figure, and the medians in the CSV named by csv.
BEGIN {
  while ((getline line < csv) > 0) { split(line, p, ","); ms[p[2], p[3]] = ms[p[2], p[3]] " " p[4] }
  printf "%-12s %8s %11s  %-16s %10s %10s %8s\n", "kind", ".nn", "PyTorch", "figure", "gradc ms", "torch ms", "ratio"
}
{
  a = middle(ms[$1, "gradc"]); b = middle(ms[$1, "torch"])
  printf "%-12s %8d %11d  %-16s %10.4f %10.4f %7.2fx", $1, $2, $3, $4, a, b, a ? b / a : 0
  print((a > b) ? "  slower" : "")
  slower += (a > b); n++
}
END { printf "%d kinds, %d slower than eager PyTorch\n", n, slower }
