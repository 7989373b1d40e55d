/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/board.h"
#include <ctype.h>
#include <string.h>

#define ARM "arm-none-eabi-", "gcc-arm-none-eabi"
#define QEMU_ARM "qemu-system-arm", "qemu-system-arm"

const Board boards[] = {
  {"cortex-m0plus", "Cortex-M0+", "rp2040 stm32g0 stm32l0 samd21 microbit", ARM, "-mthumb -mcpu=cortex-m0plus",
   "startup_cortex.c", QEMU_ARM, "-M mps2-an385",
   "the Cortex-M3 of MPS2 AN385, which runs the code of a Cortex-M0+: qemu has no board with one", 0, 4096, 0x21000000,
   16384, 40, false, 159.2, 99.7},
  {"cortex-m4", "Cortex-M4F", "stm32f4 stm32f3 stm32g4 stm32l4 stm32wb nrf52 teensy3 samd51 apollo3", ARM,
   "-mthumb -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16", "startup_cortex.c", QEMU_ARM, "-M mps2-an386",
   "MPS2 AN386", 0, 4096, 0x21000000, 16384, 40, true, 7.1, 5.9},
  {"cortex-m7", "Cortex-M7", "stm32f7 stm32h7 teensy4 imxrt", ARM,
   "-mthumb -mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16", "startup_cortex.c", QEMU_ARM, "-M mps2-an500",
   "MPS2 AN500", 0, 4096, 0x60000000, 16384, 40, true, 7.1, 5.6},
  {"cortex-m33", "Cortex-M33", "stm32u5 stm32l5 stm32h5 stm32wba nrf53 nrf91 rp2350 lpc55", ARM,
   "-mthumb -mcpu=cortex-m33 -mfloat-abi=hard -mfpu=fpv5-sp-d16", "startup_cortex.c", QEMU_ARM, "-M mps2-an505",
   "MPS2 AN505", 0x10000000, 4096, 0x80000000, 16384, 50, true, 7.1, 5.8},
  {"rv32", "RV32IMAFC", "esp32-p4 esp32p4 hifive", "riscv64-unknown-elf-", "gcc-riscv64-unknown-elf",
   "-march=rv32imafc -mabi=ilp32f -mcmodel=medany", "startup_rv32.c", "qemu-system-riscv32", "qemu-system-misc",
   "-M virt -bios none", "qemu's virt", 0x80000000, 16384, 0x81000000, 16384, 1, true, 7.2, 4.5},
};
const int nboards = sizeof boards / sizeof *boards;

const Board *board_find(const char *name) {
  for (int i = 0; i < nboards; i++)
    if (!strcmp(boards[i].name, name)) return &boards[i];
  return 0;
}

const Board *board_of_chip(const char *chip) {
  char low[64];
  size_t n = 0;
  for (; chip[n] && n + 1 < sizeof low; n++) low[n] = (char)tolower((unsigned char)chip[n]);
  low[n] = 0;
  for (int i = 0; i < nboards; i++)
    for (const char *p = boards[i].chips; *p; p += strcspn(p, " "), p += *p == ' ')
      if (!strncmp(low, p, strcspn(p, " "))) return &boards[i];
  return 0;
}
