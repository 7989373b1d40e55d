# SPDX-License-Identifier: Apache-2.0
"""Training on arrays."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._library import lib
from .device_arrays import View
from .tensors import as_input
from .terminal import Live

if TYPE_CHECKING:
    from .model import Model

Epoch = Dict[str, Any]
Callback = Callable[["Model", Epoch], Any]
Validation = Union[float, Sequence[Any], None]


class EarlyStopping:
    """A callback of fit() that ends it after `patience` epochs in which `monitor` did not fall by `min_delta`; of a
    value that is to grow, such as "val_acc", mode="max". restore: puts back the weights of the best epoch."""

    def __init__(self, monitor: str = "val_loss", patience: int = 5, min_delta: float = 0.0, mode: str = "min",
                 restore: bool = True):
        if mode not in ("min", "max"):
            raise ValueError(f"mode is 'min' or 'max', not {mode!r}")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.mode, self.restore = mode, restore
        self.best: Optional[float] = None
        self.best_epoch = 0
        self._weights: Dict[str, np.ndarray] = {}

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor!r}, patience={self.patience}, min_delta={self.min_delta}, " \
               f"mode={self.mode!r}, restore={self.restore})"

    def __call__(self, model: "Model", epoch: Epoch) -> bool:
        if self.monitor.startswith("val_") and self.monitor[4:] in epoch and not model.validation:
            return False  # the first validation is to come
        if self.monitor not in epoch:
            raise KeyError(f"there is no {self.monitor!r}, but {', '.join(epoch)}")
        if epoch["epoch"] == 1:
            self.best = None
        value = float(epoch[self.monitor]) * (1 if self.mode == "min" else -1)
        if self.best is None or value < self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch["epoch"]
            self._weights = dict(model.weights) if self.restore else {}
        if epoch["epoch"] - self.best_epoch < self.patience:
            return False
        for name, w in self._weights.items():
            model.weights[name] = w
        return True


def _records(model: "Model", values: Sequence[Any]) -> List[np.ndarray]:
    """Arrays of the fields' types, a record along the first axis."""
    if len(values) != len(model.fields):
        names = ", ".join(f.name for f in model.fields)
        raise TypeError(f"the model has {len(model.fields)} fields ({names}), and {len(values)} arrays are given")
    arrays = []
    for value, c, field in zip(values, model._fields, model.fields):
        a = as_input(model, value, c)
        a = np.asarray(value) if isinstance(a, View) else a
        if a.ndim != len(field.shape) or a.shape[1:] != tuple(field.shape[1:]):
            raise ValueError(f"a record of {field} has the shape {list(field.shape[1:])}; the array has the shape "
                             f"{list(a.shape)}, its first axis the records")
        arrays.append(a)
    if len({len(a) for a in arrays}) != 1 or len(arrays[0]) == 0:
        raise ValueError("not as many records, or none: " +
                         ", ".join(f"`{f.name}` has {len(a)}" for f, a in zip(model.fields, arrays)))
    return arrays


def _parts(model: "Model", arrays: List[np.ndarray], validation: Validation,
           rng: np.random.Generator) -> Tuple[List[np.ndarray], Optional[List[np.ndarray]]]:
    """Records to train and to validate on."""
    if validation is None:
        return arrays, None
    if not isinstance(validation, (int, float)):
        return arrays, _records(model, validation)
    n = len(arrays[0])
    held = max(1, round(n * validation))
    if not 0 < validation < 1 or held >= n:
        raise ValueError(f"validation is a part of the records between 0 and 1, or arrays; not {validation} of {n}")
    order = rng.permutation(n)
    return [a[order[held:]] for a in arrays], [a[order[:held]] for a in arrays]


def _words(epoch: Epoch) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in epoch.items() if name != "epoch" and np.ndim(value) == 0)


class _Held:
    """The records to validate on, and their newest scores."""

    def __init__(self, model: "Model", arrays: Optional[List[np.ndarray]], last: int):
        self.model, self.arrays, self.last = model, arrays, last
        self.every = int(lib["validate_every"](model._open()))
        self.scores: Epoch = {}

    def ends(self, epoch_ends: bool) -> bool:
        """After a step: validates if it is time; True: by `early_stop` the training ends."""
        at = self.model.steps
        due = at % self.every == 0 or at == self.last if self.every > 0 else epoch_ends
        if self.arrays is None or not due:
            return False
        self.scores = {"val_" + name: value for name, value in self.model.validate(*self.arrays).items()}
        return self.model.stops_early


def _one_epoch(model: "Model", arrays: List[np.ndarray], order: np.ndarray, held: _Held, live: Optional[Live],
               words: Callable[[float], str]) -> Tuple[Epoch, bool]:
    """Means over the steps of an epoch, and whether the training ends. Fewer records than a batch are repeated to fill
    one."""
    n, ends = model.batch, False
    totals: Dict[str, float] = {}
    order = order if len(order) >= n else np.resize(order, n)
    steps = len(order) // n
    for i in range(steps):
        at = order[i * n:(i + 1) * n]
        found = {"loss": model.step(*(a[at] for a in arrays)), **model.metrics}
        for name, value in found.items():
            totals[name] = totals.get(name, 0.0) + value
        if live:
            live.advance(words(found["loss"]))
        ends = held.ends(i + 1 == steps)
        if ends:
            break
    return {name: total / (i + 1) for name, total in totals.items()}, ends


def fit(model: "Model", values: Sequence[Any], epochs: int, validation: Validation,
        callbacks: Union[Callback, Iterable[Callback]], shuffle: bool, seed: int, progress: bool,
        file: Any) -> List[Epoch]:
    """Model.fit, which says what it does."""
    if epochs < 1:
        raise ValueError(f"epochs is at least 1, not {epochs}")
    rng = np.random.default_rng(seed)
    arrays, apart = _parts(model, _records(model, values), validation, rng)
    called = [callbacks] if callable(callbacks) else list(callbacks)
    n, steps = len(arrays[0]), max(1, len(arrays[0]) // model.batch)
    history: List[Epoch] = []
    held = _Held(model, apart, model.steps + epochs * steps)
    model.plan(held.last, steps)
    live = Live(epochs * steps, file) if progress else None
    said = ""
    try:
        for number in range(1, epochs + 1):
            before = f"epoch {number}/{epochs}, "
            order = rng.permutation(n) if shuffle else np.arange(n)
            epoch, ends = _one_epoch(model, arrays, order, held, live, lambda loss: before + _words(
                {"loss": loss, **held.scores}))
            epoch = {"epoch": number, **epoch, **held.scores}
            history.append(epoch)
            said = before + _words(epoch)
            if any([callback(model, epoch) for callback in called]) or ends:
                break
    finally:
        if live:
            live.end(said)
    return history
