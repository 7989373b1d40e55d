# SPDX-License-Identifier: Apache-2.0
# Sums of the kernels in JSON lines, of `side` of the model `w`: model,side,class,ms,roofline ms; class `step` is all.
function field(key,   v) {
  if (!match($0, "\"" key "\":\"?[^,\"}]*")) return ""
  v = substr($0, RSTART, RLENGTH)
  sub("^\"" key "\":\"?", "", v)
  return v
}
/"event":"kernel"/ { c = field("class"); ms[c] += field("ms"); roof[c] += field("roofline_ms")
                     all += field("ms"); floor += field("roofline_ms") }
END {
  printf "%s,%s,step,%.6g,%.6g\n", w, side, all, floor
  for (c in ms) printf "%s,%s,%s,%.6g,%.6g\n", w, side, c, ms[c], roof[c]
}
