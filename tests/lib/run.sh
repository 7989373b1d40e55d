#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the library through gradc.h, static and shared, its Python module, its installation, and what it
# exports. The sources of the library, the runtime and the JIT are built with the address and the thread sanitizer; with
# FULL=1 so is the rest of the compiler, of which nm shows that it has no writable globals.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/lib
cd "$root" || exit 2
quick_cc
python=$(command -v python3)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import numpy' 2>/dev/null && python=/usr/bin/python3

make -s lib BUILD="$2" >"$tmp/log" 2>&1 || { cat "$tmp/log"; echo "0 passed, 1 failed"; exit 1; }
pc="-lm -ldl -lpthread"
nm "$build/libgradc.a" | grep -q ' U png_' && pc="-lpng $pc"
nm "$build/libgradc.a" | grep -q ' U jpeg_' && pc="-ljpeg $pc"

# ---- symbols: what the library exports, and what it needs ----
nm -D --defined-only "$build/libgradc.so.0" | awk '$2 != "A" && $3 !~ /^gradc_[a-z_]*@@GRADC_0$/' >"$tmp/shown"
[ ! -s "$tmp/shown" ] && pass || fail "the shared library exports $(cat "$tmp/shown")"
nm -g --defined-only "$build/libgradc.a" | awk 'NF == 3 && $3 !~ /^gradc_/' >"$tmp/shown"
[ ! -s "$tmp/shown" ] && pass || fail "the archive exports $(head -n 5 "$tmp/shown")"
sed -n 's/^GRADC_API.*[ *]\(gradc_[a-z_]*\)(.*/\1/p' lib/gradc.h | sort >"$tmp/declared"
nm -D --defined-only "$build/libgradc.so.0" | sed -n 's/.* T \(gradc_[a-z_]*\)@@GRADC_0/\1/p' | sort >"$tmp/defined"
check "the header and the library agree" diff "$tmp/declared" "$tmp/defined"
nm -D --undefined-only "$build/libgradc.so.0" |
  grep -E ' (stdout|stderr|stdin|puts|putchar|printf|vprintf|fprintf|perror)(@|$)' >"$tmp/shown"
nm -D --undefined-only "$build/libgradc.so.0" |
  grep -E ' (exit|_exit|abort|signal|sigaction|setenv|chdir|umask)(@|$)' >>"$tmp/shown"
[ ! -s "$tmp/shown" ] && pass || fail "the library prints, exits or changes the process: $(cat "$tmp/shown")"
# Writable globals: only the host of a thread during a call, and the libraries of clang and NVRTC, which are loaded
# once.
nm "$build/libgradc.so.0" | awk '$2 ~ /^[bB]$/ && $3 !~ /^(completed|__cpu_|__bss_start|_edata|_end)/ { print $3 }' |
  sed 's/\..*//' |
  sort >"$tmp/bss"
grep -vxE 'rt_host|once|clang_backend|nvrtc|rtc' "$tmp/bss" >"$tmp/shown"
[ ! -s "$tmp/shown" ] && pass || fail "writable globals: $(cat "$tmp/shown")"
data=$(objdump -h "$build/libgradc.so.0" | awk '$2 == ".data" { print $3 }')
[ $((0x${data:-0})) -le 16 ] && pass || fail "initialised globals: 0x$data bytes"

# ---- the header ----
header() {
  echo '#include "lib/gradc.h"' | cc -std="$1" -pedantic -Wall -Wextra -Werror -fsyntax-only -I. -xc -
}
for std in c99 c17; do check "the header as $std" header $std; done
cat >"$tmp/use.cpp" <<'C'
#include "lib/gradc.h"
#include <cstdio>
int main() {
  gradc_model *m = nullptr;
  gradc_error *e = nullptr;
  gradc_options o = GRADC_OPTIONS;
  gradc_source s = {"none.nn", nullptr, 0};
  if (gradc_compile(&s, &o, &m, &e) != GRADC_BAD_MODEL || gradc_error_at(e, 0)->code != 501) return 1;
  return gradc_error_free(e), 0;
}
C
for std in c++98 c++17; do
  flag=; [ $std = c++98 ] && flag="-Dnullptr=0 -Wno-long-long"
  # shellcheck disable=SC2086
  check "the header as $std" c++ -std=$std $flag -pedantic -Wall -Wextra -Werror -I. \
    -o "$tmp/use" "$tmp/use.cpp" "$build/libgradc.a" $pc
  check "a C++ program ($std)" "$tmp/use"
