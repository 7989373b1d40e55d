"""A golden program: its text in the language, and its twin in PyTorch."""

import math

import torch

import rounding

PROGRAMS = []
F32_LEAST = 4 * 2.0**-149  # bounds are not below a few of the smallest subnormals


class Program:
    """An export of inputs `x = tensor`: `lines` bind names, `outs` are expressions of the results; fn(v), over the dict of
    inputs, gives the same results by PyTorch. Gradients of the sum of all float results, each weighted by a cotangent, are
    taken by the inputs in `by` (None: by all floats). `more`: further results, pairs of an expression and
    fn(v, outs, loss), in which derivatives may be taken again; loss is named `l` in the text.

    kinds   element types of inputs and results that are not f32 or i32, by name, results as 0, 1 ...
    single  results and gradients in single precision are what PyTorch computes in it, where that differs by more than rounding
    zeros   the signs of zeros count
    known   why a bound is loose, or operations do not matter to the results
    """

    def __init__(self, name, lines, outs, fn, by=None, more=(), kinds=None, single=False, zeros=False, cot=True,
                 helpers=(), file="calls", known="", **inputs):
        self.name, self.lines, self.fn, self.more, self.file = name, lines, fn, list(more), file
        self.outs = [outs] if isinstance(outs, str) else outs
        self.by, self.kinds, self.single, self.zeros, self.inputs = by, kinds or {}, single, zeros, inputs
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
        for n, t in self.inputs.items():
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
        body = [f"    {s.strip()}" if not s.startswith("  ") else "  " + s for s in self.lines.strip("\n").split("\n") if s.strip()]
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
    good = want.float()
    return torch.where(good.isfinite() & ~single.isfinite(), good, single) if want.is_floating_point() else single


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


# ---- the script ----


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
        s.append("tol " + values(tol, lambda x: f"{x:.1e}" if x else "0"))
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
    ratio = unit_of(p) / 1e-10
    s = [f"program {p.name} {ratio:.4g}", f"call {p.name}"]
    for n, t in p.inputs.items():
        s.append("in " + array(p.dtype(n, t), t, exact))
    floats = [i for i, t in enumerate(want[: len(p.outs)]) if t.is_floating_point()]
    if (p.used or p.more) and p.cots:
        s += ["in " + array(p.dtype(j, want[j]), c, exact) for j, c in zip(floats, p.cots)]
    for i, w in enumerate(want):
        s += expected("out", p.dtype(i, w), w, tol[i], single[i] if single else None, p.zeros)
    return "\n".join(s) + "\n"
