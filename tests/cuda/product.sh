# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. Products by cuBLASLt (--gemm=cublaslt), over that of the host form's driver: losses near those of
# generated kernels, the same bits from run to run and in every order that streams permit; the checks of memory find
# nothing. Faults of product_bugs.tsv that are planted in its calls are found. What is missing or refused is an error.
by_library() { # by_library DIR FILE.nn OPTION...: status, and the log
  of=$1; nn=$2; shift 2
  rm -rf "$tmp/$of"
  timeout 120 "$gradc" run --fp=fast --json --device=cuda-host --run-dir "$tmp/$of" "$nn" "$@" >"$tmp/lt.log" 2>&1
}
typed() { sed "s/^    batch = 33/    precision = $1; batch = 33/" "$here/product.nn" >"$tmp/product_$1.nn"; }
for type in f32 $(full && echo tf32 bf16); do
  typed "$type"; nn=$tmp/product_$type.nn
  by_library generated "$nn" --gemm=generated; want=$(loss_of <"$tmp/lt.log")
  by_library lt "$nn" --gemm=cublaslt; near "cuBLASLt, $type" "$(loss_of <"$tmp/lt.log")" "$want" 1e-3
  bits=$(hash_of <"$tmp/lt.log")
  [ "$type" != f32 ] || f32_bits=$bits
  [ "$type" != tf32 ] || [ "$bits" != "$f32_bits" ] && pass || fail "operands are not rounded to tf32"
  for modes in "GC_DRIVER_LAZY=1 GC_ORDER=random" $(full && echo GC_DRIVER_LEAKS=1); do
    # shellcheck disable=SC2086  # several variables
    (export $modes; by_library lt "$nn" --gemm=cublaslt)
    equal "its bits, $type, $modes" "$(hash_of <"$tmp/lt.log")" "$bits"
  done
  full || break
  by_library lt "$nn" --gemm=cublaslt --hooks; equal "its bits with --hooks, $type" "$(hash_of <"$tmp/lt.log")" "$bits"
  check "no race, $type" sh -c "! grep -m 1 -E '\(block|^leak|race' '$tmp/lt.log'"
done
nn=$here/product.nn
check "run.json names the products" grep -q '"gemm": "cublaslt"' "$tmp/lt/run.json"
check "the same of generated ones" grep -q '"gemm": "generated"' "$tmp/generated/run.json"
by_library lt "$nn" --gemm=auto --steps 1
check "auto is generated" grep -q '"gemm": "generated"' "$tmp/lt/run.json"
equal "forms in the report" "$("$gradc" report --cuda --json --gemm=cublaslt "$nn" | grep -c '"form":"cublaslt"')" 16

# What is missing: the library, its functions. Each of its calls that fails. Exit status 5.
refused_by "no cuBLASLt" E0698 env GRADC_CUBLASLT=/none "$gradc" run --device=cuda-host --gemm=cublaslt "$nn" \
  --run-dir "$tmp/e"
refused_by "another library" E0698 env GRADC_CUBLASLT="$build/libgradc.so" "$gradc" run --device=cuda-host \
  --gemm=cublaslt "$nn" --run-dir "$tmp/e"
refused_by "no algorithm" E0698 env GC_DRIVER_NO_ALGORITHM=1 "$gradc" run --device=cuda-host --gemm=cublaslt "$nn" \
  --run-dir "$tmp/e"
