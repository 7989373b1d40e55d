#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: files of weights. data.tar.gz has files that make.py wrote by PyTorch, NumPy, GGUF and
# transformers, each beside FILE.want.safetensors, what it holds; and small models of the shipped maps with an input
# (.csv) and what PyTorch computes (.want). fuzz.c mutates them, with the sanitizers.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/weights
published=$root/examples/published
cd "$tmp" && tar xzf "$here/data.tar.gz" || exit 2
says() { # says STATUS PATTERN ARGUMENT...: the pattern is in a line of the output
  want=$1; pattern=$2; shift 2
  "$gradc" "$@" >out 2>err; status=$?
  if [ $status = "$want" ] && { [ -z "$pattern" ] || grep -qE -e "$pattern" out err; }; then pass
  else fail "$*: $status $(cat out err | head -n 3)"; fi
}

# ---- formats: the tensors of each file are those that its library reads; converted, they stay the same ----
for f in state.pt every.pt check.pt protocol4.pt arrays.npz packed.npz one.npy types.gguf odd.gguf; do
  says 0 ', 0 differ; max .difference. 0$' weights --diff $f $f.want.safetensors
  says 0 '' weights $f -o copy.safetensors
  says 0 ', 0 differ' weights --diff copy.safetensors $f.want.safetensors
done
says 0 '^t.Q4_K  Q4_K  \[2, 512\]    576$' weights types.gguf
says 0 '^llama.rope.freq_base = 10000.5$' weights types.gguf
says 0 '^\{"name":"a/w","type":"F32","shape":\[2,3\],"bytes":24\}$' weights arrays.npz --json
says 0 '^\{"key":"epoch","value":"7"\}$' weights check.pt --json
says 0 '' weights check.pt -o copy.npz
says 0 ', 0 differ' weights --diff copy.npz check.pt
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  check 'npz read by NumPy' /usr/bin/python3 -c '
import numpy as np
a = np.load("copy.npz")
assert a["model.weight"].shape == (2, 3) and a["optim.state.0.step"] == 1 and len(a.files) == 9'
fi

# ---- differences ----
printf 'bias -> b\nweight -> w : linear\n' >rules
says 0 '' weights protocol4.pt --map rules -o a.npz
says 1 '^b: only in A$' weights --diff a.npz protocol4.pt
printf 'b -> bias\nw -> weight\n' >back
says 1 '^weight: \[3, 2\] and \[2, 3\]$' weights --diff a.npz protocol4.pt --map back
says 0 ', 0 differ' weights --diff protocol4.pt a.npz --map rules
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  check 'another npz' /usr/bin/python3 -c '
import numpy as np
a = dict(np.load("a.npz")); a["w"][1, 0] += 0.25; a["w"] = np.asfortranarray(a["w"]).copy("C"); np.savez("b.npz", **a)'
  says 1 '^\{"name":"w","max_difference":0.25[0-9]*\}$' weights --diff a.npz b.npz --json
fi

# ---- rules and models of the maps: what PyTorch computes ----
says 1 'E0552.*line 1: `h\.\*\*` is no pattern' weights state.pt --map - <<'R'
h.** -> x
R
says 1 'E0552.*line 2: `lin` is no kind' weights state.pt --map - <<'R'
a -> b # c
c -> d : lin
R
says 1 'E0552.*no rule matches' weights state.pt --map llama
says 1 'E0552.*`0.weight` has 4 axes' weights state.pt --map - <<'R'
*.weight -> * : linear
R
says 1 'E0552.*two tensors named `x`' weights state.pt --map - <<'R'
*.weight -> x
R
says 1 'E0501' weights state.pt --map nothing
says 1 'maps that gradc has: bert, gpt2, llama-gguf, llama, resnet, vit' weights state.pt --map nothing
model() { # model NAME FILE EXPORT OPTION...: its weights into the model; with FULL=1, or if QUICK, its results
  name=$1; file=$2; fn=$3; shift 3
  says 0 '' weights "$file" --map "$name" --for "$published/$name.nn" "$@" -o "$name.map.safetensors"
  full || [ "$name" = "$quick" ] || return
  check "$name is built" "$gradc" build "$published/$name.nn" "$@" --cflags=-O0 -o "$name"
  ./"$name" predict --fn "$fn" --weights "$name.map.safetensors" --input "$name.csv" 2>err | tr ',' '\n' |
    paste -d' ' - "$name.want" | awk '{ d = $1 - $2; if (d < 0) d = -d
      if (d > most || NF != 2) most = NF == 2 ? d : 9 }
      END { print NR && most < 5e-6 ? "equal" : "differs by " most " " NR }' >out
  equal "$name" "$(cat out) $(cat err)" 'equal '
}
quick=bert
model llama llama.safetensors logits --set VOCAB=40 --set WIDTH=8 --set LAYERS=2 --set HEADS=4 --set KV_HEADS=2 \
  --set HIDDEN=12 --set CONTEXT=16
