# SPDX-License-Identifier: Apache-2.0
"""Random compositions: each step applies an operation to values made before. The text and the twin are printed from one
list of steps; shapes come from running the twin."""

import math
import random

import torch
import torch.nn.functional as F

from program import Program

T = torch


def grid(rng, shape, lo=-2.0, hi=2.0):
    """Odd multiples of 1/128: exact in every float type but bf16, and neither 0 nor half of a whole number."""
    n = math.prod(shape)
    return T.tensor([(2 * rng.randrange(int(lo * 64), int(hi * 64)) + 1) / 128 for _ in range(n)], dtype=T.float64).reshape(shape)


class Steps:
    """A program in the making: `pool` holds the value of each name, as of now."""

    def __init__(self, rng):
        self.rng, self.pool, self.steps, self.inputs, self.n, self.ops = rng, {}, [], {}, 0, []
        self.defs = set()

    def input(self, name, t):
        self.inputs[name] = self.pool[name] = t
        return name

    def add(self, text, fn, *names):
        """name = text, in which $0, $1 ... stand for operands; fn of their values."""
        out = fn(*(self.pool[n] for n in names))
        if not self.fits(out):
            return None
        self.n += 1
        name = f"v{self.n}"
        for i, n in enumerate(names):
            text = text.replace(f"${i}", n)
        self.steps.append((name, text, fn, names))
        self.pool[name] = out
        return name

    def fits(self, t):
        if t.numel() > 60 or t.dim() > 4 or t.numel() == 0:
            return False
        return not t.is_floating_point() or bool(t.isfinite().all() and t.abs().max() < 50)

    def run(self, v):
        env = dict(v)
        for name, _, fn, names in self.steps:
            env[name] = fn(*(env[n] for n in names))
        return env

    # ---- choosing operands ----

    def value(self, ok=lambda t: True):
        """A value that satisfies ok, mostly a late one that was not used yet; None: there is none."""
        names = [n for n, t in self.pool.items() if t.is_floating_point() and ok(t)]
        if not names:
            return None
        used = {n for _, _, _, ns in self.steps for n in ns}
        fresh = [n for n in names if n not in used]
        return self.rng.choice(fresh if fresh and self.rng.random() < 0.7 else names)

    def axes(self, t, least=1):
        k = self.rng.randint(least, max(least, min(2, t.dim())))
        return sorted(self.rng.sample(range(t.dim()), k))


# ---- the operations: each adds a step to s, or returns None ----

UNARY = [
    ("tanh($0)", T.tanh), ("sigmoid($0)", T.sigmoid), ("sin($0)", T.sin), ("cos($0)", T.cos), ("erf($0)", T.erf),
    ("gelu($0)", F.gelu), ("gelu_tanh($0)", lambda x: F.gelu(x, approximate="tanh")), ("silu($0)", F.silu),
    ("relu($0)", F.relu), ("abs($0)", T.abs), ("exp(-abs($0))", lambda x: T.exp(-T.abs(x))),
    ("expm1($0 / 8)", lambda x: T.expm1(x / 8)), ("log1p($0 ** 2)", lambda x: T.log1p(T.pow(x, 2))),
    ("log(abs($0) + 0.5)", lambda x: T.log(T.abs(x) + 0.5)), ("sqrt($0 * $0 + 0.25)", lambda x: T.sqrt(T.square(x) + 0.25)),
    ("rsqrt($0 ** 2 + 0.5)", lambda x: T.rsqrt(T.square(x) + 0.5)), ("-$0", T.neg), ("$0 ** 3 / 4", lambda x: T.pow(x, 3) / 4),
    ("$0 * sign($0)", lambda x: x * T.sign(x)), ("$0 * floor($0)", lambda x: x * T.floor(x)),
    ("$0 - ceil($0)", lambda x: x - T.ceil(x)), ("round($0 * 3) - $0", lambda x: T.round(x * 3) - x),
    ("clamp($0, -0.75, 1.25)", lambda x: T.clamp(x, -0.75, 1.25)), ("$0 * stop_gradient($0)", lambda x: x * x.detach()),
    ("mod($0, 0.75)", lambda x: T.remainder(x, 0.75)), ("2 ** $0", T.exp2), ("log1p(exp($0))", F.softplus),
    ("where($0 > 0.25, $0 * 2, exp($0))", lambda x: T.where(x > 0.25, x * 2, T.exp(x))),
    ("where($0 > -0.5 and not ($0 > 1), $0 ** 2, 0.5)", lambda x: T.where((x > -0.5) & ~(x > 1), T.square(x), 0.5)),
    ("(abs($0) + 0.25) ** -0.5", lambda x: T.pow(T.abs(x) + 0.25, -0.5)), ("f32(bf16($0 > 0.125))", lambda x: (x > 0.125).to(x.dtype)),
    ("f32(i32($0 * 4)) + $0", lambda x: T.trunc(x * 4) + x), ("sigmoid($0) * (1 - sigmoid($0))", lambda x: T.sigmoid(x) * T.sigmoid(-x)),
]  # fmt: skip
BINARY = [
    ("$0 + $1", T.add), ("$0 - $1", T.sub), ("$0 * $1", T.mul), ("$0 * $1", T.mul), ("$0 / (abs($1) + 0.5)", lambda a, b: a / (T.abs(b) + 0.5)),
    ("max($0, $1)", T.maximum), ("min($0, $1)", T.minimum), ("where($0 > $1, $0, $1 ** 2)", lambda a, b: T.where(a > b, a, T.square(b))),
    ("where($0 <= $1 or $0 > 1, $1, 2 * $0)", lambda a, b: T.where((a <= b) | (a > 1), b, 2 * a)),
    ("mod($0, abs($1) + 0.5)", lambda a, b: T.remainder(a, T.abs(b) + 0.5)),
    ("(abs($0) + 0.5) ** $1", lambda a, b: T.pow(T.abs(a) + 0.5, b)),
    ("$0 * (abs($1) // 0.375)", lambda a, b: a * T.floor_divide(T.abs(b), 0.375).detach()),
    ("log(exp($0) + exp($1))", T.logaddexp), ("sqrt($0 ** 2 + $1 ** 2)", T.hypot),
]  # fmt: skip


