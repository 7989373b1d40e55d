#!/bin/sh
# The front end: diagnostics, lexer, parser, fmt; with the sanitizers and one malloc an object.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..; out=$2/tests; mkdir -p "$out"
cd "$root" || exit 2
sources="ir/ctx.c ir/source.c ir/utf8.c ir/diag.c ir/diag_print.c $(ls frontend/lex*.c frontend/ast*.c) frontend/parse.c
  frontend/fmt.c $2/frontend/nn.c"
passed=0 failed=0
for t in diag parse; do
  cc -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -DGRADC_MALLOC_EACH -I. -I"$2" \
    -o "$out/${t}_test" "tests/front/${t}_test.c" $sources && "$out/${t}_test" > "$out/$t.log" 2>&1
  status=$?
  cat "$out/$t.log"
  line=$(tail -n 1 "$out/$t.log")
  p=$(echo "$line" | sed -n 's/.*: \([0-9]*\) passed, .*/\1/p') f=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed/\1/p')
  [ "$status" -eq 0 ] || [ "${f:-0}" -gt 0 ] || f=1
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
