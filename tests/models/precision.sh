# SPDX-License-Identifier: Apache-2.0
# Mixed precision: char-GPT and the CNN keep at least 45 % fewer bytes for the backward pass and reach the hold-out loss
# of f32 within 1 %; without FULL=1 only the CNN in bf16 is trained. Sourced by run.sh, after the runs of figures.tsv.
: "${tmp:?run.sh sources this file}"
held_out() { tail -n 1 "$1" | sed -n 's/.*"holdout":{"loss":\([-+0-9.e]*\).*/\1/p'; }
kept() { "$gradc" report --json "$1" 2>>"$log" | sed -n 's/.*"activation_bytes":\([0-9]*\).*/\1/p'; }
for run in chargpt:bf16 digits_cnn:bf16 digits_cnn:f16; do
  name=${run%:*}; type=${run#*:}; log=$tmp/$type.log
  nn=$models/.$name.$type.nn # beside the others, as data is found from there
  [ -x "$tmp/$name" ] || continue
  sed "s/^train {/train { precision = $type;/" "$models/$name.nn" >"$nn"
  all=$(kept "$models/$name.nn"); bytes=$(kept "$nn"); what="$name in $type: keeps $bytes bytes instead of $all"
  if awk "BEGIN { exit !(${bytes:-1} <= 0.55 * ${all:-0}) }"; then pass; echo "ok    $what"; else fail "$what"; fi
  if full || [ "$run" = digits_cnn:bf16 ]; then
    "$gradc" build "$nn" -o "$tmp/$type" >"$log" 2>&1 &&
      "$tmp/$type" train --json --run-dir "$tmp/run_$name.$type" >"$tmp/$type.out" 2>>"$log"
    f=$(held_out "$tmp/$name.out"); h=$(held_out "$tmp/$type.out"); what="$name in $type: loss $h, in f32 $f"
    if awk "BEGIN { d = ${h:-99} / ${f:-1} - 1; exit !(d * d <= 1e-4) }"; then pass; echo "ok    $what"
    else fail "$what"; tail -n 5 "$log" | sed 's/^/      /'; fi
  fi
  rm -f "$nn"
done