def unary(s):
    text, fn = s.rng.choice(UNARY)
    x = s.value()
    return s.add(text, fn, x)


def broadcasts(a, b):
    try:
        T.broadcast_shapes(a.shape, b.shape)
        return True
    except RuntimeError:
        return False


def binary(s):
    text, fn = s.rng.choice(BINARY)
    a = s.value()
    b = s.value(lambda t: broadcasts(s.pool[a], t))
    if s.rng.random() < 0.5:
        a, b = b, a
    return s.add(text, fn, a, b) if a != b else None


def reduction(s):
    x = s.value(lambda t: t.dim() > 0)
    axes, keep = s.axes(s.pool[x]), s.rng.random() < 0.5
    name, fn = s.rng.choice([
        ("sum", T.sum), ("mean", T.mean), ("max", T.amax), ("min", T.amin),
        ("var", lambda x, a, keepdim: T.var(x, a, correction=0, keepdim=keepdim)),
        ("sum", T.sum), ("mean", T.mean),
    ])  # fmt: skip
    k = ", keep = true" if keep else ""
    if s.rng.random() < 0.15:
        return s.add(f"{name}($0)", lambda x: fn(x, list(range(x.dim())), keepdim=False), x)
    return s.add(f"{name}($0, axes = {axes}{k})", lambda x: fn(x, axes, keepdim=keep), x)


def along_axis(s):
    x = s.value(lambda t: t.dim() > 0)
    d = s.rng.randrange(s.pool[x].dim())
    text, fn = s.rng.choice([
        (f"softmax($0, axis = {d})", lambda x: T.softmax(x, d)),
        (f"log_softmax($0, axis = {d})", lambda x: T.log_softmax(x, d)),
        (f"cumsum($0, axis = {d})", lambda x: T.cumsum(x, d)),
        (f"cumsum($0, axis = {d}, reverse = true)", lambda x: T.flip(T.cumsum(T.flip(x, [d]), d), [d])),
        (f"reverse($0, [{d}])", lambda x: T.flip(x, [d])),
        (f"$0 - max($0, axes = [{d}], keep = true)", lambda x: x - T.amax(x, d, keepdim=True)),
        (f"$0 * f32(argmax($0, axis = {d}, keep = true))", lambda x: x * T.argmax(x, d, keepdim=True)),
        (f"$0 + f32(argmin($0, axis = {d}, keep = true))", lambda x: x + T.argmin(x, d, keepdim=True)),
        (f"$0 / (sum(abs($0), axes = [{d}], keep = true) + 0.5)", lambda x: x / (T.linalg.vector_norm(x, 1, d, keepdim=True) + 0.5)),
    ])  # fmt: skip
    return s.add(text, fn, x)


