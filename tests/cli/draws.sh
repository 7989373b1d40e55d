# SPDX-License-Identifier: Apache-2.0
# Random numbers of exports differ from call to call and follow from the run's seed: the same in the program, in C for a
# device and in the interpreter. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >d.nn <<'N'
def cell(x: f32[3], c: f32[3]) { c + uniform(x) }
export def f(x: f32[3]) -> f32[3] { x + uniform(x) }
export def g(x: f32[4, 3]) -> f32[3] { a = scan(x, 0, cell, zeros(3)); a[3] + 0 * normal(a[3]) }
export def still(x: f32[3]) -> f32[3] { x * 2 }
N
"$gradc" build d.nn -o d --fp=strict || fail "d.nn does not compile"
for i in $(seq 12); do echo 0,0,0; done >z3
for i in $(seq 12); do echo 0,0,0,0,0,0,0,0,0,0,0,0; done >z12
for fn in f:z3 g:z12; do
  in=${fn#*:}; fn=${fn%:*}
  ./d predict --fn $fn --input $in --seed 7 >a && [ "$(sort -u a | wc -l)" = 12 ] && pass ||
    fail "$fn: 12 calls: $(sort -u a | wc -l) results"
  [ "$(tr , '\n' <a | sort -u | wc -l)" = 36 ] && pass || fail "$fn: $(tr , '\n' <a | sort -u | wc -l) numbers of 36"
  ./d predict --fn $fn --input $in --seed 7 --threads 1 >b; cmp -s a b && pass ||
    fail "$fn: the same seed gives other numbers"
  ./d predict --fn $fn --input $in --seed 8 >c; [ "$(sort -u a c | wc -l)" = 24 ] && pass ||
    fail "$fn: another seed gives the same numbers"
done
"$gradc" emit --c d.nn -o . --fp=strict >/dev/null || fail 'emit'
cat >main.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "d.h"
static union { unsigned char bytes[d_BYTES]; double align; } mem __attribute__((aligned(64)));
int main(int argc, char **argv) { /* twice, with other calls between: predict's results in the file */
  static float zero[12], out[3], seen[3];
  (void)argc;
  for (int again = 0; again < 2; again++) {
    FILE *f = fopen(argv[2], "r");
    d_init(&mem, 7);
    for (int i = 0; i < 12; i++) {
      if (fscanf(f, "%f,%f,%f", &seen[0], &seen[1], &seen[2]) != 3 || d_still(&mem, zero, out)) return 2;
      if (argv[1][0] == 'f' ? d_f(&mem, zero, out) : d_g(&mem, zero, out)) return 3;
      if (memcmp(out, seen, sizeof out)) return printf("call %d: %g, not %g\n", i, out[0], seen[0]), 1;
    }
    fclose(f);
  }
  return 0;
}
C
${CC:-cc} -std=c99 -O1 -Wall -Wextra -Werror main.c d.c -o main || fail 'the C does not compile'
for fn in f:z3 g:z12; do
  ./d predict --fn ${fn%:*} --input ${fn#*:} --seed 7 >a
  check "C for a device, ${fn%:*}" ./main ${fn%:*} a
done
# Exports without random numbers do not change the C.
echo 'export def still(x: f32[3]) -> f32[3] { x * 2 }' >s.nn
"$gradc" emit --c s.nn -o . >/dev/null
equal 'no counter without random numbers' "$(grep -c 'run->calls\|uint32_t calls' s.c s.h | tr '\n' ' ')" 's.c:0 s.h:0 '
