# SPDX-License-Identifier: Apache-2.0
"""Losses, derivatives of derivatives, sizes 0 and 1."""

import torch
import torch.nn.functional as F

from program import Program
from values import call, ints, rand, vec

T = torch

# ---- losses ---------------------------------------------------------------------------------------------------------

B3 = Program(
    "zero_weights_bce",
    "z = x @ w + b",
    "bce_with_logits(z, y)",
    lambda v: F.binary_cross_entropy_with_logits(v["x"] @ v["w"] + v["b"], v["y"]),
    x=rand(5, 2),
    w=vec(0, 0),
    b=vec(0),
    y=vec(1, 0, 0, 1, 0),
    by=["w", "b"],
)
call(
    "zero_weights_softmax",
    "cross_entropy(x @ w, y)",
    lambda v: F.cross_entropy(v["x"] @ v["w"], v["y"]),
    x=rand(4, 3),
    w=T.zeros(3, 5, dtype=T.float64),
    y=ints(4, n=5),
    by=["w"],
)
call(
    "zero_weights_mlp",
    "mse(relu(x @ w) @ u, y)",
    lambda v: F.mse_loss(F.relu(v["x"] @ v["w"]) @ v["u"], v["y"]),
    x=rand(4, 3),
    w=T.zeros(3, 2, dtype=T.float64),
    u=rand(2, 1),
    y=rand(4, 1),
    known="zero times anything",
)
for smooth in (0, 0.1, 0.5, 1):
    call(
        f"cross_entropy_{int(smooth * 10)}",
        f"cross_entropy(x, y, smooth = {smooth})",
        lambda v, s=smooth: F.cross_entropy(v["x"].flatten(0, 1), v["y"].flatten(), label_smoothing=s),
        x=rand(2, 3, 4),
        y=ints(2, 3, n=4),
    )
call(
    "losses_sum",
    "mse(x, y) + huber(x, y) + huber(y, x, delta = 0.25) + bce_with_logits(x, sigmoid(y))",
    lambda v: F.mse_loss(v["x"], v["y"])
    + F.huber_loss(v["x"], v["y"])
    + F.huber_loss(v["y"], v["x"], delta=0.25)
    + F.binary_cross_entropy_with_logits(v["x"], T.sigmoid(v["y"])),
    x=rand(3, 4),
    y=rand(3, 4),
)
call(
    "kl",
    "p = softmax(x); sum(p * (log_softmax(x) - log_softmax(y)))",
    lambda v: F.kl_div(v["y"].log_softmax(-1), v["x"].log_softmax(-1), log_target=True, reduction="sum"),
    x=rand(2, 3),
    y=rand(2, 3),
)
call(
    "logits_far",
    "cross_entropy(x, y)",
    lambda v: F.cross_entropy(v["x"], v["y"]),
    x=T.tensor([[1e4, -1e4, 0.0], [-3e4, -3e4, -3e4], [88.0, -104.0, 200.0]], dtype=T.float64),
    y=T.tensor([1, 0, 2]),
    known="differences of large numbers",
)
call(
    "bce_far",
    "bce_with_logits(x, y)",
    lambda v: F.binary_cross_entropy_with_logits(v["x"], v["y"]),
    x=vec(1e4, -1e4, 90, -90),
    y=vec(1, 0, 0, 1),
)
call(
    "softmax_far",
    "softmax(x) - exp(log_softmax(x))",
    lambda v: v["x"].softmax(-1) - v["x"].log_softmax(-1).exp(),
    x=T.tensor([[300.0, -300, 299], [-1e4, -1e4, -1e4]], dtype=T.float64),
    by=[],
    known="differences of large numbers",
)
call(
    "logsumexp",
    "m = max(x, axes = [1], keep = true); log(sum(exp(x - m), axes = [1])) + m[:, 0]",
    lambda v: T.logsumexp(v["x"], 1),
    x=T.tensor([[300.0, -300, 299], [-1e4, -1e4, -1e4], [1, 2, 3]], dtype=T.float64),
    known="differences of large numbers",
)

# ---- derivatives of derivatives -------------------------------------------------------------------------------------


def grad(y, x, more=True):
    return T.autograd.grad(y.sum(), x, create_graph=more)[0]


for name, expr, fn in [
    ("tanh", "tanh(x) * x", lambda x: T.tanh(x) * x),
    ("softmax", "softmax(x) ** 2", lambda x: x.softmax(-1) ** 2),
    ("exp", "exp(x) / (1 + exp(x))", T.sigmoid),
    ("gelu", "gelu(x) * x", lambda x: F.gelu(x) * x),
    ("log", "log(x * x + 1)", lambda x: T.log(x * x + 1)),
    ("norm", "x / sqrt(sum(x * x) + 1)", lambda x: x / T.sqrt(x.square().sum() + 1)),
    ("cumsum", "cumsum(x, axis = 0) ** 3", lambda x: x.cumsum(0) ** 3),
    ("power", "(x * x + 0.5) ** 1.5", lambda x: (x * x + 0.5) ** 1.5),
    ("max", "max(x, 0) ** 3", lambda x: F.relu(x) ** 3),
    ("where", "where(x > 0, x ** 3, sin(x))", lambda x: T.where(x > 0, x**3, T.sin(x))),
    ("erf", "erf(x) * expm1(x)", lambda x: T.erf(x) * T.expm1(x)),
]:
    Program(
        "second_" + name,
        f"e = {expr}",
        "e",
        lambda v, f=fn: f(v["x"]),
        x=rand(3),
        w=rand(3),
        by=["x"],
        cot=[rand(3)],
        known="the twin computes e once for each derivative",
        more=[
            ("grad(grad(l, x) * w, x)", lambda v, o, l: grad(grad(l, v["x"]) * v["w"], v["x"])),
            ("hvp(e, x, w)", lambda v, o, l, f=fn: T.autograd.functional.hvp(lambda x: f(x).sum(), v["x"], v["w"])[1]),
            ("jvp(e, x, w)", lambda v, o, l, f=fn: T.autograd.functional.jvp(f, v["x"], v["w"])[1]),
            ("jacobian(e, x)", lambda v, o, l, f=fn: T.autograd.functional.jacobian(f, v["x"])),
            ("hessian(e, x)", lambda v, o, l, f=fn: T.autograd.functional.hessian(lambda x: f(x).sum(), v["x"])),
        ],
    )
