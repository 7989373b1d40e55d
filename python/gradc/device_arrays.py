# SPDX-License-Identifier: Apache-2.0
"""Arrays of other libraries, by DLPack and `__cuda_array_interface__`, without copying them; and arrays in the memory
of a model's device, which offer both."""
from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint64, c_void_p, py_object
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np

__all__ = ["DeviceArray"]

# Element types in the order of gradc_dtype. NumPy has no bf16: its bits are uint16.
DTYPES = [np.dtype(t) for t in ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "f2", "u2", "i8")]
NAMES = ["bool", "u8", "i8", "u16", "i16", "u32", "i32", "f32", "f64", "f16", "bf16", "i64"]
BF16 = NAMES.index("bf16")

# ---- DLPack (dlpack.h, version 0) ----

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13  # DLDeviceType
_CODES = [(6, 8), (1, 8), (0, 8), (1, 16), (0, 16), (1, 32), (0, 32), (2, 32), (2, 64), (2, 16), (4, 16),
          (0, 64)]  # code, bits


class _DLTensor(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16), ("shape", POINTER(c_int64)),
                ("strides", POINTER(c_int64)), ("byte_offset", c_uint64)]


class _DLManagedTensor(ctypes.Structure):
    pass


_DELETER = ctypes.CFUNCTYPE(None, POINTER(_DLManagedTensor))
_DLManagedTensor._fields_ = [("tensor", _DLTensor), ("manager", c_void_p), ("deleter", _DELETER)]

_NAME = b"dltensor"
_DESTRUCTOR = ctypes.CFUNCTYPE(None, c_void_p)
_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = py_object, [c_void_p, c_char_p, _DESTRUCTOR]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, [py_object, c_char_p]
_pointer_at = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
_is_valid_at = ctypes.PYFUNCTYPE(ctypes.c_int, c_void_p, c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))


class View(NamedTuple):
    """Memory of an array. `owner` keeps it; work on it begins after what the stream (of CUDA; None: nothing) holds."""
    address: int
    shape: Tuple[int, ...]
    strides: Optional[Tuple[int, ...]]  # in bytes; None: dense, row-major
    dtype: int
    device: Tuple[int, int]
    owner: Any
    stream: Optional[int] = None

    @property
    def on_gpu(self) -> bool:
        return self.device[0] in (CUDA, CUDA_MANAGED)


def _dense(shape: Tuple[int, ...], strides: Optional[Tuple[int, ...]], size: int) -> bool:
    step = size
    for n, s in zip(reversed(shape), reversed(strides or ())):
        if n != 1 and s != step:
            return 0 in shape
        step *= n
    return True


def _of_capsule(capsule: Any) -> Optional[View]:
    t = ctypes.cast(_pointer(capsule, _NAME), POINTER(_DLManagedTensor)).contents.tensor
    if t.lanes != 1 or (t.code, t.bits) not in _CODES:
        return None
    shape, size = tuple(t.shape[:t.ndim]), t.bits // 8
    strides = tuple(s * size for s in t.strides[:t.ndim]) if t.strides else None
    if _dense(shape, strides, size):
        strides = None
    return View((t.data or 0) + t.byte_offset, shape, strides, _CODES.index((t.code, t.bits)),
                (t.device_type, t.device_id), capsule)


def _of_interface(value: Any) -> Optional[View]:
    a = value.__cuda_array_interface__
    kinds = [d.str if i != BF16 else None for i, d in enumerate(DTYPES)]
    if a["typestr"] not in kinds:
        return None
    shape, dtype = tuple(a["shape"]), kinds.index(a["typestr"])
    strides = a.get("strides")
    if strides is not None and _dense(shape, tuple(strides), DTYPES[dtype].itemsize):
        strides = None
    return View(a["data"][0] or 0, shape, strides, dtype, (CUDA, -1), value, a.get("stream"))


def memory_of(value: Any, stream: int = 0) -> Optional[View]:
    """The memory of an array that has one of the protocols; None: it has none, or NumPy reads it as well. `stream`: of
    CUDA, which an array of a GPU is to be ready for."""
    if isinstance(value, np.ndarray):
        return None
    if isinstance(value, DeviceArray):
        return value._view()
    if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
        kind = int(value.__dlpack_device__()[0])
        if kind in (CUDA, CUDA_MANAGED):
            found = _of_capsule(value.__dlpack__(stream=stream or 1))
            if found is None:
                raise TypeError("an array of a GPU has an element type that models do not have")
            return found
        if kind in (CPU, CUDA_HOST):
            return _of_capsule(value.__dlpack__())
    return _of_interface(value) if hasattr(value, "__cuda_array_interface__") else None


