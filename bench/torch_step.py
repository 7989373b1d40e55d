#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torch_step.py WORKLOAD --threads N [--infer] [--seconds S] [--precision bf16] [--compile | --autotune]: one training
step in PyTorch, or with --infer one call with a batch of 1, eager or compiled, as one line of JSON.

The peer of WORKLOAD.nn in bench/models or bench/heldout: the same layers, batch, loss and optimizer, in PyTorch's best
eager form: images channels-last, scaled_dot_product_attention, the library's LSTM, gradients set to None, and the given
one of the optimizer's three implementations; `--pick` times all three and prints the name of the fastest. Data and
weights are in memory before the clock starts; the loss is not read back inside it. With --precision bf16 model and loss
run under torch.autocast, the weights stay float32; --compile puts the model through torch.compile, for inference with
frozen weights; --autotune does so with mode="max-autotune". first_s is the time from --begin (seconds since 1970) to
the end of the first step.
"""

import argparse
import json
import os
import statistics
import sys

KINDS = ["fused", "foreach", "single"]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", nargs="?", help="the name of a file of models/ or heldout/")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seconds", type=float, default=6.0, help="time to measure for (at least 3 steps)")
    p.add_argument("--optimizer", choices=KINDS, default="fused")
    p.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    p.add_argument("--compile", action="store_true", help="measure the compiled model")
    p.add_argument("--autotune", action="store_true", help="the compiled model with mode=max-autotune")
    p.add_argument("--pick", action="store_true", help="print the fastest optimizer implementation and stop")
    p.add_argument("--infer", action="store_true", help="measure a call with a batch of 1")
    p.add_argument("--begin", type=float, default=0.0, help="when the process was started")
    p.add_argument("--version", action="store_true", help="print the versions that matter and stop")
    a = p.parse_args()
    a.compile |= a.autotune
    if not a.version and a.workload is None:
        p.error("which workload?")
    return a


ARGS = arguments()
# The thread libraries read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGS.threads)

import torch  # noqa: E402
from measure import measure, print_row  # noqa: E402
from torch_heldout import workload  # noqa: E402


def compiled(model):
    if not ARGS.compile:
        return model
    return torch.compile(model, mode="max-autotune" if ARGS.autotune else "default")


def make_step(name, kind):
    torch.manual_seed(0)
    model, x, y, loss, optim, args = workload(name)
    opt = optim(
        model.parameters(),
        **args,
        **{"fused": dict(fused=True), "foreach": dict(foreach=True), "single": dict(foreach=False, fused=False)}[kind]
    )

    forward = compiled(model)

    def step():
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=ARGS.precision == "bf16"):
            l = loss(forward(x), y)
        l.backward()
        opt.step()
        return l

    return step


def make_call(name):
    torch.manual_seed(0)
    model, x, *_ = workload(name)
    if ARGS.compile:
        import torch._inductor.config as config

        config.freezing = True
    model.eval()
    x = x[:1]
    forward = compiled(model)

    def call():
        with torch.inference_mode(not ARGS.compile), torch.no_grad():
            z = forward(x)
            return z if name == "tiny" else (z[:, -1] if name.startswith("gpt") else z).argmax(-1)

    return call


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
        trial = {k: statistics.median(measure(make_step(ARGS.workload, k), 1.0)[0]) for k in KINDS}
        print(min(trial, key=trial.get))
        return
    step = make_call(ARGS.workload) if ARGS.infer else make_step(ARGS.workload, ARGS.optimizer)
    times, first = measure(step, ARGS.seconds)
    print_row(times, first - ARGS.begin if ARGS.begin else 0, ARGS.threads, optimizer="" if ARGS.infer else ARGS.optimizer)


if __name__ == "__main__":
    main()
