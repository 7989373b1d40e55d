# SPDX-License-Identifier: Apache-2.0
"""The models of bench/models in JAX, with the same layers, batches, losses and optimizers as torch_models.py.

A model is a function apply(p, s, x, train) of its weights p and the running statistics s of its batch norms, both lists
in the order of use; it returns its result and the new statistics. `Maker` builds the lists."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Maker:
    """Weights and statistics, made in the order in which apply takes them."""

    def __init__(self):
        self.random = np.random.default_rng(0)
        self.weights, self.stats = [], []

    def weight(self, *shape, fan=None, scale=None):
        bound = scale if scale is not None else (fan or shape[0]) ** -0.5
        self.weights.append(self.random.uniform(-bound, bound, shape).astype(np.float32))

    def linear(self, inner, out):
        self.weight(inner, out)
        self.weight(out, fan=inner)

    def conv(self, inner, out, k, groups=1, bias=False):
        self.weight(k, k, inner // groups, out, fan=k * k * inner // groups)
        if bias:
            self.weight(out, fan=k * k * inner // groups)

    def norm(self, n, stats=False):
        self.weights += [np.ones(n, np.float32), np.zeros(n, np.float32)]
        if stats:
            self.stats += [np.zeros(n, np.float32), np.ones(n, np.float32)]


class Walk:
    """Takes weights and statistics in order while a model is applied."""

    def __init__(self, p, s, train):
        self.p, self.s, self.train, self.new = iter(p), iter(s), train, []

    def linear(self, x):
        return x @ next(self.p) + next(self.p)

    def conv(self, x, stride=1, groups=1, bias=False, pad=True):
        w = next(self.p)
        k = w.shape[0] // 2 if pad else 0
        shape = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, w, (stride, stride), [(k, k)] * 2, None, None, shape, groups)
        return y + next(self.p) if bias else y

    def batchnorm(self, x):
        g, b, mean, var = next(self.p), next(self.p), next(self.s), next(self.s)
        if self.train:
            m, n = x.mean((0, 1, 2)), x.size // x.shape[-1]
            v = ((x - m) ** 2).mean((0, 1, 2))
            self.new += [0.9 * mean + 0.1 * m, 0.9 * var + 0.1 * v * n / (n - 1)]
            mean, var = m, v
        return (x - mean) * (lax.rsqrt(var + 1e-5) * g) + b

    def layernorm(self, x):
        m = x.mean(-1, keepdims=True)
        v = ((x - m) ** 2).mean(-1, keepdims=True)
        return (x - m) * lax.rsqrt(v + 1e-5) * next(self.p) + next(self.p)

    def unit(self, x, stride=1, groups=1):
        return self.batchnorm(self.conv(x, stride, groups))

    def block(self, x, heads):
        b, t, d = x.shape
        q, k, v = (z.reshape(b, t, heads, d // heads) for z in jnp.split(self.linear(self.layernorm(x)), 3, -1))
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        x = x + self.linear(y.reshape(b, t, d))
        return x + self.linear(jax.nn.gelu(self.linear(self.layernorm(x)), approximate=False))

    def lstm(self, x):
        w, u, b = next(self.p), next(self.p), next(self.p)
        n = u.shape[0]

        def cell(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ u, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zero = jnp.zeros((x.shape[0], n), x.dtype)
        return lax.scan(cell, (zero, zero), (x @ w + b).swapaxes(0, 1))[1].swapaxes(0, 1)


def mlp(m):
    for inner, out in ((784, 512), (512, 512), (512, 10)):
        m.linear(inner, out)

    def apply(w, x):
        return w.linear(jax.nn.relu(w.linear(jax.nn.relu(w.linear(x)))))

    return apply


def tiny(m):
    m.linear(2, 16), m.linear(16, 1)
    return lambda w, x: w.linear(jnp.tanh(w.linear(x)))


def cnn(m):
    m.conv(1, 32, 3, bias=True), m.conv(32, 64, 3, bias=True), m.linear(9216, 128), m.linear(128, 10)

    def apply(w, x):
        for _ in range(2):
            x = jax.nn.relu(w.conv(x, bias=True, pad=False))
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return w.linear(jax.nn.relu(w.linear(x.reshape(x.shape[0], -1))))

    return apply


def unit(m, inner, out, k, groups=1):
    m.conv(inner, out, k, groups)
    m.norm(out, stats=True)


def resnet(m, stem, widths, blocks, classes):
    kernel, stride = stem
    plan, inner = [], widths[0]
    unit(m, 3, inner, kernel)
    for out in widths:
        for b in range(blocks):
            step = 2 if b == 0 and out != widths[0] else 1
            unit(m, inner, out, 3), unit(m, out, out, 3)
            plan.append((step, step != 1 or inner != out))
            if plan[-1][1]:
                unit(m, inner, out, 1)
            inner = out
    m.linear(inner, classes)

    def apply(w, x):
        x = jax.nn.relu(w.unit(x, stride))
        if kernel == 7:
            pad = ((0, 0), (1, 1), (1, 1), (0, 0))
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pad)
        for step, short in plan:
            y = w.unit(jax.nn.relu(w.unit(x, step)))
            x = jax.nn.relu(y + (w.unit(x, step) if short else x))
        return w.linear(x.mean((1, 2)))

    return apply


def mobilenet(m, classes):
    sizes = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    inner = 32
    unit(m, 3, 32, 3)
    for out, _ in sizes:
        unit(m, inner, inner, 3, inner), unit(m, inner, out, 1)
        inner = out
    m.linear(inner, classes)

    def apply(w, x):
        x = jax.nn.relu(w.unit(x, 2))
        for _, stride in sizes:
            x = jax.nn.relu(w.unit(x, stride, x.shape[-1]))
            x = jax.nn.relu(w.unit(x))
        return w.linear(x.mean((1, 2)))

    return apply


def gpt(m, vocab=256, width=384, layers=6, heads=6, length=256):
    m.weight(vocab, width, scale=0.02), m.weight(length, width, scale=0.02)
    for _ in range(layers):
        m.norm(width), m.linear(width, 3 * width), m.linear(width, width)
        m.norm(width), m.linear(width, 4 * width), m.linear(4 * width, width)
    m.norm(width)

    def apply(w, tok):
        wte, wpe = next(w.p), next(w.p)
        h = wte[tok] + wpe[: tok.shape[1]]
        for _ in range(layers):
            h = w.block(h, heads)
        return w.layernorm(h) @ wte.T

    return apply


def lstm(m):
    for inner in (128, 256):
        m.weight(inner, 1024, fan=256), m.weight(256, 1024), m.weight(1024, fan=256)
    m.linear(256, 128)
    return lambda w, x: w.linear(w.lstm(w.lstm(x)))


def workload(name):
    """Returns model, weights, statistics, input, target, optimizer with its arguments."""
    m, random = Maker(), np.random.default_rng(1)
    momentum, adam = ("sgd", dict(lr=1e-2, momentum=0.9)), ("adam", dict(lr=1e-3, betas=(0.9, 0.999), decay=0.0))
    adamw = ("adam", dict(lr=3e-4, betas=(0.9, 0.95), decay=0.1))
    images = {"cnn": (64, 28, 1, 10), "resnet20": (64, 32, 3, 10), "resnet18": (8, 224, 3, 1000)}
    images["mobilenetv1"] = (8, 224, 3, 1000)
    if name in images:
        batch, size, channels, classes = images[name]
        x, y = random.random((batch, size, size, channels), np.float32), random.integers(0, classes, batch)
        apply = {
            "cnn": lambda: cnn(m),
            "resnet20": lambda: resnet(m, (3, 1), [16, 32, 64], 3, 10),
            "resnet18": lambda: resnet(m, (7, 2), [64, 128, 256, 512], 2, 1000),
            "mobilenetv1": lambda: mobilenet(m, 1000),
        }[name]()
        optim = momentum
    elif name in ("gpt", "gpt2"):
        vocab, batch, length = (128, 8, 256) if name == "gpt" else (50257, 4, 64)
        x, y = random.integers(0, vocab, (2, batch, length)).astype(np.int32)
        apply, optim = gpt(m) if name == "gpt" else gpt(m, 50257, 768, 12, 12, 1024), adamw
    elif name == "mlp":
        x, y, apply, optim = random.random((128, 784), np.float32), random.integers(0, 10, 128), mlp(m), adam
    elif name == "tiny":
        x, y, apply = random.random((4, 2), np.float32), random.random((4, 1), np.float32), tiny(m)
        optim = "sgd", dict(lr=1e-2, momentum=0.0)
    elif name == "lstm":
        x, y = random.random((32, 64, 128), np.float32), random.integers(0, 128, (32, 64))
        apply, optim = lstm(m), adam
    else:
        raise SystemExit(f"jax_models: there is no {name}")

    def model(p, s, x, train):
        w = Walk(p, s, train)
        return apply(w, x), w.new

    return model, m.weights, m.stats, x, y if y.dtype == np.float32 else y.astype(np.int32), optim
