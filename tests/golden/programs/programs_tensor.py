# SPDX-License-Identifier: Apache-2.0
"""Tensor utilities of std, and the views of axes."""

import torch
import torch.nn.functional as F

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

# ---- elementary functions, integers -----------------------------------------------------------------------------------

UNIT = dict(x=rand(3, 4, lo=-0.875, hi=0.875))
for name in ("tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "atanh", "erfc", "erfinv"):
    program(name, f"{name}(x)", lambda v, f=getattr(T, name): f(v["x"]), **UNIT)
program("acosh", "acosh(x)", lambda v: T.acosh(v["x"]), x=rand(3, 4, lo=1.25, hi=4))
for name in ("lgamma", "digamma"):
    program(name, [f"{name}(x)", f"{name}(-x - 0.0625)"], lambda v, f=getattr(T, name): [f(v["x"]), f(-v["x"] - 0.0625)],
            x=rand(3, 4, lo=0.25, hi=2.75))  # fmt: skip
program("atan2", ["atan2(x, y)", "atan2(y, x[0])"], lambda v: [T.atan2(v["x"], v["y"]), T.atan2(v["y"], v["x"][0])], x=rand(2, 5), y=rand(2, 5))
I = dict(i=T.tensor([5, -7, 0, 2**31 - 1, -(2**31), 12]).int(), j=T.tensor([3, 1, 31, 32, -1, 2]).int())
program("bits", ["bitwise_and(i, j)", "bitwise_or(i, j)", "bitwise_xor(i, j)", "bitwise_not(i)", "bitwise_left_shift(i, j)", "bitwise_right_shift(i, j)",
                 "i32(bitwise_right_shift(i8(i), i8(1)))"],
        lambda v: [v["i"] & v["j"], v["i"] | v["j"], v["i"] ^ v["j"], ~v["i"], v["i"] << v["j"], v["i"] >> v["j"], (v["i"].clamp(-128, 127) >> 1)], **I)  # fmt: skip
S = dict(x=vec(0, 1, -1, 2.5, -2.5, 0.25), y=vec(2, -3, 0.5, 1, -1, -0.5))
program("signs", ["fmod(x, y)", "remainder(x, y)", "hypot(x, y)", "copysign(x, y)", "sinc(x)", "hypot(1e38 * x, y)"],
        lambda v: [T.fmod(v["x"], v["y"]), T.remainder(v["x"], v["y"]), T.hypot(v["x"], v["y"]), T.copysign(v["x"], v["y"]), T.sinc(v["x"]), T.hypot(1e38 * v["x"], v["y"])],
        by=["x"], **S)  # fmt: skip
program("heaviside", ["heaviside(x, y)", "isclose(x, y)", "isclose(x, x + 1e-6)"],
        lambda v: [T.heaviside(v["x"], v["y"]), T.isclose(v["x"], v["y"]), T.isclose(v["x"], v["x"] + 1e-6)], by=[], **S)  # fmt: skip
program("clamp", ["clamp(x, y, 2)", "clamp(x, -2, z)"], lambda v: [T.clamp(v["x"], v["y"], T.tensor(2.0).to(v["x"].dtype)), T.clamp(v["x"], T.tensor(-2.0).to(v["x"].dtype), v["z"])],
        x=rand(3, 4), y=rand(3, 4, lo=-2, hi=1), z=rand(4, lo=0, hi=1))  # fmt: skip
program("logit", ["logit(x)", "logit(x, 0.25)"], lambda v: [T.logit(v["x"]), T.logit(v["x"], 0.25)], x=vec(0.125, 0.3125, 0.5, 0.9375))
program("nan_to_num", ["nan_to_num(x)", "nan_to_num(x, 1, 2, -3)"], lambda v: [T.nan_to_num(v["x"], posinf=3.4028234663852886e38, neginf=-3.4028234663852886e38), T.nan_to_num(v["x"], 1.0, 2.0, -3.0)],
        x=vec(1, T.nan, T.inf, -T.inf, -2))  # fmt: skip

# ---- made of sizes, matrices ------------------------------------------------------------------------------------------

program("spaced", ["x + linspace(-1, 2, 4)", "x * logspace(0, 1, 4, 2)", "linspace(1, 2, 1)", "zeros_like(x) + ones_like(x)", "full_like(x, 2) * x"],
        lambda v: [v["x"] + T.linspace(-1, 2, 4, dtype=T.float64), v["x"] * T.logspace(0, 1, 4, 2.0, dtype=T.float64), T.ones(1), v["x"] * 0 + 1, 2 * v["x"]],
        x=rand(3, 4))  # fmt: skip
program("diagonals", [f"diag(x, {k})" for k in (0, 1, -1)] + [f"diagonal(y, k = {k})" for k in (0, 2, -1)] + ["diag(y[0], 1)", "diag_embed(x)"],
        lambda v: [T.diag(v["x"], k) for k in (0, 1, -1)] + [v["y"].diagonal(k, -2, -1) for k in (0, 2, -1)] + [T.diag(v["y"][0], 1), T.diag_embed(v["x"])],
        x=rand(3), y=rand(2, 3, 4))  # fmt: skip
program("products", ["cross(x, y)", "cross(x', y', axis = 0)", "kron(x, y)", "kron(x[0], y[1])", "trapezoid(x)", "trapezoid(x, 0.5, axis = 0)"],
        lambda v: [T.linalg.cross(v["x"], v["y"]), T.linalg.cross(v["x"].T, v["y"].T, dim=0), T.kron(v["x"], v["y"]), T.kron(v["x"][0], v["y"][1]), T.trapezoid(v["x"]), T.trapezoid(v["x"], dx=0.5, dim=0)],
        x=rand(2, 3), y=rand(2, 3))  # fmt: skip
program("cdist", ["cdist(x, y)", "cdist(x, y, 1)", "cdist(x, x)", "cdist(x, y, p = 3)"],
        lambda v: [T.cdist(v["x"], v["y"]), T.cdist(v["x"], v["y"], 1.0), T.cdist(v["x"], v["x"]), T.cdist(v["x"], v["y"], 3.0)], x=rand(2, 3, 4), y=rand(2, 5, 4))  # fmt: skip
SQUARE = dict(x=rand(2, 3, 3) + 2 * T.eye(3, dtype=T.float64), z=T.tensor([[0.0, 2, 1], [1, 0, 3], [2, 1, 0.5]]).double(), b=rand(2, 3), c=rand(3, 2))
program("linear_algebra", ["det(x)", "det(z)", "inverse(x)", "inverse(z)", "solve(x, b)", "solve(z, c)", "matrix_power(z, 3)", "matrix_power(z, -2)", "matrix_power(x, 0)", "det(x[0, 0:1, 0:1])"],
        lambda v: [T.linalg.det(v["x"]), T.linalg.det(v["z"]), v["x"].inverse(), v["z"].inverse(), T.linalg.solve(v["x"], v["b"]), T.linalg.solve(v["z"], v["c"]), T.linalg.matrix_power(v["z"], 3), T.linalg.matrix_power(v["z"], -2), T.linalg.matrix_power(v["x"], 0), T.linalg.det(v["x"][0, :1, :1])],
        **SQUARE)  # fmt: skip
program("cholesky", "cholesky(x @ x' + eye(3))", lambda v: T.linalg.cholesky(v["x"] @ v["x"].mT + T.eye(3, dtype=v["x"].dtype)), x=rand(2, 3, 3))
Program("ten_dft", "a, b = dft(x)\nc, d = dft(x, axis = 0)\ne, f = idft(x, y)\ng, h = dft(x[0, 0:1])", list("abcdefgh"),
        lambda v: [p for z in (T.fft.fft(v["x"]), T.fft.fft(v["x"], dim=0), T.fft.ifft(T.complex(v["x"], v["y"])), T.fft.fft(v["x"][0, :1])) for p in (z.real, z.imag)],
        file="tensors", known="sums", x=rand(5, 12), y=rand(5, 12))  # fmt: skip
EINSUMS = [("ij,jk->ik", "xy"), ("ij,jk", "xy"), ("ij->j", "x"), ("ij,ij->", "xx"), ("...ij->...ji", "z"), ("bij,bjk->bik", "zw"), ("bii->bi", "s"), ("bii", "s"), ("i,j,k->kji", "uvu"), ("...a,ab->...b", "zy"), ("ij,jk,kl,lm->im", "xyto"), ("bij,kj->k", "zx")]
program("einsum", [f'einsum("{e}", {", ".join(a)})' for e, a in EINSUMS], lambda v: [T.einsum(e, *(v[n] for n in a)) for e, a in EINSUMS],
        x=rand(2, 3), y=rand(3, 4), z=rand(2, 2, 3), w=rand(2, 3, 2), s=rand(2, 3, 3), u=rand(2), v=rand(3), t=rand(4, 2), o=rand(2, 3))  # fmt: skip

# ---- products, cumulative functions, sorting, indices -----------------------------------------------------------------

Z = T.tensor([[1.0, 2, 0, -1.5], [0, 0, 3, 2], [0.5, -2, 1, 4]]).double()
program("prod", ["prod(x)", "prod(x, axes = [1])", "prod(x[1:], 0, keep = true)", "prod(x[:, 0:3], axes = [0, 1])", "prod(e, axes = [0])", "prod(x[2], axes = -1)"],
        lambda v: [v["x"].prod(), v["x"].prod(1), v["x"][1:].prod(0, True), v["x"][:, :3].prod(1).prod(0), v["e"].prod(0), v["x"][2].prod()],
        x=Z, e=T.zeros(0, 2, dtype=T.float64))  # fmt: skip
program("cumprod", ["cumprod(x, axis = 1)", "cumprod(x, 0, reverse = true)"], lambda v: [v["x"].cumprod(1), v["x"].flip(0).cumprod(0).flip(0)], x=Z)
TIES = dict(x=T.tensor([[1.0, 3, 3, 2, 5], [4, -1, 4, 0, 4]]).double())
program("cumulated", ["cummax(x, axis = 1)", "cummin(x, axis = 1)", "cummax(x, 1, reverse = true)", "cummin(x, 0)", "logcumsumexp(x, axis = 1)", "logcumsumexp(x, axis = 0, reverse = true)",
                      "cumprod(q, axis = 1)", "cummax(q, 1)", "logcumsumexp(q, 1, true)"],
        lambda v: [v["x"].cummax(1)[0], v["x"].cummin(1)[0], v["x"].flip(1).cummax(1)[0].flip(1), v["x"].cummin(0)[0], v["x"].logcumsumexp(1), v["x"].flip(0).logcumsumexp(0).flip(0),
                   v["q"].cumprod(1), v["q"].cummax(1)[0], v["q"].flip(1).logcumsumexp(1).flip(1)], q=rand(2, 70, lo=0.75, hi=1.25), **TIES)  # fmt: skip
program("cumulated_ends", ["cummax(x, 0)", "cummin(x, 0)", "logcumsumexp(y, 0)", "sort(x)", "sort(x, descending = true)", "argsort(x)", "argsort(x, descending = true)", "median(x)", "quantile(x, 0.5)"],
        lambda v: [v["x"].cummax(0)[0], v["x"].cummin(0)[0], v["y"].logcumsumexp(0), v["x"].sort(dim=-1, stable=True)[0], v["x"].sort(dim=-1, stable=True, descending=True)[0], v["x"].argsort(dim=-1, stable=True), v["x"].argsort(dim=-1, stable=True, descending=True), v["x"].median(), v["x"].median()],
        by=[], x=vec(1, T.inf, -T.inf, T.nan, 2, T.inf, T.nan, 0), y=vec(-T.inf, -T.inf, 1, -T.inf, 3))  # fmt: skip
RNG_ORDER = T.tensor([[(37 * i * (r + 1)) % 71 for i in range(70)] for r in range(2)]).double()  # all different
ORDER = dict(x=T.cat([rand(3, 7), T.tensor([[2.0, 1, 2, 1, 0, 0, 1]])]).double(), n=T.tensor([[7, -3], [7, 2**31 - 1], [-5, 2**31 - 2]]).int(), o=rand(2, 1), q=RNG_ORDER)
program("sort", ["sort(x)", "sort(x, axis = 0, descending = true)", "argsort(x)", "argsort(x, descending = true)", "sort(n, axis = 0)", "argsort(n, 0)", "sort(o)", "argsort(o)", "argsort(q)", "sort(q, 1, true)", "topk(q, 3)[1]", "topk(q, 4, 1, largest = false)[0]"],
        lambda v: [v["x"].sort(dim=-1, stable=True)[0], v["x"].sort(dim=0, descending=True, stable=True)[0], v["x"].argsort(dim=-1, stable=True), v["x"].argsort(dim=-1, stable=True, descending=True), v["n"].sort(0)[0], v["n"].argsort(dim=0, stable=True), v["o"].sort()[0], v["o"].argsort(), v["q"].argsort(), v["q"].sort(1, descending=True)[0], v["q"].topk(3)[1], v["q"].topk(4, 1, largest=False)[0]], **ORDER)  # fmt: skip


def quantile(x, q, axis, keep=False):  # torch.quantile computes its indices in floats, which the bounds disturb
    at, s = q * (x.shape[axis] - 1), x.sort(axis)[0]
    low = int(at)
    r = T.lerp(s.narrow(axis, low, 1), s.narrow(axis, min(low + 1, x.shape[axis] - 1), 1), at - low)
    return r if keep else r.squeeze(axis)


Program("ten_topk", "a, i = topk(x, 3)\nb, j = topk(x, 2, axis = 0, largest = false)", ["a", "i", "b", "j", "kthvalue(x, 2)", "kthvalue(x, 3, axis = 0, keep = true)", "median(x)", "median(x, 0)", "quantile(x, 0.25)", "quantile(x, 0.8125, axis = 0, keep = true)", "quantile(x, 1)"],
        lambda v: [*v["x"].topk(3), *v["x"].topk(2, 0, largest=False), v["x"].kthvalue(2)[0], v["x"].kthvalue(3, 0, True)[0], v["x"].median(1)[0], v["x"].median(0)[0], quantile(v["x"], 0.25, -1), quantile(v["x"], 0.8125, 0, True), quantile(v["x"], 1.0, -1)],
        file="tensors", known="utilities", x=rand(4, 7))  # fmt: skip
AT = T.tensor([[0, 2, 2], [1, 0, 1]]).int()
PICKED = dict(x=rand(3, 4), i=AT, j=T.tensor([3, 0, 3]).int(), k=T.tensor([[1], [3], [0]]).int(), l=T.tensor([[1, 0, 2, 2]]).int(), m=T.tensor([1]).int())
L = lambda t: t.long()  # noqa: E731
program("picked", ["gather(x, i, 0)", "gather(x, i, axis = 1)", "take_along(x, k, axis = 1)", "take_along(x, l, 0)", "index_select(x, j, 1)", "index_select(x, m)", "gather(i, i, 1)"],
        lambda v: [v["x"].gather(0, L(v["i"])), v["x"].gather(1, L(v["i"])), v["x"].take_along_dim(L(v["k"]), 1), v["x"].take_along_dim(L(v["l"]), 0), v["x"].index_select(1, v["j"]), v["x"].index_select(0, v["m"]), v["i"].gather(1, L(v["i"]))],
        **PICKED)  # fmt: skip
program("scatter", ["scatter(x, i, y)", "scatter(x, i, y, axis = 1)", "scatter(x, i, y, how = \"add\")", "scatter(x, i, y, 1, \"mul\")", "scatter(x, i, y, 1, \"max\")", "scatter(x, i, y, 0, \"min\")", "index_add(x, j, z)", "index_add(x, j, w, axis = 1)"],
        lambda v: [v["x"].scatter(0, L(v["i"]), v["y"]), set_last(v["x"], L(v["i"]), v["y"]), v["x"].scatter_add(0, L(v["i"]), v["y"])]
        + [v["x"].scatter_reduce(a, L(v["i"]), v["y"], r) for a, r in ((1, "prod"), (1, "amax"), (0, "amin"))] + [v["x"].index_add(0, v["j"], v["z"]), v["x"].index_add(1, v["j"], v["w"])],
        x=T.tensor([[1.0, 0, 2, -1], [0.5, 3, 0, 2], [1, 2, -2, 0]]).double(), y=T.tensor([[2.0, 0, 3], [3, 0.5, 2]]).double(), i=AT, j=T.tensor([2, 0, 2]).int(), z=rand(3, 4), w=rand(3, 3))  # fmt: skip


def set_last(x, i, y):
    """scatter along axis 1, the last of equal places."""
    for k in range(i.shape[1]):
        x = x.scatter(1, i[:, k : k + 1], y[:, k : k + 1])
    return x


def segments(x, i, n, how):
    return T.stack([getattr(x[i == k], how)(0) if (i == k).any() else x[0] * 0 for k in range(n)])


program("segment", [f'segment(x, i, 4, "{h}")' for h in ("sum", "mean", "max", "min")], lambda v: [segments(v["x"], v["i"], 4, h) for h in ("sum", "mean", "amax", "amin")],
        x=rand(5, 2), i=T.tensor([2, 0, 2, 3, 2]).int())  # fmt: skip
Program("ten_masked_select", "a, n = masked_select(x, x > 0)\nb, m = masked_select(x, x[0] > 0)", ["a", "n", "b", "m"],
        lambda v: [r for k in (v["x"] > 0, (v["x"][0] > 0).expand(3, 4)) for r in (F.pad(v["x"][k], (0, 12 - int(k.sum()))), k.sum())], file="tensors", known="utilities", x=rand(3, 4))  # fmt: skip
program("counts", ["bincount(i, 5)", "bincount(i, 5, w)", "histc(x, 4, -1, 1)", "bucketize(x, e)", "bucketize(x, e, right = true)"],
        lambda v: [T.bincount(v["i"], minlength=5).float(), T.bincount(v["i"], v["w"], 5), T.histc(v["x"], 4, -1, 1), T.bucketize(v["x"], v["e"]), T.bucketize(v["x"], v["e"], right=True)],
        by=[], i=T.tensor([1, 4, 1, 0, 1, 3]).int(), w=rand(6), x=vec(-1, -0.5, -0.25, 0.5, 1, 1.5, -2, T.nan), e=vec(-1, -0.5, 0.5, 1))  # fmt: skip
program("strided", ["x[:, ::2]", "x[1:4:2, ..., 1:]", "x[1, ::3]", "x[::9]", "x[1:1:2]", "x[:, none, 2]", "x[none, ..., none] * y", "x[i, none, ::4]"],
        lambda v: [v["x"][:, ::2], v["x"][1:4:2, 1:], v["x"][1, ::3], v["x"][::9], v["x"][1:1:2], v["x"][:, None, 2], v["x"][None, ..., None] * v["y"], v["x"][v["i"]][:, None, ::4]],
        x=rand(4, 5), y=rand(2), i=ints(2, n=4))  # fmt: skip
