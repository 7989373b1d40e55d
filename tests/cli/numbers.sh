# SPDX-License-Identifier: Apache-2.0
# Numbers as text through complete programs: the inputs of `predict`, `eval`, the IR and JSON come out as the same bits.
# tests/runtime/numbers.c draws the numbers and reads what is printed. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
types="bool u8 i8 u16 i16 u32 i32 i64 f32 f64 f16 bf16"
n=64; seeds=1; full && seeds=$(seq 40)
${CC:-cc} -std=gnu11 -O1 "$root/tests/runtime/numbers.c" "$build/libgradc_rt.a" -lpthread -lm -o numbers ||
  fail "numbers.c does not compile"
for t in $types; do echo "export def $t(x: $t[8]) -> $t[8] { x }"; done >same.nn
"$gradc" build same.nn -o same --fp=strict || fail "same.nn does not compile"
for seed in $seeds; do
  for t in $types; do
    ./numbers give "$t" "$seed" $n >in.csv
    check "predict, $t, seed $seed" \
      sh -c "./same predict --fn $t --input in.csv >out.csv && ./numbers check $t $seed $n csv <out.csv"
    check "predict of what predict printed, $t, seed $seed" \
      sh -c "./same predict --fn $t --input - <out.csv | cmp - out.csv"
    check "predict, npy and back, $t, seed $seed" sh -c "./same predict --fn $t --input in.csv -o out.npy &&
      ./same predict --fn $t --input out.npy | cmp - out.csv"
    ./same predict --fn "$t" --input in.csv -o lines.jsonl
    sed 's/-*\(nan\|inf\)/null/g' out.csv >want
    sed 's/.*\[//; s/\].*//; s/true/1/g; s/false/0/g' lines.jsonl | cmp -s - want && pass ||
      fail "predict, jsonl, $t: $(sed 's/.*\[//; s/\].*//' lines.jsonl | diff - want | head -n 4)"
    sed 's/"out"/"x"/' lines.jsonl >back.jsonl
    ./same predict --fn "$t" --input back.jsonl --format jsonl | cmp -s - lines.jsonl && pass ||
      fail "predict of its jsonl, $t"
    { printf 'export def c() -> %s[%d] { %s([' "$t" $n "$t"
      ./numbers list "$t" "$seed" $n | tr -d '\n'; echo ']) }'; } >c.nn
    [ "$t" = bool ] && sed -i 's/(\[1/([true/;s/(\[0/([false/;s/, 1/, true/g;s/, 0/, false/g' c.nn
    for how in --interpret --jit=cc; do
      [ $how = --jit=cc ] && ! full && case $t in f32 | i32 | i64 | bf16) ;; *) continue ;; esac
      check "eval $how, $t, seed $seed" \
        sh -c "'$gradc' eval c.nn $how -e 'c()' >out && ./numbers check $t $seed $n list <out"
    done
    check "eval --json, $t, seed $seed" sh -c "'$gradc' eval c.nn --json -e 'c()' | sed 's/.*\"value\"://' >out &&
      ./numbers check $t $seed $n json <out"
    check "the IR, $t, seed $seed" sh -c "'$gradc' ir c.nn --stop-after=autodiff >c.ir &&
      '$gradc' opt --passes= c.ir | cmp - c.ir"
    [ "$t" = i64 ] || # of which a constant holds the doubles
      check "numbers of the IR, $t, seed $seed" sh -c "sed -n 's/.*{value=\\(\\[.*\\]\\)}.*/\\1/p' c.ir >out &&
        ./numbers check $t $seed $n list <out"
  done
done
echo 'export def c(x: u32[2]) -> u32[2] { x * u32([6688540, 461390000]) + 7000000 }' >c.nn
"$gradc" ir c.nn --stop-after=simplify >c.ir
equal 'integers in the IR' "$(grep -oE '6688540,461390000|[ (]7000000[),]' c.ir | tr -d ' \n')" \
  '6688540,4613900007000000)'
# Messages show all digits, too.
seven=,0,0,0,0,0,0,0
for t in i32:4294967296 i32:-2147483649 u32:4294967296 i32:2147483647.0000000001 u8:300 \
  i64:9223372036854775808 i64:-9223372036854775809 i64:9007199254740993.5 \
  f32:3.5e38 f16:65520 bf16:3.4e38; do
  printf '%s%s\n' "${t#*:}" $seven | ./same predict --fn ${t%:*} --input - >out 2>err
  equal "predict $t" "$? $(grep -c "E0610.*record 1, field 0: .${t#*:}. is not ${t%:*} (line 1)" err)" '4 1'
done
while read -r code line; do # what is wrong in a line of JSON
  echo "$line" >bad.jsonl
  ./same predict --fn f32 --input bad.jsonl >out 2>err
  equal "predict of $line" "$? $(grep -c "E0$code.*bad.jsonl: record 1" err)" '4 1'
done <<'L'
613 {"x": [1, 2, 3]}
610 {"x": [1, 2, 3, 4, 5, 6, 7, 8], "x": 1}
610 {"x": [1, 2, 3, 4, 5, 6, 7, "8"]}
610 {"x": [1, 2, 3, 4, 5, 6, [7], 8]}
610 {"x": [1, 2, 3, 4, 5, 6, 7, 08]}
610 {"x": [1, 2, 3, 4, 5, 6, 7, +8]}
610 {"x": [1, 2, 3, 4, 5, 6, 7, 8, 9]}
610 {"x":
610 {}
610 [1, 2, 3, 4, 5, 6, 7, 8] 9
610 [1, 2, 3, 4, 5, 6, 7, 8
610 {"y": [1, 2, 3, 4, 5, 6, 7, 8]}
610 [[[[[[[[[[1]]]]]]]]]]
L
./same predict --fn u8 --input in.csv -o out.txt >out 2>err
equal 'the name of -o' "$? $(grep -c 'E0601.*out.txt' err)" '2 1'
./same predict --fn u8 --input in.csv --format xml >out 2>err
equal '--format' "$? $(grep -c 'E0601.*xml' err)" '2 1'
"$gradc" eval same.nn -e 'i32([3000000001])' >out 2>err; grep -q 'E0211.*3000000001 is not a value of i32' err &&
  pass || fail "eval: $(head -3 err)"
# An export without inputs.
echo 'export def c() -> i32[2] { i32([2000000001, -5]) }' >c.nn
"$gradc" build c.nn -o c && equal 'an export without inputs' "$(./c predict)" 2000000001,-5
./c predict --input same.nn >out 2>err
equal 'an export without inputs has no --input' "$? $(grep -c 'E0601.*has no inputs' err)" '2 1'
