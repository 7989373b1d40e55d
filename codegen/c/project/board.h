/* SPDX-License-Identifier: Apache-2.0 */
/* What the example needs of a board. */
#ifndef BOARD_H
#define BOARD_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void board_write(const char *text);
uint64_t board_ticks(void); /* of a clock that runs since the start; 0: there is none */

#ifdef __cplusplus
}
#endif
#endif