done

# ---- the tests themselves ----
mkdir "$tmp/t" && cp -r "$here/model.nn" "$here/search" "$tmp/t/" &&
  tar xzf tests/weights/data.tar.gz -C "$tmp/t" tokenizer.json vocab.json merges.txt gpt2.safetensors greedy.want \
    greedy_cached.want llama2.model llama2.want more.txt odd.txt bpe.want
awk 'BEGIN { for (i = 0; i < 100; i++) { s = (i * 37 % 100) / 50 - 1
  print s "," (i * 53 % 100) / 50 - 1 "," (i * 7 % 10) / 10 "," (i % 5) / 5 "," (s > 0.3 ? 2 : i % 2) } }' \
  >"$tmp/t/points.csv"
cat "$tmp/t/points.csv" "$tmp/t/points.csv" >"$tmp/t/more.csv"
{ head -n 5 "$tmp/t/points.csv"; echo '1,2,word,4,1'; } >"$tmp/t/bad.csv"
XDG_CACHE_HOME=$tmp/cache; export XDG_CACHE_HOME
tests=$(ls tests/lib/*.c)
# shellcheck disable=SC2086
compiled() {
  for f in $tests; do
    cc -std=gnu11 -g1 -O0 -Wall -Wextra -Werror -I. -c "$f" -o "$tmp/$(basename "$f" .c).o" || return
  done
}
check "the tests compile" compiled
check "the tests link with the archive" cc -o "$tmp/static" "$tmp"/*.o "$build/libgradc.a" $pc
check "the tests link with the shared library" cc -o "$tmp/shared" "$tmp"/*.o "$build/libgradc.so.0" \
  -Wl,-rpath,"$build" $pc
cd "$tmp/t" || exit 2
tally "the archive" "$tmp/static" api
tally "the shared library" "$tmp/shared" api
# With a driver that works in any order which streams and events permit, and reports what is not given back.
tally "models on a device" env GC_DRIVER_LAZY=1 GC_ORDER=random GC_DRIVER_LEAKS=1 "$tmp/static" device
cd "$root" || exit 2

program="bench bench_profile cli eval generate info main metrics opt predict predict_arrays predict_write prefetch
  program report run settings train"
own=$(ls lib/*.c codegen/jit/*.c runtime/*.c | grep -vE "^runtime/($(echo $program | tr ' ' '|'))\.c\$"
  echo ir/ctx.c ir/source.c ir/interp.c)
rest=$(objects | grep -vE '/ir/(ctx|source|interp)\.o$')
if full; then
  own="$own $(for o in $rest; do o=${o#"$build/"}; ls "${o%.o}.c" "$build/${o%.o}.c" 2>/dev/null | head -n 1; done |
    grep -v 'embed\.c$')"
  rest=$build/embed.o
fi
sanitized() { # NAME FLAGS SOURCES OBJECTS: a test program; the sources are compiled side by side
  mkdir -p "$tmp/$1"
  # shellcheck disable=SC2086
  for f in $3; do echo "$f"; done | xargs -P 2 -I{} sh -c '
    cc -std=gnu11 -ffp-contract=off -g1 -O0 -w -I. -I"$1" -Iruntime '"$2"' -c {} -o "$0/$(echo {} | tr / _).o"' \
    "$tmp/$1" "$build" &&
    cc -std=gnu11 -g1 -O0 -I. $2 -o "$tmp/$1/t" $tests "$tmp/$1"/*.o $4 $rest $pc
}
# asan.sh compiles all with the address sanitizer; ctx.c is without its one malloc per object here.
sh tests/asan.sh "$build" || fail "the sanitized objects are not built"
ready=$(for f in $own; do f=${f#"$build/"}; echo "$build/tests/asan/${f%.c}.o"; done | grep -v '/ir/ctx\.o$')
check "with the address sanitizer" sanitized address \
  "-fsanitize=address,undefined -fno-sanitize-recover=undefined" ir/ctx.c "$ready"
check "with the thread sanitizer" sanitized thread "-fsanitize=thread" "$own" ""
cd "$tmp/t" || exit 2
tally "entry points and errors, addresses" "$tmp/address/t" api
tally "allocation failures" "$tmp/address/t" faults
MODEL_FLAGS=-fsanitize=thread; export MODEL_FLAGS
tally "eight models at once" "$tmp/thread/t" threads
unset MODEL_FLAGS
cd "$root" || exit 2

# ---- the same bits as the training binary, whose data it reads ----
same_weights() { # MODEL STEPS
  "$gradc" build "$1" --fp=strict -o "$tmp/m" >"$tmp/log" 2>&1 || fail "build $1: $(cat "$tmp/log")"
  want=$("$tmp/m" train --steps "$2" --json --run-dir "$tmp/run" --force 2>"$tmp/log" |
    sed -n 's/.*"weights_hash":"\([0-9a-f]*\)".*/\1/p')
  [ -n "$want" ] || fail "train $1: $(cat "$tmp/log")"
  check "$1 through the library" sh -c "[ \"\$('$tmp/static' steps '$1' $2)\" = '$want' ]"
}
same_weights examples/models/digits.nn 60
same_weights tests/golden/curves/mlp_clip_accumulate.nn 12
same_weights tests/golden/curves/cnn_batchnorm.nn 12

