"""Programs by hand: contractions in index notation, kinks and ties, extreme values, small sizes, whole numbers, 16-bit
floats, losses and derivatives of derivatives."""

import math
import random

import torch
import torch.nn.functional as F

from program import Program

T = torch
RNG = random.Random(12)
INF, NAN = math.inf, math.nan


def rand(*shape, lo=-2.0, hi=2.0):
    """Odd multiples of 1/128: neither 0, nor half of a whole number, nor twice the same where that can be."""
    n = math.prod(shape)
    grid = [(2 * i + 1) / 128 for i in range(int(lo * 64), int(hi * 64))]
    pick = RNG.sample(grid, n) if n <= len(grid) else RNG.choices(grid, k=n)
    return T.tensor(pick, dtype=T.float64).reshape(shape)


def coarse(*shape, n=4):
    """Multiples of 1/n in [-2, 2]: exact in bf16."""
    return T.tensor([RNG.randint(-2 * n, 2 * n) / n for _ in range(math.prod(shape))], dtype=T.float64).reshape(shape)


def ints(*shape, n, low=0):
    return T.tensor([RNG.randrange(low, n) for _ in range(math.prod(shape))]).reshape(shape)


def vec(*v):
    return T.tensor([float(x) for x in v], dtype=T.float64)


def call(name, expr, fn, **kw):
    lines, _, last = expr.rpartition(";")
    return Program(name, lines.replace(";", "\n"), last.strip(), fn, **kw)


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
    Program("index_" + name, text, "z", lambda v, s=spec: T.einsum(s, *v.values()), known="nothing in it" if name == "empty" else "", **given)
Program("index_distance", "z[i, j] = sum[d]((x[i, d] - y[j, d]) ** 2)", "z", lambda v: T.cdist(v["x"], v["y"]).square(), x=rand(3, 4), y=rand(2, 4))
Program("index_argsquash", "z[i] = max[j](x[i, j] * y[j]); u[j] = min[i](x[i, j] - y[j])", ["z", "u"],
        lambda v: ((v["x"] * v["y"]).amax(1), (v["x"] - v["y"]).amin(0)), x=rand(3, 4), y=rand(4))  # fmt: skip
Program("index_gather", "z[b, t, d] = w[tok[b, t], d] * s[d]", "z", lambda v: F.embedding(v["tok"], v["w"]) * v["s"],
        tok=ints(2, 3, n=5), w=rand(5, 2), s=rand(2))  # fmt: skip
Program("index_pick", "z[b] = x[b, i[b]]", "z", lambda v: T.gather(v["x"], 1, v["i"][:, None])[:, 0], x=rand(4, 3), i=ints(4, n=3))

for name, text, fn, xs, ws in [
    ("conv1d", "z[b, o, t] = sum[c, k](x[b, c, t + k] * w[o, c, k])", F.conv1d, (2, 3, 6), (2, 3, 3)),
    ("conv1d_dilated", "z[b, o, t] = sum[c, k](x[b, c, t + 2*k] * w[o, c, k])", lambda x, w: F.conv1d(x, w, dilation=2), (1, 2, 7), (3, 2, 3)),
    ("conv1d_strided", "z[b, o, t] = sum[c, k](x[b, c, 2*t + k] * w[o, c, k])", lambda x, w: F.conv1d(x, w, stride=2), (2, 2, 7), (2, 2, 3)),
    ("conv2d", "z[b, o, i, j] = sum[c, u, v](x[b, c, i + u, j + v] * w[o, c, u, v])", F.conv2d, (1, 2, 4, 5), (2, 2, 2, 3)),
    ("depthwise", "z[b, c, i, j] = sum[u, v](x[b, c, i + u, j + v] * w[c, u, v])",
     lambda x, w: F.conv2d(x, w[:, None], groups=w.shape[0]), (2, 3, 4, 3), (3, 3, 2)),
    ("wide", "z[b, o, i, j] = sum[c, u, v](x[b, c, i + u, j + v] * w[o, c, u, v])", F.conv2d, (1, 5, 5, 5), (4, 5, 5, 5)),
    ("dilate", "z[b, i, j] = max[u, v](x[b, i + u, j + v] + w[u, v])",
     lambda x, w: (x.unfold(1, 2, 1).unfold(2, 2, 1) + w).amax((-2, -1)), (2, 4, 4), (2, 2)),
]:  # fmt: skip
    Program("hand_" + name, text, "z", lambda v, f=fn: f(v["x"], v["w"]), x=rand(*xs), w=rand(*ws))
Program("hand_conv_after_softmax", "p = softmax(x, axis = 1)\nz[b, o, t] = sum[c, k](p[b, c, t + k] * w[o, c, k])", ["z", "sum(z, axes = [0, 2])"],
        lambda v: (z := F.conv1d(v["x"].softmax(1), v["w"]), z.sum((0, 2))), x=rand(2, 3, 5), w=rand(2, 3, 2))  # fmt: skip

# ---- broadcasts in a group, then reductions and cumulative sums (B1) --------------------------------------------------

