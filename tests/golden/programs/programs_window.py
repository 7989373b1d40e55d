# SPDX-License-Identifier: Apache-2.0
"""Convolutions, transposed ones, pools of rank 1 to 3, columns and shuffles; norms of channels."""

import torch
import torch.nn.functional as F

from program import Layer, Program
from values import RNG, rand

T = torch
RNG.seed("windows")
CONV, TRANSPOSED = (F.conv1d, F.conv2d, F.conv3d), (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)


def layer(name, text, fn, weights, **kw):
    Layer(name, text, fn, weights, file="layers_windows", **kw)


def program(name, outs, fn, **kw):
    Program("win_" + name, "", outs, fn, file="windows", known="windows", **kw)


def convolution(name, kind, xs, out, k, args="", bias=True, fn=None, **kw):
    n = len(xs) - 2
    groups = kw.get("groups", 1)
    transposed = kind.startswith("conv_t")
    w = rand(xs[1], out // groups, *k) if transposed else rand(out, xs[1] // groups, *k)
    f = fn or (TRANSPOSED if transposed else CONV)[n - 1]
    weights = {kind + ".w": w} | ({kind + ".b": rand(out)} if bias else {})
    size = k[0] if len(set(k)) == 1 else list(k)
    channels = "" if kind.startswith("depth") else f"{out}, "
    layer(
        f"{kind}_{name}",
        f"{kind}(x, {channels}{size}{args}{'' if bias else ', bias = false'})",
        lambda v: f(v["x"], v[kind + ".w"], v.get(kind + ".b"), **kw),
        weights,
        x=rand(*xs),
    )


convolution("plain", "conv1d", (2, 2, 7), 3, [3])
convolution("all", "conv1d", (1, 4, 9), 6, [2], ", stride = 2, pad = 1, groups = 2, dilation = 2", False, stride=2, padding=1, groups=2, dilation=2)
convolution("same", "conv1d", (1, 2, 5), 2, [4], ', pad = "same"', padding="same")
convolution("one", "conv1d", (1, 1, 1), 1, [1])
convolution("plain", "conv3d", (1, 2, 3, 4, 3), 2, [2, 3, 2])
convolution("all", "conv3d", (1, 2, 4, 5, 3), 4, [2, 2, 2], ", stride = [2, 1, 1], pad = [0, 1, 1], groups = 2, dilation = [1, 2, 1]", False,
            stride=(2, 1, 1), padding=(0, 1, 1), groups=2, dilation=(1, 2, 1))  # fmt: skip
convolution("plain", "causal_conv1d", (2, 2, 5), 3, [3], fn=lambda x, w, b: F.conv1d(F.pad(x, (2, 0)), w, b))
convolution("all", "causal_conv1d", (1, 4, 7), 2, [2], ", stride = 2, groups = 2, dilation = 3", False,
            fn=lambda x, w, b, groups: F.conv1d(F.pad(x, (3, 0)), w, b, stride=2, groups=groups, dilation=3), groups=2)  # fmt: skip
convolution("plain", "depthwise_conv2d", (2, 3, 4, 4), 3, [3, 3], ", pad = 1", padding=1, groups=3)
convolution("more", "depthwise_conv2d", (1, 2, 5, 4), 4, [2, 2], ", stride = 2, multiplier = 2, dilation = 2", False, stride=2, groups=2, dilation=2)
for kind, xs, k in [("conv_transpose1d", (2, 4, 5), [3]), ("conv_transpose2d", (1, 4, 3, 4), [3, 2]), ("conv_transpose3d", (1, 2, 2, 3, 2), [2, 3, 2])]:
    convolution("plain", kind, xs, 2, k)
    convolution("stride", kind, xs, 4, k, ", stride = 2, pad = 1, output_pad = 1", False, stride=2, padding=1, output_padding=1)
    convolution("groups", kind, xs, 4, k, ", groups = 2, dilation = 2", True, groups=2, dilation=2)

MAX, AVG = (F.max_pool1d, F.max_pool2d, F.max_pool3d), (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
SHAPES = [(2, 3, 7), (1, 2, 5, 6), (1, 1, 3, 4, 5)]
for n, shape in enumerate(SHAPES, 1):
    for name, args, kw in [
        ("plain", "2", dict(kernel_size=2)),
        ("overlap", "3, 1, 1", dict(kernel_size=3, stride=1, padding=1)),
        ("ceil", "2, stride = 2, pad = 1, ceil = true", dict(kernel_size=2, stride=2, padding=1, ceil_mode=True)),
        ("far", "2, stride = 3, ceil = true", dict(kernel_size=2, stride=3, ceil_mode=True)),
    ]:
        program(f"max_pool{n}d_{name}", f"max_pool{n}d(x, {args})", lambda v, f=MAX[n - 1], kw=kw: f(v["x"], **kw), x=rand(*shape))
        program(f"avg_pool{n}d_{name}", [f"avg_pool{n}d(x, {args})", f"avg_pool{n}d(x, {args}, count_pad = false)"],
                lambda v, f=AVG[n - 1], kw=kw: [f(v["x"], **kw), f(v["x"], count_include_pad=False, **kw)], x=rand(*shape))  # fmt: skip
    program(f"max_pool{n}d_dilated", f"max_pool{n}d(x, 2, 1, dilation = 2)", lambda v, f=MAX[n - 1]: f(v["x"], 2, 1, dilation=2), x=rand(*shape))
    program(
        f"lp_pool{n}d",
        [f"lp_pool{n}d(x, 2, 2)", f"lp_pool{n}d(x, 3, 2, stride = 1)"],
        lambda v, f=(F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[n - 1]: [f(v["x"], 2.0, 2), f(v["x"], 3.0, 2, 1)],
        x=rand(*shape, lo=0.125),
    )
    for name, fs in [
        ("avg", (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)),
        ("max", (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)),
    ]:
        to = [3, 4, 2][:n]
        program(
            f"adaptive_{name}_pool{n}d",
            [f"adaptive_{name}_pool{n}d(x, {t})" for t in (1, to, 3)],
            lambda v, f=fs[n - 1], to=to, n=n: [f(v["x"], t) for t in (1, to if n > 1 else to[0], 3)],
            x=rand(*shape),
        )
    program(f"global_pools_{n}", ["global_avg_pool(x)", "global_max_pool(x)"],
            lambda v: [v["x"].flatten(2).mean(2), v["x"].flatten(2).max(2)[0]], x=rand(*shape))  # fmt: skip
    program(f"upsample_nearest_{n}", ["upsample_nearest(x, 2)", f"upsample_nearest(x, {[3, 1, 2][:n]})"],
            lambda v, n=n: [F.interpolate(v["x"], scale_factor=s) for s in (2.0, [3.0, 1.0, 2.0][:n])], x=rand(*shape))  # fmt: skip
    program(f"lrn_{n}", ["local_response_norm(x, 2)", "local_response_norm(x, 3, 0.5, beta = 0.5, k = 2)"],
            lambda v: [F.local_response_norm(v["x"], 2), F.local_response_norm(v["x"], 3, 0.5, 0.5, 2.0)], x=rand(2, 4, *shape[2:]))  # fmt: skip
program("unfold2d", ["unfold2d(x, 2)", "unfold2d(x, [3, 2], stride = [1, 2], pad = 1, dilation = [1, 2])"],
        lambda v: [F.unfold(v["x"], 2), F.unfold(v["x"], (3, 2), dilation=(1, 2), padding=1, stride=(1, 2))], x=rand(2, 2, 4, 5))  # fmt: skip
program("fold2d", ["fold2d(x, [4, 3], 2)", "fold2d(y, 5, 3, stride = 2, pad = 1)"],
        lambda v: [F.fold(v["x"], (4, 3), 2), F.fold(v["y"], 5, 3, padding=1, stride=2)], x=rand(2, 8, 6), y=rand(1, 9, 9))  # fmt: skip
program("shuffles", ["pixel_shuffle(x, 2)", "pixel_unshuffle(y, 2)", "channel_shuffle(x, 2)", "channel_shuffle(y, 1)"],
        lambda v: [F.pixel_shuffle(v["x"], 2), F.pixel_unshuffle(v["y"], 2), F.channel_shuffle(v["x"], 2), F.channel_shuffle(v["y"], 1)],
        x=rand(1, 8, 2, 3), y=rand(2, 1, 4, 2))  # fmt: skip
program("tools", ["conv(x, w, 2, [1, 0], 1, 2)", "conv_transpose(x, u, stride = 2, pad = 1, output_pad = 1)", "fold(unfold(x, [2], [3], [2]), [2], [7], [2])", "normal([2, 3]) * 0"],
        lambda v: [F.conv1d(F.pad(v["x"], (1, 0)), v["w"], stride=2, groups=2), F.conv_transpose1d(v["x"], v["u"], stride=2, padding=1, output_padding=1),
                   v["x"] * T.tensor([1.0, 1, 2, 1, 2, 1, 1]).to(v["x"].dtype), T.zeros(2, 3, dtype=v["x"].dtype)],
        x=rand(2, 4, 7), w=rand(2, 2, 3), u=rand(4, 3, 3))  # fmt: skip

for name, shape, groups in [("images", (2, 4, 2, 3), 2), ("rows", (3, 6), 3), ("one", (2, 3, 5), 1)]:
    layer("groupnorm_" + name, f"groupnorm(x, {groups}{', eps = 0.125' if name == 'rows' else ''})",
          lambda v, g=groups, e=0.125 if name == "rows" else 1e-5: F.group_norm(v["x"], g, v["groupnorm.g"], v["groupnorm.b"], e),
          {"groupnorm.g": rand(shape[1]), "groupnorm.b": rand(shape[1])}, x=rand(*shape))  # fmt: skip
for name, shape in [("images", (2, 3, 2, 3)), ("sequence", (2, 2, 5))]:
    layer("instancenorm_" + name, "instancenorm(x, affine = true)",
          lambda v: F.instance_norm(v["x"], weight=v["instancenorm.g"], bias=v["instancenorm.b"]),
          {"instancenorm.g": rand(shape[1]), "instancenorm.b": rand(shape[1])}, x=rand(*shape))  # fmt: skip
    layer("instancenorm_plain_" + name, "instancenorm(x, eps = 0.125)", lambda v: F.instance_norm(v["x"], eps=0.125), {}, x=rand(*shape))
program("weight_norm", ["weight_norm(v, g, 0)", "weight_norm(v, h, axis = 1)"],
        lambda d: [d["v"] * (d["g"] / T.linalg.vector_norm(d["v"], 2, (1, 2)))[:, None, None],
                   d["v"] * (d["h"] / T.linalg.vector_norm(d["v"], 2, (0, 2)))[:, None]],
        v=rand(3, 4, 2), g=rand(3), h=rand(4))  # fmt: skip
layer("weight_norm_linear", "weight_norm_linear(x, 3)",
      lambda v: F.linear(v["x"], T._weight_norm(v["weight_norm_linear.v"].T.contiguous(), v["weight_norm_linear.g"][:, None], 0), v["weight_norm_linear.b"]),
      {"weight_norm_linear.v": rand(4, 3), "weight_norm_linear.g": rand(3), "weight_norm_linear.b": rand(3)}, x=rand(2, 4))  # fmt: skip

# an output_pad of a stride or more, less than the dilation
for kind, k, size, kw in [
    ("conv_transpose1d", [3], (5,), dict(stride=(1,), padding=(2,), output_padding=(2,), dilation=(3,))),
    ("conv_transpose2d", [3, 2], (2, 3), dict(stride=(2, 1), padding=(1, 0), output_padding=(2, 1), dilation=(3, 2))),
    ("conv_transpose3d", [2, 1, 2], (1, 2, 2), dict(stride=(1, 1, 2), padding=(0, 0, 2), output_padding=(1, 2, 2), dilation=(3, 3, 3))),
]:
    words = dict(stride="stride", padding="pad", output_padding="output_pad", dilation="dilation")
    convolution("beyond", kind, (2, 2, *size), 2, k, "".join(f", {words[n]} = {list(v)}" for n, v in kw.items()) + ", groups = 2", groups=2, **kw)
