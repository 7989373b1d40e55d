# SPDX-License-Identifier: Apache-2.0
"""Weights under the names and in the layouts of PyTorch."""
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

if TYPE_CHECKING:
    from .model import Model

Target = Union[str, Tuple[str, Union[str, Sequence[int]]]]
Axes = Optional[Tuple[int, ...]]


class Keys(NamedTuple):
    """What load_state_dict did not read: of the model, and of the dict."""
    missing_keys: List[str]
    unexpected_keys: List[str]


_SCALED: Dict[str, Tuple[str, Axes]] = {"g": ("weight", None), "b": ("bias", None)}
_SAME: Dict[str, Tuple[str, Axes]] = {"w": ("weight", None), "b": ("bias", None)}
# By the layers of std/: their tensors, the names in PyTorch and the axes there of those here.
_LAYERS: Dict[str, Dict[str, Tuple[str, Axes]]] = {
    "linear": {"w": ("weight", (1, 0)), "b": ("bias", None)},
    "batchnorm": {**_SCALED, "mu": ("running_mean", None), "var": ("running_var", None)},
    "prelu": {"a": ("weight", None)},
    **{name: _SCALED for name in ("layernorm", "rmsnorm", "groupnorm", "instancenorm")},
    **{name: _SAME for name in ("conv1d", "conv2d", "conv3d", "causal_conv1d", "depthwise_conv2d", "conv_transpose1d",
                                "conv_transpose2d", "conv_transpose3d", "embedding", "embedding_bag", "bilinear")},
}


def _renamed(name: str, map: Mapping[str, Target]) -> Tuple[str, Axes]:
    """The name and the axes of a tensor there. The longest prefix in the map counts; "net.linear_1" is a linear by its
    own name, unless the map says ("fc", "linear")."""
    module, _, leaf = name.rpartition(".")
    fits = [p for p in map if p in ("", name) or name.startswith(p + ".")]
    prefix = max(fits, key=len, default=None)
    target = map[prefix] if prefix is not None else ""
    to, how = (target, None) if isinstance(target, str) else target
    if prefix == name:
        return to, None if how is None or isinstance(how, str) else tuple(how)
    layer = how if isinstance(how, str) and prefix == module else re.sub(r"_\d+$", "", module.rpartition(".")[2])
    there, axes = _LAYERS.get(layer, {}).get(leaf, (leaf, None))
    rest = module[len(prefix):].strip(".") if prefix is not None else module
    return ".".join(part for part in (to, rest, there) if part), axes


def _names(model: "Model", map: Optional[Mapping[str, Target]]) -> Dict[str, Tuple[str, Axes]]:
    names = [n for n in model.weights if model.weights.tensor(n).kind != "optimizer"]
    found = {n: _renamed(n, map) if map is not None else (n, None) for n in names}
    of: Dict[str, str] = {}
    for name, (to, _) in found.items():
        if to in of:
            raise ValueError(f"`{of[to]}` and `{name}` would both be `{to}`")
        of[to] = name
    for prefix in map or {}:
        if not any(prefix in ("", n) or n.startswith(prefix + ".") for n in names):
            raise ValueError(f"the model has no weight {prefix!r}, nor any below it")
    return found


def state_dict(model: "Model", map: Optional[Mapping[str, Target]]) -> Dict[str, np.ndarray]:
    """Model.state_dict, which says what it does."""
    state = {}
    for name, (to, axes) in _names(model, map).items():
        a = model.weights[name]
        state[to] = a if axes is None else np.ascontiguousarray(a.transpose(axes))
    return state


def _here(value: Any, axes: Axes) -> Any:
    """A value of the dict in the axes of the model."""
    value = value.detach() if hasattr(value, "detach") else value
    if axes is None:
        return value
    back = tuple(int(i) for i in np.argsort(axes))
    return value.permute(*back) if hasattr(value, "permute") else np.asarray(value).transpose(back)


def load_state_dict(model: "Model", state: Mapping[str, Any], map: Optional[Mapping[str, Target]],
                    strict: bool) -> Keys:
    """Model.load_state_dict, which says what it does."""
    names = _names(model, map)
    there = {to for to, _ in names.values()}
    missing = [to for to, _ in names.values() if to not in state]
    unexpected = [k for k in state if k not in there and k.rpartition(".")[2] != "num_batches_tracked"]
    if strict and (missing or unexpected):
        raise ValueError("; ".join(f"keys {what}: {', '.join(keys)}" for what, keys in
                                 (("missing", missing), ("unexpected", unexpected)) if keys))
    values = {}
    for name, (to, axes) in names.items():
        if to not in state:
            continue
        shape, want = tuple(np.shape(state[to])), tuple(model.weights.tensor(name).shape)
        there_shape = want if axes is None else tuple(want[i] for i in axes)
        if shape != there_shape:
            raise ValueError(f"`{to}` has the shape {list(shape)}; `{name}` takes {list(there_shape)}")
        values[name] = _here(state[to], axes)
    for name, value in values.items():
        model.weights[name] = value
    return Keys(missing, unexpected)
