# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh: doctor, on this machine and on ones with other compilers, drivers and GPUs.
field() { sed -n "/\"name\":\"$1\"/s/.*\"$2\":\"*\([^,\"}]*\).*/\1/p" out; } # field NAME KEY
says() { # says NAME KEY VALUE
  equal "doctor's $2 of $1" "$(field "$1" "$2")" "$3"
}
expect 0 '^gradc  *[0-9]' doctor
for name in cc clang vectors nvrtc nvcc driver gpu libpng libjpeg http cache; do
  grep -q "^$name  *[^ ]" out && pass || fail "doctor says nothing of $name"
done
expect 2 "unexpected operand" doctor product.nn
expect 0 '' doctor --json
check "doctor --json" json_lines out
says cc found true
case $("$gradc" --version) in *clang*) says clang found true ;; *) says clang found false ;; esac

# A driver with two GPUs, and one that does not start.
cat >driver.c <<'C'
#include <stddef.h>
#include <stdio.h>
int cuInit(unsigned flags) { return INIT + (int)flags; }
int cuDriverGetVersion(int *v) { return *v = 12040, 0; }
int cuDeviceGetCount(int *n) { return *n = 2, 0; }
int cuDeviceGet(int *d, int i) { return *d = 7 + i, 0; }
int cuDeviceGetName(char *s, int n, int d) { return snprintf(s, (size_t)n, "Test %d", d), d < 7; }
int cuDeviceGetAttribute(int *v, int a, int d) { return *v = a == 75 ? 8 + d - 7 : a == 76 ? 0 : -1, 0; }
int cuDeviceTotalMem_v2(size_t *n, int d) { return *n = (size_t)40 << 30, d > 7; }
C
for init in 0 999; do
  mkdir -p lib$init
  check "the driver compiles" ${CC:-cc} -shared -fPIC -DINIT=$init -o lib$init/libcuda.so.1 driver.c
done
LD_LIBRARY_PATH=$PWD/lib0 "$gradc" doctor --json >out 2>&1
says driver found true
says driver version "for CUDA 12.4"
says driver path "$PWD/lib0/libcuda.so.1"
equal "doctor's GPUs" "$(field gpu version | tr '\n' '|')" "Test 7|GPU 1: the driver does not describe it|"
LD_LIBRARY_PATH=$PWD/lib999 "$gradc" doctor --json >out 2>&1
says driver found false
says driver why "it does not start: error 999 of CUDA"
says gpu found false

# Compilers: none in $PATH; a file that is not NVRTC; a cache folder that cannot be made.
mkdir none
(PATH=$PWD/none GRADC_NVRTC=$PWD/lib0/libcuda.so.1 HOME='' XDG_CACHE_HOME='' "$gradc" doctor --json >out 2>&1)
says cc found false
says cc why "there is no cc in \$PATH"
says nvrtc found false
grep -q '"name":"nvrtc".*lib0/libcuda.so.1: not an NVRTC' out && pass ||
  fail "doctor on a file that is not NVRTC: $(grep nvrtc out)"
says cache found false
GRADC_NVRTC=/no/such/file "$gradc" doctor >out 2>&1
grep -q "missing: /no/such/file: cannot open" out && pass || fail "doctor without NVRTC: $(grep nvrtc out)"
equal "files that doctor left" "$(ls -A ../t)" ""
