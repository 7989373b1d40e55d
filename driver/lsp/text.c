/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/lsp/text.h"
#include "ir/utf8.h"
#include <ctype.h>
#include <string.h>

size_t text_offset(const char *s, size_t n, int64_t line, int64_t column) {
  size_t i = 0;
  int used, width;
  for (; line > 0; line--) {
    const char *end = memchr(s + i, '\n', n - i);
    if (!end) return n;
    i = (size_t)(end + 1 - s);
  }
  while (i < n && column > 0 && s[i] != '\n' && !(s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')) {
    utf8_step(s + i, n - i, &used, &width);
    column -= used == 4 ? 2 : 1;
    if (column < 0) break;
    i += (size_t)used;
  }
  return i;
}

static int hex(char ch) {
  return ch >= '0' && ch <= '9' ? ch - '0' : isxdigit((unsigned char)ch) ? (ch | 32) - 'a' + 10 : -1;
}

const char *uri_path(Ctx *c, const char *uri) {
  if (strncmp(uri, "file://", 7)) return uri;
  const char *p = strchr(uri + 7, '/'); /* after the host, which is this machine */
  Str s = {.c = c};
  str_puts(&s, "");
  for (; p && *p; p++) {
    int high = *p == '%' ? hex(p[1]) : -1, low = high >= 0 ? hex(p[2]) : -1;
    char byte = low >= 0 ? (char)(high * 16 + low) : *p;
    if (byte) str_put(&s, &byte, 1);
    if (low >= 0) p += 2;
  }
  return path_plain(c, s.s);
}

const char *path_uri(Ctx *c, const char *path) {
  if (path[0] != '/') return path;
  Str s = {.c = c};
  str_puts(&s, "file://");
  for (const char *p = path; *p; p++)
    if (isalnum((unsigned char)*p) || strchr("/-._~", *p)) str_put(&s, p, 1);
    else str_printf(&s, "%%%02X", (unsigned char)*p);
  return s.s;
}

const char *path_plain(Ctx *c, const char *path) {
  if (path[0] != '/') return path;
  size_t n = strlen(path), to = 0;
  char *out = ctx_alloc(c, n + 2);
  for (const char *p = path; *p;) {
    while (*p == '/') p++;
    size_t len = strcspn(p, "/");
    if (len == 2 && !strncmp(p, "..", 2)) {
      while (to && out[--to] != '/') {}
    } else if (len && !(len == 1 && *p == '.')) {
      out[to++] = '/';
      memcpy(out + to, p, len);
      to += len;
    }
    p += len;
  }
  if (!to) out[to++] = '/';
  out[to] = 0;
  return out;
}
