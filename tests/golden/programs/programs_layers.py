# SPDX-License-Identifier: Apache-2.0
"""Layers, whose weights and states are set, in one file that trains: the optimizer `take` puts each gradient in the
place of its weight. And layers in inference, as exports."""

import torch
import torch.nn.functional as F

from program import Layer, Program
from values import ints, rand

T = torch


# ---- convolutions and pools, raw NCHW -------------------------------------------------------------------------------


def conv(name, xs, out, k, args="", bias=True, same=None, **kw):
    ks = k if isinstance(k, list) else [k, k]

    def fn(v):
        return F.conv2d(F.pad(v["x"], same) if same else v["x"], v["conv2d.w"], v.get("conv2d.b"), **kw)

    weights = {"conv2d.w": rand(out, xs[1] // kw.get("groups", 1), *ks)} | ({"conv2d.b": rand(out)} if bias else {})
    Layer(
        "conv_" + name, f"conv2d(x, {out}, k = {k}{args}{'' if bias else ', bias = false'})", fn, weights, x=rand(*xs)
    )


conv("plain", (2, 2, 4, 5), 3, 3)
conv("point", (2, 3, 2, 3), 2, 1, bias=False)
conv("row", (1, 2, 3, 6), 3, [1, 4])
conv("column", (1, 2, 6, 3), 2, [3, 1], ", stride = [2, 1]", stride=(2, 1))
conv("stride", (2, 2, 7, 6), 3, 3, ", stride = 2", stride=2)
conv("stride_far", (1, 2, 7, 7), 3, 2, ", stride = 3", stride=3)
conv("pad", (1, 2, 3, 4), 2, 3, ", pad = 1", padding=1)
conv("pad_wide", (1, 1, 2, 2), 2, 3, ", pad = [2, 1]", padding=(2, 1))
conv("stride_pad", (1, 2, 6, 5), 2, 3, ", stride = 2, pad = 1", stride=2, padding=1)
conv("same", (1, 2, 4, 3), 2, 3, ', pad = "same"', padding="same")
conv("same_even", (1, 1, 4, 4), 2, 2, ', pad = "same"', padding="same")
conv("same_dilated", (1, 2, 5, 4), 2, 3, ', pad = "same", dilation = 2', padding="same", dilation=2)
conv("same_stride", (1, 2, 6, 5), 2, 3, ', stride = 2, pad = "same"', same=(1, 1, 0, 1), stride=2)
conv("groups", (1, 4, 3, 3), 6, 2, ", groups = 2", groups=2)
conv("depthwise", (2, 3, 3, 3), 3, 3, ", pad = 1, groups = 3", padding=1, groups=3)
conv("depthwise_more", (1, 2, 4, 4), 4, 2, ", groups = 2", groups=2)
conv("dilation", (1, 2, 6, 5), 2, 2, ", dilation = 2", dilation=2)
conv(
    "all",
    (2, 4, 7, 6),
    4,
    [2, 3],
    ", stride = [1, 2], pad = [1, 2], dilation = [2, 1], groups = 2",
    stride=(1, 2),
    padding=(1, 2),
    dilation=(2, 1),
    groups=2,
)
conv("whole", (2, 8, 5, 5), 8, 5, bias=False)
conv("to_one", (1, 3, 4, 4), 5, 4, bias=True)
conv("one", (1, 1, 1, 1), 1, 1)
conv("none", (0, 2, 4, 4), 3, 3)
for n, f in [("max", F.max_pool2d), ("avg", F.avg_pool2d)]:
    for name, text, args, shape in [
        ("plain", "2", (2,), (2, 2, 4, 5)),
        ("overlap", "3, stride = 1", (3, 1), (1, 2, 4, 5)),
        ("pad", "3, stride = 2, pad = 1", (3, 2, 1), (1, 2, 5, 6)),
        ("sides", "[2, 3], stride = [1, 2], pad = [1, 0]", ((2, 3), (1, 2), (1, 0)), (1, 1, 3, 5)),
        ("all", "[3, 4]", ((3, 4),), (2, 1, 3, 4)),
        ("gaps", "1, stride = 2", (1, 2), (1, 2, 4, 5)),
    ]:
        Program(
            f"{n}_pool_{name}",
            "",
            f"{n}_pool2d(x, {text})",
            lambda v, f=f, a=args: f(v["x"], *a),
            x=rand(*shape),
            file="layers",
        )
Program(
    "max_pool_ties",
    "",
    "max_pool2d(x, 2)",
    lambda v: F.max_pool2d(v["x"], 2),
    x=T.tensor([[[[1.0, 1, 0, 0], [1, 1, 0, -1], [2, 3, 5, 4], [3, 2, 5, 5]]]]).double(),
    file="layers",
)
Layer(
    "conv_then_pool",
    "conv2d(x, 3, 3, pad = 1) |> relu |> max_pool2d(2) |> flatten |> linear(2)",
    lambda v: F.linear(
        F.max_pool2d(F.relu(F.conv2d(v["x"], v["conv2d.w"], v["conv2d.b"], padding=1)), 2).flatten(1),
        v["linear.w"].T,
        v["linear.b"],
    ),
    {"conv2d.w": rand(3, 2, 3, 3), "conv2d.b": rand(3), "linear.w": rand(12, 2), "linear.b": rand(2)},
    x=rand(2, 2, 5, 4),
)
Layer(
    "conv_chain",
    "conv2d(x, 3, 2) |> tanh |> conv2d(2, 3, groups = 1) |> sigmoid",
    lambda v: T.sigmoid(
        F.conv2d(T.tanh(F.conv2d(v["x"], v["conv2d_1.w"], v["conv2d_1.b"])), v["conv2d_2.w"], v["conv2d_2.b"])
    ),
    {
        "conv2d_1.w": rand(3, 1, 2, 2, lo=-1, hi=1),
        "conv2d_1.b": rand(3),
        "conv2d_2.w": rand(2, 3, 3, 3, lo=-1, hi=1),
        "conv2d_2.b": rand(2),
    },
    x=rand(1, 1, 5, 5),
)

# ---- norms ----------------------------------------------------------------------------------------------------------


def batchnorm(name, shape, args="", known="", **kw):
    c = shape[1]
    weights = {"batchnorm.g": rand(c, lo=0.5), "batchnorm.b": rand(c)}
    states = {"batchnorm.mu": rand(c), "batchnorm.var": rand(c, lo=0.5)}

    def fn(v):
        return F.batch_norm(
            v["x"], v["batchnorm.mu"], v["batchnorm.var"], v["batchnorm.g"], v["batchnorm.b"], training=True, **kw
        )

    Layer("batchnorm_" + name, f"batchnorm(x{args})", fn, weights, states=states, known=known, x=rand(*shape))
    Program(
        "batchnorm_kept_" + name,
        "",
        f"bn_{name}(x)",
        lambda v: F.batch_norm(
            v["x"],
            v[f"bn_{name}.batchnorm.mu"],
            v[f"bn_{name}.batchnorm.var"],
            v[f"bn_{name}.batchnorm.g"],
            v[f"bn_{name}.batchnorm.b"],
            eps=kw.get("eps", 1e-5),
        ),
        helpers=[
            f"def norm_{name}(x: f32[{','.join(map(str, shape))}]) {{ batchnorm(x{args}) }}\n"
            f"use bn_{name} = norm_{name}()\n"
        ],
        weights={f"bn_{name}.{n}": t for n, t in (weights | states).items()},
        by=["x"],
        x=rand(*shape),
        file="kept",
    )


batchnorm("images", (3, 2, 2, 3))
batchnorm("rows", (5, 3))
batchnorm("two", (2, 4), known="the mean of two values is half way")
batchnorm("sequence", (2, 3, 4))
batchnorm("args", (4, 2), ", eps = 0.01, momentum = 0.25", eps=0.01, momentum=0.25)
batchnorm("all_new", (4, 2), ", momentum = 1", momentum=1.0)
Layer(
    "layernorm",
    "layernorm(x)",
    lambda v: F.layer_norm(v["x"], (5,), v["layernorm.g"], v["layernorm.b"]),
    {"layernorm.g": rand(5), "layernorm.b": rand(5)},
    x=rand(2, 3, 5),
)
Layer(
    "layernorm_eps",
    "layernorm(x, eps = 0.1)",
    lambda v: F.layer_norm(v["x"], (4,), v["layernorm.g"], v["layernorm.b"], 0.1),
    {"layernorm.g": rand(4), "layernorm.b": rand(4)},
    x=rand(2, 4),
)
Layer(
    "rmsnorm",
    "rmsnorm(x)",
    lambda v: F.rms_norm(v["x"], (5,), v["rmsnorm.g"], 1e-5),
    {"rmsnorm.g": rand(5)},
    x=rand(2, 3, 5),
)
Layer(
    "norm_chain",
    "batchnorm(x) |> relu |> linear(3) |> layernorm |> rmsnorm(eps = 0.01)",
    lambda v: F.rms_norm(
        F.layer_norm(
            F.linear(
                F.relu(F.batch_norm(v["x"], None, None, v["batchnorm.g"], v["batchnorm.b"], training=True)),
                v["linear.w"].T,
                v["linear.b"],
            ),
            (3,),
            v["layernorm.g"],
            v["layernorm.b"],
        ),
        (3,),
        v["rmsnorm.g"],
        0.01,
    ),
    {
        "batchnorm.g": rand(4, lo=0.5),
        "batchnorm.b": rand(4),
        "linear.w": rand(4, 3),
        "linear.b": rand(3),
        "layernorm.g": rand(3),
        "layernorm.b": rand(3),
        "rmsnorm.g": rand(3),
    },
    x=rand(5, 4),
)

# ---- linear, embedding, attention, lstm -----------------------------------------------------------------------------

Layer(
    "linear",
    "linear(x, 4)",
    lambda v: F.linear(v["x"], v["linear.w"].T, v["linear.b"]),
    {"linear.w": rand(3, 4), "linear.b": rand(4)},
    x=rand(2, 3, 3),
)
Layer(
    "linear_one",
    "linear(x, 1, bias = false)",
    lambda v: F.linear(v["x"], v["linear.w"].T),
    {"linear.w": rand(1, 1)},
    x=rand(1, 1),
)
Layer(
    "linear_none",
    "linear(x, 3)",
    lambda v: F.linear(v["x"], v["linear.w"].T, v["linear.b"]),
    {"linear.w": rand(2, 3), "linear.b": rand(3)},
    known="nothing in it",
    x=rand(0, 2),
)
Layer(
    "embedding",
    "embedding(tok, 6, 3) * x",
    lambda v: F.embedding(v["tok"], v["embedding.w"]) * v["x"],
    {"embedding.w": rand(6, 3)},
    x=rand(3),
    tok=ints(2, 4, n=6),
)
Layer("dropout_off", "dropout(x, 0) |> tanh", lambda v: T.tanh(F.dropout(v["x"], 0.0, training=True)), {}, x=rand(2, 3))
Layer("dropout_all", "dropout(x, 1) + x", lambda v: F.dropout(v["x"], 1.0, training=True) + v["x"], {}, x=rand(2, 3))
Program(
    "dropout_kept", "", "dropout(x, 0.5)", lambda v: F.dropout(v["x"], 0.5, training=False), x=rand(2, 3), file="layers"
)


def lstm(name, b, t, i, h):
    def fn(v):
        cell = T.nn.LSTM(i, h, batch_first=True).to(v["x"].dtype)
        flat = {
            "weight_ih_l0": v["lstm.wx"].T,
            "weight_hh_l0": v["lstm.wh"].T,
            "bias_ih_l0": v["lstm.b"],
            "bias_hh_l0": T.zeros_like(v["lstm.b"]),
        }
        return T.func.functional_call(cell, flat, (v["x"],))[0]

    Layer(
        "lstm_" + name,
        f"lstm(x, {h})",
        fn,
        {
            "lstm.wx": rand(i, 4 * h, lo=-1, hi=1),
            "lstm.wh": rand(h, 4 * h, lo=-1, hi=1),
            "lstm.b": rand(4 * h, lo=-1, hi=1),
        },
        x=rand(b, t, i),
    )


lstm("plain", 2, 4, 2, 3)
lstm("one", 1, 1, 1, 1)
lstm("long", 1, 7, 3, 2)


def attend(v, name, x, heads, causal):
    """torch.nn.MultiheadAttention over these weights; its projections are [3D, D] and [D, D]."""
    d = x.shape[-1]
    layer = T.nn.MultiheadAttention(d, heads, batch_first=True).to(x.dtype)
    flat = {
        "in_proj_weight": v[name + "linear_1.w"].T,
        "in_proj_bias": v[name + "linear_1.b"],
        "out_proj.weight": v[name + "linear_2.w"].T,
        "out_proj.bias": v[name + "linear_2.b"],
    }
    mask = T.nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype) if causal else None
    return T.func.functional_call(layer, flat, (x, x, x), {"attn_mask": mask, "need_weights": False})[0]


def two_linear(prefix, i, h, j, o):
    return {
        prefix + "linear_1.w": rand(i, h, lo=-1, hi=1),
        prefix + "linear_1.b": rand(h, lo=-1, hi=1),
        prefix + "linear_2.w": rand(j, o, lo=-1, hi=1),
        prefix + "linear_2.b": rand(o, lo=-1, hi=1),
    }


for name, causal, heads, shape in [
    ("causal", True, 2, (2, 3, 4)),
    ("full", False, 2, (1, 3, 4)),
    ("single", True, 1, (1, 4, 3)),
    ("one", True, 1, (2, 1, 2)),
]:
    Layer(
        "attention_" + name,
        f"self_attention(x, {heads}, causal = {str(causal).lower()})",
        lambda v, c=causal, h=heads: attend(v, "self_attention.", v["x"], h, c),
        two_linear("self_attention.", shape[2], 3 * shape[2], shape[2], shape[2]),
        x=rand(*shape),
    )
for name, act in [("gelu", F.gelu), ("relu", F.relu), ("silu", F.silu)]:
    Layer(
        "mlp_" + name,
        f"mlp(x, 5, act = {name})",
        lambda v, a=act: F.linear(
            a(F.linear(v["x"], v["mlp.linear_1.w"].T, v["mlp.linear_1.b"])), v["mlp.linear_2.w"].T, v["mlp.linear_2.b"]
        ),
        two_linear("mlp.", 3, 5, 5, 3),
        x=rand(2, 3),
    )


def block(v):
    n, x = "transformer_block.", v["x"]

    def norm(i, h):
        return F.layer_norm(h, h.shape[-1:], v[n + f"layernorm_{i}.g"], v[n + f"layernorm_{i}.b"])

    h = x + attend(v, n + "self_attention.", norm(1, x), 2, True)
    u = F.gelu(F.linear(norm(2, h), v[n + "mlp.linear_1.w"].T, v[n + "mlp.linear_1.b"]))
    return h + F.linear(u, v[n + "mlp.linear_2.w"].T, v[n + "mlp.linear_2.b"])


N = "transformer_block."
Layer(
    "transformer_block",
    "transformer_block(x, 2)",
    block,
    {N + f"layernorm_{i}.{w}": rand(4) for i in (1, 2) for w in "gb"}
    | two_linear(N + "self_attention.", 4, 12, 4, 4)
    | two_linear(N + "mlp.", 4, 16, 16, 4),
    x=rand(1, 3, 4),
)
Layer(
    "classifier",
    "cross_entropy(x |> linear(4) |> relu |> linear(3), y, smooth = 0.1)",
    lambda v: F.cross_entropy(
        F.linear(F.relu(F.linear(v["x"], v["linear_1.w"].T, v["linear_1.b"])), v["linear_2.w"].T, v["linear_2.b"]),
        v["y"],
        label_smoothing=0.1,
    ),
    two_linear("", 3, 4, 4, 3),
    x=rand(4, 3),
    y=ints(4, n=3),
)
Layer(
    "image_mean",
    'conv2d(x, 4, 3, stride = 2, pad = "same", bias = false) |> batchnorm |> silu |> mean(axes = [2, 3])',
    lambda v: F.silu(
        F.batch_norm(
            F.conv2d(F.pad(v["x"], (0, 1, 0, 1)), v["conv2d.w"], stride=2),
            None,
            None,
            v["batchnorm.g"],
            v["batchnorm.b"],
            training=True,
        )
    ).mean((2, 3)),
    {"conv2d.w": rand(4, 3, 3, 3), "batchnorm.g": rand(4, lo=0.5), "batchnorm.b": rand(4)},
    x=rand(2, 3, 4, 4),
)

# ---- training in 16 bits: extents of 1 and less than a vector in every place ----------------------------------------

for precision, label in [("bf16", "bf16"), ("f16(scale = 1)", "f16")]:
    for name, xs, out, k, args, kw in [
        ("to_one", (1, 8, 5, 5), 8, 5, "", {}),
        ("to_one_row", (2, 8, 1, 5), 8, [1, 5], "", {}),
        ("to_one_column", (1, 8, 5, 3), 8, [5, 1], "", {}),
        ("point", (2, 8, 2, 2), 8, 1, "", {}),
        ("stride_to_one", (1, 4, 6, 6), 8, 3, ", stride = 4", dict(stride=4)),
        ("pad_to_one", (1, 8, 3, 3), 4, 5, ", pad = 1", dict(padding=1)),
        ("one_channel", (2, 1, 4, 4), 1, 3, "", {}),
        ("groups", (1, 8, 4, 4), 8, 4, ", groups = 2", dict(groups=2)),
        ("depthwise", (1, 8, 3, 3), 8, 3, ", groups = 8", dict(groups=8)),
        ("dilation", (1, 8, 5, 5), 8, 3, ", dilation = 2", dict(dilation=2)),
        ("wide", (1, 3, 5, 9), 5, 3, ", pad = 1", dict(padding=1)),
        ("one_wide", (2, 16, 4, 1), 16, [3, 1], "", {}),
        ("odd", (1, 5, 4, 3), 7, 3, ", stride = 2, pad = 1", dict(stride=2, padding=1)),
    ]:
        ks = k if isinstance(k, list) else [k, k]
        if label == "f16" and name in ("to_one", "groups", "wide", "dilation", "odd"):
            continue  # f16 differs from bf16 in casts alone
        # Small sums: what a bound of 8 bits is good for.
        Layer(
            f"{label}_{name}",
            f"tanh(conv2d(x, {out}, k = {k}{args}, bias = false) / 4)",
            lambda v, kw=kw: T.tanh(F.conv2d(v["x"], v["conv2d.w"], **kw) / 4),
            {"conv2d.w": rand(out, xs[1] // kw.get("groups", 1), *ks, lo=-1, hi=1) / 4},
            precision=precision,
            known="few bits",
            x=rand(*xs),
        )
    for name, i, o, rows in [
        ("dense", 5, 3, 4),
        ("dense_one", 1, 1, 1),
        ("dense_wide", 33, 17, 2),
        ("dense_row", 16, 1, 3),
        ("dense_column", 1, 16, 5),
    ]:
        Layer(
            f"{label}_{name}",
            f"tanh(linear(x, {o}) / 2)",
            lambda v: T.tanh(F.linear(v["x"], v["linear.w"].T, v["linear.b"]) / 2),
            {"linear.w": rand(i, o, lo=-1, hi=1), "linear.b": rand(o)},
            precision=precision,
            known="few bits",
            x=rand(rows, i),
        )
    Layer(
        f"{label}_attention",
        "self_attention(x, 2)",
        lambda v: attend(v, "self_attention.", v["x"], 2, True),
        two_linear("self_attention.", 4, 12, 4, 4),
        precision=precision,
        known="few bits",
        x=rand(2, 3, 4),
    )