Program(
    "second_pair",
    "e = x @ tanh(y)",
    "e",
    lambda v: v["x"] @ T.tanh(v["y"]),
    x=rand(2, 3),
    y=rand(3, 2),
    more=[
        ("grad(sum(grad(l, x) ** 2), y)", lambda v, o, l: grad(grad(l, v["x"]) ** 2, v["y"])),
        ("grad(sum(grad(l, y) ** 2), x)", lambda v, o, l: grad(grad(l, v["y"]) ** 2, v["x"])),
    ],
)
Program(
    "third",
    "e = x ** 4 * sin(x)",
    "e",
    lambda v: v["x"] ** 4 * T.sin(v["x"]),
    x=rand(3),
    cot=[rand(3)],
    more=[("grad(grad(grad(e, x), x), x)", lambda v, o, l: grad(grad(grad(o[0], v["x"]), v["x"]), v["x"]))],
)
Program(
    "second_penalty",
    "p = softmax(x @ w)\nlg = log_softmax(x @ w)",
    "-mean(sum(p * lg, axes = [1]))",
    lambda v: T.distributions.Categorical(logits=v["x"] @ v["w"], validate_args=False).entropy().mean(),
    x=rand(3, 2),
    w=rand(2, 4),
    more=[("grad(sum(grad(l, x) ** 2), w)", lambda v, o, l: grad(grad(l, v["x"]) ** 2, v["w"]))],
)
Program(
    "second_conv",
    "z[b, o, t] = sum[c, k](x[b, c, t + k] * w[o, c, k])\ne = tanh(z)",
    "e",
    lambda v: T.tanh(F.conv1d(v["x"], v["w"])),
    x=rand(1, 2, 4),
    w=rand(2, 2, 2),
    more=[("grad(sum(grad(l, x) ** 2), w)", lambda v, o, l: grad(grad(l, v["x"]) ** 2, v["w"]))],
)
Program(
    "stopped",
    "e = x * stop_gradient(tanh(x)) + stop_gradient(x) ** 2 * y",
    "e",
    lambda v: v["x"] * T.tanh(v["x"]).detach() + v["x"].detach() ** 2 * v["y"],
    x=rand(4),
    y=rand(4),
)

# ---- sizes 0 and 1 --------------------------------------------------------------------------------------------------

for n, m in [(0, 3), (3, 0), (0, 0), (1, 1), (1, 3), (3, 1)]:
    Program(
        f"size_{n}_{m}",
        "z = x @ y\np = x * 2 + w",
        [
            "z",
            "sum(p)",
            "sum(p, axes = [0])",
            "sum(p, axes = [1], keep = true)",
            "cumsum(p, axis = 0)",
            "concat([p, x], axis = 1)",
            "x'",
            "reverse(x, [0, 1])",
            "reshape(x, [-1])" if n * m else f"reshape(x, [{n * m}])",
        ],
        lambda v: (
            z := v["x"] @ v["y"],
            p := v["x"] * 2 + v["w"],
            (
                z,
                p.sum(),
                p.sum(0),
                p.sum(1, True),
                p.cumsum(0),
                T.cat([p, v["x"]], 1),
                v["x"].mT,
                v["x"].flip(0, 1),
                v["x"].flatten(),
            ),
        )[2],
        x=rand(n, m),
        y=rand(m, 2),
        w=rand(m),
        known="nothing in it",
    )
    if m:
        Program(
            f"size_rows_{n}_{m}",
            "",
            ["softmax(x)", "log_softmax(x)", "max(x, axes = [1])", "mean(x, axes = [1])", "var(x, axes = [1])"],
            lambda v: (
                v["x"].softmax(-1),
                v["x"].log_softmax(-1),
                v["x"].amax(1),
                v["x"].mean(1),
                v["x"].var(1, correction=0),
            ),
            x=rand(n, m),
            known="constants",
        )
Program(
    "size_scalar",
    "",
    ["x * y + sum(x)", "softmax(reshape(x, [1]))", "max(x)", "mean(x * y)", "var(y)"],
    lambda v: (
        v["x"] * v["y"] + v["x"].sum(),
        v["x"].reshape(1).softmax(0),
        v["x"].max(),
        (v["x"] * v["y"]).mean(),
        v["y"].var(correction=0),
    ),
    x=rand(1)[0],
    y=rand(1)[0],
)
call("size_gather", "x[i]", lambda v: v["x"][v["i"]], x=rand(3, 2), i=T.zeros(0, dtype=T.long))
