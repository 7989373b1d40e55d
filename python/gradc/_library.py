# SPDX-License-Identifier: Apache-2.0
"""libgradc by ctypes: its structs and functions as lib/gradc.h declares them."""
from __future__ import annotations

import ctypes
import operator
import os
from ctypes import (POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64,
                    c_void_p)
from typing import Any, Dict, List, Optional, Tuple


def _struct(name: str, *fields: Tuple[str, Any]) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields)})


MAX_RANK, MAX_SIZES = 8, 8
SINK = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_void_p, c_size_t)
TOKEN_SINK = ctypes.CFUNCTYPE(c_int, c_void_p, c_int32)
CDiagnostic = _struct("CDiagnostic", ("code", c_int), ("warning", c_int), ("file", c_char_p), ("line", c_int),
                      ("column", c_int), ("length", c_int), ("message", c_char_p), ("help", c_char_p),
                      ("text", c_char_p))
COptions = _struct("COptions", ("size", c_size_t), ("alloc", c_void_p), ("strict", c_int), ("threads", c_int),
                   ("ram", c_int64), ("isa", c_char_p), ("backend", c_int), ("cc", c_char_p), ("cflags", c_char_p),
                   ("cache", c_char_p), ("off", c_char_p), ("search", c_char_p),
                   ("device", c_char_p), ("gemm", c_char_p), ("set", POINTER(c_char_p)), ("nset", c_int))
CSource = _struct("CSource", ("path", c_char_p), ("text", c_char_p), ("size", c_size_t))
CInfo = _struct("CInfo", ("name", c_char_p), ("backend", c_char_p), ("parameters", c_double),
                ("memory_bytes", c_size_t), ("weight_bytes", c_size_t), ("arena_bytes", c_size_t), ("weights", c_int),
                ("exports", c_int), ("fields", c_int), ("metrics", c_int), ("trains", c_int), ("evaluates", c_int),
                ("threads", c_int), ("batch", c_int64), ("steps", c_int64), ("epochs", c_int64), ("seed", c_uint64),
                ("device", c_char_p), ("sections", c_int), ("section", c_char_p))
CTensor = _struct("CTensor", ("name", c_char_p), ("dtype", c_int), ("kind", c_int), ("rank", c_int),
                  ("shape", c_int64 * MAX_RANK), ("dim", c_char_p * MAX_RANK), ("range", c_int64))
CFunction = _struct("CFunction", ("name", c_char_p), ("inputs", c_int), ("outputs", c_int), ("sizes", c_int),
                    ("input", POINTER(CTensor)), ("output", POINTER(CTensor)), ("size_name", c_char_p * MAX_SIZES),
                    ("size_bound", c_int64 * MAX_SIZES))
CArray = _struct("CArray", ("data", c_void_p), ("dtype", c_int), ("rank", c_int), ("shape", POINTER(c_int64)))
CSampling = _struct("CSampling", ("size", c_size_t), ("temperature", c_double), ("top_p", c_double), ("top_k", c_int),
                    ("end", c_int32), ("seed", POINTER(c_uint64)))

