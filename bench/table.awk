# SPDX-License-Identifier: Apache-2.0
# The table of README.md, of the CSV that run.sh writes: a row per model and precision; of gradc the median in ms, and
# how many times faster that is than the best peer, which is named.
BEGIN { FS = ","; sides = split("torch compiled autotune jax onnx", side, " ") }
NR > 1 && $7 != "" {
  row = $3 ($4 == "f32" ? "" : " " $4); column = $2 "," $5
  if (!(row in seen_row)) { seen_row[row] = 1; row_name[++rows] = row }
  if (!(column in seen)) { seen[column] = 1; column_name[++columns] = column }
  med[row, column, $6] = med[row, column, $6] " " $7
}
END {
  head = "| model |"; rule = "|---|"
  for (c = 1; c <= columns; c++) {
    split(column_name[c], p, ",")
    what = p[1] == "train" ? "training step" : "inference, batch 1"
    head = head " " what ", " p[2] " thread" (p[2] > 1 ? "s" : "") " |"
    rule = rule "---|"
  }
  print head; print rule
  for (r = 1; r <= rows; r++) {
    line = "| " row_name[r] " |"
    for (c = 1; c <= columns; c++) {
      best = 0
      for (s = 1; s <= sides; s++) {
        if (!((row_name[r], column_name[c], side[s]) in med)) continue
        ms = middle(med[row_name[r], column_name[c], side[s]])
        if (!best || ms < best) { best = ms; name = side[s] }
      }
      ours = middle(med[row_name[r], column_name[c], "gradc"])
      form = " " (ours < 100 ? "%.3g" : "%.0f") " ms, %.2f × %s |"
      line = line (ours && best ? sprintf(form, ours, best / ours, name) : " |")
    }
    print line
  }
}
