#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rtc.sh ROOT MODULES: the CUDA compilers accept all test kernels, and those that gradc prints for models (MODULES is
# the program of modules.c): no warning, no spill, no remark (C75xx: wgmma serialised, setmaxnreg dropped), and, by the
# version that made rtc.tsv, at most the registers and the shared memory there. By NVRTC, else by nvcc. Where nvdisasm
# is, no kernel of a form has an array in local memory, and those of tensor cores have the instructions meant.
# nvrtc.tsv: how many texts and kernels a model has, and processor seconds of NVRTC, which are printed beside what is
# measured. RTC_TABLE=FILE, RTC_COST=FILE: tables to update with what was compiled. FULL=1: every form for sm_80, sm_90a
# and sm_100, and some models; ALL=1 too: every model, as for updating the tables. The last line is "N passed, N
# failed".
root=$1; modules=$2; here=$root/tests/cuda; cd "$root" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0; failed=0
PATH=$PATH:/usr/local/cuda/bin:$(printf '%s:' /usr/lib/python3/dist-packages/nvidia/*/bin)
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL  $*"; }
${CC:-cc} -std=gnu11 -O1 -Wall -Wextra "$here/rtc.c" -o "$tmp/rtc" -ldl || exit 1
if version=$("$tmp/rtc"); then by=nvrtc
elif command -v nvcc >/dev/null 2>&1; then
  by=nvcc; version="nvcc $(nvcc --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')"
else echo "skipped: neither NVRTC (libnvrtc.so.11.2, 12 or 13) nor nvcc is installed"; echo "0 passed, 0 failed"; exit 0
fi
table=$here/rtc.tsv
if grep -q "^# .* ${version##* }\$" "$table"; then echo "$version"
else echo "$version: registers are not compared, since rtc.tsv is of another version"; table=/dev/null
fi
disasm=$(command -v nvdisasm) || disasm=''

# compile ARCH FILE FLAG...: appends what the compiler prints to $tmp/log, the instructions to $tmp/sass
compile() {
  arch=$1; file=$2
  if [ $by = nvrtc ]; then RTC_CUBIN=$tmp/cubin "$tmp/rtc" "$@" >>"$tmp/log" 2>&1
  else
    shift 2
    nvcc -std=c++17 -I. -Itests/cuda -gencode="arch=compute_${arch#sm_},code=$arch" -Xptxas -v -cubin "$@" \
      -o "$tmp/cubin" "$file" >>"$tmp/log" 2>&1
  fi || echo "status $? of $file" >>"$tmp/log"
  [ -z "$disasm" ] || nvdisasm "$tmp/cubin" >>"$tmp/sass" 2>&1
}
form=$(cat tests/cuda/form.awk)
# A plain form, whose name ends with its class, may index an array, which is then in local memory.
plain="$form"'
function plain(name) { return name ~ /^k[0-9]+_/ && form(name) ~ /^[a-z]+$/ }'
# Instructions that a kernel of tensor cores has, by the end of its name.
meant='{ want["_mma"] = want["_mma_split"] = want["_tf32"] = "HMMA"
  want["_wgmma"] = want["_wgmma_split"] = "HGMMA UTMALDG" }'
# inspect NAME ARCH [LIST]: what was compiled since `begin`, under this name in the table; LIST: the output of MODULES
inspect() {
  awk -v name="$1" -v arch="$2" "$form"'
    /Compiling entry function/ { split($0, a, "\047"); kernel = form(a[2]) }
    /Used [0-9]+ registers/ { sub(".*Used ", ""); print name "\t" kernel "\t" arch "\t" $1 + 0 }' "$tmp/log" \
    >"$tmp/registers"
  [ -z "${3:-}" ] ||
    awk -F '\t' -v name="$1" "$form"'$1 == "shape" && $4 { print name "\t" form($2) "\tshared\t" $4 }' \
    "$3" | sort -u >>"$tmp/registers"
  [ -z "${RTC_TABLE:-}" ] || cat "$tmp/registers" >>"$tmp/table"
  {
    grep -E 'error|warning|\(C7[0-9]+\)|^status' "$tmp/log"
    awk '/Compiling entry function/ { split($0, a, "\047"); kernel = a[2] }
      /[1-9][0-9]* bytes spill/ { print kernel ":" $0 }
      /[1-9][0-9]* bytes stack frame/ && !plain(kernel) { print kernel ":" $0 }'"$plain" "$tmp/log"
    [ "$table" = /dev/null ] || awk -F '\t' -v table="$table" '
      FILENAME == table { max[$1, $2, $3] = $4; next }
      !(($1, $2, $3) in max) { print $2 ": not in rtc.tsv (docs/cuda.md: Compiling)"; next }
      $4 > max[$1, $2, $3] + 0 {
        print $2 ": " $4 ($3 == "shared" ? " bytes of shared memory" : " registers") ", at most " max[$1, $2, $3]
      }' "$table" "$tmp/registers"
    awk "BEGIN $meant"'
      /^[ \t]*\.section[ \t]+\.text\./ { kernel = $2; sub(/^.text\./, "", kernel); sub(/,.*/, "", kernel) }
      / (LDL|STL)[. ]/ { local[kernel] = 1 }
      / ([A-Z]*MMA|UTMALDG)[. ]/ {
        for (i = 1; i <= NF; i++) if ($i ~ /MMA|UTMALDG/) { split($i, a, "."); has[kernel] = has[kernel] " " a[1] }
      }
      { all[kernel] = 1 }
      END { for (k in local) if (!plain(k)) print k ": has an array in local memory"
            for (k in all) for (w in want) for (i = split(want[w], x, " "); k ~ w "$" && i; i--)
              if (!index(has[k] " ", " " x[i] " ")) print k ": has no " x[i] }'"$plain" "$tmp/sass"
  } >"$tmp/bad"
  if [ -s "$tmp/bad" ]; then fail "${what:-}$1 $2:"; head -n 5 "$tmp/bad"; else pass; fi
}
begin() { : >"$tmp/log"; : >"$tmp/sass"; }

