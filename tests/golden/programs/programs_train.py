# SPDX-License-Identifier: Apache-2.0
"""Several steps of training, by torch.optim, its schedules and torch.nn.utils' clipping."""

import torch
import torch.nn.functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop, lr_scheduler

from program import Training
from values import ints, rand

T = torch
STEPS, BATCH = 5, 4
MLP = """def model(x: f32[B, 3]) -> f32[B, 3] {{ x |> linear(4{freeze}) |> tanh |> linear(3) }}
use net = model()
data points {{ source = csv("none.csv"); x: f32[3] = field(0:3); y: i32 = field(3) }}
train {{
    data = points; batch = {batch}; steps = {steps}
    loss = cross_entropy(net(x), y{smooth})
    optim = {optim}
{more}}}
"""


def weights():
    return {
        "net.linear_1.w": rand(3, 4, lo=-1, hi=1),
        "net.linear_1.b": rand(4, lo=-1, hi=1),
        "net.linear_2.w": rand(4, 3, lo=-1, hi=1),
        "net.linear_2.b": rand(3, lo=-1, hi=1),
    }


def logits(v, x):
    h = T.tanh(F.linear(x, v["net.linear_1.w"].T, v["net.linear_1.b"]))
    return F.linear(h, v["net.linear_2.w"].T, v["net.linear_2.b"])


def decayed(trained, decay):
    """Two groups: biases are @nodecay."""
    return [
        {"params": [w for n, w in trained.items() if n.endswith(".b") == skip], "weight_decay": 0.0 if skip else decay}
        for skip in (False, True)
    ]


def mlp(name, optim, twin, more="", steps=STEPS, batch=BATCH, smooth=0.0, accumulate=1, **kw):
    code = MLP.format(
        batch=batch,
        steps=steps,
        optim=optim,
        more="".join(f"    {s}\n" for s in more.split("; ") if s),
        smooth=f", smooth = {smooth}" if smooth else "",
        freeze="",
    )
    fields = [[rand(batch * accumulate, 3), ints(batch * accumulate, n=3)] for _ in range(steps)]
    Training(
        name,
        code,
        weights(),
        fields,
        lambda v, x, y: F.cross_entropy(logits(v, x), y, label_smoothing=smooth),
        twin,
        accumulate=accumulate,
        **kw,
    )


# ---- optimizers -----------------------------------------------------------------------------------------------------

mlp("sgd", "sgd(lr = 0.25)", lambda t: SGD(t.values(), lr=0.25))
mlp("sgd_decay", "sgd(lr = 0.25, decay = 0.125)", lambda t: SGD(decayed(t, 0.125), lr=0.25))
mlp("sgd_momentum", "sgd(lr = 0.25, momentum = 0.875)", lambda t: SGD(t.values(), lr=0.25, momentum=0.875))
mlp(
    "sgd_nesterov",
    "sgd(lr = 0.25, momentum = 0.75, nesterov = true, decay = 0.0625)",
    lambda t: SGD(decayed(t, 0.0625), lr=0.25, momentum=0.75, nesterov=True),
)
mlp("adam", "adam(lr = 0.0625)", lambda t: Adam(t.values(), lr=0.0625))
mlp(
    "adam_args",
    "adam(lr = 0.0625, betas = [0.75, 0.875], eps = 0.0078125, decay = 0.125)",
    lambda t: Adam(decayed(t, 0.125), lr=0.0625, betas=(0.75, 0.875), eps=0.0078125),
)
mlp("adamw", "adamw(lr = 0.0625)", lambda t: AdamW(decayed(t, 0.01), lr=0.0625))
mlp(
    "adamw_args",
    "adamw(lr = 0.125, betas = [0.5, 0.75], eps = 0.001, decay = 0.5)",
    lambda t: AdamW(decayed(t, 0.5), lr=0.125, betas=(0.5, 0.75), eps=0.001),
)
mlp("adamw_none", "adamw(lr = 0.125, decay = 0)", lambda t: AdamW(t.values(), lr=0.125, weight_decay=0))
mlp("rmsprop", "rmsprop(lr = 0.0625)", lambda t: RMSprop(t.values(), lr=0.0625))
mlp(
    "rmsprop_args",
    "rmsprop(lr = 0.0625, alpha = 0.75, eps = 0.001, momentum = 0.5, decay = 0.125)",
    lambda t: RMSprop(decayed(t, 0.125), lr=0.0625, alpha=0.75, eps=0.001, momentum=0.5),
)

# ---- schedules ------------------------------------------------------------------------------------------------------


def with_schedule(make, schedule):
    def twin(t):
        opt = make(t)
        return opt, schedule(opt)

    return twin


def sgd(t):
    return SGD(t.values(), lr=0.25, momentum=0.5)