# ---- examples/embed, from an installation ----
check "make install" make -s install BUILD="$2" PREFIX=/opt/gradc DESTDIR="$tmp/inst all"
ls -1 "$tmp/inst all/opt/gradc"/bin "$tmp/inst all/opt/gradc"/lib/* "$tmp/inst all/opt/gradc"/include \
  "$tmp/inst all/opt/gradc"/share/man/man1 |
  grep -cE '^(gradc|.*/libgradc.a|.*/libgradc.so|.*/libgradc.so.0|gradc.pc|gradc.h|gradc.1)$' | grep -qx 7 && pass ||
    fail "make install left $(find "$tmp/inst all" -type f)"
check "make uninstall" \
  sh -c "make -s uninstall PREFIX=/opt/gradc DESTDIR='$tmp/inst all' && [ -z \"\$(find '$tmp/inst all' ! -type d)\" ]"
check "make install" make -s install BUILD="$2" PREFIX="$tmp/inst"
cp -r examples "$tmp/examples" && cd "$tmp/examples/embed" || exit 2
PKG_CONFIG_PATH=$tmp/inst/lib/pkgconfig; LD_LIBRARY_PATH=$tmp/inst/lib; export PKG_CONFIG_PATH LD_LIBRARY_PATH
flags=$(pkg-config --cflags --libs gradc 2>&1)
# shellcheck disable=SC2086
check "examples/embed compiles" cc -std=c99 -pedantic -Wall -Wextra -Werror digits.c $flags -o digits
check "examples/embed runs" sh -c './digits >out &&
  tail -n 1 out | grep -qE "^this is a ([0-9]); the label says \1$" && grep -qE "accuracy (9[0-9]|100)" out'
# The programs in docs/library.md.
block() { awk -v lang="$1" '$0 == "```" lang { on = 1; next } /^```/ { on = 0 } on' "$root/docs/library.md"; }
cd "$tmp/examples/models" || exit 2
block c >doc.c
# shellcheck disable=SC2086
check "the C of docs/library.md" sh -c "cc -std=c99 -Wall -Wextra -Werror doc.c $flags -o doc && ./doc >out &&
  grep -q '^loss [0-9.e-]*, accuracy 1$' out && [ -f digits.safetensors ]"
{ echo 'import numpy as np; x, x_test = np.zeros((32, 64), "f4"), np.zeros((70, 64))'
  echo 'y, y_test = np.zeros(32, "i4"), [1] * 70; pixels = x[:1]'
  block python | sed 's/epochs=10/epochs=1/; s/"cuda"/"cuda-host"/'; } >doc.py
cd "$root" || exit 2
unset LD_LIBRARY_PATH
check "the manual page" sh -c "[ -z \"\$(groff -man -Tutf8 -ww -z '$tmp/inst/share/man/man1/gradc.1' 2>&1)\" ]"

