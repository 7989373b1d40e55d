#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torch_zoo.py KIND --threads N --seconds S: one training step of a model of tests/models/zoo or examples/models in
eager PyTorch, as one line of JSON; `--lines` prints the kinds and how many lines each has here.

Each section below is the twin of the model of its name: the same layers, sizes, batch, loss, optimizer and clipping, in
the library's best eager form. What the model makes up in its step (noise, targets) is made in the step here, too.
Records and weights are in memory before the clock starts; the loss is not read back inside it.
"""

import json
import math
import os
import statistics
import sys
import time

ARGS = sys.argv[1:]


def option(name, default):
    return ARGS[ARGS.index(name) + 1] if name in ARGS else default


def print_lines():
    """Of each kind, without blank lines and comments, with the four of a training step that all share."""
    count = {}
    with open(__file__) as f:
        for line in f:
            if line.startswith("# ---- "):
                kind = line.split()[2]
                count[kind] = 4
            elif count and line.strip() and not line.strip().startswith("#"):
                count[kind] += 1
    for kind in list(count)[:-1]:
        print(kind, count[kind])


if "--lines" in ARGS:
    print_lines()
    sys.exit()
THREADS = int(option("--threads", 1))
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(THREADS)

import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch.optim import Adagrad, Adam, AdamW  # noqa: E402


def encoder(width, heads, hidden, layers):
    layer = nn.TransformerEncoderLayer(width, heads, hidden, 0.0, F.gelu, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)


def sinusoidal(n, d):
    angle = torch.arange(n)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


def digits(model, optim=AdamW, lr=4e-3, clip=None, shape=(64, 1, 8, 8)):
    x, y = torch.rand(shape), torch.randint(10, (64,))
    return model, lambda m: F.cross_entropy(m(x), y), optim, dict(lr=lr), clip


def tokens(model, batch, length, vocab, clip=1.0, **args):
    x, y = torch.randint(vocab, (batch, length)), torch.randint(vocab, (batch, length))
    return model, lambda m: F.cross_entropy(m(x).flatten(0, 1), y.flatten()), AdamW, args, clip


# ---- gpt
class Causal(nn.Module):
    def __init__(self, d, heads, p):
        super().__init__()
        self.heads, self.p = heads, p
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x):
        q, k, v = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in self.qkv(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=self.p)
        return self.out(y.transpose(1, 2).flatten(2))


class GPT(nn.Module):
    def __init__(self, vocab=512, d=64, layers=2, heads=4, length=64, p=0.1):
        super().__init__()
        self.wte = nn.Parameter(0.05 * torch.randn(vocab, d))
        self.wpe = nn.Parameter(0.05 * torch.randn(length, d))
        self.attention = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(d), Causal(d, heads, p), nn.Dropout(p)) for _ in range(layers)
        )
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d), nn.Dropout(p))
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(d)

    def forward(self, tok):
        h = F.embedding(tok, self.wte) + self.wpe[: tok.shape[1]]
        for a, m in zip(self.attention, self.mlp):
            h = h + a(h)
            h = h + m(h)
        return self.norm(h) @ self.wte.T


def gpt():
    return tokens(GPT(), 8, 64, 512, lr=6e-3, betas=(0.9, 0.95), weight_decay=0.1)


# ---- unet
def double(inner, out):
    def unit(a):
        return [nn.Conv2d(a, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]

    return nn.Sequential(*unit(inner), *unit(out))


class Level(nn.Module):
    def __init__(self, inner, width, below):
        super().__init__()
        self.first, self.below = double(inner, width), below
        if below:
            self.down, self.up = Level(width, 2 * width, below - 1), nn.ConvTranspose2d(2 * width, width, 2, 2)
            self.last = double(2 * width, width)

    def forward(self, x):
        h = self.first(x)
        return self.last(torch.cat([h, self.up(self.down(F.max_pool2d(h, 2)))], 1)) if self.below else h


def unet():
    x = torch.linspace(0, 1, 16)
    c = torch.rand(32, 3, 1, 1)

    def loss(m):
        d = (x[:, None] - c[:, 0:1]) ** 2 + (x - c[:, 1:2]) ** 2
        y = (d < c[:, 2:3] ** 2).float()
        p = m(y + 0.7 * torch.randn(y.shape))
        s = torch.sigmoid(p)
        over = 1 - (2 * (s * y).sum((1, 2, 3)) + 1) / (s.sum((1, 2, 3)) + y.sum((1, 2, 3)) + 1)
        return F.binary_cross_entropy_with_logits(p, y) + over.mean()

    return nn.Sequential(Level(1, 8, 2), nn.Conv2d(8, 1, 1)), loss, AdamW, dict(lr=1e-2), None


# ---- vit
class ViT(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.patch = nn.Conv2d(1, d, 2, 2)
        self.cls, self.pos = nn.Parameter(0.02 * torch.randn(1, 1, d)), nn.Parameter(0.02 * torch.randn(17, d))
        self.body, self.head = encoder(d, 4, 2 * d, 3), nn.Linear(d, 10)

    def forward(self, x):
        t = self.patch(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.cls.expand(len(x), 1, -1), t], 1) + self.pos
        return self.head(self.body(h)[:, 0])


def vit():
    return digits(ViT(), clip=1.0)


# ---- swin
def to_windows(x, n):
    b, h, w, d = x.shape
    return x.view(b, h // n, n, w // n, n, d).transpose(2, 3).reshape(-1, n * n, d)


class Window(nn.Module):
    def __init__(self, d, heads, n, shift, size):
        super().__init__()
        self.heads, self.n, self.shift = heads, n, shift
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.bias = nn.Parameter(torch.zeros(heads, n * n, n * n))
        i = torch.arange(size)
        part = (i >= size - n).int() + (i >= size - shift).int()
        side = to_windows((3 * part[:, None] + part)[None, :, :, None], n)
        self.register_buffer("mask", torch.where(side == side.transpose(1, 2), 0.0, -math.inf)[:, None])

    def forward(self, x):
        b, h, w, d = x.shape
        n, shift = self.n, self.shift
        if shift:
            x = x.roll((-shift, -shift), (1, 2))
        q, k, v = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in self.qkv(to_windows(x, n)).chunk(3, -1))
        bias = (self.bias + self.mask).repeat(b, 1, 1, 1) if shift else self.bias
        y = self.out(F.scaled_dot_product_attention(q, k, v, bias).transpose(1, 2).flatten(2))
        y = y.view(b, h // n, w // n, n, n, d).transpose(2, 3).reshape(b, h, w, d)
        return y.roll((shift, shift), (1, 2)) if shift else y


class SwinBlock(nn.Module):
    def __init__(self, d, heads, n, shift, size):
        super().__init__()
        self.window = nn.Sequential(nn.LayerNorm(d), Window(d, heads, n, shift, size))
        self.mlp = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x):
        x = x + self.window(x)
        return x + self.mlp(x)


class Swin(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(1, d), nn.LayerNorm(d), SwinBlock(d, 2, 4, 0, 8), SwinBlock(d, 2, 4, 2, 8))
        self.merge = nn.Sequential(nn.LayerNorm(4 * d), nn.Linear(4 * d, 2 * d, bias=False))
        self.body = nn.Sequential(SwinBlock(2 * d, 4, 2, 0, 4), SwinBlock(2 * d, 4, 2, 1, 4), nn.LayerNorm(2 * d))
        self.head = nn.Linear(2 * d, 10)

    def forward(self, x):
        h = self.stem(x.permute(0, 2, 3, 1))
        b, n, _, d = h.shape
        h = self.merge(h.view(b, n // 2, 2, n // 2, 2, d).transpose(2, 3).reshape(b, n // 2, n // 2, 4 * d))
        return self.head(self.body(h).mean((1, 2)))


def swin():
    return digits(Swin(), clip=1.0)


# ---- bert
class BERT(nn.Module):
    def __init__(self, vocab=27, d=32, length=16):
        super().__init__()
        self.wte = nn.Parameter(0.5 * torch.randn(vocab, d))
        self.register_buffer("pos", sinusoidal(length, d))
        self.norm, self.body = nn.LayerNorm(d), encoder(d, 4, 4 * d, 2)
        self.head = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.LayerNorm(d))

    def forward(self, tok):
        return self.head(self.body(self.norm(F.embedding(tok, self.wte) + self.pos))) @ self.wte.T


def bert():
    half = torch.randint(26, (32, 8))

    def loss(m):
        y = torch.cat([half, half.flip(1)], 1)
        hidden = torch.rand(y.shape) < 0.15
        z = m(torch.where(hidden, 26, y))
        return F.cross_entropy(z.flatten(0, 1), torch.where(hidden, y, -100).flatten())

    return BERT(), loss, AdamW, dict(lr=6e-3, betas=(0.9, 0.98)), 1.0


# ---- llama
class LlamaBlock(nn.Module):
    def __init__(self, d, heads=4, kv_heads=2):
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads
        kv = kv_heads * d // heads
        self.norm1, self.norm2 = nn.RMSNorm(d, 1e-5), nn.RMSNorm(d, 1e-5)
        self.q, self.k = nn.Linear(d, d, bias=False), nn.Linear(d, kv, bias=False)
        self.v, self.o = nn.Linear(d, kv, bias=False), nn.Linear(d, d, bias=False)
        self.gate, self.up = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, 3 * d, bias=False)
        self.down = nn.Linear(3 * d, d, bias=False)

    def forward(self, x, cos, sin):
        def rotary(z):
            a, b = z.chunk(2, -1)
            return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

        h = self.norm1(x)
        q = self.q(h).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = (f(h).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2) for f in (self.k, self.v))
        y = F.scaled_dot_product_attention(rotary(q), rotary(k), v, is_causal=True, enable_gqa=True)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Llama(nn.Module):
    def __init__(self, vocab=128, d=48, layers=2, length=32):
        super().__init__()
        self.embed, self.blocks = nn.Embedding(vocab, d), nn.ModuleList(LlamaBlock(d) for _ in range(layers))
        self.norm, self.head = nn.RMSNorm(d, 1e-5), nn.Linear(d, vocab, bias=False)
        angle = torch.outer(torch.arange(length), 10000.0 ** (-torch.arange(0, d // 4, 2) * 4 / d))
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, tok):
        h = self.embed(tok)
        for block in self.blocks:
            h = block(h, self.cos, self.sin)
        return self.head(self.norm(h))


def llama():
    return tokens(Llama(), 8, 32, 128, lr=5e-3, betas=(0.9, 0.95), weight_decay=0.1)


# ---- ddpm
def moon(u):
    a, up = math.pi * u[:, 0], u[:, 1] < 0.5
    x = torch.where(up, a.cos(), 1 - a.cos()) - 0.5
    return torch.stack([x, torch.where(up, a.sin(), 0.5 - a.sin()) - 0.25], 1)


class Denoiser(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.register_buffer("time", sinusoidal(50, 16))
        self.first, self.last = nn.Sequential(nn.Linear(18, d), nn.SiLU()), nn.Linear(d, 2)
        self.body = nn.ModuleList(nn.Sequential(nn.Linear(d + 16, d), nn.SiLU(), nn.Linear(d, d)) for _ in range(2))

    def forward(self, x, t):
        e = self.time[t]
        h = self.first(torch.cat([x, e], 1))
        for f in self.body:
            h = h + f(torch.cat([h, e], 1))
        return self.last(h)


def ddpm():
    u, t = torch.rand(128, 2), torch.randint(50, (128,))
    left = torch.cumprod(1 - torch.linspace(1e-3, 0.2, 50), 0)

    def loss(m):
        a, noise = left[t][:, None], torch.randn(128, 2)
        return F.mse_loss(m(a.sqrt() * moon(u) + (1 - a).sqrt() * noise, t), noise)

    return Denoiser(), loss, Adam, dict(lr=3e-3), None


# ---- gan
def gan():
    gen = nn.Sequential(nn.Linear(16, 96), nn.ReLU(), nn.Linear(96, 64), nn.Sigmoid())
    disc = nn.Sequential(nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1))
    x = torch.rand(64, 64)

    def loss(m):
        with torch.no_grad():
            fake = gen(torch.randn(64, 16))
            mixed = fake + torch.rand(64, 1) * (x - fake)
        mixed.requires_grad_()
        (slope,) = torch.autograd.grad(m(mixed).sum(), mixed, create_graph=True)
        return m(fake).mean() - m(x).mean() + 10 * (((slope**2).sum(1) + 1e-9).sqrt() - 1).square().mean()

    return disc, loss, Adam, dict(lr=1e-3, betas=(0.5, 0.9)), None


# ---- ctc
class CTC(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(6, 24, batch_first=True, bidirectional=True), nn.Linear(48, 6)

    def forward(self, x):
        return self.head(self.lstm(x)[0]).log_softmax(-1)


def ctc():
    y, ends = torch.randint(1, 6, (32, 3)), 4 + 6 * torch.rand(32, 2)
    frames, labels = torch.full((32,), 24), torch.full((32,), 3)

    def loss(m):
        first = ends[:, 0:1].floor()
        second = first + ends[:, 1:2].floor()
        t = torch.arange(24)
        now = torch.where(t < first, y[:, 0:1], torch.where(t < second, y[:, 1:2], y[:, 2:3]))
        clean = F.one_hot(now.masked_fill((t == first) | (t == second), 0), 6).float()
        logp = m(clean + 0.3 * torch.randn(clean.shape))
        return F.ctc_loss(logp.transpose(0, 1), y, frames, labels)

    return CTC(), loss, Adam, dict(lr=2e-2), 5.0


# ---- gat
class GATLayer(nn.Module):
    def __init__(self, inner, out, heads):
        super().__init__()
        self.lin, self.heads = nn.Linear(inner, heads * out, bias=False), heads
        self.source, self.target = nn.Parameter(torch.randn(heads, out)), nn.Parameter(torch.randn(heads, out))

    def forward(self, x, at, to):
        n = len(x)
        h = self.lin(x).view(n, self.heads, -1)
        a = F.leaky_relu((h * self.source).sum(2)[at] + (h * self.target).sum(2)[to], 0.2)
        index = to[:, None].expand_as(a)
        most = torch.full((n, self.heads), -math.inf).scatter_reduce(0, index, a.detach(), "amax")
        e = (a - most[to]).exp()
        e = e / torch.zeros(n, self.heads).index_add(0, to, e)[to]
        return torch.zeros_like(h).index_add(0, to, e[:, :, None] * h[at])


class GAT(nn.Module):
    def __init__(self, at, to):
        super().__init__()
        self.x, self.one, self.two = nn.Parameter(torch.randn(34, 8)), GATLayer(8, 8, 4), GATLayer(32, 2, 1)
        self.at, self.to = at, to

    def forward(self):
        h = F.elu(self.one(self.x, self.at, self.to).flatten(1))
        return self.two(h, self.at, self.to).mean(1)


def gat():
    e, self_ = torch.randint(34, (2, 78)), torch.arange(34)
    at, to = torch.cat([e[0], e[1], self_]), torch.cat([e[1], e[0], self_])
    y = torch.tensor([0, 1])
    return GAT(at, to), lambda m: F.cross_entropy(m()[[0, 33]], y), Adam, dict(lr=1e-2, weight_decay=5e-4), None


# ---- dlrm
class DLRM(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.dense = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, d), nn.ReLU())
        self.tables = nn.ModuleList(nn.Embedding(n, d) for n in (50, 20, 10))
        self.top = nn.Sequential(nn.Linear(d + 6, 32), nn.ReLU(), nn.Linear(32, 1))
        self.register_buffer("pairs", torch.tensor([4, 8, 9, 12, 13, 14]))

    def forward(self, x, c):
        h = self.dense(x)
        t = torch.stack([h] + [table(c[:, i]) for i, table in enumerate(self.tables)], 1)
        return self.top(torch.cat([h, (t @ t.transpose(1, 2)).flatten(1)[:, self.pairs]], 1))[:, 0]


def dlrm():
    x, luck = 2 * torch.rand(64, 4) - 1, torch.rand(64)
    c = torch.stack([torch.randint(n, (64,)) for n in (50, 20, 10)], 1)

    def loss(m):
        u = c.float()
        taste = 3 * u[:, 0].sin() * (2 * u[:, 1]).cos() + (3 * u[:, 2]).sin() + 2 * x[:, 0] * x[:, 1]
        return F.binary_cross_entropy_with_logits(m(x, c), (luck < torch.sigmoid(2 * taste)).float())

    return DLRM(), loss, Adagrad, dict(lr=0.1), None


# ---- mamba
class MambaBlock(nn.Module):
    def __init__(self, d, states=8, rank=4):
        super().__init__()
        self.states, self.rank = states, rank
        self.norm, self.into = nn.RMSNorm(d, 1e-5), nn.Linear(d, 4 * d, bias=False)
        self.conv = nn.Conv1d(2 * d, 2 * d, 4, groups=2 * d)
        self.log_a = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(2 * d, 1))
        self.skip = nn.Parameter(torch.ones(2 * d))
        self.select, self.step = nn.Linear(2 * d, rank + 2 * states, bias=False), nn.Linear(rank, 2 * d)
        self.out = nn.Linear(2 * d, d, bias=False)

    def forward(self, x):
        u, gate = self.into(self.norm(x)).chunk(2, -1)
        u = F.silu(self.conv(F.pad(u.transpose(1, 2), (3, 0))).transpose(1, 2))
        z = self.select(u)
        step = F.softplus(self.step(z[..., : self.rank]))
        b, c = z[..., self.rank :].chunk(2, -1)
        keep = (step[..., None] * -self.log_a.exp()).exp()
        add = (step * u)[..., None] * b[:, :, None]
        h, ys = torch.zeros(len(x), u.shape[2], self.states), []
        for t in range(x.shape[1]):
            h = keep[:, t] * h + add[:, t]
            ys.append((h * c[:, t, None]).sum(2))
        return x + self.out((torch.stack(ys, 1) + self.skip * u) * F.silu(gate))


def mamba():
    d = 24
    body = [nn.Embedding(128, d), MambaBlock(d), MambaBlock(d), nn.RMSNorm(d, 1e-5), nn.Linear(d, 128, bias=False)]
    return tokens(nn.Sequential(*body), 8, 32, 128, lr=1e-2)


# ---- moe
class Experts(nn.Module):
    def __init__(self, d=32, n=4, k=2, hidden=64):
        super().__init__()
        self.n, self.k, self.gate = n, k, nn.Linear(d, n, bias=False)
        self.w1, self.w2 = nn.Parameter(0.1 * torch.randn(n, d, hidden)), nn.Parameter(0.1 * torch.randn(n, hidden, d))

    def forward(self, x):
        p = self.gate(x).softmax(-1)
        share, chosen = p.topk(self.k)
        share = share / share.sum(-1, keepdim=True)
        picked = F.one_hot(chosen, self.n).float()
        weight = (picked * share[..., None]).sum(1)
        y = F.gelu(torch.einsum("nd,edh->enh", x, self.w1))
        y = torch.einsum("enh,ehd,ne->nd", y, self.w2, weight)
        return y, self.n * (picked.sum(1).mean(0) * p.mean(0)).sum() / self.k


class MoE(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.into, self.norm1, self.experts = nn.Linear(8, d), nn.LayerNorm(d), Experts(d)
        self.norm2, self.head = nn.LayerNorm(d), nn.Linear(8 * d, 10)

    def forward(self, x):
        h = self.into(x)
        y, balance = self.experts(self.norm1(h).flatten(0, 1))
        return self.head(self.norm2(h + y.view_as(h)).flatten(1)), balance


def moe():
    x, y = torch.rand(64, 8, 8), torch.randint(10, (64,))

    def loss(m):
        z, balance = m(x)
        return F.cross_entropy(z, y) + 0.01 * balance

    return MoE(), loss, AdamW, dict(lr=3e-3), None


# ---- vae
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 16))
        self.dec = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        mu, logvar = self.enc(x).chunk(2, 1)
        return self.dec(mu + (logvar / 2).exp() * torch.randn_like(mu)), mu, logvar


def vae():
    x = torch.rand(64, 64)

    def loss(m):
        z, mu, logvar = m(x)
        fit = F.binary_cross_entropy_with_logits(z, x, reduction="sum") / 64
        return fit + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / 64

    return VAE(), loss, Adam, dict(lr=4e-3), None


# ---- vqvae
class VQVAE(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(1, d, 4, 2, 1), nn.ReLU(), nn.Conv2d(d, d, 4, 2, 1))
        self.dec = nn.Sequential(nn.ConvTranspose2d(d, d, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(d, 1, 4, 2, 1))
        self.book = nn.Parameter(0.2 * torch.randn(32, d))

    def forward(self, x):
        h = self.enc(x)
        z = h.permute(0, 2, 3, 1).flatten(0, 2)
        q = self.book[torch.cdist(z, self.book).argmin(1)]
        commit = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        s = (z + (q - z).detach()).view(-1, 2, 2, h.shape[1]).permute(0, 3, 1, 2)
        return self.dec(s), commit


def vqvae():
    x = torch.rand(64, 1, 8, 8)

    def loss(m):
        y, commit = m(x)
        return F.mse_loss(y, x) + commit

    return VQVAE(), loss, Adam, dict(lr=4e-3), None


# ---- mobilenetv2
def unit(inner, out, k, stride=1, groups=1):
    return [nn.Conv2d(inner, out, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(out)]


class Inverted(nn.Module):
    def __init__(self, inner, out, stride=1):
        super().__init__()
        wide = 4 * inner
        self.add = stride == 1 and inner == out
        first = [*unit(inner, wide, 1), nn.ReLU6(), *unit(wide, wide, 3, stride, wide), nn.ReLU6()]
        self.layers = nn.Sequential(*first, *unit(wide, out, 1))

    def forward(self, x):
        return x + self.layers(x) if self.add else self.layers(x)


def mobilenetv2():
    blocks = [Inverted(16, 16), Inverted(16, 24, 2), Inverted(24, 24), Inverted(24, 32, 2), Inverted(32, 32)]
    ends = [*unit(32, 64, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return digits(nn.Sequential(*unit(1, 16, 3), nn.ReLU6(), *blocks, *ends), lr=5e-3)


# ---- tcn
class TCNLayer(nn.Module):
    def __init__(self, inner, out, d):
        super().__init__()
        self.d, self.one, self.two = d, nn.Conv1d(inner, out, 3, dilation=d), nn.Conv1d(out, out, 3, dilation=d)
        self.short = nn.Identity() if inner == out else nn.Conv1d(inner, out, 1)

    def forward(self, x):
        y = F.dropout(F.relu(self.one(F.pad(x, (2 * self.d, 0)))), 0.05)
        return F.relu(F.relu(self.two(F.pad(y, (2 * self.d, 0)))) + self.short(x))


class TCN(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.body = nn.Sequential(*[TCNLayer(2 if k == 1 else d, d, k) for k in (1, 2, 4, 8)])
        self.head = nn.Linear(d, 1)

    def forward(self, x):
        return self.head(self.body(x.transpose(1, 2))[:, :, -1])[:, 0]


def tcn():
    v, at = torch.rand(64, 48), torch.rand(64, 2)

    def loss(m):
        i = (at * 24).long()
        mark = (F.one_hot(i[:, 0], 48) + F.one_hot(i[:, 1] + 24, 48)).float()
        return F.mse_loss(m(torch.stack([v, mark], 2)), (v * mark).sum(1))

    return TCN(), loss, Adam, dict(lr=4e-3), 1.0


# ---- nerf
class Field(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(27, d), nn.ReLU(), nn.Linear(d, d), nn.ReLU())
        self.density, self.colour = nn.Linear(d, 1), nn.Linear(d, 3)

    def forward(self, p):
        waves = [f(2**i * math.pi * p) for i in range(4) for f in (torch.sin, torch.cos)]
        h = self.body(torch.cat([p, *waves], -1))
        return F.softplus(self.density(h)[..., 0] - 1), torch.sigmoid(self.colour(h))


def nerf():
    at, to, n = torch.randn(64, 3), 0.35 * torch.randn(64, 3), 24

    def loss(m):
        o = 2 * F.normalize(at)
        d = F.normalize(to - o)
        t = 1 + 2 * (torch.arange(n) + 0.5) / n
        density, colour = m(o[:, None] + t[None, :, None] * d[:, None])
        step = 2 / n
        weight = (-step * (density.cumsum(1) - density)).exp() * (1 - (-step * density).exp())
        b = (o * d).sum(1, keepdim=True)
        free = b**2 - (o * o).sum(1, keepdim=True) + 0.25
        seen = torch.where(free > 0, 0.5 + o + (-b - free.clamp(min=0).sqrt()) * d, 0.0)
        return F.mse_loss((weight[:, :, None] * colour).sum(1), seen)

    return Field(), loss, Adam, dict(lr=5e-3), None


# ---- deepar
class DeepAR(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(1, 24, batch_first=True), nn.Linear(24, 2)

    def forward(self, x):
        y = self.head(self.lstm(x[:, :, None])[0])
        return y[..., 0], F.softplus(y[..., 1]) + 1e-3


def deepar():
    kind = torch.rand(32, 3)

    def loss(m):
        s = kind[:, 1:2] * (2 * math.pi * (torch.arange(49) + 12 * kind[:, 0:1]) / 12).sin() + kind[:, 2:3]
        s = s + 0.2 * torch.randn(s.shape)
        mu, sigma = m(s[:, :48])
        return F.gaussian_nll_loss(mu, s[:, 1:], sigma**2, full=True)

    return DeepAR(), loss, Adam, dict(lr=1e-2), 10.0


# ---- realnvp
class Flow(nn.Module):
    def __init__(self, layers=6):
        super().__init__()
        net = [nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
               for _ in range(layers)]  # fmt: skip
        self.nets = nn.ModuleList(net)

    def forward(self, x):
        total = 0
        for i, f in enumerate(self.nets):
            a, b = x[:, i % 2 : i % 2 + 1], x[:, 1 - i % 2 : 2 - i % 2]
            s, t = f(a).chunk(2, 1)
            s = 2 * s.tanh()
            b = b * s.exp() + t
            x, total = torch.cat([a, b] if i % 2 == 0 else [b, a], 1), total + s[:, 0]
        return x, total


def realnvp():
    u = torch.rand(128, 4)

    def loss(m):
        z, d = m(moon(u) + 0.2 * (u[:, 2:] - 0.5))
        return ((z**2).sum(1) / 2 - d).mean() + math.log(2 * math.pi)

    return Flow(), loss, Adam, dict(lr=5e-3), 1.0


# ---- ode
def path(y, g, n, h):
    out = []
    for _ in range(n):
        a = g(y)
        b = g(y + h / 2 * a)
        c = g(y + h / 2 * b)
        d = g(y + h * c)
        y = y + h / 6 * (a + 2 * b + 2 * c + d)
        out.append(y)
    return torch.stack(out, 1)


def ode():
    y, spiral = 4 * torch.rand(32, 2) - 2, torch.tensor([[-0.1, 2], [-2, -0.1]])
    net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))

    def loss(m):
        return F.mse_loss(path(y, lambda z: m(z**3), 8, 0.05), path(y, lambda z: z**3 @ spiral, 8, 0.05))

    return net, loss, Adam, dict(lr=1e-2), 1.0


# ---- seq2seq
class Seq2Seq(nn.Module):
    def __init__(self, vocab=11, d=32):
        super().__init__()
        self.read, self.write = nn.Embedding(vocab, 16), nn.Embedding(vocab, 16)
        self.enc, self.dec = nn.GRU(16, d, batch_first=True), nn.GRU(16, d, batch_first=True)
        self.query, self.key, self.score = nn.Linear(d, d), nn.Linear(d, d, bias=False), nn.Linear(d, 1, bias=False)
        self.head = nn.Sequential(nn.Linear(2 * d, d), nn.Tanh(), nn.Linear(d, vocab))

    def forward(self, x, y):
        m, last = self.enc(self.read(x))
        h, _ = self.dec(self.write(y), last)
        a = self.score((self.query(h)[:, :, None] + self.key(m)[:, None]).tanh())[..., 0]
        return self.head(torch.cat([h, a.softmax(-1) @ m], -1))


def seq2seq():
    x = torch.randint(10, (64, 6))

    def loss(m):
        y = x.flip(1)
        return F.cross_entropy(m(x, F.pad(y[:, :5], (1, 0), value=10)).flatten(0, 1), y.flatten())

    return Seq2Seq(), loss, Adam, dict(lr=1e-2), 1.0


# ---- whisper
class Whisper(nn.Module):
    def __init__(self, vocab=9, d=32):
        super().__init__()
        self.register_buffer("window", 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(32) / 32))
        self.register_buffer("where", sinusoidal(17, d))
        self.one, self.two = nn.Conv1d(16, d, 3, padding=1), nn.Conv1d(d, d, 3, 2, 1)
        self.enc = encoder(d, 4, 64, 1)
        layer = nn.TransformerDecoderLayer(d, 4, 64, 0.0, F.gelu, batch_first=True, norm_first=True)
        self.dec = nn.TransformerDecoder(layer, 1, nn.LayerNorm(d))
        self.wte, self.pos = nn.Parameter(0.1 * torch.randn(vocab, d)), nn.Parameter(0.02 * torch.randn(4, d))
        self.head = nn.Linear(d, vocab)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(4))

    def forward(self, x, y):
        f = torch.fft.rfft(F.pad(x, (8, 8)).unfold(1, 32, 16) * self.window)
        h = (f.real**2 + f.imag**2 + 1e-3).log()[:, :, 1:17].transpose(1, 2)
        h = F.gelu(self.two(F.gelu(self.one(h)))).transpose(1, 2)
        m = self.enc(h + self.where[: h.shape[1]])
        return self.head(self.dec(F.embedding(y, self.wte) + self.pos, m, self.mask, tgt_is_causal=True))


def whisper():
    tone, phase = torch.randint(8, (32, 4)), 6.28 * torch.rand(32)

    def loss(m):
        freq = (tone.float() + 2).repeat_interleave(128, 1) / 24
        sound = (2 * math.pi * freq * torch.arange(512) + phase[:, None]).sin() + 0.3 * torch.randn(freq.shape)
        z = m(sound, F.pad(tone[:, :3], (1, 0), value=8))
        return F.cross_entropy(z.flatten(0, 1), tone.flatten())

    return Whisper(), loss, AdamW, dict(lr=3e-3), 1.0


# ---- a step
def make_step(kind):
    torch.manual_seed(0)
    model, loss, optim, args, clip = globals()[kind]()
    weights = list(model.parameters())
    opt = optim(weights, fused=True, **args)

    def step():
        opt.zero_grad(set_to_none=True)
        l = loss(model)
        l.backward()
        if clip:
            nn.utils.clip_grad_norm_(weights, clip)
        opt.step()
        return l

    return step


def main():
    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    step, seconds = make_step(ARGS[0]), float(option("--seconds", 1))
    for _ in range(5):
        step()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < seconds:
        t = time.perf_counter()
        step()
        times.append(time.perf_counter() - t)
    ms = {"median": statistics.median(times), "min": min(times)}
    print(json.dumps({k: round(v * 1e3, 5) for k, v in ms.items()}))


if __name__ == "__main__":
    main()
