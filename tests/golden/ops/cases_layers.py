# SPDX-License-Identifier: Apache-2.0
"""Cases of contractions, layers, losses and derivatives as expressions."""

import torch
import torch.nn.functional as F

from case import Case, ints, rand

# ---- contractions ---------------------------------------------------------------------------------------------------

for n, a, b in [
    ("plain", (2, 3), (3, 4)),
    ("batched", (2, 2, 3), (2, 3, 2)),
    ("shared", (2, 2, 3), (3, 2)),
    ("spread", (3, 1, 2, 3), (2, 3, 2)),
    ("wide", (3, 40), (40, 2)),
    ("one", (1, 1), (1, 1)),
]:
    Case("matmul_" + n, "x @ y", lambda v: v["x"] @ v["y"], x=rand(*a), y=rand(*b))
Case("matmul_nt", "x @ y'", lambda v: v["x"] @ v["y"].mT, x=rand(2, 3), y=rand(4, 3))
Case("index_matmul", "z[b, o] = sum[i](x[b, i] * w[i, o]); z", lambda v: v["x"] @ v["w"], x=rand(2, 3), w=rand(3, 4))
Case(
    "index_depthwise",
    "z[b, c, i, j] = sum[u, v](x[b, c, i + u, j + v] * w[c, u, v]); z",
    lambda v: F.conv2d(v["x"], v["w"][:, None], groups=2),
    x=rand(1, 2, 4, 4),
    w=rand(2, 2, 2),
)
Case(
    "index_outer",
    "z[i, j] = x[i] * y[j] + x[i]; z",
    lambda v: v["x"][:, None] * v["y"] + v["x"][:, None],
    x=rand(3),
    y=rand(4),
)
Case(
    "linear",
    "linear(x, 4)",
    lambda v: v["x"] @ v["linear.w"] + v["linear.b"],
    x=rand(2, 3, 3),
    p__linear__w=rand(3, 4),
    p__linear__b=rand(4),
)
Case(
    "linear_no_bias",
    "linear(x, 2, bias = false)",
    lambda v: v["x"] @ v["linear.w"],
    x=rand(2, 3),
    p__linear__w=rand(3, 2),
)


def conv(name, args, xs, ws, bias=True, same=None, **kw):
    def fn(v):
        x = F.pad(v["x"], same) if same else v["x"]
        return F.conv2d(x, v["conv2d.w"], v.get("conv2d.b"), **kw)

    b = {"p__conv2d__b": rand(ws[0])} if bias else {}
    Case(
        name,
        f"conv2d(x, {ws[0]}, {ws[2]}{args}{'' if bias else ', bias = false'})",
        fn,
        x=rand(*xs),
        p__conv2d__w=rand(*ws),
        **b,
    )


conv("conv2d", "", (2, 2, 4, 5), (3, 2, 3, 3))
conv("conv2d_1x1", "", (2, 3, 2, 3), (2, 3, 1, 1), bias=False)
conv("conv2d_stride", ", stride = 2", (1, 2, 6, 5), (2, 2, 3, 3), stride=2)
conv("conv2d_pad", ", pad = 1", (1, 2, 3, 4), (2, 2, 3, 3), padding=1)
conv("conv2d_stride_pad", ", stride = 2, pad = 1", (1, 2, 6, 5), (2, 2, 3, 3), stride=2, padding=1)
conv("conv2d_same", ', pad = "same"', (1, 2, 4, 3), (2, 2, 3, 3), padding=1)
conv("conv2d_same_even", ', pad = "same"', (1, 1, 4, 4), (2, 1, 2, 2), same=(0, 1, 0, 1))
conv("conv2d_same_stride", ', stride = 2, pad = "same"', (1, 2, 6, 5), (2, 2, 3, 3), same=(1, 1, 0, 1), stride=2)
conv("conv2d_groups", ", groups = 2", (1, 4, 3, 3), (4, 2, 2, 2), groups=2)
conv("conv2d_depthwise", ", pad = 1, groups = 3", (2, 3, 3, 3), (3, 1, 3, 3), padding=1, groups=3)
conv("conv2d_dilation", ", dilation = 2", (1, 2, 6, 5), (2, 2, 2, 2), dilation=2)
conv("conv2d_dilation_pad", ", pad = 2, dilation = 2", (1, 1, 4, 5), (2, 1, 3, 3), padding=2, dilation=2, bias=False)
for n, f in [("max", F.max_pool2d), ("avg", F.avg_pool2d)]:
    Case(f"{n}_pool2d", f"{n}_pool2d(x, 2)", lambda v, f=f: f(v["x"], 2), x=rand(2, 2, 4, 5))
    Case(f"{n}_pool2d_overlap", f"{n}_pool2d(x, 3, stride = 1)", lambda v, f=f: f(v["x"], 3, 1), x=rand(1, 2, 4, 5))
    Case(
        f"{n}_pool2d_pad",
        f"{n}_pool2d(x, 3, stride = 2, pad = 1)",
        lambda v, f=f: f(v["x"], 3, 2, 1),
        x=rand(1, 2, 5, 6),
    )

