# SPDX-License-Identifier: Apache-2.0
"""The weights of a model by name."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Iterator, MutableMapping, Union

import numpy as np

from ._library import lib, utf8
from .device_arrays import DTYPES, DeviceArray
from .errors import call
from .tensors import Tensor, as_input, c_arrays, tensor_of

if TYPE_CHECKING:
    from .model import Model


class Weights(MutableMapping[str, np.ndarray]):
    """Weights, states and optimizer states by name. Getting one returns a copy in its logical shape; setting one writes
    it."""

    def __init__(self, model: "Model"):
        self._model = model
        self._tensors = [lib["weight"](model._handle, i).contents for i in range(model._info.weights)]
        self._number = {utf8(t.name): i for i, t in enumerate(self._tensors)}

    def _find(self, name: str) -> int:
        self._model._open()
        if name not in self._number:
            raise KeyError(name)
        return self._number[name]

    def __getitem__(self, name: str) -> np.ndarray:
        i = self._find(name)
        t = self._tensors[i]
        a = np.empty(tuple(t.shape[:t.rank]), DTYPES[t.dtype])
        call("read_weight", self._model._handle, i, c_arrays([a], [t.dtype]))
        return a

    def __setitem__(self, name: str, value: Any) -> None:
        i = self._find(name)
        t = self._tensors[i]
        a = as_input(self._model, value, t)
        call("write_weight", self._model._handle, i, c_arrays([a], [t.dtype]))

    def __delitem__(self, name: str) -> None:
        raise TypeError("a model keeps its weights")

    def __iter__(self) -> Iterator[str]:
        return iter(self._number)

    def __repr__(self) -> str:
        return "\n".join(f"{self.tensor(name)} {self.tensor(name).kind}" for name in self) or "no weights"

    def __len__(self) -> int:
        return len(self._number)

    def view(self, name: str) -> Union[np.ndarray, DeviceArray, None]:
        """The weight itself, without copying, until the model is closed; None if it is stored in another order. Of a
        model on a device it is an array there."""
        i = self._find(name)
        t, at = self._tensors[i], lib["view_weight"](self._model._handle, i)
        if not at:
            return None
        shape, dtype = tuple(t.shape[:t.rank]), DTYPES[t.dtype]
        if self._model.device != "cpu":
            return DeviceArray(self._model, at, shape, t.dtype, owned=False)
        n = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        buffer = (ctypes.c_char * n).from_address(at)
        buffer._model = self._model  # the view keeps the model alive, unless it is closed explicitly
        return np.frombuffer(buffer, dtype).reshape(shape)

    def tensor(self, name: str) -> Tensor:
        """Name, element type, shape and kind, without its values."""
        return tensor_of(self._tensors[self._find(name)], kind=True)
