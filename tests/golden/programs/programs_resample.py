# SPDX-License-Identifier: Apache-2.0
"""Positions, other sizes, and the layers that stand beside linear and dropout."""

import torch
import torch.nn.functional as F

from program import Layer, Program
from values import RNG, rand

T = torch
RNG.seed("resample")


def program(name, outs, fn, **kw):
    Program("other_" + name, "", outs, fn, file="resample", known="resampling", **kw)


# ---- other sizes ----------------------------------------------------------------------------------------------------

MODES = ("linear", "bilinear", "trilinear")
for n, shape, sizes in [(1, (2, 3, 5), [[8], [3], [1]]), (2, (1, 2, 4, 5), [[7, 3], [4, 5], [1, 9]]), (3, (1, 1, 3, 2, 4), [[2, 5, 3]])]:
    texts, calls = [], []
    for size in sizes:
        to = size if len(size) > 1 else size[0]
        texts += [f"interpolate(x, {to})", f'interpolate(x, {to}, "linear")', f'interpolate(x, {to}, "linear", true)']
        texts.append(f'interpolate(x, {to}, mode = "area")')
        calls += [("nearest", None, to), (MODES[n - 1], False, to), (MODES[n - 1], True, to), ("area", None, to)]
    program(f"interpolate_{n}", texts, lambda v, c=calls: [F.interpolate(v["x"], s, mode=m, align_corners=a) for m, a, s in c], x=rand(*shape))
program("bicubic", ['interpolate(x, [7, 3], "bicubic")', 'interpolate(x, [2, 9], "bicubic", corners = true)', 'interpolate(x, 1, "bicubic", true)'],
        lambda v: [F.interpolate(v["x"], s, mode="bicubic", align_corners=a) for s, a in [((7, 3), False), ((2, 9), True), (1, True)]], x=rand(1, 2, 4, 5))  # fmt: skip
program("upsample", ["upsample_bilinear(x, 2)", "upsample_bilinear(x, [1, 3], corners = true)", "upsample_bicubic(x, [3, 2])", "upsample_bicubic(x, 2, true)"],
        lambda v: [F.interpolate(v["x"], scale_factor=s, mode=m, align_corners=a) for s, m, a in
                   [(2.0, "bilinear", False), ((1.0, 3.0), "bilinear", True), ((3.0, 2.0), "bicubic", False), (2.0, "bicubic", True)]],
        x=rand(2, 1, 3, 2))  # fmt: skip
program("upsample_one", ["upsample_bilinear(x, 3)", "upsample_bicubic(x, 2)"],
        lambda v: [F.interpolate(v["x"], scale_factor=s, mode=m) for s, m in [(3.0, "bilinear"), (2.0, "bicubic")]], x=rand(1, 1, 1, 1))  # fmt: skip

# ---- positions ------------------------------------------------------------------------------------------------------


def turned(x, d, base, start, interleaved):
    """By complex numbers, as Llama's own code has it."""
    t = T.arange(x.shape[-2], dtype=x.dtype) + start
    w = T.polar(T.ones((), dtype=x.dtype), T.outer(t, base ** (-T.arange(0, d, 2, dtype=x.dtype) / d)))
    pairs = x.unflatten(-1, (-1, 2)) if interleaved else x.unflatten(-1, (2, -1)).transpose(-1, -2)
    y = T.view_as_real(T.view_as_complex(pairs.contiguous()) * w)
    return y.flatten(-2) if interleaved else y.transpose(-1, -2).flatten(-2)


program("rotary", ["rotary(x)", "rotary(x, start = 5)", "rotary(x, 100, 2, interleaved = true)", "rotary(x[:, 0, 0:1], interleaved = true)"],
        lambda v: [turned(v["x"], 6, 10000.0, 0, False), turned(v["x"], 6, 10000.0, 5, False), turned(v["x"], 6, 100.0, 2, True), turned(v["x"][:, 0, :1], 6, 10000.0, 0, True)],
        x=rand(2, 3, 4, 6))  # fmt: skip


