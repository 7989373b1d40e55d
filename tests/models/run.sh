#!/bin/sh
# run.sh GRADC [BUILD [MODEL...]]: every example model trains on its real data to the figure that figures.tsv states for its
# hold-out (model, quantity, >= or <=, bound), and its `test` blocks pass; the trained gpt generates; precision.sh and
# finetune.sh. Status 1 when one does not.
here=$(cd "$(dirname "$0")" && pwd)
models=$(cd "$here/../../examples/models" && pwd)
gradc=${1:-./gradc}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] && shift       # the build folder, which this suite does not need
case $gradc in */*) gradc=$(cd "$(dirname "$gradc")" && pwd)/$(basename "$gradc") ;; esac
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# reached LINE QUANTITY RELATION BOUND: looks the quantity up within "holdout":{...}
reached() {
  printf '%s\n' "$1" | awk -v key="\"$2\"" -v rel="$3" -v bound="$4" '{
    at = index($0, "\"holdout\"")
    if (!at) { print "no hold-out in: " $0; exit 1 }
    s = substr($0, at); s = substr(s, index(s, "{")); s = substr(s, 1, index(s, "}"))
    at = index(s, key)
    if (!at) { print "no " key " in " s; exit 1 }
    v = substr(s, at + length(key)); sub(/^ *: */, "", v); sub(/[,}].*/, "", v)
    if (v !~ /^-?[0-9][0-9.eE+-]*$/) { print key " is " v; exit 1 }
    good = rel == ">=" ? v + 0 >= bound + 0 : v + 0 <= bound + 0
    printf "hold-out %s %s, stated %s %s\n", key, v, rel, bound
    exit !good }'
}

pass=0; fail=0
while read -r name key rel bound; do
  [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
  log=$tmp/$name.log; begin=$(date +%s)
  if "$gradc" build "$models/$name.nn" -o "$tmp/$name" >"$log" 2>&1 &&
     { ! grep -q '^test "' "$models/$name.nn" || "$gradc" test "$models/$name.nn" >"$log" 2>&1; } &&
     "$tmp/$name" train --json --run-dir "$tmp/run_$name" >"$tmp/$name.out" 2>"$log" &&
     reached "$(tail -n 1 "$tmp/$name.out")" "$key" "$rel" "$bound" >"$log" 2>&1; then
    pass=$((pass + 1)); echo "ok    $name: $(cat "$log") ($(($(date +%s) - begin)) s)"
  else
    fail=$((fail + 1)); echo "FAIL  $name"; tail -n 12 "$log" | sed 's/^/      /'
  fi
done < "$here/figures.tsv"

# The trained gpt continues a text, with a prompt that grows by a token a call.
if [ -f "$tmp/run_gpt/weights.safetensors" ]; then # behind " the GNU"
  sh "$models/../generate.sh" "$tmp/gpt" "$tmp/run_gpt/weights.safetensors" "$models/../data/licence.vocab" 12 87 359 >"$tmp/text" 2>&1
  if grep -q ' the GNU General Public License' "$tmp/text"; then pass=$((pass + 1)); echo "ok    gpt generates: $(head -n 1 "$tmp/text")"
  else fail=$((fail + 1)); echo "FAIL  gpt generates: $(head -n 3 "$tmp/text")"; fi
fi
# shellcheck disable=SC1091
. "$here/precision.sh"
# shellcheck disable=SC1091
case " $* " in "  " | *" resnet20 "*) . "$here/finetune.sh" ;; esac
echo "models: $pass passed, $fail failed"
[ "$fail" -eq 0 ] && [ "$pass" -gt 0 ]
