#!/bin/sh
# The front end: diagnostics, lexer, parser, fmt, elaborator; with the sanitizers and one malloc an object. Programs in
# README.md and docs/.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..; out=$2/tests; mkdir -p "$out"
cd "$root" || exit 2
sh tests/asan.sh "$2" || { echo "0 passed, 1 failed"; exit 1; }
passed=0 failed=0
for t in diag parse elab; do
  cc -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I. -I"$2" -o "$out/${t}_test" \
    "tests/front/${t}_test.c" "$out/asan/gradc.a" "$2/embed.o" -lm -ldl -lpthread && "$out/${t}_test" > "$out/$t.log" 2>&1
  status=$?
  cat "$out/$t.log"
  line=$(tail -n 1 "$out/$t.log")
  p=$(echo "$line" | sed -n 's/.*: \([0-9]*\) passed, .*/\1/p') f=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed/\1/p')
  [ "$status" -eq 0 ] || [ "${f:-0}" -gt 0 ] || f=1
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
done
# Tests written in the language itself.
for f in tests/front/elab/*_values.nn; do
  if "$1" test "$f" > "$out/values.log" 2>&1; then passed=$((passed + 1))
  else failed=$((failed + 1)); echo "FAIL $f"; cat "$out/values.log"; fi
done
# Arguments of the standard library, by position and by name.
awk -f tests/front/args.awk std/*.nn runtime/*.nn > "$out/args.nn"
if "$1" test "$out/args.nn" > "$out/args.log" 2>&1; then passed=$((passed + 1))
else failed=$((failed + 1)); echo "FAIL $out/args.nn"; cat "$out/args.log"; fi
# The programs in the pages are true.
rm -rf "$out/pages" && mkdir "$out/pages"
well() { # STATUS NAME
  if [ "$1" -eq 0 ]; then passed=$((passed + 1))
  else failed=$((failed + 1)); echo "FAIL $2"; cat "$out/pages.log"; fi
}
awk -v dir="$out/pages" -f tests/front/snippets.awk README.md docs/*.md > "$out/pages.log"
well $? "pages"
[ "$(ls "$out/pages" | wc -l)" -ge 5 ]; well $? "pages: programs are missing"
for f in "$out"/pages/*; do
  case $f in *.nn) "$1" check -W "$f" ;; *) "$1" opt --verify --passes= "$f" ;; esac > "$out/pages.log" 2>&1
  well $? "$f"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
