#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the data files beside this file, the same bytes every time.

Needs scikit-learn, whose package carries both UCI data sets, and a Debian system, which has the licence (SOURCES.md);
nothing is downloaded. `make_data.py licence` writes the licence alone, without scikit-learn.
"""

import collections
import gzip
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, text):
    data = text if isinstance(text, bytes) else text.encode("ascii")
    with open(os.path.join(HERE, name), "wb") as f:
        if name.endswith(".gz"):
            # No file name and no time in the header, so equal data are equal bytes.
            with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=f, mtime=0) as z:
                z.write(data)
        else:
            f.write(data)


def rows(header, table, form):
    return "\n".join([",".join(header)] + [",".join(form % v for v in row) for row in table]) + "\n"


def merge(word, pair, joined):
    out, i = [], 0
    while i < len(word):
        both = tuple(word[i:i + 2]) == pair
        out.append(joined if both else word[i])
        i += 2 if both else 1
    return out


def licence(tokens=512):
    """The GPL, version 3, in byte pairs: words with the blank before them, the pair that is most frequent made one token
    until there are so many. The vocabulary has one token a line, with \\n for a line's end."""
    with open("/usr/share/common-licenses/GPL-3") as f:
        pieces = re.findall(r"\n+| *[A-Za-z]+| *[^A-Za-z\s]+| +", f.read())
    words = {w: list(w) for w in pieces}
    vocabulary = sorted(set("".join(pieces)))
    count = collections.Counter(pieces)
    while len(vocabulary) < tokens:
        pairs = collections.Counter()
        for w, n in count.items():
            for pair in zip(words[w], words[w][1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], p))
        vocabulary.append("".join(best))
        words = {w: merge(t, best, vocabulary[-1]) for w, t in words.items()}
    number = {t: i for i, t in enumerate(vocabulary)}
    ids = [number[t] for w in pieces for t in words[w]]
    write("licence.bin.gz", b"".join(i.to_bytes(2, "little") for i in ids))
    write("licence.vocab", "".join(t.replace("\n", "\\n") + "\n" for t in vocabulary))


def tables():
    import numpy as np
    from sklearn.datasets import load_digits, load_iris

    digits = load_digits()
    pixels = digits.data.astype(int)
    assert pixels.shape == (1797, 64) and pixels.min() == 0 and pixels.max() == 16
    columns = [f"p{i}" for i in range(64)]
    write("digits.csv.gz", rows(columns + ["label"], np.column_stack([pixels, digits.target]), "%d"))
    # Ten images without their labels (0 to 9 in order), as input for `predict`.
    write("digits_sample.csv", rows(columns, pixels[:10], "%d"))

    iris = load_iris()
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    lines = [",".join(names + ["class"])]
    lines += [",".join("%.1f" % v for v in x) + ",%d" % y for x, y in zip(iris.data, iris.target)]
    assert len(lines) == 151
    write("iris.csv", "\n".join(lines) + "\n")


if __name__ == "__main__":
    licence()
    if sys.argv[1:] != ["licence"]:
        tables()
