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
  /^#### / { n = sprintf("%s/%03d", dir, ++k); system("mkdir " n); file = n "/case"
             code = $2; want = n "/want"; cmd = n "/cmd"
             text = $0; sub(/^#### [^ ]+ */, "", text); printf "%s\n", code > (n "/code")
             at = index(text, "| "); c = at ? substr(text, at + 2) : ""; printf "%s\n", c > cmd; head = 2; next }
  !file { next }
  head && /^#= / { print substr($0, 4) > want; head--; next }
  /^repeat / { r = $2; t = $0; sub(/^repeat [0-9]+ /, "", t); printf "%s\n", times(t, r) > file; next }
  { print > file }' "$here/codes.txt"
for d in "$tmp"/[0-9]*; do
  [ -f "$d/case" ] || : >"$d/case"
  code=$(cat "$d/code"); cmd=$(cat "$d/cmd")
  case $cmd in "" | gradcheck | report | emit* | build*) name=case.nn ;; *) name=case.ir ;; esac
  mv "$d/case" "$d/$name"
  # shellcheck disable=SC2086
  (cd "$d" && timeout 20 "$gradc" $(echo "${cmd:-check}" | sed "s|OUT|out|") "$name" >out.txt 2>err.txt)
  status=$?
  head -n 2 "$d/err.txt" | sed "s|$tmp||" >"$d/got"
  if [ $status -ne 1 ]; then fail "$code: exit status $status, not 1"; continue; fi
  if ! grep -q "^error\[$code\]" "$d/got"; then fail "$code: $(cat "$d/got")"; continue; fi
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
for code in $(sed -n 's/^E(\([0-9]*\),.*/\1/p' "$root/ir/errors.def"); do
  code=$(printf 'E%04d' "$code"); n=$(cat "$here/codes.txt" "$here/uncovered.txt" | grep -cE "^(#### )?$code( |$)")
  if [ "$n" -ge 1 ]; then pass; else fail "$code has no program in codes.txt and no line in uncovered.txt"; fi
done

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
