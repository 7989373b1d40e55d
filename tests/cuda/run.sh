#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the device primitives, and kernels that use them, on a CPU over the host form (docs/cuda_host.md).
# The driver: driver.sh; what a GPU is to run: dry_run.sh. Then what gradc emits as CUDA: ops.sh, models.sh, races.sh,
# report.sh, program.sh, product.sh, nvrtc.sh, nvcc.sh; embed.sh: emitted models in other programs; hooks.sh: programs
# with the checks of memory.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/cuda
host=$build/libgradc_cuda_host.a
# kernel_flags: C over the host form. HOOKS adds the checks of memory.
kernel_flags="-std=gnu11 -x c -Wall -Wextra -Wno-unused-function -ffp-contract=off -I$root -I$here"
HOOKS="-fno-tree-vectorize -fsanitize=thread -g1"

kernel() { # kernel PROGRAM SOURCE FLAG...: compiles a program of kernels; counts only a failure
  out=$tmp/$1; text=$2; shift 2
  # shellcheck disable=SC2086  # several flags
  if ${CC:-cc} $kernel_flags "$@" -c "$text" -o "$out.o" 2>"$tmp/log" && [ ! -s "$tmp/log" ] &&
    ${CC:-cc} "$out.o" "$host" -o "$out" -lm -ldl -lpthread 2>"$tmp/log"; then return 0; fi
  fail "${text##*/} does not compile: $(head -n 5 "$tmp/log")"; return 1
}

# Each primitive by its definition, and its hash: prim.tsv is what a GPU prints, too.
# shellcheck disable=SC2086  # several flags
if kernel prim "$here/prim.cu" -O1 $HOOKS; then
  timeout 60 "$tmp/prim" >"$tmp/prim.log" 2>&1; add_counts prim $? "$tmp/prim.log"
  check "hashes of the primitives" sh -c "grep -E '	[0-9a-f]{16}\$' '$tmp/prim.log' | diff '$here/prim.tsv' -"
fi

# Test kernels of each family: compared with references in all schedules, then with the checks of memory. Memory
# transactions: shared memory without bank conflicts, at most a tenth more sectors than the minimum, and no more than
# traffic.tsv says.
family() { # family SOURCE FLAG...
  source=$1; shift
  # shellcheck disable=SC2086  # several flags
  kernel family "$here/check/$source.c" -O1 $HOOKS "$@" || return
  timeout 120 "$tmp/family" >"$tmp/family.log" 2>&1; add_counts "$source $*" $? "$tmp/family.log"
  sed -n 's/^traffic	//p' "$tmp/family.log" >>"$tmp/traffic.tsv"
}
families() {
  family row; family move; family simt; family simt -DALIGNED=0; family attend; family gemm; family gemm -DWGMMA
  full || return
  family attend -DCAUSAL=0; family gemm -DWGMMA -DBN=256
  for major in "1 1" "0 0" "0 1"; do
    major="-DA_ALONG_K=${major% *} -DB_ALONG_K=${major#* }"
    # shellcheck disable=SC2086  # several flags
    family gemm $major; family gemm -DWGMMA $major; family gemm -DWGMMA -DBN=256 $major
  done
}
traffic() { # fails for a kernel that moves more than it should, or more than traffic.tsv says
  awk -F '\t' -v table="$here/traffic.tsv" 'FILENAME == table { sectors[$1] = $2; waves[$1] = $4; next }
    $4 != $5 { print $1 ": " $4 " wavefronts of shared memory, " $5 " would do" }
    $2 > 1.1 * $3 { print $1 ": " $2 " sectors, " $3 " would do" }
    !($1 in sectors) { print $1 " is not in traffic.tsv"; next }
    $2 > sectors[$1] || $4 > waves[$1] { print $1 ": " $2 " sectors, " $4 " wavefronts: more than in traffic.tsv" }
  ' "$here/traffic.tsv" "$tmp/traffic.tsv" >"$tmp/worse"
  cat "$tmp/worse"; [ ! -s "$tmp/worse" ]
}
families
check "memory transactions" traffic

# Planted faults, each with how it is found.
"$here/bugs.sh" "$root" "$build" >"$tmp/bugs.log" 2>&1; add_counts bugs $? "$tmp/bugs.log"
grep ': found by ' "$tmp/bugs.log"

# What the CUDA compilers say of the same kernels, and of those of models, where they are installed.
# shellcheck disable=SC2046  # several objects
program modules "$here/modules.c" $(sh "$root/tests/objects.sh" "$build" codegen/jit)
"$here/rtc.sh" "$root" "$tmp/modules" >"$tmp/rtc.log" 2>&1; add_counts rtc $? "$tmp/rtc.log"
grep -E '^(NVRTC|nvcc|skipped|  )' "$tmp/rtc.log"

cd "$root" || exit 2
quick_cc
for part in driver hooks dry_run ops models embed races report program product nvrtc nvcc; do
  [ $part != nvcc ] || full || continue
  part_begin=$(date +%s)
  . "$here/$part.sh"
  echo "$part: $(($(date +%s) - part_begin)) s"
done
counts
