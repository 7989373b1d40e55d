#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: docs/contributing.md is followed on a copy of the tree, so that it cannot go stale. Every block
# has a place (blocks.awk), what the page quotes and names exists, and what the examples change compiles. The files of
# each folder include only what internals.md allows, are formatted and name their licence. Pages of docs/tutorial are
# followed. FULL=1 also builds the copy with the op and the pass, runs the suites that the page names for them, and sees
# them fail without a piece.
. "$(dirname "$0")/../suite.sh"
page=$root/docs/contributing.md; blocks=$tmp/blocks; tree=$tmp/tree
mkdir "$blocks" "$tree"
awk -v folder="$blocks" -f "$root/tests/docs/blocks.awk" "$page" >"$tmp/list"

# ---- the copy; times are kept, for make ----
(cd "$root" && tar cf - Makefile ./*.md LICENSE bench codegen docs driver editors examples export frontend import \
  ir lib passes prim python runtime serve std tests weights) | tar xf - -C "$tree"

insert() { # insert BLOCK FILE PLACE TEXT: before or after the one line that contains TEXT
  block=$blocks/$1 place=$3 text=$4 awk '
    BEGIN { while ((getline line <ENVIRON["block"]) > 0) new = new line "\n" }
    { hit = index($0, ENVIRON["text"]) > 0; found += hit }
    hit && ENVIRON["place"] == "before" { printf "%s", new }
    { print }
    hit && ENVIRON["place"] == "after" { printf "%s", new }
    END { exit found != 1 }' "$2" >"$tmp/changed" || { echo "$2: not one line has: $4"; return 1; }
  cp "$tmp/changed" "$2"
}
has_lines() { # has_lines FILE BLOCK: whether the file has these lines in sequence, at any indentation
  awk '{ sub(/^ +/, ""); text[FILENAME == ARGV[1]] = text[FILENAME == ARGV[1]] "\n" $0 }
    END { exit !index(text[1] "\n", text[0] "\n") }' "$1" "$2" && return
  echo "$1 does not have the lines of the page"; return 1
}
apply() { # apply BLOCK EXAMPLE FILE PLACE TEXT, of a line of the list
  case $2/$4 in
  quoted/-) has_lines "$3" "$blocks/$1" ;;
  */new) [ ! -e "$3" ] && mkdir -p "$(dirname "$3")" && cp "$blocks/$1" "$3" ;;
  */end) { echo; cat "$blocks/$1"; } >>"$3" ;;
  */before | */after) insert "$1" "$3" "$4" "$5" ;;
  *) echo "no comment, no block, or an unknown place (blocks.awk lists them)"; return 1 ;;
  esac
}
cd "$tree" || exit 2
while read -r n example file place text; do
  check "block $n, $example in $file" apply "$n" "$example" "$file" "$place" "$text"
done <"$tmp/list"
for example in sqdiff scaled unview quoted; do
  grep -q "^[0-9]* $example " "$tmp/list" && pass || fail "no block of $example"
done

# ---- std.md is that of the sources, every def says what it is, and every function of the compiler is in a page ----
awk -f docs/std.awk frontend/builtins/*.c std/*.nn runtime/schedule.nn runtime/optim.nn runtime/lbfgs.nn >"$tmp/std.md"
check "docs/std.md is not that of the sources: awk -f docs/std.awk ..." cmp "$tmp/std.md" docs/std.md
mute=$(awk '/^- `/ { if (entry != "" && !said) print entry; entry = $0; said = /  $/ } END { if (!said) print entry }' \
  "$tmp/std.md" | grep -F ': ' | head -n 5)
equal "defs of std without a comment" "$mute" ""
sed -n 's/^  {"\([a-z_0-9]*\)", "[^"]*", [a-z_]*},*.*/\1/p' frontend/builtins/*.c | while read -r name; do
  grep -q "\`$name\`\|\`$name(\|[( \`]$name[ (]" docs/std.md docs/language.md || echo "$name"
done >"$tmp/absent"
equal "functions of the compiler in no page" "$(cat "$tmp/absent")" ""

