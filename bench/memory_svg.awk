# SPDX-License-Identifier: Apache-2.0
# awk -f median.awk -f memory_svg.awk memory.csv > memory.svg: a panel for each workload: time of a step over the peak
# of live bytes. Points of one side and share are medians over the rounds; one side's points are joined by decreasing
# bytes.
BEGIN {
  FS = ","
  W = 360; H = 280; LEFT = 64; TOP = 40; BOTTOM = 48; GAP = 28
  color["gradc"] = "#0b6e4f"; name["gradc"] = "gradc --ram"
  color["torch-checkpoint"] = "#c1440e"; name["torch-checkpoint"] = "torch.utils.checkpoint"
  color["torch-compile"] = "#5b5ea6"; name["torch-compile"] = "torch.compile, memory budget"
  color["torch-eager"] = "#555555"; name["torch-eager"] = "torch eager"
  side[1] = "gradc"; side[2] = "torch-checkpoint"; side[3] = "torch-compile"; side[4] = "torch-eager"
}
NR > 1 && $6 != "" {
  if (!($1 in known)) { known[$1] = 1; work[++works] = $1 }
  k = $1 SUBSEP $2 SUBSEP $3
  if (!(k in times)) { count[$1, $2]++; key[$1, $2, count[$1, $2]] = k; bytes[k] = $4 / 1048576 }
  times[k] = times[k] " " $6
}
# A round number near x / 4: 1, 2 or 5 times a power of ten.
function tick(x,   p, m) {
  p = 10 ^ int(log(x / 4) / log(10) + (x / 4 < 1 ? -1 : 0)); m = x / 4 / p
  return p * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10)
}
function text(x, y, s, anchor, more) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>\n", x, y, anchor, more, s
}
function panel(w, x0,   i, j, k, n, s, xmax, ymin, ymax, px, py, line, t, step, order, m) {
  xmax = ymax = 0; ymin = 1e30
  for (s = 1; s <= 4; s++) for (i = 1; i <= count[w, side[s]]; i++) {
    k = key[w, side[s], i]; t = middle(times[k])
    if (bytes[k] > xmax) xmax = bytes[k]
    if (t > ymax) ymax = t
    if (t < ymin) ymin = t
  }
  xmax *= 1.05; ymax += 0.08 * (ymax - ymin) + 1e-9; ymin -= 0.25 * (ymax - ymin); if (ymin < 0) ymin = 0
  printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#bbbbbb\"/>\n", x0, TOP, W, H
  text(x0 + W / 2, TOP - 10, w, "middle", "font-weight=\"bold\"")
  text(x0 + W / 2, TOP + H + 36, "peak of live bytes, MiB", "middle", "")
  step = tick(xmax)
  for (t = 0; t <= xmax; t += step) {
    px = x0 + t / xmax * W
    printf "<path d=\"M%.1f %dv5\" stroke=\"#888888\"/>\n", px, TOP + H
    text(px, TOP + H + 18, t, "middle", "")
  }
  step = tick(ymax - ymin)
  for (t = step * int(ymin / step + 0.999); t <= ymax; t += step) {
    py = TOP + H - (t - ymin) / (ymax - ymin) * H
    printf "<path d=\"M%d %.1fh%d\" stroke=\"#eeeeee\"/>\n", x0, py, W
    text(x0 - 6, py + 4, t, "end", "")
  }
  for (s = 1; s <= 4; s++) {
    n = count[w, side[s]]
    for (i = 1; i <= n; i++) order[i] = key[w, side[s], i]
    for (i = 2; i <= n; i++) for (j = i; j > 1 && bytes[order[j]] > bytes[order[j - 1]]; j--) {
      m = order[j]; order[j] = order[j - 1]; order[j - 1] = m
    }
    line = ""
    for (i = 1; i <= n; i++) {
      px = x0 + bytes[order[i]] / xmax * W; py = TOP + H - (middle(times[order[i]]) - ymin) / (ymax - ymin) * H
      line = line sprintf("%s%.1f %.1f", i == 1 ? "M" : "L", px, py)
      printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", px, py, color[side[s]]
    }
    if (n > 1) printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", line, color[side[s]]
  }
}
END {
  width = works * (LEFT + W) + GAP; height = TOP + H + BOTTOM + 24
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" ", width, height
  printf "font-family=\"sans-serif\" font-size=\"12\">\n"
  printf "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", width, height
  text(14, TOP + H / 2, "step, ms", "middle", sprintf("transform=\"rotate(-90 14 %d)\"", TOP + H / 2))
  for (i = 1; i <= works; i++) panel(work[i], LEFT + (i - 1) * (LEFT + W))
  for (s = 1; s <= 4; s++) {
    x = LEFT + (s - 1) * 240
    printf "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"%s\"/>\n", x, height - 12, color[side[s]]
    text(x + 10, height - 8, name[side[s]], "start", "")
  }
  print "</svg>"
}
