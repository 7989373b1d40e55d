# SPDX-License-Identifier: Apache-2.0
"""Estimators with the interface of scikit-learn, which they do not need."""
from __future__ import annotations

import inspect
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from .compiler import Path
from .model import Model, compile
from .validation import check_fitted, check_x, check_xy, feature_names, sklearn_tags

_PIECE = 256  # the most records of one call

_TEXT = """dim T <= {piece}
def network(x: f32[B, {inputs}]) -> f32[B, {outputs}] {{ {layers} }}
use net = network()
data records {{ source = csv("records.csv"); x: f32[{inputs}] = field(0:{inputs}); y: {target} }}
train {{
    data = records; batch = {batch}; steps = 1
    loss = {loss}
    optim = adamw(lr = {lr}{schedule}, decay = {decay})
}}
export def predict(x: f32[T, {inputs}]) -> f32[T, {outputs}] {{ {result} }}
"""


class Estimator:
    """What Classifier and Regressor share: parameters, training, and the numbers by which columns are standardized."""

    _kind = ""
    feature_names_in_: np.ndarray

    def __init__(self, hidden: Sequence[int] = (64,), *, activation: str = "relu", epochs: int = 100, batch: int = 32,
                 lr: float = 1e-2, decay: float = 1e-4, schedule: Optional[str] = "cosine", standardize: bool = True,
                 validation: Optional[float] = None, callbacks: Any = (), model: Optional[Path] = None,
                 options: Optional[Dict[str, Any]] = None, random_state: Any = None, verbose: bool = False):
        self.hidden, self.activation, self.epochs, self.batch = hidden, activation, epochs, batch
        self.lr, self.decay, self.schedule, self.standardize = lr, decay, schedule, standardize
        self.validation, self.callbacks, self.model, self.options = validation, callbacks, model, options
        self.random_state, self.verbose = random_state, verbose

    # ---- the conventions of scikit-learn ----

    @classmethod
    def _names(cls) -> List[str]:
        return sorted(p for p in inspect.signature(cls.__init__).parameters if p != "self")

    def get_params(self, deep: bool = True) -> Dict[str, Any]:
        """The arguments of the constructor."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> "Estimator":
        """Sets arguments of the constructor; returns the estimator."""
        for name, value in params.items():
            if name not in self._names():
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}, but {', '.join(self._names())}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in inspect.signature(type(self).__init__).parameters.items()}
        given = (f"{n}={v!r}" for n, v in self.get_params().items() if repr(v) != repr(defaults[n]))
        return f"{type(self).__name__}({', '.join(given)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        return sklearn_tags(self._kind)

    @property
    def _estimator_type(self) -> str:
        return self._kind

    def _get_tags(self) -> Dict[str, Any]:  # of scikit-learn before 1.6
        return {"requires_y": True, "X_types": ["2darray"], "requires_fit": True, "non_deterministic": False,
                "poor_score": False, "no_validation": False, "multioutput": False, "multioutput_only": False,
                "allow_nan": False, "stateless": False, "multilabel": False, "binary_only": False, "pairwise": False,
                "preserves_dtype": [], "requires_positive_X": False, "requires_positive_y": False,
                "array_api_support": False, "_skip_test": False, "_xfail_checks": False}

    # ---- training ----

    def _generated(self, inputs: int, outputs: int) -> str:
        classes = self._kind == "classifier"
        hidden = [int(n) for n in ([self.hidden] if isinstance(self.hidden, (int, np.integer)) else self.hidden)]
        layers = ["x", *(f"linear({n}) |> {self.activation}" for n in hidden), f"linear({outputs})"]
        return _TEXT.format(piece=_PIECE, inputs=inputs, outputs=outputs, layers=" |> ".join(layers),
                            target=f"i32 = field({inputs})" if classes else
                            f"f32[{outputs}] = field({inputs}:{inputs + outputs})", batch=int(self.batch),
                            loss="cross_entropy(net(x), y)" if classes else "mse(net(x), y)", lr=float(self.lr),
                            schedule=f" * {self.schedule}(step / steps)" if self.schedule else "",
                            decay=float(self.decay), result="softmax(net(x))" if classes else "net(x)")

    def _compiled(self, inputs: int, outputs: int) -> Model:
        options = {"threads": 1, "fp": "strict", **(self.options or {})}
        if self.model is None:
            return compile("estimator.nn", text=self._generated(inputs, outputs), **options)
        return compile(self.model, **options)

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.default_rng().integers(2 ** 31))
        if hasattr(self.random_state, "randint"):  # a RandomState
            return int(self.random_state.randint(2 ** 31 - 1))
        return int(self.random_state)

    def _scale(self, x: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of each column; 0 and 1 of columns that are constant, or with standardize=False."""
        if not self.standardize or self.model is not None:
            return np.zeros(x.shape[1:]), np.ones(x.shape[1:])
        deviation = x.std(axis=0)
        constant = deviation <= 1e-12 * np.maximum(np.abs(x).max(axis=0), 1e-300)
        return x.mean(axis=0), np.where(constant, 1.0, deviation)

    def _train(self, x: np.ndarray, y: np.ndarray, outputs: int) -> None:
        self.mean_, self.scale_ = self._scale(x)
        self.model_ = self._compiled(x.shape[1], outputs)
        if len(self.model_.fields) == 2 and len(self.model_.fields[1].shape) == 1:
            y = y.reshape(-1)
        seed = self._seed()
        self.model_.init(seed)
        self.history_ = self.model_.fit(self._inputs(x), y, epochs=self.epochs, validation=self.validation,
                                        callbacks=self.callbacks, seed=seed, progress=bool(self.verbose))
        self.n_features_in_ = x.shape[1]

    def _inputs(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((x - self.mean_) / self.scale_, np.float32)

    def _checked(self, X: Any) -> np.ndarray:
        """The records to predict as floats."""
        check_fitted(self)
        return check_x(self, X)


class Classifier(Estimator):
    """A neural network that classifies rows of numbers: Classifier(hidden=(64,)).fit(X, y).predict(X).

    hidden: units of each hidden layer.  activation: a function of the language.  epochs, batch, lr: of AdamW, with
    weight decay `decay`; schedule: a function of step / steps in the language, or None.  standardize: columns of X have
    mean 0 and deviation 1 for the network.  validation: the part of the records held out for "val_loss" in history_,
    and callbacks, as in Model.fit.  random_state: the seed; None: a new one each time.  verbose: shows progress.
    options: of gradc.compile; by default fp="strict" and threads=1.

    model: a .nn file instead, with fields x and y (class numbers from 0) in this order and an `export def predict` that
    returns class numbers, or scores or probabilities of the classes; the arguments from hidden to standardize other
    than epochs are then the file's. For predict_proba the file has an `export def proba`, or predict returns
    probabilities.

    Fitted: classes_, model_ (a gradc.Model), history_, n_features_in_, feature_names_in_."""

    _kind = "classifier"

    def fit(self, X: Any, y: Any) -> "Classifier":
        """Trains on rows and their classes: numbers, strings, …"""
        x, labels = check_xy(self, X, y, classes=True)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        feature_names(self, X)
        self._train(x, numbers.reshape(-1).astype(np.int32), max(len(self.classes_), 1))
        return self

    def _scores(self, x: np.ndarray, export: str) -> np.ndarray:
        return np.asarray(self.model_.predict(self._inputs(x), export=export))

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row."""
        x = self._checked(X)
        found = self._scores(x, "predict")
        classes: np.ndarray = self.classes_[found if found.ndim == 1 else found.argmax(axis=1)]
        return classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of classes_."""
        x = self._checked(X)
        found = self._scores(x, "proba" if "proba" in self.model_.exports else "predict").astype(np.float64)
        if found.ndim != 2 or (found < 0).any() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
            raise AttributeError("the model's `predict` returns no probabilities, and there is no `export def proba`")
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of predict_proba."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The part of rows whose class is right."""
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))


