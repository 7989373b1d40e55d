#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD [MODEL...]: every example model trains on its real data to the figure that figures.tsv states for
# its hold-out (model, quantity, >= or <=, bound), and its `test` blocks pass; the trained gpt generates; precision.sh,
# finetune.sh and lora.sh.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/models
models=$root/examples/models
shift 2
only=$* # the models that are named; empty: all

# reached LINE QUANTITY RELATION BOUND: looks the quantity up within "holdout":{...}; SECTION.QUANTITY in that of a
# section
reached() {
  printf '%s\n' "$1" | awk -v key="\"$2\"" -v rel="$3" -v bound="$4" '{
    if (split(key, part, ".") > 1) { # SECTION.QUANTITY
      sub(/"/, "", part[2]); key = "\"" part[2] "\""
      $0 = substr($0, index($0, part[1] "\":{"))
    }
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

while read -r name key rel bound; do
  [ -z "$only" ] || case " $only " in *" $name "*) ;; *) continue ;; esac
  log=$tmp/$name.log; begin=$(date +%s)
  if ! full && case $name in chargpt | gpt | lstm | gan) ;; *) false ;; esac; then
    check "$name" "$gradc" build --cflags=-O0 "$models/$name.nn" -o "$tmp/$name"
    ! grep -q '^test "' "$models/$name.nn" || check "$name: tests" "$gradc" test "$models/$name.nn"
    continue
  fi
  if "$gradc" build "$models/$name.nn" -o "$tmp/$name" >"$log" 2>&1 &&
     { ! grep -q '^test "' "$models/$name.nn" || "$gradc" test "$models/$name.nn" >"$log" 2>&1; } &&
     "$tmp/$name" train --json --run-dir "$tmp/run_$name" >"$tmp/$name.out" 2>"$log" &&
     reached "$(tail -n 1 "$tmp/$name.out")" "$key" "$rel" "$bound" >"$log" 2>&1; then
    pass; echo "ok    $name: $(cat "$log") ($(($(date +%s) - begin)) s)"
  else
    fail "$name"; tail -n 12 "$log" | sed 's/^/      /'
  fi
done < "$here/figures.tsv"

# The trained gpt continues a text, with a prompt that grows by a token per call.
if [ -f "$tmp/run_gpt/weights.safetensors" ]; then # after " the GNU"
  sh "$models/../generate.sh" "$tmp/gpt" "$tmp/run_gpt/weights.safetensors" "$models/../data/licence.vocab" 12 87 359 \
    >"$tmp/text" 2>&1
  if grep -q ' the GNU General Public License' "$tmp/text"; then
    pass; echo "ok    gpt generates: $(head -n 1 "$tmp/text")"
  else fail "gpt generates: $(head -n 3 "$tmp/text")"; fi
fi
# shellcheck disable=SC1091
case " $only " in "  " | *" classical "*) . "$here/classical.sh" ;; esac
# shellcheck disable=SC1091
. "$here/precision.sh"
# shellcheck disable=SC1091
case " $only " in "  " | *" resnet20 "*) . "$here/finetune.sh" ;; esac
# shellcheck disable=SC1091
case " $only " in "  " | *" lora "*) . "$here/lora.sh" ;; esac
# shellcheck disable=SC1091
. "$here/zoo.sh"
counts
