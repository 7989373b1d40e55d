# SPDX-License-Identifier: Apache-2.0
# A list for cases.awk: contractions and convolutions whose extents are 1, odd, or near those of vectors (16) and panels
# (64), with every stride, padding, dilation and grouping. -v seed= -v share=: of a thousand; of those without a tuned
# form a tenth of that.
function pick(n) { seed = seed * 16807 % 2147483647; return int(seed / 2147483647 * n) }
function wanted(work) { return pick(1000) < (work < 16384 ? share / 10 : share) }
BEGIN {
  ns = split("1 2 3 15 16 17 33 63 65", size, " ")
  nspec = split("mk,kn->mn km,kn->mn mk,nk->mn km,nk->mn mk,kn->nm bmk,bkn->bmn bmk,bnk->bmn bmk,kn->bmn bmk,bmn->kn",
                spec, " ")
  for (s = 1; s <= nspec; s++)
    for (m = 1; m <= ns; m++)
      for (k = 1; k <= ns; k++)
        for (n = 1; n <= ns; n++) {
          act = pick(3) ? "" : " act"
          b = spec[s] ~ /b/ ? 1 + pick(3) : 1
          if (!wanted(b * size[m] * size[k] * size[n])) continue
          b = spec[s] ~ /b/ ? " b=" b : ""
          print "contract " spec[s] " m=" size[m] " k=" size[k] " n=" size[n] b act
        }
  nc = split("1 2 3 8 15 16 17 34", chan, " ")
  for (op = 0; op < 3; op++)
    for (ci = 1; ci <= nc; ci++)
      for (co = 1; co <= nc; co++)
        for (kind = 0; kind < 60; kind++) {
          kh = 1 + pick(5); kw = 1 + pick(5); sh = 1 + pick(3); sw = 1 + pick(3); ph = pick(3); pw = pick(3)
          dh = 1 + pick(2); dw = 1 + pick(2); oh = 1 + pick(4); ow = 1 + pick(3) % 2 * pick(18)
          one = pick(4) == 0; act = pick(4) ? "" : " act"; batch = 1 + pick(5); g = pick(5) ? 1 : 2
          if (!wanted(batch * oh * ow * chan[ci] * chan[co] * g * kh * kw)) continue
          h = (oh - 1) * sh + dh * (kh - 1) + 1 - 2 * ph; w = (ow - 1) * sw + dw * (kw - 1) + 1 - 2 * pw
          h += pick(sh); w += pick(sw)
          if (h < 1 || w < 1) continue
          c = chan[ci] * g; o = chan[co] * g
          name = op == 0 ? "conv" : op == 1 ? "conv_dx" : "conv_dw"
          if (one) print name, batch, c, o, w, kw, sw, pw, dw, g act
          else print name, batch, c, o, h "," w, kh "," kw, sh "," sw, ph "," pw, dh "," dw, g act
        }
}
