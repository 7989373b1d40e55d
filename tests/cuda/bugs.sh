#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bugs.sh ROOT BUILD [NAME]: plants each fault of bugs.tsv in a copy of the test kernels, runs their check, and prints
# how the fault is found. FULL=1: all of them. The last line is "N passed, N failed".
root=$1; build=$2; only=${3:-}; here=$root/tests/cuda
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0; failed=0; tab=$(printf '\t')

plant() { # plant FILE EXPRESSION: false if it changes nothing
  rm -rf "$tmp/kernels"; cp -r "$here/kernels" "$tmp/kernels"
  sed "$2" "$here/kernels/$1" >"$tmp/kernels/$1"
  ! cmp -s "$here/kernels/$1" "$tmp/kernels/$1"
}
compile() { # compile SOURCE FLAG...
  source=$1; shift
  case " $* " in *" -DWGMMA "*) kernels=wgmma ;; *) kernels=$source; [ "$source" = gemm ] && kernels=mma ;; esac
  ${CC:-cc} -std=gnu11 -x c -w -ffp-contract=off -O1 -fno-tree-vectorize -fsanitize=thread -g1 -I"$root" -I"$here" \
    "$@" -DKERNELS="\"$tmp/kernels/$kernels.cu\"" -c "$here/check/$source.c" -o "$tmp/check.o" 2>"$tmp/log" &&
    ${CC:-cc} "$tmp/check.o" "$build/libgradc_cuda_host.a" -o "$tmp/check" -lm -ldl -lpthread 2>>"$tmp/log"
}
ways() { # the ways in which the output of a check shows a fault, with ", " between them
  {
    awk '/deadlock/ { print "deadlock" } /: a race/ { print "race" } /never written/ { print "uninitialised" }
      /outside of/ { print "bounds" } /in flight/ { print "in flight" } /no fence.proxy/ { print "no fence" }
      /not aligned/ { print "alignment" }
      /different instructions|lane that is not there|without all lanes|warp waits for it/ { print "divergence" }
      /mbarrier|setmaxnreg|wgmma.fence|named barrier|descriptor/ && /\(block/ { print "protocol" }
      /^wrong/ { print "wrong" } /^other bits/ { print "other bits" }' "$tmp/out"
    awk -F '\t' '$1 == "traffic" { if ($5 > $6) print "bank conflicts"; if ($3 > 1.1 * $4) print "sectors" }' "$tmp/out"
    [ "$1" -eq 124 ] && echo "no end"
    [ "$1" -gt 124 ] && echo "a signal"
  } | sort -u | awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }'
}
bug() { # bug NAME WAY FILE EXPRESSION CHECK
  # shellcheck disable=SC2086  # a source and its flags
  if ! plant "$3" "$4"; then how="nothing: the expression changes no line"
  elif ! compile $5; then how="the compiler: $(head -n 1 "$tmp/log")"
  else timeout 30 "$tmp/check" >"$tmp/out" 2>&1; how=$(ways $?)
  fi
  echo "$1: found by ${how:-nothing}"
  case ", $how, " in *", $2, "*) passed=$((passed + 1)) ;; *) failed=$((failed + 1)); echo "FAIL  $1: not by $2" ;; esac
}
while IFS=$tab read -r name way file expression check share; do
  case $name in '#'*) continue ;; esac
  if [ -n "$only" ]; then [ "$only" = "$name" ] || continue
  elif [ "${FULL:-}" != 1 ]; then [ "$share" = '*' ] || continue
  fi
  bug "$name" "$way" "$file" "$expression" "$check"
done <"$here/bugs.tsv"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
