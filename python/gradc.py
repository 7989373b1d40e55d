# SPDX-License-Identifier: Apache-2.0
"""gradc for Python: compiles a neural network written in one .nn file, trains it and runs it on NumPy arrays.

    import gradc
    m = gradc.compile("digits.nn")
    loss = m.step(x, y)              # the fields of the data section, in its order
    m.predict(pixels)                # an `export def`
    m.weights["net.linear_1.w"]      # an array; m.weights[name] = array writes it
    m.save("digits.safetensors")

Errors are exceptions: `gradc.Error` has the located message as the gradc command prints it, and its diagnostics.
Arrays that are dense, row-major and of the model's element type are passed without copying; others are converted, but
never to a type that cannot hold their values (an array of uint16 for a bf16 tensor holds its bits). One model is used
by one thread at a time; different models run concurrently, since the library runs without the interpreter's lock.
"""
from __future__ import annotations

import ctypes
import json
import os
import sys
import time
import weakref
from ctypes import (POINTER, byref, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_uint32, c_uint64,
                    c_void_p)
from typing import (Any, Callable, Dict, Iterable, Iterator, List, Mapping, MutableMapping, NamedTuple, Optional,
                    Sequence, Tuple, Union)

import numpy as np

import gradc_arrays
from gradc_arrays import DeviceArray

__all__ = ["compile", "check", "emit_c", "dump", "report", "version", "progress", "Model", "Data", "Weights",
           "DeviceArray", "Function", "Tensor", "Diagnostic", "Error", "ModelError", "CallError", "DataError",
           "ResourceError", "NotFiniteError"]

Path = Union[str, "os.PathLike[str]"]


# ---- the library ----


def _struct(name: str, *fields: Tuple[str, Any]) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields)})


_MAX_RANK, _MAX_SIZES = 8, 8
_SINK = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_void_p, c_size_t)
_Diagnostic = _struct("_Diagnostic", ("code", c_int), ("warning", c_int), ("file", c_char_p), ("line", c_int),
                      ("column", c_int), ("length", c_int), ("message", c_char_p), ("help", c_char_p),
                      ("text", c_char_p))
_Options = _struct("_Options", ("size", c_size_t), ("alloc", c_void_p), ("strict", c_int), ("threads", c_int),
                   ("ram", c_int64), ("isa", c_char_p), ("backend", c_int), ("cc", c_char_p), ("cflags", c_char_p),
                   ("cache", c_char_p), ("off", c_char_p), ("search", c_char_p),
                   ("device", c_char_p), ("gemm", c_char_p), ("set", POINTER(c_char_p)), ("nset", c_int))
_Source = _struct("_Source", ("path", c_char_p), ("text", c_char_p), ("size", c_size_t))
_Info = _struct("_Info", ("name", c_char_p), ("backend", c_char_p), ("parameters", c_double),
                ("memory_bytes", c_size_t), ("weight_bytes", c_size_t), ("arena_bytes", c_size_t), ("weights", c_int),
                ("exports", c_int), ("fields", c_int), ("metrics", c_int), ("trains", c_int), ("evaluates", c_int),
                ("threads", c_int), ("batch", c_int64), ("steps", c_int64), ("epochs", c_int64), ("seed", c_uint64),
                ("device", c_char_p), ("sections", c_int), ("section", c_char_p))
_Tensor = _struct("_Tensor", ("name", c_char_p), ("dtype", c_int), ("kind", c_int), ("rank", c_int),
                  ("shape", c_int64 * _MAX_RANK), ("dim", c_char_p * _MAX_RANK), ("range", c_int64))
_Function = _struct("_Function", ("name", c_char_p), ("inputs", c_int), ("outputs", c_int), ("sizes", c_int),
                    ("input", POINTER(_Tensor)), ("output", POINTER(_Tensor)), ("size_name", c_char_p * _MAX_SIZES),
                    ("size_bound", c_int64 * _MAX_SIZES))
_Array = _struct("_Array", ("data", c_void_p), ("dtype", c_int), ("rank", c_int), ("shape", POINTER(c_int64)))

