# SPDX-License-Identifier: Apache-2.0
# Integers of 64 bits: the results of i64.nn, as i64.py computed them by NumPy and PyTorch, from the interpreter, the
# native code, the C of emit (also of 32 bits), and kernels for a GPU. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
awk 'NR <= 4 { printf "%s\"%s\": [%s]", (NR > 1 ? ", " : "{"), substr("abxk", NR, 1), $0 } END { print "}" }' \
  "$here/i64.txt" >in.jsonl
awk -F'\t' 'NR > 4 { n = split($2, v, ","); for (i = 1; i <= n; i++) print v[i] " " $1 }' "$here/i64.txt" >want
# i64_is WHAT: the numbers in `got`, one a line, are the results
i64_is() {
  awk 'NR == FNR { want[FNR] = $1; sub(/^[^ ]* /, ""); of[FNR] = $0; n = FNR; next }
       $0 != want[FNR] { print of[FNR] ": " $0 ", not " want[FNR]; bad = 1; exit }
       END { if (FNR != n && !bad) print FNR " of " n " numbers" }' want got >wrong
  [ -s wrong ] && fail "i64, $1: $(cat wrong)" || pass
}
args=$(awk 'NR <= 4 { gsub("NaN", "nan"); gsub("Infinity", "inf")
  gsub("-9223372036854775808", "-9223372036854775807 - 1")
  printf "%s%s([%s])", (NR > 1 ? ", " : ""), (NR == 3 ? "f32" : "i64"), $0 }' "$here/i64.txt")
"$gradc" eval "$here/i64.nn" --interpret -e "results($args)" | tr -d '[] ' | tr ',' '\n' >got
i64_is 'the interpreter'
forms='--fp=strict'
full && forms='--fp=strict --fp=fast --device=cuda-host'
for how in $forms; do
  "$gradc" build "$here/i64.nn" -o i64 $how || fail "i64.nn does not compile with $how"
  ./i64 predict --input in.jsonl --format jsonl | sed 's/.*\[//; s/\].*//' | tr ',' '\n' >got
  i64_is "$how"
done
mkdir i64_c
"$gradc" emit --c "$here/i64.nn" -o i64_c >out 2>&1 || fail "emit --c: $(cat out)"
awk 'BEGIN { print "#include <math.h>\n#include <stdio.h>\n#include \"i64.h\""; split("a b x k", n, " ") }
  NR <= 4 { gsub("NaN", "NAN"); gsub("Infinity", "INFINITY"); gsub("-9223372036854775808", "-9223372036854775807 - 1")
            printf "static const %s %s[] = {%s};\n", (NR == 3 ? "float" : "int64_t"), n[NR], $0; next }
  { count += split($2, v, ",") }
  END { print "static int64_t out[" count "];\nstatic double mem[1 << 16];\nint main(void) {"
        print "  if (sizeof mem < i64_BYTES || i64_results(mem, a, b, x, k, out)) return 1;"
        print "  for (int i = 0; i < " count "; i++) printf(\"%lld\\n\", (long long)out[i]);\n  return 0;\n}" }' \
  FS='\t' "$here/i64.txt" >i64_c/main.c
i64_c() { # WHAT RUN COMPILER...
  what=$1; run=$2; shift 2
  "$@" -std=c99 -Ii64_c i64_c/main.c i64_c/i64.c -o i64_c/main -lm 2>err || fail "i64, $what: $(head -3 err)"
  $run ./i64_c/main >got
  i64_is "$what"
}
i64_c 'the C of emit' '' "${CC:-cc}" -O1 -fsanitize=undefined -fno-sanitize-recover=all
if full && command -v arm-linux-gnueabihf-gcc qemu-arm >out; then
  i64_c '32 bits' qemu-arm arm-linux-gnueabihf-gcc -O2 -static
fi

# From each source, by a state, to a file of weights: the number that i64_files.py computes.
if command -v python3 >out; then
  total=$(python3 "$here/i64_files.py")
  expect 1 '^k: max .difference. 1$' weights --diff k.safetensors almost.safetensors
  expect 0 '1 tensors are equal' weights --diff k.safetensors k.safetensors
  sources='npy("k.npy"):field(0)'
  full && sources="$sources csv(\"k.csv\"):field(0) npz(\"k.npz\"):field(\"k\")
    safetensors(\"k.safetensors\"):field(\"k\") jsonl(\"k.jsonl\"):field(\"k\")"
  for source in $sources; do
    cat >source.nn <<N
def net(k: i64[B]) {
    state seen: i64 = 4611686018427387905
    param w: f32 = 0
    seen := seen + sum(k)
    w + 0 * f32(k)
}
use n = net()
data d {
    source = ${source%:*}
    k: i64 = ${source#*:}
}
train { data = d; batch = 4; epochs = 3; optim = sgd(lr = 0.1); loss = mean(n(k)) }
N
    "$gradc" run source.nn --run-dir "d${source%%(*}" >out 2>&1 || fail "$source: $(tail -n 3 out)"
    equal "$source" "$(python3 "$here/i64_files.py" "d${source%%(*}/weights.safetensors")" "$total"
  done
fi
