/* SPDX-License-Identifier: Apache-2.0 */
/* What tokenizers need of Unicode: classes of characters, small letters, the four normal forms (UAX #15). */
#ifndef GRADC_UNICODE_H
#define GRADC_UNICODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum UnicodeClass {
  UNICODE_LETTER,
  UNICODE_NUMBER,
  UNICODE_SPACE,
  UNICODE_PUNCTUATION,
  UNICODE_MARK,
  UNICODE_NONSPACING,
  UNICODE_CONTROL
} UnicodeClass;
bool unicode_is(UnicodeClass k, uint32_t c);
int unicode_lower(uint32_t c, uint32_t to[3]); /* the number of characters */

size_t utf8_next(const char *s, size_t n, uint32_t *c); /* bytes of the first character; invalid: 1, and 0xFFFD */
int utf8_put(uint32_t c, char to[4]);                   /* its bytes */

typedef enum UnicodeForm { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD } UnicodeForm;
/* The text in that form, in new memory of *to_n bytes; invalid bytes become U+FFFD. */
char *unicode_normal(UnicodeForm form, const char *s, size_t n, size_t *to_n);
#endif
