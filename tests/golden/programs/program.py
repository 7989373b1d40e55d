# SPDX-License-Identifier: Apache-2.0
"""A golden program: its text in the language, and its twin in PyTorch."""

import math

import torch
from torch.optim.swa_utils import AveragedModel

import rounding

PROGRAMS = []
F32_LEAST = 4 * 2.0**-149  # bounds are not below a few of the smallest subnormals


class Program:
    """An export of inputs `x = tensor`: `lines` bind names, `outs` are expressions of the results; fn(v), over the dict
    of inputs, gives the same results by PyTorch. Gradients of the sum of all float results, each weighted by a
    cotangent, are taken by the inputs in `by` (None: by all floats). `more`: further results, pairs of an expression and
    fn(v, outs, loss), in which derivatives may be taken again; loss is named `l` in the text.

    kinds   element types of inputs and results that are not f32 or i32, by name, results as 0, 1 ...
    single  results in single precision are what PyTorch computes in it, where that differs by more than rounding
    zeros   the signs of zeros count
    weights of the instances that the text calls, by name
    slack   added to the bound: the twin computes in Python, where rounding is not seen
    known   why a bound is loose, or operations do not matter to the results
    """

    samples = rounding.SAMPLES

    def __init__(
        self,
        name,
        lines,
        outs,
        fn,
        by=None,
        more=(),
        kinds=None,
        single=False,
        zeros=False,
        cot=True,
        helpers=(),
        file="calls",
        known="",
        weights=None,
        slack=0.0,
        **inputs,
    ):
        self.slack = slack
        self.name, self.lines, self.fn, self.more, self.file = name, lines, fn, list(more), file
        self.outs = [outs] if isinstance(outs, str) else outs
        self.by, self.kinds, self.single, self.zeros, self.inputs = by, kinds or {}, single, zeros, inputs
        self.weights = weights or {}
        self.known, self.helpers, self.cots = known, list(helpers), cot
        PROGRAMS.append(self)

    def dtype(self, key, t):
        return self.kinds.get(key) or {torch.bool: "bool", torch.int64: "i32", torch.int32: "i32"}.get(t.dtype, "f32")

    def differentiates(self):
        floats = [n for n, t in self.inputs.items() if t.is_floating_point()]
        return floats if self.by is None else self.by

    def run(self, dtype, results=None, used=None):
        """All results: of `outs`, gradients by `used` inputs, `more`."""
        v = {}
        for n, t in (self.inputs | self.weights).items():
            v[n] = t.detach().clone().to(dtype) if t.is_floating_point() else t.clone()
        by = self.differentiates()
        for n in by:
            v[n].requires_grad_()
        outs = self.fn(v)
        outs = list(outs) if isinstance(outs, (list, tuple)) else [outs]
        floats = [o for o in outs if o.is_floating_point()]
        if self.cots is True:
            self.cots = [cotangent(self.name, i, o) for i, o in enumerate(floats)]
        cots = self.cots or []
        rounding.watched = False
        loss = sum(((o * c.to(o.dtype)).sum() for o, c in zip(floats, cots)), torch.zeros((), dtype=dtype))
        rounding.watched = True
        grads = [None] * len(by)
        if by and cots and loss.requires_grad:
            grads = torch.autograd.grad(loss, [v[n] for n in by], create_graph=bool(self.more), allow_unused=True)
        self.used = [n for n, g in zip(by, grads) if g is not None]
        more = [f(v, outs, loss) for _, f in self.more]
        return [t.detach() for t in outs + [g for g in grads if g is not None] + more]

    # ---- the text ----

    def text(self, want):
        kinds = [self.dtype(i, t) for i, t in enumerate(want)]
        takes = [f"{n}: {self.dtype(n, t)}{shape(t)}" for n, t in self.inputs.items()]
        floats = [i for i, t in enumerate(want[: len(self.outs)]) if t.is_floating_point()]
        taken = self.used or self.more
        gives = [f"o{i}" for i in range(len(self.outs))]
        body = [
            f"    {s.strip()}" if not s.startswith("  ") else "  " + s
            for s in self.lines.strip("\n").split("\n")
            if s.strip()
        ]
        body += [f"    o{i} = {e}" for i, e in enumerate(self.outs)]
        if taken and self.cots:
            takes += [f"g{i}: {kinds[j]}{shape(c)}" for i, (j, c) in enumerate(zip(floats, self.cots))]
            body.append("    l = " + " + ".join(f"sum(o{j} * g{i})" for i, j in enumerate(floats)))
        gives += [f"grad(l, {n})" for n in self.used] + [e for e, _ in self.more]
        # A single result is not a list.
        last = gives[0] if len(gives) == 1 else "[" + ", ".join(gives) + "]"
        return f"export def {self.name}({', '.join(takes)}) {{\n" + "\n".join(body) + f"\n    {last}\n}}\n"


def in_single(want, single):
    """What single precision must give: what it gives PyTorch, but for intermediate results that overflow there."""
    if not want.is_floating_point():
        return single
    good = want.float()
    return torch.where(good.isfinite() & ~single.isfinite(), good, single)


