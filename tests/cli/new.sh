# SPDX-License-Identifier: Apache-2.0
# `gradc new`: each project is without warnings, in canonical layout, and trains; manual pages. With FULL=1 all kinds
# train. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
trained=csv; full && trained="csv text mcu gpt"
full && "$gradc" doctor --json | grep -c '"name":"lib[pj][a-z]*","found":true' | grep -qx 2 && trained="$trained images"
for k in csv images text mcu gpt; do
  expect 0 "^gradc run my-$k.nn" new $k "my-$k"
  cd "my-$k" || exit 2
  expect 0 '' check -W "my-$k.nn"
  expect 0 '' fmt --check "my-$k.nn"
  case " $trained " in *" $k "*) expect 0 '^weights runs/' run --steps 3 "my-$k.nn" ;; esac
  if full && grep -q '^test ' "my-$k.nn"; then expect 0 '0 failed' test "my-$k.nn"; fi
  cd ..
done
expect 2 'did you mean `csv`' new cvs x
expect 2 'kinds are csv' new 42 x
for name in ../x a/b '' -- 'a b'; do expect 2 'E0500' new csv "$name"; done
expect 5 'is there already' new csv my-csv
[ "$(ls | grep -vc '^my-\|^out$\|^err$')" = 0 ] && pass || fail "new left $(ls)"

# ---- manual pages: every option of training binaries, every section of the language; no warning of groff ----
expect 0 '^[.]TH m 1' help --man=m
for o in $(sed -n 's/^  {"\(--[a-z-]*\)", .*/\1/p' "$root/runtime/opt.c" | sed 's/-/[\\]-/g'); do
  grep -q "$o" out || echo "$o"
done >absent
equal 'options that m(1) lacks' "$(cat absent)" ""
cp out m.1
awk -v version=0 -f "$root/docs/man.awk" "$root/docs/language.md" >nn.5
equal 'sections of nn(5)' "$(grep -c '^[.]SH' nn.5)" "$(($(grep -c '^## ' "$root/docs/language.md") + 3))"
expect 0 '' help --man; cp out gradc.1
if command -v groff >/dev/null; then
  for page in nn.5 $(full && echo m.1 gradc.1); do
    equal "groff of $page" "$(groff -K utf8 -man -Tutf8 -ww $page 2>&1 >/dev/null | head -n 3)" ""
  done
fi

# A file that is not there: the one that may be meant.
expect 1 'did you mean `my-csv/my-csv.nn`' check my-csv/mycsv.nn
expect 1 'did you mean `my-csv/my-csv.nn`' check my-csv/my-csv
