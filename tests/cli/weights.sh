# SPDX-License-Identifier: Apache-2.0
# Trained weights of a portable program, embedded, copied from a file, mapped: all predict what the training binary
# does. Convolutions and batch norm: weights in other stored orders, and states. Sourced by run.sh: uses run, silent, …
: "${tmp:?run.sh sources this file}"
mkdir -p data; cp "$root/examples/data/digits.csv.gz" data/
sed 's|\.\./data/|data/|' "$models/digits_cnn.nn" >cnn.nn
run 0 '' "$gradc" build cnn.nn -o cnn --fp=strict
run 0 '' ./cnn train --steps 20 --run-dir cnnrun
"$gradc" emit --c cnn.nn --weights=cnnrun/weights.safetensors -o w 2>err || fail "emit --weights: $(cat err)"
gzip -dc data/digits.csv.gz | grep -v '^#' | tail -n 30 | cut -d, -f1-64 >cnn.csv
./cnn predict --weights cnnrun/weights.safetensors --input cnn.csv >cnn.want 2>err
[ "$(sort -u cnn.want | wc -l)" -gt 3 ] && pass ||
  fail "the digits of cnn.want: $(sort -u cnn.want | tr '\n' ' ') $(cat err)"

# The program reads the file if there is one, and prints the status of its calls; then a line for each record.
cat >deploy.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include "cnn.h"
static union { unsigned char b[cnn_BYTES]; double a; } mem __attribute__((aligned(64)));
int main(int argc, char **argv) {
  static unsigned char file[1 << 20] __attribute__((aligned(64)));
  float x[64];
  int32_t y;
  FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
  size_t n = f ? fread(file, 1, sizeof file, f) : 0;
  int shift = argc > 2 ? atoi(argv[2]) : 0;
  for (size_t i = n; shift && i-- > 0;) file[i + shift] = file[i];
  cnn_init(&mem, 1);
  (void)n;
#ifdef GIVE
  if (f) printf("%d\n", GIVE(&mem, file + shift, n));
#endif
  for (int i = 0; scanf(i % 64 ? ",%f" : "%f", &x[i % 64]) == 1; i++)
    if (i % 64 == 63) {
      int s = cnn_predict(&mem, x, &y);
      if (s) return printf("status %d\n", s), 0;
      printf("%d\n", (int)y);
    }
  return 0;
}
C
deploy() { # deploy FORM ONLY GIVE FILES: emits into w, compiles w/main
  rm -rf w
  # shellcheck disable=SC2086
  "$gradc" emit --c cnn.nn --weights=cnnrun/weights.safetensors $1 $2 -o w 2>err &&
    gcc -std=gnu99 -Wall -Wextra -O1 $3 -Iw -o w/main deploy.c w/cnn.c 2>>err && [ ! -s err ] && pass ||
      fail "emit $1 $2: $(head -n 4 err)"
  [ "$(ls w | grep -v '^main$' | tr '\n' ' ')" = "$4 " ] && pass || fail "emit $1 $2 wrote $(ls w)"
  silent "weights $1 $2" w/cnn.c
}
says() { # says WHAT WANT ARGS…: what w/main prints
  what=$1; want=$2; shift 2
  w/main "$@" <cnn.csv >out && cmp -s out "$want" && pass ||
    fail "$what: $(head -n 3 out | tr '\n' ' '), not $(head -n 3 "$want" | tr '\n' ' ')"
}
bytes_of() { sed -n 's/^#define cnn_BYTES //p' w/cnn.h; }
{ echo 0; cat cnn.want; } >cnn.ok
echo "status -3" >cnn.unmapped
deploy "" "" "" "cnn.c cnn.h"; says 'embedded, with training' cnn.want; all=$(bytes_of)
deploy --weights-as=embed --only=infer "" "cnn.c cnn.h"; says 'embedded' cnn.want; rom=$(bytes_of)
deploy --weights-as=blob "" -DGIVE=cnn_load "cnn.c cnn.h cnn.weights"; says 'copied, with training' cnn.ok w/cnn.weights
deploy --weights-as=blob --only=infer -DGIVE=cnn_load "cnn.c cnn.h cnn.weights"
says 'copied' cnn.ok w/cnn.weights; ram=$(bytes_of)
[ "$rom" -lt "$ram" ] && [ "$ram" -lt "$all" ] && pass || fail "bytes: in tables $rom, copied $ram, with training $all"
cp w/cnn.weights good.weights
bad_weights() { # bad_weights FILE SHIFT WHAT
  w/main "$1" "$2" <cnn.csv >out; head -n 1 out | grep -qx -e -3 && pass || fail "$3: $(head -n 2 out)"
}
head -c 5000 good.weights >short.weights; bad_weights short.weights 0 "a file that is cut off"
{ head -c 4000 good.weights; printf x; tail -c +4002 good.weights; } >corrupt.weights
bad_weights corrupt.weights 0 "a damaged file"
bad_weights good.weights 4 "weights that are not aligned"
bad_weights cnn.csv 0 "no weights"
deploy --weights-as=extern --only=infer -DGIVE=cnn_map "cnn.c cnn.h cnn.weights"; says 'mapped' cnn.ok w/cnn.weights
says 'not mapped' cnn.unmapped
[ "$(bytes_of)" -eq "$rom" ] && pass || fail "mapped weights take $(bytes_of) bytes of memory, tables $rom"
"$gradc" emit --c ../product.nn --weights=../r1/weights.safetensors --weights-as=blob -o other
bad_weights other/product.weights 0 "weights of another model"

expect 2 'needs --weights=FILE' emit --c cnn.nn --weights-as=blob -o w
expect 2 'needs --only=infer' emit --c cnn.nn --weights=cnnrun/weights.safetensors --weights-as=extern -o w
expect 2 'did you mean `blob`' emit --c cnn.nn --weights=cnnrun/weights.safetensors --weights-as=blobb -o w
# States that a call writes stay in memory, also when the weights are mapped.
cat >counter.nn <<'N'
def count(x: f32[B, 2]) { param w: f32[2, 2] = kaiming
  state n: f32[2] = 0
  n := n + 1
  x @ w + n }
use c = count()
data d { source = uniform(n = 10, lo = [0, 0], hi = 1); x: f32[2] = field(0) }
train { data = d; batch = 1; steps = 2; loss = mean(c(x)); optim = sgd(lr = 0.1) }
export def next(x: f32[1, 2]) { c(x) }
N
run 0 '' "$gradc" build counter.nn -o counter && run 0 '' ./counter train --run-dir countrun
"$gradc" emit --c counter.nn --only=infer --weights=countrun/weights.safetensors --weights-as=extern -o w 2>err &&
  grep -q 'AT_c_n ' w/counter.h && ! grep -q 'AT_c_w ' w/counter.h && pass ||
    fail "a state that is written: $(cat err) $(grep AT_ w/counter.h)"
