# SPDX-License-Identifier: Apache-2.0
"""Numbers that programs are made of."""

import math
import random

import torch

from program import Program

T = torch
RNG = random.Random(12)
INF, NAN = math.inf, math.nan


def rand(*shape, lo=-2.0, hi=2.0):
    """Odd multiples of 1/128: neither 0, nor half of a whole number, nor twice the same where that can be."""
    n = math.prod(shape)
    grid = [(2 * i + 1) / 128 for i in range(int(lo * 64), int(hi * 64))]
    pick = RNG.sample(grid, n) if n <= len(grid) else RNG.choices(grid, k=n)
    return T.tensor(pick, dtype=T.float64).reshape(shape)


def coarse(*shape, n=4):
    """Multiples of 1/n in [-2, 2]: exact in bf16."""
    return T.tensor([RNG.randint(-2 * n, 2 * n) / n for _ in range(math.prod(shape))], dtype=T.float64).reshape(shape)


def ints(*shape, n, low=0):
    return T.tensor([RNG.randrange(low, n) for _ in range(math.prod(shape))]).reshape(shape)


def vec(*v):
    return T.tensor([float(x) for x in v], dtype=T.float64)


def call(name, expr, fn, **kw):
    lines, _, last = expr.rpartition(";")
    return Program(name, lines.replace(";", "\n"), last.strip(), fn, **kw)
