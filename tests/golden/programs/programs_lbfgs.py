# SPDX-License-Identifier: Apache-2.0
"""50 steps of L-BFGS, those of torch.optim without tolerances."""

from torch import optim

from programs_optim import MODEL, STEPS, twin
from program import Training
from values import RNG, rand

RNG.seed("lbfgs")


def steps(name, text, **kw):
    p = Training(
        "steps_" + name,
        MODEL.replace("OPTIM", text).replace("STEPS", str(STEPS)),
        {"net.a": rand(3, 2, lo=-1, hi=1), "net.b": rand(2, lo=-1, hi=1)},
        [[]] * STEPS,
        lambda v: twin(v),
        lambda w: optim.LBFGS(w.values(), tolerance_grad=0, tolerance_change=0, **kw),
        known="far from the start",
    )
    p.samples, p.slack = 3, 1e-6  # of many evaluations each; PyTorch has some numbers in f32


WOLFE = "strong_wolfe"
steps("lbfgs", "lbfgs(iterations = 2, history = 6)", max_iter=2, history_size=6, line_search_fn=WOLFE)
steps("lbfgs_args", "lbfgs(0.5, iterations = 3, history = 2)", lr=0.5, max_iter=3, history_size=2, line_search_fn=WOLFE)
steps("lbfgs_far", "lbfgs(64, iterations = 8, history = 1)", lr=64, max_iter=8, history_size=1, line_search_fn=WOLFE)
steps("lbfgs_none", 'lbfgs(0.5, 1, 6, line = "none")', lr=0.5, max_iter=1, history_size=6)
steps("lbfgs_none_args", 'lbfgs(0.0625, iterations = 3, history = 2, line = "none")', lr=0.0625, max_iter=3, history_size=2)
