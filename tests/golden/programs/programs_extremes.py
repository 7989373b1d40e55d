# SPDX-License-Identifier: Apache-2.0
"""Extreme values: what PyTorch gives in single precision."""

import torch
import torch.nn.functional as F

from program import Program
from values import INF, NAN, rand, vec

T = torch

# ---- extreme values: what PyTorch gives in single precision ---------------------------------------------------------

EXTREME = [
    0.0,
    -0.0,
    INF,
    -INF,
    NAN,
    1e38,
    -1e38,
    3.4028234663852886e38,
    1.1754943508222875e-38,
    1e-40,
    -1e-40,
    1.401298464324817e-45,
    88.5,
    -103.5,
    1.0,
    -1.0,
]
SINGLES = T.tensor(EXTREME).float().double()


def extreme(name, exprs, fn, **kw):
    Program("extreme_" + name, "", exprs, fn, single=True, file="extremes", **kw)


# Where gradc differs on purpose, or PyTorch gives no answer to go by.
LEFT_OUT = {
    "sin": lambda x: x.isfinite() & (x.abs() > 1e4),  # beyond what the last bit of the argument says
    "cos": lambda x: x.isfinite() & (x.abs() > 1e4),
    "acosh": lambda x: x == -1,  # outside, where the slope's sign is that of a zero
    "digamma": lambda x: (x < 0) & (x == x.floor()),  # poles: PyTorch's slope there is that of sin(pi x), rounded
    "clamp": T.isnan,  # PyTorch's derivative at NaN is 0; gradc's 1, as between the bounds
    "abs": T.isnan,  # PyTorch's derivative at NaN is 0; gradc's is NaN, which does not hide it
    "sign": T.isnan,  # PyTorch's sign of NaN is 0; NumPy's and gradc's is NaN
    "relu": T.isnan,  # PyTorch's derivative at NaN is 1; gradc's is 0: the value is NaN anyway
    "root": lambda x: (x == -INF) | ((x == 0) & x.signbit()),  # PyTorch computes sqrt there
}
for name, expr, fn in [
    ("abs", "abs(x)", T.abs),
    ("neg", "-x", T.neg),
    ("sign", "sign(x)", T.sign),
    ("floor", "floor(x)", T.floor),
    ("ceil", "ceil(x)", T.ceil),
    ("round", "round(x)", T.round),
    ("exp", "exp(x)", T.exp),
    ("expm1", "expm1(x)", T.expm1),
    ("log", "log(x)", T.log),
    ("log1p", "log1p(x)", T.log1p),
    ("sqrt", "sqrt(x)", T.sqrt),
    ("rsqrt", "rsqrt(x)", T.rsqrt),
    ("sin", "sin(x)", T.sin),
    ("cos", "cos(x)", T.cos),
    ("tanh", "tanh(x)", T.tanh),
    ("sigmoid", "sigmoid(x)", T.sigmoid),
    ("erf", "erf(x)", T.erf),
    ("tan", "tan(x)", T.tan),
    ("asin", "asin(x)", T.asin),
    ("acos", "acos(x)", T.acos),
    ("atan", "atan(x)", T.atan),
    ("sinh", "sinh(x)", T.sinh),
    ("cosh", "cosh(x)", T.cosh),
    ("asinh", "asinh(x)", T.asinh),
    ("acosh", "acosh(x)", T.acosh),
    ("atanh", "atanh(x)", T.atanh),
    ("erfc", "erfc(x)", T.erfc),
    ("erfinv", "erfinv(x)", T.erfinv),
    ("lgamma", "lgamma(x)", T.lgamma),
    ("digamma", "digamma(x)", T.digamma),
    ("relu", "relu(x)", F.relu),
    ("square", "x ** 2", lambda x: x**2),
    ("root", "x ** 0.5", lambda x: x**0.5),
    ("reciprocal", "1 / x", T.reciprocal),
    ("cube", "x ** 3", lambda x: x**3),
    ("clamp", "clamp(x, -2, 3)", lambda x: T.clamp(x, -2, 3)),
    ("power_zero", "x ** 0", lambda x: x**0),
]:
    at = SINGLES[~LEFT_OUT[name](SINGLES)] if name in LEFT_OUT else SINGLES
    extreme(name, expr, lambda v, f=fn: f(v["x"]), x=at)
PAIRS = (
    T.tensor(
        [
            (a, b)
            for a in (0.0, -0.0, INF, -INF, NAN, 3e38, 1e-40, 2.0, -3.0)
            for b in (0.0, -0.0, INF, -INF, NAN, 3e38, -2.0, 0.5)
        ]
    )
    .float()
    .double()
)
for name, expr, fn in [
    ("add", "x + y", T.add),
    ("sub", "x - y", T.sub),
    ("mul", "x * y", T.mul),
    ("div", "x / y", T.div),
    ("max", "max(x, y)", T.maximum),
    ("min", "min(x, y)", T.minimum),
    ("atan2", "atan2(x, y)", T.atan2),
    ("copysign", "copysign(x, y)", T.copysign),
]:
    extreme("pair_" + name, expr, lambda v, f=fn: f(v["x"], v["y"]), x=PAIRS[:, 0], y=PAIRS[:, 1], by=[], zeros=True)
