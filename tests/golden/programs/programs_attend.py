# SPDX-License-Identifier: Apache-2.0
"""Attention: sizes around those of tiles, heads that share keys, causal with more or fewer keys than queries, lengths,
queries that see no key, second derivatives."""

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from program import Program
from values import RNG, rand

T = torch
RNG.seed("attend")


def seen(v, causal):
    """[B, 1, T, S]: whether a query sees a key; the last query is at the last key."""
    b, t, s = v["q"].shape[0], v["q"].shape[2], v["k"].shape[2]
    mask = T.ones(t, s, dtype=T.bool).tril(s - t) if causal else T.ones(t, s, dtype=T.bool)
    mask = mask.expand(b, 1, t, s)
    return mask & (T.arange(s) < v["n"].reshape(b, 1, 1, 1)) if "n" in v else mask


def attention(v, causal, scale):
    """PyTorch gives NaN for a query that sees no key: here 0."""
    mask = seen(v, causal)
    some = mask.any(-1, keepdim=True)
    with sdpa_kernel(SDPBackend.MATH):
        o = F.scaled_dot_product_attention(
            v["q"], v["k"], v["v"], attn_mask=mask | ~some, scale=scale, enable_gqa=True
        )
    return T.where(some, o, T.zeros_like(o))


def lse(v, causal, scale):
    k = v["k"].repeat_interleave(v["q"].shape[1] // v["k"].shape[1], 1)
    x = v["q"] @ k.mT * scale
    return T.logsumexp(x.masked_fill(~seen(v, causal), -T.inf), -1)


def attend(name, q, kv, e=None, causal=False, lengths=None, scale=0.5, sums=True, **kw):
    """q: [B, H, T, D]; kv: heads and number of keys; sums: lse is a result, which needs a key for each query."""
    v = dict(q=rand(*q), k=rand(q[0], *kv, q[3]), v=rand(q[0], *kv, e or q[3]))
    if lengths:
        v["n"] = T.tensor(lengths)
    args = (", n" if lengths else "") + (", causal = true" if causal else "")
    Program(
        "attend_" + name,
        f"o, sums = attend(q, k, v{args}, scale = {scale})",
        ["o", "sums"] if sums else "o",
        lambda v: (attention(v, causal, scale), lse(v, causal, scale)) if sums else attention(v, causal, scale),
        file="attend",
        **kw,
        **v,
    )


attend("one", (1, 1, 1, 1), (1, 1), causal=True, known="the softmax of one score is 1")
attend("heads", (2, 4, 5, 3), (2, 7), e=2)
attend("later_keys", (1, 2, 3, 2), (1, 6), causal=True, scale=-0.75)
attend("no_keys", (1, 2, 6, 2), (2, 3), causal=True, sums=False)
attend("lengths", (4, 2, 3, 2), (1, 5), lengths=[5, 0, 2, 9], sums=False, known="one has no keys")
attend("lengths_causal", (2, 1, 4, 3), (1, 4), lengths=[3, 1], causal=True)
for t in 63, 65:
    attend(f"tile_{t}", (1, 1, t, 2), (1, t), causal=True)
attend("tiles", (1, 1, 100, 2), (1, 150), causal=True)
attend("tiles_back", (1, 1, 100, 2), (1, 30), causal=True, sums=False)
attend("tiles_lengths", (2, 1, 20, 3), (1, 70), lengths=[69, 33])
attend("wide", (1, 1, 16, 66), (1, 17), e=3, scale=0.0625)
attend("wide_values", (1, 1, 18, 2), (1, 17), e=66)

Program(
    "attend_second",
    "o, sums = attend(q, k, v, causal = true)",
    ["o", "sums"],
    lambda v: (attention(v, True, 3**-0.5), lse(v, True, 3**-0.5)),
    more=[
        (f"grad(sum(grad(l, {a}) ** 2), {b})", lambda v, o, l, a=a, b=b: second(v, l, a, b))
        for a, b in (("q", "k"), ("k", "v"), ("v", "q"))
    ],
    file="attend",
    q=rand(2, 2, 4, 3),
    k=rand(2, 1, 4, 3),
    v=rand(2, 1, 4, 3),
)


def second(v, l, a, b):
    first = T.autograd.grad(l, v[a], create_graph=True)[0]
    return T.autograd.grad((first**2).sum(), v[b], create_graph=True)[0]
