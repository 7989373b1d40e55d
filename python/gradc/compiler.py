# SPDX-License-Identifier: Apache-2.0
"""What needs no compiled model: options, checks, dumps, portable C, costs."""
from __future__ import annotations

import ctypes
import json
import os
from ctypes import byref, c_char_p, c_void_p
from typing import Any, Dict, Iterable, Mapping, Optional, Union

import numpy as np

from ._library import SINK, COptions, CSource, utf8
from .errors import call

Path = Union[str, "os.PathLike[str]"]


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


def options_of(fp: str = "fast", threads: int = 0, ram: int = 0, isa: Optional[str] = None, backend: str = "auto",
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
    return COptions(ctypes.sizeof(COptions), None, fp == "strict", threads, ram, text[0], backend == "cc", text[1],
                    text[2], text[3], off_text.encode() or None, search_text or None, text[4], text[5],
                    (c_char_p * len(settings))(*settings), len(settings))


def source_of(path: Path, text: Optional[str]) -> Any:
    data = None if text is None else text.encode()
    return CSource(os.fsencode(path), data, len(data or b""))


def check(path: Path, text: Optional[str] = None, **options: Any) -> None:
    """Raises the errors of a model, without compiling it."""
    call("check", byref(source_of(path, text)), byref(options_of(**options)))


def texts(name: str, *arguments: Any) -> Dict[str, str]:
    found: Dict[str, str] = {}

    def sink(_user: Any, file: bytes, data: int, size: int) -> None:
        found[utf8(file)] = ctypes.string_at(data, size).decode("utf-8", "replace")
    call(name, *arguments, SINK(sink), None)
    return found


def emit_c(path: Path, text: Optional[str] = None, **options: Any) -> Dict[str, str]:
    """The model as portable C99: {"digits.c": ..., "digits.h": ...}."""
    return texts("emit_c", byref(source_of(path, text)), byref(options_of(**options)))


def dump(path: Path, text: Optional[str] = None, after: Optional[str] = None,
         **options: Any) -> str:
    """The graphs as text, after that pass; "": before all passes; None: after all passes."""
    pass_name = None if after is None else after.encode()
    return "".join(texts("dump", byref(source_of(path, text)), byref(options_of(**options)), pass_name).values())


def report(path: Path, text: Optional[str] = None, **options: Any) -> Dict[str, Any]:
    """Costs of a model, as in `gradc report --json`: operations, bytes, predicted_step_ms, ... For a device as in
    `gradc report --cuda --json`, its launches in "kernels"."""
    said = "".join(texts("report", byref(source_of(path, text)), byref(options_of(**options))).values())
    model, *launches = [json.loads(line) for line in said.splitlines()]
    return {**model, "kernels": launches} if launches else model
