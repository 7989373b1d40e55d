# SPDX-License-Identifier: Apache-2.0
"""The records that a model names."""
from __future__ import annotations

import os
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Iterator, Optional, Tuple

import numpy as np

from ._library import lib
from .compiler import Path
from .device_arrays import DTYPES
from .errors import call
from .tensors import c_arrays

if TYPE_CHECKING:
    from .model import Model


class Data:
    """The data section that the model trains on: its files, hold-out and order of each epoch. A context manager."""

    def __init__(self, model: "Model", path: Optional[Path] = None):
        self._model, self._handle = model, c_void_p()
        call("data_open", model._open(), None if path is None else os.fsencode(path), byref(self._handle))
        model._data.add(self)

    def close(self) -> None:
        """Frees the records."""
        handle, self._handle = self._handle, c_void_p()
        lib["data_close"](handle)

    def __enter__(self) -> "Data":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        held = f"{len(self)} records, {self.held_out} held out" if self._handle else "closed"
        return f"<gradc data: {held}>"

    def __len__(self) -> int:
        """Records to train on."""
        return int(lib["data_records"](self._handle))

    @property
    def held_out(self) -> int:
        """Records of the hold-out."""
        return int(lib["data_held_out"](self._handle))

    def batch(self, at: int, n: int, epoch: int = 0) -> Tuple[np.ndarray, ...]:
        """Records at .. at + n in the order of an epoch, an array for each field; epoch < 0: of the hold-out."""
        if not self._handle:
            raise ValueError("the data is closed")
        fields = self._model._fields
        arrays = [np.empty((n, *f.shape[1:f.rank]), DTYPES[f.dtype]) for f in fields]
        call("data_batch", self._handle, epoch, at, n, c_arrays(arrays, [f.dtype for f in fields]), len(arrays))
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
