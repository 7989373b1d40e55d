# SPDX-License-Identifier: Apache-2.0
# Sourced by ops.sh, which has `ops`. The graphs of forms.ir, of forms_fast.ir in fast mode alone, and of forms_sm90.ir
# for sm_90a alone, each a kernel of one form or of a few: the bits of the interpreter in strict mode, within bounds in
# fast mode; and their memory transactions. forms.tsv has those of each graph and form: sectors of global memory, the
# minimum, wavefronts of shared memory; they may only fall. Lines that end with * have shapes at which vectors are
# possible: at most a tenth more sectors than the minimum.
form=$(cat "$here/form.awk")
graphs() { # graphs PATTERN
  awk -v want="$1" 'BEGIN { keep = 1 } /^graph / { keep = $2 ~ want } keep' "$here/forms.ir" "$here/forms_fast.ir" \
    "$here/forms_sm90.ir"
}
shapes() { # shapes MODE NAME OPTION|FILE...: runs them, adds what they move to traffic.forms
  mode=$1; what=$2; shift 2
  GC_TRAFFIC=$tmp/forms.$mode ops "$what" --some --fused "$@"
}
moved() { # of all runs, which are equal: mode, graph, form, sectors, minimum, wavefronts, minimum
  for mode in strict fast; do
    awk -F '\t' -v mode=$mode "$form"'{ sub(/^forms_/, "", $1); name = mode "\t" $1 "\t" form($2)
      s[name] += $3; l[name] += $4; w[name] += $5; v[name] += $6 }
      END { for (n in s) print n "\t" s[n] / 2 "\t" l[n] / 2 "\t" w[n] / 2 "\t" v[n] / 2 }' "$tmp/forms.$mode"
  done | LC_ALL=C sort
}
least() {
  moved >"$tmp/forms.moved"
  awk -F '\t' -v table="$here/forms.tsv" 'FILENAME == table { if (!/^#/) sectors[$1, $2, $3] = $4 + 0
      waves[$1, $2, $3] = $6 + 0; even[$1, $2, $3] = $7; next }
    !(($1, $2, $3) in sectors) { print $1 " " $2 " " $3 " is not in forms.tsv"; next }
    $6 != $7 { print $1 " " $2 " " $3 ": " $6 " wavefronts of shared memory, " $7 " would do" }
    even[$1, $2, $3] == "*" && $4 > 1.1 * $5 { print $1 " " $2 " " $3 ": " $4 " sectors, " $5 " would do" }
    $4 > sectors[$1, $2, $3] || $6 > waves[$1, $2, $3] { print $1 " " $2 " " $3 ": " $4 " sectors, " $6 \
      " wavefronts: more than in forms.tsv" }' "$here/forms.tsv" "$tmp/forms.moved" >"$tmp/worse"
  head -n 20 "$tmp/worse"; [ ! -s "$tmp/worse" ]
}
: >"$tmp/forms.fast"
graphs 'softmax|channels[(]|transposed|maps|concat|window|scatter|attend' >"$tmp/near.ir"
graphs 'sums|channels|^sized|columns|product|^half|^vector|^word|cumulative' >"$tmp/bound.ir"
if full; then
  shapes strict "shapes of the forms" "$here/forms.ir"
  shapes fast "shapes of the forms, in fast mode" --near "$tmp/near.ir"
  shapes fast "sums of fast mode" --bound "$tmp/bound.ir"
else # without those that take most of the time, of forms that others have
  large=attend_back_tiles,attend_tiles,attend_long,scatter_few,half_split,vector_split,word_split,columns
  large=$large,sorted_long,topk_long,cumulative_long
  shapes strict "shapes of the forms" --skip=$large "$here/forms.ir"
  graphs '^vector|^half|^word' >"$tmp/bound.ir"
  shapes fast "sums of fast mode" --bound "$tmp/bound.ir"
  graphs '^attend_half_(lengths|shared)' >"$tmp/near.ir"
  shapes fast "attention on tensor cores" --near "$tmp/near.ir"
fi
graphs '^group' >"$tmp/sm90.ir"
shapes fast "wgmma" --bound --sm90 "$tmp/sm90.ir"
check "memory transactions of the forms" least
if full; then
  graphs sized >"$tmp/sized.ir"
  for size in 0 1; do ops "shapes of the forms, sizes of $size" --some --fused --size=$size "$tmp/sized.ir"; done
fi
