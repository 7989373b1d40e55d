# SPDX-License-Identifier: Apache-2.0
"""Arrays as values of tensors: all element types, memory of a device, tensors of PyTorch. python_arrays.py FOLDER
[tensors]: with the second argument only what needs PyTorch."""
import gc
import os
import sys

import numpy as np

import gradc
from python_suite import OPTIONS, batch, check, end, raises


def nearest_bf16(x):
    """The bits of the nearest bf16, by a search of all of them."""
    with np.errstate(all="ignore"):
        every = (np.arange(0x7F80, dtype=np.uint32) << 16).view(np.float32).astype(np.float64)
        x = float(x)
        if np.isnan(x):
            return 0x7FC0
        sign = 0x8000 if np.signbit(x) else 0
        top = every[-1] + (every[-1] - every[-2]) / 2
        if abs(x) >= top:
            return sign | 0x7F80
        low = int(np.searchsorted(every, abs(x), side="right")) - 1
        if low + 1 < len(every):
            down, up = abs(x) - every[low], every[low + 1] - abs(x)
            low += bool(up < down or (up == down and low & 1))
        return sign | low


def conversions(other_bf16=None):
    """Every kind of array to every element type: the same values, or a TypeError."""
    names = ["bool", "u8", "i8", "u16", "i16", "u32", "i32", "i64", "f32", "f64", "f16", "bf16"]
    text = "".join(f"export def as_{n}(x: {n}[4]) -> {n}[4] {{ x }}\n" for n in names)
    text += "use net = linear(1)\ndata d { source = npy(\"none.npy\"); x: bf16[1] = field(0) }\n"
    text += "train { data = d; batch = 4; steps = 9; optim = sgd(lr = 0.1)\n"
    text += "        loss = mean(f32(x)) + 0 * mean(net(f32(x))) }\n"
    kinds = [np.dtype(k) for k in ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")]
    values = [0, 1, -1, 2, 3, 127, 128, 255, 256, -128, -129, 32768, 65504, 65519, 65520, 65536, 2**31 - 1, 2**31,
              -2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**64 - 1, 0.5, 1.0 + 2**-9, 1.00390625,
              1.0039062500000002, 1e-40, 3.3895e38, 3.4e38, 3.5e38, 1e39, 1e300, float("inf"), float("-inf"),
              float("nan"), -0.0]
    with gradc.compile("kinds.nn", text=text, **OPTIONS) as m, np.errstate(all="ignore"):
        inputs = [np.full(4, v).astype(k) for k in kinds for v in values]
        inputs += [[v] * 4 for v in values if not isinstance(v, int) or v < 2**64]
        inputs += [np.full(8, v, np.float32)[::2] for v in (1.5, 3)] + [np.full(4, 1 + 0j), ["1"] * 4, [None] * 4]
        inputs += [np.full(4, v).astype(other_bf16) for v in values] if other_bf16 else []
        for name in names:
            for x in inputs:
                conversion(m, name, x)
        bits = [0x3F80, 0xC000, 0x7FC1, 1]
        check(list(m.as_bf16(np.array(bits, np.uint16))) == bits, "bits of bf16")
        for x in (np.ones((4, 1), np.float32), [[1]] * 4, np.ones((4, 1), int), np.full((4, 1), 0x3F80, np.uint16)):
            check(m.step(x) == 1, f"a field of bf16: {x!r}")
        raises(TypeError, "`x` is bf16, and float64 does not fit", lambda: m.step(np.full((4, 1), 1e39)))


def conversion(m, name, x):
    a = np.asarray(x)
    if name == "bf16" and isinstance(x, np.ndarray) and x.dtype == np.uint16:
        return  # bits
    a = a.astype(np.float32) if a.dtype.kind == "V" else a
    v = a[0].item() if a.dtype.kind in "biuf" else None
    want = None
    if name in ("f32", "f64", "f16", "bf16") and v is not None:
        exact = float(v)
        want = nearest_bf16(exact) if name == "bf16" else np.dtype(name.replace("f", "float")).type(v)
        infinite = want & 0x7FFF == 0x7F80 if name == "bf16" else np.isinf(want)
        want = None if infinite and np.isfinite(exact) else want
    elif v is not None and np.isfinite(v) and v == int(v):
        low, high = (0, 1) if name == "bool" else (-(2 ** (int(name[1:]) - 1)) if name[0] == "i" else 0,
                                                   2 ** (int(name[1:]) - (name[0] == "i")) - 1)
        want = int(v) if low <= v <= high else None
    try:
        got = getattr(m, "as_" + name)(x)
    except TypeError as e:
        check(want is None and "does not fit" in str(e), f"{x!r} as {name}: {e}, not {want}")
        return
    check(want is not None and np.array_equal(got.view(np.uint8), np.full(4, want).astype(got.dtype).view(np.uint8)) or
          want is not None and name != "bf16" and np.isnan(float(want)) and np.isnan(got.astype(np.float64)).all(),
          f"{x!r} as {name}: {got}, not {want}")


class Foreign:
    """An array of another library, in the memory of a device."""

    def __init__(self, a):
        self.a = a

    @property
    def __cuda_array_interface__(self):
        return {"shape": self.a.shape, "typestr": self.a.dtype.str, "data": (self.a.ctypes.data, False), "version": 3}


def devices():
    options = dict(OPTIONS, device="cuda-host")
    with gradc.compile("model.nn", **options) as m, gradc.compile("model.nn", **OPTIONS) as cpu:
        check(m.device == m.info["device"] == "cuda-host" and cpu.device == "cpu", m.device)
        for each in (m, cpu):
            each.plan(60, 20)
        x, y = batch()
        there = m.to_device(x), m.to_device(y)
        check([m.step(x, y), m.step(*there)] == [cpu.step(x, y), cpu.step(x, y)], "losses")
        check(m.evaluate(*there) == cpu.evaluate(x, y) and m.weights_hash == cpu.weights_hash, "scores")
        logits, doubled = m.both(there[0])
        want = cpu.both(x)
        check(isinstance(logits, gradc.DeviceArray) and logits.shape == (8, 3) and len(doubled) == 8, logits)
        check(np.array_equal(logits.numpy(), want[0]) and np.array_equal(np.asarray(doubled), want[1]), "both")
        check(isinstance(m.both(x)[0], np.ndarray) and doubled.dtype == "f32" and doubled.nbytes == 128, doubled)
        shared = np.from_dlpack(doubled)
        check(shared.ctypes.data == doubled._address and np.array_equal(shared, want[1]), "DLPack copies")
        capsule = doubled.__dlpack__()  # that nobody takes
        del capsule
        check(len(gradc.device_arrays._exported) == 1, "a capsule is kept")
        check(not hasattr(doubled, "__cuda_array_interface__") and doubled.__dlpack_device__() == (1, 0), "where it is")
        logits5 = np.empty((5, 3), "f4")
        again = m.both(Foreign(x[:5]), out=[logits5, m.to_device(x[:5])])
        check(np.array_equal(again[1].numpy(), 2 * x[:5]) and again[0] is logits5, "out")
        bias = m.weights.view("n.linear_2.b")
        check(np.array_equal(np.from_dlpack(bias), m.weights["n.linear_2.b"]), "a view of a weight")
        m.weights["n.linear_2.b"] = m.to_device(np.float32([1, 2, 3]))
        check(bias.numpy().tolist() == [1, 2, 3], "a weight from the device")
        raises(TypeError, "`y` is i32", lambda: m.step(there[0], m.to_device(y.astype(np.uint8))))
        raises(TypeError, "does not become", lambda: m.to_device(np.zeros(2)[0:1].astype(complex)))
        raises(TypeError, "runs on the CPU", lambda: cpu.both(there[0]))
        raises(gradc.CallError, "runs on the CPU", lambda: cpu.to_device(x), "E0801")
        raises(gradc.CallError, "is f32[8, 4], the array is f32[4, 8]", lambda: m.step(m.to_device(x.T.copy()), y))
        cost = m.report()
        check(cost["device_bytes"] == m.info["memory_bytes"] and len(cost["kernels"]) > 9, cost)
    raises(ValueError, "closed", logits.numpy)
    del shared, doubled
    gc.collect()
    check(not gradc.device_arrays._exported, "an exported array is kept")
    absent = dict(OPTIONS, device="cuda:1")
    os.environ["GRADC_CUDA_DRIVER"] = "/none"
    raises(gradc.ResourceError, "needs an NVIDIA driver", lambda: gradc.compile("model.nn", **absent), "E0690")
    del os.environ["GRADC_CUDA_DRIVER"]


def tensors():
    """Of PyTorch, on the CPU: read where they are, with their strides and types."""
    import torch
    nn = """dim T <= 8
export def f(x: bf16[T]) -> bf16[T] { x * 2 }
export def g(x: f32[T, 2]) -> f32[T, 2] { x * 2 }
"""
    with gradc.compile("t.nn", text=nn, **OPTIONS) as m:
        check(m.f(torch.tensor([1.5, -2], dtype=torch.bfloat16)).view(np.uint16).tolist() == [0x4040, 0xC080], "bf16")
        x = torch.arange(6.0).reshape(2, 3)
        check(np.array_equal(m.g(x.T), 2 * x.T.numpy()), "strides")
        check(torch.from_dlpack(m.g(x.T)).tolist() == (2 * x.T).tolist(), "a result as a tensor")


os.chdir(sys.argv[1])
if sys.argv[2:] == ["tensors"]:
    tensors()
    end()
conversions()
try:
    import ml_dtypes
    conversions(ml_dtypes.bfloat16)
except ImportError:
    pass
devices()
end()
