# SPDX-License-Identifier: Apache-2.0
"""Errors of the library as exceptions."""
from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Any, List, NamedTuple, Sequence

from ._library import lib, utf8


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


def diagnostics_of(e: Any) -> List[Diagnostic]:
    found = [lib["error_at"](e, i).contents for i in range(lib["error_count"](e))]
    return [Diagnostic(f"E{d.code:04d}", bool(d.warning), utf8(d.file), d.line, d.column, d.length, utf8(d.message),
                       utf8(d.help), utf8(d.text)) for d in found]


def call(name: str, *arguments: Any) -> None:
    """Calls a function that may fail; raises its error."""
    e = c_void_p()
    status = lib[name](*arguments, byref(e))
    if status == 0:
        return
    try:
        raise _ERRORS.get(status, Error)(status, utf8(lib["error_text"](e)), diagnostics_of(e))
    finally:
        lib["error_free"](e)
