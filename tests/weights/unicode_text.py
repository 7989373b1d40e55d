# SPDX-License-Identifier: Apache-2.0
"""unicode_text.py > runtime/unicode_text.def: the tables of runtime/unicode.c, by Python's unicodedata. A table is one
text of rows that are ascending by their first number; numbers are hexadecimal.

  DECOMPOSED  "C0 41 300": the characters of one; "A0~20": only for NFKC and NFKD; "FF01-FF5E~21": a run, to a run
  COMPOSED    "41 300 C0": two characters, and the one of NFC
  COMBINING   "300-314 E6": canonical combining classes other than 0
  LOWER       "41-5A 61"; "100-12E/2 101": every second one
  PUNCTUATION, MARK, NONSPACING, CONTROL   ranges of the categories P, M, Mn and C, of C without Cn"""
import unicodedata

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)


def decomposition(c):
    """What one step makes of it, and how it is written: " " or "~" before it."""
    text = unicodedata.decomposition(chr(c)).split()
    if not text or c in HANGUL:
        return None
    compatible = text[0][0] == "<"
    return "~" if compatible else " ", tuple(int(x, 16) for x in text[compatible:])


def runs(mapped):
    """(first, last, step, values) of a dict from characters to (mark, values): neighbours that go to neighbours."""
    rows, left = [], dict(mapped)
    for c in sorted(mapped):
        if c not in left:
            continue
        mark, to = left.pop(c)
        best = (0, 1)
        for step in (1, 2) if len(to) == 1 else ():
            n = 0
            while left.get(c + (n + 1) * step) == (mark, (to[0] + (n + 1) * step,)):
                n += 1
            if n > best[0] and (step == 1 or all(c + 2 * i + 1 not in mapped for i in range(n))):
                best = (n, step)
        n, step = best
        for i in range(n):
            del left[c + (i + 1) * step]
        rows.append((c, c + n * step, step, mark, to))
    return rows


def written(first, last, step, mark, to):
    head = f"{first:X}" + (f"-{last:X}" if last > first else "") + ("/2" if step == 2 else "")
    return head + mark + " ".join(f"{x:X}" for x in to)


def ranges(value):
    """(first, last, value) of the characters whose value is not false."""
    rows = []
    for c in ALL:
        v = value(c)
        if v and rows and rows[-1][2] == v and rows[-1][1] == c - 1:
            rows[-1][1] = c
        elif v:
            rows.append([c, c, v])
    return rows


def table(name, rows):
    lines, line = [], ""
    for r in rows:
        if len(line) + len(r) > 108:
            lines.append(line)
            line = ""
        line += r + "|"
    print(f"TABLE({name},")
    print("\n".join(f'      "{text}"' for text in [*lines, line]) + ")")


def classes(name, wanted):
    rows = ranges(lambda c: wanted(unicodedata.category(chr(c))))
    table(name, [f"{a:X}" + (f"-{b:X}" if b > a else "") for a, b, _ in rows])


print("/* SPDX-License-Identifier: Apache-2.0 */")
print(f"/* Written by tests/weights/unicode_text.py, of Unicode {unicodedata.unidata_version}. */")
steps = {c: decomposition(c) for c in ALL}
table("DECOMPOSED", [written(*r) for r in runs({c: d for c, d in steps.items() if d})])
pairs = {}
for c in ALL:
    d = steps[c]
    if d and d[0] == " " and len(d[1]) == 2 and unicodedata.normalize("NFC", chr(c)) == chr(c):
        pairs[d[1]] = c
table("COMPOSED", [f"{a:X} {b:X} {c:X}" for (a, b), c in sorted(pairs.items())])
table("COMBINING", [f"{a:X}" + (f"-{b:X}" if b > a else "") + f" {v:X}"
                    for a, b, v in ranges(lambda c: unicodedata.combining(chr(c)))])
lower = {c: (" ", tuple(map(ord, chr(c).lower()))) for c in ALL if chr(c).lower() != chr(c)}
table("LOWER", [written(*r) for r in runs(lower)])
classes("PUNCTUATION", lambda k: k[0] == "P")
classes("MARK", lambda k: k[0] == "M")
classes("NONSPACING", lambda k: k == "Mn")
classes("CONTROL", lambda k: k in ("Cc", "Cf", "Co"))
