# SPDX-License-Identifier: Apache-2.0
# Sourced by every suite, which check.sh runs as `run.sh GRADC BUILD`. Sets $gradc and $build (absolute paths), $root
# (the source tree) and $tmp (a folder that is removed at exit), counts results, and prints the counts with `counts`.
# FULL=1 in the environment (make check-all) runs every case; otherwise a suite may run a share (make check).
root=$(cd "$(dirname "$0")/../.." && pwd)
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); build=$(cd "$2" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
unset MAKEFLAGS MAKELEVEL # those of `make check` would add a warning to the output of a make that a test starts
passed=0; failed=0; marked=0
full() { [ "${FULL:-}" = 1 ]; }
pass() { passed=$((passed + 1)); }
# A function at the end of a pipe counts in its own shell: `counts` finds its failures in the file.
fail() { failed=$((failed + 1)); marked=$((marked + 1)); echo "FAIL  $*"; echo >>"$tmp/.marks"; }
equal() { if [ "$2" = "$3" ]; then pass; else fail "$1: $2 is not $3"; fi; } # equal NAME GOT WANTED
near() { # near NAME LOSS WANTED [RELATIVE]
  if awk "BEGIN { d = (${2:-nan}) - (${3:-nan}); r = ${4:-1e-5} * ($3); exit !(d * d < r * r) }"; then pass
  else fail "$1: $2 is not near $3"; fi
}
check() { # check NAME COMMAND...: passes if the command's status is 0
  what=$1; shift
  if "$@" >"$tmp/log" 2>&1; then pass; else fail "$what: $(tail -n 5 "$tmp/log")"; fi
}
# add_counts NAME STATUS FILE: adds the last "N passed, N failed" of a program's output, shows failures.
add_counts() {
  [ -e "$tmp/.marks" ] && failed=$((failed + $(wc -l <"$tmp/.marks") - marked))
  line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed' "$3" | tail -n 1)
  p=${line%% *}; f=${line#*, }; f=${f%% *}
  if [ -z "$line" ] || { [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; }; then
    fail "$1: status $2"; tail -n 12 "$3"
  elif [ "$f" -gt 0 ]; then
    echo "FAIL  $1:"; grep -avE '^(ok|PASS)|[0-9]+ passed, [0-9]+ failed' "$3" | head -n 60
  fi
  passed=$((passed + ${p:-0})); failed=$((failed + ${f:-0}))
}
tally() { # tally NAME COMMAND...: add_counts of a command that prints "N passed, N failed"
  what=$1; shift
  "$@" >"$tmp/tally" 2>&1; add_counts "$what" $? "$tmp/tally"
}
# objects [FOLDER...]: those of the compiler, and of FOLDERs
objects() { sh "$root/tests/objects.sh" "$build" ir frontend passes codegen "$@"; echo "$build/embed.o"; }
program() { # program NAME SOURCE|FLAG...: compiles the test program $tmp/NAME over these objects; counts only a failure
  name=$1; shift
  # shellcheck disable=SC2046  # several objects
  ${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -I"$root" -I"$build" -o "$tmp/$name" $(objects) "$@" \
    -lm -ldl -lpthread 2>"$tmp/log" && return
  fail "$name does not compile: $(head -n 5 "$tmp/log")"; return 1
}
sanitized() { # sanitized NAME SOURCE...: the same with the sanitizers, over the archive of asan.sh, or over $asan
  name=$1; shift
  # shellcheck disable=SC2086  # several objects
  cc -std=gnu11 -Wall -Wextra -O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$root" -I"$build" \
    -o "$tmp/$name" "$@" ${asan:-"$build/tests/asan/gradc.a" "$build/embed.o"} -lm -ldl -lpthread 2>"$tmp/log" && return
  fail "$name does not compile: $(head -n 5 "$tmp/log")"; return 1
}
# Without FULL=1: from here on, programs that gradc builds by cc are compiled without optimisation, apart from units
# that have a level of their own; and a GEMM unit that has been compiled with the same flags is copied.
quick_cc() {
  full && return
  mkdir "$tmp/quick_cc"
  { echo '#!/bin/sh'; echo "units='$tmp/quick_cc' cc='$(command -v cc)'"; cat <<'S'
case " $* " in
*/gemm.c\ *) # -c -o OBJECT SOURCE are the last
  eval "object=\${$(($# - 1))} source=\${$#}"
  unit=$units/$({ echo "$*" | sed 's/ -c -o .*//'; cat "$source"; } | cksum | tr ' ' _).o
  [ -f "$unit" ] || "$cc" "$@" || exit
  [ -f "$unit" ] && exec cp "$unit" "$object"
  cp "$object" "$unit.$$" && exec mv "$unit.$$" "$unit" ;;
*" -fpeel-loops "*" -O1 "* | *" -Ofast "*) ;;
*" -fpeel-loops "*) set -- "$@" -O0 ;;
*" -O1 "*) ;;
*" -O3 "*) set -- "$@" -O0 ;;
esac
exec "$cc" "$@"
S
  } >"$tmp/quick_cc/cc"
  chmod +x "$tmp/quick_cc/cc"
  PATH=$tmp/quick_cc:$PATH
}
# What a training binary prints with --json, from standard input.
hash_of() { sed -n 's/.*"weights_hash":"\([0-9a-f]*\)".*/\1/p' | tail -n 1; }
loss_of() { sed -n 's/.*"event":"done".*"loss":\([-+0-9.e]*\).*/\1/p' | tail -n 1; }
counts() {
  echo "$passed passed, $failed failed"
  [ $failed -eq 0 ]
}