mlp(
    "cosine",
    "sgd(lr = 0.25 * cosine(step / steps), momentum = 0.5)",
    with_schedule(sgd, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
)
mlp(
    "step_decay",
    "sgd(lr = 0.25 * step_decay(step, 2, 0.5), momentum = 0.5)",
    with_schedule(sgd, lambda o: lr_scheduler.StepLR(o, 2, 0.5)),
)
mlp(
    "exponential",
    "sgd(lr = 0.25 * exponential(step, 0.75), momentum = 0.5)",
    with_schedule(sgd, lambda o: lr_scheduler.ExponentialLR(o, 0.75)),
)
mlp(
    "warmup",
    "sgd(lr = 0.25 * warmup(step, 4), momentum = 0.5)",
    with_schedule(sgd, lambda o: lr_scheduler.LinearLR(o, 0.25, 1.0, 3)),
)
mlp(
    "warmup_cosine",
    "adamw(lr = 0.125 * warmup(step, 2) * cosine(step / steps))",
    with_schedule(
        lambda t: AdamW(decayed(t, 0.01), lr=0.125),
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.LinearLR(o, 0.5, 1.0, 1), lr_scheduler.CosineAnnealingLR(o, STEPS)]
        ),
    ),
)
mlp(
    "step_decay_far",
    "sgd(lr = 0.5 * step_decay(step, 3, 0.125))",
    with_schedule(lambda t: SGD(t.values(), lr=0.5), lambda o: lr_scheduler.StepLR(o, 3, 0.125)),
    steps=7,
)

# ---- clipping, accumulation, smoothing ------------------------------------------------------------------------------

mlp(
    "clip_norm",
    "sgd(lr = 1)",
    lambda t: SGD(t.values(), lr=1.0),
    more="clip = norm(0.25)",
    clip=lambda ws: T.nn.utils.clip_grad_norm_(ws, 0.25),
)
mlp(
    "clip_far",
    "sgd(lr = 1)",
    lambda t: SGD(t.values(), lr=1.0),
    more="clip = norm(64)",
    known="too far to clip",
    clip=lambda ws: T.nn.utils.clip_grad_norm_(ws, 64),
)
mlp(
    "clip_value",
    "adam(lr = 0.125)",
    lambda t: Adam(t.values(), lr=0.125),
    more="clip = value(0.0625)",
    clip=lambda ws: T.nn.utils.clip_grad_value_(ws, 0.0625),
)
mlp(
    "accumulate",
    "sgd(lr = 0.5, momentum = 0.5)",
    lambda t: SGD(t.values(), lr=0.5, momentum=0.5),
    more="accumulate = 3",
    accumulate=3,
    batch=2,
)
mlp(
    "accumulate_clip",
    "adamw(lr = 0.125, decay = 0.25)",
    lambda t: AdamW(decayed(t, 0.25), lr=0.125),
    more="accumulate = 2; clip = norm(0.125)",
    accumulate=2,
    clip=lambda ws: T.nn.utils.clip_grad_norm_(ws, 0.125),
    smooth=0.125,
)
mlp(
    "one_record",
    "rmsprop(lr = 0.03125, momentum = 0.5)",
    lambda t: RMSprop(t.values(), lr=0.03125, momentum=0.5),
    batch=1,
)
for precision in ("bf16", "f16"):
    mlp(
        "mlp_" + precision,
        "sgd(lr = 0.25)",
        lambda t: SGD(t.values(), lr=0.25),
        more=f"precision = {precision}",
        precision=precision,
        known="few bits",
        steps=3,
    )

# ---- states, other models -------------------------------------------------------------------------------------------

NORMED = """def model(x: f32[B, 2, 3, 3]) {
    h = x |> conv2d(3, 2, stride = 1, bias = false) |> batchnorm(momentum = 0.25) |> relu
    h |> flatten |> batchnorm(eps = 0.125) |> linear(2)
}
use net = model()
data images { source = csv("none.csv"); x: f32[2, 3, 3] = field(0:18); y: f32[2] = field(18:20) }
train {
    data = images; batch = 3; steps = 4
    loss = mse(net(x), y)
    optim = sgd(lr = 0.125, momentum = 0.5)
}
"""


def normed(v, x, y):
    h = F.conv2d(x, v["net.conv2d.w"])
    h = F.relu(
        F.batch_norm(
            h,
            v["net.batchnorm_1.mu"],
            v["net.batchnorm_1.var"],
            v["net.batchnorm_1.g"],
            v["net.batchnorm_1.b"],
            training=True,
            momentum=0.25,
        )
    )
    h = F.batch_norm(
        h.flatten(1),
        v["net.batchnorm_2.mu"],
        v["net.batchnorm_2.var"],
        v["net.batchnorm_2.g"],
        v["net.batchnorm_2.b"],
        training=True,
        eps=0.125,
    )
    return F.mse_loss(F.linear(h, v["net.linear.w"].T, v["net.linear.b"]), y)


