# SPDX-License-Identifier: Apache-2.0
# Adapters of low rank: lora.nn starts from the weights of digits.nn, keeps their bits, reaches 94 % on digits in a
# mirror, of which the base reads less than 60 %, and its merged weights are weights of digits.nn. Sourced by run.sh;
# without FULL=1 the model is only checked.
: "${tmp:?run.sh sources this file}"
lora_check() { # WHAT CONDITION...
  what=$1; shift
  if "$@"; then pass; echo "ok    lora: $what"; else fail "lora: $what"; fi
}
weights_of() { # weights_of BINARY RUN PREFIX: names without the prefix, and hashes
  "$tmp/$1" info --json --weights "$tmp/$2/weights.safetensors" | grep '"kind":"param"' |
    sed -n "s/.*\"name\":\"$3\([^\"]*\)\".*\"hash\":\"\([0-9a-f]*\)\".*/\1 \2/p" | sort
}
held() { sed -n "s/.*\"holdout\":{[^}]*\"$1\":\([0-9.e-]*\).*/\1/p" "$tmp/$2.out" | tail -n 1; }
under() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 < b + 0) }'; }
predicted() { # predicted BINARY RUN: digits of the first records of the sample
  cut -d, -f1-64 "$models/../data/digits_sample.csv" | grep -v '[a-z]' |
    "$tmp/$1" predict --weights "$tmp/$2/weights.safetensors" --input -
}
trained_adapters() { # a function: its arguments, of which it makes a list, are not those of run.sh
  [ -f "$tmp/run_digits/weights.safetensors" ] || {
    check "digits" "$gradc" build "$models/digits.nn" -o "$tmp/digits"
    check "digits is trained" "$tmp/digits" train --epochs 20 --run-dir "$tmp/run_digits"
  }
  check "lora" "$gradc" build "$models/lora.nn" -o "$tmp/lora"
  set -- # the maps
  for i in 1 2 3; do set -- "$@" --init-map "net.linear_$i=net.adapted_$i.linear"; done
  for steps in 1 440; do
    "$tmp/lora" train --json --steps $steps --init "$tmp/run_digits/weights.safetensors" --partial "$@" \
      --run-dir "$tmp/run_lora_$steps" >"$tmp/lora_$steps.out" 2>"$tmp/lora.log" || fail "lora: $(cat "$tmp/lora.log")"
  done
  lora_check "the base reads $(held acc lora_1)" under "$(held acc lora_1)" 0.6
  lora_check "with adapters $(held acc lora_440)" under 0.94 "$(held acc lora_440)"
  lora_check "merged $(held merged_acc lora_440)" under 0.94 "$(held merged_acc lora_440)"
  lora_check "merged outputs differ by $(held apart lora_440)" under "$(held apart lora_440)" 1e-5
  weights_of digits run_digits 'net\.' >"$tmp/base.w"
  weights_of lora run_lora_440 'net\.' | sed -n 's/^adapted_\([0-9]\)\.linear\./linear_\1./p' >"$tmp/frozen.w"
  lora_check "$(grep -c . "$tmp/frozen.w") weights of the base keep their bits" cmp -s "$tmp/base.w" "$tmp/frozen.w"
  "$gradc" ir "$models/lora.nn" | sed -n 's/^optim "optim\.net\.adapted_\([^"]*\)".*/\1/p' | sort |
    tr '\n' ' ' >"$tmp/optim"
  equal "lora: the optimizer's states" "$(cat "$tmp/optim")" \
    "1.a.m 1.a.v 1.b.m 1.b.v 2.a.m 2.a.v 2.b.m 2.b.v 3.a.m 3.a.v 3.b.m 3.b.v "
  check "lora: its merged weights as those of digits.nn" "$tmp/digits" train --steps 0 --run-dir "$tmp/run_merged" \
    --init "$tmp/run_lora_440/weights.safetensors" --partial --init-map net= --init-map merged=net
  equal "lora: digits.nn with them" "$(predicted digits run_merged)" "$(predicted lora run_lora_440)"
}
if full; then trained_adapters; else check "lora" "$gradc" check -W "$models/lora.nn"; fi