_ERROR = POINTER(c_void_p)
_SIGNATURES: Dict[str, Tuple[Any, List[Any]]] = {
    "version": (c_char_p, []), "error_status": (c_int, [c_void_p]), "error_text": (c_char_p, [c_void_p]),
    "error_count": (c_int, [c_void_p]), "error_at": (POINTER(_Diagnostic), [c_void_p, c_int]),
    "error_free": (None, [c_void_p]), "free": (None, [c_void_p]), "warnings": (c_void_p, [c_void_p]),
    "compile": (c_int, [POINTER(_Source), POINTER(_Options), POINTER(c_void_p), _ERROR]),
    "check": (c_int, [POINTER(_Source), POINTER(_Options), _ERROR]),
    "emit_c": (c_int, [POINTER(_Source), POINTER(_Options), _SINK, c_void_p, _ERROR]),
    "dump": (c_int, [POINTER(_Source), POINTER(_Options), c_char_p, _SINK, c_void_p, _ERROR]),
    "report": (c_int, [POINTER(_Source), POINTER(_Options), _SINK, c_void_p, _ERROR]),
    "model_info": (POINTER(_Info), [c_void_p]), "weight": (POINTER(_Tensor), [c_void_p, c_int]),
    "field": (POINTER(_Tensor), [c_void_p, c_int]), "export": (POINTER(_Function), [c_void_p, c_int]),
    "init": (c_int, [c_void_p, c_uint64, _ERROR]), "plan": (c_int, [c_void_p, c_uint32, c_uint32, _ERROR]),
    "section": (c_int, [c_void_p, c_char_p, _ERROR]), "section_name": (c_char_p, [c_void_p, c_int]),
    "step": (c_int, [c_void_p, POINTER(_Array), c_int, _ERROR]), "steps": (c_uint32, [c_void_p]),
    "planned_steps": (c_uint32, [c_void_p, POINTER(c_uint32)]),
    "loss": (c_float, [c_void_p]), "metric": (c_float, [c_void_p, c_int]),
    "metric_name": (c_char_p, [c_void_p, c_int]),
    "evaluate": (c_int, [c_void_p, POINTER(_Array), c_int, POINTER(c_float), _ERROR]),
    "score_tensor": (POINTER(_Tensor), [c_void_p, c_int]),
    "read_score": (c_int, [c_void_p, c_int, POINTER(_Array), _ERROR]),
    "call": (c_int, [c_void_p, c_int, POINTER(_Array), c_int, POINTER(_Array), c_int, POINTER(c_int64), _ERROR]),
    "output_shape": (c_int, [c_void_p, c_int, c_int, POINTER(c_int64), POINTER(c_int64), _ERROR]),
    "infer_sizes": (c_int, [c_void_p, c_int, POINTER(_Array), c_int, POINTER(c_int64), _ERROR]),
    "read_weight": (c_int, [c_void_p, c_int, POINTER(_Array), _ERROR]),
    "write_weight": (c_int, [c_void_p, c_int, POINTER(_Array), _ERROR]),
    "view_weight": (c_void_p, [c_void_p, c_int]),
    "weights_hash": (c_int, [c_void_p, POINTER(c_uint64), _ERROR]),
    "save": (c_int, [c_void_p, c_char_p, _ERROR]), "load": (c_int, [c_void_p, c_char_p, _ERROR]),
    "load_part": (c_int, [c_void_p, c_char_p, POINTER(c_char_p), c_int, c_int, _SINK, c_void_p, _ERROR]),
    "save_checkpoint": (c_int, [c_void_p, c_char_p, _ERROR]),
    "load_checkpoint": (c_int, [c_void_p, c_char_p, _ERROR]),
    "device_alloc": (c_int, [c_void_p, c_size_t, POINTER(c_void_p), _ERROR]),
    "device_free": (None, [c_void_p, c_void_p]),
    "device_copy": (c_int, [c_void_p, c_void_p, c_void_p, c_size_t, _ERROR]), "device_stream": (c_void_p, [c_void_p]),
    "device_wait": (c_int, [c_void_p, c_void_p, _ERROR]),
    "fold": (c_int, [c_void_p, c_int, c_int, _ERROR]),
    "data_open": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), _ERROR]), "data_close": (None, [c_void_p]),
    "data_records": (c_uint64, [c_void_p]), "data_held_out": (c_uint64, [c_void_p]),
    "validation_due": (c_int, [c_void_p]), "validated": (c_uint32, [c_void_p]), "best_step": (c_uint32, [c_void_p]),
    "stops_early": (c_int, [c_void_p]), "validate": (c_int, [c_void_p, POINTER(c_float), _ERROR]),
    "data_batch": (c_int, [c_void_p, c_int64, c_uint64, c_uint64, POINTER(_Array), c_int, _ERROR]),
}


def _open_library() -> Dict[str, Any]:
    """GRADC_LIBRARY, or the library beside this file, or an installed one."""
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libgradc.so.0")
    path = os.environ.get("GRADC_LIBRARY") or (beside if os.path.exists(beside) else "libgradc.so.0")
    lib = ctypes.CDLL(path)
    calls = {}
    for name, (result, arguments) in _SIGNATURES.items():
        calls[name] = getattr(lib, "gradc_" + name)
        calls[name].restype, calls[name].argtypes = result, arguments
    return calls


_lib = _open_library()


def version() -> str:
    """The version of the library."""
    return _lib["version"]().decode()


# ---- errors ----

class Diagnostic(NamedTuple):
    """One error or warning and its location. `text` is the complete message as the gradc command prints it."""
    code: str  # "E0214"; `gradc explain E0214` explains it
    warning: bool
    file: str  # "": no location in a source
    line: int
    column: int
    length: int
    message: str
    help: str
    text: str


class Error(Exception):
    """An error of the library. `status` is the exit status that the gradc command would have."""

    def __init__(self, status: int, text: str, diagnostics: Sequence[Diagnostic]):
        super().__init__(text.rstrip("\n"))
        self.status, self.diagnostics = status, tuple(diagnostics)

    @property
    def code(self) -> str:
        """The code of the first diagnostic, such as "E0214"."""
        return self.diagnostics[0].code if self.diagnostics else ""


class ModelError(Error):
    """The model has an error, or lacks what was requested."""