extreme(
    "pair_compare",
    ["x == y", "x != y", "x < y", "x <= y", "x > y", "x >= y"],
    lambda v: (
        v["x"] == v["y"],
        v["x"] != v["y"],
        v["x"] < v["y"],
        v["x"] <= v["y"],
        v["x"] > v["y"],
        v["x"] >= v["y"],
    ),
    x=PAIRS[:, 0],
    y=PAIRS[:, 1],
)
extreme("pair_pow", "x ** y", lambda v: T.pow(v["x"], v["y"]), x=PAIRS[:, 0], y=PAIRS[:, 1], by=[])
extreme(
    "pair_where",
    "where(x > y, x, y)",
    lambda v: T.where(v["x"] > v["y"], v["x"], v["y"]),
    x=PAIRS[:, 0],
    y=PAIRS[:, 1],
    zeros=True,
)
ROWS = (
    T.tensor(
        [
            [1.0, 2.0, NAN],
            [INF, 1.0, 2.0],
            [-INF, 1.0, 2.0],
            [INF, -INF, 0.0],
            [-INF, -INF, -INF],
            [3e38, 3e38, 1.0],
            [1e-40, 2e-40, 0.0],
            [-0.0, -0.0, -0.0],
        ]
    )
    .float()
    .double()
)
extreme(
    "rows",
    ["sum(x, axes = [1])", "max(x, axes = [1])", "min(x, axes = [1])", "cumsum(x, axis = 1)", "argmax(x)", "argmin(x)"],
    lambda v: (v["x"].sum(1), v["x"].amax(1), v["x"].amin(1), v["x"].cumsum(1), v["x"].argmax(1), v["x"].argmin(1)),
    x=ROWS,
    by=[],
)
extreme(
    "rows_softmax",
    ["softmax(x)", "log_softmax(x)"],
    lambda v: (v["x"].softmax(1), v["x"].log_softmax(1)),
    x=ROWS[:4],
    by=[],
)
extreme(
    "nan_first",
    ["argmax(x)", "argmin(x)", "max(x, axes = [1])", "min(x, axes = [1])"],
    lambda v: (v["x"].argmax(1), v["x"].argmin(1), v["x"].amax(1), v["x"].amin(1)),
    x=T.tensor([[NAN, 8, 2], [3, NAN, 9], [1, 2, NAN], [NAN, NAN, 0]], dtype=T.float64),
    by=[],
)
extreme(
    "matmul",
    "x @ y",
    lambda v: v["x"] @ v["y"],
    x=T.tensor([[INF, 1.0], [NAN, 0.0], [3e38, 3e38], [0.0, 0.0]]).double(),
    y=T.tensor([[1.0, 0.0], [2.0, 1.0]]).double(),
    by=[],
)
extreme(
    "masked",
    "softmax(where(m, x, -1e30))",
    lambda v: T.where(v["m"], v["x"], -1e30).softmax(-1),
    x=rand(2, 3),
    m=T.tensor([[True, False, True], [False, False, False]]),
)
extreme(
    "causal_row",
    "softmax(causal_mask(x)) @ y",
    lambda v: F.scaled_dot_product_attention(
        T.eye(3, dtype=v["x"].dtype) @ v["x"], T.eye(3, dtype=v["x"].dtype), v["y"], is_causal=True, scale=1.0
    ),
    x=rand(3, 3),
    y=rand(3, 2),
)
extreme(
    "untaken",
    "where(x > 0, log(x), x)",
    lambda v: T.where(v["x"] > 0, T.log(T.where(v["x"] > 0, v["x"], 1.0)), v["x"]),
    x=vec(-2, 0, 1, 4),
)
extreme(
    "untaken_root",
    "where(x > 0, sqrt(x), 0)",
    lambda v: T.where(v["x"] > 0, T.sqrt(T.where(v["x"] > 0, v["x"], 1.0)), 0.0),
    x=vec(-2, 0, 1, 4),
)
extreme("power_at_zero", "x ** y", lambda v: T.pow(v["x"], v["y"]), x=vec(0, 0, 0, 2, 1), y=vec(0, 1, 2, 0, 0))
extreme(
    "mean_wide",
    ["mean(x)", "mean(x, axes = [0])"],
    lambda v: (v["x"].mean(), v["x"].mean(0)),
    x=T.tensor([1e38, 2e38, -1e38, 0.5e38]).float().double(),
)
