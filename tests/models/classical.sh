# SPDX-License-Identifier: Apache-2.0
# The models of examples/classical reach the exact answers of classical.tsv; six of them in the plain run.
# Sourced by run.sh.
: "${here:?run.sh sources this file}"
classical=$root/examples/classical

# solved LINE MODEL: the last step has the quantities of classical.tsv
solved() {
  printf '%s\n' "$1" | awk -v model="$2" -v table="$here/classical.tsv" '{
    while ((getline row < table) > 0) {
      split(row, want, "\t")
      if (want[1] != model) continue
      if (!match($0, "\"" want[2] "\":[^,}]*")) { print "no " want[2] " in " $0; exit 1 }
      v = substr($0, RSTART, RLENGTH); sub(/.*:/, "", v); d = v - want[3]; if (d < 0) d = -d
      if (v !~ /^-?[0-9][0-9.e+-]*$/ || d > want[4]) { print want[2] " is " v ", not " want[3]; exit 1 }
      said = said " " want[2] " " v; n++
    }
    if (!n) { print "no row of " model; exit 1 }
    print said }'
}

chosen="kmeans lasso linear logistic ridge softmax"
full && chosen=$(cd "$classical" && ls ./*.nn | sed 's|^./||; s|[.]nn$||')
for name in $chosen; do
  "$gradc" run --json "$classical/$name.nn" --run-dir "$tmp/classical_$name" >"$tmp/$name.out" 2>"$tmp/$name.log" ||
    { fail "classical/$name: $(tail -n 3 "$tmp/$name.log")"; continue; }
  last=$(grep '"event":"step"' "$tmp/$name.out" | tail -n 1)
  what=$(solved "$last" "$name") && pass || fail "classical/$name: $what"
done
! full || for name in $chosen; do
  grep -q "^$name$(printf '\t')" "$here/classical.tsv" && pass || fail "no answer of classical/$name.nn"
done

# Cross-validation: the five folds of softmax.nn have 150 records, and test as well as its training.
if full; then
  for k in 1 2 3 4 5; do
    sed 's/batch = 150/batch = 120/' "$classical/softmax.nn" | sed "s|../data|$classical/../data|" >"$tmp/folds.nn"
    "$gradc" run --json "$tmp/folds.nn" --fold $k/5 --run-dir "$tmp/fold$k" 2>"$tmp/fold.log" | tail -n 1
  done >"$tmp/folds.out"
  awk '{ match($0, /"confusion":[^"]*/); s = substr($0, RSTART + 12, RLENGTH - 13); gsub(/[][]/, "", s)
         n = split(s, c, ","); for (i = 1; i <= n; i++) all += c[i]; right += c[1] + c[5] + c[9] }
       END { print right " of " all; exit !(all == 150 && right >= 140) }' "$tmp/folds.out" >"$tmp/folds.said" &&
    pass || fail "five folds: $(cat "$tmp/folds.said" "$tmp/fold.log" "$tmp/folds.out" | head -n 5)"
fi
