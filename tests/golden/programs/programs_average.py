# SPDX-License-Identifier: Apache-2.0
"""Averages of weights in training: those of torch.optim.swa_utils."""

import torch
import torch.nn.functional as F
from torch.optim import SGD, AdamW
from torch.optim.swa_utils import get_ema_multi_avg_fn

from program import Training
from values import RNG, rand

T = torch
RNG.seed("averages")
MODEL = """def head(x: f32[B, 5]) -> f32[B, 2] {{
    @freeze
    param scale: f32[5] = 1
    x * scale |> linear(2)
}}
use net = linear(out = 5)
use top = head()
data points {{ source = csv("none.csv"); x: f32[3] = field(0:3); y: f32[2] = field(3:5) }}
train {{ data = points; batch = 4; steps = {steps}; loss = mse(top(tanh(net(x))), y)
    optim = {optim}
    {more} }}
"""


def loss(v, x, y):
    h = T.tanh(F.linear(x, v["net.w"].T, v["net.b"])) * v["top.scale"]
    return F.mse_loss(F.linear(h, v["top.linear.w"].T, v["top.linear.b"]), y)


def averaged(name, optim, twin, more, average, steps=12, accumulate=1):
    p = Training(
        name,
        MODEL.format(optim=optim, more=more, steps=steps),
        {
            "net.w": rand(3, 5, lo=-1, hi=1),
            "net.b": rand(5, lo=-1, hi=1),
            "top.scale": rand(5, lo=0.5, hi=1.5),
            "top.linear.w": rand(5, 2, lo=-1, hi=1),
            "top.linear.b": rand(2, lo=-1, hi=1),
        },
        [[rand(4 * accumulate, 3), rand(4 * accumulate, 2)] for _ in range(steps)],
        loss,
        twin,
        accumulate=accumulate,
        frozen=("top.scale",),
        average=average,
        known="many steps",
    )
    p.samples = 8


averaged("ema", "sgd(lr = 0.25)", lambda t: SGD(t.values(), lr=0.25), "ema = 0.75", get_ema_multi_avg_fn(0.75))
averaged(
    "ema_accumulate",
    "adamw(lr = 0.0625, decay = 0)",
    lambda t: AdamW(t.values(), lr=0.0625, weight_decay=0),
    "accumulate = 2; ema = average(0.875, eval = false, export = false)",
    get_ema_multi_avg_fn(0.875),
    accumulate=2,
)


def mean_of_steps(averages, weights, n):
    """get_swa_multi_avg_fn, whose 1 / (n + 1) is f32."""
    T._foreach_lerp_(averages, weights, 1 / (int(n) + 1))


averaged("ema_mean", "sgd(lr = 0.125)", lambda t: SGD(t.values(), lr=0.125), "ema = step / (step + 1)", mean_of_steps)