# ---- proof.md is that of the tests, and each name has a proof ----
awk -f docs/proof.awk docs/std.md tests/golden/programs/exceptions.txt tests/golden/ops/ops.txt \
  tests/random/nn/gen_std*.c tests/golden/programs/*.nn tests/golden/programs/train/*.nn \
  tests/front/elab/*_values.nn tests/golden/properties.nn >"$tmp/proof.md"
check "docs/proof.md is not that of the tests: awk -f docs/proof.awk ..." cmp "$tmp/proof.md" docs/proof.md
[ "$(grep -c '^| `' "$tmp/proof.md")" -ge 300 ] && pass || fail "docs/proof.md lacks names"
equal "names without a proof" "$(grep '^| `[a-z0-9_]*` *[| ]*$' "$tmp/proof.md")" ""

# ---- from-pytorch.md: 200 names at least, and every function of the second column is one of the compiler ----
awk -F '|' '/^[|] `/ { print $3 }' docs/from-pytorch.md >"$tmp/column"
[ "$(wc -l <"$tmp/column")" -ge 200 ] && pass || fail "from-pytorch.md has fewer than 200 rows"
{
  echo 'def names() { ['
  grep -oE '[a-z_0-9]+[(]' "$tmp/column" | tr '(' ',' | sort -u | grep -vE '^[fi](16|32),'
  echo '1] }'
} >"$tmp/names.nn"
check "from-pytorch.md names what is not there" "$gradc" check "$tmp/names.nn"
sed 's/^relu,/reluu,/' "$tmp/names.nn" >"$tmp/no.nn"
equal "an unknown name is refused" "$("$gradc" check "$tmp/no.nn" 2>&1 | grep -c "^error\[E0201\]")" 1

# ---- the tutorial, as a reader follows it; without FULL=1 one page; the one with qemu is of the suite isa ----
pages=docs/tutorial/nan.md; full && pages=$(ls docs/tutorial/*.md | grep -v microcontroller)
# shellcheck disable=SC2086  # several pages
tally tutorial python3 "$root/tests/docs/tutorial.py" "$gradc" "$root" $pages

# ---- names: a path exists, any other word is in the sources ----
find Makefile codegen driver export frontend import ir lib passes prim runtime serve std tests weights \
  -type f ! -path 'tests/docs/*' -exec cat {} + >"$tmp/sources"
find . | sed 's|^\./||' >"$tmp/paths"
awk '/^ *```/ { inside = !inside } !inside' "$page" | grep -oE '`[^` ]+`' | tr -d '`' | sort -u >"$tmp/names"
there() { # there NAME
  case $1 in
  -* | .* | *NAME* | *\**) ;;
  */* | *.[a-z]*) grep -qE "(^|/)$(printf '%s' "${1%/}" | sed 's/[.]/[.]/g')\$" "$tmp/paths" ;;
  *) grep -qwF -e "${1%()}" "$tmp/sources" ;;
  esac
}
while read -r name; do
  there "$name" && pass || fail "the page names \`$name\`, which is not there"
done <"$tmp/names"
for suite in $(sed -n 's/.*Run: `\([a-z ]*\)`.*/\1/p' "$page"); do
  [ -f "tests/$suite/run.sh" ] && pass || fail "the page names the suite $suite"
done

# ---- style: .clang-format by its version, where it is installed; the licence in the first lines ----
sources() { # without what is installed there
  (cd "$root" && find bench codegen driver editors export frontend import ir lib passes prim python runtime \
    serve tests weights \
    -name .venv -prune -o -name "$@" -print)
}
case $(clang-format --version 2>/dev/null) in
*'version 14.'*)
  # shellcheck disable=SC2046  # several files
  check formatted sh -c 'cd "$1" && shift && clang-format --dry-run -Werror "$@"' sh "$root" $(sources '*.[ch]') ;;