N = 6
for name, text, outs, fn, given in [
    ("center_sum", "d = x - w\ne = d * d + x", ["sum(e, axes = [0])", "cumsum(e, axis = 0)"],
     lambda v: (e := (d := v["x"] - v["w"]) * d + v["x"], (e.sum(0), e.cumsum(0)))[1], dict(x=rand(N), w=rand(N, 1))),
    ("outer_softmax", "s = tanh(x) * y\np = softmax(s, axis = 1)", ["sum(p * x, axes = [0])", "cumsum(p, axis = 1)"],
     lambda v: (p := (T.tanh(v["x"]) * v["y"]).softmax(1), ((p * v["x"]).sum(0), p.cumsum(1)))[1], dict(x=rand(N), y=rand(N, 1))),
    ("gap", "a = exp(-abs(x - w))\nb = a / sum(a, axes = [1], keep = true)", ["sum(b, axes = [0]) + x", "mean(b * w)"],
     lambda v: (b := F.normalize(T.exp(-T.abs(v["x"] - v["w"])), p=1, dim=1), (b.sum(0) + v["x"], (b * v["w"]).mean()))[1], dict(x=rand(N), w=rand(N, 1) + 1 / 128)),
    ("standardised", "m = mean(x, axes = [0], keep = true)\ns = sqrt(var(x, axes = [0], keep = true) + 0.5)\nz = (x - m) / s", ["z", "cumsum(z * z, axis = 0, reverse = true)"],
     lambda v: (z := (v["x"] - v["x"].mean(0, True)) / T.sqrt(v["x"].var(0, correction=0, keepdim=True) + 0.5), (z, (z * z).flip(0).cumsum(0).flip(0)))[1], dict(x=rand(4, 3))),
    ("same_operand", "a = x * 2\nb = a + reshape(a, [6, 1])", ["sum(b, axes = [0])", "max(b, axes = [1]) - a"],
     lambda v: (a := v["x"] * 2, b := a + a[:, None], (b.sum(0), b.amax(1) - a))[2], dict(x=rand(N))),
    ("moments", "m, s = moments(x, keep = 1)", ["m * s", "x - along(m, x, axis = 1)"],
     lambda v: (vm := T.var_mean(v["x"], (0, 2), correction=0), (vm[1] * vm[0], v["x"] - vm[1][None, :, None]))[1], dict(x=rand(2, 3, 4))),
    ("pairs", "s = cumsum(x, axis = 0) - 1", "cumsum(sum(max(s - reshape(x, [16, 1]), 0), axes = [1]), axis = 0)", lambda v: F.relu(v["x"].cumsum(0) - 1 - v["x"][:, None]).sum(1).cumsum(0), dict(x=rand(16))),
    ("regrouped", 'v = rearrange(a, "(a b) c -> (b c) a", a = 8)', ["scan(v, axis = 1, step = add_up, carry = zeros(10))", "cumsum(v, axis = 1)"],
     lambda v: [v["a"].unflatten(0, (8, 2)).permute(1, 2, 0).flatten(0, 1).cumsum(1)] * 2, dict(a=rand(16, 5), helpers=["def add_up(x: f32[...], h: f32[...]) { h + x }\n"])),
    ("corrected", "", ["var(x, axes = [1], correction = 1)", "var(x)"], lambda v: (v["x"].var(1), v["x"].var(correction=0)), dict(x=rand(2, 5))),
]:  # fmt: skip
    Program("group_" + name, text, outs, fn, **given)

# ---- shapes ---------------------------------------------------------------------------------------------------------

call("along_axes", "x * along(s, x, axis = 2) + along(t, x, axis = 0)", lambda v: v["x"] * v["s"] + v["t"][:, None, None], x=rand(2, 2, 3), s=rand(3), t=rand(2))
call("masked_attention", "a = q @ k' * 0.5; softmax(causal_mask(a)) @ w", lambda v: F.scaled_dot_product_attention(v["q"], v["k"], v["w"], is_causal=True, scale=0.5),
     q=rand(2, 3, 4), k=rand(2, 3, 4), w=rand(2, 3, 2))  # fmt: skip
call("attention", "softmax(q @ k' * 0.5) @ w", lambda v: F.scaled_dot_product_attention(v["q"], v["k"], v["w"]), q=rand(1, 2, 4), k=rand(1, 5, 4), w=rand(1, 5, 3))
call("heads", 'h = rearrange(x, "b t (h d) -> b h t d", h = 2); rearrange(h @ h\', "b h q k -> q (b k) h")',
     lambda v: (h := v["x"].unflatten(2, (2, 3)).transpose(1, 2), (h @ h.mT).permute(2, 0, 3, 1).flatten(1, 2))[1], x=rand(2, 3, 6))  # fmt: skip
call("pieces", "a, b, c = x; concat([a, reverse(b, [0]), c * b], axis = 0)", lambda v: T.cat([v["x"][0], v["x"][1].flip(0), v["x"][2] * v["x"][1]]), x=rand(3, 2, 2))
call("rolled", "concat([x[:, 1:], x[:, 0:1]], axis = 1) * x", lambda v: v["x"].roll(-1, 1) * v["x"], x=rand(2, 4))
call("both_ends", "reverse(x[1:-1, 2:], [0, 1])", lambda v: v["x"][1:-1, 2:].flip(0, 1), x=rand(4, 5))
call("last", "x[..., -1] - x[-1][0]", lambda v: v["x"][..., -1] - v["x"][-1][0], x=rand(3, 2, 2))
call("padded", "concat([zeros(2, 1), x, ones(2, 2)], axis = 1) * y", lambda v: T.cat([F.pad(v["x"], (1, 0)), T.ones(2, 2)], 1) * v["y"], x=rand(2, 3), y=rand(2, 6))
call("gather_of_gather", "x[i][j]", lambda v: v["x"][v["i"]][v["j"]], x=rand(4, 2), i=ints(3, n=4), j=ints(5, n=3))

