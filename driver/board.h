/* SPDX-License-Identifier: Apache-2.0 */
/* The processors of --target, each on a board that qemu has: how C is compiled for it, and run. */
#ifndef GRADC_BOARD_H
#define GRADC_BOARD_H
#include <stdbool.h>
#include <stdint.h>

typedef struct Board {
  const char *name, *title;         /* of --target; for people */
  const char *chips;                /* beginnings of names of parts with it, for help */
  const char *prefix, *cc_package;  /* the compiler is PREFIXgcc; its package on Debian */
  const char *cpu;                  /* flags of the compiler */
  const char *startup;              /* a file of codegen/c/project */
  const char *qemu, *qemu_package;  /* the emulator, and its package */
  const char *machine, *machine_is; /* flags of the emulator; what it models */
  uint32_t flash, flash_kb, ram, ram_kb;
  int ns; /* virtual nanoseconds of one board_ticks() in the emulator */
  bool fpu;
  double per_mac, per_work; /* instructions of a multiply-add, and in Cost.work: bench/embedded.sh fit */
} Board;

extern const Board boards[];
extern const int nboards;
const Board *board_find(const char *name);    /* NULL: none */
const Board *board_of_chip(const char *chip); /* "STM32F407": the board with its processor; NULL: not known */

/* So that the emulator executes an instruction in 2^shift virtual nanoseconds: few enough for its clocks of 20 MHz. */
enum { BOARD_ICOUNT_SHIFT = 6 };
#endif