def table(n, d, like):
    t = T.arange(n, dtype=like.dtype)[:, None] / 10000 ** (T.arange(0, d + 1, 2, dtype=like.dtype) / d)
    return T.stack([t.sin(), t.cos()], -1).flatten(1)[:, :d]


program("sinusoidal", ["x * sinusoidal(7, 6)", "sinusoidal(1, 1) * x[0, 0]", "sinusoidal(2, 5) * x[0:2, 0:5]"],
        lambda v: [v["x"] * table(7, 6, v["x"]), table(1, 1, v["x"]) * v["x"][0, 0], table(2, 5, v["x"]) * v["x"][:2, :5]], x=rand(7, 6))  # fmt: skip


def slanted(a):
    _, h, t, s = a.shape
    slope = T.tensor([2 ** (-8 * (i + 1) / h) for i in range(h)], dtype=a.dtype)
    far = (T.arange(t)[:, None] + s - t - T.arange(s)).abs().to(a.dtype)
    return a - slope[:, None, None] * far


program("alibi", ["alibi(x)", "alibi(y)"], lambda v: [slanted(v["x"]), slanted(v["y"])], x=rand(2, 3, 2, 4), y=rand(1, 1, 3, 2))


# ---- layers ---------------------------------------------------------------------------------------------------------


def layer(name, text, fn, weights, **kw):
    Layer(name, text, fn, weights, file="layers_recurrent", known="one operation", **kw)


layer("learned_positions", "learned_positions(x, 5)", lambda v: v["x"] + v["learned_positions.w"][:3], {"learned_positions.w": rand(5, 4)}, x=rand(2, 3, 4))


def biased(v):
    a, w = v["x"], v["relative_bias.w"]
    at = (T.arange(a.shape[3]) - T.arange(a.shape[2])[:, None]).clamp(-2, 2) + 2
    return a + w[:, at]


layer("relative_bias", "relative_bias(x, 2)", biased, {"relative_bias.w": rand(2, 5)}, x=rand(2, 2, 5, 4))
for bias in (True, False):
    layer(f"bilinear_{bias}".lower(), f"bilinear(x, y, 3{'' if bias else ', bias = false'})",
          lambda v: F.bilinear(v["x"], v["y"], v["bilinear.w"], v.get("bilinear.b")),
          {"bilinear.w": rand(3, 4, 2)} | ({"bilinear.b": rand(3)} if bias else {}), x=rand(2, 4), y=rand(2, 2))  # fmt: skip
layer("embedding_padded", "embedding(tok, 5, 3, padding = -2) * x", lambda v: F.embedding(v["tok"], v["embedding.w"], padding_idx=3) * v["x"],
      {"embedding.w": rand(5, 3)}, x=rand(3), tok=T.tensor([[3, 1, 3], [0, 4, 1]]))  # fmt: skip
TOK = T.tensor([[3, 1, 3, 0], [1, 4, 2, 1], [3, 3, 3, 3]])
for how in ("sum", "mean", "max"):
    for pad in (None, 3):
        layer(f"embedding_bag_{how}{'' if pad is None else '_padded'}", f'embedding_bag(tok, 5, 2, "{how}"{"" if pad is None else ", padding = 3"})',
              lambda v, how=how, pad=pad: F.embedding_bag(v["tok"], v["embedding_bag.w"], mode=how, padding_idx=pad),
              {"embedding_bag.w": rand(5, 2)}, tok=TOK)  # fmt: skip
layer("embedding_bag_weight", 'embedding_bag(tok, 5, 2, "sum", weight = x, padding = 1)',
      lambda v: F.embedding_bag(v["tok"], v["embedding_bag.w"], mode="sum", per_sample_weights=v["x"], padding_idx=1),
      {"embedding_bag.w": rand(5, 2)}, x=rand(3, 4), tok=TOK)  # fmt: skip


def linear(v, name, x):
    return F.linear(x, v[name + ".w"].T, v.get(name + ".b"))


def two(name, *sizes, bias=True):
    w = {}
    for k, (i, o) in enumerate(sizes, 1):
        w |= {f"{name}.linear_{k}.w": rand(i, o, lo=-1, hi=1)} | ({f"{name}.linear_{k}.b": rand(o)} if bias else {})
    return w


