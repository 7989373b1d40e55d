# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. Strict training steps of whole models, emitted as CUDA and run over the host form, have the bits of
# the interpreter: losses, weights, states, exports at several run-time sizes, in different orders of threads.

# The interface as main_portable.c calls it: without streams, the status as the result.
as_portable() { # as_portable HEADER
  run=$(sed -n 's/^struct \([A-Za-z0-9_]*_run\) {.*/\1/p' "$1")
  echo "static int cuda_status(void *mem, int error) { return error ? 1000 + error : ((struct $run *)mem)->status; }"
  sed -n 's/^cudaError_t \([A-Za-z0-9_]*\)(.*/#define \1(...) cuda_status(mem, \1(__VA_ARGS__, 0))/p' "$1"
}
# A refused size has one error here, and a status of its own there.
refused() { sed 's/\(^call .* status\) [1-9].*/\1 refused/'; }

# same WANT GOT: the same bits; of a fast model (fast=yes) losses that are close, and the bits of the order before.
same() {
  [ "${fast:-}" ] || { cmp -s "$1" "$2"; return; }
  [ ! -e "$2.first" ] || cmp -s "$2.first" "$2" || return
  cp "$2" "$2.first"
  paste -d ' ' "$1" "$2" | awk '$1 == "step" { n++; d = $7 - $14; if (!(d * d <= 1e-6 * $7 * $7)) far = 1 }
    END { exit far || !n }'
}
level=-O0; full && level=-O1
model() { # model FILE.nn STEPS NAME: emitted as CUDA, compiled by cc, run
  dir=$tmp/$3; mkdir -p "$dir"; stem=$(basename "$1" .nn)
  if ! { "$tmp/reference" "$1" "$2" "$dir" --device >"$dir/want.all" && refused <"$dir/want.all" >"$dir/want" &&
         "$gradc" emit --cuda ${fast:+--fp=fast} "$1" -o "$dir"; } >"$tmp/log" 2>&1; then
    fail "$3 is not emitted: $(head -n 5 "$tmp/log")"; return
  fi
  equal "files of $3" "$(cd "$dir" && echo "$stem".*)" "$stem.cu $stem.h"
  as_portable "$dir/$stem.h" >"$dir/interface.h"
  printf '#include "%s"\n' "$stem.cu" interface.h tests/exact/main_portable.c >"$dir/unit.c"
  if ! ${CC:-cc} -std=gnu11 $level -w -ffp-contract=off -fno-strict-aliasing -I"$root" -I"$here/runtime" -I"$dir" \
       -I"$root/tests/exact" -o "$dir/run" "$dir/unit.c" "$host" -lm -ldl -lpthread >"$tmp/log" 2>&1; then
    fail "$3 does not compile: $(head -n 5 "$tmp/log")"; return
  fi
  for order in ${orders:-rising falling random}; do
    GC_ORDER=$order timeout 300 "$dir/run" 2>&1 | refused >"$dir/got"
    if same "$dir/want" "$dir/got"; then pass
    else fail "$3, threads $order: $(diff "$dir/want" "$dir/got" | head -n 4)"; fi
  done
}

with_type() { # with_type FILE.nn TYPE: the model with that precision; its path
  of=$tmp/$(basename "$1" .nn)_$2.nn
  sed "s/^train {/train { precision = $2;/" "$1" >"$of"; echo "$of"
}
curves=tests/golden/curves
if program reference tests/exact/reference.c; then
  model $curves/mlp.nn 3 mlp
  orders=random model tests/exact/bounded.nn 3 bounded
  orders=falling model tests/cuda/scan_state.nn 3 scan_state
  if full; then
    # Others, and 16 bits, are trained by program.sh.
    for name in cnn lstm mlp_clip_accumulate; do orders=falling model $curves/$name.nn 4 $name; done
    for name in gpt_dropout scan_checkpoint shared_names; do orders=random model tests/exact/$name.nn 4 $name; done
    orders=falling model "$(with_type $curves/mlp.nn bf16)" 4 mlp_bf16
    fast=yes
    sed 's/heads = 4/heads = 3/' $curves/gpt.nn >"$tmp/heads.nn" # of 16 elements: attention by tensor cores
    for type in bf16 tf32; do orders="falling random" model "$(with_type "$tmp/heads.nn" $type)" 3 gpt_$type; done
    orders="falling random" model "$(with_type $curves/cnn.nn f16)" 6 cnn_fast
    fast=
  fi
fi
# A step that fails, and those after it (status.c).
kept=$(sed -n 's/.*: head \([0-9]*\), weights and states \([0-9]*\), arena.*/(\1+\2)/p' "$tmp/mlp/mlp.h")
if ${CC:-cc} -std=gnu11 -O1 -w -fno-strict-aliasing -DKEPT="$kept" -I"$root" -I"$here/runtime" -I"$tmp/mlp" \
     -o "$tmp/status" "$here/status.c" "$host" -lm -ldl -lpthread >"$tmp/log" 2>&1; then
  tally status "$tmp/status"
else fail "status.c does not compile: $(head -n 5 "$tmp/log")"; fi
