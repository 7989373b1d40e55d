/* SPDX-License-Identifier: Apache-2.0 */
/* Startup code of a Cortex-M: vectors, the floating-point unit, memory, and text by semihosting, which qemu and
 * debuggers understand. Without either, board_write has to write to a UART of the board instead. */
#include "board.h"

int main(void);
extern uint32_t data_from[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

enum { WRITE_TEXT = 0x04, EXIT = 0x18, EXIT_OK = 0x20026, EXIT_ERROR = 0x20023 };
#define CPACR (*(volatile uint32_t *)0xe000ed88) /* access to the floating-point unit */
#define SYST_CSR (*(volatile uint32_t *)0xe000e010)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018)

static void semihosting(uint32_t operation, uintptr_t argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register uintptr_t r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_write(const char *text) { semihosting(WRITE_TEXT, (uintptr_t)text); }

/* SysTick counts down 24 bits in the clock of the processor; each time at 0 it interrupts. */
static volatile uint32_t rounds;
static void systick(void) { rounds++; }

uint64_t board_ticks(void) {
  uint32_t before, left;
  do {
    before = rounds;
    left = SYST_CVR;
    __asm__ volatile("isb" ::: "memory"); /* an interrupt that is due is taken here */
  } while (before != rounds);
  return ((uint64_t)before << 24) + (0xffffff - left);
}

static void start(void) {
#ifdef __ARM_FP
  CPACR |= 0xfu << 20;
#endif
  for (uint32_t *to = data_start, *from = data_from; to < data_end;) *to++ = *from++;
  for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
  SYST_RVR = 0xffffff;
  SYST_CVR = 0;
  SYST_CSR = 7; /* on, with the interrupt, in the clock of the processor */
  semihosting(EXIT, main() ? EXIT_ERROR : EXIT_OK);
  for (;;) {}
}
static void fault(void) {
  semihosting(EXIT, EXIT_ERROR);
  for (;;) {}
}

__attribute__((section(".vectors"), used)) static const struct {
  uint32_t *stack;
  void (*entry[15])(void);
} vectors = {stack_top, {start, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, systick}};
