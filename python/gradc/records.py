# SPDX-License-Identifier: Apache-2.0
"""Any number of records through an export of a fixed or bounded batch."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from .errors import call
from .tensors import Inputs, Tensor, as_input, c_arrays

if TYPE_CHECKING:
    from .function import Function

Size = Union[int, str]


def _field_of(f: "Function", i: int, fields: Sequence[Tensor]) -> Optional[Tensor]:
    """The field that an input stands for: of its name, otherwise the one at its position if it has the same type."""
    same = [field for field in fields if field.name == f.inputs[i].name]
    same += [field for field in fields[i:i + 1] if field.dtype == f.inputs[i].dtype]
    return same[0] if same else None


def _agree(a: Sequence[Size], b: Sequence[Size]) -> bool:
    return len(a) == len(b) and all(m == n or isinstance(m, str) or isinstance(n, str) for m, n in zip(a, b))


def _axes(f: "Function", values: Sequence[Any], fields: Sequence[Tensor]) -> List[Optional[int]]:
    """For each input: 0, its first axis is that of records, as in the field; 1, it is one record; None, neither: it is
    passed to each call. Without fields the first axis of a matrix or more is that of records."""
    axes: List[Optional[int]] = []
    for i, t in enumerate(f.inputs):
        field = _field_of(f, i, fields)
        if field is None:
            axes.append(0 if len(t.shape) > 1 and not fields else None)
        else:
            axes.append(0 if t.shape and _agree(t.shape[1:], field.shape[1:]) else
                        1 if _agree(t.shape, field.shape[1:]) else None)
    if 0 in axes:  # one record for all of them
        axes = [None if axis and np.ndim(v) == len(t.shape) else axis for v, t, axis in zip(values, f.inputs, axes)]
    return axes


def _batch_of(f: "Function", axes: Sequence[Optional[int]]) -> Tuple[Optional[Size], int]:
    """The first dimension that inputs share, and the most records of it; (None, 1): a call is for one record."""
    first = [t.shape[0] for t, axis in zip(f.inputs, axes) if axis == 0]
    if not first:
        return None, 1
    size = first[0]
    if any(n != size for n in first) or (isinstance(size, str) and size not in f.sizes):
        raise ValueError(f"{f.name}() has no batch of records that could be cut: {f.__doc__}")
    return size, f.sizes[size] if isinstance(size, str) else size


def _one_call(f: "Function", values: Sequence[Any], axes: Sequence[Optional[int]]) -> bool:
    """Whether the values are what one call takes: memory of a device, or no array has an axis of records."""
    if any(hasattr(v, "__cuda_array_interface__") or type(v).__name__ == "DeviceArray" for v in values):
        return True
    given = [(np.ndim(v), len(t.shape), axis) for v, t, axis in zip(values, f.inputs, axes) if axis is not None]
    return len(values) != len(f.inputs) or not given or any(n != rank + axis for n, rank, axis in given)


def _filled(a: np.ndarray, n: int) -> np.ndarray:
    """n records: the last one repeated."""
    return a if len(a) == n else np.concatenate([a, np.repeat(a[-1:], n - len(a), axis=0)])


def call_records(f: "Function", values: Sequence[Any], fields: Sequence[Tensor]) -> Any:
    """Calls the export as often as the records need. A last batch that is not full is computed with that many records
    where the size is of run time; where it is fixed it is filled up, and what is added is left out of the results."""
    axes = _axes(f, values, fields)
    if _one_call(f, values, axes):
        return f(*values)
    size, most = _batch_of(f, axes)
    arrays = [v if axis is None else np.asarray(v) for v, axis in zip(values, axes)]
    counts = {t.name: len(a) for a, t, axis in zip(arrays, f.inputs, axes) if axis is not None}
    n = next(iter(counts.values()))
    if any(c != n for c in counts.values()):
        raise ValueError("not as many records: " + ", ".join(f"`{name}` has {c}" for name, c in counts.items()))
    if size is not None and any(not t.shape or t.shape[0] != size for t in f.outputs):
        raise ValueError(f"{f.name}() has a result without an axis of records: {f.__doc__}")
    if n == 0 or most == 0:
        return f._nothing(size is not None)
    full, rest = divmod(n, most)
    pieces = [_full(f, arrays, axes, size, full, most)] if full else []
    return _joined(pieces + ([_rest(f, arrays, axes, size, n - rest, rest)] if rest else []))


def _part(a: Any, axis: Optional[int], size: Optional[Size], at: int, n: int) -> Any:
    return a if axis is None else a[at] if axis == 1 and size is None else a[at:at + n]


def _full(f: "Function", arrays: Sequence[Any], axes: Sequence[Optional[int]], size: Optional[Size], calls: int,
          n: int) -> Tuple[np.ndarray, ...]:
    """The first calls, of n records each. Arrays are converted once, and read and written where they are."""
    tensors = [f._f.input[i] for i in range(f._f.inputs)]
    arrays = [a if axis is None else as_input(f._model, a, t) for a, t, axis in zip(arrays, tensors, axes)]
    inputs = Inputs(f._model, [_part(a, axis, size, 0, n) for a, axis in zip(arrays, axes)], tensors)
    sizes = f._sizes(inputs, {})
    one: List[Any] = f._results(sizes, False)
    results = tuple(np.empty((calls * n, *r.shape[size is not None:]), r.dtype) for r in one)
    outputs = c_arrays(one, [f._f.output[i].dtype for i in range(len(one))])
    kept: List[Any] = inputs.kept
    places = [(c, c.data or 0, a.nbytes) for c, a, axis in zip(inputs.array, kept, axes) if axis is not None]
    places += [(c, r.ctypes.data, a.nbytes) for c, r, a in zip(outputs, results, one)]
    for i in range(calls):
        for c, first, step in places:
            c.data = first + i * step
        call("call", f._model._open(), f._number, inputs.array, inputs.n, outputs, len(one), sizes)
    return results


def _rest(f: "Function", arrays: Sequence[Any], axes: Sequence[Optional[int]], size: Optional[Size], at: int,
          n: int) -> Tuple[np.ndarray, ...]:
    """The last call, of fewer records."""
    parts = [_part(a, axis, size, at, n) for a, axis in zip(arrays, axes)]
    results = f(*(_filled(a, size) if axis == 0 and isinstance(size, int) else a for a, axis in zip(parts, axes)))
    return tuple(r[:n] for r in (results if isinstance(results, tuple) else (results,)))


def _joined(pieces: Sequence[Tuple[np.ndarray, ...]]) -> Any:
    results = tuple(np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*pieces))
    return results[0] if len(results) == 1 else results
