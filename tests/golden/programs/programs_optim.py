# SPDX-License-Identifier: Apache-2.0
"""50 steps of every optimizer, on a matrix and a vector without decay; 200 steps of every schedule; initial values."""

import math

import torch
from torch import optim
from torch.optim import lr_scheduler

from program import Program, Training
from values import RNG, rand

T = torch
RNG.seed("optimizers")
STEPS = 50
X, Y = rand(4, 3), rand(4, 2, lo=-0.75, hi=0.75)


def written(t):
    return "[" + ", ".join(map(written, t)) + "]" if t.dim() else repr(float(t))


MODEL = f"""def model() -> f32 {{
    param a: f32[3, 2] = 0
    @nodecay
    param b: f32[2] = 0
    mse(tanh({written(X)} @ a + b), {written(Y)})
}}
use net = model()
train {{
    steps = STEPS
    loss = net()
    optim = OPTIM
}}
"""


def twin(v):
    return T.nn.functional.mse_loss(T.tanh(X.to(v["net.a"].dtype) @ v["net.a"] + v["net.b"]), Y.to(v["net.a"].dtype))


def groups(trained, decay):
    return [{"params": [trained["net.a"]]}, {"params": [trained["net.b"]], decay: 0.0}]


def steps(name, text, make, decay="weight_decay", known="far from the start", count=STEPS):
    p = Training(
        "steps_" + name,
        MODEL.replace("OPTIM", text).replace("STEPS", str(count)),
        {"net.a": rand(3, 2, lo=-1, hi=1), "net.b": rand(2, lo=-1, hi=1)},
        [[]] * count,
        lambda v: twin(v),
        lambda t: make(groups(t, decay)),
        known=known,
    )
    p.samples = 5  # of many steps each
    p.slack = 3e-6 if name.startswith(("nadam", "asgd")) else 1e-6  # PyTorch has some numbers in f32 or Python


steps("sgd", "sgd(lr = 0.25, momentum = 0.75, decay = 0.0625, dampening = 0.25)",
      lambda g: optim.SGD(g, lr=0.25, momentum=0.75, weight_decay=0.0625, dampening=0.25))  # fmt: skip
steps("adam", "adam(lr = 0.0625, amsgrad = true)", lambda g: optim.Adam(g, lr=0.0625, amsgrad=True))
steps("adam_args", "adam(lr = 0.0625, betas = [0.75, 0.5], eps = 0.0078125, decay = 0.125)",
      lambda g: optim.Adam(g, lr=0.0625, betas=(0.75, 0.5), eps=0.0078125, weight_decay=0.125))  # fmt: skip
steps("adamw", "adamw(lr = 0.0625, betas = [0.75, 0.5], decay = 0.25, amsgrad = true)",
      lambda g: optim.AdamW(g, lr=0.0625, betas=(0.75, 0.5), weight_decay=0.25, amsgrad=True))  # fmt: skip
steps("rmsprop", "rmsprop(centered = true)", lambda g: optim.RMSprop(g, centered=True))
steps("rmsprop_args", "rmsprop(0.0625, 0.75, 0.125, 0.5, 0.25, centered = true)",
      lambda g: optim.RMSprop(g, 0.0625, 0.75, 0.125, 0.25, 0.5, centered=True))  # fmt: skip
steps("adagrad", "adagrad()", optim.Adagrad)
steps("adagrad_args", "adagrad(0.25, 0.0625, 0.125, start = 0.5, eps = 0.125)",
      lambda g: optim.Adagrad(g, 0.25, 0.0625, 0.125, 0.5, 0.125))  # fmt: skip