for bias, act in ((False, F.silu), (True, F.gelu)):
    layer(f"gated_mlp_{bias}".lower(), f"gated_mlp(x, 3{', gelu, bias = true' if bias else ''})",
          lambda v, f=act: linear(v, "gated_mlp.linear_3", f(linear(v, "gated_mlp.linear_1", v["x"])) * linear(v, "gated_mlp.linear_2", v["x"])),
          two("gated_mlp", (4, 3), (4, 3), (3, 4), bias=bias), x=rand(2, 4))  # fmt: skip


def excited(v, act):
    s = T.sigmoid(linear(v, "squeeze_excite.linear_2", act(linear(v, "squeeze_excite.linear_1", v["x"].flatten(2).mean(2)))))
    return v["x"] * s.reshape(*s.shape, *[1] * (v["x"].dim() - 2))


layer("squeeze_excite", "squeeze_excite(x, r = 2)", lambda v: excited(v, F.relu), two("squeeze_excite", (4, 2), (2, 4)), x=rand(2, 4, 3, 2))
layer("squeeze_excite_rows", "squeeze_excite(x, 1, tanh)", lambda v: excited(v, T.tanh), two("squeeze_excite", (2, 2), (2, 2)), x=rand(2, 2, 3))


def spectral(v, at, dim, steps=1):
    """torch.nn.utils.parametrizations.spectral_norm in training, over these states."""
    w, at = v[at + ".w"] if at + ".w" in v else v["x"], (at + "." if at else "") + "spectral_norm."
    norm = T.nn.utils.parametrizations._SpectralNorm(w.detach(), steps, dim).to(w.dtype)
    norm._u, norm._v = v[at + "u"], v[at + "v"]
    return norm(w)


def unit(n):
    return F.normalize(rand(n), dim=0)


layer("spectral_norm", "spectral_norm(x, axis = 1, iterations = 2)", lambda v: spectral(v, "", 1, 2), {},
      states={"spectral_norm.u": unit(3), "spectral_norm.v": unit(8)}, x=rand(2, 3, 4))  # fmt: skip
layer("spectral_norm_linear", "spectral_norm_linear(x, 3)",
      lambda v: F.linear(v["x"], spectral(v, "spectral_norm_linear", 1).T, v["spectral_norm_linear.b"]),
      {"spectral_norm_linear.w": rand(4, 3), "spectral_norm_linear.b": rand(3)},
      states={"spectral_norm_linear.spectral_norm.u": unit(3), "spectral_norm_linear.spectral_norm.v": unit(4)}, x=rand(2, 4))  # fmt: skip
for p in (0, 1):
    drops = ["dropout1d(x, {p})", "dropout2d(y, {p})", "dropout3d(z, {p})", "alpha_dropout(x, {p})", "feature_alpha_dropout(x, {p})", "droppath(x, {p})"]
    text = " + ".join(f"sum({d.format(p=p)} * 0.5)" for d in drops)
    layer(f"dropped_{p}", text + " + sum(x)", lambda v, p=p: (1 - p) * (2 * v["x"].sum() + 0.5 * v["y"].sum() + 0.5 * v["z"].sum()) + v["x"].sum(), {},
          x=rand(2, 3, 2), y=rand(1, 2, 2, 2), z=rand(1, 2, 1, 2, 2))  # fmt: skip

# ---- padding, maxima with places ------------------------------------------------------------------------------------

program("pad", ["pad(x, [2, 3], 1)", "pad(x, -1, 2, -1, value = 0.5)", 'pad(x, [3, 2], [2, -1], [0, 1], "reflect")', 'pad(x, [2, 3], [3, 0], [1, 2], mode = "replicate")',
                'pad(x, [-1], 4, 1, "circular")', 'pad(y, "all", 1, 0, "circular")'],
        lambda v: [F.pad(v["x"], (1, 1, 1, 1)), F.pad(v["x"], (2, -1), value=0.5), F.pad(v["x"][:, :, 1:], (2, 0, 0, 1), mode="reflect"),
                   F.pad(v["x"], (0, 2, 3, 1), mode="replicate"), F.pad(v["x"], (4, 1, 0, 0), mode="circular"), F.pad(v["y"], (1, 0), mode="circular")[:, [1, 0, 1]][[0, 0]]],
        x=rand(1, 2, 3, 4), y=rand(1, 2, 3))  # fmt: skip
