# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. Where NVRTC is, the modules of models compile as gradc compiles them, and every kernel is in its
# image; the cache gives the same images, notices damage, and serves two processes at once. What is missing or refused
# is reported, wherever the tests run.
no_image() { # no_image NAME PATTERN [VARIABLE=VALUE...] FLAG...: compiling fails with this message
  what=$1 pattern=$2; shift 2
  if env "$@" "$tmp/modules" --arch=sm_90a bench/models/tiny.nn >"$tmp/log" 2>&1; then fail "$what: compiles"
  elif grep -q "$pattern" "$tmp/log"; then pass; else fail "$what: $(head -n 5 "$tmp/log")"; fi
}
# An NVRTC that refuses every text.
cat >"$tmp/refuses.c" <<'C'
#include <string.h>
int nvrtcVersion(int *a, int *b) { return *a = 13, *b = 9, 0; }
int nvrtcGetNumSupportedArchs(int *n) { return *n = 2, 0; }
int nvrtcGetSupportedArchs(int *v) { return v[0] = ARCH, v[1] = ARCH + 10, 0; }
int nvrtcCreateProgram(void **p, const char *text) { return *p = (void *)text, 0; }
int nvrtcDestroyProgram(void **p) { return *p = 0, 0; }
int nvrtcCompileProgram(void *p) { return p != 0; }
int nvrtcGetProgramLogSize(void *p, unsigned long *n) { return *n = 9, p == 0; }
int nvrtcGetProgramLog(void *p, char *s) { return strcpy(s, "model: 7"), p == 0; }
int nvrtcGetCUBINSize(void *p, unsigned long *n) { return *n = 0, p == 0; }
int nvrtcGetCUBIN(void *p, char *s) { return p == s; }
int nvrtcGetPTXSize(void *p, unsigned long *n) { return *n = 0, p == 0; }
int nvrtcGetPTX(void *p, char *s) { return p == s; }
C
nvrtc_reports() {
  for arch in 80 99; do
    check "refuses.c" ${CC:-cc} -shared -fPIC -DARCH=$arch -o "$tmp/refuses$arch.so" "$tmp/refuses.c"
  done
  mkdir "$tmp/kept"
  no_image "no NVRTC" 'E0510.*/no/such/file' GRADC_NVRTC=/no/such/file
  no_image "not NVRTC" 'E0510.*has what gradc needs' GRADC_NVRTC="$(ls /lib/*/libdl.so.2 | head -n 1)"
  no_image "a text that is refused" 'E0511.*model: 7' GRADC_NVRTC="$tmp/refuses80.so" TMPDIR="$tmp/kept"
  kept=$(sed -n 's/.*its text is in //p' "$tmp/log")
  grep -q '^GC_KERNEL(' "$kept" && pass || fail "the text that was refused is not in '$kept'"
  no_image "an old NVRTC" 'E0511.*13.9 does not know .sm_90a' GRADC_NVRTC="$tmp/refuses99.so"
}
nvrtc_reports

images() { "$tmp/modules" "$@" 2>&1; }
compiles() { # compiles FLAG... FILE...
  images "$@" >"$tmp/log"; add_counts "modules $*" $? "$tmp/log"
}
nvrtc_cache() { # the cache: FILE
  flags="--arch=sm_80 --cache=$tmp/images"
  # shellcheck disable=SC2086  # several flags
  {
    images $flags "$1" >"$tmp/first" & images $flags "$1" >"$tmp/second"; wait $!
    equal "two processes" "$(cat "$tmp/first")" "$(cat "$tmp/second")"
    grep -q '^1 passed' "$tmp/first" && pass || fail "two processes: $(cat "$tmp/first")"
    ls -i "$tmp/images" >"$tmp/entries"
    equal "incomplete entries" "$(grep -c new "$tmp/entries")" 0
    images $flags "$1" >"$tmp/second"
    equal "images of the cache" "$(cat "$tmp/first")" "$(cat "$tmp/second")"
    equal "entries, when all are there" "$(ls -i "$tmp/images")" "$(cat "$tmp/entries")"
    for entry in "$tmp/images"/*; do printf 'x' | dd of="$entry" bs=1 seek=999 conv=notrunc 2>/dev/null; done
    images $flags "$1" >"$tmp/second"
    equal "images after damage" "$(cat "$tmp/first")" "$(cat "$tmp/second")"
    images $flags --fast "$1" >"$tmp/second"
    equal "fast images" "$(grep -c "$(sed -n '1s/.* //p' "$tmp/first")" "$tmp/second")" 0
  }
}
if "$gradc" doctor --json | grep -q '"name":"nvrtc","found":true'; then
  nvrtc_cache bench/models/tiny.nn
  compiles --arch=sm_90a bench/models/mlp.nn
  compiles --arch=sm_999 bench/models/tiny.nn # PTX of the newest
  compiles --arch=compute_80 bench/models/tiny.nn
  if full; then
    compiles --arch=sm_90a --fast bench/models/lstm.nn
    compiles --arch=sm_80 examples/models/chargpt.nn tests/codegen/scan.ir tests/codegen/attend.ir
    if [ "${ALL:-}" = 1 ]; then # rtc.sh and nvcc.sh compile most of these kernels
      compiles --arch=sm_80 examples/models/*.nn tests/codegen/*.ir
      compiles --arch=sm_90a --fast bench/models/*.nn
    fi
  fi
else echo "skipped: NVRTC is not installed"; fi