steps("adadelta", "adadelta()", optim.Adadelta)
steps("adadelta_args", "adadelta(0.5, 0.75, eps = 0.125, decay = 0.25)", lambda g: optim.Adadelta(g, 0.5, 0.75, 0.125, 0.25))
steps("adamax", "adamax()", optim.Adamax)
steps("adamax_args", "adamax(0.0625, [0.75, 0.5], decay = 0.25)", lambda g: optim.Adamax(g, 0.0625, (0.75, 0.5), weight_decay=0.25))
steps("nadam", "nadam()", optim.NAdam)
steps("nadam_args", "nadam(0.0625, betas = [0.75, 0.5], eps = 0.125, decay = 0.25, psi = 0.0625)",
      lambda g: optim.NAdam(g, 0.0625, (0.75, 0.5), 0.125, 0.25, 0.0625))  # fmt: skip
steps("radam", "radam()", optim.RAdam)
steps("radam_args", "radam(0.0625, [0.75, 0.9375], eps = 0.125, decay = 0.25)",
      lambda g: optim.RAdam(g, 0.0625, (0.75, 0.9375), 0.125, 0.25))  # fmt: skip
steps("rprop", "rprop()", optim.Rprop, decay="maximize_")
steps("rprop_args", "rprop(0.0625, etas = [0.25, 1.5], sizes = [0.03125, 0.25])",
      lambda g: optim.Rprop(g, 0.0625, (0.25, 1.5), (0.03125, 0.25)), decay="maximize_")  # fmt: skip
steps("asgd", "asgd()", optim.ASGD)
steps("asgd_args", "asgd(0.25, lambd = 0.125, alpha = 0.5, decay = 0.25)", lambda g: optim.ASGD(g, 0.25, 0.125, 0.5, weight_decay=0.25))


def f32_adafactor(g, **kw):
    return optim.Adafactor(g, eps=(2.0**-23, kw.pop("eps", 1e-3)), **kw)


steps("adafactor", "adafactor()", f32_adafactor)
steps("adafactor_args", "adafactor(0.25, beta2_decay = -0.5, eps = 0.25, clip = 2, decay = 0.125)",
      lambda g: f32_adafactor(g, lr=0.25, beta2_decay=-0.5, eps=0.25, d=2.0, weight_decay=0.125))  # fmt: skip


# ---- those that PyTorch has not, or not for all weights: by their papers ----


class Paper:
    """step(w, g, state, t): the change of a weight, a matrix or a vector without decay."""

    def __init__(self, params, step):
        self.groups, self.rule, self.t, self.state = params, step, 0, {}

    def zero_grad(self):
        for g in self.groups:
            for w in g["params"]:
                w.grad = None

    @T.no_grad()
    def step(self):
        self.t += 1
        for g in self.groups:
            for w in g["params"]:
                w -= self.rule(w, w.grad, self.state.setdefault(w, {}), self.t)


def mean_of(s, key, x, beta):
    s[key] = beta * s.get(key, 0) + (1 - beta) * x
    return s[key]


def lion(lr, b1, b2, decay):
    def rule(w, g, s, t):
        u = T.sign(b1 * s.get("m", 0) + (1 - b1) * g)
        mean_of(s, "m", g, b2)
        return lr * (u + (decay if w.dim() > 1 else 0) * w)

    return lambda groups: Paper(groups, rule)


def lamb(lr, b1, b2, eps, decay):
    def rule(w, g, s, t):
        m, v = mean_of(s, "m", g, b1) / (1 - b1**t), mean_of(s, "v", g * g, b2) / (1 - b2**t)
        u = m / (v.sqrt() + eps) + (decay if w.dim() > 1 else 0) * w
        return lr * w.norm() / u.norm() * u

    return lambda groups: Paper(groups, rule)


def lars(lr, momentum, trust, decay, eps):
    def rule(w, g, s, t):
        d = decay if w.dim() > 1 else 0
        r = trust * w.norm() / (g.norm() + d * w.norm() + eps)
        s["m"] = momentum * s.get("m", 0) + lr * r * (g + d * w)
        return s["m"]

    return lambda groups: Paper(groups, rule)