# ---- norms ----------------------------------------------------------------------------------------------------------


def batchnorm(shape, mode, args="", **kw):
    c = shape[1]

    def fn(v):
        mu, var = v["batchnorm.mu"], v["batchnorm.var"]  # updated in place when training
        return F.batch_norm(v["x"], mu, var, v["batchnorm.g"], v["batchnorm.b"], training=mode == "training", **kw)

    Case(
        f"batchnorm_{len(shape)}d_{mode}" + ("_args" if args else ""),
        f"batchnorm(x{args})",
        fn,
        mode,
        x=rand(*shape),
        p__batchnorm__g=rand(c, lo=0.5),
        p__batchnorm__b=rand(c),
        s__batchnorm__mu=rand(c),
        s__batchnorm__var=rand(c, lo=0.5),
    )


batchnorm((3, 2, 2, 3), "training")
batchnorm((3, 2, 2, 3), "inference")
batchnorm((5, 3), "training")
batchnorm((4, 2), "training", ", eps = 0.01, momentum = 0.25", eps=0.01, momentum=0.25)
Case(
    "layernorm",
    "layernorm(x)",
    lambda v: F.layer_norm(v["x"], (5,), v["layernorm.g"], v["layernorm.b"]),
    x=rand(2, 3, 5),
    p__layernorm__g=rand(5),
    p__layernorm__b=rand(5),
)
Case(
    "layernorm_eps",
    "layernorm(x, eps = 0.1)",
    lambda v: F.layer_norm(v["x"], (4,), v["layernorm.g"], v["layernorm.b"], 0.1),
    x=rand(2, 4),
    p__layernorm__g=rand(4),
    p__layernorm__b=rand(4),
)
Case(
    "rmsnorm",
    "rmsnorm(x, eps = 1e-5)",
    lambda v: F.rms_norm(v["x"], (5,), v["rmsnorm.g"], 1e-5),
    x=rand(2, 3, 5),
    p__rmsnorm__g=rand(5),
)
Case("dropout_inference", "dropout(x, 0.5)", lambda v: v["x"] * 1, x=rand(2, 3))

# ---- losses ---------------------------------------------------------------------------------------------------------


def entropy(z, y, **kw):
    return F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1), **kw)


Case("cross_entropy", "cross_entropy(x, y)", lambda v: entropy(v["x"], v["y"]), x=rand(4, 5), y=ints(4, n=5))
Case(
    "cross_entropy_sequence",
    "cross_entropy(x, y)",
    lambda v: entropy(v["x"], v["y"]),
    x=rand(2, 3, 4),
    y=ints(2, 3, n=4),
)
Case(
    "cross_entropy_smooth",
    "cross_entropy(x, y, smooth = 0.1)",
    lambda v: entropy(v["x"], v["y"], label_smoothing=0.1),
    x=rand(4, 5),
    y=ints(4, n=5),
)
Case(
    "cross_entropy_large",
    "cross_entropy(x, y)",
    lambda v: entropy(v["x"], v["y"]),
    x=rand(3, 4, lo=-120, hi=120),
    y=ints(3, n=4),
)
Case("mse", "mse(x, y)", lambda v: F.mse_loss(v["x"], v["y"]), x=rand(3, 4), y=rand(3, 4))
Case(
    "bce_with_logits",
    "bce_with_logits(x, y)",
    lambda v: F.binary_cross_entropy_with_logits(v["x"], v["y"]),
    x=rand(3, 4),
    y=rand(3, 4, lo=0, hi=1),
)
Case(
    "bce_with_logits_large",
    "bce_with_logits(x, y)",
    lambda v: F.binary_cross_entropy_with_logits(v["x"], v["y"]),
    x=rand(2, 3, lo=-100, hi=100),
    y=torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
)
Case("huber", "huber(x, y)", lambda v: F.huber_loss(v["x"], v["y"]), x=rand(3, 4), y=rand(3, 4))
Case(
    "huber_delta",
    "huber(x, y, delta = 0.4)",
    lambda v: F.huber_loss(v["x"], v["y"], delta=0.4),
    x=rand(3, 4),
    y=rand(3, 4),
)

