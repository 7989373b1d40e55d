#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# projects.sh GRADC BUILD: the projects of gradc emit. The commands of docs/embedded.md run as they are written; several
# models print the same on every board of qemu and on this machine; sizes and counts are those of the project's own
# commands. setup.sh installs the compilers and emulators.
. "$(dirname "$0")/../suite.sh"
models=$root/examples/models
cd "$tmp" || exit 2
targets=
has() { command -v "$1" >/dev/null && command -v "$2" >/dev/null; }
if has arm-none-eabi-gcc qemu-system-arm; then targets="cortex-m0plus cortex-m4 cortex-m7 cortex-m33"
else fail "arm-none-eabi-gcc or qemu-system-arm is missing: sh tests/setup.sh isa"; fi
if has riscv64-unknown-elf-gcc qemu-system-riscv32; then targets="$targets rv32"
else fail "riscv64-unknown-elf-gcc or qemu-system-riscv32 is missing: sh tests/setup.sh isa"; fi

# ---- the page ----
mkdir page bin && ln -s "$gradc" bin/gradc && cp "$models/digits.nn" "$models/iris.nn" page/ &&
  cp -r "$root/examples/data" data
sed -n '/^```sh$/,/^```$/p' "$root/docs/embedded.md" | grep -v '^```' >page.sh
case $targets in *rv32*) ;; *) sed -i '/rv32/d' page.sh ;; esac
[ -s page.sh ] && (PATH=$tmp/bin:$PATH; cd page && sh -ex ../page.sh) >page.log 2>&1 && pass ||
  fail "docs/embedded.md: $(tail -n 5 page.log)"

# ---- same MODEL TARGET DIR: the board and this machine print the same lines ----
same() {
  timeout 60 make -s -C "$3" run CFLAGS=-Werror >"$3.board" 2>&1 &&
    make -s -C "$3" host CFLAGS=-Werror >"$3.host" 2>&1 &&
    [ -s "$3.host" ] && cmp -s "$3.board" "$3.host" && pass ||
    fail "$1 on $2: $(diff "$3.board" "$3.host" | head -n 5)"
}
field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$2"; }
counted() { # counted MODEL TARGET DIR REPORT: what emit printed is what the project's commands say
  equal "$1 on $2, instructions" "$(field instructions "$4")" "$(make -s -C "$3" count | sed -n 's/ instructions$//p')"
  equal "$1 on $2, flash" "$(field flash_bytes "$4")" \
    "$(make -s -C "$3" size | awk '/^\.(text|data|ARM.exidx)/ { n += $2 } END { print n }')"
}
project() { # project MODEL TARGET FLAG DIR
  # shellcheck disable=SC2086  # no flag, or one
  if "$gradc" emit --project=make --target="$2" "$1" -o "$4" --json $3 >"$4.json" 2>err; then
    same "$(basename "$1") $3" "$2" "$4"
  else fail "$1 for $2: $(head -n 3 err)"; fi
}
for target in $targets; do
  project "$models/iris.nn" "$target" "" "iris-$target"
  counted iris "$target" "iris-$target" "iris-$target.json"
  project "$models/iris.nn" "$target" --only=infer "infer-$target"
done
for model in examples/models/dqn tests/exact/scan_checkpoint tests/native/mixed; do
  project "$root/$model.nn" cortex-m4 "" "$(basename $model)"
done
case $targets in *rv32*) project "$models/dqn.nn" rv32 "" dqn-rv32 ;; esac
for model in examples/models/dqn examples/models/lora examples/models/gan tests/exact/bounded tests/cli/i64; do
  project "$root/$model.nn" cortex-m4 --only=infer "$(basename $model)-infer"
done

# ---- what report predicts: the fit is that of the page and of driver/board.c, and holds for a count made here ----
sh "$root/bench/embedded.sh" fit >fit
while read -r target mac work _ worst _; do
  equal "fit of $target" "| \`$target\` | $mac | $work | $worst % |" "$(grep "^| .$target. | [0-9.]* | " \
    "$root/docs/embedded.md")"
  grep -q "$mac, $work}" "$root/driver/board.c" && pass || fail "driver/board.c does not have $mac, $work of $target"
