# SPDX-License-Identifier: Apache-2.0
"""Every loss of std, reduced in each way, with its arguments, at kinks and where PyTorch clamps."""

import torch
import torch.nn.functional as F

from program import Program
from values import RNG, ints, rand, vec

T = torch
RNG.seed("losses")
HOWS = ("mean", "sum", "none")


def signs(*shape):
    return T.tensor([RNG.choice([-1.0, 1.0]) for _ in range(T.Size(shape).numel())], dtype=T.float64).reshape(shape)


def share(*shape):
    return rand(*shape, lo=0.0, hi=1.0)


def loss(name, text, fn, hows=HOWS, known="few losses", **inputs):
    """`text` with $ for the way of reduction; fn(v, how)."""
    Program(
        "loss_" + name,
        "",
        [text.replace("$", f'how = "{h}"') for h in hows],
        lambda v: [fn(v, h) for h in hows],
        file="losses",
        known=known,
        **inputs,
    )


def hvp(f, x):
    return T.autograd.functional.hvp(f, x, x)[1]


# ---- of predictions and targets of one shape ----

PAIRS = dict(p=rand(3, 5), t=rand(3, 5))
for name, args, fn in [
    ("mse", "", F.mse_loss),
    ("l1", "", F.l1_loss),
    ("smooth_l1", "", F.smooth_l1_loss),
    ("smooth_l1", ", beta = 0.25", lambda p, t, reduction: F.smooth_l1_loss(p, t, beta=0.25, reduction=reduction)),
    ("smooth_l1", ", 0", lambda p, t, reduction: F.smooth_l1_loss(p, t, beta=0.0, reduction=reduction)),
    ("huber", "", F.huber_loss),
    ("huber", ", 0.5", lambda p, t, reduction: F.huber_loss(p, t, delta=0.5, reduction=reduction)),
]:
    case = name + args.replace(", ", "_").replace("beta = ", "").replace(".", "")
    for more, pair in [
        ("", PAIRS),
        ("_kinks", dict(p=vec(0, 1, -1, 0.5, 0.25, -0.25), t=T.zeros(6, dtype=T.float64))),
        ("_one", dict(p=rand(1, 1), t=rand(1, 1))),
    ]:
        loss(
            case + more, f"{name}(p, t{args}, $)", lambda v, h, f=fn: f(v["p"], v["t"], reduction=h), by=["p"], **pair
        )

# ---- of classes ----


def ce(z, t, how, **kw):
    return F.cross_entropy(z.movedim(-1, 1) if z.dim() > 1 else z, t, reduction=how, **kw)


Z, Y, W = rand(4, 5), ints(4, n=5), share(5)
IGNORED = T.tensor([2, -100, 0, 4])
for name, args, kw, t in [
    ("plain", "", {}, Y),
    ("smooth", ", smooth = 0.25", dict(label_smoothing=0.25), Y),
    ("ignored", ", ignore = -100", {}, IGNORED),
    ("ignored_one", ", 0.25, none, 2", dict(ignore_index=2, label_smoothing=0.25), Y),
    ("computed", "", {}, IGNORED),
    ("all_ignored", ", ignore = -100", {}, T.full((4,), -100)),
]:
    given = "t + 0" if name == "computed" else "t"
    loss("cross_entropy_" + name, f"cross_entropy(z, {given}{args}, $)", lambda v, h, kw=kw: ce(v["z"], v["t"], h, **kw), z=Z, t=t)
for name, args, kw, t in [
    ("weight", ", weight = w", {}, Y),
    ("weight_smooth", ", 0.25, w", dict(label_smoothing=0.25), Y),
    ("weight_ignored", ", 0.25, w, -100", dict(label_smoothing=0.25), IGNORED),
]:
    loss(
        "cross_entropy_" + name,
        f"cross_entropy(z, t{args}, $)",
        lambda v, h, kw=kw: ce(v["z"], v["t"], h, weight=v["w"], **kw),
        by=["z"],
        z=Z,
        t=t,
        w=W,
    )