# ---- sequence layers ------------------------------------------------------------------------------------------------


def lstm(v):
    x, wx, wh, b = v["x"], v["lstm.wx"], v["lstm.wh"], v["lstm.b"]
    cell = torch.nn.LSTM(wx.shape[0], wh.shape[0], batch_first=True).double()
    # PyTorch's own layer, over these weights: W[4H, I], two biases, gates in the same order.
    flat = {"weight_ih_l0": wx.T, "weight_hh_l0": wh.T, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(cell, flat, (x,))[0]


Case(
    "lstm",
    "lstm(x, 3)",
    lstm,
    x=rand(2, 4, 2),
    p__lstm__wx=rand(2, 12),
    p__lstm__wh=rand(3, 12, lo=-1, hi=1),
    p__lstm__b=rand(12, lo=-1, hi=1),
)


def attend(v, name, x, heads, causal):
    b, t, d = x.shape
    qkv = x @ v[name + "linear_1.w"] + v[name + "linear_1.b"]
    q, k, w = (z.view(b, t, heads, d // heads).transpose(1, 2) for z in qkv.split(d, 2))
    y = F.scaled_dot_product_attention(q, k, w, is_causal=causal).transpose(1, 2).reshape(b, t, d)
    return y @ v[name + "linear_2.w"] + v[name + "linear_2.b"]


def two_linear(prefix, i, h, o):
    return {
        f"p__{prefix}__linear_1__w": rand(i, h, lo=-1, hi=1),
        f"p__{prefix}__linear_1__b": rand(h, lo=-1, hi=1),
        f"p__{prefix}__linear_2__w": rand(o[0], o[1], lo=-1, hi=1),
        f"p__{prefix}__linear_2__b": rand(o[1], lo=-1, hi=1),
    }


for c in (True, False):
    Case(
        "self_attention_" + ("causal" if c else "full"),
        f"self_attention(x, 2, causal = {str(c).lower()})",
        lambda v, c=c: attend(v, "self_attention.", v["x"], 2, c),
        x=rand(2, 3, 4),
        **two_linear("self_attention", 4, 12, (4, 4)),
    )


def mlp(v, name, x, act):
    return act(x @ v[name + "linear_1.w"] + v[name + "linear_1.b"]) @ v[name + "linear_2.w"] + v[name + "linear_2.b"]


Case(
    "mlp_relu",
    "mlp(x, 5, act = relu)",
    lambda v: mlp(v, "mlp.", v["x"], F.relu),
    x=rand(2, 3),
    **two_linear("mlp", 3, 5, (5, 3)),
)


def block(v):
    n = "transformer_block."
    x = v["x"]

    def norm(i, h):
        return F.layer_norm(h, h.shape[-1:], v[n + f"layernorm_{i}.g"], v[n + f"layernorm_{i}.b"])

    h = x + attend(v, n + "self_attention.", norm(1, x), 2, True)
    return h + mlp(v, n + "mlp.", norm(2, h), F.gelu)


Case(
    "transformer_block",
    "transformer_block(x, 2)",
    block,
    x=rand(1, 3, 4),
    **{f"p__transformer_block__layernorm_{i}__{w}": rand(4) for i in (1, 2) for w in "gb"},
    **two_linear("transformer_block__self_attention", 4, 12, (4, 4)),
    **two_linear("transformer_block__mlp", 4, 16, (16, 4)),
)

# ---- derivatives as expressions -------------------------------------------------------------------------------------


def d(y, x):
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


Case("grad", "grad(tanh(x) * x, x)", lambda v: d(torch.tanh(v["x"]) * v["x"], v["x"]), x=rand(2, 3))
Case(
    "grad_of_grad",
    "grad(grad(sin(x) * x ** 2, x), x)",
    lambda v: d(d(torch.sin(v["x"]) * v["x"] ** 2, v["x"]), v["x"]),
    x=rand(2, 3),
)
Case(
    "grad_mixed",
    "g = grad(exp(x[:, 0] * x[:, 1] / 4), x); grad(g[:, 1], x)",
    lambda v: d(d(torch.exp(v["x"][:, 0] * v["x"][:, 1] / 4), v["x"])[:, 1], v["x"]),
    x=rand(3, 2),
)
Case("grad_softmax", "grad(log_softmax(x)[:, 0], x)", lambda v: d(v["x"].log_softmax(-1)[:, 0], v["x"]), x=rand(2, 4))
Case(
    "grad_matmul", "grad(tanh(x @ w), x)", lambda v: d(torch.tanh(v["x"] @ v["w"]), v["x"]), x=rand(2, 3), w=rand(3, 2)
)