# ---- kinks and ties -------------------------------------------------------------------------------------------------

Z = vec(-1, -0.5, 0, 0, 0.5, 1)
for name, expr, fn in [
    ("relu", "relu(x)", F.relu),
    ("abs", "abs(x)", T.abs),
    ("sign", "x * sign(x)", lambda x: x * T.sign(x)),
    ("clamp", "clamp(x, -0.75, 0.25)", lambda x: T.clamp(x, -0.75, 0.25)),  # at its bounds gradc has 1, PyTorch 2.15 has 0
    ("softplus", "log1p(exp(-abs(x))) + max(x, 0)", F.softplus),
    ("floor", "x * floor(x) + ceil(x) * x + round(x)", lambda x: x * T.floor(x) + T.ceil(x) * x + T.round(x)),
    ("round", "x * round(x) + round(-x)", lambda x: x * T.round(x) + T.round(-x)),
    ("square_root", "sqrt(x * x + 0.25) - sqrt(abs(x) + 0.25)", lambda x: T.sqrt(x * x + 0.25) - T.sqrt(T.abs(x) + 0.25)),
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
call("kink_reduce_max", "max(x, axes = [1])", lambda v: v["x"].max(1)[0], x=T.tensor([[1.0, 3, 3], [2, 2, 2], [0, -1, 0], [5, 1, 2]], dtype=T.float64))
call("kink_reduce_min", "min(x, axes = [1])", lambda v: v["x"].min(1)[0], x=T.tensor([[1.0, 3, 1], [2, 2, 2], [0, -1, -1], [5, 1, 2]], dtype=T.float64))
Program("ties_argmax", "", ["argmax(x)", "argmin(x)", "argmax(x, axis = 0)", "argmin(x, axis = 0, keep = true)"],
        lambda v: (v["x"].argmax(-1), v["x"].argmin(-1), v["x"].argmax(0), v["x"].argmin(0, keepdim=True)),
        x=T.tensor([[1.0, 3, 3, 1], [2, 2, 2, 2], [-0.0, 0, -0.0, 0]], dtype=T.float64))  # fmt: skip
call("ties_picked", "x[argmax(x, axis = 0)] * y", lambda v: v["x"][v["x"].argmax(0)] * v["y"], x=vec(1, 4, 4, 2), y=rand(2))
call("kink_huber", "huber(x, y, delta = 0.5)", lambda v: F.huber_loss(v["x"], v["y"], delta=0.5), x=vec(0, 0.5, 1, -0.5, -1, 2), y=vec(0, 0, 0.5, 0, 0, 2))
call("kink_bce", "bce_with_logits(x, y)", lambda v: F.binary_cross_entropy_with_logits(v["x"], v["y"]), x=vec(0, 0, -0.0, 1, -1, 0), y=vec(0, 1, 0.5, 1, 0, 0.25))
call("kink_norm", "sqrt(sum(x * x, axes = [1]) + 1e-12)", lambda v: T.sqrt(v["x"].square().sum(1) + 1e-12), x=T.tensor([[0.0, 0], [3, 4]], dtype=T.float64))

# ---- losses ---------------------------------------------------------------------------------------------------------

B3 = Program("zero_weights_bce", "z = x @ w + b", "bce_with_logits(z, y)", lambda v: F.binary_cross_entropy_with_logits(v["x"] @ v["w"] + v["b"], v["y"]),
             x=rand(5, 2), w=vec(0, 0), b=vec(0), y=vec(1, 0, 0, 1, 0), by=["w", "b"])  # fmt: skip
call("zero_weights_softmax", "cross_entropy(x @ w, y)", lambda v: F.cross_entropy(v["x"] @ v["w"], v["y"]), x=rand(4, 3), w=T.zeros(3, 5, dtype=T.float64), y=ints(4, n=5), by=["w"])
call("zero_weights_mlp", "mse(relu(x @ w) @ u, y)", lambda v: F.mse_loss(F.relu(v["x"] @ v["w"]) @ v["u"], v["y"]), x=rand(4, 3), w=T.zeros(3, 2, dtype=T.float64), u=rand(2, 1), y=rand(4, 1), known="zero times anything")
for smooth in (0, 0.1, 0.5, 1):
    call(f"cross_entropy_{int(smooth * 10)}", f"cross_entropy(x, y, smooth = {smooth})", lambda v, s=smooth: F.cross_entropy(v["x"].flatten(0, 1), v["y"].flatten(), label_smoothing=s),
         x=rand(2, 3, 4), y=ints(2, 3, n=4))  # fmt: skip
call("losses_sum", "mse(x, y) + huber(x, y) + huber(y, x, delta = 0.25) + bce_with_logits(x, sigmoid(y))",
     lambda v: F.mse_loss(v["x"], v["y"]) + F.huber_loss(v["x"], v["y"]) + F.huber_loss(v["y"], v["x"], delta=0.25) + F.binary_cross_entropy_with_logits(v["x"], T.sigmoid(v["y"])),
     x=rand(3, 4), y=rand(3, 4))  # fmt: skip
call("kl", "p = softmax(x); sum(p * (log_softmax(x) - log_softmax(y)))", lambda v: F.kl_div(v["y"].log_softmax(-1), v["x"].log_softmax(-1), log_target=True, reduction="sum"), x=rand(2, 3), y=rand(2, 3))
call("logits_far", "cross_entropy(x, y)", lambda v: F.cross_entropy(v["x"], v["y"]), x=T.tensor([[1e4, -1e4, 0.0], [-3e4, -3e4, -3e4], [88.0, -104.0, 200.0]], dtype=T.float64), y=T.tensor([1, 0, 2]), known="differences of large numbers")
call("bce_far", "bce_with_logits(x, y)", lambda v: F.binary_cross_entropy_with_logits(v["x"], v["y"]), x=vec(1e4, -1e4, 90, -90), y=vec(1, 0, 0, 1))
call("softmax_far", "softmax(x) - exp(log_softmax(x))", lambda v: v["x"].softmax(-1) - v["x"].log_softmax(-1).exp(), x=T.tensor([[300.0, -300, 299], [-1e4, -1e4, -1e4]], dtype=T.float64), by=[], known="differences of large numbers")
call("logsumexp", "m = max(x, axes = [1], keep = true); log(sum(exp(x - m), axes = [1])) + m[:, 0]", lambda v: T.logsumexp(v["x"], 1), x=T.tensor([[300.0, -300, 299], [-1e4, -1e4, -1e4], [1, 2, 3]], dtype=T.float64), known="differences of large numbers")

# ---- derivatives of derivatives ------------------------------------------------------------------------------------------


def grad(y, x, more=True):
    return T.autograd.grad(y.sum(), x, create_graph=more)[0]


for name, expr, fn in [
    ("tanh", "tanh(x) * x", lambda x: T.tanh(x) * x), ("softmax", "softmax(x) ** 2", lambda x: x.softmax(-1) ** 2), ("exp", "exp(x) / (1 + exp(x))", T.sigmoid),
    ("gelu", "gelu(x) * x", lambda x: F.gelu(x) * x), ("log", "log(x * x + 1)", lambda x: T.log(x * x + 1)), ("norm", "x / sqrt(sum(x * x) + 1)", lambda x: x / T.sqrt(x.square().sum() + 1)),
    ("cumsum", "cumsum(x, axis = 0) ** 3", lambda x: x.cumsum(0) ** 3), ("power", "(x * x + 0.5) ** 1.5", lambda x: (x * x + 0.5) ** 1.5), ("max", "max(x, 0) ** 3", lambda x: F.relu(x) ** 3),
    ("where", "where(x > 0, x ** 3, sin(x))", lambda x: T.where(x > 0, x**3, T.sin(x))), ("erf", "erf(x) * expm1(x)", lambda x: T.erf(x) * T.expm1(x)),
]:  # fmt: skip
    Program("second_" + name, f"e = {expr}", "e", lambda v, f=fn: f(v["x"]), x=rand(3), w=rand(3), by=["x"], cot=[rand(3)], known="the twin computes e once for each derivative", more=[
        ("grad(grad(l, x) * w, x)", lambda v, o, l: grad(grad(l, v["x"]) * v["w"], v["x"])),
        ("hvp(e, x, w)", lambda v, o, l, f=fn: T.autograd.functional.hvp(lambda x: f(x).sum(), v["x"], v["w"])[1]),
        ("jvp(e, x, w)", lambda v, o, l, f=fn: T.autograd.functional.jvp(f, v["x"], v["w"])[1]),
        ("jacobian(e, x)", lambda v, o, l, f=fn: T.autograd.functional.jacobian(f, v["x"])),
        ("hessian(e, x)", lambda v, o, l, f=fn: T.autograd.functional.hessian(lambda x: f(x).sum(), v["x"])),
    ])  # fmt: skip
Program("second_pair", "e = x @ tanh(y)", "e", lambda v: v["x"] @ T.tanh(v["y"]), x=rand(2, 3), y=rand(3, 2),
        more=[("grad(sum(grad(l, x) ** 2), y)", lambda v, o, l: grad(grad(l, v["x"]) ** 2, v["y"])), ("grad(sum(grad(l, y) ** 2), x)", lambda v, o, l: grad(grad(l, v["y"]) ** 2, v["x"]))])  # fmt: skip
Program("third", "e = x ** 4 * sin(x)", "e", lambda v: v["x"] ** 4 * T.sin(v["x"]), x=rand(3), cot=[rand(3)],
        more=[("grad(grad(grad(e, x), x), x)", lambda v, o, l: grad(grad(grad(o[0], v["x"]), v["x"]), v["x"]))])  # fmt: skip
Program("second_penalty", "p = softmax(x @ w)\nlg = log_softmax(x @ w)", "-mean(sum(p * lg, axes = [1]))", lambda v: T.distributions.Categorical(logits=v["x"] @ v["w"], validate_args=False).entropy().mean(), x=rand(3, 2), w=rand(2, 4),
        more=[("grad(sum(grad(l, x) ** 2), w)", lambda v, o, l: grad(grad(l, v["x"]) ** 2, v["w"]))])  # fmt: skip
Program("second_conv", "z[b, o, t] = sum[c, k](x[b, c, t + k] * w[o, c, k])\ne = tanh(z)", "e", lambda v: T.tanh(F.conv1d(v["x"], v["w"])), x=rand(1, 2, 4), w=rand(2, 2, 2),
        more=[("grad(sum(grad(l, x) ** 2), w)", lambda v, o, l: grad(grad(l, v["x"]) ** 2, v["w"]))])  # fmt: skip
Program("stopped", "e = x * stop_gradient(tanh(x)) + stop_gradient(x) ** 2 * y", "e", lambda v: v["x"] * T.tanh(v["x"]).detach() + v["x"].detach() ** 2 * v["y"], x=rand(4), y=rand(4))

# ---- sizes 0 and 1 -----------------------------------------------------------------------------------------------------

for n, m in [(0, 3), (3, 0), (0, 0), (1, 1), (1, 3), (3, 1)]:
    Program(f"size_{n}_{m}", "z = x @ y\np = x * 2 + w", ["z", "sum(p)", "sum(p, axes = [0])", "sum(p, axes = [1], keep = true)", "cumsum(p, axis = 0)", "concat([p, x], axis = 1)", "x'", "reverse(x, [0, 1])", "reshape(x, [-1])" if n * m else f"reshape(x, [{n * m}])"],
            lambda v: (z := v["x"] @ v["y"], p := v["x"] * 2 + v["w"], (z, p.sum(), p.sum(0), p.sum(1, True), p.cumsum(0), T.cat([p, v["x"]], 1), v["x"].mT, v["x"].flip(0, 1), v["x"].flatten()))[2],
            x=rand(n, m), y=rand(m, 2), w=rand(m), known="nothing in it")  # fmt: skip
    if m:
        Program(f"size_rows_{n}_{m}", "", ["softmax(x)", "log_softmax(x)", "max(x, axes = [1])", "mean(x, axes = [1])", "var(x, axes = [1])"],
                lambda v: (v["x"].softmax(-1), v["x"].log_softmax(-1), v["x"].amax(1), v["x"].mean(1), v["x"].var(1, correction=0)), x=rand(n, m), known="constants")  # fmt: skip
Program("size_scalar", "", ["x * y + sum(x)", "softmax(reshape(x, [1]))", "max(x)", "mean(x * y)", "var(y)"],
        lambda v: (v["x"] * v["y"] + v["x"].sum(), v["x"].reshape(1).softmax(0), v["x"].max(), (v["x"] * v["y"]).mean(), v["y"].var(correction=0)), x=rand(1)[0], y=rand(1)[0])  # fmt: skip
call("size_gather", "x[i]", lambda v: v["x"][v["i"]], x=rand(3, 2), i=T.zeros(0, dtype=T.long))

# ---- extreme values: what PyTorch gives in single precision ---------------------------------------------------------------

EXTREME = [0.0, -0.0, INF, -INF, NAN, 1e38, -1e38, 3.4028234663852886e38, 1.1754943508222875e-38, 1e-40, -1e-40, 1.401298464324817e-45, 88.5, -103.5, 1.0, -1.0]
SINGLES = T.tensor(EXTREME).float().double()


def extreme(name, exprs, fn, **kw):
    Program("extreme_" + name, "", exprs, fn, single=True, file="extremes", **kw)


# Where gradc differs on purpose, or PyTorch gives no answer to go by.
LEFT_OUT = {
    "sin": lambda x: x.isfinite() & (x.abs() > 1e4),  # beyond what the last bit of the argument says
    "cos": lambda x: x.isfinite() & (x.abs() > 1e4),
    "clamp": T.isnan,  # PyTorch's derivative at NaN is 0; gradc's 1, as between the bounds
    "abs": T.isnan,  # PyTorch's derivative at NaN is 0; gradc's is NaN, which does not hide it
    "sign": T.isnan,  # PyTorch's sign of NaN is 0; NumPy's and gradc's is NaN
    "relu": T.isnan,  # PyTorch's derivative at NaN is 1; gradc's is 0: the value is NaN anyway
    "root": lambda x: (x == -INF) | ((x == 0) & x.signbit()),  # PyTorch computes sqrt; IEEE's pow has inf and 0 there
}
for name, expr, fn in [
    ("abs", "abs(x)", T.abs), ("neg", "-x", T.neg), ("sign", "sign(x)", T.sign), ("floor", "floor(x)", T.floor), ("ceil", "ceil(x)", T.ceil), ("round", "round(x)", T.round),
    ("exp", "exp(x)", T.exp), ("expm1", "expm1(x)", T.expm1), ("log", "log(x)", T.log), ("log1p", "log1p(x)", T.log1p), ("sqrt", "sqrt(x)", T.sqrt), ("rsqrt", "rsqrt(x)", T.rsqrt),
    ("sin", "sin(x)", T.sin), ("cos", "cos(x)", T.cos), ("tanh", "tanh(x)", T.tanh), ("sigmoid", "sigmoid(x)", T.sigmoid), ("erf", "erf(x)", T.erf), ("relu", "relu(x)", F.relu),
    ("square", "x ** 2", lambda x: x**2), ("root", "x ** 0.5", lambda x: x**0.5), ("reciprocal", "1 / x", T.reciprocal), ("cube", "x ** 3", lambda x: x**3), ("clamp", "clamp(x, -2, 3)", lambda x: T.clamp(x, -2, 3)),
    ("power_zero", "x ** 0", lambda x: x**0),
]:  # fmt: skip
    at = SINGLES[~LEFT_OUT[name](SINGLES)] if name in LEFT_OUT else SINGLES
    extreme(name, expr, lambda v, f=fn: f(v["x"]), x=at)
PAIRS = T.tensor([(a, b) for a in (0.0, -0.0, INF, -INF, NAN, 3e38, 1e-40, 2.0, -3.0) for b in (0.0, -0.0, INF, -INF, NAN, 3e38, -2.0, 0.5)]).float().double()
for name, expr, fn in [
    ("add", "x + y", T.add), ("sub", "x - y", T.sub), ("mul", "x * y", T.mul), ("div", "x / y", T.div), ("max", "max(x, y)", T.maximum), ("min", "min(x, y)", T.minimum),
]:  # fmt: skip
    extreme("pair_" + name, expr, lambda v, f=fn: f(v["x"], v["y"]), x=PAIRS[:, 0], y=PAIRS[:, 1], by=[], zeros=True)
extreme("pair_compare", ["x == y", "x != y", "x < y", "x <= y", "x > y", "x >= y"], lambda v: (v["x"] == v["y"], v["x"] != v["y"], v["x"] < v["y"], v["x"] <= v["y"], v["x"] > v["y"], v["x"] >= v["y"]), x=PAIRS[:, 0], y=PAIRS[:, 1])
extreme("pair_pow", "x ** y", lambda v: T.pow(v["x"], v["y"]), x=PAIRS[:, 0], y=PAIRS[:, 1], by=[])
extreme("pair_where", "where(x > y, x, y)", lambda v: T.where(v["x"] > v["y"], v["x"], v["y"]), x=PAIRS[:, 0], y=PAIRS[:, 1], zeros=True)
ROWS = T.tensor([[1.0, 2.0, NAN], [INF, 1.0, 2.0], [-INF, 1.0, 2.0], [INF, -INF, 0.0], [-INF, -INF, -INF], [3e38, 3e38, 1.0], [1e-40, 2e-40, 0.0], [-0.0, -0.0, -0.0]]).float().double()
extreme("rows", ["sum(x, axes = [1])", "max(x, axes = [1])", "min(x, axes = [1])", "cumsum(x, axis = 1)", "argmax(x)", "argmin(x)"],
        lambda v: (v["x"].sum(1), v["x"].amax(1), v["x"].amin(1), v["x"].cumsum(1), v["x"].argmax(1), v["x"].argmin(1)), x=ROWS, by=[])  # fmt: skip
extreme("rows_softmax", ["softmax(x)", "log_softmax(x)"], lambda v: (v["x"].softmax(1), v["x"].log_softmax(1)), x=ROWS[:4], by=[])
extreme("nan_first", ["argmax(x)", "argmin(x)", "max(x, axes = [1])", "min(x, axes = [1])"], lambda v: (v["x"].argmax(1), v["x"].argmin(1), v["x"].amax(1), v["x"].amin(1)),
        x=T.tensor([[NAN, 8, 2], [3, NAN, 9], [1, 2, NAN], [NAN, NAN, 0]], dtype=T.float64), by=[])  # fmt: skip
extreme("matmul", "x @ y", lambda v: v["x"] @ v["y"], x=T.tensor([[INF, 1.0], [NAN, 0.0], [3e38, 3e38], [0.0, 0.0]]).double(), y=T.tensor([[1.0, 0.0], [2.0, 1.0]]).double(), by=[])
extreme("masked", "softmax(where(m, x, -1e30))", lambda v: T.where(v["m"], v["x"], -1e30).softmax(-1), x=rand(2, 3), m=T.tensor([[True, False, True], [False, False, False]]))
extreme("causal_row", "softmax(causal_mask(x)) @ y", lambda v: F.scaled_dot_product_attention(T.eye(3, dtype=v["x"].dtype) @ v["x"], T.eye(3, dtype=v["x"].dtype), v["y"], is_causal=True, scale=1.0), x=rand(3, 3), y=rand(3, 2))
extreme("untaken", "where(x > 0, log(x), x)", lambda v: T.where(v["x"] > 0, T.log(T.where(v["x"] > 0, v["x"], 1.0)), v["x"]), x=vec(-2, 0, 1, 4))
extreme("untaken_root", "where(x > 0, sqrt(x), 0)", lambda v: T.where(v["x"] > 0, T.sqrt(T.where(v["x"] > 0, v["x"], 1.0)), 0.0), x=vec(-2, 0, 1, 4))
extreme("power_at_zero", "x ** y", lambda v: T.pow(v["x"], v["y"]), x=vec(0, 0, 0, 2, 1), y=vec(0, 1, 2, 0, 0))
extreme("mean_wide", ["mean(x)", "mean(x, axes = [0])"], lambda v: (v["x"].mean(), v["x"].mean(0)), x=T.tensor([1e38, 2e38, -1e38, 0.5e38]).float().double())

# ---- whole numbers ----------------------------------------------------------------------------------------------------------

I32 = T.int32
A = T.tensor([7, -7, 7, -7, 0, 1, -1, 2147483647, -2147483648, 100, 6, -6], dtype=I32)
B = T.tensor([2, 2, -2, -2, 3, 5, 5, 10, 10, -7, 3, 3], dtype=I32)


def whole(name, exprs, fn, kinds=None, **given):
    Program("int_" + name, "", exprs, fn, kinds=kinds, file="whole", **given)


whole("arithmetic", ["a + b", "a - b", "a * b", "-a", "abs(b)", "sign(a)"], lambda v: (v["a"] + v["b"], v["a"] - v["b"], v["a"] * v["b"], -v["a"], v["b"].abs(), v["a"].sign()), a=A, b=B)
whole("division", ["a // b", "mod(a, b)"], lambda v: (T.div(v["a"], v["b"], rounding_mode="floor"), T.remainder(v["a"], v["b"])), a=A, b=B)
whole("compare", ["a == b", "a != b", "a < b", "a <= b", "max(a, b)", "min(a, b)", "where(a > b, a, b)"],
      lambda v: (v["a"] == v["b"], v["a"] != v["b"], v["a"] < v["b"], v["a"] <= v["b"], T.maximum(v["a"], v["b"]), T.minimum(v["a"], v["b"]), T.where(v["a"] > v["b"], v["a"], v["b"])), a=A, b=B)  # fmt: skip
whole("reduce", ["sum(a, axes = [1])", "max(a, axes = [0])", "min(a)", "cumsum(a, axis = 1)", "argmax(a)", "mean(a > 2)", "mean(a, axes = [1])"],
      lambda v: (v["a"].sum(1).int(), v["a"].amax(0), v["a"].min(), v["a"].cumsum(1).int(), v["a"].argmax(-1), (v["a"] > 2).double().mean(), v["a"].double().mean(1)), a=T.tensor([[1, 5, 5], [-3, 2, 0]], dtype=I32))  # fmt: skip
whole("logic", ["p and q", "p or q", "not p", "p == q", "p != q", "i32(p) + i32(q)"], lambda v: (v["p"] & v["q"], v["p"] | v["q"], ~v["p"], v["p"] == v["q"], v["p"] != v["q"], v["p"].int() + v["q"].int()),
      p=T.tensor([True, True, False, False]), q=T.tensor([True, False, True, False]))  # fmt: skip
FLOATS = T.tensor([0.0, 0.9, -0.9, 1.5, -1.5, 127.5, -128.5, 255.5, 300.0, -300.0, 32768.0, 65536.0, 2147483520.0, -2147483648.0, 3e9, -3e9, INF, -INF, NAN]).float().double()


def saturated(t, lo, hi, d):
    return t.nan_to_num(0.0, math.inf, -math.inf).clamp(lo, hi).trunc().to(d)


for k, d in [("i8", T.int8), ("u8", T.uint8), ("i16", T.int16), ("i32", T.int32), ("u16", T.int64), ("u32", T.int64)]:
    bits = int(k[1:])
    lo, hi = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if k[0] == "i" else (0, 2**bits - 1)
    whole(f"cast_{k}", [f"{k}(x)", f"f32({k}(x))"], lambda v, lo=lo, hi=hi, d=d: (c := saturated(v["x"], lo, hi, T.int64), (c, c.to(v["x"].dtype)))[1], kinds={0: k}, x=FLOATS, by=[])
    if bits < 32:
        whole(f"wrap_{k}", ["a + b", "a * b", "a - b"] if k[0] == "i" else ["a + b", "a * b"],
              lambda v, k=k, d=d: [wrap(r, k) for r in ((v["a"] + v["b"]), (v["a"] * v["b"]), (v["a"] - v["b"]))][: 3 if k[0] == "i" else 2],
              kinds={n: k for n in ("a", "b", 0, 1, 2)}, a=ints(6, n=hi + 1, low=lo), b=ints(6, n=hi + 1, low=lo))  # fmt: skip


def wrap(t, k):
    bits = int(k[1:])
    t = t & (2**bits - 1)
    return t - (t >= 2 ** (bits - 1)).long() * 2**bits if k[0] == "i" else t


whole("to_bool", ["bool(x)", "bool(a)", "f32(bool(x)) * x", "i32(x > 0)"], lambda v: (v["x"].bool(), v["a"].bool(), v["x"].bool().to(v["x"].dtype) * v["x"], (v["x"] > 0).int()), x=vec(0, -0.0, 0.25, -3, 1), a=T.tensor([0, 1, -1, 5, 0], dtype=I32), by=[])
FA, FB = vec(7, -7, 7, -7, 5.5, -5.5, 0, 1.25, 3, -1), vec(2, 2, -2, -2, 0.5, 1.5, 3, -0.5, 0.75, 4)
whole("float_division", ["a // b", "mod(a, b)", "a - a // b * b"], lambda v: (T.floor_divide(v["a"], v["b"]), T.remainder(v["a"], v["b"]), v["a"] - T.floor_divide(v["a"], v["b"]) * v["b"]), a=FA, b=FB, by=[])
whole("float_mod_gradient", ["mod(a, b)"], lambda v: (T.remainder(v["a"], v["b"]),), a=rand(6), b=rand(6, lo=0.25))
extreme("mod", ["mod(x, y)", "x // y"], lambda v: (T.remainder(v["x"], v["y"]), T.floor_divide(v["x"], v["y"])), x=T.tensor([5.0, -5.0, 5.0, -5.0, 0.0, 1e38, INF, NAN, 3.0]).double(),
        y=T.tensor([INF, INF, -INF, -INF, INF, 3.0, 2.0, 2.0, NAN]).double(), by=[])  # fmt: skip

# ---- other floats -------------------------------------------------------------------------------------------------------------

for k in ("f16", "bf16"):
    def half(name, exprs, fn, by=None, k=k, known="", **given):
        kinds = {n: k for n, t in given.items() if t.is_floating_point()} | {i: k for i in range(12)}
        Program(f"{k}_{name}", "", exprs, fn, kinds=kinds, file="halves", by=by, known=known, **given)

    half("unary", ["sin(x)", "sigmoid(x)", "sqrt(abs(x) + 1)"], lambda v: (T.sin(v["x"]), T.sigmoid(v["x"]), T.sqrt(T.abs(v["x"]) + 1)), x=T.tensor([0.25, -0.5, 1, -1.25, 1.75], dtype=T.float64), known="few bits")
    half("product", ["x @ y"], lambda v: v["x"] @ v["y"], x=coarse(3, 5), y=coarse(5, 2), known="few bits")
    half("sums", ["sum(x, axes = [1])", "mean(x, axes = [0])", "cumsum(x, axis = 1)"], lambda v: (v["x"].sum(1), v["x"].mean(0), v["x"].cumsum(1)), x=coarse(3, 4) + 0.125, known="few bits")
    half("softmax", ["softmax(x)"], lambda v: v["x"].softmax(-1), x=coarse(2, 5), known="few bits")
    half("mean_far", ["mean(x, axes = [1])", "mean(x)"], lambda v: (v["x"].mean(1), v["x"].mean()), x=T.full((2, 40), 5000.0 if k == "f16" else 2e36, dtype=T.float32).to(T.float16 if k == "f16" else T.bfloat16).double(), by=[], known="few bits")
    half("var_far", ["var(x, axes = [1])"], lambda v: v["x"].var(1, correction=0), x=T.tensor([[300.0, -200, 100, 50] * 4] * 2, dtype=T.float64) * (1 if k == "f16" else 2.0**50), by=[])
half = None


def to(x, kind):
    """Rounded, but in double precision, where the interpreter does not round either."""
    return x if x.dtype == T.float64 else x.to(kind).to(x.dtype)


Program("cast_round_trip", "", ["f32(bf16(x))", "f32(f16(x))", "bf16(x)", "f16(x)"], lambda v: [to(v["x"], T.bfloat16), to(v["x"], T.float16)] * 2,
        kinds={2: "bf16", 3: "f16"}, x=T.tensor([1.0, 1.00390625, 1.01171875, 65504, 65519, 65520, 1e-7, 3e-8, 1e38, -2.5, 0.1]).float().double(), by=[], single="exactly", file="casts")  # fmt: skip
for name, exprs, fn, given in [
    ("elements", ["exp(x) * sin(y)", "log1p(x * x)", "x ** y"], lambda v: (T.exp(v["x"]) * T.sin(v["y"]), T.log1p(v["x"] ** 2), v["x"] ** v["y"]), dict(x=rand(4, lo=0.5), y=rand(4))),
    ("special", ["erf(x)", "tanh(x)", "sigmoid(x)", "expm1(x)", "rsqrt(x * x + 1)"], lambda v: (T.erf(v["x"]), T.tanh(v["x"]), T.sigmoid(v["x"]), T.expm1(v["x"]), T.rsqrt(v["x"] ** 2 + 1)), dict(x=rand(6))),
    ("sums", ["softmax(x)", "var(x, axes = [0])", "cumsum(x, axis = 1)"], lambda v: (v["x"].softmax(-1), v["x"].var(0, correction=0), v["x"].cumsum(1)), dict(x=rand(3, 4))),
    ("product", ["x @ y"], lambda v: v["x"] @ v["y"], dict(x=rand(3, 5), y=rand(5, 4))),
]:  # fmt: skip
    Program("f64_" + name, "", exprs, fn, kinds={n: "f64" for n in given} | {i: "f64" for i in range(12)}, file="doubles", **given)

# ---- names that generated C has for its own things -------------------------------------------------------------------------

Program("names", "h = scan(c0, axis = 1, step = leak, carry = d0)", ["h * e + t", "m + a * k + i + s"], lambda v: (scan_leak(v["c0"], v["d0"]) * v["e"] + v["t"], v["m"] + v["a"] * v["k"] + v["i"] + v["s"]),
        helpers=["def leak(x: f32[...], h: f32[...]) { 0.5 * h + x }\n"], **{n: rand(2) for n in ("d0", "m", "a", "k", "i", "s")}, c0=rand(2, 3), e=rand(2, 3), t=rand(2, 3))  # fmt: skip


def scan_leak(x, h):
    out = []
    for r in x.unbind(1):
        h = 0.5 * h + r
        out.append(h)
    return T.stack(out, 1)
