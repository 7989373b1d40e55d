# SPDX-License-Identifier: Apache-2.0
"""first_step.py PEER WORK: builds WORK in PEER, does one training step, prints "step 1" and its loss, and ends.

PEER is torch, compile (torch.compile), jax (jit) or tinygrad (TinyJit is of no use to one step). WORK is digits
(examples/models/digits.nn: 64-256-256-10, batch 32), chargpt (examples/models/chargpt.nn with six layers: width 128,
batch 8 x 64) or gpt (models/gpt.nn: six layers, width 384, batch 8 x 256). Same data, losses and optimizer (AdamW);
initial values are the peer's own."""

import gzip
import os
import sys

import numpy as np

PEER, WORK = sys.argv[1:3]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS, VOCAB = 6, 256
WIDTH, HEADS, LENGTH = {"chargpt": (128, 4, 64), "gpt": (384, 6, 256)}.get(WORK, (0, 1, 0))


def batch():
    if WORK == "digits":
        with gzip.open(os.path.join(ROOT, "examples/data/digits.csv.gz"), "rt") as f:
            rows = [line.split(",") for line in f if line[0].isdigit()][:32]
        a = np.array(rows, dtype=np.float32)
        return a[:, :64] / 16, a[:, 64].astype(np.int64)
    text = np.fromfile("/usr/share/common-licenses/GPL-3", dtype=np.uint8)[: 8 * (LENGTH + 1)]
    a = text.reshape(8, LENGTH + 1).astype(np.int64)
    return a[:, :-1], a[:, 1:]


def torch_step(compiled):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            b, t, d = x.shape
            q, k, v = (z.view(b, t, HEADS, d // HEADS).transpose(1, 2) for z in self.qkv(self.ln1(x)).split(d, 2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
            return x + self.down(F.gelu(self.up(self.ln2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = nn.Parameter(0.02 * torch.randn(VOCAB, WIDTH))
            self.wpe = nn.Parameter(0.02 * torch.randn(LENGTH, WIDTH))
            self.blocks = nn.Sequential(*[Block() for _ in range(LAYERS)])
            self.norm = nn.LayerNorm(WIDTH)

        def forward(self, tok):
            return F.linear(self.norm(self.blocks(F.embedding(tok, self.wte) + self.wpe)), self.wte)

    mlp = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    net = mlp if WORK == "digits" else GPT()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    run = torch.compile(net) if compiled else net
    x, y = map(torch.from_numpy, batch())
    loss = F.cross_entropy(run(x).flatten(0, -2), y.flatten())
    loss.backward()
    optimizer.step()
    return loss.item()


def init(rng, *shape):
    return (rng.standard_normal(shape) * 0.02).astype(np.float32)


def weights():
    rng = np.random.default_rng(1)
    if WORK == "digits":
        return [(init(rng, i, o), np.zeros(o, np.float32)) for i, o in ((64, 256), (256, 256), (256, 10))]
    one, zero = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    shapes = ((WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))
    blocks = [[(one, zero), (one, zero)] + [(init(rng, i, o), np.zeros(o, np.float32)) for i, o in shapes]
              for _ in range(LAYERS)]
    return [init(rng, VOCAB, WIDTH), init(rng, LENGTH, WIDTH), (one, zero), blocks]


def jax_step():
    import jax
    import jax.numpy as jnp

    def norm(x, wb):
        m = x.mean(-1, keepdims=True)
        return (x - m) / jnp.sqrt(((x - m) ** 2).mean(-1, keepdims=True) + 1e-5) * wb[0] + wb[1]

    def linear(x, wb):
        return x @ wb[0] + wb[1]

    def block(x, p):
        b, t, d = x.shape
        q, k, v = (z.reshape(b, t, HEADS, -1).swapaxes(1, 2) for z in jnp.split(linear(norm(x, p[0]), p[2]), 3, -1))
        s = q @ k.swapaxes(2, 3) / (d // HEADS) ** 0.5
        y = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((t, t), bool)), s, -jnp.inf)) @ v
        x = x + linear(y.swapaxes(1, 2).reshape(b, t, d), p[3])
        return x + linear(jax.nn.gelu(linear(norm(x, p[1]), p[4])), p[5])

    def net(w, x):
        if WORK == "digits":
            return linear(jax.nn.relu(linear(jax.nn.relu(linear(x, w[0])), w[1])), w[2])
        h = w[0][x] + w[1]
        for p in w[3]:
            h = block(h, p)
        return norm(h, w[2]) @ w[0].T

    def loss_of(w, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(net(w, x)), y[..., None], -1).mean()

    def step(w, x, y):
        loss, g = jax.value_and_grad(loss_of)(w, x, y)
        m = jax.tree.map(lambda g: 0.1 * g, g)
        v = jax.tree.map(lambda g: 0.001 * g * g, g)
        new = jax.tree.map(lambda w, m, v: w * (1 - 1e-5) - 1e-3 * (m / 0.1) / (jnp.sqrt(v / 0.001) + 1e-8), w, m, v)
        return new, m, v, loss

    return float(jax.block_until_ready(jax.jit(step)(weights(), *batch()))[3])


def tinygrad_step():
    from tinygrad import Tensor
    from tinygrad.helpers import Context
    from tinygrad.nn.optim import AdamW

    def tensors(w):
        return Tensor(w) if isinstance(w, np.ndarray) else [tensors(v) for v in w]

    def leaves(w):
        return [w] if isinstance(w, Tensor) else [t for v in w for t in leaves(v)]

    def norm(x, wb):
        return x.layernorm() * wb[0] + wb[1]

    def block(x, p):
        b, t, d = x.shape
        q, k, v = (z.reshape(b, t, HEADS, -1).transpose(1, 2) for z in norm(x, p[0]).linear(*p[2]).chunk(3, -1))
        y = q.scaled_dot_product_attention(k, v, is_causal=True)
        x = x + y.transpose(1, 2).reshape(b, t, d).linear(*p[3])
        return x + norm(x, p[1]).linear(*p[4]).gelu().linear(*p[5])

    def net(w, x):
        if WORK == "digits":
            return x.linear(*w[0]).relu().linear(*w[1]).relu().linear(*w[2])
        h = w[0][x] + w[1]
        for p in w[3]:
            h = block(h, p)
        return norm(h, w[2]) @ w[0].T

    w = tensors(weights())
    x, y = map(Tensor, batch())
    optimizer = AdamW(leaves(w), lr=1e-3)
    with Context(TRAINING=1):
        loss = net(w, x).flatten(0, -2).sparse_categorical_crossentropy(y.flatten())
        loss.backward()
        optimizer.step()
    return loss.item()


STEPS = {"torch": lambda: torch_step(False), "compile": lambda: torch_step(True), "jax": jax_step,
         "tinygrad": tinygrad_step}
print("step 1 loss", STEPS[PEER](), flush=True)
os._exit(0)
