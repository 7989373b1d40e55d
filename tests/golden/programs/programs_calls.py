# SPDX-License-Identifier: Apache-2.0
"""Index notation, groups, shapes, kinks and ties."""

import torch
import torch.nn.functional as F

from program import Program
from values import call, ints, rand, vec

T = torch

# ---- index notation -------------------------------------------------------------------------------------------------

for name, text, spec, shapes in [
    ("matmul", "z[b, o] = sum[i](x[b, i] * y[i, o])", "bi,io->bo", [(3, 5), (5, 2)]),
    ("transposed", "z[o, b] = sum[i](x[b, i] * y[o, i])", "bi,oi->ob", [(3, 4), (2, 4)]),
    ("batched", "z[b, i, j] = sum[k](x[b, i, k] * y[b, k, j])", "bik,bkj->bij", [(2, 3, 4), (2, 4, 2)]),
    ("bilinear", "z[b] = sum[i, j](x[b, i] * y[i, j] * w[b, j])", "bi,ij,bj->b", [(3, 2), (2, 4), (3, 4)]),
    ("trace", "z[b] = sum[i](x[b, i, i])", "bii->b", [(2, 3, 3)]),
    ("outer", "z[i, j, k] = x[i] * y[j] * w[k]", "i,j,k->ijk", [(2,), (3,), (2,)]),
    ("heads", "z[b, h, q, k] = sum[d](x[b, q, h, d] * y[b, k, h, d])", "bqhd,bkhd->bhqk", [(1, 3, 2, 2), (1, 4, 2, 2)]),
    ("dot", "z[b] = sum[i, j](x[b, i, j] * y[b, i, j])", "bij,bij->b", [(2, 3, 3), (2, 3, 3)]),
    ("one", "z[b, o] = sum[i](x[b, i] * y[i, o])", "bi,io->bo", [(1, 1), (1, 1)]),
    ("empty", "z[b, o] = sum[i](x[b, i] * y[i, o])", "bi,io->bo", [(2, 0), (0, 3)]),
]:
    given = dict(zip("xyw", [rand(*s) for s in shapes]))
    Program(
        "index_" + name,
        text,
        "z",
        lambda v, s=spec: T.einsum(s, *v.values()),
        known="nothing in it" if name == "empty" else "",
        **given,
    )
Program(
    "index_distance",
    "z[i, j] = sum[d]((x[i, d] - y[j, d]) ** 2)",
    "z",
    lambda v: T.cdist(v["x"], v["y"]).square(),
    x=rand(3, 4),
    y=rand(2, 4),
)
Program(
    "index_argsquash",
    "z[i] = max[j](x[i, j] * y[j]); u[j] = min[i](x[i, j] - y[j])",
    ["z", "u"],
    lambda v: ((v["x"] * v["y"]).amax(1), (v["x"] - v["y"]).amin(0)),
    x=rand(3, 4),
    y=rand(4),
)
Program(
    "index_gather",
    "z[b, t, d] = w[tok[b, t], d] * s[d]",
    "z",
    lambda v: F.embedding(v["tok"], v["w"]) * v["s"],
    tok=ints(2, 3, n=5),
    w=rand(5, 2),
    s=rand(2),
)
Program(
    "index_pick",
    "z[b] = x[b, i[b]]",
    "z",
    lambda v: T.gather(v["x"], 1, v["i"][:, None])[:, 0],
    x=rand(4, 3),
    i=ints(4, n=3),
)