# ---- test kernels ----
form() { # form NAME FILE FLAG...: NAME is that of the table
  name=$1; shift
  for arch in $archs; do begin; compile "$arch" "$@"; inspect "$name" "$arch"; done
}
k=tests/cuda/kernels
archs=sm_90a
[ "${FULL:-}" != 1 ] || archs="sm_80 sm_90a sm_100"
form row $k/row.cu --fmad=false
form "attend causal" $k/attend.cu
if [ "${FULL:-}" = 1 ]; then
  form prim tests/cuda/prim.cu
  form move $k/move.cu --fmad=false
  form simt $k/simt.cu --fmad=false
  form "mma kn" $k/mma.cu
  form "simt any" $k/simt.cu --fmad=false -DALIGNED=0
  form attend $k/attend.cu -DCAUSAL=0
  form "mma kk" $k/mma.cu -DB_ALONG_K=1
  form "mma mn" $k/mma.cu -DA_ALONG_K=0
  form "mma mk" $k/mma.cu -DA_ALONG_K=0 -DB_ALONG_K=1
  archs=sm_90a; form "wgmma kn 128" $k/wgmma.cu; form "wgmma kn 256" $k/wgmma.cu -DBN=256
  for n in 128 256; do
    form "wgmma kk $n" $k/wgmma.cu -DBN=$n -DB_ALONG_K=1
    form "wgmma mn $n" $k/wgmma.cu -DBN=$n -DA_ALONG_K=0
    form "wgmma mk $n" $k/wgmma.cu -DBN=$n -DA_ALONG_K=0 -DB_ALONG_K=1
  done
fi

