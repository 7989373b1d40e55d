# SPDX-License-Identifier: Apache-2.0
"""Cases of primitives: element-wise, broadcasting, shapes, reductions."""

import math

import torch
import torch.nn.functional as F

from case import Case, ints, rand

# ---- element-wise ---------------------------------------------------------------------------------------------------


def unary(name, fn, lo=-2.0, hi=2.0, expr=None):
    Case(name, expr or f"{name}(x)", lambda v: fn(v["x"]), x=rand(2, 5, lo=lo, hi=hi))


for n in "exp expm1 sin cos abs sign floor ceil erf relu silu tanh sigmoid".split():
    unary(n, getattr(torch, n, None) or getattr(F, n))
for n in "log sqrt rsqrt".split():
    unary(n, getattr(torch, n), lo=0.05, hi=6)
unary("log1p", torch.log1p, lo=-0.9, hi=3)
unary("round", torch.round)
unary("gelu", F.gelu)
unary("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"))
unary("exp_wide", torch.exp, lo=-20, hi=20, expr="exp(x)")
unary("tanh_wide", torch.tanh, lo=-12, hi=12, expr="tanh(x)")
unary("sigmoid_wide", torch.sigmoid, lo=-30, hi=30, expr="sigmoid(x)")
unary("erf_wide", torch.erf, lo=-4, hi=4, expr="erf(x)")
unary("gelu_wide", F.gelu, lo=-6, hi=6, expr="gelu(x)")
unary("sin_wide", torch.sin, lo=-40, hi=40, expr="sin(x)")
unary("cos_wide", torch.cos, lo=-40, hi=40, expr="cos(x)")
Case("round_half_even", "round(x)", lambda v: torch.round(v["x"]), x=torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]))
Case("sign_zero", "sign(x)", lambda v: torch.sign(v["x"]), x=torch.tensor([-3.0, 0.0, 3.0]))
unary("negate", lambda x: -x, expr="-x")
unary("clamp", lambda x: torch.clamp(x, -0.75, 1.25), expr="clamp(x, -0.75, 1.25)")
unary("square", lambda x: x**2, expr="x ** 2")
unary("cube", lambda x: x**3, expr="x ** 3")
unary("power_half", lambda x: x**0.5, lo=0.1, hi=4, expr="x ** 0.5")
unary("power_negative", lambda x: x**-1.5, lo=0.3, hi=4, expr="x ** -1.5")
unary("power_of_two", lambda x: 2**x, expr="2 ** x")
unary("scalar_arithmetic", lambda x: 3 - 2 * x / 7 + 1 / (x * x + 1), expr="3 - 2 * x / 7 + 1 / (x * x + 1)")
Case("power_tensor", "x ** y", lambda v: v["x"] ** v["y"], x=rand(2, 3, lo=0.2, hi=3), y=rand(2, 3))
for n, e, f in [
    ("add", "x + y", torch.add),
    ("sub", "x - y", torch.sub),
    ("mul", "x * y", torch.mul),
    ("div", "x / y", torch.div),
]:
    Case(n, e, lambda v, f=f: f(v["x"], v["y"]), x=rand(2, 3), y=rand(2, 3))
Case("max_of_two", "max(x, y)", lambda v: torch.maximum(v["x"], v["y"]), x=rand(2, 4), y=rand(2, 4))
Case("min_of_two", "min(x, y)", lambda v: torch.minimum(v["x"], v["y"]), x=rand(2, 4), y=rand(2, 4))
Case(
    "where",
    "where(x > y, x * 2, y * 3)",
    lambda v: torch.where(v["x"] > v["y"], v["x"] * 2, v["y"] * 3),
    x=rand(2, 4),
    y=rand(2, 4),
)
Case(
    "compare",
    "where(x >= 0.25, 1, 0) + where(x != y, x, y)",
    lambda v: (v["x"] >= 0.25) * 1.0 + torch.where(v["x"] != v["y"], v["x"], v["y"]),
    x=rand(2, 4),
    y=rand(2, 4),
)

# ---- broadcasting ---------------------------------------------------------------------------------------------------

for n, a, b in [
    ("row", (2, 3, 4), (4,)),
    ("column", (2, 3, 4), (3, 1)),
    ("both", (2, 1, 4), (3, 1)),
    ("scalar", (2, 3), ()),
    ("ones", (1, 1), (2, 3)),
    ("leading", (3,), (4, 2, 3)),
]:
    Case("broadcast_" + n, "x * y + y", lambda v: v["x"] * v["y"] + v["y"], x=rand(*a), y=rand(*b))
Case("along", "x * along(s, x, axis = 1)", lambda v: v["x"] * v["s"][None, :, None], x=rand(2, 3, 4), s=rand(3))

# ---- shapes, slices, gathers ----------------------------------------------------------------------------------------