_ERROR = POINTER(c_void_p)
_SIGNATURES: Dict[str, Tuple[Any, List[Any]]] = {
    "version": (c_char_p, []), "error_status": (c_int, [c_void_p]), "error_text": (c_char_p, [c_void_p]),
    "error_count": (c_int, [c_void_p]), "error_at": (POINTER(CDiagnostic), [c_void_p, c_int]),
    "error_free": (None, [c_void_p]), "free": (None, [c_void_p]), "warnings": (c_void_p, [c_void_p]),
    "compile": (c_int, [POINTER(CSource), POINTER(COptions), POINTER(c_void_p), _ERROR]),
    "check": (c_int, [POINTER(CSource), POINTER(COptions), _ERROR]),
    "emit_c": (c_int, [POINTER(CSource), POINTER(COptions), SINK, c_void_p, _ERROR]),
    "dump": (c_int, [POINTER(CSource), POINTER(COptions), c_char_p, SINK, c_void_p, _ERROR]),
    "report": (c_int, [POINTER(CSource), POINTER(COptions), SINK, c_void_p, _ERROR]),
    "model_info": (POINTER(CInfo), [c_void_p]), "weight": (POINTER(CTensor), [c_void_p, c_int]),
    "field": (POINTER(CTensor), [c_void_p, c_int]), "export": (POINTER(CFunction), [c_void_p, c_int]),
    "init": (c_int, [c_void_p, c_uint64, _ERROR]), "plan": (c_int, [c_void_p, c_uint32, c_uint32, _ERROR]),
    "section": (c_int, [c_void_p, c_char_p, _ERROR]), "section_name": (c_char_p, [c_void_p, c_int]),
    "step": (c_int, [c_void_p, POINTER(CArray), c_int, _ERROR]), "steps": (c_uint32, [c_void_p]),
    "planned_steps": (c_uint32, [c_void_p, POINTER(c_uint32)]),
    "loss": (c_float, [c_void_p]), "metric": (c_float, [c_void_p, c_int]),
    "metric_name": (c_char_p, [c_void_p, c_int]),
    "evaluate": (c_int, [c_void_p, POINTER(CArray), c_int, POINTER(c_float), _ERROR]),
    "score_tensor": (POINTER(CTensor), [c_void_p, c_int]),
    "read_score": (c_int, [c_void_p, c_int, POINTER(CArray), _ERROR]),
    "call": (c_int, [c_void_p, c_int, POINTER(CArray), c_int, POINTER(CArray), c_int, POINTER(c_int64), _ERROR]),
    "output_shape": (c_int, [c_void_p, c_int, c_int, POINTER(c_int64), POINTER(c_int64), _ERROR]),
    "infer_sizes": (c_int, [c_void_p, c_int, POINTER(CArray), c_int, POINTER(c_int64), _ERROR]),
    "read_weight": (c_int, [c_void_p, c_int, POINTER(CArray), _ERROR]),
    "write_weight": (c_int, [c_void_p, c_int, POINTER(CArray), _ERROR]),
    "view_weight": (c_void_p, [c_void_p, c_int]),
    "weights_hash": (c_int, [c_void_p, POINTER(c_uint64), _ERROR]),
    "save": (c_int, [c_void_p, c_char_p, _ERROR]), "load": (c_int, [c_void_p, c_char_p, _ERROR]),
    "load_part": (c_int, [c_void_p, c_char_p, POINTER(c_char_p), c_int, c_int, SINK, c_void_p, _ERROR]),
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
    "validate_every": (c_int64, [c_void_p]),
    "validate_on": (c_int, [c_void_p, POINTER(CArray), c_int, POINTER(c_float), _ERROR]),
    "stops_early": (c_int, [c_void_p]), "validate": (c_int, [c_void_p, POINTER(c_float), _ERROR]),
    "data_batch": (c_int, [c_void_p, c_int64, c_uint64, c_uint64, POINTER(CArray), c_int, _ERROR]),
    "tokenizer_open": (c_int, [c_char_p, c_void_p, POINTER(c_void_p), _ERROR]), "tokenizer_free": (None, [c_void_p]),
    "tokenizer_size": (c_int, [c_void_p]), "tokenizer_begin": (c_int32, [c_void_p]),
    "tokenizer_end": (c_int32, [c_void_p]),
    "encode": (c_int, [c_void_p, c_char_p, c_size_t, c_int, POINTER(c_int32), c_size_t, POINTER(c_size_t), _ERROR]),
    "decode": (c_int, [c_void_p, POINTER(c_int32), c_size_t, c_char_p, c_size_t, POINTER(c_size_t), _ERROR]),
    "generate": (c_int, [c_void_p, c_int, POINTER(c_int32), c_int, POINTER(CSampling), c_int, TOKEN_SINK, c_void_p,
                         _ERROR]),
}


def _open_library() -> Dict[str, Any]:
    """GRADC_LIBRARY, or the library of the package, of the source tree around it, or an installed one."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [os.path.join(here, "libgradc.so.0"), os.path.join(here, "..", "..", "build", "libgradc.so.0")]
    path = os.environ.get("GRADC_LIBRARY") or next(filter(os.path.exists, places), "libgradc.so.0")
    try:
        lib = ctypes.CDLL(path)
    except OSError as e:
        raise ImportError(f"no library of gradc: {e}; `pip install ./python` installs it, `make lib` builds it, and "
                          "GRADC_LIBRARY names one") from None
    calls = {}
    for name, (result, arguments) in _SIGNATURES.items():
        calls[name] = getattr(lib, "gradc_" + name)
        calls[name].restype, calls[name].argtypes = result, arguments
    return calls


lib = _open_library()


def natural(name: str, value: int, bits: int) -> int:
    """The value, an integer of that many bits, 0 or above: ctypes takes the rest of others."""
    number = operator.index(value)
    if not 0 <= number < 1 << bits:
        raise ValueError(f"{name} is {number}; it must be from 0 to {(1 << bits) - 1}")
    return number


def utf8(s: Optional[bytes]) -> str:
    return (s or b"").decode("utf-8", "replace")


def version() -> str:
    """The version of the library."""
    return utf8(lib["version"]())