def cotangent(name, i, t):
    """Multiples of 1/8 that depend on the name alone."""
    rng = torch.Generator().manual_seed(sum(map(ord, name)) * 31 + i)
    c = torch.randint(1, 17, t.shape, generator=rng) * (2 * torch.randint(0, 2, t.shape, generator=rng) - 1)
    return c.double() / 8


def shape(t):
    return "[" + ",".join(map(str, t.shape)) + "]" if t.dim() else ""


def unit_of(p):
    kinds = [k for k in p.kinds.values() if k in ("f16", "bf16")]
    return max([rounding.UNIT[k] for k in kinds], default=2.0**-24)


# ---- the script -----------------------------------------------------------------------------------------------------


def number(x):
    if isinstance(x, bool):
        return str(int(x))
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if isinstance(x, int):
        return str(x)
    if x == 0:
        return "-0" if math.copysign(1, x) < 0 else "0"
    if x == int(x) and abs(x) < 1e6:
        return str(int(x))
    return f"{x:.14g}"


def upwards(x):
    """One digit, not less than x."""
    if not x:
        return "0"
    digit, power = f"{x:.6e}".split("e")
    digit = math.ceil(float(digit) - 1e-6)
    return f"{digit}e{int(power)}" if digit < 10 else f"1e{int(power) + 1}"


def exact(x):
    s = number(x)
    return s if math.isnan(x) or math.isinf(x) or float(s) == x else repr(float(x))


def values(t, put=number):
    return " ".join(put(x) for x in t.reshape(-1).tolist())


def array(kind, t, put=number):
    return f"{kind} [{','.join(map(str, t.shape))}] {values(t, put)}".rstrip()


def expected(word, kind, want, tol, single=None, zeros=False):
    s = [f"{word} {array(kind, want)}"]
    if tol is not None and want.numel():
        s.append("tol " + values(tol, upwards))
    if single is not None and not same(single, want, tol):
        s.append("single " + values(single))
    if zeros:
        s.append("zeros")
    return s


def same(a, b, tol):
    if not b.is_floating_point():
        return torch.equal(a, b)
    a, b = a.double(), b.double()
    return bool(((a == b) | (a.isnan() & b.isnan()) | ((a - b).abs() <= tol)).all())


def script(p, want, tol, single):
    s = [f"program {p.name} {unit_of(p) / 1e-10:.4g}"]
    s += [f"set {n} {array('f32', t, exact)}" for n, t in p.weights.items()]
    s.append(f"call {p.name}")
    for n, t in p.inputs.items():
        s.append("in " + array(p.dtype(n, t), t, exact))
    floats = [i for i, t in enumerate(want[: len(p.outs)]) if t.is_floating_point()]
    if (p.used or p.more) and p.cots:
        s += ["in " + array(p.dtype(j, want[j]), c, exact) for j, c in zip(floats, p.cots)]
    for i, w in enumerate(want):
        s += expected("out", p.dtype(i, w), w, tol[i], single[i] if single else None, p.zeros)
    return "\n".join(s) + "\n"


# ---- layers: weights that are set, gradients by them, states after the call -----------------------------------------


class Layer:
    """`expr` over inputs, in training: an instance whose floats among the inputs are weights of it like those of the
    layers in it, its whole numbers and cotangent states. All layers of a precision are in one file, whose loss is the
    sum of theirs, and whose optimizer puts each gradient in the place of its weight."""

    single, zeros, samples = False, False, rounding.SAMPLES

    def __init__(self, name, expr, fn, weights, states=None, precision="", known="", file=None, **inputs):
        self.precision, self.file, self.known = precision, file or "layers" + precision.split("(")[0], known
        self.name, self.expr, self.fn = name, expr, fn
        self.inputs, self.states = inputs, states or {}
        self.weights = {n: t for n, t in inputs.items() if t.is_floating_point()} | weights
        self.cot, self.kinds = None, {"": precision.split("(")[0]}
        PROGRAMS.append(self)

    def run(self, dtype):
        v = {n: t.detach().clone().to(dtype) for n, t in (self.weights | self.states).items()}
        v |= {n: t for n, t in self.inputs.items() if not t.is_floating_point()}
        for n in self.weights:
            v[n].requires_grad_()
        out = self.fn(v)
        if self.cot is None:
            self.cot = cotangent(self.name, 0, out)
        rounding.watched = False
        loss = (out * self.cot.to(dtype)).sum()
        rounding.watched = True
        grads = torch.autograd.grad(loss, list(v[n] for n in self.weights), allow_unused=True)
        grads = [torch.zeros_like(v[n]) if g is None else g for n, g in zip(self.weights, grads)]
        return [t.detach() for t in [out, *grads, *(v[n] for n in self.states)]]

    def text(self, want):
        s = [f"def layer_{self.name}() {{"]
        for n, t in self.inputs.items():
            s.append(
                f"    param {n}: f32{shape(t)} = 0" if t.is_floating_point() else f"    state {n}: i32{shape(t)} = 0"
            )
        s.append(f"    state cot: f32{shape(self.cot)} = 0\n    state value: f32{shape(self.cot)} = 0")
        s.append(
            f"    y = {self.expr}\n    value := y\n    sum(y * cot)\n}}\nuse net_{self.name} = layer_{self.name}()\n"
        )
        return "\n".join(s)

    def before(self):
        given = (
            self.weights
            | self.states
            | {n: t for n, t in self.inputs.items() if not t.is_floating_point()}
            | {"cot": self.cot}
        )
        return [
            f"set net_{self.name}.{n} {array('f32' if t.is_floating_point() else 'i32', t, exact)}"
            for n, t in given.items()
        ]

    def after(self, want, tol):
        s = [f"program {self.name} {unit_of(self) / 1e-10:.4g}"]
        for n, w, t in zip(["value", *self.weights, *self.states], want, tol):
            s += expected(f"get net_{self.name}.{n}", "f32", w, t)
        return s