# llama: the same from GGUF; a cache of keys and values
set -- --set VOCAB=40 --set WIDTH=8 --set LAYERS=2 --set HEADS=4 --set KV_HEADS=2 --set HIDDEN=12 --set CONTEXT=16
says 0 '' weights llama.gguf --map llama-gguf --for "$published/llama.nn" "$@" -o gguf.safetensors
if full; then
  check 'llama is built' "$gradc" build "$published/llama.nn" "$@" --set INTERLEAVED=true --cflags=-O0 -o llama_gguf
  ./llama_gguf predict --fn logits --weights gguf.safetensors --input llama.csv 2>err | tr ',' '\n' |
    paste -d' ' - llama.want | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > most || NF != 2) most = NF == 2 ? d : 9 }
      END { print NR && most < 5e-6 ? "equal" : "differs by " most " " NR }' >out
  equal 'llama of GGUF' "$(cat out) $(cat err)" 'equal '
fi
for m in published/llama models/gpt2; do
  cp "$root/examples/$m.nn" cached.nn
  cat >>cached.nn <<'N'
test "a cache" {
    a = net(i32([[3, 5, 7, 9, 11]]), last = true)
    b = net(i32([[3, 5, 7, 9, 11]]), last = true, at = i32(0))
    assert all(isclose(a, b, atol = 1e-4))
}
N
  case $m in *gpt2) set -- --set VOCAB=40 --set WIDTH=8 --set LAYERS=2 --set HEADS=4 --set CONTEXT=16 ;; esac
  check "the cache of $m" "$gradc" test cached.nn "$@"
done
model bert bert.pt pooled --set VOCAB=40 --set WIDTH=8 --set LAYERS=2 --set HEADS=4 --set HIDDEN=12 --set CONTEXT=16
model vit vit.safetensors classify --set CLASSES=5 --set WIDTH=8 --set LAYERS=2 --set HEADS=4 --set HIDDEN=12 \
  --set SIZE=16 --set PATCH=8
model resnet resnet.pt classify --set CLASSES=5 --set WIDTH=1 --set SIZE=32
# ---- gpt2: the same; greedy generation token by token, beyond the context too ----
set -- --set VOCAB=320 --set WIDTH=8 --set LAYERS=2 --set HEADS=2 --set CONTEXT=24
published=$root/examples/models
quick=gpt2
model gpt2 gpt2.safetensors logits "$@"
published=$root/examples/published
generate() { # generate PATTERN OPTION...: in the output
  pattern=$1; shift
  ./gpt2 generate --weights gpt2.map.safetensors --prompt "The licence doesn't" "$@" >out 2>&1
  if grep -aqE -e "$pattern" out; then pass; else fail "generate $*: $(head -c 300 out)"; fi
}
for t in tokenizer.json vocab.json; do
  generate "\"tokens\":\\[$(cat greedy.want)\\]" --fn next --tokenizer $t --tokens 40 --temperature 0 --json
done
generate "\"tokens\":\\[$(cat greedy_cached.want)\\]" --tokenizer vocab.json --tokens 40 --top-k 1 --json
generate "\"tokens\":\\[$(cat greedy_cached.want)\\]" --tokenizer vocab.json --tokens 40 --top-p 0.000001 --json
for s in 1 2 3; do # 12 tokens and 12 drawn ones: the same with the cache and without
  for fn in step next logits; do
    ./gpt2 generate --weights gpt2.map.safetensors --tokenizer tokenizer.json --prompt "The licence doesn't" --fn $fn \
      --tokens 12 --temperature 3 --seed $s --json >drawn.$fn 2>&1
  done
  equal "drawn with a cache, $s" "$(cat drawn.step)" "$(cat drawn.next)"
  equal "drawn from all scores, $s" "$(cat drawn.logits)" "$(cat drawn.next)"