class Muon:
    """Of torch.optim for the matrix, in its precision rather than bf16; SGD for the vector."""

    def __init__(self, groups, lr=1e-3, momentum=0.95, nesterov=True, decay=0.1, iterations=5):
        self.matrix = optim.Muon(groups[0]["params"], lr, decay, momentum, nesterov, ns_steps=iterations)
        self.vector = optim.SGD(groups[1]["params"], lr, momentum, nesterov=nesterov)

    def zero_grad(self):
        self.matrix.zero_grad()
        self.vector.zero_grad()

    def step(self):
        rounds, T.bfloat16 = T.bfloat16, self.matrix.param_groups[0]["params"][0].dtype
        try:
            self.matrix.step()
        finally:
            T.bfloat16 = rounds
        self.vector.step()


steps("lion", "lion()", lion(1e-4, 0.9, 0.99, 0))
steps("lion_args", "lion(0.015625, [0.75, 0.5], decay = 0.25)", lion(0.015625, 0.75, 0.5, 0.25))
steps("lamb", "lamb()", lamb(1e-3, 0.9, 0.999, 1e-6, 0.01))
steps("lamb_args", "lamb(0.0625, [0.75, 0.5], eps = 0.125, decay = 0.25)", lamb(0.0625, 0.75, 0.5, 0.125, 0.25))
steps("lars", "lars(2)", lars(2, 0.9, 1e-3, 0, 1e-8))
steps("lars_args", "lars(0.5, 0.75, trust = 0.125, decay = 0.25, eps = 0.0625)", lars(0.5, 0.75, 0.125, 0.25, 0.0625))
steps("muon", "muon()", Muon, count=10)
steps("muon_args", "muon(0.0625, momentum = 0.75, nesterov = false, decay = 0.5, iterations = 3)",
      lambda g: Muon(g, 0.0625, 0.75, False, 0.5, 3), count=10)  # fmt: skip

# ---- schedules: the rates of 200 steps ----

N = 200


def rates(make, base=1.0):
    w = T.zeros(1, requires_grad=True)
    o = optim.SGD([w], lr=base)
    s, out = make(o), []
    for _ in range(N):
        out.append(o.param_groups[0]["lr"] / base)
        o.step()
        if len(out) < N:
            s.step()
    return T.tensor(out, dtype=T.float64)


def schedule(name, text, want):
    """`text` of t, the step."""
    Program(
        "rate_" + name,
        "",
        f"scan(t, axis = 0, step = at_{name}, carry = zeros())",
        lambda v: want.to(v["t"].dtype),
        helpers=[f"def at_{name}(t: f32, before: f32) {{ {text} + 0 * before }}\n"],
        by=[],
        cot=False,
        slack=4e-7,
        file="schedules",
        known="numbers of Python",
        t=T.arange(N, dtype=T.float64),
    )


