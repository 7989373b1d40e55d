# SPDX-License-Identifier: Apache-2.0
"""Compiled models."""
from __future__ import annotations

import json
import os
import tempfile
import weakref
from ctypes import byref, c_char_p, c_float, c_uint64, c_void_p
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

import numpy as np

from ._library import CInfo, lib, natural, utf8
from .compiler import Path, options_of, report, source_of, texts
from .data import Data
from .device_arrays import DTYPES, NAMES, DeviceArray
from .errors import Diagnostic, Error, ModelError, call, diagnostics_of
from .fit import Callback, Epoch, Validation, fit
from .function import Function
from .state import Keys, Target, load_state_dict, state_dict
from .tensors import Inputs, Tensor, c_arrays, tensor_of
from .text import Generated, generate
from .weights import Weights


class Model:
    """A compiled model. Its exports are methods: m.predict(x). Freed at the end of `with`, or by the garbage
    collector."""

    def __init__(self, handle: c_void_p, path: Path, text: Optional[str], options: Mapping[str, Any]):
        self._handle, self._source = handle, (path, text, dict(options))
        self._data: "weakref.WeakSet[Data]" = weakref.WeakSet()
        self._arrays: "weakref.WeakSet[DeviceArray]" = weakref.WeakSet()
        self._info = lib["model_info"](handle).contents
        self.device: str = utf8(self._info.device)
        self._stream: int = lib["device_stream"](handle) or 0
        self.exports: Dict[str, Function] = {}
        for i in range(self._info.exports):
            f = Function(self, i)
            self.exports[f.name] = f
        self.name: str = utf8(self._info.name)
        self.sections: List[str] = [utf8(lib["section_name"](handle, i)) for i in range(self._info.sections)]
        self.warnings: List[Diagnostic] = diagnostics_of(lib["warnings"](handle))
        self.weights = Weights(self)
        self.validation: Optional[Dict[str, float]] = None
        """The newest validation since init(): its "step", loss and metrics."""
        self._describe()

    def _describe(self) -> None:
        self._fields = [lib["field"](self._handle, i).contents for i in range(self._info.fields)]
        self._metrics = [utf8(lib["metric_name"](self._handle, i)) for i in range(self._info.metrics)]
        self._scores: List[Any] = []  # metrics that are tensors
        while lib["score_tensor"](self._handle, len(self._scores)):
            self._scores.append(lib["score_tensor"](self._handle, len(self._scores)).contents)
        self.fields: List[Tensor] = [tensor_of(f) for f in self._fields]
        self.batch: int = self._info.batch
        self.info: Dict[str, Any] = {name: getattr(self._info, name) for name, _ in CInfo._fields_}
        self.info.update(name=self.name, backend=utf8(self._info.backend), device=self.device,
                         parameters=int(self._info.parameters),
                         section=utf8(self._info.section) if self.sections else None)

    def section(self, name: str) -> "Model":
        """Chooses the train section that step, evaluate, data, plan, steps, loss, metrics, fields and batch are about;
        at first it is the first of `sections`. Returns the model: m.section("disc").step(x)."""
        call("section", self._open(), os.fsencode(name))
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
        lib["free"](handle)

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if lib is not None:
            self.close()

    def report(self) -> Dict[str, Any]:
        """gradc.report of its source."""
        path, text, options = self._source
        return report(path, text, **options)

    def __reduce__(self) -> Tuple[Any, ...]:
        """For pickle and copy: the source and its options, with what a checkpoint has (without a train section, what a
        file of weights has). It is compiled again, and reads imports and data where they were."""
        path, text, options = self._source
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "state")
            (self.save_checkpoint if self._info.trains else self.save)(file)
            with open(file, "rb") as f:
                state = f.read()
        return _restored, (os.path.abspath(path), text, options, state, self.info["section"])

    def __getattr__(self, name: str) -> Function:
        exports: Dict[str, Function] = self.__dict__.get("exports", {})
        if name in exports:
            return exports[name]
        there = f"; there is {', '.join(exports)}" if exports else ""
        raise AttributeError(f"the model has no `export def {name}`{there}")

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self.exports]

    def __repr__(self) -> str:
        if not self._handle:
            return f"<gradc model {self.name}: closed>"
        there = f"; {', '.join(self.exports)}" if self.exports else ""
        return f"<gradc model {self.name}: {self.info['parameters']:,} parameters, {self.steps} steps done{there}>"

    def _device_array(self, shape: Tuple[int, ...], dtype: int) -> DeviceArray:
        at = c_void_p()
        n = int(np.prod(shape, dtype=np.int64)) * DTYPES[dtype].itemsize
        call("device_alloc", self._open(), n, byref(at))
        a = DeviceArray(self, at.value or 0, shape, dtype, owned=True)
        self._arrays.add(a)
        return a

    def _device_free(self, address: int) -> None:
        if self._handle:
            lib["device_free"](self._handle, address)

    def _device_copy(self, to: int, source: int, n: int) -> None:
        call("device_copy", self._open(), to, source, n)

    def to_device(self, values: Any, dtype: Optional[str] = None) -> DeviceArray:
        """A copy of an array in the memory of the model's device. dtype="bf16": an array of uint16 has bits of bf16."""
        a = np.require(values, requirements=["C_CONTIGUOUS", "ALIGNED"])
        number = NAMES.index(dtype) if dtype else DTYPES.index(a.dtype) if a.dtype in DTYPES else -1
        if number < 0 or DTYPES[number] != a.dtype:
            raise TypeError(f"an array of {a.dtype} does not become one of {dtype or ', '.join(NAMES)}")
        to = self._device_array(a.shape, number)
        self._device_copy(to._address, a.ctypes.data, a.nbytes)
        return to

    def predict(self, *inputs: Any, export: Optional[str] = None, out: Any = None, **sizes: int) -> Any:
        """The `export def predict`, of any number of records: as many at a time as it takes (Function.records). Without
        one of that name it is the model's only export, or the one named by `export`. With `out` or run-time sizes it is
        one call."""
        only = len(self.exports) == 1 and "predict" not in self.exports
        name = export or (next(iter(self.exports)) if only else "predict")
        f: Function = self.exports[name] if name in self.exports else self.__getattr__(name)
        return f.records(*inputs) if out is None and not sizes else f(*inputs, out=out, **sizes)

    def generate(self, prompt: Any, max_tokens: int = 100, temperature: float = 1, top_k: int = 0, top_p: float = 1,
                 seed: Optional[int] = None, tokenizer: Any = None, end: Optional[int] = None,
                 export: Optional[str] = None, callback: Optional[Callable[[int], Any]] = None) -> Generated:
        """Continues a text, or a list of tokens, and returns what was added: a text or a list. It is what `gradc
        generate` draws, by an export from tokens i32[1, T] to scores f32[1, V], the one named by `export` if there are
        several; keys and values are kept between tokens if the export has them.

        temperature: divides the scores; 0: the most likely token.  top_k: draws among so many; 0: all.  top_p: among
        the fewest of these that have this probability together.  seed: equal ones draw the same; None: the model's.
        tokenizer: a gradc.Tokenizer, its file, or an object with encode and decode.  end: the token that ends the
        text; None: the tokenizer's.  callback: called with each token; if it returns True, that is the last."""
        return generate(self, prompt, max_tokens, temperature, top_k, top_p, seed, tokenizer, end, export, callback)

    def fit(self, *fields: Any, epochs: int = 1, validation: Validation = None,
            callbacks: Union[Callback, Iterable[Callback]] = (), shuffle: bool = True, seed: int = 0,
            progress: bool = True, file: Any = None) -> List[Epoch]:
        """Trains on arrays: fit(x, y, epochs=5), an array for each field of the data section in its order, records
        along the first axis. It goes on from the model's weights, with a plan of these epochs; an incomplete last batch
        of an epoch is left out, and fewer records than one batch are repeated to fill it.

        validation: the part of the records that is held out (0.2), or arrays (x_val, y_val).  callbacks: functions
        f(model, epoch) called after each epoch; if one returns True, it is the last (gradc.EarlyStopping).  seed: of
        the shuffling and the hold-out.  progress: shows a line on `file`, or standard error.

        With validation data the model is validated after each epoch, or as `validate = every(N)` of the file says, and
        after the last step; `early_stop` of the file ends the training.

        Returns a dict for each epoch: "epoch" from 1, "loss" and the metrics, means over its steps, and "val_loss", …
        of the newest validation; callbacks are given it, too."""
        return fit(self, fields, epochs, validation, callbacks, shuffle, seed, progress, file)

    def state_dict(self, map: Optional[Mapping[str, Target]] = None) -> Dict[str, np.ndarray]:
        """Weights and states by name, copied. With a map they have PyTorch's names and layouts: {"net.linear_1":
        "fc1"} gives "fc1.weight" as [out, in] and "fc1.bias"; {"net": ""} leaves "net" out of all below it; {} keeps
        the names of modules. The layers of the standard library are known by their own names; {"n": ("fc", "linear")}
        names the layer of a `use n = linear(…)`, and {"net.m": ("fc.weight", (1, 0))} the axes of one tensor."""
        return state_dict(self, map)

    def load_state_dict(self, state: Mapping[str, Any], map: Optional[Mapping[str, Target]] = None,
                        strict: bool = True) -> Keys:
        """Reads what state_dict() returns with the same map, or such a dict of PyTorch: arrays or tensors.
        strict=False: keys may be missing and others be there; they are returned."""
        return load_state_dict(self, state, map, strict)

    def init(self, seed: int) -> None:
        """Initialises all weights, states and the optimizer with this seed, 0 to 2**64 - 1."""
        call("init", self._open(), natural("seed", seed, 64))
        self.validation = None

    def plan(self, steps: int, steps_per_epoch: int = 0) -> None:
        """Sets `steps` and `steps_per_epoch` of rate expressions, if the file plans in epochs."""
        call("plan", self._open(), natural("steps", steps, 32), natural("steps_per_epoch", steps_per_epoch, 32))

    def step(self, *fields: Any) -> float:
        """One training step on `batch` records, the fields in the order of the data section. Returns the loss of the
        batch, before its update. A rate that looks at `steps`, in a file that counts epochs, takes them from the data
        section, unless plan() was called."""
        a = Inputs(self, fields, self._fields)
        self._planned("step", a.array, a.n)
        return float(lib["loss"](self._handle))

    def _planned(self, function: str, *arguments: Any, at: Optional[c_void_p] = None) -> None:
        """A call of the model, or of the handle `at`, that may need a plan: if there is none, that of the data
        section."""
        handle = self._open()
        try:
            call(function, at or handle, *arguments)
        except ModelError as e:
            if e.code != "E0684" or not self._plan_by_data():
                raise
            call(function, at or handle, *arguments)

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
        return self._evaluated("evaluate", fields)

    def _evaluated(self, function: str, fields: Tuple[Any, ...]) -> Dict[str, Any]:
        a, results = Inputs(self, fields, self._fields), (c_float * (1 + len(self._metrics)))()
        self._planned(function, a.array, a.n, results)
        found: Dict[str, Any] = dict(zip(["loss", *self._metrics], results))
        for i, t in enumerate(self._scores):
            found[utf8(t.name)] = to = np.empty(tuple(t.shape[:t.rank]), np.float32)
            call("read_score", self._handle, i, c_arrays([to], [t.dtype]))
        return found

    def validate(self, *data: Any) -> Dict[str, Any]:
        """Loss and metrics on the hold-out of `data`, or on the section of `validate.data`, as `train` evaluates them;
        or on arrays, validate(x, y). They count for `early_stop`, `save = best(...)` and rates that look at
        `validate.loss`."""
        if len(data) != 1 or not isinstance(data[0], Data):
            found = self._evaluated("validate_on", data)
            self.validation = {"step": self.steps, **found}
            return found
        results = (c_float * (1 + len(self._metrics)))()
        self._planned("validate", results, at=data[0]._handle)
        self.validation = {"step": self.steps, **dict(zip(["loss", *self._metrics], results))}
        return {k: v for k, v in self.validation.items() if k != "step"}

    @property
    def best_step(self) -> int:
        """The step of the best validation by `save = best(...)`; 0: none yet."""
        return int(lib["best_step"](self._open()))

    @property
    def stops_early(self) -> bool:
        """By `early_stop` the training ends here."""
        return bool(lib["stops_early"](self._open()))

    @property
    def steps(self) -> int:
        """Training steps done so far."""
        return int(lib["steps"](self._handle))

    @property
    def planned_steps(self) -> int:
        """`steps` in rate expressions: from the file, plan(), train() or a checkpoint; 0: not known yet."""
        return int(lib["planned_steps"](self._open(), None))

    @property
    def loss(self) -> float:
        """The loss of the last step."""
        return float(lib["loss"](self._handle))

    @property
    def metrics(self) -> Dict[str, float]:
        """The metrics of the last step, by name."""
        return {name: lib["metric"](self._handle, i) for i, name in enumerate(self._metrics)}

    def data(self, path: Optional[Path] = None, fold: Optional[Tuple[int, int]] = None) -> Data:
        """Opens the data section that the model trains on; `path` replaces its files. fold (k, n): the hold-out is the
        k-th of n parts of the records, from 1, instead of that of the file."""
        call("fold", self._open(), *(fold if fold is not None else (0, 0)))
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
        if lib["validation_due"](d._handle):  # of a checkpoint
            self.validate(d)
        while self.steps < end and per_epoch and not self.stops_early:
            number, at = divmod(self.steps, per_epoch)
            loss = self.step(*d.batch(at * self.batch, self.batch, number))
            if lib["validation_due"](d._handle):
                self.validate(d)
            yield loss

    def save(self, path: Path) -> None:
        """Writes weights and states to a safetensors file, atomically."""
        call("save", self._open(), os.fsencode(path))

    def load(self, path: Path, map: Optional[Mapping[str, str]] = None, partial: bool = False) -> Dict[str, Any]:
        """Reads the weights of such a file, and its states if it has any. map: {"old": "new"} reads the tensor `old` of
        the file, and all below it, as `new`; {"old": ""} leaves them out, {"": "new"} puts all below `new`. partial:
        weights that the file lacks keep their values, its other tensors are left over. Returns {"read": how many
        tensors, "initial": names of weights that were not read, "left_over": names of tensors that were not}."""
        maps = [os.fsencode(f"{old}={new}") for old, new in (map or {}).items()]
        said = texts("load_part", self._open(), os.fsencode(path), (c_char_p * len(maps))(*maps), len(maps),
                      int(partial))
        found: Dict[str, Any] = json.loads(next(iter(said.values())))
        return found

    def save_checkpoint(self, path: Path) -> None:
        """Also writes the optimizer's state and the steps done, so that training can continue with the same bits."""
        call("save_checkpoint", self._open(), os.fsencode(path))

    def load_checkpoint(self, path: Path) -> None:
        """Restores what save_checkpoint wrote."""
        call("load_checkpoint", self._open(), os.fsencode(path))

    @property
    def weights_hash(self) -> str:
        """16 hex digits: equal weights, equal hash, on any machine."""
        h = c_uint64()
        call("weights_hash", self._open(), byref(h))
        return f"{h.value:016x}"


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
    call("compile", byref(source_of(path, text)), byref(options_of(**options)), byref(handle))
    return Model(handle, path, text, options)


def _restored(path: str, text: Optional[str], options: Mapping[str, Any], state: bytes,
              section: Optional[str]) -> "Model":
    m = compile(path, text, **options)
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "state")
        with open(file, "wb") as f:
            f.write(state)
        (m.load_checkpoint if m._info.trains else m.load)(file)
    return m.section(section) if section else m