esac
unmarked=$(cd "$root" && for f in $(sources '*.[chy]') $(sources '*.def') $(sources '*.cpp') $(sources '*.cu') \
  $(sources '*.sh') $(sources '*.py') Makefile; do
  head -n 2 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"; done)
if [ -z "$unmarked" ]; then pass; else fail "no SPDX line: $unmarked"; fi

# Columns are characters, not bytes.
long=$(cd "$root" && find bench codegen docs driver editors examples export frontend import ir lib passes prim \
  runtime serve tests weights -name .venv -prune -o -type f -regex '.*[.]\(awk\|[chy]\|cpp\|cu\|def\|inc\|sh\)' \
  -exec env LC_ALL=C.UTF-8 grep -HnE '.{121}' {} + | cut -d : -f 1,2)
equal "lines above 120 columns" "$long" ""

# ---- includes: as the table of folders in internals.md says; a target's folder only within codegen/ ----
only_includes() { # only_includes PATTERN PATH...: headers in other folders match the pattern
  pattern=$1; shift
  ! grep -rE '^ *# *include "[^"]*/' --include='*.[chy]' --include='*.cpp' --include='*.def' --include='*.inc' "$@" |
    grep -vE "include \"($pattern)\""
}
codegen='(prim|ir|passes)/.*|codegen/'
check "includes of prim" only_includes nothing prim
check "includes of weights" only_includes '(weights|runtime)/.*' weights
check "includes of ir" only_includes '(prim|ir)/.*' ir
check "includes of frontend" only_includes '(ir|frontend)/.*' frontend
check "includes of passes" only_includes '(ir|passes)/.*' passes
check "includes of codegen" only_includes "$codegen.*" codegen
check "includes of codegen/*.c" only_includes "$codegen[^/]*" codegen/*.[ch]
check "includes of codegen/text" only_includes "$codegen(text/)?[^/]*" codegen/text
check "includes of lib" only_includes '(ir|frontend|passes|runtime|lib)/.*|codegen/((build|jit)/)?[^/]*' lib
check "includes of import" only_includes '(ir|import)/.*|lib/embed.h|runtime/(io|protobuf).h' import
check "includes of export" only_includes '(ir|export)/.*|import/onnx.h' export
check "includes of driver" only_includes \
  '(import|export|weights|ir|frontend|passes|runtime|lib|driver)/.*|serve/http_version.h|codegen/((build|jit)/)?[^/]*' \
  driver
check "includes of serve" only_includes '(serve|runtime)/.*|(arpa|netinet)/.*' serve
check "includes of runtime" only_includes '[.][.]/prim/.*' runtime

# ---- what is cheap ----
for file in $(awk '$2 != "quoted" && $3 ~ /[.]c$/ { print $3 }' "$tmp/list" | sort -u); do
  check "$file" ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I. -I"$build" "$file"
done
tally scaled.nn "$gradc" test scaled.nn
full || { counts; exit; }

# ---- the op and the pass: built, accepted, and refused without a piece ----
built() { make -s CC="${CC:-cc}" CFLAGS="${CFLAGS:--O1}"; }
op_tests() { (root=$tree; build=$tree/build; program ops tests/ops/[!p]*.c && "$tmp/ops"); }
suites() { sed -n "/^## $1\$/,/Run: /s/.*Run: \`\(.*\)\`.*/\1/p" "$page"; }
refused() { # refused FILE MESSAGE COMMAND: with the file as it is in the tree the command fails with that message
  cp "$1" "$tmp/kept"; cp "$root/$1" "$1"
  if ! $3 >"$tmp/log" 2>&1 && grep -q "$2" "$tmp/log"; then pass; else fail "without $1: $(tail -n 5 "$tmp/log")"; fi
  cp "$tmp/kept" "$1"
}
# Dependencies are relative to the tree only for its own build folder.
if [ "$build" = "$root/build" ]; then
  mkdir build && (cd "$build" && tar cf - --exclude=./tests --exclude=./samec .) | tar xf - -C build
fi
check "make" built
./gradc ops --markdown >docs/ops.md
# Without exact and cli, which run for minutes and have no case for an op or a pass.
for suite in $(printf '%s\n' $(suites "An op") $(suites "A pass") | grep -vE '^(exact|cli)$' | sort -u); do
  FULL='' tally "$suite" sh "tests/$suite/run.sh" ./gradc build
done
refused tests/ops/elem.c 'no reference for `sqdiff`' op_tests
refused ir/op_elem_jvp.c jvp_sqdiff built
counts
