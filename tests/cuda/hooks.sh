# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh. --hooks: programs on --device=cuda-host with the checks of memory find nothing, have the bits of
# the CPU, and report each kernel; so do they over the lazy driver, in each order.
hooked() { # hooked FILE.nn VARIABLE=VALUE...
  of=$1; shift
  rm -rf "$tmp/hooked"
  got=$(env "$@" timeout 300 "$gradc" run --fp=strict --json --device=cuda-host --hooks --run-dir "$tmp/hooked" "$of" \
    --steps 3 2>"$tmp/hooked.log" | hash_of)
  found=$(grep -m 1 -E '\(block|^leak|race' "$tmp/hooked.log" | cut -c 1-200)
  equal "--hooks of $(basename "$of"), $*: $found" "$got" "$want"
}
cpu_bits() { # cpu_bits FILE.nn: what is wanted
  rm -rf "$tmp/hooked"
  want=$("$gradc" run --fp=strict --json --run-dir "$tmp/hooked" "$1" --steps 3 2>/dev/null | hash_of)
}
hooked_modes() { # hooked_modes FILE.nn
  cpu_bits "$1"
  hooked "$1" GC_DRIVER_LEAKS=1
  ! full || hooked "$1" GC_DRIVER_LAZY=1 GC_ORDER=rising
  hooked "$1" GC_DRIVER_LAZY=1 GC_ORDER=falling GC_DRIVER_LEAKS=1
  ! full || hooked "$1" GC_DRIVER_LAZY=1 GC_ORDER=random
}
hooked_modes tests/golden/curves/mlp_clip_accumulate.nn
check "a report of each kernel" grep -Eq \
  '^k[0-9]+_net_linear_1[a-z_0-9]* +[0-9]+ +[0-9.]+ +[1-9][0-9]* +[1-9].*mlp_clip_accumulate.nn:3: contract' \
  "$tmp/hooked.log"
# Edges that are left out of its recorded graph are found.
mkdir "$tmp/edges"
cat >"$tmp/edges/gcc" <<'SH'
#!/bin/sh
for a in "$@"; do
  case $a in *.c) sed -i 's/gc_after(stream, \([0-9]*\), [0-9]*,/gc_after(stream, \1, 0,/' "$a" ;; esac
done
exec ${CC:-cc} "$@"
SH
chmod +x "$tmp/edges/gcc"
rm -rf "$tmp/hooked"
XDG_CACHE_HOME=$tmp/edges GC_DRIVER_LAZY=1 GC_ORDER=falling timeout 300 "$gradc" run --fp=strict --device=cuda-host \
  --hooks --cc="$tmp/edges/gcc" --run-dir "$tmp/hooked" tests/golden/curves/mlp.nn --steps 3 >"$tmp/hooked.log" 2>&1
check "edges that are left out" grep -q 'a race of launches' "$tmp/hooked.log"
if full; then # the other models in the order that hurts most
  for name in cnn_batchnorm lstm; do
    cpu_bits tests/golden/curves/$name.nn
    hooked tests/golden/curves/$name.nn GC_DRIVER_LAZY=1 GC_ORDER=falling
  done
fi
"$gradc" run --hooks tests/golden/curves/mlp.nn >"$tmp/hooked.log" 2>&1
equal "status of --hooks without its device" $? 2
check "--hooks without its device" grep -q -- '--device=cuda-host' "$tmp/hooked.log"