class Regressor(Estimator):
    """A neural network that predicts numbers from rows of numbers: Regressor(hidden=(64,)).fit(X, y).predict(X). y has
    one number for each row, or a row of them. Parameters as of Classifier; standardize also concerns y.

    model: a .nn file instead, with fields x and y and an `export def predict` that returns what y is."""

    _kind = "regressor"

    def fit(self, X: Any, y: Any) -> "Regressor":
        """Trains on rows and their numbers."""
        x, values = check_xy(self, X, y, classes=False)
        feature_names(self, X)
        self._one = values.ndim == 1
        columns = values.reshape(len(values), -1)
        self.y_mean_, self.y_scale_ = self._scale(columns)
        columns = (columns - self.y_mean_) / self.y_scale_
        self._train(x, columns, columns.shape[1])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number, or the row of them, of each row."""
        x = self._checked(X)
        found = np.asarray(self.model_.predict(self._inputs(x), export="predict"), np.float64).reshape(len(x), -1)
        found = np.asarray(found * self.y_scale_ + self.y_mean_)
        return found[:, 0] if self._one else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination R²: 1 at best, 0 of the mean. Of several numbers the mean of theirs."""
        want = np.asarray(y, np.float64)
        error, w = (want - self.predict(X)) ** 2, sample_weight
        spread = (want - np.average(want, axis=0, weights=w)) ** 2
        error, spread = np.average(error, axis=0, weights=w), np.average(spread, axis=0, weights=w)
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 0, 1 - error / spread, np.where(error > 0, 0.0, 1.0))
        return float(r2.mean())