LR = lr_scheduler
schedule("cosine", "cosine(t / 200)", rates(lambda o: LR.CosineAnnealingLR(o, 200)))
schedule("step_decay", "step_decay(t, 30, 0.5)", rates(lambda o: LR.StepLR(o, 30, 0.5)))
schedule("exponential", "exponential(t, 0.96875)", rates(lambda o: LR.ExponentialLR(o, 0.96875)))
schedule("warmup", "warmup(t, 30)", rates(lambda o: LR.LambdaLR(o, lambda t: min((t + 1) / 30, 1))))
schedule("multi_step", "multi_step(t, [20, 50, 170], 0.25)", rates(lambda o: LR.MultiStepLR(o, [20, 50, 170], 0.25)))
schedule("multi_step_once", "multi_step(t, [100])", rates(lambda o: LR.MultiStepLR(o, [100])))
schedule("constant_lr", "constant_lr(t, 30)", rates(lambda o: LR.ConstantLR(o, 1 / 3, 30)))
schedule("constant_lr_args", "constant_lr(t, 50, factor = 0.25)", rates(lambda o: LR.ConstantLR(o, 0.25, 50)))
schedule("linear_lr", "linear_lr(t, 64)", rates(lambda o: LR.LinearLR(o, total_iters=64)))
schedule("linear_lr_args", "linear_lr(t, 64, 0.75, 0.25)", rates(lambda o: LR.LinearLR(o, 0.75, 0.25, 64)))
schedule("polynomial", "polynomial(t, 128)", rates(lambda o: LR.PolynomialLR(o, 128)))
schedule("polynomial_args", "polynomial(t, 250, power = 3)", rates(lambda o: LR.PolynomialLR(o, 250, 3)))
schedule("cosine_annealing", "cosine_annealing(t, 80)", rates(lambda o: LR.CosineAnnealingLR(o, 80)))
schedule("cosine_annealing_args", "cosine_annealing(t, 200, 0.25)", rates(lambda o: LR.CosineAnnealingLR(o, 200, 0.25)))
schedule("warm_restarts", "warm_restarts(t, 30)", rates(lambda o: LR.CosineAnnealingWarmRestarts(o, 30)))
schedule("warm_restarts_args", "warm_restarts(t, 10, mult = 2, low = 0.125)", rates(lambda o: LR.CosineAnnealingWarmRestarts(o, 10, 2, 0.125)))
for mode in ("triangular", "triangular2", "exp_range"):
    schedule(
        f"cyclic_{mode}",
        f'cyclic(t, 0.125, 30, 20, mode = "{mode}", gamma = 0.96875)',
        rates(lambda o, m=mode: LR.CyclicLR(o, 0.125, 1.0, 30, 20, mode=m, gamma=0.96875, cycle_momentum=False)),
    )
schedule("cyclic", "cyclic(t, 0.25, 16)", rates(lambda o: LR.CyclicLR(o, 0.25, 1.0, 16, cycle_momentum=False)))
for name, args, kw in [
    ("", "", {}),
    ("_linear", ', 0.25, 10, 100, anneal = "linear"', dict(pct_start=0.25, div_factor=10, final_div_factor=100, anneal_strategy="linear")),
    ("_three", ", three_phase = true", dict(three_phase=True)),
    ("_three_linear", ', 0.4, anneal = "linear", three_phase = true', dict(pct_start=0.4, anneal_strategy="linear", three_phase=True)),
]:
    schedule(
        "one_cycle" + name,
        f"one_cycle(t, 200{args})",
        rates(lambda o, kw=kw: LR.OneCycleLR(o, 1.0, N, cycle_momentum=False, **kw)),
    )
schedule("inverse_sqrt", "inverse_sqrt(t, 20)",
         rates(lambda o: LR.LambdaLR(o, lambda t: min((t + 1) / 20, math.sqrt(20 / (t + 1))))))  # fmt: skip
schedule(
    "warmup_cosine",
    "warmup_cosine(t, 20, 180, 0.125)",
    rates(
        lambda o: LR.LambdaLR(
            o,
            lambda t: (t + 1) / 20
            if t < 20
            else 0.125 + 0.875 * (1 + math.cos(math.pi * min((t - 20) / 160, 1))) / 2,
        )
    ),
)

# A plateau's state after each loss: the sum of its factors so far, as the weight of an optimizer that takes it.
RISE = [4.0, 3, 3, 3, 3, 2, 2.5, 2.5, 2.5, 2.5, 2.5, 1.9999, 2, 2, 2, 2, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0.5, 0.25]


class Plateau:
    def __init__(self, params, last, **kw):
        self.w, self.last = params[0], last
        self.inner = optim.SGD([T.zeros(1, requires_grad=True)], lr=1.0)
        self.rule = LR.ReduceLROnPlateau(self.inner, **kw)

    def zero_grad(self):
        self.w.grad = None

    @T.no_grad()
    def step(self):
        self.rule.step(self.last[0])
        self.w.copy_(self.w / 2 + self.inner.param_groups[0]["lr"])


