# SPDX-License-Identifier: Apache-2.0
# Mixed precision: char-GPT and the CNN reach the hold-out loss of f32 within 1 %, and keep at least 45 % fewer bytes
# for the backward pass. Without FULL=1 only the CNN in bf16. Sourced by run.sh, after the runs of figures.tsv.
: "${tmp:?run.sh sources this file}"
held_out() { tail -n 1 "$1" | sed -n 's/.*"holdout":{"loss":\([-+0-9.e]*\).*/\1/p'; }
kept() { "$gradc" report --json "$1" 2>>"$log" | sed -n 's/.*"activation_bytes":\([0-9]*\).*/\1/p'; }
runs=digits_cnn:bf16
! full || runs="chargpt:bf16 digits_cnn:bf16 digits_cnn:f16"
for run in $runs; do
  name=${run%:*}; type=${run#*:}; log=$tmp/$type.log
  nn=$models/.$name.$type.nn # beside the others, as data is found from there
  [ -f "$tmp/$name.out" ] || continue
  sed "s/^train {/train { precision = $type;/" "$models/$name.nn" >"$nn"
  "$gradc" build "$nn" -o "$tmp/$type" >"$log" 2>&1 &&
    "$tmp/$type" train --json --run-dir "$tmp/run_$name.$type" >"$tmp/$type.out" 2>>"$log"
  f=$(held_out "$tmp/$name.out"); h=$(held_out "$tmp/$type.out"); full=$(kept "$models/$name.nn"); bytes=$(kept "$nn")
  rm -f "$nn"
  what="$name in $type: loss $h, in f32 $f; $bytes bytes instead of $full"
  if awk "BEGIN { d = ${h:-99} / ${f:-1} - 1; exit !(d * d <= 1e-4 && ${bytes:-1} <= 0.55 * ${full:-0}) }"; then
    pass; echo "ok    $what"
  else fail "$what"; tail -n 5 "$log" | sed 's/^/      /'; fi
done
