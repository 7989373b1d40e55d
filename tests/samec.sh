#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# samec.sh REV [FILE...]: shows that a change is a pure move or rename: the output for every model and graph of the tree
# (or for FILEs) is byte for byte that of commit REV (tests/samec/emit.c lists what it is). Builds both trees with their
# own tests/samec/emit.c, so REV must have it. The files are those of this tree. The output of a commit is kept in
# SAMEC_CACHE (build/samec). KEEP=DIR: leaves both outputs there. Last line: "N files the same" or "N files differ",
# status 1.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
rev=$(git rev-parse --verify --quiet "${1:-}^{commit}") || { echo "usage: tests/samec.sh REV [FILE...]" >&2; exit 2; }
shift
tmp=$(mktemp -d) || exit 2
trap 'git worktree remove --force "$tmp/tree" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

[ $# -gt 0 ] || set -- $(git ls-files 'examples/*.nn' 'bench/*.nn' 'tests/*.nn' 'tests/*.ir' |
  grep -v '^tests/golden/programs/programs')

tool() { # tool TREE: builds it; the path of its emit
  (cd "$1" && make -s all >"$tmp/log" 2>&1 && cc -std=gnu11 -O1 -I. -o build/samec-emit tests/samec/emit.c \
    $(ls build/*/*.o build/*/*/*.o | grep -vE '^build/(driver|runtime|lib|codegen/jit|cuda_host|tests|asan)/') \
    build/lib/cost.o build/embed.o -lm >>"$tmp/log" 2>&1) ||
    { cat "$tmp/log" >&2; echo "samec: $1 does not build" >&2; exit 2; }
}
generate() { # generate EMIT DIR FILE...: by as many processes as there are processors
  emit=$1; to=$2; shift 2
  mkdir -p "$to"
  printf '%s\n' "$@" | xargs -P "$(nproc)" -n 8 "$emit" "$to"
}

key=$(printf '%s\n' "$@" | cat - "$@" | sha1sum | cut -c 1-12)
cache=${SAMEC_CACHE:-$root/build/samec}
old=$cache/$rev-$key
if [ ! -d "$old" ]; then
  git worktree add --quiet --detach "$tmp/tree" "$rev" || exit 2
  tool "$tmp/tree" || exit 2
  generate "$tmp/tree/build/samec-emit" "$tmp/old" "$@"
  mkdir -p "$cache" && mv "$tmp/old" "$old" || exit 2
fi
tool "$root" || exit 2
generate "$root/build/samec-emit" "$tmp/new" "$@"
if [ -n "${KEEP:-}" ]; then mkdir -p "$KEEP" && cp -r "$old" "$KEEP/old" && cp -r "$tmp/new" "$KEEP/new"; fi
diff -rq "$old" "$tmp/new" >"$tmp/diff"
n=$(wc -l <"$tmp/diff")
if [ "$n" -gt 0 ]; then
  first=$(sed -n '1s/^Files \(.*\) and .* differ$/\1/p' "$tmp/diff")
  sed "s|$old/||;s|$tmp/new/||" "$tmp/diff" | head -n 20
  [ -z "$first" ] || diff "$first" "$tmp/new/$(basename "$first")" | head -n 20
  echo "$n files differ"
  exit 1
fi
now=$cache/$(git rev-parse HEAD)-$key
[ -d "$now" ] || [ -n "$(git status --porcelain -uno)" ] || mv "$tmp/new" "$now"
echo "$(find "$old" -type f | wc -l) files the same"
