#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes FILE.nn and FILE.txt, programs and what PyTorch makes of them (see ../README.md). Needs ../requirements.txt.

make_programs.py [NAME... | --file FILE...]: with names only tells what is wrong with those; with --file writes only
these files, patterns."""

import fnmatch
import os
import sys

import torch

import program
import programs_calls  # noqa: F401 - in this order, as they draw from one stream of numbers
import programs_losses  # noqa: F401
import programs_extremes  # noqa: F401
import programs_numbers  # noqa: F401
import programs_layers  # noqa: F401
import programs_random
import programs_train  # noqa: F401
import programs_activations  # noqa: F401 - these each have a stream of their own
import programs_loss  # noqa: F401
import programs_attend  # noqa: F401
import programs_optim  # noqa: F401
import programs_lbfgs  # noqa: F401
import programs_average  # noqa: F401
import programs_window  # noqa: F401
import programs_tensor  # noqa: F401
import programs_recurrent  # noqa: F401
import programs_resample  # noqa: F401
import programs_transformer  # noqa: F401
import programs_metrics  # noqa: F401
import rounding

HERE = os.path.dirname(os.path.abspath(__file__))
RANDOM = 130  # random programs
LOOSE = 1e-3  # a bound may be so much of a result's largest element
NOISE = 1e-12  # what double precision may give for 0
UNSEEN = 0.25  # share of operations whose result may change unseen: those on which no result depends


def make(p):
    """Results, bounds, results in single precision, and what speaks against the program."""
    want, single = p.run(torch.float64), p.run(torch.float32)
    unit, against = program.unit_of(p), []
    tol = rounding.bounds(lambda: p.run(torch.float64), want, unit, program.F32_LEAST, p.samples)
    tol = [t + getattr(p, "slack", 0) if t is not None else t for t in tol]
    for i, (w, s, t) in enumerate(zip(want, single, tol)):
        if p.single or t is None or not w.numel():
            continue
        if unit == 2.0**-24 and not program.same(s, w, t):
            against.append(f"result {i}: PyTorch's own single precision is not within the bound")
        if (t / (w.abs().max() + 1e-30)).max() > LOOSE * unit / 2.0**-24 and w.abs().max() > NOISE:
            against.append(f"result {i}: the bound is {(t / w.abs().max()).max():.1e} of the largest element")
    if not p.single and not p.known:
        lost, n = missed(p, want, tol)
        if len(lost) > UNSEEN * n + 1:
            against.append(f"of {n} operations these may be wrong: {' '.join(lost)}")
        make.operations, make.unseen = make.operations + n, make.unseen + len(lost)
    return want, tol, single_of(p, want, single), against


make.operations = make.unseen = 0


def single_of(p, want, single):
    if p.single == "exactly":
        return single
    return list(map(program.in_single, want, single)) if p.single else None


def missed(p, want, tol):
    """Operations whose result may be wrong by 1/128 without a result leaving its bound."""
    out, k = [], 0
    while True:
        with rounding.Changed(k, 2.0**-7 if program.unit_of(p) == 2.0**-24 else 1) as mode:
            got = p.run(torch.float64)
        if mode.name is None:
            return out, k
        if all(program.same(g, w, t if t is not None else 0) for g, w, t in zip(got, want, tol)):
            out.append(mode.name)
        k += 1


def random_programs():
    """Those of the first seeds against which nothing speaks."""
    seed, n = 0, 0
    while n < RANDOM:
        p, seed = programs_random.compose(seed), seed + 1
        try:
            p.made = make(p)
        except RuntimeError:  # autograd has no second derivative, or refuses
            continue
        if not p.made[3]:
            n += 1
            yield p


def main():
    torch.set_num_threads(1)
    only, files, wrong, some = sys.argv[1:], {}, 0, None
    if only[:1] == ["--file"]:
        only, some = [], only[1:]
    chosen = [
        p
        for p in program.PROGRAMS
        if (p.name in only if only else not some or any(fnmatch.fnmatch(p.file, s) for s in some))
    ]
    for p in chosen:
        p.made = make(p)
        p.made[3][:] = [] if p.known and not only else p.made[3]
        for s in p.made[3]:
            print(f"{p.name}: {s}")
        wrong += len(p.made[3])
    if only:
        return
    layers = [p for p in chosen if isinstance(p, program.Layer)]
    for p in chosen + (list(random_programs()) if not some or "random" in some else []):
        want, tol, single, _ = p.made
        nn, txt = files.setdefault(p.file, ([], []))
        nn += [h for h in getattr(p, "helpers", ()) if h not in nn]
        nn.append(p.text(want))
        if isinstance(p, program.Layer):
            txt.append("\n".join(p.after(want, tol)) + "\n")
        else:
            txt.append(p.script(want, tol) if isinstance(p, program.Training) else program.script(p, want, tol, single))
    for file in {p.file: 0 for p in layers}:
        nn, txt = files[file]
        group = [p for p in layers if p.file == file]
        nn.append(program.layers_text(group))
        txt[:0] = [f"program {file}\n" + "\n".join(s for p in group for s in p.before()) + "\nstep\n"]
    os.makedirs(os.path.join(HERE, "train"), exist_ok=True)
    for name, (nn, txt) in files.items():
        with open(os.path.join(HERE, name + ".nn"), "w") as f:
            f.write("\n".join(nn))
        with open(os.path.join(HERE, name + ".txt"), "w") as f:
            f.write("".join(txt))
        size = os.path.getsize(os.path.join(HERE, name + ".txt"))
        print(f"{name}: {''.join(txt).count('program ')} programs, {size} bytes")
    print(f"{make.operations} operations, of which a change of 1/128 is not seen: {make.unseen}; {wrong} faults")


if __name__ == "__main__":
    main()