for n, shape, args in [(1, (2, 3, 7), "3, 2, 1"), (2, (1, 2, 5, 6), "[2, 3], stride = 2, pad = 1, ceil = true"), (3, (1, 1, 3, 4, 5), "2, 1, dilation = [1, 2, 1]")]:
    call = [lambda x: F.max_pool1d(x, 3, 2, 1, return_indices=True),
            lambda x: F.max_pool2d(x, (2, 3), 2, 1, ceil_mode=True, return_indices=True),
            lambda x: F.max_pool3d(x, 2, 1, dilation=(1, 2, 1), return_indices=True)][n - 1]  # fmt: skip
    program(f"max_pool{n}d_at", [f"max_pool{n}d_at(x, {args})[0]", f"max_pool{n}d_at(x, {args})[1]"], lambda v, f=call: list(f(v["x"])), x=rand(*shape))
program("max_pool_at_ties", ["max_pool2d_at(x, 2, 1)[1]"], lambda v: [F.max_pool2d(v["x"], 2, 1, return_indices=True)[1]],
        x=T.tensor([[[[1.0, 1, 0], [1, 1, 1], [0, 1, -1]]]]).double())  # fmt: skip

for kind, mode, xs, k, args, pads, kw in [
    ("conv1d", "reflect", (2, 2, 5), (3,), "pad = 2", (2, 2), {}),
    ("conv2d", "circular", (1, 2, 4, 3), (3, 2), "pad = [1, 2], stride = [1, 2]", (2, 2, 1, 1), {"stride": (1, 2)}),
    ("conv2d", "replicate", (1, 2, 3, 4), (2, 3), 'pad = "same", dilation = [1, 2], groups = 2', (2, 2, 0, 1), {"dilation": (1, 2), "groups": 2}),
    ("conv3d", "replicate", (1, 1, 2, 3, 2), (2, 1, 3), "pad = [1, 0, 2]", (2, 2, 0, 0, 1, 1), {}),
]:
    size = k[0] if len(k) == 1 else list(k)
    layer(f"{kind}_{mode}", f'{kind}(x, 2, {size}, {args}, mode = "{mode}")',
          lambda v, kind=kind, mode=mode, pads=pads, kw=kw: getattr(F, kind)(F.pad(v["x"], pads, mode=mode), v[kind + ".w"], v[kind + ".b"], **kw),
          {kind + ".w": rand(2, xs[1] // kw.get("groups", 1), *k), kind + ".b": rand(2)}, x=rand(*xs))  # fmt: skip


def unpooled(v, n, k, stride, pad):
    pool, un = [(F.max_pool1d, F.max_unpool1d), (F.max_pool2d, F.max_unpool2d), (F.max_pool3d, F.max_unpool3d)][n - 1]
    y, at = pool(v["x"], k, stride, pad, return_indices=True)
    return un(y * y, at, k, stride, pad)


for n, shape, k, stride, pad in [(1, (2, 2, 7), 3, 2, 1), (1, (1, 2, 6), 2, 2, 0), (2, (1, 2, 5, 5), 3, 2, 1), (2, (2, 1, 4, 6), 2, 2, 0), (3, (1, 1, 2, 4, 2), 2, 2, 0)]:
    Program(f"other_max_unpool{n}d_{stride}{pad}", f"y, at = max_pool{n}d_at(x, {k}, {stride}, {pad})", f"max_unpool{n}d(y * y, at, {k}, {stride}, {pad})",
            lambda v, n=n, k=k, stride=stride, pad=pad: unpooled(v, n, k, stride, pad), file="resample", known="resampling", x=rand(*shape))  # fmt: skip