loss(
    "cross_entropy_pixels",
    "cross_entropy(z, t, ignore = 1, $)",
    lambda v, h: ce(v["z"], v["t"], h, ignore_index=1),
    z=rand(2, 3, 2, 4),
    t=ints(2, 3, 2, n=4),
)
loss("cross_entropy_one", "cross_entropy(z, t, $)", lambda v, h: ce(v["z"], v["t"], h), z=rand(1, 1), t=ints(1, n=1))
loss(
    "cross_entropy_far",
    "cross_entropy(z, t, weight = w, $)",
    lambda v, h: ce(v["z"], v["t"], h, weight=v["w"]),
    by=["z"],
    known="differences of large numbers",
    z=T.tensor([[1e4, -1e4, 0.0], [88.0, -104.0, 200.0]], dtype=T.float64),
    t=T.tensor([1, 0]),
    w=share(3),
)
P = T.tensor([[0.5, 0.25, 0.125, 0.125, 0], [0, 1, 0, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2], [0.75, 0, 0, 0.25, 0]]).double()
loss("soft_cross_entropy", "soft_cross_entropy(z, p, $)", lambda v, h: ce(v["z"], v["p"], h), z=Z, p=P)
loss(
    "soft_cross_entropy_args",
    "soft_cross_entropy(z, p, 0.25, w, $)",
    lambda v, h: ce(v["z"], v["p"], h, label_smoothing=0.25, weight=v["w"]),
    by=["z", "p"],
    z=Z,
    p=P,
    w=W,
)
loss("nll", "nll(z, t, $)", lambda v, h: F.nll_loss(v["z"], v["t"], reduction=h), z=Z, t=Y)
loss(
    "nll_args",
    "nll(z, t, w, ignore = -100, $)",
    lambda v, h: F.nll_loss(v["z"], v["t"], v["w"], reduction=h),
    by=["z"],
    z=Z,
    t=IGNORED,
    w=W,
)
for name, args, kw in [
    ("", "", {}),
    ("_square", ", p = 2, margin = 0.5", dict(p=2, margin=0.5)),
    ("_weight", ", 1, 1.5, w", dict(margin=1.5, weight=True)),
]:
    loss(
        "multi_margin" + name,
        f"multi_margin(z, t{args}, $)",
        lambda v, h, kw=kw: F.multi_margin_loss(
            v["z"], v["t"], reduction=h, **{k: v["w"] if k == "weight" else x for k, x in kw.items()}
        ),
        by=["z"],
        z=Z,
        t=Y,
        w=W,
    )
loss(
    "multilabel_margin",
    "multilabel_margin(z, t, $)",
    lambda v, h: F.multilabel_margin_loss(v["z"], v["t"], reduction=h),
    z=Z,
    t=T.tensor([[3, 0, -1, 1, 2], [-1, 0, 0, 0, 0], [0, 1, 2, 3, 4], [2, -1, 3, 3, -1]]),
)
loss(
    "multilabel_margin_one",
    "multilabel_margin(z, t, $)",
    lambda v, h: F.multilabel_margin_loss(v["z"], v["t"], reduction=h),
    z=rand(3),
    t=T.tensor([1, -1, 0]),
)
HIT = T.tensor([[1.0, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 0, 0]], dtype=T.float64)
for name, args, w in [("", "", False), ("_weight", ", w", True)]:
    loss(
        "multilabel_soft_margin" + name,
        f"multilabel_soft_margin(z, t{args}, $)",
        lambda v, h, w=w: F.multilabel_soft_margin_loss(v["z"], v["t"], v["w"] if w else None, reduction=h),
        by=["z"],
        z=Z,
        t=HIT,
        w=W,
    )

# ---- of probabilities ----

