# SPDX-License-Identifier: Apache-2.0
"""A golden case, the list of all, and the numbers that they are made of."""

import math

import numpy as np
import torch

CASES = []


class Case:
    def __init__(self, name, expr, fn, mode="inference", **given):
        self.name, self.expr, self.fn, self.mode = name, expr, fn, mode
        self.inputs, self.params, self.states = {}, {}, {}
        # Keys of `given`: x = an input, p__linear__w = weight linear.w, s__batchnorm__mu = a state.
        for key, value in given.items():
            table, name = self.inputs, key
            if key[1:3] == "__":
                table, name = (self.params if key[0] == "p" else self.states), key[3:].replace("__", ".")
            table[name] = value
        CASES.append(self)


RNG = np.random.default_rng(20)


def rand(*shape, lo=-2.0, hi=2.0):
    """Distinct multiples of 1/64 in [lo, hi), none of them a multiple of 1/2 (where round, floor and abs jump)."""
    grid = np.arange(math.ceil(lo * 64), math.floor(hi * 64))
    grid = grid[grid % 32 != 0]
    n = math.prod(shape)
    pick = RNG.permutation(grid)[:n] if n <= len(grid) else RNG.choice(grid, n)
    return torch.tensor(pick.reshape(shape) / 64)


def ints(*shape, n):
    return torch.tensor(RNG.integers(0, n, shape))
