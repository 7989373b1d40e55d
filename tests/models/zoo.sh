# SPDX-License-Identifier: Apache-2.0
# Kinds of models, small: each of zoo/ is compiled and its `test` blocks pass; with FULL=1 it trains to the figure of
# zoo/figures.tsv, which has the form of figures.tsv. Without data, and so without a hold-out, the last step counts.
# Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
last_result() { # last_result FILE: the last line, or the last step as if it were of the hold-out
  if tail -n 1 "$1" | grep -q '"holdout"'; then tail -n 1 "$1"
  else grep '"event":"step"' "$1" | tail -n 1 | sed 's/^/"holdout":/'; fi
}
mkdir "$tmp/zoo"; kinds=0
while read -r name key rel bound; do
  [ -z "$only" ] || case " $only " in *" $name "*) ;; *) continue ;; esac
  nn=$here/zoo/$name.nn; log=$tmp/$name.log; kinds=$((kinds + 1))
  ! grep -q '^test "' "$nn" || check "$name: tests" "$gradc" test "$nn"
  if ! full && [ -z "$only" ]; then check "$name" "$gradc" emit --c -W "$nn" -o "$tmp/zoo"; continue; fi
  if "$gradc" run "$nn" --json --run-dir "$tmp/run_$name" >"$tmp/$name.out" 2>"$log" &&
     reached "$(last_result "$tmp/$name.out")" "$key" "$rel" "$bound" >"$log" 2>&1; then
    pass; echo "ok    $name: $(cat "$log")"
  else
    fail "$name"; tail -n 12 "$log" | sed 's/^/      /'
  fi
done < "$here/zoo/figures.tsv"

# The cached llama, as C.
if [ -z "$only" ] || [ "$only" = llama ]; then
  check "llama as C" "$gradc" emit --c "$here/zoo/llama.nn" -o "$tmp/zoo"
  check llama.c ${CC:-cc} -O1 -I"$tmp/zoo" -o "$tmp/zoo/llama" "$here/zoo/llama.c" "$tmp/zoo/llama.c"
  tally "llama: its cache" "$tmp/zoo/llama"
fi
unlisted=$(for f in "$here"/zoo/*.nn; do
  n=$(basename "$f" .nn); grep -q "^$n	" "$here/zoo/figures.tsv" || echo "$n"
done)
equal "models of zoo/ without a figure" "$unlisted" ""
[ -n "$only" ] || equal "kinds of models" "$kinds" "$(grep -c . "$here/zoo/figures.tsv")"