def as_numpy(v: View) -> np.ndarray:
    """The same memory, of the host, as an array; of bf16 its bits."""
    dtype = DTYPES[v.dtype]
    if 0 in v.shape:
        return np.empty(v.shape, dtype)
    elements = int(np.prod(v.shape, dtype=np.int64))
    last = sum((n - 1) * s for n, s in zip(v.shape, v.strides)) if v.strides else (elements - 1) * dtype.itemsize
    buffer: Any = (ctypes.c_char * (last + dtype.itemsize)).from_address(v.address)
    buffer._owner = v.owner
    return np.ndarray(v.shape, dtype, buffer, 0, v.strides)


# Exported tensors, by their address, until their deleter is called.
_exported: Dict[int, Any] = {}


@_DELETER  # type: ignore[untyped-decorator, unused-ignore]
def _delete(managed: Any) -> None:
    _exported.pop(ctypes.addressof(managed.contents), None)


@_DESTRUCTOR  # type: ignore[untyped-decorator, unused-ignore]
def _destroy(capsule: int) -> None:  # of one that nobody has taken
    if _is_valid_at(capsule, _NAME):
        _exported.pop(_pointer_at(capsule, _NAME), None)


def _export(v: View) -> Any:
    n = len(v.shape)
    m = _DLManagedTensor()
    m.tensor.data, m.tensor.ndim, m.tensor.lanes = v.address, n, 1
    m.tensor.device_type, m.tensor.device_id = v.device
    m.tensor.code, m.tensor.bits = _CODES[v.dtype]
    m.tensor.shape = (c_int64 * max(1, n))(*v.shape)
    m.deleter = _delete
    _exported[ctypes.addressof(m)] = m, v.owner
    return _new(ctypes.addressof(m), _NAME, _destroy)


# ---- arrays of a device ----

class DeviceArray:
    """An array in the memory of a model's device, dense and row-major. Libraries of a GPU take it without copying it,
    by DLPack or `__cuda_array_interface__`; `numpy()` copies it. Of a model whose device is "cuda-host" it is memory of
    the host, and DLPack says so. It is valid until its model is closed."""

    def __init__(self, model: Any, address: int, shape: Tuple[int, ...], dtype: int, owned: bool):
        self._model, self._address, self._number, self._owned = model, address, dtype, owned
        self.shape: Tuple[int, ...] = tuple(shape)
        self.dtype: str = NAMES[dtype]
        self.device: str = model.device

    def _free(self) -> None:
        address, self._address = self._address, 0
        if self._owned and address:
            self._model._device_free(address)

    def __del__(self) -> None:
        if getattr(self, "_address", 0):
            self._free()

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * DTYPES[self._number].itemsize

    def _view(self) -> View:
        if not self._address or not self._model._handle:
            raise ValueError("the model of the array is closed")
        return View(self._address, self.shape, None, self._number, self.__dlpack_device__(), self)

    def numpy(self) -> np.ndarray:
        """A copy on the host; of bf16 its bits."""
        a = np.empty(self.shape, DTYPES[self._number])
        self._model._device_copy(a.ctypes.data, self._view().address, a.nbytes)
        return a

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an array of a device cannot be read by NumPy without copying it")
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __dlpack_device__(self) -> Tuple[int, int]:
        kind, _, number = self.device.partition(":")
        return (CUDA, int(number or 0)) if kind == "cuda" else (CPU, 0)

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None,
                   copy: Any = None) -> Any:
        if copy or (dl_device is not None and tuple(dl_device) != self.__dlpack_device__()):
            raise BufferError("the array is exported where it is")
        return _export(self._view())

    @property
    def __cuda_array_interface__(self) -> Dict[str, Any]:
        if self.__dlpack_device__()[0] != CUDA:
            raise AttributeError("the array is not memory of a GPU")
        return {"shape": self.shape, "typestr": DTYPES[self._number].str, "data": (self._view().address, False),
                "version": 3, "strides": None, "stream": None}

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<gradc array {self.dtype}[{', '.join(map(str, self.shape))}] on {self.device}>"