class CallError(Error, ValueError):
    """An argument is wrong: an array of another shape, an unknown name."""


class DataError(Error):
    """Data or weights are malformed or out of range."""


class ResourceError(Error):
    """Memory, threads or disk ran out."""


class NotFiniteError(Error, ArithmeticError):
    """The loss is not finite: nothing was updated."""


_ERRORS = {1: ModelError, 2: CallError, 4: DataError, 5: ResourceError, 6: NotFiniteError}


def _text(s: Optional[bytes]) -> str:
    return (s or b"").decode("utf-8", "replace")


def _diagnostics(e: Optional[int]) -> List[Diagnostic]:
    found = [_lib["error_at"](e, i).contents for i in range(_lib["error_count"](e))]
    return [Diagnostic(f"E{d.code:04d}", bool(d.warning), _text(d.file), d.line, d.column, d.length, _text(d.message),
                       _text(d.help), _text(d.text)) for d in found]


def _call(name: str, *arguments: Any) -> None:
    """Calls a function that may fail; raises its error."""
    e = c_void_p()
    status = _lib[name](*arguments, byref(e))
    if status == 0:
        return
    try:
        raise _ERRORS.get(status, Error)(status, _text(_lib["error_text"](e)), _diagnostics(e))
    finally:
        _lib["error_free"](e)


# ---- arrays ----

# NumPy has no bf16: its bits are returned as uint16, and an array of uint16 is read as bits.
_DTYPES, _DTYPE_NAMES, _BF16 = gradc_arrays.DTYPES, gradc_arrays.NAMES, gradc_arrays.BF16


class Tensor(NamedTuple):
    """A weight, a field, an input or output. A dimension that depends on run-time sizes is its text, such as "T"."""
    name: str
    dtype: str
    shape: Tuple[Union[int, str], ...]
    kind: str = ""  # of weights: param, state, optimizer

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.shape))}]"


def _tensor(t: Any, kind: bool = False) -> Tensor:
    shape = tuple(_text(t.dim[i]) if t.shape[i] < 0 else t.shape[i] for i in range(t.rank))
    return Tensor(_text(t.name), _DTYPE_NAMES[t.dtype], shape, ("param", "state", "optimizer")[t.kind] if kind else "")


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
    want = _DTYPES[t.dtype]
    if a.dtype.kind == "V" and a.dtype.names is None:  # types of ml_dtypes: f32 holds all their values
        a = a.astype(np.float32)
    with np.errstate(all="ignore"):
        if _DTYPE_NAMES[t.dtype][0] not in "fb" or want.kind == "b":  # integers and bools
            return a.astype(want) if _holds(want, a) else None
        if a.dtype.kind not in "biuf":
            return None
        wide = a.astype(np.float64) if a.dtype.kind != "f" or t.dtype == _BF16 else a
        b = _bf16_bits(wide) if t.dtype == _BF16 else wide.astype(want)
        infinite = (b & 0x7FFF) == 0x7F80 if t.dtype == _BF16 else np.isinf(b)
        return None if np.any(infinite & np.isfinite(wide)) else b


def _there(model: "Model", value: Any, t: Any) -> Union[gradc_arrays.View, Any]:
    """The memory of an array of the model's device, which is not converted; other arrays as NumPy has them."""
    v = gradc_arrays.view(value, model._stream)
    if v is None:
        return value
    if not v.on_gpu and not isinstance(value, DeviceArray):
        a = gradc_arrays.as_numpy(v)
        return a if v.dtype != _BF16 or t.dtype == _BF16 else (a.astype(np.uint32) << 16).view(np.float32)
    if model.device == "cpu":
        raise TypeError(f"`{_text(t.name)}`: the array is memory of a device, and the model runs on the CPU")
    if v.dtype != t.dtype or v.strides is not None:
        raise TypeError(f"`{_text(t.name)}` is {_DTYPE_NAMES[t.dtype]}, dense and row-major; the array of the device "
                        f"is {_DTYPE_NAMES[v.dtype]}{' with strides' if v.strides else ''}, and not converted")
    if v.stream is not None:
        _call("device_wait", model._handle, v.stream)
    return v


def _input(model: "Model", value: Any, t: Any) -> Union[np.ndarray, gradc_arrays.View]:
    """The value as an array that the library can read: itself if it fits, otherwise a converted copy."""
    given = value
    value = _there(model, value, t)
    if isinstance(value, gradc_arrays.View):
        return value
    a = np.asarray(value)
    if t.dtype == _BF16 and a.dtype.name == "bfloat16":
        a = a.view(np.uint16)
    elif t.dtype == _BF16 and a.dtype == np.uint16 and not hasattr(given, "dtype"):  # numbers in a list
        a = a.astype(np.float64)
    if a.dtype != _DTYPES[t.dtype]:
        b = _converted(a, t)
        if b is None:
            raise TypeError(f"`{_text(t.name)}` is {_DTYPE_NAMES[t.dtype]}, and {a.dtype} does not fit into it")
        a = b
    return np.require(a, requirements=["C_CONTIGUOUS", "ALIGNED"])


