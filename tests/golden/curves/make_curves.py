#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the reference curves: for every NAME.nn here the initial weights and PyTorch's first 20 losses.

  numbers.txt        the text that gpt.nn and lstm.nn read
  *.safetensors      initial weights, in gradc's names and layouts (linear [in, out], lstm gates i f g o)
  NAME.losses        step, loss in float64, loss in float32: of the step's own batch, before its update
  index.tsv          curve, weights file

Every curve is written twice over: as NAME.nn for gradc and as a row of CURVES for PyTorch. Needs ../requirements.txt.
"""

import csv
import gzip
import math
import os

import models
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 20
UNITS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def word(n):
    """A number below 200 in words."""
    tens = "ten twenty thirty forty fifty sixty seventy eighty ninety".split()
    teens = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    if n >= 100:
        return "a hundred" + ("" if n == 100 else " and " + word(n - 100))
    if n <= 12:
        return UNITS[n]
    if n < 20:
        return teens[n - 13]
    return tens[n // 10 - 1] + ("" if n % 10 == 0 else "-" + UNITS[n % 10])


def numbers():
    """The multiplication table in words: text that a small model can learn something of."""
    return "".join(
        f"{word(a).capitalize()} times {word(b)} is {word(a * b)}.\n" for a in range(1, 13) for b in range(1, 17)
    )


# ---- data: records in file order ------------------------------------------------------------------------------------


def digits(shape):
    with gzip.open(os.path.join(HERE, "../../../examples/data/digits.csv.gz"), "rt") as f:
        rows = np.array([[int(v) for v in r] for r in list(csv.reader(f))[1:]])
    return torch.tensor(rows[:, :64] / 16).reshape(-1, *shape), torch.tensor(rows[:, 64])


def windows(length):
    text = torch.tensor(list(numbers().encode("ascii")))
    count = (len(text) - 1) // length
    rows = torch.stack([text[i * length : i * length + length + 1] for i in range(count)])
    return rows[:, :-1], rows[:, 1:]


# ---- models, over a table of weights in gradc's names ---------------------------------------------------------------


def linear(p, name, x):
    return x @ p[name + ".w"] + p[name + ".b"]


def layernorm(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[name + ".g"], p[name + ".b"])


def batchnorm(p, name, x):
    # The batch's own statistics; the running ones do not reach a training loss.
    return F.batch_norm(x, None, None, p[name + ".g"], p[name + ".b"], training=True)


def conv(p, name, x, **kw):
    return F.conv2d(x, p[name + ".w"], p.get(name + ".b"), **kw)


def mlp_small(p, x):
    return linear(p, "net.linear_2", F.relu(linear(p, "net.linear_1", x)))


def mlp(p, x):
    h = F.relu(linear(p, "net.linear_1", x))
    return linear(p, "net.linear_3", F.relu(linear(p, "net.linear_2", h)))


def cnn(p, x):
    h = F.relu(conv(p, "net.conv2d_1", x, padding=1))
    h = F.max_pool2d(F.relu(conv(p, "net.conv2d_2", h, padding=1)), 2)
    return linear(p, "net.linear_2", F.relu(linear(p, "net.linear_1", h.flatten(1))))


def cnn_batchnorm(p, x):
    h = F.relu(batchnorm(p, "net.batchnorm_1", conv(p, "net.conv2d_1", x, padding=1)))
    h = conv(p, "net.conv2d_2", F.pad(h, (0, 1, 0, 1)), stride=2)
    return linear(p, "net.linear", F.relu(batchnorm(p, "net.batchnorm_2", h)).mean((2, 3)))


def cnn_variety(p, x):
    h = F.silu(conv(p, "net.conv2d_1", x, padding=2, dilation=2))
    h = F.gelu(conv(p, "net.conv2d_2", h, padding=1, groups=8), approximate="tanh")
    h = torch.tanh(conv(p, "net.conv2d_3", F.max_pool2d(h, 3, 2, 1), stride=2, groups=2))
    h = F.avg_pool2d(h, 2).flatten(1)
    return linear(p, "net.linear", F.rms_norm(h, (16,), p["net.rmsnorm.g"], 1e-5))


def attention(p, name, x, heads):
    b, t, d = x.shape
    q, k, v = (z.view(b, t, heads, d // heads).transpose(1, 2) for z in linear(p, name + ".linear_1", x).split(d, 2))
    a = q @ k.transpose(-1, -2) / math.sqrt(d // heads)
    a = a.masked_fill(~torch.ones(t, t, dtype=torch.bool).tril(), -math.inf).softmax(-1)
    return linear(p, name + ".linear_2", (a @ v).transpose(1, 2).reshape(b, t, d))


def gpt(p, tok):
    h = p["net.wte"][tok] + p["net.wpe"]
    for i in (1, 2):
        n = f"net.transformer_block_{i}"
        h = h + attention(p, n + ".self_attention", layernorm(p, n + ".layernorm_1", h), 4)
        u = F.gelu(linear(p, n + ".mlp.linear_1", layernorm(p, n + ".layernorm_2", h)))
        h = h + linear(p, n + ".mlp.linear_2", u)
    return layernorm(p, "net.layernorm", h) @ p["net.wte"].T


def lstm(p, tok):
    x = p["net.embedding.w"][tok]
    wx, wh, b = (p["net.lstm." + n] for n in ("wx", "wh", "b"))
    h = c = torch.zeros(x.shape[0], wh.shape[0], dtype=x.dtype)
    out = []
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ wx + h @ wh + b).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        out.append(h)
    return linear(p, "net.linear", torch.stack(out, 1))


# ---- initial weights: name -> shape ---------------------------------------------------------------------------------


def linear_shapes(name, i, o):
    return {name + ".w": (i, o), name + ".b": (o,)}


def norm_shapes(name, n):
    return {name + ".g": (n,), name + ".b": (n,)}


def gpt_shapes(vocab=128, d=48, length=32):
    s = {"net.wte": (vocab, d), "net.wpe": (length, d)}
    for i in (1, 2):
        n = f"net.transformer_block_{i}"
        s |= norm_shapes(n + ".layernorm_1", d)
        s |= linear_shapes(n + ".self_attention.linear_1", d, 3 * d)
        s |= linear_shapes(n + ".self_attention.linear_2", d, d)
        s |= norm_shapes(n + ".layernorm_2", d)
        s |= linear_shapes(n + ".mlp.linear_1", d, 4 * d)
        s |= linear_shapes(n + ".mlp.linear_2", 4 * d, d)
    return s | norm_shapes("net.layernorm", d)


WEIGHTS = {
    "mlp_small": linear_shapes("net.linear_1", 64, 32) | linear_shapes("net.linear_2", 32, 10),
    "mlp": linear_shapes("net.linear_1", 64, 64)
    | linear_shapes("net.linear_2", 64, 64)
    | linear_shapes("net.linear_3", 64, 10),
    "cnn": {
        "net.conv2d_1.w": (8, 1, 3, 3),
        "net.conv2d_1.b": (8,),
        "net.conv2d_2.w": (16, 8, 3, 3),
        "net.conv2d_2.b": (16,),
    }
    | linear_shapes("net.linear_1", 256, 32)
    | linear_shapes("net.linear_2", 32, 10),
    "cnn_batchnorm": {"net.conv2d_1.w": (8, 1, 3, 3), "net.conv2d_2.w": (16, 8, 3, 3)}
    | norm_shapes("net.batchnorm_1", 8)
    | {"net.batchnorm_1.mu": (8,), "net.batchnorm_1.var": (8,)}
    | norm_shapes("net.batchnorm_2", 16)
    | {"net.batchnorm_2.mu": (16,), "net.batchnorm_2.var": (16,)}
    | linear_shapes("net.linear", 16, 10),
    "cnn_variety": {
        "net.conv2d_1.w": (8, 1, 3, 3),
        "net.conv2d_1.b": (8,),
        "net.conv2d_2.w": (8, 1, 3, 3),
        "net.conv2d_2.b": (8,),
        "net.conv2d_3.w": (16, 4, 2, 2),
        "net.conv2d_3.b": (16,),
        "net.rmsnorm.g": (16,),
    }
    | linear_shapes("net.linear", 16, 10),
    "gpt": gpt_shapes(),
    "lstm": {"net.embedding.w": (128, 24), "net.lstm.wx": (24, 192), "net.lstm.wh": (48, 192), "net.lstm.b": (192,)}
    | linear_shapes("net.linear", 48, 128),
    "vit": models.vit_shapes(),
    "swin": models.swin_shapes(),
    "moe": models.moe_shapes(),
    "vqvae": models.vqvae_shapes(),
    "llama": models.llama_shapes(),
    "mamba": models.mamba_shapes(),
}


def initial(seed, shapes):
    """kaiming matrices and filters; biases and gains off their usual 0 and 1, so that a lost one shows."""
    rng, out = np.random.default_rng(seed), {}
    for name, shape in shapes.items():
        kind = name.rsplit(".", 1)[1]
        if kind == "mu":
            v = np.zeros(shape)
        elif kind == "var":
            v = np.ones(shape)
        elif len(shape) == 1:
            v = rng.uniform(-0.1, 0.1, shape) + (1 if kind == "g" else 0)
        elif kind in ("wte", "wpe"):
            v = rng.normal(0, 0.02, shape)
        else:
            bound = 1 / math.sqrt(shape[0] if len(shape) == 2 else math.prod(shape[1:]))
            v = rng.uniform(-bound, bound, shape)
        out[name] = v.astype(np.float32)
    return out


# ---- the curves -----------------------------------------------------------------------------------------------------


def no_decay(name):
    return name.rsplit(".", 1)[1] in ("b", "g", "wpe")


def curve(model, weights, data, batch, optim, lr, accumulate=1, clip=None, smooth=0.0, loss=None, **args):
    return dict(
        model=model,
        weights=weights,
        data=data,
        batch=batch,
        optim=optim,
        lr=lr,
        accumulate=accumulate,
        clip=clip,
        smooth=smooth,
        loss=loss or cross_entropy(smooth),
        args=args,
    )


def cross_entropy(smooth):
    return lambda z, x, y: F.cross_entropy(z.flatten(0, -2), y.reshape(-1), label_smoothing=smooth)


def clip_norm(ps):
    torch.nn.utils.clip_grad_norm_(ps, 1.0)


def clip_value(ps):
    torch.nn.utils.clip_grad_value_(ps, 0.01)


IMAGES, VECTORS, ROWS = lambda: digits((1, 8, 8)), lambda: digits((64,)), lambda: digits((8, 8))
TEXT = lambda: windows(32)  # noqa: E731
SGD, ADAM, ADAMW, RMSPROP = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop


def rate(value):
    return lambda step: value


def cosine(value):
    return lambda step: value * (1 + math.cos(math.pi * step / STEPS)) / 2


CURVES = {
    "mlp": curve(mlp, "mlp", VECTORS, 64, ADAM, rate(3e-3)),
    "mlp_sgd": curve(mlp_small, "mlp_small", VECTORS, 64, SGD, rate(0.2)),
    "mlp_momentum": curve(mlp_small, "mlp_small", VECTORS, 64, SGD, rate(0.05), momentum=0.9, weight_decay=1e-2),
    "mlp_rmsprop": curve(mlp_small, "mlp_small", VECTORS, 64, RMSPROP, rate(1e-3), alpha=0.95, eps=1e-6, momentum=0.5),
    "mlp_adam_decay": curve(mlp_small, "mlp_small", VECTORS, 64, ADAM, rate(2e-3), weight_decay=1e-2),
    "mlp_adamw": curve(
        mlp_small, "mlp_small", VECTORS, 64, ADAMW, rate(2e-3), betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1
    ),
    "mlp_clip_accumulate": curve(
        mlp_small, "mlp_small", VECTORS, 32, SGD, rate(0.2), accumulate=2, clip=clip_norm, momentum=0.9
    ),
    "mlp_clip_value": curve(mlp_small, "mlp_small", VECTORS, 64, SGD, rate(0.5), clip=clip_value),
    "cnn": curve(cnn, "cnn", IMAGES, 32, SGD, cosine(0.2), momentum=0.9, nesterov=True, weight_decay=5e-4),
    "cnn_batchnorm": curve(cnn_batchnorm, "cnn_batchnorm", IMAGES, 32, ADAMW, rate(1e-2), weight_decay=0.05),
    "cnn_variety": curve(cnn_variety, "cnn_variety", IMAGES, 32, SGD, rate(0.1), smooth=0.1, momentum=0.9),
    "gpt": curve(
        gpt,
        "gpt",
        TEXT,
        8,
        ADAMW,
        lambda step: 1e-3 * min((step + 1) / 5, 1),
        clip=clip_norm,
        betas=(0.9, 0.95),
        weight_decay=0.1,
    ),
    "lstm": curve(lstm, "lstm", TEXT, 8, ADAM, rate(3e-3)),
    "vit": curve(models.vit, "vit", IMAGES, 32, ADAM, rate(2e-3)),
    "swin": curve(models.swin, "swin", IMAGES, 32, SGD, rate(0.1), momentum=0.9),
    "moe": curve(models.moe, "moe", ROWS, 32, SGD, rate(0.05), loss=models.moe_loss, momentum=0.9),
    "vqvae": curve(models.vqvae, "vqvae", IMAGES, 32, SGD, rate(0.1), loss=models.vqvae_loss, momentum=0.9),
    "llama": curve(models.llama, "llama", TEXT, 8, ADAM, rate(3e-3)),
    "mamba": curve(models.mamba, "mamba", TEXT, 8, ADAM, rate(3e-3)),
}


def losses(c, weights, dtype):
    x, y = c["data"]()
    if x.is_floating_point():
        x = x.to(dtype)
    p = {n: torch.tensor(v, dtype=dtype) for n, v in weights.items()}
    trained = {n: w.requires_grad_() for n, w in p.items() if not n.endswith((".mu", ".var"))}
    args = dict(c["args"])
    decay = args.pop("weight_decay", 0.0)
    groups = [
        {"params": [w for n, w in trained.items() if no_decay(n) == skip], "weight_decay": 0.0 if skip else decay}
        for skip in (False, True)
    ]
    opt = c["optim"](groups, lr=c["lr"](0), **args)
    at, out = 0, []
    for step in range(STEPS):
        opt.zero_grad()
        total = 0.0
        for _ in range(c["accumulate"]):
            xb, yb = x[at : at + c["batch"]], y[at : at + c["batch"]]
            assert len(xb) == c["batch"], "a curve stays within its first epoch"
            at += c["batch"]
            loss = c["loss"](c["model"](p, xb), xb, yb) / c["accumulate"]
            loss.backward()
            total += loss.item()
        if c["clip"]:
            c["clip"](list(trained.values()))
        for g in opt.param_groups:
            g["lr"] = c["lr"](step)
        opt.step()
        out.append(total)
    return out


def main():
    torch.set_num_threads(1)
    with open(os.path.join(HERE, "numbers.txt"), "w") as f:
        f.write(numbers())
    weights = {name: initial(i + 1, shapes) for i, (name, shapes) in enumerate(WEIGHTS.items())}
    for name, w in weights.items():
        save_file(w, os.path.join(HERE, name + ".safetensors"))
    with open(os.path.join(HERE, "index.tsv"), "w") as index:
        for name, c in CURVES.items():
            index.write(f"{name}\t{c['weights']}.safetensors\n")
            l64, l32 = (losses(c, weights[c["weights"]], d) for d in (torch.float64, torch.float32))
            with open(os.path.join(HERE, name + ".losses"), "w") as f:
                f.write("step,loss64,loss32\n")
                f.writelines(f"{i},{a:.17g},{b:.9g}\n" for i, (a, b) in enumerate(zip(l64, l32)))
            spread = max(abs(a - b) / a for a, b in zip(l64, l32))
            print(f"{name:20s} {l64[0]:.6f} -> {l64[-1]:.6f}, float32 within {spread:.1e}")


if __name__ == "__main__":
    main()
