# SPDX-License-Identifier: Apache-2.0
# gradc tune: measures, keeps choices in the cache, later builds use them; no choice changes a bit in strict mode, and
# in fast mode only forms do; a damaged file of choices is harmless. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >tuned.nn <<'N'
def net(x: f32[B, 8, 6, 16]) {
  x |> conv2d(24, k = 3, stride = 2, pad = 1) |> relu |> conv2d(16, k = 3, pad = 1) |> relu
    |> flatten |> linear(320) |> tanh |> linear(100) |> linear(4)
}
use model = net()
data points { source = uniform(n = 200, lo = [-1, -1], hi = [1, 1]); p: f32[2] = field(0) }
train { data = points; batch = 40; steps = 3; seed = 1; optim = sgd(lr = 1e-3)
        loss = sum(model(random(40, 8, 6, 16)) ** 2) + 0 * sum(p) }
export def predict(x: f32[1, 8, 6, 16]) { model(x) }
N
printf 'use w = linear(2)\nexport def f(x: f32[1, 2]) { exp(x) }\n' >no_product.nn
choices=$tmp/tune/gradc/tuned
tune() { XDG_CACHE_HOME=$tmp/tune expect "$@"; }
trained() { XDG_CACHE_HOME=$tmp/tune "$gradc" run tuned.nn --json --run-dir d --force "$@" 2>err | hash_of; }

tune 0 'of [0-9]* faster by a choice' tune tuned.nn --cflags=-O1 --steps 2
grep -q '^f32 40x[0-9]*x320 [0-9a-f]\{8\} ' out && pass || fail "no row of a product: $(cat out)"
file=$(echo "$choices"/*.txt)
grep -q '^# Measured by gradc tune' "$file" && pass || fail "no file of choices"
if [ -n "${FULL:-}" ]; then
  tune 0 '"event":"tune","ms":[0-9.e-]*,"tuned_ms":' tune tuned.nn --json --fp=strict --threads=1
  json_lines out && pass || fail "tune --json: $(cat out)"
fi
tune 1 'nothing to tune: no_product.nn' tune no_product.nn
expect 2 'did you mean `--threads`' tune tuned.nn --thread=1
tune 1 'E0301\|E0[0-9]*' tune wrong.nn
(unset HOME; XDG_CACHE_HOME='' expect 5 'no cache folder' tune tuned.nn)
nothing_left "gradc tune"

# ---- each choice, of every product ----
rm -r "$choices"
"$gradc" report tuned.nn --roofline --json >out
grep -o '"gemm":"[^"]*"' out | cut -d'"' -f4 | sort -u >keys
[ "$(wc -l <keys)" -ge 8 ] && pass || fail "products of the step: $(cat out)"
mkdir -p "$choices"
choose() { sed "s/\$/ $1 1.0 2.0/" keys >"$file"; }
same() { # FP CHOICE...: the weights are those of the first choice
  fp=$1; shift; choose "$1"; first=$(trained --fp="$fp")
  [ ${#first} = 16 ] && pass || fail "no hash: $(cat err)"
  for choice; do choose "$choice"; equal "$fp, $choice" "$(trained --fp="$fp")" "$first"; done
}
rm -f "$file"; plain=$(trained)
if [ -n "${FULL:-}" ]; then
  same strict 'auto 0 0 0' 'direct 0 0 0' 'packed 0 0 0' 'gemm 0 0 0' 'dots 0 0 0' 'packed 50 60 256' 'auto 7 24 64'
  same fast 'auto 0 0 0' 'auto 7 0 0' 'auto 0 24 64' 'auto 99999 99999 256' 'auto 1 1 7'
  same fast 'direct 0 0 0' 'packed 0 0 0' 'packed 50 60 256' 'direct 128 6 128'
  choose 'dots 0 0 0'; equal "fast dots, by threads" "$(trained --threads 1)" "$(trained --threads 2)"
else
  same strict 'auto 0 0 0' 'gemm 7 24 64' 'packed 50 60 256'
  same fast 'auto 0 0 0' 'auto 99999 99999 256'
fi
choose 'auto 33 0 0'
XDG_CACHE_HOME=$tmp/tune "$gradc" emit --native tuned.nn -o tuned_c && grep -q '\.kc = 33,' tuned_c/*.c && pass ||
  fail "emit --native does not use the choices"
XDG_CACHE_HOME=$tmp/tune "$gradc" emit --native tuned.nn -o other_c --isa avx2 && grep -q '\.kc = ' other_c/*.c &&
  fail "choices of this machine are used for another one" || pass
choose 'sideways 0 0 0'; sed -i 's/1.0 2.0$/x/;$a\f32 1x1x1' "$file"; head -c 300 /dev/urandom >>"$file"
equal "a damaged file" "$(trained)" "$plain"