done
"$gradc" generate "$root/examples/models/gpt2.nn" "$@" --weights gpt2.map.safetensors --tokenizer tokenizer.json \
  --prompt "The licence doesn't" --tokens 40 --temperature 0 --json >out 2>&1
equal 'gradc generate' "$(grep -c ":\[$(cat greedy_cached.want)\]" out)" 1
for fn in $(full && echo next step); do # on a device: the same tokens, with a cache and without
  for device in cpu cuda-host; do
    "$gradc" generate "$root/examples/models/gpt2.nn" "$@" --weights gpt2.map.safetensors --tokenizer tokenizer.json \
      --fp=strict --device=$device --fn $fn --prompt "The licence doesn't" --tokens 20 --temperature 2 \
      --json >out.$device 2>&1
  done
  equal "generate $fn on a device" "$(cat out.cuda-host)" "$(cat out.cpu)"
  grep -q '"tokens"' out.cpu && pass || fail "generate $fn: $(head -n 3 out.cpu)"
done
"$gradc" generate digit.nn --tokenizer tokenizer.json >out 2>&1; equal 'without a file' "$? $(grep -c E0501 out)" '1 1'
generate '^The licence doesn.t.' --tokenizer tokenizer.json --tokens 5 --seed 3 --top-k 50 --top-p 0.9
for s in 1 2 1; do
  ./gpt2 generate --weights gpt2.map.safetensors --tokenizer tokenizer.json --prompt x --tokens 20 --seed $s \
    >drawn.$s 2>&1
  [ -e first ] || cp drawn.1 first
done
check 'a seed decides' cmp -s first drawn.1
if cmp -s drawn.1 drawn.2; then fail 'two seeds draw the same'; else pass; fi
generate 'E0646' --tokenizer gpt2.csv
generate 'E0646' --tokenizer missing.json
for t in no_regex:2, no_script:UnicodeScripts no_level:WordLevel; do
  generate "E0646.*${t#*:}" --tokenizer ${t%%:*}.json
done
awk 'BEGIN { printf "{\"normalizer\":"
  for (i = 0; i < 300000; i++) printf "{\"type\":\"Sequence\",\"normalizers\":[" }' >deep.json
generate "E0646.*too many levels" --tokenizer deep.json
generate '--temperature takes a number' --tokenizer tokenizer.json --temperature hot
generate 'needs --tokenizer' --tokens 3