for name, args, kw in [
    ("", "patience = 2", dict(patience=2)),
    ("_args", "factor = 0.25, patience = 1, threshold = 0.125, cooldown = 3, low = 0.03125",
     dict(factor=0.25, patience=1, threshold=0.125, cooldown=3, min_lr=0.03125)),
]:  # fmt: skip
    last = [0.0]

    def seen(v, x, last=last):
        last[0] = float(x.sum())
        return x.sum() + 0 * v["net.w"].sum()

    Training(
        "plateau" + name,
        f"""def model(x: f32[B]) -> f32 {{
    param w: f32[1] = 0
    sum(x) + 0 * sum(w)
}}
use net = model()
use factor = plateau({args})
def follow(w: f32[...], g: f32[...], rate: float) {{ w / 2 + rate + 0 * g }}
data losses {{ source = csv("none.csv"); x: f32 = field(0) }}
train {{
    data = losses; batch = 1; steps = {len(RISE)}
    loss = net(x)
    optim = follow(factor(stop_gradient(loss)))
}}
""",
        {"net.w": T.zeros(1, dtype=T.float64)},
        [[vec] for vec in T.tensor(RISE, dtype=T.float64)[:, None]],
        seen,
        lambda t, last=last, kw=kw: Plateau(list(t.values()), last, **kw),
        known="numbers of Python",
    )

# ---- initial values that are not random ----

Program("init_identity", "", ["x * identity([3, 4])", "x * identity(x)"], lambda v: [v["x"] * T.nn.init.eye_(T.zeros_like(v["x"]))] * 2,
        file="schedules", known="zeros", x=rand(3, 4))  # fmt: skip
for shape in [(2, 3, 3), (3, 2, 2, 3), (2, 2, 1, 2, 4)]:
    Program("init_dirac_%d" % len(shape), "", "x * dirac(x)", lambda v: v["x"] * T.nn.init.dirac_(T.zeros_like(v["x"])),
            file="schedules", known="zeros", x=rand(*shape))  # fmt: skip
Program("init_constant", "", "x + constant(x, 1.5)", lambda v: v["x"] + 1.5, file="schedules", known="", x=rand(2, 1))

# ---- sophia: of a loss whose Hessian is diagonal, so that its estimate is exact whatever the signs are ----

CURVED = """def model() -> f32 {
    param a: f32[3, 2] = 0
    @nodecay
    param b: f32[2] = 0
    sum(softplus(2 * a)) + 0.5 * sum(a ** 2) + sum(sin(b))
}
"""


def curved(w):
    return T.nn.functional.softplus(2 * w).sum() + 0.5 * (w**2).sum() if w.dim() > 1 else T.sin(w).sum()


def sophia(lr, b1=0.965, b2=0.99, rho=0.04, every=10, decay=0.1):
    def rule(w, g, s, t):
        m = mean_of(s, "m", g, b1)
        if (t - 1) % every == 0:
            with T.enable_grad():
                x = w.detach().requires_grad_()
                (slope,) = T.autograd.grad(curved(x), x, create_graph=True)
                mean_of(s, "h", T.autograd.grad(slope.sum(), x)[0], b2)
        u = T.clamp(m / T.clamp(rho * s["h"], min=1e-12), -1, 1)
        return lr * (u + (decay if w.dim() > 1 else 0) * w)

    return lambda groups: Paper(groups, rule)


for name, text, make in (
    ("sophia", "sophia(0.015625)", sophia(0.015625)),
    ("sophia_args", "sophia(0.0625, [0.75, 0.5], rho = 2, every = 3, decay = 0.25)",
     sophia(0.0625, 0.75, 0.5, 2, 3, 0.25)),
):  # fmt: skip
    p = Training(
        "steps_" + name,
        CURVED + MODEL[MODEL.index("use net") :].replace("OPTIM", text).replace("STEPS", str(STEPS)),
        {"net.a": rand(3, 2, lo=-1, hi=1), "net.b": rand(2, lo=-1, hi=1)},
        [[]] * STEPS,
        lambda v: curved(v["net.a"]) + curved(v["net.b"]),
        lambda t, make=make: make(groups(t, "weight_decay")),
        known="far from the start",
    )
    p.samples, p.slack = 5, 1e-6