def view(s):
    x = s.value(lambda t: t.dim() > 1)
    if not x:
        return None
    t = s.pool[x]
    r = t.dim()
    perm = list(range(r))
    s.rng.shuffle(perm)
    d = s.rng.randrange(r)
    n = t.shape[d]
    a = s.rng.randrange(n)
    b = s.rng.randrange(a, n) + 1
    cut = ", ".join([":"] * d + [f"{a}:{b}" if b < n or not a else f"{a - n}:"])
    names = "abcd"[:r]
    left = " ".join(names)
    right = f"({' '.join(names[:2])}) {' '.join(names[2:])}".strip()
    text, fn = s.rng.choice([
        (f"permute($0, {', '.join(map(str, perm))})", lambda x: x.permute(perm)),
        ("$0'", lambda x: x.mT),
        (f"$0[{cut}]", lambda x: x.narrow(d, a, b - a)),
        (f"$0[{', '.join([':'] * d + [str(a)])}]", lambda x: x.select(d, a)),
        ("flatten($0)", lambda x: x.flatten(1)),
        (f"reshape($0, [{n}, -1])", lambda x: x.reshape(n, -1)),
        (f'rearrange($0, "{left} -> {right}")', lambda x: x.flatten(0, 1)),
        (f'rearrange($0, "{left} -> {" ".join(reversed(names))}")', lambda x: x.permute(*reversed(range(r)))),
    ])  # fmt: skip
    return s.add(text, fn, x)


def joined(s):
    x = s.value(lambda t: t.dim() > 0)
    d = s.rng.randrange(s.pool[x].dim())

    def fits(t):
        u = s.pool[x]
        return t.dim() == u.dim() and all(i == d or t.shape[i] == u.shape[i] for i in range(u.dim()))

    y = s.value(fits)
    return s.add(f"concat([$0, $1], axis = {d})", lambda a, b: T.cat([a, b], d), x, y)


def gathered(s):
    x = s.value(lambda t: t.dim() > 0 and t.shape[0] > 1)
    if not x:
        return None
    n = s.pool[x].shape[0]
    if s.rng.random() < 0.5:
        i = s.input(f"i{len(s.inputs)}", T.tensor([s.rng.randrange(n) for _ in range(s.rng.randint(1, 4))]))
        return s.add("$0[$1]", lambda a, i: a[i], x, i)
    return s.add("$0[argmax($0, axis = 0)]", lambda a: a[T.argmax(a, 0)], x) if s.pool[x].dim() == 1 else None


def fresh(s, *dims):
    return s.input(f"w{len(s.inputs)}", grid(s.rng, dims, -1.0, 1.0))


def product(s):
    a = s.value(lambda t: t.dim() >= 2)
    if not a:
        return None
    k = s.pool[a].shape[-1]
    b = s.value(lambda t: t.dim() == 2 and t.shape[0] == k) or fresh(s, k, s.rng.randint(1, 4))
    return s.add("$0 @ $1", T.matmul, a, b)


