# SPDX-License-Identifier: Apache-2.0
# gradc emit --project: the example on this machine, changed and foreign files, wrong options. What boards compute is in
# tests/isa/projects.sh; no compiler for one is used here. Sourced by run.sh: uses gradc, models, expect, json_lines.
: "${tmp:?run.sh sources this file}"
mkdir tools # without compilers and emulators for boards
alone() { # alone STATUS PATTERN ARGS…: expect, without compilers for boards
  path=$PATH; PATH=$tmp/projects/tools
  "$gradc" emit --project=make "$3" -o "$4" "$5" $6 >out 2>err; status=$?
  PATH=$path
  [ $status -eq "$1" ] && cat out err | grep -q -e "$2" && pass ||
    fail "$3 $4 $5: status $status: $(head -c 300 err out)"
}
alone 0 'gcc-arm-none-eabi' --target=cortex-m4 iris "$models/iris.nn"
equal "files" "$(ls iris | tr '\n' ' ')" \
  "Makefile README.md board.h board.ld example.h gradc.files host.c iris.c iris.h main.c startup.c "
check "make host" make -s -C iris host HOSTCC="cc -Wall -Wextra -Werror" CFLAGS=-O0
make -s -C iris host CFLAGS=-O0 >steps
equal "steps" "$(grep -cE '^step [0-9]+ loss [0-9.]+$' steps)" 10
awk '$2 == 1 { first = $4 } END { exit !($4 < first) }' steps && pass || fail "the loss does not fall"
make -s -C iris all CROSS=no-such- >out 2>&1
equal "make without a compiler" "$(head -n 1 out)" \
  "no-such-gcc is missing: on Debian, apt-get install gcc-arm-none-eabi"
alone 0 '"sizes_why":"arm-none-eabi-gcc is missing; on Debian, apt-get install gcc-arm-none-eabi"' \
  --target=cortex-m7 iris "$models/iris.nn" --json
check "json" json_lines out
echo '/* mine */' >>iris/main.c
alone 2 'has a `main.c` that gradc did not write' --target=cortex-m7 iris "$models/iris.nn"
alone 0 'Cortex-M7' --target=cortex-m7 iris "$models/iris.nn" --force
mkdir other; touch other/notes.txt
alone 2 'of no project of gradc, such as `notes.txt`' --target=cortex-m7 other "$models/iris.nn"
equal "a refused folder" "$(ls other)" notes.txt
alone 0 'riscv64' --target=rv32 calls "$models/digits.nn" --only=infer
equal "an export" "$(make -s -C calls host CFLAGS=-O0 | cut -d ' ' -f 1)" predict
expect 2 'did you mean `cortex-m4`' emit --project=make --target=cortexm4 "$models/iris.nn" -o p
expect 2 'did you mean `make`' emit --project=maek --target=cortex-m4 "$models/iris.nn" -o p
expect 2 'a Cortex-M4F: `--target=cortex-m4`' emit --project=make --target=STM32F407 "$models/iris.nn" -o p
expect 2 'one of cortex-m0plus' emit --project=make "$models/iris.nn" -o p
expect 2 'needs --project' emit --target=rv32 "$models/iris.nn" -o p
expect 2 'needs --project' emit --json "$models/iris.nn" -o p
expect 2 'exclude each other' emit --cuda --project=make --target=rv32 "$models/iris.nn" -o p
[ -e p ] && fail "a refused project was written" || pass
expect 0 'instructions .* on Cortex-M4F' report "$models/iris.nn" --target=cortex-m4
expect 0 '"predicted_instructions":[1-9]' report "$models/iris.nn" --target=rv32 --json
expect 2 'exclude each other' report "$models/iris.nn" --target=rv32 --layers
# Numbers as text: as printf's %.9g, from which the same bits are read back.
cat >numbers.c <<'C'
#include "example.h"
#include <stdio.h>
#include <string.h>
static char text[64];
void board_write(const char *s) { strcat(text, s); }
int main(void) {
  for (uint32_t i = 0, bits = 1; i < 60000; i++) {
    char want[64];
    float x;
    bits = bits * 1664525u + 1013904223u;
    uint32_t b = i < 100 ? i : i < 200 ? 0x7f800063 - i : bits;
    if (i >= 20000) x = (float)(i - 20000) / 64;
    else memcpy(&x, &b, sizeof x);
    if (x != x) continue;
    snprintf(want, sizeof want, "%.9g", x);
    *text = 0, show_float(x);
    if (strcmp(text, want)) return printf("%s is shown as %s\n", want, text), 1;
  }
  return 0;
}
C
check "numbers" sh -c 'cc -w -O1 -I iris numbers.c -o numbers && ./numbers'
