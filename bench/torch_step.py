#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torch_step.py WORKLOAD --threads N [--seconds S] [--precision bf16] [--compile]: one training step in PyTorch, eager
or compiled, as one line of JSON.

The peer of bench/models/WORKLOAD.nn: the same layers, batch, loss and optimizer, in PyTorch's best eager form: images
channels-last, scaled_dot_product_attention, the library's LSTM, gradients set to None, and the given one of the
optimizer's three implementations; `--pick` times all three and prints the name of the fastest. Data and weights are in
memory before the clock starts; the loss is not read back inside it. With --precision bf16 model and loss run under
torch.autocast, the weights stay float32; --compile puts the model through torch.compile.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

KINDS = ["fused", "foreach", "single"]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", nargs="?", choices=["mlp", "tiny", "cnn", "gpt", "lstm"])
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seconds", type=float, default=6.0, help="time to measure for (at least 10 steps)")
    p.add_argument("--optimizer", choices=KINDS, default="fused")
    p.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    p.add_argument("--compile", action="store_true", help="measure the compiled model")
    p.add_argument("--pick", action="store_true", help="print the fastest optimizer implementation and stop")
    p.add_argument("--version", action="store_true", help="print the versions that matter and stop")
    a = p.parse_args()
    if not a.version and a.workload is None:
        p.error("which workload?")
    return a


ARGS = arguments()
# The thread libraries read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGS.threads)

import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch_block import Block  # noqa: E402


class GPT(nn.Module):
    def __init__(self, vocab=256, width=384, layers=6, heads=6, length=256):
        super().__init__()
        self.wte, self.wpe = nn.Parameter(0.02 * torch.randn(vocab, width)), nn.Parameter(
            0.02 * torch.randn(length, width)
        )
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tok):
        h = self.blocks(F.embedding(tok, self.wte) + self.wpe[: tok.shape[1]])
        return F.linear(self.norm(h), self.wte)


class CharLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(128, 256, 2, batch_first=True), nn.Linear(256, 128)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


def cross_entropy(z, y):
    return F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))


def workload(name):
    """Returns model, input, target, loss, optimizer class, its arguments."""
    if name == "mlp":
        m = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        return m, torch.rand(128, 784), torch.randint(10, (128,)), cross_entropy, torch.optim.Adam, dict(lr=1e-3)
    if name == "tiny":
        m = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        return m, torch.rand(4, 2), torch.rand(4, 1), F.mse_loss, torch.optim.SGD, dict(lr=1e-2)
    if name == "cnn":
        m = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(9216, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )
        x = torch.rand(64, 1, 28, 28).to(memory_format=torch.channels_last)
        return (
            m.to(memory_format=torch.channels_last),
            x,
            torch.randint(10, (64,)),
            cross_entropy,
            torch.optim.SGD,
            dict(lr=1e-2, momentum=0.9),
        )
    if name == "gpt":
        m = GPT()
        return (
            m,
            torch.randint(128, (8, 256)),
            torch.randint(128, (8, 256)),
            cross_entropy,
            torch.optim.AdamW,
            dict(lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1),
        )
    return (
        CharLSTM(),
        torch.rand(32, 64, 128),
        torch.randint(128, (32, 64)),
        cross_entropy,
        torch.optim.Adam,
        dict(lr=1e-3),
    )


def make_step(name, kind):
    torch.manual_seed(0)
    model, x, y, loss, optim, args = workload(name)
    opt = optim(
        model.parameters(),
        **args,
        **{"fused": dict(fused=True), "foreach": dict(foreach=True), "single": dict(foreach=False, fused=False)}[kind]
    )

    forward = torch.compile(model) if ARGS.compile else model

    def step():
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=ARGS.precision == "bf16"):
            l = loss(forward(x), y)
        l.backward()
        opt.step()
        return l

    return step


def measure(step, seconds, at_least):
    for _ in range(3):
        step()
    times, begin = [], time.perf_counter()
    while len(times) < at_least or time.perf_counter() - begin < seconds:
        t = time.perf_counter()
        step()
        times.append(time.perf_counter() - t)
    return sorted(times)


def main():
    if ARGS.version:
        print(
            json.dumps(
                {
                    "python": sys.version.split()[0],
                    "torch": torch.__version__,
                    "mkl": torch.backends.mkl.is_available(),
                    "onednn": torch.backends.mkldnn.is_available(),
                    "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                }
            )
        )
        return
    torch.set_num_threads(ARGS.threads)
    torch.set_num_interop_threads(1)
    if ARGS.pick:
        trial = {k: statistics.median(measure(make_step(ARGS.workload, k), 1.0, 3)) for k in KINDS}
        print(min(trial, key=trial.get))
        return
    t = measure(make_step(ARGS.workload, ARGS.optimizer), ARGS.seconds, 10)
    ms = {"median": statistics.median(t), "min": t[0], "p90": t[int(0.9 * len(t))]}
    print(
        json.dumps(
            {
                "step_ms": {k: round(v * 1e3, 5) for k, v in ms.items()},
                "steps": len(t),
                "optimizer": ARGS.optimizer,
                "threads": ARGS.threads,
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
