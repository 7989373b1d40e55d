#!/usr/bin/env python3
"""Writes digits.csv.gz, digits_sample.csv and iris.csv beside this file, the same bytes every time.

Needs scikit-learn, whose package carries both UCI data sets (SOURCES.md); nothing is downloaded.
"""

import gzip
import os

import numpy as np
from sklearn.datasets import load_digits, load_iris

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, text):
    with open(os.path.join(HERE, name), "wb") as f:
        if name.endswith(".gz"):
            # No file name and no time in the header, so equal data are equal bytes.
            with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=f, mtime=0) as z:
                z.write(text.encode("ascii"))
        else:
            f.write(text.encode("ascii"))


def rows(header, table, form):
    return "\n".join([",".join(header)] + [",".join(form % v for v in row) for row in table]) + "\n"


def main():
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
    main()
