#!/usr/bin/env python3
"""Writes ops.txt: values and gradients of gradc's primitives, layers and losses, computed by PyTorch in float64.

Every input is a multiple of 1/64, so float32 and float64 start from the same numbers. Points where a derivative
jumps (relu at 0, ties of a maximum) are left out. Needs ../requirements.txt. The file explains its own form.
"""

import math
import os

import numpy as np
import torch
import torch.nn.functional as F

HEADER = """\
# Golden values of PyTorch {torch} in float64, written by make_ops.py. One case is:
#   case NAME
#   expr BODY                       the body of a def whose arguments are the inputs below
#   mode training|inference         the static bool `training`
#   in NAME DTYPE [SHAPE] values    an argument, row-major; f32 values are multiples of 1/64
#   param NAME [SHAPE] values       a weight, f32, named from the def's instance on (linear.w, mlp.linear_1.b)
#   state NAME [SHAPE] values       a state before the call
#   out DTYPE [SHAPE] values        the value of the body
#   cot [SHAPE] values              cotangent: gradients are those of sum(out * cot); none where no input has one
#   grad NAME [SHAPE] values        gradient of an argument or weight
#   after NAME [SHAPE] values       a state after the call
#   end
"""

CASES = []


class Case:
    def __init__(self, name, expr, fn, mode="inference", **given):
        self.name, self.expr, self.fn, self.mode = name, expr, fn, mode
        self.inputs, self.params, self.states = {}, {}, {}
        # Keys of `given`: x = an input, p__linear__w = weight linear.w, s__batchnorm__mu = a state.
        for key, value in given.items():
            table, name = self.inputs, key
            if key[1:3] == "__":
                table, name = (self.params if key[0] == "p" else self.states), key[3:].replace("__", ".")
            table[name] = value
        CASES.append(self)


RNG = np.random.default_rng(20)


def rand(*shape, lo=-2.0, hi=2.0):
    """Distinct multiples of 1/64 in [lo, hi), none of them a multiple of 1/2 (where round, floor and abs jump)."""
    grid = np.arange(math.ceil(lo * 64), math.floor(hi * 64))
    grid = grid[grid % 32 != 0]
    n = math.prod(shape)
    pick = RNG.permutation(grid)[:n] if n <= len(grid) else RNG.choice(grid, n)
    return torch.tensor(pick.reshape(shape) / 64)


def ints(*shape, n):
    return torch.tensor(RNG.integers(0, n, shape))


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


# ---- writing --------------------------------------------------------------------------------------------------------


def tensor(t):
    t = t.detach()
    shape = "[" + ",".join(map(str, t.shape)) + "]"
    values = t.reshape(-1).tolist()
    return " ".join([shape] + [str(int(v)) if float(v).is_integer() else repr(float(v)) for v in values])


def dtype(t):
    return "f32" if t.is_floating_point() else "i32"


def write(case, f):
    v, leaves = {}, []
    f.write(f"case {case.name}\nexpr {case.expr}\nmode {case.mode}\n")
    for kind, table in (("in", case.inputs), ("param", case.params), ("state", case.states)):
        for name, t in table.items():
            t = t.double() if t.is_floating_point() else t
            f.write(f"{kind} {name} {dtype(t) + ' ' if kind == 'in' else ''}{tensor(t)}\n")
            v[name] = t.clone()
            if t.is_floating_point() and kind != "state":
                v[name].requires_grad_()
                leaves.append(name)
    out = case.fn(v)
    f.write(f"out {dtype(out)} {tensor(out)}\n")
    if out.is_floating_point() and out.requires_grad:
        cot = rand(*out.shape)
        f.write(f"cot {tensor(cot)}\n")
        for name, g in zip(leaves, torch.autograd.grad((out * cot).sum(), [v[n] for n in leaves])):
            f.write(f"grad {name} {tensor(g)}\n")
    if case.mode == "training":
        for name in case.states:
            f.write(f"after {name} {tensor(v[name])}\n")
    f.write("end\n")


def main():
    torch.set_num_threads(1)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.txt")
    assert len({c.name for c in CASES}) == len(CASES)
    with open(path, "w") as f:
        f.write(HEADER.format(torch=torch.__version__.split("+")[0]))
        for case in CASES:
            write(case, f)
    print(f"{len(CASES)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