loss("bce", "bce(p, t, $)", lambda v, h: F.binary_cross_entropy(v["p"], v["t"], reduction=h), p=share(3, 4), t=share(3, 4))
loss(
    "bce_weight",
    "bce(p, t, w, $)",
    lambda v, h: F.binary_cross_entropy(v["p"], v["t"], v["w"], reduction=h),
    by=["p"],
    p=share(3, 4),
    t=share(3, 4),
    w=share(4),
)
loss(
    "bce_ends",
    "bce(p, t, $)",
    lambda v, h: F.binary_cross_entropy(v["p"], v["t"], reduction=h),
    by=["p"],
    p=vec(0, 0, 1, 1, 0),
    t=vec(0, 1, 0, 1, 0.5),
)
for name, args, kw in [
    ("", "", []),
    ("_weight", ", w", ["weight"]),
    ("_pos", ", pos_weight = w", ["pos_weight"]),
    ("_both", ", w, w", ["weight", "pos_weight"]),
]:
    loss(
        "bce_with_logits" + name,
        f"bce_with_logits(z, t{args}, $)",
        lambda v, h, kw=kw: F.binary_cross_entropy_with_logits(v["z"], v["t"], reduction=h, **{k: v["w"] for k in kw}),
        by=["z"],
        z=T.cat([Z[:3], vec(0, 1e3, -1e3, 0, 1)[None]]),
        t=HIT,
        w=W,
    )


def focal(z, t, how, alpha=0.25, gamma=2.0):
    p = z.sigmoid()
    e = F.binary_cross_entropy_with_logits(z, t, reduction="none") * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
    e = (alpha * t + (1 - alpha) * (1 - t)) * e if alpha >= 0 else e
    return {"mean": e.mean, "sum": e.sum, "none": lambda: e}[how]()


loss("focal", "focal(z, t, $)", lambda v, h: focal(v["z"], v["t"], h), by=["z"], z=Z, t=HIT)
loss("focal_args", "focal(z, t, -1, gamma = 1.5, $)", lambda v, h: focal(v["z"], v["t"], h, -1, 1.5), by=["z"], z=Z, t=HIT)


def dice(p, t, how, eps=1.0):
    p, t = p.flatten(1), t.flatten(1)
    e = 1 - (2 * T.linalg.vecdot(p, t) + eps) / (p.sum(1) + t.sum(1) + eps)
    return {"mean": e.mean, "sum": e.sum, "none": lambda: e}[how]()


loss("dice", "dice(p, t, $)", lambda v, h: dice(v["p"], v["t"], h), p=share(3, 2, 3), t=share(3, 2, 3))
loss("dice_args", "dice(p, t, eps = 0.5, $)", lambda v, h: dice(v["p"], v["t"], h, 0.5), p=share(1, 4), t=share(1, 4))
KL = ("mean", "sum", "none", "batchmean")
loss("kl_div", "kl_div(z, p, $)", lambda v, h: F.kl_div(v["z"], v["p"], reduction=h), KL, by=["z"], z=Z, p=P)
loss("kl_div_inner", "kl_div(z, p, $)", lambda v, h: F.kl_div(v["z"], v["p"], reduction=h), KL, z=rand(2, 3), p=share(2, 3))
loss(
    "kl_div_log", "kl_div(z, p, log_target = true, $)", lambda v, h: F.kl_div(v["z"], v["p"], log_target=True, reduction=h), KL, z=Z, p=rand(4, 5)
)
COUNT = T.tensor([[0.0, 1, 2, 3, 5], [1, 0, 0, 10, 1]], dtype=T.float64)
for name, args, kw, x in [
    ("", "", {}, rand(2, 5)),
    ("_full", ", full = true", dict(full=True), rand(2, 5)),
    ("_linear", ", false, eps = 0.125", dict(log_input=False, eps=0.125), share(2, 5)),
]:
    loss(
        "poisson_nll" + name,
        f"poisson_nll(x, t{args}, $)",
        lambda v, h, kw=kw: F.poisson_nll_loss(v["x"], v["t"], reduction=h, **kw),
        by=["x"],
        x=x,
        t=COUNT,
    )