for name, text, fn, xs, ws in [
    ("conv1d", "z[b, o, t] = sum[c, k](x[b, c, t + k] * w[o, c, k])", F.conv1d, (2, 3, 6), (2, 3, 3)),
    (
        "conv1d_dilated",
        "z[b, o, t] = sum[c, k](x[b, c, t + 2*k] * w[o, c, k])",
        lambda x, w: F.conv1d(x, w, dilation=2),
        (1, 2, 7),
        (3, 2, 3),
    ),
    (
        "conv1d_strided",
        "z[b, o, t] = sum[c, k](x[b, c, 2*t + k] * w[o, c, k])",
        lambda x, w: F.conv1d(x, w, stride=2),
        (2, 2, 7),
        (2, 2, 3),
    ),
    (
        "conv2d",
        "z[b, o, i, j] = sum[c, u, v](x[b, c, i + u, j + v] * w[o, c, u, v])",
        F.conv2d,
        (1, 2, 4, 5),
        (2, 2, 2, 3),
    ),
    (
        "depthwise",
        "z[b, c, i, j] = sum[u, v](x[b, c, i + u, j + v] * w[c, u, v])",
        lambda x, w: F.conv2d(x, w[:, None], groups=w.shape[0]),
        (2, 3, 4, 3),
        (3, 3, 2),
    ),
    (
        "wide",
        "z[b, o, i, j] = sum[c, u, v](x[b, c, i + u, j + v] * w[o, c, u, v])",
        F.conv2d,
        (1, 5, 5, 5),
        (4, 5, 5, 5),
    ),
    (
        "dilate",
        "z[b, i, j] = max[u, v](x[b, i + u, j + v] + w[u, v])",
        lambda x, w: (x.unfold(1, 2, 1).unfold(2, 2, 1) + w).amax((-2, -1)),
        (2, 4, 4),
        (2, 2),
    ),
]:
    Program("hand_" + name, text, "z", lambda v, f=fn: f(v["x"], v["w"]), x=rand(*xs), w=rand(*ws))
Program(
    "hand_conv_after_softmax",
    "p = softmax(x, axis = 1)\nz[b, o, t] = sum[c, k](p[b, c, t + k] * w[o, c, k])",
    ["z", "sum(z, axes = [0, 2])"],
    lambda v: (z := F.conv1d(v["x"].softmax(1), v["w"]), z.sum((0, 2))),
    x=rand(2, 3, 5),
    w=rand(2, 3, 2),
)

# ---- broadcasts in a group, then reductions and cumulative sums (B1) ------------------------------------------------

N = 6
for name, text, outs, fn, given in [
    (
        "center_sum",
        "d = x - w\ne = d * d + x",
        ["sum(e, axes = [0])", "cumsum(e, axis = 0)"],
        lambda v: (e := (d := v["x"] - v["w"]) * d + v["x"], (e.sum(0), e.cumsum(0)))[1],
        dict(x=rand(N), w=rand(N, 1)),
    ),
    (
        "outer_softmax",
        "s = tanh(x) * y\np = softmax(s, axis = 1)",
        ["sum(p * x, axes = [0])", "cumsum(p, axis = 1)"],
        lambda v: (p := (T.tanh(v["x"]) * v["y"]).softmax(1), ((p * v["x"]).sum(0), p.cumsum(1)))[1],
        dict(x=rand(N), y=rand(N, 1)),
    ),
    (
        "gap",
        "a = exp(-abs(x - w))\nb = a / sum(a, axes = [1], keep = true)",
        ["sum(b, axes = [0]) + x", "mean(b * w)"],
        lambda v: (
            b := F.normalize(T.exp(-T.abs(v["x"] - v["w"])), p=1, dim=1),
            (b.sum(0) + v["x"], (b * v["w"]).mean()),
        )[1],
        dict(x=rand(N), w=rand(N, 1) + 1 / 128),
    ),
    (
        "standardised",
        "m = mean(x, axes = [0], keep = true)\ns = sqrt(var(x, axes = [0], keep = true) + 0.5)\nz = (x - m) / s",
        ["z", "cumsum(z * z, axis = 0, reverse = true)"],
        lambda v: (
            z := (v["x"] - v["x"].mean(0, True)) / T.sqrt(v["x"].var(0, correction=0, keepdim=True) + 0.5),
            (z, (z * z).flip(0).cumsum(0).flip(0)),
        )[1],
        dict(x=rand(4, 3)),
    ),
    (
        "same_operand",
        "a = x * 2\nb = a + reshape(a, [6, 1])",
        ["sum(b, axes = [0])", "max(b, axes = [1]) - a"],
        lambda v: (a := v["x"] * 2, b := a + a[:, None], (b.sum(0), b.amax(1) - a))[2],
        dict(x=rand(N)),
    ),
    (
        "moments",
        "m, s = moments(x, keep = 1)",
        ["m * s", "x - along(m, x, axis = 1)"],
        lambda v: (vm := T.var_mean(v["x"], (0, 2), correction=0), (vm[1] * vm[0], v["x"] - vm[1][None, :, None]))[1],
        dict(x=rand(2, 3, 4)),
    ),
    (
        "pairs",
        "s = cumsum(x, axis = 0) - 1",
        "cumsum(sum(max(s - reshape(x, [16, 1]), 0), axes = [1]), axis = 0)",
        lambda v: F.relu(v["x"].cumsum(0) - 1 - v["x"][:, None]).sum(1).cumsum(0),
        dict(x=rand(16)),
    ),
    (
        "regrouped",
        'v = rearrange(a, "(a b) c -> (b c) a", a = 8)',
        ["scan(v, axis = 1, step = add_up, carry = zeros(10))", "cumsum(v, axis = 1)"],
        lambda v: [v["a"].unflatten(0, (8, 2)).permute(1, 2, 0).flatten(0, 1).cumsum(1)] * 2,
        dict(a=rand(16, 5), helpers=["def add_up(x: f32[...], h: f32[...]) { h + x }\n"]),
    ),
    (
        "corrected",
        "",
        ["var(x, axes = [1], correction = 1)", "var(x)"],
        lambda v: (v["x"].var(1), v["x"].var(correction=0)),
        dict(x=rand(2, 5)),
    ),
]:
    Program("group_" + name, text, outs, fn, **given)