Training(
    "batchnorm_states",
    NORMED,
    {
        "net.conv2d.w": rand(3, 2, 2, 2),
        "net.batchnorm_1.g": rand(3, lo=0.5),
        "net.batchnorm_1.b": rand(3, lo=0.5),
        "net.batchnorm_2.g": rand(12, lo=0.5),
        "net.batchnorm_2.b": rand(12),
        "net.linear.w": rand(12, 2, lo=-1, hi=1),
        "net.linear.b": rand(2),
    },
    [[rand(3, 2, 3, 3), rand(3, 2)] for _ in range(4)],
    normed,
    lambda t: SGD(t.values(), lr=0.125, momentum=0.5),
    states={
        "net.batchnorm_1.mu": rand(3),
        "net.batchnorm_1.var": rand(3, lo=0.5),
        "net.batchnorm_2.mu": rand(12),
        "net.batchnorm_2.var": rand(12, lo=0.5),
    },
)

RECURRENT = """def model(tok: i32[B, T]) { h = tok |> embedding(5, 3) |> lstm(2)
    h[:, -1] |> linear(2) }
use net = model()
data words { source = csv("none.csv"); tok: i32[3] = field(0:3); y: i32 = field(3) }
train { data = words; batch = 2; steps = 3; loss = cross_entropy(net(tok), y); optim = adam(lr = 0.125) }
"""


def recurrent(v, tok, y):
    e = F.embedding(tok, v["net.embedding.w"])
    cell = T.nn.LSTM(3, 2, batch_first=True).to(e.dtype)
    b = v["net.lstm.b"]
    flat = {
        "weight_ih_l0": v["net.lstm.wx"].T,
        "weight_hh_l0": v["net.lstm.wh"].T,
        "bias_ih_l0": b,
        "bias_hh_l0": T.zeros_like(b),
    }
    h = T.func.functional_call(cell, flat, (e,))[0]
    return F.cross_entropy(F.linear(h[:, -1], v["net.linear.w"].T, v["net.linear.b"]), y)


Training(
    "recurrent",
    RECURRENT,
    {
        "net.embedding.w": rand(5, 3),
        "net.lstm.wx": rand(3, 8, lo=-1, hi=1),
        "net.lstm.wh": rand(2, 8, lo=-1, hi=1),
        "net.lstm.b": rand(8, lo=-1, hi=1),
        "net.linear.w": rand(2, 2),
        "net.linear.b": rand(2),
    },
    [[ints(2, 3, n=5), ints(2, n=2)] for _ in range(3)],
    recurrent,
    lambda t: Adam(t.values(), lr=0.125),
    known="in single precision PyTorch has another kernel for LSTMs",
)

LOGISTIC = """def model(x: f32[B, 2]) -> f32[B] {
    param w: f32[2] = 0
    @nodecay
    param b: f32 = 0
    x @ w + b
}
use net = model()
data points { source = csv("none.csv"); x: f32[2] = field(0:2); y: f32 = field(0) }
train { data = points; batch = 5; steps = 3; loss = bce_with_logits(net(x), y); optim = sgd(lr = 1) }
"""
Training(
    "logistic",
    LOGISTIC,
    {"net.w": T.zeros(2, dtype=T.float64), "net.b": T.zeros((), dtype=T.float64)},
    [[rand(5, 2), ints(5, n=2).double()] for _ in range(3)],
    lambda v, x, y: F.binary_cross_entropy_with_logits(x @ v["net.w"] + v["net.b"], y),
    lambda t: SGD(t.values(), lr=1.0),
)

FROZEN = """@freeze
use base = linear(out = 3)
use head = linear(out = 2)
data points { source = csv("none.csv"); x: f32[2] = field(0:2); y: f32[2] = field(0:2) }
train { data = points; batch = 3; steps = 3; loss = huber(head(relu(base(x))), y, delta = 0.5); optim = sgd(lr = 0.5) }
"""
Training(
    "frozen",
    FROZEN,
    {"base.w": rand(2, 3), "base.b": rand(3), "head.w": rand(3, 2), "head.b": rand(2)},
    [[rand(3, 2), rand(3, 2)] for _ in range(3)],
    lambda v, x, y: F.huber_loss(
        F.linear(F.relu(F.linear(x, v["base.w"].T, v["base.b"])), v["head.w"].T, v["head.b"]), y, delta=0.5
    ),
    lambda t: SGD(t.values(), lr=0.5),
    frozen=("base.w", "base.b"),
)
