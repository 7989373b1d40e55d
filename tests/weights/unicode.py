# SPDX-License-Identifier: Apache-2.0
"""unicode.py > runtime/unicode.def: the ranges of letters, numbers and white space, by the package regex 2026.11.19."""
import regex

print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Written by tests/weights/unicode.py: ranges of characters, ascending. */")
for name, pattern in ("LETTER", r"\p{L}"), ("NUMBER", r"\p{N}"), ("SPACE", r"\s"):
    match, line, first = regex.compile(pattern).match, "", None
    for c in range(0x110001):
        here = c < 0x110000 and not 0xD800 <= c < 0xE000 and match(chr(c)) is not None
        if here and first is None:
            first = c
        if not here and first is not None:
            item, first = f"{name}(0x{first:X}, 0x{c - 1:X})", None
            if len(line) + len(item) > 118:
                print(line)
                line = ""
            line += (" " if line else "") + item
    print(line)