# ---- shapes ---------------------------------------------------------------------------------------------------------

call(
    "along_axes",
    "x * along(s, x, axis = 2) + along(t, x, axis = 0)",
    lambda v: v["x"] * v["s"] + v["t"][:, None, None],
    x=rand(2, 2, 3),
    s=rand(3),
    t=rand(2),
)
call(
    "masked_attention",
    "a = q @ k' * 0.5; softmax(causal_mask(a)) @ w",
    lambda v: F.scaled_dot_product_attention(v["q"], v["k"], v["w"], is_causal=True, scale=0.5),
    q=rand(2, 3, 4),
    k=rand(2, 3, 4),
    w=rand(2, 3, 2),
)
call(
    "attention",
    "softmax(q @ k' * 0.5) @ w",
    lambda v: F.scaled_dot_product_attention(v["q"], v["k"], v["w"]),
    q=rand(1, 2, 4),
    k=rand(1, 5, 4),
    w=rand(1, 5, 3),
)
call(
    "heads",
    'h = rearrange(x, "b t (h d) -> b h t d", h = 2); rearrange(h @ h\', "b h q k -> q (b k) h")',
    lambda v: (h := v["x"].unflatten(2, (2, 3)).transpose(1, 2), (h @ h.mT).permute(2, 0, 3, 1).flatten(1, 2))[1],
    x=rand(2, 3, 6),
)
call(
    "pieces",
    "a, b, c = x; concat([a, reverse(b, [0]), c * b], axis = 0)",
    lambda v: T.cat([v["x"][0], v["x"][1].flip(0), v["x"][2] * v["x"][1]]),
    x=rand(3, 2, 2),
)
call("rolled", "concat([x[:, 1:], x[:, 0:1]], axis = 1) * x", lambda v: v["x"].roll(-1, 1) * v["x"], x=rand(2, 4))
call("both_ends", "reverse(x[1:-1, 2:], [0, 1])", lambda v: v["x"][1:-1, 2:].flip(0, 1), x=rand(4, 5))
call("last", "x[..., -1] - x[-1][0]", lambda v: v["x"][..., -1] - v["x"][-1][0], x=rand(3, 2, 2))
call(
    "padded",
    "concat([zeros(2, 1), x, ones(2, 2)], axis = 1) * y",
    lambda v: T.cat([F.pad(v["x"], (1, 0)), T.ones(2, 2)], 1) * v["y"],
    x=rand(2, 3),
    y=rand(2, 6),
)
call("gather_of_gather", "x[i][j]", lambda v: v["x"][v["i"]][v["j"]], x=rand(4, 2), i=ints(3, n=4), j=ints(5, n=3))

# ---- kinks and ties -------------------------------------------------------------------------------------------------