# ---- kernels of models ----
occupancy() { # of the kernels of forms: registers of $tmp/registers, threads and shared memory of $tmp/list
  awk -F '\t' "$form"'
    $1 == "shape" { k = form($2); if ($4 >= shared[k]) { shared[k] = $4; threads[k] = $3 } next }
    NF == 4 && $3 != "shared" && threads[$2] && $2 ~ /_[a-z0-9]+$/ && $4 > registers[$2] { registers[$2] = $4 }
    function min(a, b) { return a < b ? a : b }
    END { for (k in registers) {
      warps = threads[k] / 32; blocks = min(64 / warps, int(65536 / (int((registers[k] + 7) / 8) * 8 * threads[k])))
      if (shared[k]) blocks = min(blocks, int(233472 / (shared[k] + 1024)))
      printf "  %s: %d registers, %d threads, %d bytes of shared memory: %.0f %% of warps\n", k, registers[k],
        threads[k], shared[k], 100 * min(64, int(blocks) * warps) / 64 } }' "$tmp/list" "$tmp/registers" | sort
}
cost() { # cost MODEL MODE: texts and kernels at most those of nvrtc.tsv; processor time of what was compiled
  texts=$(grep -c '^/' "$tmp/list"); kernels=$(grep -c 'Compiling entry' "$tmp/log")
  seconds=$(awk '/^compiled in/ { ms += $3 } END { printf "%.1f", ms / 1000 }' "$tmp/log")
  printf '%s\t%s\t%d\t%d\t%s\n' "$1" "$2" "$texts" "$kernels" "$seconds" >>"$tmp/cost"
  row=$(awk -F '\t' -v m="$1" -v mode="$2" '$1 == m && $2 == mode { print $3, $4, $5 }' "$here/nvrtc.tsv")
  echo "$version: $1 $2: $texts texts, $kernels kernels, $seconds s; nvrtc.tsv: $row"
  # shellcheck disable=SC2086  # the fields of the row
  set -- "$1 $2" ${row:-0 0}
  if [ "$texts" -le "$2" ] && [ "$kernels" -le "$3" ]; then pass
  else fail "NVRTC compiles more of $1 than nvrtc.tsv says: $texts texts, $kernels kernels"; fi
}
model() { # model MODE FILE: its kernels for $archs; MODE: strict, else fast: fast, bf16, tf32, sm90 (of sm_90a), heads
  mode=$1; file=$2; name=$(basename "${2%.*}"); dir=$tmp/$1.$name; mkdir -p "$dir"
  fast=--fast; fma=true
  [ "$mode" != strict ] || { fast=''; fma=false; }
  [ "$mode" != sm90 ] || fast='--fast --sm90'
  case $mode in bf16 | tf32)
    file=$tmp/$name.nn; sed "s/^train {/train { precision = $mode;/" "$2" >"$file" ;;
  esac
  if ! "$modules" $fast --write="$dir" "$file" >"$tmp/list" 2>"$tmp/log"; then
    fail "$file: $(head -n 3 "$tmp/log")";
    return
  fi
  for arch in $archs; do
    begin
    for file in "$dir"/*.cu; do compile "$arch" "$file" --fmad=$fma; done
    what="$name, " inspect "$mode" "$arch" "$tmp/list"
    case $arch-$mode in *-strict | *-sm90 | *-heads) continue ;; sm_90a-*) ;; *) continue ;; esac
    [ $by != nvrtc ] || cost "$name" "$mode"
    [ "${FULL:-}" != 1 ] || occupancy
  done
}
archs=sm_90a
if [ "${FULL:-} ${ALL:-}" = "1 1" ]; then
  archs="sm_80 sm_90a sm_100"
  for file in bench/models/*.nn; do model fast "$file"; done
  archs="sm_80 sm_90a"
  for name in mlp cnn gpt gpt2 lstm; do model bf16 bench/models/$name.nn; done
  for name in cnn gpt; do model tf32 bench/models/$name.nn; done
  archs=sm_90a
  for file in tests/golden/curves/*.nn; do model strict "$file"; done
elif [ "${FULL:-}" = 1 ]; then
  archs="sm_80 sm_90a"
  for name in cnn lstm; do model fast bench/models/$name.nn; done
  archs=sm_90a
  model fast bench/models/gpt.nn
  for name in gpt2 cnn; do model bf16 bench/models/$name.nn; done
  model tf32 bench/models/cnn.nn
  for name in mlp lstm cnn_batchnorm; do model strict tests/golden/curves/$name.nn; done
else model bf16 bench/models/mlp.nn; fi

# Forms that these models have not: graphs of forms_sm90.ir, for wgmma, and of forms_fast.ir, with the longest rows that
# attention on tensor cores takes, and long rows of cumulative sums; sorts and cumulative sums in
# order.
graphs() { # graphs FILE NAME: all graphs with FULL=1, else this one
  sed '/^graph/,$d' "$here/forms.ir"
  if [ "${FULL:-}" = 1 ]; then cat "$here/$1"; else sed -n "/^graph $2(/,/^}/p" "$here/$1"; fi
}
archs=sm_90a
graphs forms_sm90.ir group >"$tmp/sm90.ir"; model sm90 "$tmp/sm90.ir"
[ "${FULL:-}" != 1 ] || archs="sm_80 sm_90a sm_100"
{
  graphs forms_fast.ir attend_half_wide | sed 's/,40]/,128]/g'
  sed -n '/^graph cumulative_long/,/^}/p' "$here/forms.ir"
} >"$tmp/heads.ir"
model heads "$tmp/heads.ir"
sed -n "1,/^graph/{/^graph/!p}; /^graph sorted/,/^}/p; /^graph topk/,/^}/p; /^graph cumulative(/,/^}/p" \
  "$here/forms.ir" >"$tmp/sorts.ir"
model strict "$tmp/sorts.ir"

merged() { # merged FIELDS FILE...: of the rows with the same first fields, the one with the largest next field
  fields=$1; shift
  awk -F '\t' -v fields="$fields" '/^#/ { next }
    { k = $1; for (i = 2; i <= fields; i++) k = k "\t" $i; v = substr($0, length(k) + 2) }
    !(k in row) || v + 0 > row[k] + 0 { row[k] = v } END { for (k in row) print k "\t" row[k] }' "$@" | LC_ALL=C sort
}
write() { # write TABLE FIELDS NEW HEADING: adds rows, or replaces all rows by those of a run of ALL
  old=/dev/null
  [ "${FULL:-} ${ALL:-}" = "1 1" ] || ! cp "$1" "$tmp/old" 2>/dev/null || old=$tmp/old
  { echo "# $4; by ${version##* }"; merged "$2" "$3" "$old"; } >"$1"
}
title="Test form, or mode of all models; kernel; architecture and registers, or shared and its bytes"
[ -z "${RTC_TABLE:-}" ] || write "$RTC_TABLE" 3 "$tmp/table" "$title, the most of a name"
[ -z "${RTC_COST:-}" ] ||
  write "$RTC_COST" 2 "$tmp/cost" "Model, mode, texts, kernels, seconds of a busy core, for sm_90a"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
