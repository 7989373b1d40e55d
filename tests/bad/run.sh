#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: malformed input of every class ends in a coded error and exit status 1 (4 for data, weights and
# checkpoints), never in a signal. codes.txt: a program for each code; habits.sh: words of other languages; files.sh:
# IR, weights and data files; fuzz.sh: mutated models and dumps, with the sanitizers.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/bad

# One folder per case: the program, the expected two lines, the command.
awk -v dir="$tmp" '
  function times(t, n,   s) { for (s = ""; n; n = int(n / 2)) { if (n % 2) s = s t; t = t t } return s }
  /^#### / { if (file) { printf "" > file; close(file); close(want) }
             n = sprintf("%s/%03d", dir, ++k); system("mkdir " n); want = n "/want"
             text = $0; sub(/^#### [^ ]+ */, "", text)
             at = index(text, "| "); c = at ? substr(text, at + 2) : "check"
             file = n "/case" (!at || c ~ /^(gradcheck|report|emit|export|build)/ ? ".nn" : ".ir")
             gsub(/OUT/, "out", c); printf "%s\n%s\n", $2, c > (n "/what"); close(n "/what"); head = 2; next }
  !file { next }
  head && /^#= / { print substr($0, 4) > want; head--; next }
  /^repeat / { r = $2; t = $0; sub(/^repeat [0-9]+ /, "", t); printf "%s\n", times(t, r) > file; next }
  { print > file }
  END { printf "" > file }' "$here/codes.txt"
for d in "$tmp"/[0-9]*; do
  { IFS= read -r code; IFS= read -r cmd; } <"$d/what"
  # shellcheck disable=SC2086  # several words
  (cd "$d" && exec timeout 20 "$gradc" $cmd case.?? >out.txt 2>err.txt)
  status=$?
  sed "s|$tmp||; 2q" "$d/err.txt" >"$d/got"
  { first=; second=; IFS= read -r first; IFS= read -r second; } <"$d/got"
  if [ $status -ne 1 ]; then fail "$code: exit status $status, not 1"; continue; fi
  case $first/$second in "error[$code]"* | */"error[$code]"*) ;; *) fail "$code: $first $second"; continue ;; esac
  n=$(grep -c '^error' "$d/err.txt"); if [ "$n" != 1 ]; then fail "$code: $n errors"; cat "$d/err.txt"; continue; fi
  if [ -n "$UPDATE" ]; then pass; continue; fi
  if cmp -s "$d/want" "$d/got"; then pass; else fail "$code:"; diff "$d/want" "$d/got"; fi
done
if [ -n "$UPDATE" ]; then # write the expected lines below each head
  awk -v dir="$tmp" '
    /^#### / { print; n = sprintf("%s/%03d/got", dir, ++k); while ((getline line < n) > 0) print "#= " line; next }
    /^#= / { next } { print }' "$here/codes.txt" >"$tmp/new" && cp "$tmp/new" "$here/codes.txt"
fi

# Every code of the table has a program, or a line with the reason for having none.
sed -n 's/^E(\([0-9]*\),.*/\1/p' "$root/ir/errors.def" | awk '{ printf "E%04d\n", $1 }' | sort -u >"$tmp/codes"
sed -nE 's/^(#### )?(E[0-9]{4})( .*)?$/\2/p' "$here/codes.txt" "$here/uncovered.txt" | sort -u >"$tmp/known"
for code in $(comm -23 "$tmp/codes" "$tmp/known"); do
  fail "$code has no program in codes.txt and no line in uncovered.txt"
done
passed=$((passed + $(comm -12 "$tmp/codes" "$tmp/known" | wc -l)))

# Codes have names in C; their numbers are only in the tables.
number='[1-8][0-9]{2}'
bare=$(cd "$root" && grep -rnE -e '\b[a-z_]+\(([A-Za-z_>.-]+, )*([^"()]* \? )?'"$number( : $number)?"', [^)]*"' \
  -e "\\bcode [=!]= $number\\b|\\bE_[A-Z_]+ = $number\\b" \
  --include='*.[chy]' --include='*.cpp' frontend ir passes codegen lib driver runtime | grep -v 'text(v, ')
if [ -z "$bare" ]; then pass; else fail "a code of errors.def by number: $bare"; fi

tally habits sh "$here/habits.sh" "$gradc" "$build"
tally files sh "$here/files.sh" "$gradc" "$build"
tally fuzz sh "$here/fuzz.sh" "$gradc" "$build"
counts