# ---- tokenizers: a few hundred odd texts ----
if cc -std=gnu11 -O1 -I"$root" -o tokens "$here/tokens.c" "$build/libgradc_rt.a" -lm -ldl -lpthread 2>log; then
  for t in tokenizer.json:bpe vocab.json:bpe tokenizer.model:unigram llama3.json:llama3 qwen2.json:qwen2 \
    pieces.model:pieces llama2.model:llama2 llama2_old.json:llama2_old llama2_new.json:llama2_new words.json:words \
    words_cased.json:words_cased words_plain.json:words_plain uni_nfkc.json:uni_nfkc uni_words.json:uni_words \
    uni_bytes.json:uni_bytes bpe_nfc.json:bpe_nfc bpe_nfd.json:bpe_nfd bpe_digits.json:bpe_digits \
    bpe_each.json:bpe_each; do
    case $t in tokenizer*|vocab*) texts=odd.txt ;; words*|uni*|bpe*) texts=uni.txt ;; *) texts=more.txt ;; esac
    ./tokens ${t%:*} <$texts >got 2>&1
    passed=$((passed + $(paste -d= got ${t#*:}.want | awk -F= '$1 == $2' | wc -l)))
    if ! cmp -s got ${t#*:}.want; then fail "tokens of $t: $(diff got ${t#*:}.want | head -n 3)"; fi
  done
else fail "tokens does not compile: $(head -n 5 log)"; fi
# A program without such an export has no tokenizer.
cat >digit.nn <<'N'
export def f(x: f32[1, 3]) { softmax(x) }
N
check 'a program' "$gradc" build digit.nn --cflags=-O0 -o digit
equal 'tokenizers in it' "$(nm digit | grep -c 'tokenizer_\|bpe_')" 0

says 1 'E0505.*net.wte' weights llama.safetensors --map llama --for "$published/llama.nn"

# ---- where weights are taken: gradc reads all formats, a program says how to convert ----
cat >lin.nn <<'N'
def f(x: f32[B, 3]) {
    param weight: f32[2, 3] = 0
    param bias: f32[2] = 0
    x @ weight' + bias
}
use net = f()
export def predict(x: f32[1, 3]) { net(x) }
N
printf '* -> net.*\n' >net; printf '1,2,3\n' >x.csv
says 0 '' weights protocol4.pt --map net -o lin.safetensors; says 0 '' weights protocol4.pt --map net -o lin.npz
"$gradc" eval lin.nn --weights lin.safetensors -e 'net([[1, 2, 3]])' >want 2>&1
says 0 "^$(tail -n 1 want | tr '[]' '..')" eval lin.nn --weights lin.npz -e 'net([[1, 2, 3]])'
check 'a program' "$gradc" build lin.nn --cflags=-O0 -o lin
check 'its weights' ./lin predict --weights lin.safetensors --input x.csv
./lin predict --weights lin.npz --input x.csv >out 2>&1; equal 'npz in a program' $? 4
grep -q 'gradc weights .* converts it' out; equal 'how to convert' $? 0

# ---- refusals: nothing is run, nothing crashes ----
for f in bad_system.pt bad_stack.pt bad_build.pt bad_model.pt; do says 1 'E0551' weights $f; done
if [ -e evil ]; then fail 'code of a pickle was run'; else pass; fi
says 1 'E0550.*before 1\.6' weights bad_old.pt
says 1 'E0550' weights "$here/run.sh"
says 1 'E0550|E0501' weights missing.pt
says 2 'E0500.*suffix' weights state.pt -o state.onnx
says 2 'E0500.*two files' weights --diff state.pt
says 5 'E0502.*NumPy does not have' weights every.pt -o every.npz # bf16
for f in state.pt arrays.npz types.gguf one.npy llama.safetensors; do
  for n in 0 1 5 30 99; do head -c $n $f >cut; says 1 'E0550' weights cut; done
  size=$(wc -c <$f); head -c $((size - 40)) $f >cut; says 1 'E0550' weights cut -o cut.safetensors
done

if full; then
  # shellcheck disable=SC2086  # several files
  r=$root/runtime
  if cc -std=gnu11 -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$root" -I"$build" -o fuzz \
    "$here/fuzz.c" "$root"/weights/*.c "$r"/zip.c "$r"/gz.c "$r"/array_file.c "$r"/safetensors.c "$r"/json.c \
    "$r"/io.c "$r"/num.c "$r"/alloc.c "$build/libgradc_rt.a" -lm -ldl -lpthread 2>log; then
    tally fuzz ./fuzz 7000 state.pt every.pt check.pt protocol4.pt bad_*.pt arrays.npz packed.npz one.npy types.gguf \
      odd.gguf state.pt.want.safetensors
  else fail "fuzz does not compile: $(head -n 5 log)"; fi
  if cc -std=gnu11 -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$root" -o tokens "$here/tokens.c" \
    "$r"/tokenizer.c "$r"/token_*.c "$r"/protobuf.c "$r"/json.c "$r"/alloc.c \
    "$build/libgradc_rt.a" -lm -ldl -lpthread 2>log; then
    tally 'fuzz of tokenizer.json' ./tokens --fuzz 20000 tokenizer.json
    tally 'fuzz of tokenizer.model' ./tokens --fuzz 5000 tokenizer.model
    for t in llama3.json llama2_old.json llama2_new.json pieces.model words.json uni_nfkc.json uni_words.json \
      bpe_nfd.json; do
      tally "fuzz of $t" ./tokens --fuzz 4000 $t
    done
    for t in tokenizer.json:bpe tokenizer.model:unigram; do
      ./tokens ${t%:*} <odd.txt >got 2>&1; check "tokens of $t, with the sanitizers" cmp -s got ${t#*:}.want
    done
  else fail "tokens does not compile: $(head -n 5 log)"; fi
fi
counts
