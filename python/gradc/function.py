# SPDX-License-Identifier: Apache-2.0
"""The exports of a model as functions."""
from __future__ import annotations

from ctypes import c_int64
from typing import TYPE_CHECKING, Any, List, Mapping, Union

import numpy as np

from ._library import MAX_RANK, MAX_SIZES, lib, utf8
from .device_arrays import DTYPES, NAMES, DeviceArray, memory_of
from .errors import call
from .records import call_records
from .tensors import Inputs, c_arrays, tensor_of

if TYPE_CHECKING:
    from .model import Model


class Function:
    """An `export def`. Takes an array for each input and returns an array for each output (a tuple if there are
    several). Run-time sizes follow from the shapes of inputs, or are given by name: f(x, T=5). `out`: arrays to
    fill. If an input is memory of the model's device, so are the results."""

    def __init__(self, model: "Model", number: int):
        self._model, self._number = model, number
        f = self._f = lib["export"](model._handle, number).contents
        self.name = utf8(f.name)
        self.inputs = [tensor_of(f.input[i]) for i in range(f.inputs)]
        self.outputs = [tensor_of(f.output[i]) for i in range(f.outputs)]
        self.sizes = {utf8(f.size_name[i]): f.size_bound[i] for i in range(f.sizes)}
        self.__doc__ = f"{self.name}({', '.join(map(str, self.inputs))}) -> {', '.join(map(str, self.outputs))}"

    def __repr__(self) -> str:
        return f"<gradc function {self.__doc__}>"

    def records(self, *values: Any) -> Any:
        """The function of any number of records: called for as many at a time as its first dimension has, or its bound
        permits, or for one record each. Inputs that stand for a field of the data section are those with records: by
        their names, otherwise by position."""
        return call_records(self, values, self._model.fields)

    def _nothing(self, axis: bool) -> Any:
        """The results for no records; axis: outputs have that of records themselves."""
        shapes = [[0, *(n if isinstance(n, int) else 0 for n in t.shape[axis:])] for t in self.outputs]
        results = tuple(np.empty(s, DTYPES[self._f.output[i].dtype]) for i, s in enumerate(shapes))
        return results[0] if len(results) == 1 else results

    def _sizes(self, inputs: Inputs, given: Mapping[str, int]) -> Any:
        size = (c_int64 * MAX_SIZES)()
        unknown = [name for name in given if name not in self.sizes]
        if unknown:
            raise TypeError(f"{self.name}() has no run-time size {unknown[0]!r}")
        if given and len(given) != len(self.sizes):
            raise TypeError(f"{self.name}() takes all of its sizes or none: {', '.join(self.sizes)}")
        if given:
            size[:len(given)] = [given[name] for name in self.sizes]
        else:
            call("infer_sizes", self._model._open(), self._number, inputs.array, inputs.n, size)
        return size

    def _results(self, size: Any, there: bool) -> List[Union[np.ndarray, DeviceArray]]:
        results = []
        for i in range(self._f.outputs):
            shape, t = (c_int64 * MAX_RANK)(), self._f.output[i]
            call("output_shape", self._model._handle, self._number, i, size, shape)
            make = self._model._device_array if there else lambda s, d: np.empty(s, DTYPES[d])
            results.append(make(tuple(shape[:t.rank]), t.dtype))
        return results

    def _given(self, out: Any) -> List[Any]:
        given = list(out) if isinstance(out, (list, tuple)) else [out]
        for i, a in enumerate(given[:self._f.outputs]):
            want = self._f.output[i].dtype
            v = None if isinstance(a, np.ndarray) else memory_of(a, self._model._stream)
            fits = v.dtype == want and v.strides is None if v else \
                isinstance(a, np.ndarray) and a.dtype == DTYPES[want] and a.flags.carray
            if not fits:
                raise TypeError(f"`out` {i} must be a dense, writable array of {NAMES[want]}")
        return given

    def __call__(self, *values: Any, out: Any = None, **sizes: int) -> Any:
        handle, f = self._model._open(), self._f
        inputs = Inputs(self._model, values, [f.input[i] for i in range(f.inputs)])
        size = self._sizes(inputs, sizes)
        results = self._results(size, inputs.there) if out is None else self._given(out)
        filled: List[Any] = [memory_of(a, self._model._stream) or a for a in results]
        outputs = c_arrays(filled, [f.output[i].dtype for i in range(f.outputs)] + [0] * len(results))
        call("call", handle, self._number, inputs.array, inputs.n, outputs, len(results), size)
        return results[0] if len(results) == 1 else tuple(results)
