# SPDX-License-Identifier: Apache-2.0
"""Tensors of a model, and arrays as values for them."""
from __future__ import annotations

from ctypes import c_int64
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ._library import CArray, utf8
from .device_arrays import BF16, DTYPES, NAMES, DeviceArray, View, as_numpy, memory_of
from .errors import call

if TYPE_CHECKING:
    from .model import Model


class Tensor(NamedTuple):
    """A weight, a field, an input or output. A dimension that depends on run-time sizes is its text, such as "T"."""
    name: str
    dtype: str
    shape: Tuple[Union[int, str], ...]
    kind: str = ""  # of weights: param, state, optimizer

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.shape))}]"


def tensor_of(t: Any, kind: bool = False) -> Tensor:
    shape = tuple(utf8(t.dim[i]) if t.shape[i] < 0 else t.shape[i] for i in range(t.rank))
    return Tensor(utf8(t.name), NAMES[t.dtype], shape, ("param", "state", "optimizer")[t.kind] if kind else "")


def _bf16_bits(a: np.ndarray) -> np.ndarray:
    """The nearest bf16 of each float64, ties to even: rounded to odd in f32 first, so that it is rounded only once."""
    f = a.astype(np.float32)
    bits = f.view(np.uint32)
    beyond, exact = np.abs(f.astype(np.float64)) > np.abs(a), (f == a) | np.isnan(a)
    odd = (bits - np.where(beyond & ~np.isinf(a), 1, 0).astype(np.uint32)) | np.where(exact, 0, 1).astype(np.uint32)
    rounded = (odd.astype(np.uint64) + 0x7FFF + (odd >> np.uint32(16) & np.uint32(1))) >> np.uint64(16)
    return np.where(np.isnan(a), bits >> np.uint32(16) | np.uint32(0x40), rounded).astype(np.uint16)


def _holds(want: np.dtype, a: np.ndarray) -> bool:
    """Whether the values fit this type of integers or bools."""
    if not a.size:
        return True
    low, high = (0, 1) if want.kind == "b" else (np.iinfo(want).min, np.iinfo(want).max)
    if a.dtype.kind == "f" and not (np.isfinite(a).all() and np.array_equal(np.floor(a), a)):
        return False
    return a.dtype.kind in "biuf" and low <= a.min().item() and a.max().item() <= high


def _converted(a: np.ndarray, t: Any) -> Optional[np.ndarray]:
    """The values as an array of the tensor's type; None: it cannot hold them. Floats are rounded to its width."""
    want = DTYPES[t.dtype]
    if a.dtype.kind == "V" and a.dtype.names is None:  # types of ml_dtypes: f32 holds all their values
        a = a.astype(np.float32)
    with np.errstate(all="ignore"):
        if NAMES[t.dtype][0] not in "fb" or want.kind == "b":  # integers and bools
            return a.astype(want) if _holds(want, a) else None
        if a.dtype.kind not in "biuf":
            return None
        wide = a.astype(np.float64) if a.dtype.kind != "f" or t.dtype == BF16 else a
        b = _bf16_bits(wide) if t.dtype == BF16 else wide.astype(want)
        infinite = (b & 0x7FFF) == 0x7F80 if t.dtype == BF16 else np.isinf(b)
        return None if np.any(infinite & np.isfinite(wide)) else b


def _there(model: "Model", value: Any, t: Any) -> Union[View, Any]:
    """The memory of an array of the model's device, which is not converted; other arrays as NumPy has them."""
    v = memory_of(value, model._stream)
    if v is None:
        return value
    if not v.on_gpu and not isinstance(value, DeviceArray):
        a = as_numpy(v)
        return a if v.dtype != BF16 or t.dtype == BF16 else (a.astype(np.uint32) << 16).view(np.float32)
    if model.device == "cpu":
        raise TypeError(f"`{utf8(t.name)}`: the array is memory of a device, and the model runs on the CPU")
    if v.dtype != t.dtype or v.strides is not None:
        raise TypeError(f"`{utf8(t.name)}` is {NAMES[t.dtype]}, dense and row-major; the array of the device "
                        f"is {NAMES[v.dtype]}{' with strides' if v.strides else ''}, and not converted")
    if v.stream is not None:
        call("device_wait", model._handle, v.stream)
    return v


def as_input(model: "Model", value: Any, t: Any) -> Union[np.ndarray, View]:
    """The value as an array that the library can read: itself if it fits, otherwise a converted copy."""
    given = value
    value = _there(model, value, t)
    if isinstance(value, View):
        return value
    if np.ma.is_masked(value):
        raise TypeError(f"`{utf8(t.name)}`: values of the array are masked")
    a = np.asarray(memoryview(value) if isinstance(value, bytes) else value)
    if t.dtype == BF16 and a.dtype.name == "bfloat16":
        a = a.view(np.uint16)
    elif t.dtype == BF16 and a.dtype == np.uint16 and not hasattr(given, "dtype"):  # numbers in a list
        a = a.astype(np.float64)
    if a.dtype != DTYPES[t.dtype]:
        b = _converted(a, t)
        if b is None:
            raise TypeError(f"`{utf8(t.name)}` is {NAMES[t.dtype]}, and {a.dtype} does not fit into it")
        a = b
    return np.require(a, requirements=["C_CONTIGUOUS", "ALIGNED"])


def c_arrays(arrays: Sequence[Union[np.ndarray, View]], dtypes: Sequence[int]) -> Any:
    """gradc_array[]: refers to the arrays, which must stay alive."""
    v = (CArray * max(1, len(arrays)))()
    for to, a, dtype in zip(v, arrays, dtypes):
        to.data, to.dtype = a.ctypes.data if isinstance(a, np.ndarray) else a.address, dtype
        to.rank, to.shape = len(a.shape), (c_int64 * max(1, len(a.shape)))(*a.shape)
    return v


class Inputs:
    """Values for tensors, ready to pass. The library checks their number."""

    def __init__(self, model: "Model", values: Sequence[Any], tensors: Sequence[Any]):
        n = len(tensors)
        self.kept = [as_input(model, v, tensors[i]) if i < n else np.asarray(v) for i, v in enumerate(values)]
        self.array = c_arrays(self.kept, [t.dtype for t in tensors] + [0] * max(0, len(values) - n))
        self.n = len(values)
        self.there = any(isinstance(a, View) for a in self.kept)  # some are memory of the device
