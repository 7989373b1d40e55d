# SPDX-License-Identifier: Apache-2.0
# The table that run.sh prints of its CSV.
BEGIN { FS = "," }
NR > 1 && $7 != "" {
  k = $2 "," $3 "," $4 "," $5
  if (!(k in seen)) { seen[k] = 1; key[++keys] = k }
  s = k "," $6
  med[s] = med[s] " " $7
  if (!(s in low) || $8 + 0 < low[s] + 0) low[s] = $8
  rate[s] = rate[s] " " $10; share[s] = share[s] " " $11
  rss[s] = $12 / 1048576; first[s] = $13
}
END {
  printf "%-5s %-11s %-4s %1s | %-8s %10s %10s %7s %5s %7s %6s | %6s %6s\n", "mode", "work", "prec", "t", "side",
         "median", "min", "GF/s", "%peak", "MB", "s", "by med", "by min"
  sides = split("gradc torch compiled autotune jax onnx", side, " ")
  for (i = 1; i <= keys; i++) {
    split(key[i], p, ",")
    best = least = 0
    for (j = 2; j <= sides; j++) {
      s = key[i] "," side[j]
      if (!(s in med)) continue
      if (!best || middle(med[s]) < best) best = middle(med[s])
      if (!least || low[s] + 0 < least) least = low[s] + 0
    }
    for (j = 1; j <= sides; j++) {
      s = key[i] "," side[j]
      if (!(s in med)) continue
      printf "%-5s %-11s %-4s %1d | %-8s %10.4f %10.4f %7.1f %5.1f %7.1f %6.2f |", p[1], p[2], p[3], p[4], side[j],
             middle(med[s]), low[s], middle(rate[s]), middle(share[s]), rss[s], first[s]
      if (j == 1 && best) printf " %5.2fx %5.2fx", best / middle(med[s]), least / low[s]
      print ""
    }
  }
}