def _arrays(arrays: Sequence[Union[np.ndarray, gradc_arrays.View]], dtypes: Sequence[int]) -> Any:
    """gradc_array[]: refers to the arrays, which must stay alive."""
    v = (_Array * max(1, len(arrays)))()
    for to, a, dtype in zip(v, arrays, dtypes):
        to.data, to.dtype = a.ctypes.data if isinstance(a, np.ndarray) else a.address, dtype
        to.rank, to.shape = len(a.shape), (c_int64 * max(1, len(a.shape)))(*a.shape)
    return v


class _Inputs:
    """Values for tensors, ready to pass. The library checks their number."""

    def __init__(self, model: "Model", values: Sequence[Any], tensors: Sequence[Any]):
        n = len(tensors)
        self.kept = [_input(model, v, tensors[i]) if i < n else np.asarray(v) for i, v in enumerate(values)]
        self.array = _arrays(self.kept, [t.dtype for t in tensors] + [0] * max(0, len(values) - n))
        self.n = len(values)
        self.there = any(isinstance(a, gradc_arrays.View) for a in self.kept)  # some are memory of the device


# ---- options ----

def _literal(value: Any) -> str:
    """A static value in the language."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
            value = value.replace(character, escape)
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_literal, value))}]"
    raise TypeError(f"a constant is a number, a bool, a string or a list of them, not {type(value).__name__}")


def _setting(name: str, value: Any) -> bytes:
    """Plain strings as they are: the text of one is the value of a str, and the name of a function."""
    return f"{name}={value if isinstance(value, str) and value[:1] != chr(34) else _literal(value)}".encode()


def _options(fp: str = "fast", threads: int = 0, ram: int = 0, isa: Optional[str] = None, backend: str = "auto",
             cc: Optional[str] = None, cflags: Optional[str] = None, cache: Optional[str] = None,
             off: Iterable[str] = (), search: Iterable[Path] = (), device: Optional[str] = None,
             gemm: Optional[str] = None, set: Optional[Mapping[str, Any]] = None, **constants: Any) -> Any:
    for name, value, choices in (("fp", fp, ("fast", "strict")), ("backend", backend, ("auto", "cc"))):
        if value not in choices:
            raise ValueError(f"{name} is {' or '.join(map(repr, choices))}, not {value!r}")
    if isinstance(off, str) or isinstance(search, (str, bytes)):
        raise TypeError("off and search are lists")
    off_text, search_text = ",".join(off), b":".join(os.fsencode(s) for s in search)
    settings = [_setting(*item) for item in [*(set or {}).items(), *constants.items()]]
    text = [s.encode() if s is not None else None for s in (isa, cc, cflags, cache, device, gemm)]
    return _Options(ctypes.sizeof(_Options), None, fp == "strict", threads, ram, text[0], backend == "cc", text[1],
                    text[2], text[3], off_text.encode() or None, search_text or None, text[4], text[5],
                    (c_char_p * len(settings))(*settings), len(settings))


def _source(path: Path, text: Optional[str]) -> Any:
    data = None if text is None else text.encode()
    return _Source(os.fsencode(path), data, len(data or b""))


def compile(path: Path, text: Optional[str] = None, **options: Any) -> "Model":
    """Compiles a model: the file, or `text` as if it were in that file. Options, all optional:

    fp: "fast", or "strict": the same bits on every machine.  threads: 0, one a core.  ram: a budget in bytes.
    isa: "native", "generic", or what the C compiler's -march takes.  backend: "auto" or "cc".  cc, cflags: the C
    compiler and its flags.  cache: a folder for compiled code; None: the user's; "": none.  off: passes not to run.
    search: folders for imports.  device: "cpu", "cuda", "cuda:1", or "cuda-host": kernels for a GPU run on the CPU,
    slowly, to test them; None: that of the file.  gemm: matrix products on a device, "generated" or "cublaslt".

    All other names are constants of the file: gradc.compile("digits.nn", LR=1e-2, HIDDEN=128) replaces the values of
    `const LR = 1e-3` and `const HIDDEN = 64`, with values of the same kind; for a function its name, ACT="relu".  set:
    constants as a dict, for names that are options, too.
    """
    handle = c_void_p()
    _call("compile", byref(_source(path, text)), byref(_options(**options)), byref(handle))
    return Model(handle, lambda: report(path, text, **options))


def check(path: Path, text: Optional[str] = None, **options: Any) -> None:
    """Raises the errors of a model, without compiling it."""
    _call("check", byref(_source(path, text)), byref(_options(**options)))


def _texts(name: str, *arguments: Any) -> Dict[str, str]:
    found: Dict[str, str] = {}

    def sink(_user: Any, file: bytes, data: int, size: int) -> None:
        found[_text(file)] = ctypes.string_at(data, size).decode("utf-8", "replace")
    _call(name, *arguments, _SINK(sink), None)
    return found


def emit_c(path: Path, text: Optional[str] = None, **options: Any) -> Dict[str, str]:
    """The model as portable C99: {"digits.c": ..., "digits.h": ...}."""
    return _texts("emit_c", byref(_source(path, text)), byref(_options(**options)))


def dump(path: Path, text: Optional[str] = None, after: Optional[str] = None,
         **options: Any) -> str:
    """The graphs as text, after that pass; "": before all passes; None: after all passes."""
    pass_name = None if after is None else after.encode()
    return "".join(_texts("dump", byref(_source(path, text)), byref(_options(**options)), pass_name).values())


# ---- a model ----

class Weights(MutableMapping[str, np.ndarray]):
    """Weights, states and optimizer states by name. Getting one returns a copy in its logical shape; setting one writes
    it."""

    def __init__(self, model: "Model"):
        self._model = model
        self._tensors = [_lib["weight"](model._handle, i).contents for i in range(model._info.weights)]
        self._number = {_text(t.name): i for i, t in enumerate(self._tensors)}

    def _find(self, name: str) -> int:
        self._model._open()
        if name not in self._number:
            raise KeyError(name)
        return self._number[name]

    def __getitem__(self, name: str) -> np.ndarray:
        i = self._find(name)
        t = self._tensors[i]
        a = np.empty(tuple(t.shape[:t.rank]), _DTYPES[t.dtype])
        _call("read_weight", self._model._handle, i, _arrays([a], [t.dtype]))
        return a

    def __setitem__(self, name: str, value: Any) -> None:
        i = self._find(name)
        t = self._tensors[i]
        a = _input(self._model, value, t)
        _call("write_weight", self._model._handle, i, _arrays([a], [t.dtype]))

    def __delitem__(self, name: str) -> None:
        raise TypeError("a model keeps its weights")

    def __iter__(self) -> Iterator[str]:
        return iter(self._number)

    def __len__(self) -> int:
        return len(self._number)

    def view(self, name: str) -> Union[np.ndarray, DeviceArray, None]:
        """The weight itself, without copying, until the model is closed; None if it is stored in another order. Of a
        model on a device it is an array there."""
        i = self._find(name)
        t, at = self._tensors[i], _lib["view_weight"](self._model._handle, i)
        if not at:
            return None
        shape, dtype = tuple(t.shape[:t.rank]), _DTYPES[t.dtype]
        if self._model.device != "cpu":
            return DeviceArray(self._model, at, shape, t.dtype, owned=False)
        n = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        buffer = (ctypes.c_char * n).from_address(at)
        buffer._model = self._model  # the view keeps the model alive, unless it is closed explicitly
        return np.frombuffer(buffer, dtype).reshape(shape)

    def tensor(self, name: str) -> Tensor:
        """Name, element type, shape and kind, without its values."""
        return _tensor(self._tensors[self._find(name)], kind=True)


class Function:
    """An `export def`. Takes an array for each input and returns an array for each output (a tuple if there are
    several). Run-time sizes follow from the shapes of inputs, or are given by name: f(x, T=5). `out`: arrays to
    fill. If an input is memory of the model's device, so are the results."""

    def __init__(self, model: "Model", number: int):
        self._model, self._number = model, number
        f = self._f = _lib["export"](model._handle, number).contents
        self.name = _text(f.name)
        self.inputs = [_tensor(f.input[i]) for i in range(f.inputs)]
        self.outputs = [_tensor(f.output[i]) for i in range(f.outputs)]
        self.sizes = {_text(f.size_name[i]): f.size_bound[i] for i in range(f.sizes)}
        self.__doc__ = f"{self.name}({', '.join(map(str, self.inputs))}) -> {', '.join(map(str, self.outputs))}"

    def __repr__(self) -> str:
        return f"<gradc function {self.__doc__}>"

    def _sizes(self, inputs: _Inputs, given: Mapping[str, int]) -> Any:
        size = (c_int64 * _MAX_SIZES)()
        unknown = [name for name in given if name not in self.sizes]
        if unknown:
            raise TypeError(f"{self.name}() has no run-time size {unknown[0]!r}")
        if given and len(given) != len(self.sizes):
            raise TypeError(f"{self.name}() takes all of its sizes or none: {', '.join(self.sizes)}")
        if given:
            size[:len(given)] = [given[name] for name in self.sizes]
        else:
            _call("infer_sizes", self._model._open(), self._number, inputs.array, inputs.n, size)
        return size

    def _results(self, size: Any, there: bool) -> List[Union[np.ndarray, DeviceArray]]:
        results = []
        for i in range(self._f.outputs):
            shape, t = (c_int64 * _MAX_RANK)(), self._f.output[i]
            _call("output_shape", self._model._handle, self._number, i, size, shape)
            make = self._model._device_array if there else lambda s, d: np.empty(s, _DTYPES[d])
            results.append(make(tuple(shape[:t.rank]), t.dtype))
        return results

    def _given(self, out: Any) -> List[Any]:
        given = list(out) if isinstance(out, (list, tuple)) else [out]
        for i, a in enumerate(given[:self._f.outputs]):
            want = self._f.output[i].dtype
            v = None if isinstance(a, np.ndarray) else gradc_arrays.view(a, self._model._stream)
            fits = v.dtype == want and v.strides is None if v else \
                isinstance(a, np.ndarray) and a.dtype == _DTYPES[want] and a.flags.carray
            if not fits:
                raise TypeError(f"`out` {i} must be a dense, writable array of {_DTYPE_NAMES[want]}")
        return given

    def __call__(self, *values: Any, out: Any = None, **sizes: int) -> Any:
        handle, f = self._model._open(), self._f
        inputs = _Inputs(self._model, values, [f.input[i] for i in range(f.inputs)])
        size = self._sizes(inputs, sizes)
        results = self._results(size, inputs.there) if out is None else self._given(out)
        filled = [gradc_arrays.view(a, self._model._stream) or a for a in results]
        outputs = _arrays(filled, [f.output[i].dtype for i in range(f.outputs)] + [0] * len(results))
        _call("call", handle, self._number, inputs.array, inputs.n, outputs, len(results), size)
        return results[0] if len(results) == 1 else tuple(results)


