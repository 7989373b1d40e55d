# SPDX-License-Identifier: Apache-2.0
"""The op attend: sizes around those of tiles, heads that share keys, causal with more or fewer keys than queries, lengths,
queries that see no key, second derivatives. Then attention of std over it, with masks."""

import math

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from program import Layer, Program
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


# ---- attention and multi_head_attention ------------------------------------------------------------------------------


def reference(q, k, v, mask=None, causal=False, scale=None):
    """PyTorch's function; where a query sees no key, which gives NaN there, 0."""
    t, s = q.shape[-2], k.shape[-2]
    some = T.ones((), dtype=T.bool)
    if causal:
        seen = T.ones(t, s, dtype=T.bool).tril(s - t)
        mask = seen if mask is None else mask & seen if mask.dtype == T.bool else mask.masked_fill(~seen, -T.inf)
    if mask is not None and mask.dtype == T.bool:
        some = mask.any(-1, keepdim=True)
        mask = mask | ~some
    with sdpa_kernel(SDPBackend.MATH):
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=q.dim() > 3)
    return T.where(some, o, T.zeros_like(o))


def bools(*shape, lost=()):
    """Each query sees its first key at least, but for the rows in `lost`."""
    mask = T.tensor([RNG.random() < 0.6 for _ in range(math.prod(shape))]).reshape(shape)
    mask[..., 0] = True
    for row in lost:
        mask[..., row, :] = False
    return mask


def scaled(name, args, q, k, v, **kw):
    fn = {a: kw.pop(a) for a in ("causal", "scale") if a in kw}
    Program(
        "attention_" + name,
        "",
        f"attention(q, k, v{args})",
        lambda x: reference(x["q"], x["k"], x["v"], x.get("mask"), **fn),
        file="attention",
        q=rand(*q),
        k=rand(*k),
        v=rand(*v),
        **kw,
    )


scaled("plain", "", (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3))
scaled("heads", ", causal = true, scale = 0.25", (1, 4, 3, 2), (1, 2, 5, 2), (1, 2, 5, 2), causal=True, scale=0.25)
scaled("unbatched", ", causal = true", (2, 4, 3), (2, 4, 3), (2, 4, 3), causal=True)
scaled("batches", "", (2, 3, 1, 2, 4), (2, 3, 1, 3, 4), (2, 3, 1, 3, 2))
for n, mask in [("mask", bools(3, 5)), ("mask_lost", bools(3, 5, lost=[1])), ("mask_batch", bools(2, 1, 3, 5)),
                ("mask_heads", bools(2, 4, 3, 5)), ("added", rand(3, 5)), ("added_heads", rand(1, 4, 3, 5))]:  # fmt: skip
    scaled(n, ", mask", (2, 4, 3, 2), (2, 2, 5, 2), (2, 2, 5, 3), mask=mask)
scaled("mask_causal", ", mask, true", (1, 1, 4, 2), (1, 1, 4, 2), (1, 1, 4, 2), mask=bools(4, 4), causal=True)
scaled("added_causal", ", mask, true, 0.5", (1, 1, 4, 2), (1, 1, 5, 2), (1, 1, 5, 2), mask=rand(4, 5), causal=True,
       scale=0.5)  # fmt: skip


def multi_head(v, q, k, x, heads, kv_heads, causal):
    w = {n: v.get("multi_head_attention." + n) for n in ("wq", "wk", "wv", "wo", "bq", "bk", "bv", "bo")}
    mask, padding = v.get("mask"), v.get("padding")
    mask = mask > 0 if mask is not None else None
    if kv_heads == heads:
        d = q.shape[-1]
        layer = T.nn.MultiheadAttention(
            d, heads, bias=w["bq"] is not None, kdim=k.shape[-1], vdim=x.shape[-1], batch_first=True
        )
        same = k.shape[-1] == x.shape[-1] == d
        parts = {"in_proj_weight": T.cat([w["wq"].T, w["wk"].T, w["wv"].T])} if same else {
            f"{n}_proj_weight": w["w" + n].T for n in "qkv"
        }  # fmt: skip
        parts |= {"out_proj.weight": w["wo"].T}
        if w["bq"] is not None:
            parts |= {"in_proj_bias": T.cat([w["bq"], w["bk"], w["bv"]]), "out_proj.bias": w["bo"]}
        if causal:
            seen = T.ones(q.shape[1], k.shape[1], dtype=T.bool).tril(k.shape[1] - q.shape[1])
            mask = seen if mask is None else mask & seen
        given = {"attn_mask": None if mask is None else ~mask, "need_weights": False}
        given |= {"key_padding_mask": padding == 0} if padding is not None else {}
        return T.func.functional_call(layer.to(q.dtype), parts, (q, k, x), given)[0]
    rows = [F.linear(a, w["w" + n].T, w["b" + n]) for a, n in ((q, "q"), (k, "k"), (x, "v"))]
    rows = [r.unflatten(-1, (h, -1)).transpose(1, 2) for r, h in zip(rows, (heads, kv_heads, kv_heads))]
    y = reference(*rows, mask=mask, causal=causal).transpose(1, 2).flatten(2)
    return F.linear(y, w["wo"].T, w["bo"])


def multi(name, args, q, k, v, heads, kv_heads=None, causal=False, bias=True, alone=False, known="", **inputs):
    """alone: k and v are q."""
    d, kv = q[-1], (kv_heads or heads) * (q[-1] // heads)
    sizes = {"wq": (d, d), "wk": (k[-1], kv), "wv": (v[-1], kv), "wo": (d, d)}
    sizes |= {"bq": (d,), "bk": (kv,), "bv": (kv,), "bo": (d,)} if bias else {}
    rows = {"q": rand(*q)} | ({} if alone else {"k": rand(*k), "v": rand(*v)})
    of = (lambda x: (x["q"],) * 3) if alone else (lambda x: (x["q"], x["k"], x["v"]))
    Layer(
        "multi_head_" + name,
        f"multi_head_attention({'q, q, q' if alone else 'q, k, v'}, {heads}{args})",
        lambda x: multi_head(x, *of(x), heads, kv_heads or heads, causal),
        {"multi_head_attention." + n: rand(*s, lo=-1, hi=1) for n, s in sizes.items()},
        file="layers_attention",
        known=known,
        **rows,
        **inputs,
    )


def ints_of(mask):
    return mask.to(T.int32)


multi("cross", "", (2, 3, 4), (2, 5, 3), (2, 5, 2), 2)
multi("self", ", causal = true", (1, 4, 4), (1, 4, 4), (1, 4, 4), 2, causal=True, alone=True)
multi("plain", ", bias = false", (1, 2, 4), (1, 3, 4), (1, 3, 4), 1, bias=False)
multi("shared", ", kv_heads = 1", (1, 3, 4), (1, 5, 2), (1, 5, 3), 2, kv_heads=1)
multi("padding", ", padding = padding > 0", (2, 3, 4), (2, 5, 4), (2, 5, 4), 2, padding=ints_of(bools(2, 5)))
multi("masked", ", mask = mask > 0, padding = padding > 0, causal = true", (2, 4, 4), (2, 4, 4), (2, 4, 4), 2, causal=True,
      mask=ints_of(bools(4, 4)), padding=ints_of(bools(2, 4)))  # fmt: skip

# Tiles whose first columns see none of their keys, at an offset that is not that of a vector; last, since it draws numbers
attend("tiles_between", (1, 2, 90, 2), (1, 107), causal=True)
