# SPDX-License-Identifier: Apache-2.0
# Partial training: resnet20.nn with its features frozen takes less than a third of the memory of training all of it,
# starts from the weights of a full run, learns, and does not change the frozen weights. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
tune_check() { # WHAT CONDITION...
  what=$1; shift
  if "$@"; then pass; echo "ok    fine-tuning: $what"; else fail "fine-tuning: $what"; fi
}
number() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$2"; }
hashes() {
  "$tmp/tune" info --json --weights "$1" | grep "$2" |
    sed 's/.*"name":"\([^"]*\)".*"hash":"\([0-9a-f]*\)".*/\1 \2/' | sort
}
mean_loss() {
  grep '"step"' "$tmp/tune.out" | "$1" -n 8 | sed 's/.*"loss":\([0-9.e-]*\).*/\1/' |
    awk '{ s += $1 } END { print s / NR }'
}
sed '/@freeze/d' "$here/resnet20.nn" >"$tmp/full.nn"
cp "$here/resnet20.nn" "$tmp/tune.nn"
for m in full tune; do "$gradc" report --json "$tmp/$m.nn" >"$tmp/$m.json" 2>&1; done
ram_full=$(number ram_bytes "$tmp/full.json"); ram_tune=$(number ram_bytes "$tmp/tune.json")
tune_check "$ram_tune bytes, the full $ram_full" [ $((3 * ${ram_tune:-1})) -lt "${ram_full:-0}" ]
tune_check "of 272474 parameters 650 are trained" \
  [ "$(number parameters "$tmp/tune.json")/$(number trained_parameters "$tmp/tune.json")" = 272474/650 ]
light=; full || light=--cflags=-O0
# shellcheck disable=SC2086  # an option or none
if "$gradc" build $light "$tmp/full.nn" -o "$tmp/full" >"$tmp/tune.log" 2>&1 &&
   "$gradc" build $light "$tmp/tune.nn" -o "$tmp/tune" >"$tmp/tune.log" 2>&1 &&
   "$tmp/full" train --steps 4 --run-dir "$tmp/run_full" >"$tmp/tune.log" 2>&1 &&
   "$tmp/tune" train --init "$tmp/run_full/weights.safetensors" --json --run-dir "$tmp/run_tune" \
       >"$tmp/tune.out" 2>"$tmp/tune.log"; then
  for r in full tune; do
    w=$tmp/run_$r/weights.safetensors
    hashes "$w" '"kind":"param"' | grep -v '^net.linear' >"$tmp/frozen.$r"
    hashes "$w" '"kind":"param"' | grep '^net.linear' >"$tmp/trained.$r"
    hashes "$w" '"kind":"state"' >"$tmp/state.$r"
  done
  tune_check "$(wc -l <"$tmp/frozen.tune") frozen weights keep their bits" cmp -s "$tmp/frozen.full" "$tmp/frozen.tune"
  tune_check "the last layer does not" \
    [ "$(comm -12 "$tmp/trained.full" "$tmp/trained.tune" | wc -l)/$(wc -l <"$tmp/trained.tune")" = 0/2 ]
  tune_check "states change" \
    [ "$(comm -12 "$tmp/state.full" "$tmp/state.tune" | wc -l)/$(wc -l <"$tmp/state.tune")" = 0/42 ]
  first=$(mean_loss head); last=$(mean_loss tail)
  tune_check "the loss falls from $first to $last" awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < 0.9 * a) }'
else
  fail fine-tuning; tail -n 5 "$tmp/tune.log" | sed 's/^/      /'
fi
