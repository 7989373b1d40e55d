# SPDX-License-Identifier: Apache-2.0
"""Twins of models of tests/models/zoo for make_curves.py, over tables of weights in gradc's names.

Shapes are those of the curves' .nn files, which are smaller than the models there.
"""

import math

import torch
import torch.nn.functional as F


def linear(p, name, x):
    y = x @ p[name + ".w"]
    return y + p[name + ".b"] if name + ".b" in p else y


def layernorm(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[name + ".g"], p[name + ".b"])


def rmsnorm(p, name, x):
    return F.rms_norm(x, x.shape[-1:], p[name + ".g"], 1e-5)


def split_heads(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(x):
    return x.transpose(1, 2).flatten(2)


# ---- vision transformer ---------------------------------------------------------------------------------------------


def vit(p, x):
    b = x.shape[0]
    t = F.conv2d(x, p["net.conv2d.w"], p["net.conv2d.b"], stride=2).flatten(2).transpose(1, 2)
    h = torch.cat([p["net.class"].expand(b, 1, -1), t], 1) + p["net.learned_positions.w"]
    for i in (1, 2):
        n = f"net.transformer_encoder.encoder_layer_{i}"
        z = layernorm(p, n + ".layernorm_1", h)
        m = n + ".multi_head_attention"
        q, k, v = (split_heads(z @ p[f"{m}.w{c}"] + p[f"{m}.b{c}"], 2) for c in "qkv")
        h = h + join_heads(F.scaled_dot_product_attention(q, k, v)) @ p[m + ".wo"] + p[m + ".bo"]
        h = h + linear(p, n + ".linear_2", F.gelu(linear(p, n + ".linear_1", layernorm(p, n + ".layernorm_2", h))))
    return linear(p, "net.linear", layernorm(p, "net.transformer_encoder.layernorm", h)[:, 0])


# ---- Swin: windows by slices, not by reshapes ------------------------------------------------------------------------


def window_attention(p, name, x, heads, n, shift):
    b, height, width, d = x.shape
    x = x.roll((-shift, -shift), (1, 2))
    out = torch.zeros_like(x)
    for top in range(0, height, n):
        for left in range(0, width, n):
            w = x[:, top : top + n, left : left + n].reshape(b, n * n, d)
            q, k, v = (split_heads(z, heads) for z in linear(p, name + ".linear_1", w).chunk(3, -1))
            # Rows and columns that were wrapped around come from the other side of the image.
            r = torch.arange(n * n)
            side = 2 * (top + r // n >= height - shift).long() + (left + r % n >= width - shift).long()
            mask = torch.where(side[:, None] == side, 0.0, -math.inf) if shift else torch.zeros(n * n, n * n)
            a = q @ k.transpose(-1, -2) / math.sqrt(d // heads) + p[name + ".bias"] + mask.to(x.dtype)
            y = linear(p, name + ".linear_2", join_heads(a.softmax(-1) @ v))
            out[:, top : top + n, left : left + n] = y.reshape(b, n, n, d)
    return out.roll((shift, shift), (1, 2))


def swin(p, x):
    h = layernorm(p, "net.layernorm_1", linear(p, "net.linear_1", x.permute(0, 2, 3, 1)))
    for i, (heads, n, shift) in enumerate([(2, 4, 0), (2, 4, 2), (4, 2, 0), (4, 2, 1)]):
        b = f"net.block_{i + 1}"
        if i == 2:  # rows of a patch before its columns, channels last
            h = torch.cat([h[:, r::2, c::2] for r in (0, 1) for c in (0, 1)], -1)
            h = linear(p, "net.merge.linear", layernorm(p, "net.merge.layernorm", h))
        h = h + window_attention(p, b + ".window_attention", layernorm(p, b + ".layernorm_1", h), heads, n, shift)
        u = F.gelu(linear(p, b + ".mlp.linear_1", layernorm(p, b + ".layernorm_2", h)))
        h = h + linear(p, b + ".mlp.linear_2", u)
    return linear(p, "net.linear_2", layernorm(p, "net.layernorm_2", h).mean((1, 2)))


# ---- mixture of experts: each expert on the tokens that chose it -----------------------------------------------------


def experts(p, x):
    n, k = 4, 2
    gate = linear(p, "net.experts.linear", x).softmax(-1)
    share, chosen = gate.topk(k)
    share = share / share.sum(-1, keepdim=True)
    y = torch.zeros_like(x)
    for e in range(n):
        token, place = (chosen == e).nonzero(as_tuple=True)
        z = F.gelu(x[token] @ p["net.experts.w1"][e]) @ p["net.experts.w2"][e]
        y = y.index_add(0, token, z * share[token, place, None])
    load = F.one_hot(chosen, n).sum(1).to(x.dtype).mean(0)
    return y, n * (load * gate.mean(0)).sum() / k


def moe(p, x):
    h = linear(p, "net.linear_1", x)
    y, balance = experts(p, layernorm(p, "net.layernorm_1", h).flatten(0, 1))
    h = layernorm(p, "net.layernorm_2", h + y.view_as(h))
    return linear(p, "net.linear_2", h.flatten(1)), balance


def moe_loss(out, x, y):
    return F.cross_entropy(out[0], y) + 0.01 * out[1]


# ---- VQ-VAE ----------------------------------------------------------------------------------------------------------


def vqvae(p, x):
    def conv(i, z):
        return F.conv2d(z, p[f"net.conv2d_{i}.w"], p[f"net.conv2d_{i}.b"], stride=2, padding=1)

    def up(i, z):
        n = f"net.conv_transpose2d_{i}"
        return F.conv_transpose2d(z, p[n + ".w"], p[n + ".b"], stride=2, padding=1)

    h = conv(2, F.relu(conv(1, x)))
    z = h.permute(0, 2, 3, 1).reshape(-1, h.shape[1])
    book = p["net.quantize.book"]
    q = F.embedding(torch.cdist(z, book).argmin(1), book)
    commit = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
    s = (z + (q - z).detach()).view(-1, 2, 2, h.shape[1]).permute(0, 3, 1, 2)
    return up(2, F.relu(up(1, s))), commit


def vqvae_loss(out, x, y):
    return F.mse_loss(out[0], x) + out[1]


# ---- Llama: complex numbers turn positions ----------------------------------------------------------------------------


def rotary(x):
    t, d = x.shape[-2:]
    angle = torch.outer(torch.arange(t), 10000.0 ** (-torch.arange(0, d, 2) / d).to(torch.float64))
    z = torch.complex(x[..., : d // 2], x[..., d // 2 :]) * torch.polar(torch.ones_like(angle), angle).to(
        torch.complex(x[:1, :1, :1, :1], x[:1, :1, :1, :1]).dtype
    )
    return torch.cat([z.real, z.imag], -1)


def llama(p, tok):
    h = F.embedding(tok, p["net.embedding.w"])
    for i in (1, 2):
        n = f"net.block_{i}"
        z = rmsnorm(p, n + ".rmsnorm_1", h)
        a = n + ".attention"
        q, k, v = (split_heads(linear(p, f"{a}.linear_{j}", z), heads) for j, heads in ((1, 4), (2, 2), (3, 2)))
        o = F.scaled_dot_product_attention(rotary(q), rotary(k), v, is_causal=True, enable_gqa=True)
        h = h + linear(p, a + ".linear_4", join_heads(o))
        z = rmsnorm(p, n + ".rmsnorm_2", h)
        g = n + ".gated_mlp"
        h = h + linear(p, g + ".linear_3", F.silu(linear(p, g + ".linear_1", z)) * linear(p, g + ".linear_2", z))
    return linear(p, "net.linear", rmsnorm(p, "net.rmsnorm", h))


# ---- Mamba ------------------------------------------------------------------------------------------------------------


def selective(p, name, x, states, rank):
    z = linear(p, name + ".linear_1", x)
    step = F.softplus(linear(p, name + ".linear_2", z[..., :rank]))
    b, c = z[..., rank:].chunk(2, -1)
    a = -p[name + ".log_a"].exp()
    h, out = torch.zeros(x.shape[0], x.shape[2], states, dtype=x.dtype), []
    for t in range(x.shape[1]):
        h = (step[:, t, :, None] * a).exp() * h + (step[:, t] * x[:, t])[..., None] * b[:, t, None]
        out.append((h @ c[:, t, :, None])[..., 0])
    return torch.stack(out, 1) + p[name + ".skip"] * x


def mamba(p, tok):
    h = F.embedding(tok, p["net.embedding.w"])
    for i in (1, 2):
        n = f"net.block_{i}"
        u, gate = linear(p, n + ".linear_1", rmsnorm(p, n + ".rmsnorm", h)).chunk(2, -1)
        w, b = p[n + ".causal_conv1d.w"], p[n + ".causal_conv1d.b"]
        u = F.silu(F.conv1d(F.pad(u.transpose(1, 2), (3, 0)), w, b, groups=u.shape[-1]).transpose(1, 2))
        h = h + linear(p, n + ".linear_2", selective(p, n + ".selective", u, 8, 4) * F.silu(gate))
    return linear(p, "net.linear", rmsnorm(p, "net.rmsnorm", h))


# ---- initial weights: name -> shape -----------------------------------------------------------------------------------


def affine(name, i, o):
    return {name + ".w": (i, o), name + ".b": (o,)}


def norm(name, n):
    return {name + ".g": (n,), name + ".b": (n,)}


def vit_shapes(d=16, hidden=32):
    s = {"net.conv2d.w": (d, 1, 2, 2), "net.conv2d.b": (d,), "net.class": (1, 1, d), "net.learned_positions.w": (17, d)}
    for i in (1, 2):
        n = f"net.transformer_encoder.encoder_layer_{i}"
        s |= norm(n + ".layernorm_1", d) | norm(n + ".layernorm_2", d)
        s |= {f"{n}.multi_head_attention.w{c}": (d, d) for c in "qkvo"}
        s |= {f"{n}.multi_head_attention.b{c}": (d,) for c in "qkvo"}
        s |= affine(n + ".linear_1", d, hidden) | affine(n + ".linear_2", hidden, d)
    return s | norm("net.transformer_encoder.layernorm", d) | affine("net.linear", d, 10)


def swin_shapes(d=8):
    s = affine("net.linear_1", 1, d) | norm("net.layernorm_1", d)
    s |= norm("net.merge.layernorm", 4 * d) | {"net.merge.linear.w": (4 * d, 2 * d)}
    for i, (w, heads, n) in enumerate([(d, 2, 4), (d, 2, 4), (2 * d, 4, 2), (2 * d, 4, 2)]):
        b = f"net.block_{i + 1}"
        s |= norm(b + ".layernorm_1", w) | norm(b + ".layernorm_2", w)
        s |= affine(b + ".window_attention.linear_1", w, 3 * w) | affine(b + ".window_attention.linear_2", w, w)
        s |= {b + ".window_attention.bias": (heads, n * n, n * n)}
        s |= affine(b + ".mlp.linear_1", w, 2 * w) | affine(b + ".mlp.linear_2", 2 * w, w)
    return s | norm("net.layernorm_2", 2 * d) | affine("net.linear_2", 2 * d, 10)


def moe_shapes(d=16, hidden=64):
    s = affine("net.linear_1", 8, d) | norm("net.layernorm_1", d) | norm("net.layernorm_2", d)
    s |= {"net.experts.linear.w": (d, 4), "net.experts.w1": (4, d, hidden), "net.experts.w2": (4, hidden, d)}
    return s | affine("net.linear_2", 8 * d, 10)


def vqvae_shapes(d=8):
    s = {"net.conv2d_1.w": (d, 1, 4, 4), "net.conv2d_2.w": (d, d, 4, 4), "net.quantize.book": (32, d)}
    s |= {"net.conv_transpose2d_1.w": (d, d, 4, 4), "net.conv_transpose2d_2.w": (d, 1, 4, 4)}
    return s | {f"net.{n}.b": (c,) for n, c in [("conv2d_1", d), ("conv2d_2", d), ("conv_transpose2d_1", d),
                                                ("conv_transpose2d_2", 1)]}  # fmt: skip


def llama_shapes(d=24, vocab=128):
    s = {"net.embedding.w": (vocab, d), "net.rmsnorm.g": (d,), "net.linear.w": (d, vocab)}
    for i in (1, 2):
        n = f"net.block_{i}"
        s |= {f"{n}.rmsnorm_{j}.g": (d,) for j in (1, 2)}
        s |= {f"{n}.attention.linear_{j}.w": (d, o) for j, o in ((1, d), (2, d // 2), (3, d // 2), (4, d))}
        s |= {f"{n}.gated_mlp.linear_{j}.w": (d, 3 * d) for j in (1, 2)} | {n + ".gated_mlp.linear_3.w": (3 * d, d)}
    return s


def mamba_shapes(d=16, vocab=128, states=8, rank=4):
    s = {"net.embedding.w": (vocab, d), "net.rmsnorm.g": (d,), "net.linear.w": (d, vocab)}
    for i in (1, 2):
        n = f"net.block_{i}"
        s |= {n + ".rmsnorm.g": (d,), n + ".linear_1.w": (d, 4 * d), n + ".linear_2.w": (2 * d, d)}
        s |= {n + ".causal_conv1d.w": (2 * d, 1, 4), n + ".causal_conv1d.b": (2 * d,)}
        s |= {n + ".selective.log_a": (2 * d, states), n + ".selective.skip": (2 * d,)}
        s |= {n + ".selective.linear_1.w": (2 * d, rank + 2 * states)} | affine(n + ".selective.linear_2", rank, 2 * d)
    return s