def notation(s):
    """Index notation against einsum, outer broadcasts and unfold."""
    x = s.value(lambda t: t.dim() == 2)
    if not x:
        return None
    n, m = s.pool[x].shape
    w = s.value(lambda t: t.dim() == 1 and t.shape[0] == m) or fresh(s, m)
    k = s.rng.randint(1, min(3, m))
    f = fresh(s, k) if s.rng.random() < 0.6 else None
    name = f"z{s.n}"
    forms = [
        (f"{name}[i, j] = $0[i, j] * $1[j]; {name}", lambda a, b: T.einsum("ij,j->ij", a, b), w),
        (f"{name}[i] = sum[j]($0[i, j] * $1[j]); {name}", T.mv, w),
        (f"{name}[j] = max[i]($0[i, j] + $1[j]); {name}", lambda a, b: T.amax(a + b, 0), w),
        (f"{name}[i] = min[j]($0[i, j] * $1[j]); {name}", lambda a, b: T.amin(a * b, 1), w),
        (f"{name}[i, k] = sum[j]($0[i, j] * $0[k, j] * $1[j]); {name}", lambda a, b: T.einsum("ij,kj,j->ik", a, a, b), w),
        (f"{name}[j, i] = $0[i, j] - tanh($1[j]); {name}", lambda a, b: (a - T.tanh(b)).T, w),
    ]  # fmt: skip
    if f:
        forms += [
            (f"{name}[i, j] = sum[k]($0[i, j + k] * $1[k]); {name}", lambda a, b: F.conv1d(a[:, None], b[None, None])[:, 0], f),
            (f"{name}[i, j] = max[k]($0[i, j + k] * $1[k]); {name}", lambda a, b: T.amax(a.unfold(1, b.shape[0], 1) * b, -1), f),
            (f"{name}[i] = sum[j, k]($0[i, j + k] * $1[k]); {name}", lambda a, b: T.sum(a.unfold(1, b.shape[0], 1) * b, (1, 2)), f),
        ]  # fmt: skip
        if m >= 2 * k:
            forms.append((f"{name}[i, j] = sum[k]($0[i, 2*j + k] * $1[k]); {name}",
                          lambda a, b: F.conv1d(a[:, None], b[None, None], stride=2)[:, 0, : (m - k) // 2 + 1], f))  # fmt: skip
    text, fn, b = s.rng.choice(forms)
    line, last = text.rsplit("; ", 1)
    got = s.add(last, fn, x, b)
    if got:
        v, _, f_, names = s.steps.pop()
        s.steps.append((v, line.replace("$0", x).replace("$1", b) + "\n" + v + " = " + last, f_, names))
    return got


SCANS = {
    "leak": ("def leak(x: f32[...], h: f32[...]) { 0.5 * h + x }\n", lambda x, h: 0.5 * h + x),
    "damp": ("def damp(x: f32[...], h: f32[...]) { tanh(x + 0.75 * h) * (1 + h) }\n", lambda x, h: T.tanh(x + 0.75 * h) * (1 + h)),
    "best": ("def best(x: f32[...], h: f32[...]) { max(x - h, 0.5 * h) }\n", lambda x, h: T.maximum(x - h, 0.5 * h)),
}


def scanned(s):
    x = s.value(lambda t: t.dim() == 2)
    if not x:
        return None
    which, d, back = s.rng.choice(list(SCANS)), s.rng.randrange(2), s.rng.random() < 0.4
    h = s.value(lambda t: t.dim() == 1 and t.shape[0] == s.pool[x].shape[1 - d]) or fresh(s, s.pool[x].shape[1 - d])
    step = SCANS[which][1]

    def fn(x, h):
        rows, out = list(x.unbind(d)), []
        for r in reversed(rows) if back else rows:
            h = step(r, h)
            out.append(h)
        return T.stack(out[::-1] if back else out, d)

    s.defs.add(which)
    r = ", reverse = true" if back else ""
    return s.add(f"scan($0, axis = {d}, step = {which}, carry = $1{r})", fn, x, h)


RULES = [(unary, 6), (binary, 7), (reduction, 4), (along_axis, 5), (view, 3), (joined, 1), (gathered, 1), (product, 2), (notation, 3), (scanned, 1)]  # fmt: skip


def compose(seed):
    rng = random.Random(seed)
    s = Steps(rng)
    rank = rng.choice([1, 2, 2, 2, 3])
    dims = [rng.choice([1, 2, 3, 3, 4, 5]) for _ in range(rank)]
    s.input("x", grid(rng, dims))
    s.input("y", grid(rng, dims[1:] if rng.random() < 0.5 else [1 if rng.random() < 0.4 else d for d in dims]))
    want, tries = rng.randint(5, 11), 0
    while s.n < want and tries < 60:
        tries += 1
        rng.choices([r for r, _ in RULES], [w for _, w in RULES])[0](s)
    used = {n for _, _, _, ns in s.steps for n in ns}
    outs = [n for n, _, _, _ in s.steps if n not in used][:4] or [s.steps[-1][0]]
    lines = "\n".join(f"{n} = {t}" if "\n" not in t else t for n, t, _, _ in s.steps)
    more = []
    if rng.random() < 0.25:
        more = [("hvp(l, x, x)", lambda v, o, l: hvp(l, v["x"]))]
    return Program(f"r{seed}", lines, outs, lambda v: list(map(s.run(v).get, outs)), more=more, file="random",
                   helpers=[SCANS[d][0] for d in sorted(s.defs)], **s.inputs)  # fmt: skip


def hvp(loss, x):
    g = T.autograd.grad(loss, x, create_graph=True, allow_unused=True)[0]
    if g is None or not g.requires_grad:
        return T.zeros_like(x)
    h = T.autograd.grad((g * x.detach()).sum(), x, allow_unused=True)[0]
    return T.zeros_like(x) if h is None else h
