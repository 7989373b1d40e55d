/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and macros of device.inc that an emitted file uses. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/definitions.h"
#include <string.h>

/* The part of device.inc between two comments. */
static Definitions part(Emitter *p, const char *from, const char *to) {
  size_t size;
  Definitions list = {.c = p->c};
  const char *s = p->o->builtin("codegen/cuda/device.inc", &size);
  const char *begin = s ? strstr(s, from) : NULL, *end = begin ? strstr(begin, to) : NULL;
  if (end) definitions_add(&list, begin + strlen(from), (size_t)(end - begin) - strlen(from));
  else diag_error(p->c, E_INTERNAL, 0, 1, "internal: device.inc has no part that ends with `%s`", to);
  return list;
}

void primitives_print(Emitter *p, const Str *const *user, int n, Str *out) {
  Definitions both = part(p, "/* for both */\n", "#endif"), cuda = part(p, "/* for CUDA */\n", "/* end of CUDA */");
  Str common = {.c = p->c};
  for (int i = 0; i < n; i++)
    if (user[i]->n) definitions_use(&both, user[i]->s, user[i]->n), definitions_use(&cuda, user[i]->s, user[i]->n);
  definitions_put(&both, &common);
  if (common.n) definitions_use(&cuda, common.s, common.n);
  definitions_put(&cuda, out);
  str_puts(out, "#endif\n");
  if (common.n) str_put(out, common.s, common.n);
  str_puts(out, "\n");
}