class Data:
    """The data section that the model trains on: its files, hold-out and order of each epoch. A context manager."""

    def __init__(self, model: "Model", path: Optional[Path] = None):
        self._model, self._handle = model, c_void_p()
        _call("data_open", model._open(), None if path is None else os.fsencode(path), byref(self._handle))
        model._data.add(self)

    def close(self) -> None:
        """Frees the records."""
        handle, self._handle = self._handle, c_void_p()
        _lib["data_close"](handle)

    def __enter__(self) -> "Data":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __len__(self) -> int:
        """Records to train on."""
        return _lib["data_records"](self._handle)

    @property
    def held_out(self) -> int:
        """Records of the hold-out."""
        return _lib["data_held_out"](self._handle)

    def batch(self, at: int, n: int, epoch: int = 0) -> Tuple[np.ndarray, ...]:
        """Records at .. at + n in the order of an epoch, an array for each field; epoch < 0: of the hold-out."""
        if not self._handle:
            raise ValueError("the data is closed")
        fields = self._model._fields
        arrays = [np.empty((n, *f.shape[1:f.rank]), _DTYPES[f.dtype]) for f in fields]
        _call("data_batch", self._handle, epoch, at, n, _arrays(arrays, [f.dtype for f in fields]), len(arrays))
        return tuple(arrays)

    def epoch(self, number: int = 0) -> Iterator[Tuple[np.ndarray, ...]]:
        """The batches of an epoch, each of the size of a training step; an incomplete last one is left out."""
        n = self._model.batch
        for at in range(0, len(self) - n + 1, n):
            yield self.batch(at, n, number)

    @property
    def holdout(self) -> Tuple[np.ndarray, ...]:
        """All records of the hold-out."""
        return self.batch(0, self.held_out, -1)


