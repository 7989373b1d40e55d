#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compilers.sh GRADC BUILD GROUP...: strict training steps and exports of several models, as C compiled by the compilers
# and flags of compilers.txt, under qemu for other machines. Prints a table: a row for each says whether the bits are
# the same or the C refuses the flags, and what the objects call. Other results go to standard error and are failures.
# EVERY=N: only every Nth row of a group.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/isa
shift 2
curves=tests/golden/curves
models=${MODELS:-"examples/models/iris $curves/cnn $curves/lstm tests/exact/gpt_dropout tests/native/mixed"}
cd "$root" || exit 2
program reference tests/exact/reference.c || exit 1
for nn in $models; do
  m=$tmp/$(basename "$nn"); mkdir "$m"
  { "$tmp/reference" "$nn.nn" 6 "$m" >"$m/want" && "$gradc" emit --c "$nn.nn" -o "$m"; } || exit 1
done

cat >"$tmp/row" <<'S' # row NUMBER GROUP|MODEL|MAIN|RUN
here=$1; tmp=$2; at=$3
line=$(printf '%s' "$4" | tr -s ' '); cc=$(echo "$line" | cut -d'|' -f2 | sed 's/^ //;s/ $//')
main=$(echo "$line" | cut -d'|' -f3 | sed 's/^ //;s/ $//'); run=$(echo "$line" | cut -d'|' -f4 | sed 's/^ //')
out=$tmp/$at.results; mkdir "$tmp/$at"; cd "$tmp/$at" || exit 1
link() { # link DIR: the program around model.o
  case $4 in
  cortex*)
    ${cc%% -O*} -w -O1 -I"$1" -I"$here/../exact" --specs=rdimon.specs -nostartfiles -T "$here/cortex.ld" \
      -Wl,--defsym=psram="$main" "$here/cortex.c" "$here/../exact/main_portable.c" model.o -o program ;;
  *) $main -w -I"$1" -I"$here/../exact" "$here/../exact/main_portable.c" model.o -o program ;; esac
}
start() {
  case $1 in
  cortex*) timeout 200 qemu-system-arm -M $run -nographic -semihosting -kernel program ;;
  *) $run ./program ;;
  esac
}
for m in "$tmp"/*/want; do
  m=$(dirname "$m"); name=$(basename "$m")
  if ! $cc -I"$m" -c "$m/$name.c" -o model.o 2>err; then
    if [ "$(grep -c 'error:' err)" = 1 ] && grep -q '#error' err; then echo 'refused' >>"$out"
    else echo "$cc: $name: $(grep error err | head -n 3)" >&2; echo 'not compiled' >>"$out"; fi
    continue
  fi
  sed -i '/^clang: warning: overriding/d' err
  [ ! -s err ] || { echo "$cc: $name warns: $(head -n 3 err)" >&2; echo 'warnings' >>"$out"; }
  nm -u model.o 2>/dev/null | awk '{ print $NF }' | grep -v _GLOBAL_OFFSET_TABLE_ >>calls
  if link "$m" "" "" "$4" 2>err && start "$4" >got 2>>err && cmp -s got "$m/want"; then echo 'same bits' >>"$out"
  else echo "$cc: $name: $(head -n 3 err) $(diff got "$m/want" | head -n 3)" >&2; echo 'other bits' >>"$out"; fi
done
result=$(sort -u "$out" | tr '\n' ',' | sed 's/,$//'); [ "$result" != refused ] || result='`#error`'
case $cc in *-flto*) : >calls ;; esac # not objects yet
calls=$(sort -u calls 2>/dev/null | tr '\n' ' ' | sed 's/ $//')
echo "| \`${cc%% *}\` | \`${cc#* }\` | $result | ${calls:+\`$calls\`} |" >"$tmp/$at.row"
S
n=100
for group in "$@"; do
  grep "^$group " "$here/compilers.txt" | while IFS= read -r line; do
    n=$((n + 1)); [ $(((n - 100) % ${EVERY:-1})) -eq 0 ] || continue
    printf '%s\0%s\0%s\0%s\0' "$here" "$tmp" "$group$n" "$line"
  done
done | xargs -0 -n 4 -P 2 sh "$tmp/row"
printf '| compiler | flags | result | calls |\n|---|---|---|---|\n'
for group in "$@"; do cat "$tmp/$group"*.row; done