if full; then
  GC_DRIVER_LOG=$tmp/calls by_library lt "$nn" --gemm=cublaslt --steps 1
  awk '/ cublasLt/ && !/Destroy/ && !seen[$2]++ { sub(/ .*/, ""); print }' "$tmp/calls" >"$tmp/numbers"
  equal "functions of cuBLASLt" "$(wc -l <"$tmp/numbers")" 9
  while read -r call; do
    rm -rf "$tmp/e"
    refused_by "call $call fails" E0698 env GC_DRIVER_FAIL="$call:15" "$gradc" run --fp=fast --device=cuda-host \
      --gemm=cublaslt "$nn" --run-dir "$tmp/e" --steps 1
  done <"$tmp/numbers"
  GC_DRIVER_FAIL="$(tail -n 1 "$tmp/numbers"):15" by_library lt "$nn" --gemm=cublaslt --steps 1
  check "its reason" grep -q 'cublasLt[A-Za-z]*: CUBLAS_STATUS_NOT_SUPPORTED' "$tmp/lt.log"
  # An export at sizes of 1 and of the bound, on the device and on the CPU.
  check "build of products" "$gradc" build --fp=fast --device=cuda-host --gemm=cublaslt "$nn" -o "$tmp/products"
  check "build for the CPU" "$gradc" build --fp=strict "$nn" -o "$tmp/products_cpu"
  for rows in 1 40; do
    seq $((40 * rows)) | awk '{ printf "%s%s", $1 % 7 / 7, NR % 40 ? "," : "\n" }' >"$tmp/rows.csv"
    for of in products products_cpu; do
      "$tmp/$of" predict --weights "$tmp/generated/weights.safetensors" --fn read --input "$tmp/rows.csv" |
        tr ',' '\n' >"$tmp/$of.out" 2>&1
    done
    paste "$tmp/products.out" "$tmp/products_cpu.out" | awk -v n=$((24 * rows)) \
      '{ d = $1 - $2; if (d * d > 1e-10) bad = 1 } END { exit bad || NR != n }' && pass || fail "export of $rows rows"
  done
fi
"$gradc" run --gemm=cublaslt "$nn" >"$tmp/lt.log" 2>&1; equal "status of --gemm on the CPU" $? 1
check "--gemm on the CPU" grep -q 'needs a GPU' "$tmp/lt.log"
"$gradc" run --cuda --fp=strict --gemm=cublaslt "$nn" >"$tmp/lt.log" 2>&1; equal "status of --gemm, strict" $? 1
check "--gemm in strict mode" grep -q 'needs --fp=fast' "$tmp/lt.log"

tab=$(printf "\t")
# Faults: NAME, what the output must show (loss: another loss), a sed expression that changes the calls.
mkdir "$tmp/planted"
cat >"$tmp/planted/gcc" <<'SH'
#!/bin/sh
for a in "$@"; do case $a in *.c) grep -q 'gc_product(stream' "$a" && sed -i "$EXPRESSION" "$a" ;; esac; done
exec ${CC:-cc} "$@"
SH
chmod +x "$tmp/planted/gcc"
product_bug() { # product_bug NAME PATTERN EXPRESSION
  export EXPRESSION="$3" XDG_CACHE_HOME="$tmp/planted/cache"
  rm -rf "$XDG_CACHE_HOME"
  by_library bug "$here/product.nn" --gemm=cublaslt --cc="$tmp/planted/gcc" --hooks --steps 2
  loss=$(loss_of <"$tmp/lt.log")
  awk "BEGIN { d = (${loss:-0}) - (${want_two:-0}); exit d * d < 1e-6 }" && echo "another loss" >>"$tmp/lt.log"
  if grep -q "$2" "$tmp/lt.log"; then pass; else fail "planted: $1: not found by \`$2\`: $(tail -n 3 "$tmp/lt.log")"; fi
}
by_library bug "$nn" --gemm=generated --steps 2; want_two=$(loss_of <"$tmp/lt.log")
cache=${XDG_CACHE_HOME:-}
while IFS=$tab read -r name pattern expression share; do
  case $name in '#'*) continue ;; esac
  [ "${FULL:-}" = 1 ] || [ "$share" = '*' ] || continue
  product_bug "$name" "$pattern" "$expression"
done <"$here/product_bugs.tsv"
unset EXPRESSION XDG_CACHE_HOME
[ -z "$cache" ] || export XDG_CACHE_HOME="$cache"
