# SPDX-License-Identifier: Apache-2.0
"""Tensor utilities of std, and the views of axes."""

import torch

from program import Program
from values import RNG, ints, rand, vec

T = torch
RNG.seed("tensors")


def program(name, outs, fn, **kw):
    Program("ten_" + name, "", outs, fn, file="tensors", known="utilities", **kw)


X = dict(x=rand(3, 4), e=T.zeros(0, 2, dtype=T.float64), k=vec(0, 1, -1, 2.5, -2.5))
for name, fn in [("square", T.square), ("exp2", T.exp2), ("trunc", T.trunc), ("frac", T.frac)]:
    program(name, [f"{name}({v})" for v in "xek"], lambda v, f=fn: [f(v[n]) for n in "xek"], **X)
POS = dict(x=rand(3, 4, lo=0.125), e=T.zeros(0, 2, dtype=T.float64))
for name, fn in [("reciprocal", T.reciprocal), ("log2", T.log2), ("log10", T.log10)]:
    program(name, [f"{name}({v})" for v in "xe"], lambda v, f=fn: [f(v[n]) for n in "xe"], **POS)
program("kinds", ["isnan(x)", "isinf(x)", "isfinite(x)"], lambda v: [T.isnan(v["x"]), T.isinf(v["x"]), T.isfinite(v["x"])],
        x=vec(0, T.inf, -T.inf, T.nan, 3))  # fmt: skip
program("xlogy", "xlogy(x, y)", lambda v: T.xlogy(v["x"], v["y"]), x=T.cat([rand(4), vec(0, 0)]), y=T.cat([rand(4, lo=0.25), vec(2, 3)]))
program("logaddexp", ["logaddexp(x, y)", "logaddexp(k, -k)"], lambda v: [T.logaddexp(v["x"], v["y"]), T.logaddexp(v["k"], -v["k"])],
        x=rand(3, 4), y=rand(3, 4), k=vec(100, -300, 0.5))  # fmt: skip
program("lerp", ["lerp(x, y, 0.25)", "lerp(x, y, w)"], lambda v: [T.lerp(v["x"], v["y"], 0.25), T.lerp(v["x"], v["y"], v["w"])],
        x=rand(2, 3), y=rand(2, 3), w=rand(2, 3))  # fmt: skip
program("logsumexp", ["logsumexp(x)", "logsumexp(x, axes = [1])", "logsumexp(x, 0, keep = true)", "logsumexp(k)"],
        lambda v: [v["x"].logsumexp((0, 1)), v["x"].logsumexp(1), v["x"].logsumexp(0, True), v["k"].logsumexp(0)],
        x=rand(3, 4), k=vec(1e4, 9999, -1e4))  # fmt: skip
program("logsumexp_low", "logsumexp(x, axes = [1])", lambda v: v["x"].logsumexp(1), by=[], x=T.tensor([[-T.inf, -T.inf], [0, -T.inf]]).double())
program("std", ["std(x)", "std(x, axes = [1], correction = 1)", "std(x, 0, true)"],
        lambda v: [v["x"].std(correction=0), v["x"].std(1, correction=1), v["x"].std(0, correction=0, keepdim=True)], x=rand(3, 4))  # fmt: skip
program("logic", ["any(x > 0, axes = [1])", "all(x > 0, axes = [1])", "any(x > 9)", "all(x > -9)", "count_nonzero(x, axes = [1])", "count_nonzero(x)"],
        lambda v: [(v["x"] > 0).any(1), (v["x"] > 0).all(1), (v["x"] > 9).any(), (v["x"] > -9).all(), v["x"].count_nonzero(1), v["x"].count_nonzero()],
        by=[], x=T.tensor([[1.0, 2, 3], [0, -1, 1], [0, 0, 0]]).double())  # fmt: skip
program("made", ["x * arange(4)", "x + arange(4, 2, step = 0.5)", "x + full([3, 1], 1.5)", "x * eye(3, 4)", "eye(2) + full([], 2)"],
        lambda v: [v["x"] * T.arange(4), v["x"] + T.arange(2, 4, 0.5), v["x"] + 1.5, v["x"] * T.eye(3, 4), (T.eye(2) + 2).to(v["x"].dtype)],
        x=rand(3, 4))  # fmt: skip
program("one_hot", ["one_hot(i, 4)", "one_hot(j, 2)"],
        lambda v: [T.nn.functional.one_hot(v["i"], 4).float(), T.nn.functional.one_hot(v["j"], 2).float()], i=ints(2, 3, n=4), j=ints(1, n=2))  # fmt: skip
program("triangles", [f"{n}(x{k})" for n in ("tril", "triu") for k in ("", ", 1", ", k = -1")] + ["trace(y)"],
        lambda v: [f(v["x"], k) for f in (T.tril, T.triu) for k in (0, 1, -1)] + [v["y"].trace()], x=rand(2, 3, 4), y=rand(3, 4))  # fmt: skip
program("vectors", ["outer(x, y)", "dot(x, x)"], lambda v: [T.outer(v["x"], v["y"]), T.dot(v["x"], v["x"])], x=rand(3), y=rand(2))
program("moved", ["roll(x, 1)", "roll(x, -5, axis = 1)", "roll(x, 3)", "flip(x, [0, 1])", "masked_fill(x, x > 0, 2)", "diff(x)", "diff(x, axis = 0)"],
        lambda v: [v["x"].roll(1, 0), v["x"].roll(-5, 1), v["x"].roll(3, 0), v["x"].flip(0, 1), v["x"].masked_fill(v["x"] > 0, 2), v["x"].diff(), v["x"].diff(dim=0)],
        x=rand(3, 4))  # fmt: skip
program("axes", ["narrow(x, 1, 1, 2)", "unsqueeze(x, -1)", "unsqueeze(x, 0)", "squeeze(y)", "squeeze(y, [0, 1])", "movedim(x, 0, -1)", "swapaxes(x, 0, 2)",
                 "broadcast_to(y, [2, 4, 3])", "stack([x, 2 * x], axis = 1)", "repeat(y, [2, 1, 1, 2])", "repeat_interleave(x, 2, axis = 1)"],
        lambda v: [v["x"].narrow(1, 1, 2), v["x"][..., None], v["x"][None], v["y"].squeeze(), v["y"].squeeze((0, 1)), v["x"].movedim(0, -1), v["x"].swapaxes(0, 2),
                   v["y"].broadcast_to(2, 4, 3), T.stack([v["x"], 2 * v["x"]], 1), v["y"].repeat(2, 1, 1, 2), v["x"].repeat_interleave(2, 1)],
        x=rand(2, 4, 3), y=rand(1, 4, 1))  # fmt: skip
Program("ten_parts", "a, b, c = split(x, 2, axis = 1)\nd, e = split(x, [1, 2])\nf, g = chunk(x, 2, axis = 0)\nh, i, j = unbind(x)", list("abcdefghij"),
        lambda v: [*v["x"].split(2, 1), *v["x"].split([1, 2]), *v["x"].chunk(2), *v["x"].unbind()], file="tensors", known="parts", x=rand(3, 5))  # fmt: skip
