# Mixed precision: char-GPT and the CNN come to the loss of f32 on the hold-out, within 1 %, and keep at least 45 % fewer
# bytes for the backward pass. Without FULL=1 the CNN in bf16 alone. Sourced by run.sh, behind the runs of figures.tsv.
held_out() { tail -n 1 "$1" | sed -n 's/.*"holdout":{"loss":\([-+0-9.e]*\).*/\1/p'; }
kept() { "$gradc" report --json "$1" 2>>"$log" | sed -n 's/.*"activation_bytes":\([0-9]*\).*/\1/p'; }
runs=digits_cnn:bf16
[ "${FULL:-}" != 1 ] || runs="chargpt:bf16 digits_cnn:bf16 digits_cnn:f16"
for run in $runs; do
  name=${run%:*}; type=${run#*:}; log=$tmp/$type.log
  nn=$models/.$name.$type.nn # beside the others, as data is found from there
  [ -f "$tmp/$name.out" ] || continue
  sed "s/^train {/train { precision = $type;/" "$models/$name.nn" >"$nn"
  "$gradc" build "$nn" -o "$tmp/$type" >"$log" 2>&1 &&
    "$tmp/$type" train --json --run-dir "$tmp/run_$name.$type" >"$tmp/$type.out" 2>>"$log"
  f=$(held_out "$tmp/$name.out"); h=$(held_out "$tmp/$type.out"); whole=$(kept "$models/$name.nn"); bytes=$(kept "$nn")
  rm -f "$nn"
  what="$name in $type: loss $h, in f32 $f; $bytes bytes for $whole"
  if awk "BEGIN { d = ${h:-99} / ${f:-1} - 1; exit !(d * d <= 1e-4 && ${bytes:-1} <= 0.55 * ${whole:-0}) }"; then
    pass=$((pass + 1)); echo "ok    $what"
  else fail=$((fail + 1)); echo "FAIL  $what"; tail -n 5 "$log" | sed 's/^/      /'; fi
done
