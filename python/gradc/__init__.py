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
from ._library import version
from .compiler import check, dump, emit_c, report
from .data import Data
from .device_arrays import DeviceArray
from .errors import CallError, DataError, Diagnostic, Error, ModelError, NotFiniteError, ResourceError
from .estimators import Classifier, Regressor
from .fit import EarlyStopping
from .function import Function
from .model import Model, compile
from .tensors import Tensor
from .terminal import progress
from .text import Tokenizer
from .weights import Weights

__version__ = version()

__all__ = ["compile", "check", "emit_c", "dump", "report", "version", "progress", "Model", "EarlyStopping",
           "Classifier", "Regressor", "Data", "Weights", "DeviceArray", "Function", "Tensor", "Tokenizer", "Diagnostic",
           "Error", "ModelError", "CallError", "DataError", "ResourceError", "NotFiniteError"]