# ---- Python ----
if "$python" -c 'import numpy' 2>"$tmp/log"; then
  GRADC_LIBRARY=$build/libgradc.so.0 PYTHONPATH=python; export GRADC_LIBRARY PYTHONPATH
  { printf 'comment_char %%%%\nescape_char /\nLC_NUMERIC\n'
    printf 'decimal_point ","\nthousands_sep ""\ngrouping -1\nEND LC_NUMERIC\n'; } >"$tmp/comma"
  localedef --no-archive -c -i "$tmp/comma" "$tmp/comma_locale" >"$tmp/log" 2>&1 # warns of missing categories
  LOCPATH=$tmp COMMA_LOCALE=comma_locale GRADC=$gradc; export LOCPATH COMMA_LOCALE GRADC
  for part in test arrays runs tool text; do
    tally "python_$part.py" "$python" tests/lib/python_$part.py "$tmp/t"
  done
  if full; then # where they are installed
    "$python" -c 'import sklearn.utils.estimator_checks' 2>"$tmp/log" &&
      tally "estimators by scikit-learn" "$python" tests/lib/python_tool.py "$tmp/t" sklearn
    if [ -x bench/.venv/bin/python ]; then
      tally "tensors of PyTorch" bench/.venv/bin/python tests/lib/python_arrays.py "$tmp/t" tensors
      tally "state dicts of PyTorch" bench/.venv/bin/python tests/lib/python_tool.py "$tmp/t" torch
    fi
  fi
  PYTHONPATH=$root/python
  optuna=$python
  "$python" -c 'import optuna' 2>"$tmp/log" || { optuna= && full && "$python" -m venv "$tmp/optuna" &&
    "$tmp/optuna/bin/pip" install -q --disable-pip-version-check optuna 2>"$tmp/log" && optuna=$tmp/optuna/bin/python; }
  if [ -n "$optuna" ]; then
    check "examples/tuning with Optuna" sh -c "'$optuna' '$root/examples/tuning/optuna_digits.py' 2 1 | grep '^best: '"
  else echo 'skipped: examples/tuning: there is no Optuna'; fi
  check "the Python of docs/library.md" \
    sh -c "cd '$tmp/examples/models' && '$python' doc.py 2>&1 | grep -A 9 'E0201' | grep -qx 1"
  unset GRADC_LIBRARY PYTHONPATH LOCPATH COMMA_LOCALE GRADC
  venv() { "$python" -m venv --system-site-packages "$tmp/venv" &&
    "$tmp/venv/bin/pip" install -q --no-index --disable-pip-version-check ./python; }
  check "pip install ./python" venv
  check "the installed module" \
    sh -c "cd / && '$tmp/venv/bin/python' -c 'import gradc; assert gradc.version() and \"venv\" in gradc.__file__'"
  said=$("$gradc" --version)
  check "the installed command" sh -c "cd / && [ \"\$('$tmp/venv/bin/gradc' --version)\" = '$said' ] &&
    [ \"\$('$tmp/venv/bin/python' -m gradc --version)\" = '$said' ]"
  sdist() { # a wheel of the source distribution, beside nothing else; objects newer than its sources are there
    (cd python && "$python" -c 'import build, sys; build.build_sdist(sys.argv[1])' "$tmp") &&
      (cd "$tmp" && tar xzf gradc-*.tar.gz && rm gradc-*.tar.gz && mv gradc-*.* sdist && mkdir sdist/build) &&
      (cd "$build" && tar cf - --exclude=./tests .) | (cd "$tmp/sdist/build" && tar xf -) &&
      (cd / && "$tmp/venv/bin/pip" wheel -q --no-index --no-deps --disable-pip-version-check -w "$tmp" "$tmp/sdist") &&
      ls "$tmp"/gradc-*-py3-none-*.whl
  }
  if full; then
    check "the source distribution builds a wheel" sdist
    check "pip install -e" "$tmp/venv/bin/pip" install -q --no-index --disable-pip-version-check -e ./python
    check "the package where it is" sh -c "cd / && '$tmp/venv/bin/gradc' --version &&
      '$tmp/venv/bin/python' -c 'import gradc; assert \"$root/python\" in gradc.__file__'"
  fi
else
  fail "no Python with NumPy: tests/setup.sh installs it"
fi

counts