def layers_text(layers):
    """What ends the file of all layers."""
    loss = " +\n        ".join(f"net_{p.name}()" for p in layers)
    precision = f"    precision = {layers[0].precision}\n" if layers[0].precision else ""
    settings = f"    loss = {loss}\n    optim = take()\n    steps = 1\n{precision}"
    return f"def take(w: f32[...], g: f32[...]) {{ g }}\ntrain {{\n{settings}}}\n"


# ---- training: several steps of an optimizer ------------------------------------------------------------------------


class Training:
    """A model of its own, train/NAME.nn: `text`, the weights and states that it begins with, the fields of each step.
    The twin: loss(v, fields) and optim(weights), a torch optimizer, or a pair of it and a schedule; clip(weights) before
    each update; average, a function of AveragedModel, after it. Compared are the loss of each step, and weights, states
    and averages after the last."""

    single, zeros, helpers, samples = False, False, (), rounding.SAMPLES

    def __init__(
        self,
        name,
        text,
        weights,
        fields,
        loss,
        optim,
        states=None,
        accumulate=1,
        clip=None,
        precision="",
        frozen=(),
        known="",
        average=None,
    ):
        self.average = average
        self.name, self.code, self.weights, self.fields, self.loss, self.optim = (
            name,
            text,
            weights,
            fields,
            loss,
            optim,
        )
        self.states, self.accumulate, self.clip, self.frozen, self.known = states or {}, accumulate, clip, frozen, known
        self.file, self.kinds = "train/" + name, {"": precision}
        PROGRAMS.append(self)

    def run(self, dtype):
        v = {n: t.detach().clone().to(dtype) for n, t in (self.weights | self.states).items()}
        trained = {n: v[n].requires_grad_() for n in self.weights if n not in self.frozen}
        opt = self.optim(trained)
        opt, schedule = opt if isinstance(opt, tuple) else (opt, None)
        own = torch.nn.ParameterList([torch.nn.Parameter(w.data) for w in trained.values()])  # the same storage
        averaged = self.average and AveragedModel(own, multi_avg_fn=self.average)
        losses = []
        for fields in self.fields:
            fields = [t.to(dtype) if t.is_floating_point() else t for t in fields]
            opt.zero_grad()
            total = 0
            for part in zip(*(t.chunk(self.accumulate) for t in fields)) if fields else [()]:
                loss = self.loss(v, *part) / self.accumulate
                loss.backward()
                total = total + loss.detach()
            if self.clip:
                self.clip(trained.values())
            if isinstance(opt, torch.optim.LBFGS):  # which evaluates the loss itself
                total = opt.step(lambda: self.closure(opt, v, fields)).detach()
            else:
                opt.step()
            if averaged:
                averaged.update_parameters(own)
            if schedule:
                schedule.step()
            losses.append(total.clone())
        averages = [w.detach().clone() for w in averaged.module] if averaged else []
        return losses + [v[n].detach().clone() for n in self.weights | self.states] + averages

    def closure(self, opt, v, fields):
        opt.zero_grad()
        loss = self.loss(v, *fields)
        loss.backward()
        return loss

    def kept(self):
        averages = [f"ema.{n}" for n in self.weights if n not in self.frozen] if self.average else []
        return list(self.weights | self.states) + averages

    def text(self, want):
        return self.code

    def script(self, want, tol):
        s = [f"program {self.name} {unit_of(self) / 1e-10:.4g}"]
        s += [f"set {n} {array('f32', t, exact)}" for n, t in (self.weights | self.states).items()]
        for fields, w, t in zip(self.fields, want, tol):
            s.append("step")
            s += ["in " + array("f32" if f.is_floating_point() else "i32", f, exact) for f in fields]
            s += expected("loss", "f32", w, t)
        k = len(self.fields)
        for n, w, t in zip(self.kept(), want[k:], tol[k:]):
            s += expected(f"get {n}", "f32", w, t)
        return "\n".join(s) + "\n"
