#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes i64.nn and i64.txt, for i64.sh: results of i64 as NumPy and PyTorch compute them, all in one vector of i64.
Divisors of 0 and shifts out of range, where they leave the result open, are by Python's integers."""
import os

import numpy as np
import torch

here = os.path.dirname(os.path.abspath(__file__))
MAX, MIN = 2**63 - 1, -(2**63)
a = np.array([0, 1, -1, 7, -7, 2**31, -(2**31) - 1, 2**53 + 1, -(2**53) - 1, 2**62 + 3, -(2**62) - 5, MAX, MIN, MIN + 1,
              1234567890123456789, -987654321987654321], np.int64)
b = np.array([0, -1, 3, -2, 2, 63, 64, -65, 33, 2**40 + 1, -(2**40) - 1, -1, -1, MAX, 7, 2**31], np.int64)
x = np.array([0, -0.0, 0.5, -0.5, 2.75, -2.75, 1e10, -1e10, 2.0**62, -(2.0**62), 2.0**63, -(2.0**63), 1e30, -1e30,
              float("nan"), float("inf")], np.float32)
t, u = torch.from_numpy(a), torch.from_numpy(b)


def each(f):
    """f over Python's integers, wrapped."""
    return np.array([(f(int(p), int(q)) + 2**63) % 2**64 - 2**63 for p, q in zip(a, b)], np.int64)


def saturated(v, low, high):
    return [0 if p != p else low if p <= low else high if p >= high else int(p) for p in v.tolist()]


key = sorted(range(16), key=lambda i: int(a[i]))
small = np.array([3, -1, 15, 16, 2**40, MIN, MAX, 0], np.int64)  # indices, clamped
near = np.clip(small.astype(object), 0, 15).astype(int)
rows = a.reshape(4, 4)
VALUES = [
    ("a + b", t + u), ("a - b", t - u), ("a * b", t * u), ("-a", -t), ("abs(a)", t.abs()), ("sign(a)", t.sign()),
    ("floor(a)", t), ("a // b", each(lambda p, q: p // q if q else 0)), ("mod(a, b)", each(lambda p, q: p % q if q else 0)),
    ("max(a, b)", torch.maximum(t, u)), ("min(a, b)", torch.minimum(t, u)), ("a < b", t < u), ("a <= b", t <= u),
    ("a == b", t == u), ("a != b", t != u), ("where(a < b, a, b)", torch.where(t < u, t, u)),
    ("bitwise_and(a, b)", t & u), ("bitwise_or(a, b)", t | u), ("bitwise_xor(a, b)", t ^ u), ("bitwise_not(a)", ~t),
    ("bitwise_left_shift(a, b)", each(lambda p, q: p << q if 0 <= q < 64 else 0)),
    ("bitwise_right_shift(a, b)", each(lambda p, q: p >> q if 0 <= q < 64 else -(p < 0))),
    ("a + 9007199254740993", t + 9007199254740993), ("clamp(a, -9007199254740993, b)", np.where(
        a < np.minimum(-9007199254740993, b), np.minimum(-9007199254740993, b), np.where(a > b, b, a))),
    ("a + i64([4611686018427387905, -4611686018427387905])[0]", t + 4611686018427387905),
    ("i32(a)", t.clamp(-(2**31), 2**31 - 1)), ("u32(a)", t.clamp(0, 2**32 - 1)), ("i8(a)", t.clamp(-128, 127)),
    ("u16(a)", t.clamp(0, 65535)), ("bool(a)", t.bool()), ("i64(u32(a))", t.clamp(0, 2**32 - 1)),
    ("i64(f32(a))", saturated(t.float().double(), MIN, MAX)), ("i64(f64(a))", saturated(t.double(), MIN, MAX)),
    ("i64(x)", saturated(torch.from_numpy(x).double(), MIN, MAX)),
    ("i64(f64(x) * 1.5)", saturated(torch.from_numpy(x).double() * 1.5, MIN, MAX)),
    ("sum(a)", t.sum()), ("sum(a * b)", (t * u).sum()), ("max(a)", t.max()), ("min(a)", t.min()),
    ("argmax(a)", t.argmax()), ("argmin(a)", t.argmin()), ("prod(b + 1)", (u + 1).prod()), ("cumsum(a, 0)", t.cumsum(0)),
    ("cumsum(a, 0, reverse = true)", t.flip(0).cumsum(0).flip(0)), ("cumprod(b, 0)", u.cumprod(0)),
    ("sum(r, axes = [0])", rows.sum(0)), ("max(r, axes = [1])", rows.max(1)), ("min(r, axes = [0])", rows.min(0)),
    ("argmax(r, 0)", rows.argmax(0)), ("diff(a)", t.diff()), ("r'", rows.T), ("reverse(a, [0])", t.flip(0)),
    ("pad_with(a, [0], 1, 1, -4611686018427387904)", np.pad(a, 1, constant_values=-4611686018427387904)),
    ("concat([a[3:5], b[1:9:3]], axis = 0)", np.concatenate([a[3:5], b[1:9:3]])), ("tril(r)", np.tril(rows)),
    ("a[at]", a[near]), ("i32(a)[at]", np.clip(a, -(2**31), 2**31 - 1)[near]),
    ("masked_fill(a, a < 0, 9007199254740993)", t.masked_fill(t < 0, 9007199254740993)),
    ("full_like(a, 4611686018427387904)", torch.full_like(t, 4611686018427387904)),
    ("sort(a)", t.sort().values), ("sort(a, descending = true)", t.sort(descending=True).values), ("argsort(a)", key),
    ("topk(a, 3)[0]", t.topk(3).values), ("topk(a, 3, largest = false)[1]", key[:3]),
    ("bucketize(a, i64([-9007199254740993, 7, 9007199254740993]))", torch.bucketize(
        t, torch.tensor([-9007199254740993, 7, 9007199254740993]))),
    ("count_nonzero(a)", t.count_nonzero()), ("iota(5) + 0", range(5)), ("i64(iota(5)) * 3000000000", np.arange(5) * 3000000000),
]

flat = [np.asarray(v).astype(np.int64).reshape(-1) for _, v in VALUES]
n = sum(len(v) for v in flat)
with open(os.path.join(here, "i64.nn"), "w") as f:
    f.write("# Made by i64.py\n")
    f.write(f"export def results(a: i64[16], b: i64[16], x: f32[16], k: i64[8]) -> i64[{n}] {{\n    r = reshape(a, [4, 4])\n    at = max(k, -9223372036854775807)\n    concat([\n")
    f.writelines(f"        reshape(i64({e}), [-1]),\n" for e, _ in VALUES)
    f.write("    ], axis = 0)\n}\n")
with open(os.path.join(here, "i64.txt"), "w") as f:
    for v in (a, b, [float(p) for p in x], small):
        f.write(", ".join(str(p) for p in v).replace("inf", "Infinity").replace("nan", "NaN") + "\n")
    f.writelines(f"{e}\t{','.join(str(p) for p in v)}\n" for (e, _), v in zip(VALUES, flat))