for name, args, kw, var in [
    ("", "", {}, share(2, 5)),
    ("_full", ", full = true", dict(full=True), share(2, 1)),
    ("_lacks", "", {}, share(2)),
    ("_clamped", ", eps = 0.25", dict(eps=0.25), T.tensor([[0.0, 0.1, 0.25, 0.5, 1]] * 2).double()),
]:
    loss(
        "gaussian_nll" + name,
        f"gaussian_nll(x, t, u{args}, $)",
        lambda v, h, kw=kw: F.gaussian_nll_loss(v["x"], v["t"], v["u"], reduction=h, **kw),
        x=rand(2, 5),
        t=rand(2, 5),
        u=var,
    )

# ---- of pairs ----

loss(
    "margin_ranking",
    "margin_ranking(a, b, y, $)",
    lambda v, h: F.margin_ranking_loss(v["a"], v["b"], v["y"], reduction=h),
    by=["a", "b"],
    a=rand(5),
    b=rand(5),
    y=signs(5),
)
loss(
    "margin_ranking_args",
    "margin_ranking(a, b, y, margin = 0.5, $)",
    lambda v, h: F.margin_ranking_loss(v["a"], v["b"], v["y"], 0.5, reduction=h),
    by=["a", "b"],
    a=rand(2, 3),
    b=rand(2, 3),
    y=signs(2, 3),
)
for name, args, m in [("", "", 1.0), ("_args", ", 1.5", 1.5)]:
    loss(
        "hinge_embedding" + name,
        f"hinge_embedding(x, y{args}, $)",
        lambda v, h, m=m: F.hinge_embedding_loss(v["x"], v["y"], m, reduction=h),
        by=["x"],
        x=rand(2, 4),
        y=signs(2, 4),
    )
loss(
    "soft_margin",
    "soft_margin(x, y, $)",
    lambda v, h: F.soft_margin_loss(v["x"], v["y"], reduction=h),
    by=["x"],
    x=rand(2, 4),
    y=signs(2, 4),
)
for name, args, m in [("", "", 0.0), ("_args", ", margin = 0.25", 0.25)]:
    loss(
        "cosine_embedding" + name,
        f"cosine_embedding(a, b, y{args}, $)",
        lambda v, h, m=m: F.cosine_embedding_loss(v["a"], v["b"], v["y"], m, reduction=h),
        by=["a", "b"],
        a=rand(4, 3),
        b=rand(4, 3),
        y=vec(1, -1, 1, -1),
    )
THREE = dict(a=rand(4, 3), p=rand(4, 3), n=rand(4, 3))
for name, args, kw in [
    ("", "", {}),
    ("_swap", ", swap = true", dict(swap=True)),
    ("_args", ", 2, 1, 0.125, true", dict(margin=2.0, p=1.0, eps=0.125, swap=True)),
    ("_cubic", ", p = 3", dict(p=3.0)),
]:
    loss(
        "triplet_margin" + name,
        f"triplet_margin(a, p, n{args}, $)",
        lambda v, h, kw=kw: F.triplet_margin_loss(v["a"], v["p"], v["n"], reduction=h, **kw),
        **THREE,
    )
loss(
    "triplet_margin_with_distance",
    "triplet_margin_with_distance(a, p, n, $)",
    lambda v, h: F.triplet_margin_with_distance_loss(v["a"], v["p"], v["n"], reduction=h),
    **THREE,
)
loss(
    "triplet_margin_with_distance_args",
    "triplet_margin_with_distance(a, p, n, far, 0.5, true, $)",
    lambda v, h: F.triplet_margin_with_distance_loss(
        v["a"], v["p"], v["n"], distance_function=lambda a, b: (a - b).abs().sum(-1), margin=0.5, swap=True, reduction=h
    ),
    helpers=["def far(a: f32[..., D], b: f32[..., D]) { sum(abs(a - b), axes = [-1]) }\n"],
    **THREE,
)


def info_nce(a, b, how, tau=0.07):
    return F.cross_entropy(F.normalize(a) @ F.normalize(b).T / tau, T.arange(len(a)), reduction=how)


loss("info_nce", "info_nce(a, b, $)", lambda v, h: info_nce(v["a"], v["b"], h), a=rand(3, 4), b=rand(3, 4))
loss("info_nce_args", "info_nce(a, b, tau = 0.5, $)", lambda v, h: info_nce(v["a"], v["b"], h, 0.5), a=rand(2, 1), b=rand(2, 1))

