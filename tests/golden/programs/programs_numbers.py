# SPDX-License-Identifier: Apache-2.0
"""Whole numbers, other floats, names."""

import math

import torch

from program import Program
from programs_extremes import extreme
from values import INF, NAN, coarse, ints, rand, vec

T = torch

# ---- whole numbers --------------------------------------------------------------------------------------------------

I32 = T.int32
A = T.tensor([7, -7, 7, -7, 0, 1, -1, 2147483647, -2147483648, 100, 6, -6], dtype=I32)
B = T.tensor([2, 2, -2, -2, 3, 5, 5, 10, 10, -7, 3, 3], dtype=I32)


def whole(name, exprs, fn, kinds=None, **given):
    Program("int_" + name, "", exprs, fn, kinds=kinds, file="whole", **given)


whole(
    "arithmetic",
    ["a + b", "a - b", "a * b", "-a", "abs(b)", "sign(a)"],
    lambda v: (v["a"] + v["b"], v["a"] - v["b"], v["a"] * v["b"], -v["a"], v["b"].abs(), v["a"].sign()),
    a=A,
    b=B,
)
whole(
    "division",
    ["a // b", "mod(a, b)"],
    lambda v: (T.div(v["a"], v["b"], rounding_mode="floor"), T.remainder(v["a"], v["b"])),
    a=A,
    b=B,
)
whole(
    "compare",
    ["a == b", "a != b", "a < b", "a <= b", "max(a, b)", "min(a, b)", "where(a > b, a, b)"],
    lambda v: (
        v["a"] == v["b"],
        v["a"] != v["b"],
        v["a"] < v["b"],
        v["a"] <= v["b"],
        T.maximum(v["a"], v["b"]),
        T.minimum(v["a"], v["b"]),
        T.where(v["a"] > v["b"], v["a"], v["b"]),
    ),
    a=A,
    b=B,
)
whole(
    "reduce",
    [
        "sum(a, axes = [1])",
        "max(a, axes = [0])",
        "min(a)",
        "cumsum(a, axis = 1)",
        "argmax(a)",
        "mean(a > 2)",
        "mean(a, axes = [1])",
    ],
    lambda v: (
        v["a"].sum(1).int(),
        v["a"].amax(0),
        v["a"].min(),
        v["a"].cumsum(1).int(),
        v["a"].argmax(-1),
        (v["a"] > 2).double().mean(),
        v["a"].double().mean(1),
    ),
    a=T.tensor([[1, 5, 5], [-3, 2, 0]], dtype=I32),
)
whole(
    "logic",
    ["p and q", "p or q", "not p", "p == q", "p != q", "i32(p) + i32(q)"],
    lambda v: (
        v["p"] & v["q"],
        v["p"] | v["q"],
        ~v["p"],
        v["p"] == v["q"],
        v["p"] != v["q"],
        v["p"].int() + v["q"].int(),
    ),
    p=T.tensor([True, True, False, False]),
    q=T.tensor([True, False, True, False]),
)
FLOATS = (
    T.tensor(
        [
            0.0,
            0.9,
            -0.9,
            1.5,
            -1.5,
            127.5,
            -128.5,
            255.5,
            300.0,
            -300.0,
            32768.0,
            65536.0,
            2147483520.0,
            -2147483648.0,
            3e9,
            -3e9,
            INF,
            -INF,
            NAN,
        ]
    )
    .float()
    .double()
)


def saturated(t, lo, hi, d):
    return t.nan_to_num(0.0, math.inf, -math.inf).clamp(lo, hi).trunc().to(d)


