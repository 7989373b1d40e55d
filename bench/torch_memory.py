#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torch_memory.py WORKLOAD --mode MODE --share F --threads N: one training step in PyTorch under less memory, as JSON.

The peer of bench/models/{gpt2,gpt,resnet18}.nn: the same layers, batch, loss and optimizer. MODE is
  eager        everything kept
  checkpoint   torch.utils.checkpoint on the first F of all blocks (1: on every block)
  compile      torch.compile with activation_memory_budget = F
Printed are the step's time and three sizes: `saved_bytes`, what autograd saves for the backward pass (inputs and
weights not counted; not known for compile), `peak_bytes`, the allocator's peak during a step, including weights,
gradients and optimizer state, and the process's `peak_rss_bytes`.
"""

import argparse
import json
import os
import resource
import statistics
import time

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("workload", choices=["gpt2", "gpt", "resnet18"])
p.add_argument("--mode", choices=["eager", "checkpoint", "compile"], default="eager")
p.add_argument("--share", type=float, default=1.0)
p.add_argument("--threads", type=int, default=1)
p.add_argument("--steps", type=int, default=5)
ARGS = p.parse_args()
# The thread libraries read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGS.threads)

import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402
from torch_block import Block  # noqa: E402


class Residual(nn.Module):
    def __init__(self, inner, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inner, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.short = None
        if stride != 1 or inner != out:
            self.short = nn.Sequential(nn.Conv2d(inner, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.short is None else self.short(x)))


class Chain(nn.Module):
    """A model with a sequence of blocks, some of which are checkpointed."""

    def run(self, x):
        again = round(ARGS.share * len(self.blocks)) if ARGS.mode == "checkpoint" else 0
        for i, block in enumerate(self.blocks):
            x = checkpoint(block, x, use_reentrant=False) if i < again else block(x)
        return x


class GPT(Chain):
    def __init__(self, vocab, width, layers, heads, length):
        super().__init__()
        self.wte = nn.Parameter(0.02 * torch.randn(vocab, width))
        self.wpe = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tok):
        return F.linear(self.norm(self.run(F.embedding(tok, self.wte) + self.wpe[: tok.shape[1]])), self.wte)


class ResNet(Chain):
    def __init__(self, classes):
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        sizes = [(64, 64, 1), (64, 64, 1)]
        for out in (128, 256, 512):
            sizes += [(out // 2, out, 2), (out, out, 1)]
        self.blocks = nn.ModuleList([Residual(*s) for s in sizes])
        self.head = nn.Linear(512, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.stem(x))), 3, 2, 1)
        return self.head(self.run(x).mean((2, 3)))


def workload():
    """Returns model, input, target, optimizer."""
    torch.manual_seed(0)
    if ARGS.workload == "resnet18":
        m = ResNet(1000).to(memory_format=torch.channels_last)
        x = torch.rand(8, 3, 224, 224).to(memory_format=torch.channels_last)
        return m, x, torch.randint(1000, (8,)), torch.optim.SGD(m.parameters(), lr=1e-2, momentum=0.9)
    big = ARGS.workload == "gpt2"
    vocab, batch, length = (50257, 4, 64) if big else (256, 8, 256)
    m = GPT(vocab, 768, 12, 12, 1024) if big else GPT(vocab, 384, 6, 6, 256)
    x, y = torch.randint(vocab, (batch, length)), torch.randint(vocab, (batch, length))
    return m, x, y, torch.optim.AdamW(m.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)


def loss_of(model, x, y):
    z = model(x)
    return F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))


def saved_bytes(model, x, y):
    """The bytes that a forward pass saves for the backward pass, each storage once."""
    known = {t.untyped_storage().data_ptr() for t in list(model.parameters()) + list(model.buffers()) + [x, y]}
    seen = {}

    def pack(t):
        s = t.untyped_storage()
        if s.data_ptr() not in known:
            seen[s.data_ptr()] = s.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        loss_of(model, x, y)
    return sum(seen.values())


def peak_bytes(step, before):
    """The allocator's peak during a step; `before`: bytes that were allocated before it."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as prof:
        step()
    now = peak = 0
    events = [e for e in prof.profiler.kineto_results.events() if e.name() == "[memory]"]
    for e in sorted(events, key=lambda e: e.start_ns()):
        now += e.nbytes()
        peak = max(peak, now)
    return before + peak


def main():
    torch.set_num_threads(ARGS.threads)
    torch.set_num_interop_threads(1)
    model, x, y, opt = workload()
    run = model
    if ARGS.mode == "compile":
        from torch._functorch import config

        config.activation_memory_budget = ARGS.share
        run = torch.compile(model)

    def step():
        opt.zero_grad(set_to_none=True)
        loss_of(run, x, y).backward()
        opt.step()

    saved = saved_bytes(model, x, y) if ARGS.mode != "compile" else None
    for _ in range(2):
        step()
    opt.zero_grad(set_to_none=True)
    tensors = list(model.parameters()) + list(model.buffers()) + [x, y]
    tensors += [t for s in opt.state.values() for t in s.values() if torch.is_tensor(t)]
    before = sum(t.untyped_storage().nbytes() for t in tensors)
    times = []
    for _ in range(ARGS.steps):
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # before the profiler takes its own
    opt.zero_grad(set_to_none=True)
    print(
        json.dumps(
            {
                "median_ms": round(statistics.median(times), 3),
                "min_ms": round(min(times), 3),
                "saved_bytes": saved,
                "peak_bytes": peak_bytes(step, before),
                "peak_rss_bytes": rss,
            }
        ),
        flush=True,
    )


main()