# ---- of sequences: the gradient is by logits, since PyTorch's by their logarithms counts on log_softmax ----


def ctc(v, h, n, m, **kw):
    z = v["z"].log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(z, v["t"], T.tensor(n), T.tensor(m), reduction=h, **kw)


for name, args, (b, t, c, s), n, m, labels, kw in [
    ("", "", (3, 6, 4, 2), (6, 5, 6), (2, 2, 1), [[1, 2], [3, 3], [2, 1]], {}),
    ("_blank", ", blank = 3", (2, 5, 4, 3), (5, 4), (3, 1), [[0, 0, 1], [2, 0, 0]], dict(blank=3)),
    ("_none", "", (2, 3, 2, 1), (3, 2), (0, 1), [[1], [1]], {}),
    ("_long", "", (1, 9, 3, 3), (9,), (3,), [[1, 1, 2]], {}),
    ("_never", ", zero_inf = true", (2, 3, 3, 3), (3, 3), (3, 1), [[1, 1, 1], [2, 1, 1]], dict(zero_infinity=True)),
]:
    loss(
        "ctc" + name,
        f"ctc(log_softmax(z), t, n, m{args}, $)",
        lambda v, h, n=n, m=m, kw=kw: ctc(v, h, n, m, **kw),
        z=rand(b, t, c),
        t=T.tensor(labels),
        n=T.tensor(n),
        m=T.tensor(m),
    )

# ---- norms and distances ----

X, X0 = rand(3, 4), T.cat([rand(2, 4), T.zeros(1, 4, dtype=T.float64)])
for name, args, p in [("2", "", 2), ("1", ", 1", 1), ("3", ", 3", 3), ("half", ", 0.5", 0.5), ("inf", ", inf", T.inf), ("least", ", -inf", -T.inf), ("0", ", p = 0", 0)]:
    keep = ", keep = true"
    Program(
        "norm_" + name,
        "",
        [f"norm(x{args})", f"norm(x{args}, axes = [1])", f"norm(z{args}, axes = [0]{keep})", f"norm(z{args}, axes = 1)"],
        lambda v, p=p: [
            T.linalg.vector_norm(v["x"], p),
            T.linalg.vector_norm(v["x"], p, 1),
            T.linalg.vector_norm(v["z"], p, 0, True),
            T.linalg.vector_norm(v["z"], p, 1),
        ],
        by=["x"] if p in (T.inf, -T.inf, 0) else None,
        file="losses",
        known="zeros",
        x=X,
        z=X0,
    )
for name, args, kw in [("", "", {}), ("_args", ", 1, axis = 0, eps = 0.5", dict(p=1.0, dim=0, eps=0.5))]:
    Program(
        "of_normalize" + name,
        "",
        [f"normalize(x{args})", f"normalize(z{args})"],
        lambda v, kw=kw: [F.normalize(v[n], **({"dim": -1} | kw)) for n in "xz"],
        by=["x"],
        file="losses",
        known="zeros",
        x=X,
        z=X0,
    )
for name, args, kw in [("", "", {}), ("_args", ", 1, 0.125, keep = true", dict(p=1.0, eps=0.125, keepdim=True))]:
    Program(
        "of_pairwise_distance" + name,
        "",
        f"pairwise_distance(x, y{args})",
        lambda v, kw=kw: F.pairwise_distance(v["x"], v["y"], **kw),
        file="losses",
        x=X,
        y=rand(3, 4),
    )
for name, args, kw in [("", "", {}), ("_args", ", axis = 0, eps = 4", dict(dim=0, eps=4.0))]:
    Program(
        "of_cosine_similarity" + name,
        "",
        f"cosine_similarity(x, y{args})",
        lambda v, kw=kw: F.cosine_similarity(v["x"], v["y"], **({"dim": -1} | kw)),
        file="losses",
        known="",
        x=X,
        y=rand(3, 4),
    )