for k, d in [("i8", T.int8), ("u8", T.uint8), ("i16", T.int16), ("i32", T.int32), ("u16", T.int64), ("u32", T.int64)]:
    bits = int(k[1:])
    lo, hi = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if k[0] == "i" else (0, 2**bits - 1)
    whole(
        f"cast_{k}",
        [f"{k}(x)", f"f32({k}(x))"],
        lambda v, lo=lo, hi=hi, d=d: (c := saturated(v["x"], lo, hi, T.int64), (c, c.to(v["x"].dtype)))[1],
        kinds={0: k},
        x=FLOATS,
        by=[],
    )
    if bits < 32:
        whole(
            f"wrap_{k}",
            ["a + b", "a * b", "a - b"] if k[0] == "i" else ["a + b", "a * b"],
            lambda v, k=k, d=d: [wrap(r, k) for r in ((v["a"] + v["b"]), (v["a"] * v["b"]), (v["a"] - v["b"]))][
                : 3 if k[0] == "i" else 2
            ],
            kinds={n: k for n in ("a", "b", 0, 1, 2)},
            a=ints(6, n=hi + 1, low=lo),
            b=ints(6, n=hi + 1, low=lo),
        )


def wrap(t, k):
    bits = int(k[1:])
    t = t & (2**bits - 1)
    return t - (t >= 2 ** (bits - 1)).long() * 2 ** bits if k[0] == "i" else t


whole(
    "to_bool",
    ["bool(x)", "bool(a)", "f32(bool(x)) * x", "i32(x > 0)"],
    lambda v: (v["x"].bool(), v["a"].bool(), v["x"].bool().to(v["x"].dtype) * v["x"], (v["x"] > 0).int()),
    x=vec(0, -0.0, 0.25, -3, 1),
    a=T.tensor([0, 1, -1, 5, 0], dtype=I32),
    by=[],
)
FA, FB = vec(7, -7, 7, -7, 5.5, -5.5, 0, 1.25, 3, -1), vec(2, 2, -2, -2, 0.5, 1.5, 3, -0.5, 0.75, 4)
whole(
    "float_division",
    ["a // b", "mod(a, b)", "a - a // b * b"],
    lambda v: (
        T.floor_divide(v["a"], v["b"]),
        T.remainder(v["a"], v["b"]),
        v["a"] - T.floor_divide(v["a"], v["b"]) * v["b"],
    ),
    a=FA,
    b=FB,
    by=[],
)
whole("float_mod_gradient", ["mod(a, b)"], lambda v: (T.remainder(v["a"], v["b"]),), a=rand(6), b=rand(6, lo=0.25))
extreme(
    "mod",
    ["mod(x, y)", "x // y"],
    lambda v: (T.remainder(v["x"], v["y"]), T.floor_divide(v["x"], v["y"])),
    x=T.tensor([5.0, -5.0, 5.0, -5.0, 0.0, 1e38, INF, NAN, 3.0]).double(),
    y=T.tensor([INF, INF, -INF, -INF, INF, 3.0, 2.0, 2.0, NAN]).double(),
    by=[],
)

# ---- other floats ---------------------------------------------------------------------------------------------------

for k in ("f16", "bf16"):

    def half(name, exprs, fn, by=None, k=k, known="", **given):
        kinds = {n: k for n, t in given.items() if t.is_floating_point()} | {i: k for i in range(12)}
        Program(f"{k}_{name}", "", exprs, fn, kinds=kinds, file="halves", by=by, known=known, **given)

    half(
        "unary",
        ["sin(x)", "sigmoid(x)", "sqrt(abs(x) + 1)"],
        lambda v: (T.sin(v["x"]), T.sigmoid(v["x"]), T.sqrt(T.abs(v["x"]) + 1)),
        x=T.tensor([0.25, -0.5, 1, -1.25, 1.75], dtype=T.float64),
        known="few bits",
    )
    half("product", ["x @ y"], lambda v: v["x"] @ v["y"], x=coarse(3, 5), y=coarse(5, 2), known="few bits")
    half(
        "sums",
        ["sum(x, axes = [1])", "mean(x, axes = [0])", "cumsum(x, axis = 1)"],
        lambda v: (v["x"].sum(1), v["x"].mean(0), v["x"].cumsum(1)),
        x=coarse(3, 4) + 0.125,
        known="few bits",
    )
    half("softmax", ["softmax(x)"], lambda v: v["x"].softmax(-1), x=coarse(2, 5), known="few bits")
    half(
        "mean_far",
        ["mean(x, axes = [1])", "mean(x)"],
        lambda v: (v["x"].mean(1), v["x"].mean()),
        x=T.full((2, 40), 5000.0 if k == "f16" else 2e36, dtype=T.float32)
        .to(T.float16 if k == "f16" else T.bfloat16)
        .double(),
        by=[],
        known="few bits",
    )
    half(
        "var_far",
        ["var(x, axes = [1])"],
        lambda v: v["x"].var(1, correction=0),
        x=T.tensor([[300.0, -200, 100, 50] * 4] * 2, dtype=T.float64) * (1 if k == "f16" else 2.0**50),
        by=[],
    )