Z = vec(-1, -0.5, 0, 0, 0.5, 1)
for name, expr, fn in [
    ("relu", "relu(x)", F.relu),
    ("abs", "abs(x)", T.abs),
    ("sign", "x * sign(x)", lambda x: x * T.sign(x)),
    (
        "clamp",
        "clamp(x, -0.75, 0.25)",
        lambda x: T.clamp(x, -0.75, 0.25),
    ),  # at its bounds gradc has 1, PyTorch 2.15 has 0
    ("softplus", "log1p(exp(-abs(x))) + max(x, 0)", F.softplus),
    ("floor", "x * floor(x) + ceil(x) * x + round(x)", lambda x: x * T.floor(x) + T.ceil(x) * x + T.round(x)),
    ("round", "x * round(x) + round(-x)", lambda x: x * T.round(x) + T.round(-x)),
    (
        "square_root",
        "sqrt(x * x + 0.25) - sqrt(abs(x) + 0.25)",
        lambda x: T.sqrt(x * x + 0.25) - T.sqrt(T.abs(x) + 0.25),
    ),
    ("where", "where(x > 0, x * 3, x)", lambda x: T.where(x > 0, x * 3, x)),
    ("where_equal", "where(x == 0, 2 * x, x ** 2)", lambda x: T.where(x == 0, 2 * x, T.square(x))),
    ("gelu", "gelu(x) + gelu_tanh(x) + silu(x)", lambda x: F.gelu(x) + F.gelu(x, approximate="tanh") + F.silu(x)),
    ("mod", "mod(x, 0.5)", lambda x: T.remainder(x, 0.5)),
    ("powers", "x ** 2 + x ** 3 + x ** 1 + x ** 0", lambda x: x**2 + x**3 + x**1 + x**0),
]:
    call("kink_" + name, expr, lambda v, f=fn: f(v["x"]), x=Z)
call("kink_max", "max(x, y)", lambda v: T.maximum(v["x"], v["y"]), x=vec(1, 2, 3, 0, -1), y=vec(1, 2.5, 2, 0, -1))
call("kink_min", "min(x, y)", lambda v: T.minimum(v["x"], v["y"]), x=vec(1, 2, 3, 0, -1), y=vec(1, 2.5, 2, 0, -1))
call("kink_max_self", "max(x, x) + min(x, x)", lambda v: T.maximum(v["x"], v["x"]) + T.minimum(v["x"], v["x"]), x=Z)
call(
    "kink_reduce_max",
    "max(x, axes = [1])",
    lambda v: v["x"].max(1)[0],
    x=T.tensor([[1.0, 3, 3], [2, 2, 2], [0, -1, 0], [5, 1, 2]], dtype=T.float64),
)
call(
    "kink_reduce_min",
    "min(x, axes = [1])",
    lambda v: v["x"].min(1)[0],
    x=T.tensor([[1.0, 3, 1], [2, 2, 2], [0, -1, -1], [5, 1, 2]], dtype=T.float64),
)
Program(
    "ties_argmax",
    "",
    ["argmax(x)", "argmin(x)", "argmax(x, axis = 0)", "argmin(x, axis = 0, keep = true)"],
    lambda v: (v["x"].argmax(-1), v["x"].argmin(-1), v["x"].argmax(0), v["x"].argmin(0, keepdim=True)),
    x=T.tensor([[1.0, 3, 3, 1], [2, 2, 2, 2], [-0.0, 0, -0.0, 0]], dtype=T.float64),
)
call(
    "ties_picked",
    "x[argmax(x, axis = 0)] * y",
    lambda v: v["x"][v["x"].argmax(0)] * v["y"],
    x=vec(1, 4, 4, 2),
    y=rand(2),
)
call(
    "kink_huber",
    "huber(x, y, delta = 0.5)",
    lambda v: F.huber_loss(v["x"], v["y"], delta=0.5),
    x=vec(0, 0.5, 1, -0.5, -1, 2),
    y=vec(0, 0, 0.5, 0, 0, 2),
)
call(
    "kink_bce",
    "bce_with_logits(x, y)",
    lambda v: F.binary_cross_entropy_with_logits(v["x"], v["y"]),
    x=vec(0, 0, -0.0, 1, -1, 0),
    y=vec(0, 1, 0.5, 1, 0, 0.25),
)
call(
    "kink_norm",
    "sqrt(sum(x * x, axes = [1]) + 1e-12)",
    lambda v: T.sqrt(v["x"].square().sum(1) + 1e-12),
    x=T.tensor([[0.0, 0], [3, 4]], dtype=T.float64),
)
