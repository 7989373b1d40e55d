# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh: the driver of the host form. calls: every function, in each mode. misuse: errors and their
# messages. order: faults of synchronisation that are planted, each must be found. fail: calls that are to fail. layout:
# cu.h has what cuda.h has, where that is. What is left at exit is an error.
driver() { # driver NAME FLAG...: compiles driver/NAME.c over the library that takes the place of libcuda.so.1
  name=$1; shift
  # shellcheck disable=SC2086  # several flags
  ${CC:-cc} $kernel_flags -O1 "$@" -c "$here/driver/$name.c" -o "$tmp/driver.o" 2>"$tmp/log" && [ ! -s "$tmp/log" ] &&
    ${CC:-cc} "$tmp/driver.o" "$build/libgradc_cuda_driver.so" -Wl,-rpath,"$build" -o "$tmp/driver_$name" -lm &&
    return
  fail "driver/$name.c does not compile: $(head -n 5 "$tmp/log")"; return 1
}
driver_run() { # driver_run NAME VARIABLE=VALUE...
  what="driver $*"; program=$tmp/driver_$1; shift
  (cd "$tmp" && env "$@" timeout 60 "$program") >"$tmp/driver.log" 2>&1
  add_counts "$what" $? "$tmp/driver.log"
}
# shellcheck disable=SC2086  # several flags
if driver calls $HOOKS; then
  for workers in 1 4; do driver_run calls GC_HOOKS=0 GC_DRIVER_LEAKS=1 GC_HOST_WORKERS=$workers; done
  for order in rising falling random; do
    driver_run calls GC_HOOKS=0 GC_DRIVER_LEAKS=1 GC_DRIVER_LAZY=1 GC_ORDER=$order
    driver_run calls GC_DRIVER_LEAKS=1 GC_DRIVER_LAZY=1 GC_ORDER=$order GC_HOOKS=1
  done
  check "sectors and wavefronts by kernel" grep -Eq '^k_sum +1 +[0-9.]+ +132 +132 +180 +180 ' "$tmp/driver.log"
fi
if driver misuse; then
  driver_run misuse GC_DRIVER_DEVICES=2 GC_DRIVER_BYTES=1048576
  driver_run misuse GC_DRIVER_DEVICES=2 GC_DRIVER_BYTES=1048576 GC_DRIVER_LAZY=1
fi
# shellcheck disable=SC2086  # several flags
if driver order $HOOKS; then
  driver_run order
  grep ': found by (' "$tmp/driver.log"
fi
if driver fail; then driver_run fail; fi

cuda_h=${CUDA_HOME:-/usr/local/cuda}/include
if [ -f "$cuda_h/cuda.h" ]; then
  grep -oE '\bCU[A-Z0-9_]* = [0-9]' "$root/codegen/cuda/host/cu.h" | sed 's/\(.*\) = .*/V(\1)/' >"$tmp/values.h"
  for of in gradc cuda; do
    cuda=; [ $of = gradc ] || cuda="-DCUDA -I$cuda_h"
    # shellcheck disable=SC2086  # several flags
    ${CC:-cc} $kernel_flags $cuda -DVALUES="\"$tmp/values.h\"" "$here/driver/layout.c" -o "$tmp/layout_$of" \
      2>"$tmp/log" && "$tmp/layout_$of" >"$tmp/layout_$of.txt"
    cat "$tmp/log"
  done
  check "cu.h and cuda.h" diff "$tmp/layout_gradc.txt" "$tmp/layout_cuda.txt"
else
  echo "skipped: no cuda.h in $cuda_h"
fi
if [ -f "$cuda_h/cublasLt.h" ]; then
  grep -oE '\b(CUBLAS|CUDA_R)[A-Z0-9_]* = [0-9]' "$root/codegen/cuda/host/cublaslt.h" | sed 's/\(.*\) = .*/V(\1)/' \
    >"$tmp/values.h"
  for of in gradc cuda; do
    cuda=; [ $of = gradc ] || cuda="-DCUDA -I$cuda_h"
    # shellcheck disable=SC2086  # several flags
    ${CC:-cc} $kernel_flags $cuda -DVALUES="\"$tmp/values.h\"" "$here/driver/cublaslt.c" -o "$tmp/lt_$of" -ldl \
      2>"$tmp/log" && "$tmp/lt_$of" >"$tmp/lt_$of.txt"
    cat "$tmp/log"
  done
  check "cublaslt.h and cublasLt.h" diff "$tmp/lt_gradc.txt" "$tmp/lt_cuda.txt"
  check "its descriptors" "$tmp/lt_gradc" "$build/libgradc_cuda_driver.so"
  lt=$("$gradc" doctor --json | sed -n 's/.*"cublaslt","found":true.*"path":"\([^"]*\)".*/\1/p')
  if full && [ -n "$lt" ]; then check "descriptors of $lt" "$tmp/lt_gradc" "$lt"; fi
else
  echo "skipped: no cublasLt.h in $cuda_h"
fi