Case("transpose", "x' @ x", lambda v: v["x"].mT @ v["x"], x=rand(2, 3, 2))
Case("permute", "permute(x, 2, 0, 1)", lambda v: v["x"].permute(2, 0, 1), x=rand(2, 3, 4))
Case("reshape", "reshape(x, [3, 4])", lambda v: v["x"].reshape(3, 4), x=rand(2, 6))
Case("flatten", "flatten(x)", lambda v: v["x"].flatten(1), x=rand(2, 3, 2))
Case(
    "rearrange_heads",
    'rearrange(x, "b t (h d) -> b h t d", h = 2)',
    lambda v: v["x"].view(2, 3, 2, 2).transpose(1, 2),
    x=rand(2, 3, 4),
)
Case(
    "rearrange_merge",
    'rearrange(x, "b h t d -> b t (h d)")',
    lambda v: v["x"].transpose(1, 2).reshape(2, 3, 4),
    x=rand(2, 2, 3, 2),
)
for n, e, f in [
    ("first", "x[0]", lambda x: x[0]),
    ("last", "x[-1]", lambda x: x[-1]),
    ("last_column", "x[:, -1]", lambda x: x[:, -1]),
    ("range", "x[1:3]", lambda x: x[1:3]),
    ("inner", "x[1:-1, 2:]", lambda x: x[1:-1, 2:]),
    ("tail", "x[-2:, :-1]", lambda x: x[-2:, :-1]),
    ("keep", "x[:, 1:2]", lambda x: x[:, 1:2]),
    ("mixed", "x[2, -3:-1]", lambda x: x[2, -3:-1]),
]:
    Case("slice_" + n, e, lambda v, f=f: f(v["x"]), x=rand(4, 5))
Case("take_apart", "a, b, c = x; a * b - c", lambda v: v["x"][0] * v["x"][1] - v["x"][2], x=rand(3, 4))
Case("gather", "x[i]", lambda v: v["x"][v["i"]], x=rand(5, 3), i=torch.tensor([4, 0, 4, 2]))
Case("gather_matrix", "x[i]", lambda v: v["x"][v["i"]], x=rand(5, 2), i=torch.tensor([[1, 1, 3], [0, 4, 1]]))
Case(
    "embedding",
    "embedding(tok, 6, 3)",
    lambda v: v["embedding.w"][v["tok"]],
    tok=ints(2, 4, n=6),
    p__embedding__w=rand(6, 3),
)
Case(
    "causal_mask_softmax",
    "softmax(causal_mask(x))",
    lambda v: v["x"].masked_fill(~torch.ones(4, 4, dtype=torch.bool).tril(), -math.inf).softmax(-1),
    x=rand(2, 4, 4),
)

# ---- reductions -----------------------------------------------------------------------------------------------------


def biased(x, axes):
    return torch.var(x, axes, correction=0)


for n, f in [("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax), ("min", torch.amin), ("var", biased)]:
    for suffix, axes in [("all", None), ("last", [-1]), ("first", [0]), ("two", [0, 2])]:
        e = f"{n}(x)" if axes is None else f"{n}(x, axes = {axes})"
        Case(f"{n}_{suffix}", e, lambda v, f=f, a=axes: f(v["x"], [0, 1, 2] if a is None else a), x=rand(2, 3, 4))
Case("sum_wide", "sum(x, axes = [1])", lambda v: v["x"].sum(1), x=rand(2, 70))
Case("argmax", "argmax(x)", lambda v: v["x"].argmax(-1), x=rand(3, 5))
Case("argmax_axis", "argmax(x, axis = 0)", lambda v: v["x"].argmax(0), x=rand(3, 4))
Case("argmax_tie", "argmax(x)", lambda v: v["x"].argmax(-1), x=torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
Case(
    "accuracy",
    "mean(argmax(x) == y)",
    lambda v: (v["x"].argmax(-1) == v["y"]).double().mean(),
    x=torch.tensor([[1.0, 2.0], [3.0, 1.0], [0.0, 1.0], [2.0, 0.0]]),
    y=torch.tensor([1, 0, 0, 0]),
)
Case("cumsum", "cumsum(x, axis = 1)", lambda v: v["x"].cumsum(1), x=rand(2, 4, 2))
Case("softmax", "softmax(x)", lambda v: v["x"].softmax(-1), x=rand(3, 5))
Case("softmax_axis", "softmax(x, axis = 1)", lambda v: v["x"].softmax(1), x=rand(2, 3, 2))
Case("softmax_large", "softmax(x)", lambda v: v["x"].softmax(-1), x=rand(2, 4, lo=-90, hi=90))
Case("log_softmax", "log_softmax(x)", lambda v: v["x"].log_softmax(-1), x=rand(3, 5))
Case("log_softmax_large", "log_softmax(x)", lambda v: v["x"].log_softmax(-1), x=rand(2, 4, lo=-200, hi=200))