def report(path: Path, text: Optional[str] = None, **options: Any) -> Dict[str, Any]:
    """Costs of a model, as in `gradc report --json`: operations, bytes, predicted_step_ms, ... For a device as in
    `gradc report --cuda --json`, its launches in "kernels"."""
    said = "".join(_texts("report", byref(_source(path, text)), byref(_options(**options))).values())
    model, *launches = [json.loads(line) for line in said.splitlines()]
    return {**model, "kernels": launches} if launches else model


class Model:
    """A compiled model. Its exports are methods: m.predict(x). Freed at the end of `with`, or by the garbage
    collector."""

    def __init__(self, handle: c_void_p, report: Callable[[], Dict[str, Any]]):
        self._handle = handle
        self.report = report
        """gradc.report of its source."""
        self._data: "weakref.WeakSet[Data]" = weakref.WeakSet()
        self._arrays: "weakref.WeakSet[DeviceArray]" = weakref.WeakSet()
        self._info = _lib["model_info"](handle).contents
        self.device: str = _text(self._info.device)
        self._stream: int = _lib["device_stream"](handle) or 0
        self.exports: Dict[str, Function] = {}
        for i in range(self._info.exports):
            f = Function(self, i)
            self.exports[f.name] = f
        self.name: str = _text(self._info.name)
        self.sections: List[str] = [_text(_lib["section_name"](handle, i)) for i in range(self._info.sections)]
        self.warnings: List[Diagnostic] = _diagnostics(_lib["warnings"](handle))
        self.weights = Weights(self)
        self.validation: Optional[Dict[str, float]] = None
        """The newest validation since init(): its "step", loss and metrics."""
        self._describe()

    def _describe(self) -> None:
        self._fields = [_lib["field"](self._handle, i).contents for i in range(self._info.fields)]
        self._metrics = [_text(_lib["metric_name"](self._handle, i)) for i in range(self._info.metrics)]
        self._scores: List[Any] = []  # metrics that are tensors
        while _lib["score_tensor"](self._handle, len(self._scores)):
            self._scores.append(_lib["score_tensor"](self._handle, len(self._scores)).contents)
        self.fields: List[Tensor] = [_tensor(f) for f in self._fields]
        self.batch: int = self._info.batch
        self.info: Dict[str, Any] = {name: getattr(self._info, name) for name, _ in _Info._fields_}
        self.info.update(name=self.name, backend=_text(self._info.backend), device=self.device,
                         parameters=int(self._info.parameters),
                         section=_text(self._info.section) if self.sections else None)

    def section(self, name: str) -> "Model":
        """Chooses the train section that step, evaluate, data, plan, steps, loss, metrics, fields and batch are about;
        at first it is the first of `sections`. Returns the model: m.section("disc").step(x)."""
        _call("section", self._open(), os.fsencode(name))
        self._describe()
        return self

    def _open(self) -> c_void_p:
        if not self._handle:
            raise ValueError("the model is closed")
        return self._handle

    def close(self) -> None:
        """Frees the model, its data and all of its memory; views of weights become invalid."""
        for d in list(getattr(self, "_data", [])):
            d.close()
        for a in list(getattr(self, "_arrays", [])):
            a._free()
        handle, self._handle = getattr(self, "_handle", c_void_p()), c_void_p()
        _lib["free"](handle)

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if _lib is not None:
            self.close()

    def __getattr__(self, name: str) -> Function:
        exports = self.__dict__.get("exports", {})
        if name in exports:
            return exports[name]
        there = f"; there is {', '.join(exports)}" if exports else ""
        raise AttributeError(f"the model has no `export def {name}`{there}")

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self.exports]

    def __repr__(self) -> str:
        return f"<gradc model {self.name}: {self._info.parameters:,.0f} parameters, {self.steps} steps done>"

    def _device_array(self, shape: Tuple[int, ...], dtype: int) -> DeviceArray:
        at = c_void_p()
        n = int(np.prod(shape, dtype=np.int64)) * _DTYPES[dtype].itemsize
        _call("device_alloc", self._open(), n, byref(at))
        a = DeviceArray(self, at.value or 0, shape, dtype, owned=True)
        self._arrays.add(a)
        return a

    def _device_free(self, address: int) -> None:
        if self._handle:
            _lib["device_free"](self._handle, address)

    def _device_copy(self, to: int, source: int, n: int) -> None:
        _call("device_copy", self._open(), to, source, n)

    def to_device(self, values: Any, dtype: Optional[str] = None) -> DeviceArray:
        """A copy of an array in the memory of the model's device. dtype="bf16": an array of uint16 has bits of bf16."""
        a = np.require(values, requirements=["C_CONTIGUOUS", "ALIGNED"])
        number = _DTYPE_NAMES.index(dtype) if dtype else _DTYPES.index(a.dtype) if a.dtype in _DTYPES else -1
        if number < 0 or _DTYPES[number] != a.dtype:
            raise TypeError(f"an array of {a.dtype} does not become one of {dtype or ', '.join(_DTYPE_NAMES)}")
        to = self._device_array(a.shape, number)
        self._device_copy(to._address, a.ctypes.data, a.nbytes)
        return to

    def init(self, seed: int) -> None:
        """Initialises all weights, states and the optimizer with this seed."""
        _call("init", self._open(), seed)
        self.validation = None

    def plan(self, steps: int, steps_per_epoch: int = 0) -> None:
        """Sets `steps` and `steps_per_epoch` of rate expressions, if the file plans in epochs."""
        _call("plan", self._open(), steps, steps_per_epoch)

    def step(self, *fields: Any) -> float:
        """One training step on `batch` records, the fields in the order of the data section. Returns the loss of the
        batch, before its update. A rate that looks at `steps`, in a file that counts epochs, takes them from the data
        section, unless plan() was called."""
        a = _Inputs(self, fields, self._fields)
        self._planned("step", a.array, a.n)
        return _lib["loss"](self._handle)

    def _planned(self, call: str, *arguments: Any, at: Optional[c_void_p] = None) -> None:
        """A call of the model, or of the handle `at`, that may need a plan: if there is none, that of the data
        section."""
        handle = self._open()
        try:
            _call(call, at or handle, *arguments)
        except ModelError as e:
            if e.code != "E0684" or not self._plan_by_data():
                raise
            _call(call, at or handle, *arguments)

    def _plan_by_data(self) -> bool:
        """Sets the plan of the training binary. False: the file has none, or its data cannot be read."""
        try:
            with self.data() as d:
                per_epoch = len(d) // self.batch
        except Error:
            return False
        self.plan(self._info.steps or self._info.epochs * per_epoch, per_epoch)
        return per_epoch > 0

    def evaluate(self, *fields: Any) -> Dict[str, Any]:
        """Loss and metrics of any number of records, with the current number of steps: floats, and arrays of f32 for
        metrics that are vectors or matrices."""
        a, results = _Inputs(self, fields, self._fields), (c_float * (1 + len(self._metrics)))()
        self._planned("evaluate", a.array, a.n, results)
        found: Dict[str, Any] = dict(zip(["loss", *self._metrics], results))
        for i, t in enumerate(self._scores):
            found[_text(t.name)] = to = np.empty(tuple(t.shape[:t.rank]), np.float32)
            _call("read_score", self._handle, i, _arrays([to], [t.dtype]))
        return found

    def validate(self, data: Data) -> Dict[str, float]:
        """Loss and metrics on the hold-out, or on the section of `validate.data`, as `train` evaluates them. They
        count for `early_stop`, `save = best(...)` and rates that look at `validate.loss`."""
        results = (c_float * (1 + len(self._metrics)))()
        self._planned("validate", results, at=data._handle)
        self.validation = {"step": self.steps, **dict(zip(["loss", *self._metrics], results))}
        return {k: v for k, v in self.validation.items() if k != "step"}

    @property
    def best_step(self) -> int:
        """The step of the best validation by `save = best(...)`; 0: none yet."""
        return _lib["best_step"](self._open())

    @property
    def stops_early(self) -> bool:
        """By `early_stop` the training ends here."""
        return bool(_lib["stops_early"](self._open()))

    @property
    def steps(self) -> int:
        """Training steps done so far."""
        return _lib["steps"](self._handle)

    @property
    def planned_steps(self) -> int:
        """`steps` in rate expressions: from the file, plan(), train() or a checkpoint; 0: not known yet."""
        return _lib["planned_steps"](self._open(), None)

    @property
    def loss(self) -> float:
        """The loss of the last step."""
        return _lib["loss"](self._handle)

    @property
    def metrics(self) -> Dict[str, float]:
        """The metrics of the last step, by name."""
        return {name: _lib["metric"](self._handle, i) for i, name in enumerate(self._metrics)}

    def data(self, path: Optional[Path] = None, fold: Optional[Tuple[int, int]] = None) -> Data:
        """Opens the data section that the model trains on; `path` replaces its files. fold (k, n): the hold-out is the
        k-th of n parts of the records, from 1, instead of that of the file."""
        _call("fold", self._open(), *(fold if fold is not None else (0, 0)))
        return Data(self, path)

    def train(self, epochs: Optional[int] = None, data: Optional[Data] = None) -> Iterator[float]:
        """Trains on the data section and yields the loss of each step. `epochs`: that many more, with a plan that ends
        with them; None: the rest of the plan of the file or checkpoint, or its epochs again if it is complete.
        Validates as the file says, after the step and before its loss is yielded; `early_stop` ends it."""
        d = data if data is not None else self.data()
        done, per_epoch = self.steps, len(d) // self.batch
        end = self.planned_steps or self._info.epochs * per_epoch
        if epochs is not None or end <= done:
            more = epochs * per_epoch if epochs is not None else self._info.steps or self._info.epochs * per_epoch
            end = done + more
        self.plan(end, per_epoch)
        if _lib["validation_due"](d._handle):  # of a checkpoint
            self.validate(d)
        while self.steps < end and per_epoch and not self.stops_early:
            number, at = divmod(self.steps, per_epoch)
            loss = self.step(*d.batch(at * self.batch, self.batch, number))
            if _lib["validation_due"](d._handle):
                self.validate(d)
            yield loss

    def save(self, path: Path) -> None:
        """Writes weights and states to a safetensors file, atomically."""
        _call("save", self._open(), os.fsencode(path))

    def load(self, path: Path, map: Optional[Mapping[str, str]] = None, partial: bool = False) -> Dict[str, Any]:
        """Reads the weights of such a file, and its states if it has any. map: {"old": "new"} reads the tensor `old` of
        the file, and all below it, as `new`; {"old": ""} leaves them out, {"": "new"} puts all below `new`. partial:
        weights that the file lacks keep their values, its other tensors are left over. Returns {"read": how many
        tensors, "initial": names of weights that were not read, "left_over": names of tensors that were not}."""
        maps = [os.fsencode(f"{old}={new}") for old, new in (map or {}).items()]
        said = _texts("load_part", self._open(), os.fsencode(path), (c_char_p * len(maps))(*maps), len(maps),
                      int(partial))
        return json.loads(next(iter(said.values())))

    def save_checkpoint(self, path: Path) -> None:
        """Also writes the optimizer's state and the steps done, so that training can continue with the same bits."""
        _call("save_checkpoint", self._open(), os.fsencode(path))

    def load_checkpoint(self, path: Path) -> None:
        """Restores what save_checkpoint wrote."""
        _call("load_checkpoint", self._open(), os.fsencode(path))

    @property
    def weights_hash(self) -> str:
        """16 hex digits: equal weights, equal hash, on any machine."""
        h = c_uint64()
        _call("weights_hash", self._open(), byref(h))
        return f"{h.value:016x}"


def progress(losses: Iterable[float], total: Optional[int] = None, file: Any = None) -> Iterator[float]:
    """Passes losses through and shows progress: one live line on a terminal, otherwise a line for each tenth.

        for loss in gradc.progress(m.train(epochs=5), total): ...
    """
    file = sys.stderr if file is None else file
    live = bool(getattr(file, "isatty", lambda: False)()) and os.environ.get("TERM", "dumb") not in ("", "dumb")
    start, shown, n, loss = time.monotonic(), 0.0, 0, float("nan")

    def line() -> str:
        passed = time.monotonic() - start
        left = f", {passed / n * (total - n):.0f} s left" if total and n else ""
        return f"step {n}{f' of {total}' if total else ''}, loss {loss:.4f}, {n / max(passed, 1e-9):.0f} steps/s{left}"
    for loss in losses:
        n += 1
        now = time.monotonic()
        if live and now - shown > 0.1:
            shown = now
            file.write(f"\r{line()}\033[K")
            file.flush()
        elif not live and total and n * 10 // total > (n - 1) * 10 // total:
            file.write(line() + "\n")
        yield loss
    if live:
        file.write(f"\r{line()}\033[K\n")
