# SPDX-License-Identifier: Apache-2.0
"""What estimators accept, with the errors that scikit-learn's conventions ask for."""
from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, Tuple

import numpy as np

if TYPE_CHECKING:
    from .estimators import Estimator


class NotFittedError(ValueError, AttributeError):
    """fit() comes first."""


def _sklearn(module: str, name: str) -> Any:
    """A class of scikit-learn, if the program uses it."""
    return getattr(sys.modules.get("sklearn." + module), name, None) if "sklearn" in sys.modules else None


def check_fitted(e: "Estimator") -> None:
    if not hasattr(e, "model_"):
        kind = _sklearn("exceptions", "NotFittedError") or NotFittedError
        raise kind(f"this {type(e).__name__} is not fitted: call fit() first")


def _numbers(X: Any, name: str) -> np.ndarray:
    """An array of float64 of finite numbers."""
    if hasattr(X, "tocsr") or hasattr(X, "todense"):
        raise TypeError(f"{name} is a sparse matrix, and dense data is required: use {name}.toarray()")
    a = np.asarray(X)
    if a.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} is {a.dtype}")
    if a.dtype.kind not in "biuf":
        try:
            a = a.astype(np.float64)
        except TypeError as e:
            raise TypeError(f"{name} must be numbers; argument must be a string or a real number: {e}") from None
        except ValueError as e:
            raise ValueError(f"{name} must be numbers: {e}") from None
    a = a.astype(np.float64)
    if not np.isfinite(a).all():
        what = "NaN" if np.isnan(a).any() else "infinity"
        raise ValueError(f"{name} contains {what}: Input must be finite (NaN or inf)")
    return a


def _table(X: Any) -> np.ndarray:
    a = _numbers(X, "X")
    if a.ndim != 2:
        raise ValueError(f"Expected 2D array, got {a.ndim}D array instead: X has rows of features. Reshape your data: "
                         "X.reshape(-1, 1) has one feature, X.reshape(1, -1) is one row")
    if a.shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={a.shape}) while a minimum of 1 is required.")
    if a.shape[1] == 0:
        raise ValueError(f"Found array with 0 feature(s) (shape={a.shape}) while a minimum of 1 is required.")
    return a


def _names_of(X: Any) -> Any:
    """Names of the columns of a data frame, if all are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(c, str) for c in columns):
        return None
    return np.asarray(columns, dtype=object)


def feature_names(e: "Estimator", X: Any) -> None:
    """Keeps the names of columns of a data frame as feature_names_in_."""
    names = _names_of(X)
    if names is not None:
        e.feature_names_in_ = names
    elif hasattr(e, "feature_names_in_"):
        del e.feature_names_in_


def _same_names(e: "Estimator", X: Any) -> None:
    given, known, who = _names_of(X), getattr(e, "feature_names_in_", None), type(e).__name__
    if given is None and known is not None:
        warnings.warn(f"X does not have valid feature names, but {who} was fitted with feature names", stacklevel=4)
    if given is not None and known is None:
        warnings.warn(f"X has feature names, but {who} was fitted without feature names", stacklevel=4)
    if given is None or known is None or np.array_equal(given, known):
        return
    words = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
    if unseen:
        words += "Feature names unseen at fit time:\n" + "".join(f"- {n}\n" for n in unseen[:5])
    if missing:
        words += "Feature names seen at fit time, yet now missing:\n" + "".join(f"- {n}\n" for n in missing[:5])
    if not unseen and not missing:
        words += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(words)


def check_x(e: "Estimator", X: Any) -> np.ndarray:
    """Records to predict."""
    _same_names(e, X)
    a = _table(X)
    if a.shape[1] != e.n_features_in_:
        raise ValueError(f"X has {a.shape[1]} features, but {type(e).__name__} is expecting {e.n_features_in_} "
                         "features as input")
    return a


def _labels(y: Any) -> np.ndarray:
    a = np.asarray(y)
    if a.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: y is {a.dtype}")
    if a.dtype.kind == "f":
        _numbers(a, "y")
        if (a != np.floor(a)).any():
            raise ValueError("Unknown label type: continuous. y has fractions, and a classifier takes classes")
    return a


def check_xy(e: "Estimator", X: Any, y: Any, classes: bool) -> Tuple[np.ndarray, np.ndarray]:
    """Records to train on: X as float64, and y."""
    if y is None:
        raise ValueError(f"{type(e).__name__} requires y to be passed, but the target y is None")
    a, b = _table(X), _labels(y) if classes else _numbers(y, "y")
    if b.ndim == 2 and b.shape[1] == 1:
        kind = _sklearn("exceptions", "DataConversionWarning") or UserWarning
        warnings.warn("A column-vector y was passed when a 1d array was expected: use y.ravel()", kind, stacklevel=3)
        b = b.ravel()
    if b.ndim != 1 and (classes or b.ndim != 2):
        raise ValueError(f"y should be a 1d array, got an array of shape {b.shape} instead")
    if len(b) != len(a):
        raise ValueError(f"Found input variables with inconsistent numbers of samples: X has {len(a)}, y has {len(b)}")
    return a, b


def sklearn_tags(kind: str) -> Any:
    """Tags for scikit-learn 1.6 or newer, which calls for them."""
    from sklearn.utils import (ClassifierTags, InputTags, RegressorTags,  # type: ignore[import, unused-ignore]
                               Tags, TargetTags)
    return Tags(estimator_type=kind, target_tags=TargetTags(required=True, multi_output=kind == "regressor",
                                                            single_output=True),
                transformer_tags=None, input_tags=InputTags(two_d_array=True, sparse=False),
                classifier_tags=ClassifierTags() if kind == "classifier" else None,
                regressor_tags=RegressorTags() if kind == "regressor" else None)
