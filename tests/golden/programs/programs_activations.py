# SPDX-License-Identifier: Apache-2.0
"""Activations: values, gradients and second derivatives, at kinks and extremes, for a matrix, a scalar and no elements."""

import torch
import torch.nn.functional as F

from program import Layer, Program
from values import RNG, rand, vec

T = torch
RNG.seed("activations")


def hvp(fn, x):
    return T.autograd.functional.hvp(lambda x: fn(x).sum(), x, x)[1]


def act(name, expr, fn, *kinks, smooth=True, reach=4.0):
    """`expr` in x, of which `fn` is PyTorch's; gradients also where x is one of the kinks."""

    def of(v):
        return expr.replace("x", v)

    Program(
        "act_" + name,
        "",
        [of("x"), of("s"), of("e"), of("k")],
        lambda v: [fn(v[n]) for n in "xsek"],
        more=[("hvp(o0, x, x)", lambda v, o, l: hvp(fn, v["x"]))] if smooth else [],
        file="activations",
        known="far away it is flat",
        x=rand(3, 5, lo=-reach, hi=reach),
        s=rand(1)[0],
        e=T.zeros(0, 2, dtype=T.float64),
        k=vec(*kinks),
    )


FAR = (1e4, -1e4, 0.0)
act("relu", "relu(x)", F.relu, *FAR, smooth=False)
act("relu6", "relu6(x)", F.relu6, 6, 5.5, 7, *FAR, smooth=False)
act("hardtanh", "hardtanh(x)", F.hardtanh, 1, -1, *FAR, smooth=False)
act("hardtanh_args", "hardtanh(x, -0.5, high = 2)", lambda x: F.hardtanh(x, -0.5, 2.0), 2, -0.5, *FAR, smooth=False)
act("threshold", "threshold(x, 0.5, 7)", lambda x: F.threshold(x, 0.5, 7.0), 0.5, *FAR, smooth=False)
act("leaky_relu", "leaky_relu(x)", F.leaky_relu, *FAR, smooth=False)
act("leaky_relu_args", "leaky_relu(x, slope = 0.25)", lambda x: F.leaky_relu(x, 0.25), *FAR, smooth=False)
act("elu", "elu(x)", F.elu, *FAR)
act("elu_args", "elu(x, 0.75)", lambda x: F.elu(x, 0.75), *FAR)
act("celu", "celu(x)", F.celu, *FAR)
act("celu_args", "celu(x, alpha = 0.75)", lambda x: F.celu(x, 0.75), *FAR)
act("selu", "selu(x)", F.selu, *FAR)
act("gelu", "gelu(x)", F.gelu, *FAR, reach=2.0)
act("gelu_tanh", "gelu_tanh(x)", lambda x: F.gelu(x, approximate="tanh"), *FAR, reach=2.0)
act("silu", "silu(x)", F.silu, *FAR)
act("sigmoid", "sigmoid(x)", T.sigmoid, *FAR)
act("tanh", "tanh(x)", T.tanh, *FAR)
act("hardsigmoid", "hardsigmoid(x)", lambda x: F.relu6(x + 3) / 6, 3, -3, *FAR, smooth=False)
act("hardswish", "hardswish(x)", F.hardswish, 3, -3, *FAR, smooth=False)
act("softplus", "softplus(x)", lambda x: F.softplus(x, threshold=600), *FAR)
act("softplus_args", "softplus(x, beta = 2)", lambda x: F.softplus(x, 2, 600), *FAR)
act("mish", "mish(x)", F.mish, 1e4, -60, 0)
act("logsigmoid", "logsigmoid(x)", F.logsigmoid, *FAR)
act("softsign", "softsign(x)", lambda x: x / (1 + T.where(x > 0, x, -x)), *FAR)
act("tanhshrink", "tanhshrink(x)", F.tanhshrink, *FAR)
act("hardshrink", "hardshrink(x)", F.hardshrink, 0.5, -0.5, *FAR, smooth=False)
act("hardshrink_args", "hardshrink(x, 1.5)", lambda x: F.hardshrink(x, 1.5), 1.5, -1.5, *FAR, smooth=False)
act("softshrink", "softshrink(x)", F.softshrink, 0.5, -0.5, *FAR, smooth=False)
act("softshrink_args", "softshrink(x, at = 1.5)", lambda x: F.softshrink(x, 1.5), 1.5, -1.5, *FAR, smooth=False)
act("rrelu", "rrelu(x)", lambda x: F.rrelu(x, training=False), *FAR, smooth=False)
act("rrelu_args", "rrelu(x, 0.25, high = 0.5)", lambda x: F.rrelu(x, 0.25, 0.5, False), *FAR, smooth=False)

for name, fn in [("softmax", F.softmax), ("log_softmax", F.log_softmax), ("softmin", F.softmin)]:
    Program(
        "act_" + name,
        "",
        [f"{name}(x)", f"{name}(x, axis = 0)", f"{name}(k)", f"{name}(y, 1)", f"{name}(e)"],
        lambda v, f=fn: [f(v["x"], -1), f(v["x"], 0), f(v["k"], -1), f(v["y"], 1), f(v["e"], -1)],
        more=[("hvp(o0 * x, x, x)", lambda v, o, l, f=fn: hvp(lambda x: f(x, -1) * x, v["x"]))],
        file="activations",
        known="far away it is flat",
        x=rand(3, 5),
        k=vec(300, -300, 299),
        y=rand(2, 3, 1),
        e=T.zeros(0, 2, dtype=T.float64),
    )

for name, gate in [("glu", T.sigmoid), ("reglu", F.relu), ("geglu", F.gelu), ("swiglu", F.silu)]:

    def unit(x, axis=-1, gate=gate):
        a, b = x.chunk(2, axis)
        return F.glu(x, axis) if gate is T.sigmoid else a * gate(b)

    Program(
        "act_" + name,
        "",
        [f"{name}(x)", f"{name}(x, axis = 0)", f"{name}(y, 1)", f"{name}(e)"],
        lambda v, f=unit: [f(v["x"]), f(v["x"], 0), f(v["y"], 1), f(v["e"])],
        more=[("hvp(o0, x, x)", lambda v, o, l, f=unit: hvp(f, v["x"]))] if name != "reglu" else [],
        file="activations",
        known="halves",
        x=rand(2, 6),
        y=rand(2, 2, 3),
        e=T.zeros(0, 4, dtype=T.float64),
    )

for name, args, shape in [("channels", "", (2, 3, 2)), ("rows", "", (3, 1)), ("shared", "shared = true", (5,))]:
    weight = rand(1 if args else shape[1])
    Layer(
        "prelu_" + name,
        f"prelu(x{', ' if args else ''}{args})",
        lambda v: F.prelu(v["x"], v["prelu.a"]),
        {"prelu.a": weight},
        file="layers_more",
        x=rand(*shape),
    )