half = None


def to(x, kind):
    """Rounded, but in double precision, where the interpreter does not round either."""
    return x if x.dtype == T.float64 else x.to(kind).to(x.dtype)


Program(
    "cast_round_trip",
    "",
    ["f32(bf16(x))", "f32(f16(x))", "bf16(x)", "f16(x)"],
    lambda v: [to(v["x"], T.bfloat16), to(v["x"], T.float16)] * 2,
    kinds={2: "bf16", 3: "f16"},
    x=T.tensor([1.0, 1.00390625, 1.01171875, 65504, 65519, 65520, 1e-7, 3e-8, 1e38, -2.5, 0.1]).float().double(),
    by=[],
    single="exactly",
    file="casts",
)
for name, exprs, fn, given in [
    (
        "elements",
        ["exp(x) * sin(y)", "log1p(x * x)", "x ** y"],
        lambda v: (T.exp(v["x"]) * T.sin(v["y"]), T.log1p(v["x"] ** 2), v["x"] ** v["y"]),
        dict(x=rand(4, lo=0.5), y=rand(4)),
    ),
    (
        "special",
        ["erf(x)", "tanh(x)", "sigmoid(x)", "expm1(x)", "rsqrt(x * x + 1)"],
        lambda v: (T.erf(v["x"]), T.tanh(v["x"]), T.sigmoid(v["x"]), T.expm1(v["x"]), T.rsqrt(v["x"] ** 2 + 1)),
        dict(x=rand(6)),
    ),
    (
        "sums",
        ["softmax(x)", "var(x, axes = [0])", "cumsum(x, axis = 1)"],
        lambda v: (v["x"].softmax(-1), v["x"].var(0, correction=0), v["x"].cumsum(1)),
        dict(x=rand(3, 4)),
    ),
    ("product", ["x @ y"], lambda v: v["x"] @ v["y"], dict(x=rand(3, 5), y=rand(5, 4))),
]:
    Program(
        "f64_" + name,
        "",
        exprs,
        fn,
        kinds={n: "f64" for n in given} | {i: "f64" for i in range(12)},
        file="doubles",
        **given,
    )

# ---- names that generated C has for its own things ------------------------------------------------------------------

Program(
    "names",
    "h = scan(c0, axis = 1, step = leak, carry = d0)",
    ["h * e + t", "m + a * k + i + s"],
    lambda v: (scan_leak(v["c0"], v["d0"]) * v["e"] + v["t"], v["m"] + v["a"] * v["k"] + v["i"] + v["s"]),
    helpers=["def leak(x: f32[...], h: f32[...]) { 0.5 * h + x }\n"],
    **{n: rand(2) for n in ("d0", "m", "a", "k", "i", "s")},
    c0=rand(2, 3),
    e=rand(2, 3),
    t=rand(2, 3),
)


def scan_leak(x, h):
    out = []
    for r in x.unbind(1):
        h = 0.5 * h + r
        out.append(h)
    return T.stack(out, 1)
