#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes ops.txt: values and gradients of gradc's primitives, layers and losses, computed by PyTorch in float64.

Every input is a multiple of 1/64, so float32 and float64 start from the same numbers. Points where a derivative
jumps (relu at 0, ties of a maximum) are left out. Needs ../requirements.txt. The file explains its own form.
"""

import os

import torch

import cases_ops, cases_layers  # noqa: E401, F401 - in this order, as they draw from one stream of numbers
from case import CASES, rand

HEADER = """\
# Golden values of PyTorch {torch} in float64, written by make_ops.py. One case is:
#   case NAME
#   expr BODY                       the body of a def whose arguments are the inputs below
#   mode training|inference         the static bool `training`
#   in NAME DTYPE [SHAPE] values    an argument, row-major; f32 values are multiples of 1/64
#   param NAME [SHAPE] values       a weight, f32, named from the def's instance on (linear.w, mlp.linear_1.b)
#   state NAME [SHAPE] values       a state before the call
#   out DTYPE [SHAPE] values        the value of the body
#   cot [SHAPE] values              cotangent: gradients are those of sum(out * cot); none where no input has one
#   grad NAME [SHAPE] values        gradient of an argument or weight
#   after NAME [SHAPE] values       a state after the call
#   end
"""


def tensor(t):
    t = t.detach()
    shape = "[" + ",".join(map(str, t.shape)) + "]"
    values = t.reshape(-1).tolist()
    return " ".join([shape] + [str(int(v)) if float(v).is_integer() else repr(float(v)) for v in values])


def dtype(t):
    return "f32" if t.is_floating_point() else "i32"


def write(case, f):
    v, leaves = {}, []
    f.write(f"case {case.name}\nexpr {case.expr}\nmode {case.mode}\n")
    for kind, table in (("in", case.inputs), ("param", case.params), ("state", case.states)):
        for name, t in table.items():
            t = t.double() if t.is_floating_point() else t
            f.write(f"{kind} {name} {dtype(t) + ' ' if kind == 'in' else ''}{tensor(t)}\n")
            v[name] = t.clone()
            if t.is_floating_point() and kind != "state":
                v[name].requires_grad_()
                leaves.append(name)
    out = case.fn(v)
    f.write(f"out {dtype(out)} {tensor(out)}\n")
    if out.is_floating_point() and out.requires_grad:
        cot = rand(*out.shape)
        f.write(f"cot {tensor(cot)}\n")
        for name, g in zip(leaves, torch.autograd.grad((out * cot).sum(), [v[n] for n in leaves])):
            f.write(f"grad {name} {tensor(g)}\n")
    if case.mode == "training":
        for name in case.states:
            f.write(f"after {name} {tensor(v[name])}\n")
    f.write("end\n")


def main():
    torch.set_num_threads(1)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.txt")
    assert len({c.name for c in CASES}) == len(CASES)
    with open(path, "w") as f:
        f.write(HEADER.format(torch=torch.__version__.split("+")[0]))
        for case in CASES:
            write(case, f)
    print(f"{len(CASES)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
