# Sourced by suites, which are called as `run.sh GRADC BUILD`: both as whole paths in $gradc and $build, the source tree in
# $root, a folder in $tmp that goes when the suite ends, and the counting of results, which `counts` prints at the end.
root=$(cd "$(dirname "$0")/../.." && pwd)
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); build=$(cd "$2" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0; failed=0
full() { [ "${FULL:-}" = 1 ]; } # whether everything runs (make check-all), or a share (make check)
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL  $*"; }
equal() { if [ "$2" = "$3" ]; then pass; else fail "$1: $2 is not $3"; fi; } # NAME GOT WANTED
check() { # WHAT COMMAND...
  what=$1; shift
  if "$@" >"$tmp/log" 2>&1; then pass; else fail "$what: $(tail -n 5 "$tmp/log")"; fi
}
counts() {
  echo "$passed passed, $failed failed"
  [ $failed -eq 0 ]
}