done <fit
"$gradc" report "$models/dqn.nn" --target=cortex-m4 --json | tail -n 1 >predicted
"$gradc" emit --project=make --target=cortex-m4 "$models/dqn.nn" -o counted --json >counted.json
near "instructions of dqn" "$(field predicted_instructions predicted)" "$(field instructions counted.json)" 0.25

# ---- cmake ----
if command -v cmake >/dev/null; then
  for target in cortex-m33 $(echo "$targets" | grep -o rv32); do
    d=cmake-$target
    "$gradc" emit --project=cmake --target="$target" "$models/iris.nn" -o "$d" >/dev/null
    check "cmake for $target" cmake -S "$d" -B "$d/build" -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake
    check "cmake for $target, size" cmake --build "$d/build" --target size
    cmake --build "$d/build" --target run | grep ^step >"$d.board"
    check "cmake for this machine" cmake -S "$d" -B "$d/host"
    cmake --build "$d/host" --target host | grep ^step >"$d.host"
    [ -s "$d.host" ] && cmp -s "$d.board" "$d.host" && pass || fail "cmake, $target: $(diff "$d.board" "$d.host")"
    equal "cmake for $target, count" "$(cmake --build "$d/build" --target count | grep ^ticks | tail -n 1)" \
      "$(make -s -C "iris-$target" count | grep ^ticks | tail -n 1)"
  done
else fail "cmake is missing"; fi

# ---- Arduino: the library as C, the sketch as C++ over what it uses of Arduino ----
"$gradc" emit --project=arduino --target=cortex-m4 "$models/iris.nn" -o arduino >/dev/null
sketch=arduino/examples/iris/iris.ino
mkdir stub && cat >stub/Arduino.h <<'C'
#include <stdio.h>
struct Port {
  void begin(long) {}
  void print(const char *text) { fputs(text, stdout); }
  explicit operator bool() const { return true; }
};
static Port Serial;
static inline unsigned long micros() { return 0; }
void setup();
void loop();
C
echo 'int main() { setup(); loop(); }' >stub/main.cpp
check "arduino" sh -ec 'gcc -std=gnu11 -Wall -Wextra -Werror -Os -c arduino/src/iris.c -o stub/iris.o
  g++ -std=gnu++11 -Wall -Wextra -Werror -Os -Istub -Iarduino/src -include Arduino.h -x c++ "$1" -c -o stub/sketch.o
  g++ -Istub -include Arduino.h stub/main.cpp stub/sketch.o stub/iris.o -o stub/sketch' sh "$sketch"
equal "the sketch" "$(stub/sketch)" "$(cat iris-cortex-m4.host)"
check "arduino for Cortex-M4" arm-none-eabi-g++ -std=gnu++11 -mthumb -mcpu=cortex-m4 -Wall -Wextra -Werror -Os -Istub \
  -Iarduino/src -include Arduino.h -x c++ "$sketch" -c -o stub/sketch.arm.o
equal "library.properties" "$(sed -n 's/^name=//p;s/^includes=//p' arduino/library.properties | tr '\n' ' ')" \
  "iris iris.h "

# ---- Zephyr: its CMake over a package that has what it uses of Zephyr ----
"$gradc" emit --project=zephyr --target=cortex-m4 "$models/iris.nn" -o zephyr >/dev/null
mkdir -p stub/zephyr/sys && cat >stub/ZephyrConfig.cmake <<'C'
enable_language(C)
file(WRITE ${CMAKE_BINARY_DIR}/empty.c "")
add_executable(app ${CMAKE_BINARY_DIR}/empty.c)
target_include_directories(app PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_compile_options(app PRIVATE -Wall -Wextra -Werror)
C
echo 'static inline unsigned k_cycle_get_32(void) { return 0; }' >stub/zephyr/kernel.h
printf '#include <stdio.h>\n#define printk printf\n' >stub/zephyr/sys/printk.h
check "zephyr" cmake -S zephyr -B zephyr/build -DZephyr_DIR="$tmp/stub"
check "zephyr, build" cmake --build zephyr/build
equal "the application" "$(zephyr/build/app)" "$(cat iris-cortex-m4.host)"
equal "prj.conf" "$(tr '\n' ' ' <zephyr/prj.conf)" "CONFIG_PRINTK=y CONFIG_MAIN_STACK_SIZE=8192 CONFIG_FPU=y "
counts
