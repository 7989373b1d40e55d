/* SPDX-License-Identifier: Apache-2.0 */
/* gradc lsp: answers an editor over standard input and output. */
#include "driver/driver.h"
#include "driver/lsp/server.h"

int cmd_lsp(Args *a) {
  (void)a;
  return server_run(0, 1) ? EXIT_MODEL : EXIT_OK;
}
