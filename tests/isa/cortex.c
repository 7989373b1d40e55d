/* SPDX-License-Identifier: Apache-2.0 */
/* Startup code for a Cortex-M board of qemu (mps2): vectors, the floating-point unit, and exit by semihosting. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(void);
extern char stack_top[];
extern void initialise_monitor_handles(void);

static void start(void) {
#if __ARM_ARCH > 6
  *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* CPACR: the unit is on */
#endif
  initialise_monitor_handles();
  int status = main();
  fflush(stdout);
  _Exit(status);
}
static void fault(void) { _Exit(99); }

__attribute__((section(".vectors"), used)) static const struct {
  void *stack;
  void (*entry[15])(void);
} vectors = {stack_top, {start, fault, fault, fault, fault, fault}};
