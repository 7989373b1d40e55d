# SPDX-License-Identifier: Apache-2.0
"""Metrics of std, by their formulas; ../metrics compares whole evaluations with scikit-learn."""

import torch

from program import Program
from values import RNG, ints, rand, vec

T = torch
RNG.seed("metrics")


def program(name, outs, fn, **kw):
    Program("met_" + name, "", outs, fn, by=[], file="metrics", known="counts, which are whole numbers", **kw)


def confusion(p, t, n):
    c = T.zeros(n, n, dtype=T.float64)
    for a, b in zip(t.reshape(-1).tolist(), p.reshape(-1).tolist()):
        c[a, b] += 1
    return c


def over(a, b):
    return T.where(b > 0, a / T.where(b > 0, b, 1), 0)


def put(num, den, records, how):
    each = over(num, den)
    return {"none": each, "binary": each[1], "macro": each.mean(), "micro": over(num.sum(), den.sum()),
            "weighted": over((each * records).sum(), records.sum())}[how]  # fmt: skip


def scores(c, how):
    tp, t, p = c.diagonal(), c.sum(1), c.sum(0)
    return [put(tp, p, t, how), put(tp, t, t, how), put(2 * tp, t + p, t, how), put(5 * tp, 4 * t + p, t, how), put(tp, t + p - tp, t, how)]


def mcc(c):
    s, p, t = c.sum(), c.sum(0), c.sum(1)
    den = (s * s - (p * p).sum()) * (s * s - (t * t).sum())
    return (c.trace() * s - (p * t).sum()) / den.sqrt() if den > 0 else T.zeros((), dtype=T.float64)


def kappa(c):
    s, chance = c.sum(), (c.sum(0) * c.sum(1)).sum()
    return (s * c.trace() - chance) / (s * s - chance)


def named(n, how):
    more = "" if (n, how) == (2, "binary") else f', {n}, how = "{how}"'
    beta = ", 2.0" + more
    return [f"precision(p, t{more})", f"recall(p, t{more})", f"f1(p, t{more})", f"fbeta(p, t{beta})", f"iou(p, t{more})"]


def of_classes(n, hows, **inputs):
    outs = [f"confusion(p, t, {n})"] + [o for how in hows for o in named(n, how)]
    outs += [f"mcc(p, t, {n})", f"kappa(p, t, {n})", "accuracy(p, t)"]

    def fn(v):
        c = confusion(v["p"], v["t"], n)
        return [c] + [x for how in hows for x in scores(c, how)] + [mcc(c), kappa(c), (v["p"] == v["t"]).double().mean()]

    program(f"classes{n}", outs, fn, **inputs)


of_classes(3, ["none", "macro", "micro", "weighted"], p=ints(17, n=3), t=ints(17, n=3))
of_classes(2, ["binary", "macro"], p=ints(3, 4, n=2), t=ints(3, 4, n=2))
of_classes(5, ["none", "macro", "weighted"], p=ints(6, n=2), t=ints(6, n=4))
program("one_class", ["mcc(p, t)", "precision(p, t)", "recall(p, t)"], lambda v: [T.zeros((), dtype=T.float64)] * 3, p=T.zeros(4, dtype=T.int64), t=T.ones(4, dtype=T.int64))


def topk(v, k):
    order = v["z"].sort(dim=-1, descending=True, stable=True).indices[..., :k]
    return (order == v["t"][..., None]).any(-1).double().mean()


Z = (rand(9, 4) * 2).round() / 2  # equal ones
program("topk", [f"topk_accuracy(z, t, {k})" for k in (1, 2, 4)], lambda v: [topk(v, k) for k in (1, 2, 4)], z=Z, t=ints(9, n=4))
program("topk_nan", "topk_accuracy(z, t, 2)", lambda v: T.tensor(0.5).double(), z=T.tensor([[T.nan, 1, 2], [1, T.nan, 3.0]]).double(), t=T.tensor([2, 0]))
program("perplexity", ["perplexity(z, t)", "perplexity(z, i, ignore = -1)"],
        lambda v: [T.nn.functional.cross_entropy(v["z"], v["t"]).exp(),
                   T.nn.functional.cross_entropy(v["z"], v["i"], ignore_index=-1).exp()],
        z=rand(5, 3), t=ints(5, n=3), i=T.tensor([0, -1, 2, -1, 1]))  # fmt: skip


def r2(p, t):
    left, all_ = ((t - p) ** 2).sum(0), ((t - t.mean(0)) ** 2).sum(0)
    return T.where(all_ > 0, 1 - left / T.where(all_ > 0, all_, 1), T.where(left > 0, 0.0, 1.0)).mean()


program("r2", ["r2(x, y)", "r2(x[:, 0], y[:, 0])", "r2(c, c)", "r2(c + 1, c)", "r2(x + 1000, y + 1000)"],
        lambda v: [r2(v["x"], v["y"]), r2(v["x"][:, 0], v["y"][:, 0]), r2(v["c"], v["c"]), r2(v["c"] + 1, v["c"]), r2(v["x"], v["y"])],
        x=(rand(8, 3) * 64).round() / 64, y=(rand(8, 3) * 64).round() / 64, c=vec(2, 2, 2))  # fmt: skip


def auc(z, t):
    a, b = z[t > 0], z[t <= 0]
    return ((a[:, None] > b).double() + (a[:, None] == b).double() / 2).mean()


def average_precision(z, t):
    above = z[None] >= z[:, None]
    each = (above * (t > 0)).sum(1).double() / above.sum(1)
    return each[t > 0].mean()


program("ranks", ["auc(z, t)", "average_precision(z, t)", "auc(z, t > 0)", "auc(-z, t, most = 30)", "auc(z, 0 * t)", "auc(n, t[0:3])"],
        lambda v: [auc(v["z"], v["t"]), average_precision(v["z"], v["t"]), auc(v["z"], v["t"]), auc(-v["z"], v["t"]), T.tensor(T.nan).double(), T.tensor(T.nan).double()],
        z=(rand(23) * 4).round() / 4, t=ints(23, n=2), n=vec(1, T.nan, 2))  # fmt: skip
program("gathered", ["total(x)", "collect(x)", "total(t > 1)", "collect(t, 5)"], lambda v: [v["x"], v["x"], (v["t"] > 1).double(), v["t"]], x=rand(3, 2), t=ints(3, n=4))
