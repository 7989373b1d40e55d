/* SPDX-License-Identifier: Apache-2.0 */
/* Startup code of a 32-bit RISC-V: the stack, the floating-point unit, memory, and text by semihosting, which qemu and
 * debuggers understand. Without either, board_write has to write to a UART of the board instead. */
#include "board.h"

int main(void);
extern uint32_t data_from[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

enum { WRITE_TEXT = 0x04, EXIT = 0x18, EXIT_OK = 0x20026, EXIT_ERROR = 0x20023 };

/* The three instructions that debuggers recognise, on one page of memory and not compressed. */
static void __attribute__((noinline)) semihosting(uint32_t operation, uintptr_t argument) {
  register uint32_t a0 __asm__("a0") = operation;
  register uintptr_t a1 __asm__("a1") = argument;
  __asm__ volatile(".option push\n.option norvc\n.balign 16\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
}

void board_write(const char *text) { semihosting(WRITE_TEXT, (uintptr_t)text); }

/* Instructions since the start. */
uint64_t board_ticks(void) {
  uint32_t high, low, again;
  do __asm__ volatile("csrr %0, minstreth\ncsrr %1, minstret\ncsrr %2, minstreth" : "=r"(high), "=r"(low), "=r"(again));
  while (high != again);
  return ((uint64_t)high << 32) + low;
}

static void __attribute__((used, noreturn)) start(void) {
  for (uint32_t *to = data_start, *from = data_from; to < data_end;) *to++ = *from++;
  for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
  semihosting(EXIT, main() ? EXIT_ERROR : EXIT_OK);
  for (;;) {}
}
static void __attribute__((used, aligned(4))) fault(void) {
  semihosting(EXIT, EXIT_ERROR);
  for (;;) {}
}

/* mstatus.FS = 3 << 13: the floating-point unit is on. */
__attribute__((section(".vectors"), naked, used)) void reset(void) {
  __asm__ volatile("la sp, stack_top\nla t0, fault\ncsrw mtvec, t0\nli t0, 0x6000\ncsrs mstatus, t0\nj start");
}
