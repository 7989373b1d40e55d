# SPDX-License-Identifier: Apache-2.0
"""How far single precision may be from float64, found by rounding every operation of PyTorch at random.

`Rounded` runs a program in float64, but multiplies each operand and each result of every operation that rounds by 1 + d,
with random |d| <= u for each element: forward and backward, since autograd's operations pass through it too. What moves in
the results is the first-order effect of rounding each operation once: condition, cancellation and all. `bounds` takes
the largest of several such runs, times SAFETY, and adds SAFETY units in the last place.

`Changed` multiplies the result of one operation by 1 + c: a wrong term. A bound that lets it pass is too loose to be
of use; make_programs.py counts those.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

UNIT = {"f32": 2.0**-24, "f64": 2.0**-24, "bf16": 2.0**-8, "f16": 2.0**-11}
SAMPLES, SAFETY = 24, 4.0

# Operations that move, choose or compare values: they do not round.
EXACT = set(
    """abs neg sign relu floor ceil round trunc clamp clamp_min clamp_max maximum minimum amax amin max min argmax argmin
    where masked_fill threshold_backward hardtanh hardtanh_backward eq ne lt le gt ge logical_and logical_or logical_not
    bitwise_and bitwise_or bitwise_not isnan any all fill copy clone cat stack flip gather index index_select embedding
    slice_backward select_backward as_strided constant_pad_nd pad tril triu arange zeros ones full zeros_like ones_like
    full_like empty_like empty new_zeros new_empty new_full new_empty_strided eye scalar_tensor lift_fresh _to_copy
    max_pool2d_with_indices max_pool2d_with_indices_backward value_selecting_reduction_backward sort topk cummax
    im2col _unsafe_view _reshape_alias unfold_backward nll_loss_forward nll_loss_backward zero set rand randn
    masked_scatter resolve_conj scatter broadcast_tensors _local_scalar_dense native_dropout is_same_size equal
    _efficientzerotensor remainder fmod floor_divide threshold hardshrink hardshrink_backward softshrink_backward
    multilabel_margin_loss_forward multilabel_margin_loss_backward """.split()
)
# Operations that compare their operand with a bound of their own: only their results are rounded.
STEPPED = set(
    """hardsigmoid hardsigmoid_backward hardswish hardswish_backward softshrink binary_cross_entropy
    binary_cross_entropy_backward""".split()
)


# Batch norms, whose schema does not say that they write their operands 3 and 4.
RUNNING = {"native_batch_norm", "_batch_norm_impl_index", "batch_norm", "_native_batch_norm_legit"}
watched = True  # False: what runs now is not of the program (its weighted loss)


class Rounded(TorchDispatchMode):
    def __init__(self, seed, unit):
        super().__init__()
        self.unit, self.rng = unit, torch.Generator().manual_seed(seed)

    def off(self, t):
        if not isinstance(t, torch.Tensor) or not t.is_floating_point():
            return t
        return t * (1 + self.unit * (2 * torch.rand(t.shape, generator=self.rng, dtype=t.dtype) - 1))

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.split("::")[1]
        plain = name.rstrip("_") if not name.startswith("_") else name
        if func.is_view or plain in EXACT or not watched:
            return func(*args, **(kwargs or {}))
        schema = func._schema.arguments
        written = [a.alias_info is not None and a.alias_info.is_write for a in schema]
        if plain in RUNNING:
            written[3:5] = [True, True]
        if plain not in STEPPED:
            args = [a if w else self.operand(a) for a, w in zip(args, written)]
        out = func(*args, **(kwargs or {}))
        if name.endswith("_"):
            return out.copy_(self.off(out)) if isinstance(out, torch.Tensor) and out.is_floating_point() else out
        return type(out)(self.off(t) for t in out) if isinstance(out, (tuple, list)) else self.off(out)

    def operand(self, a):
        return [self.off(t) for t in a] if isinstance(a, (list, tuple)) else self.off(a)


class Changed(TorchDispatchMode):
    """Scales the result of the `which`-th operation that rounds by 1 + change; counts them, and names the one."""

    def __init__(self, which, change):
        super().__init__()
        self.which, self.change, self.count, self.name = which, change, 0, None

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func._schema.name.split("::")[1]
        if func.is_view or name.rstrip("_") in EXACT or name.endswith("_") or not watched:
            return out
        first = out[0] if isinstance(out, (tuple, list)) else out
        if isinstance(first, torch.Tensor) and first.is_floating_point() and first.numel():
            if self.count == self.which:
                self.name = name
                first = first * (1 + self.change)
                out = type(out)([first, *out[1:]]) if isinstance(out, (tuple, list)) else first
            self.count += 1
        return out


def bounds(run, want, unit, floor, samples=SAMPLES):
    """A bound for each element of each tensor of `want`, which run() gives without rounding. floor: the least one."""
    most = [torch.zeros(w.shape, dtype=torch.float64) for w in want]
    for seed in range(samples):
        with Rounded(seed, unit):
            got = run()
        for m, w, g in zip(most, want, got):
            if w.is_floating_point():
                d = (g.double() - w.double()).abs()
                m.copy_(torch.maximum(m, torch.where(d.isfinite(), d, 0)))
    return [
        (
            torch.where(w.double().isfinite(), SAFETY * (m + unit * w.double().abs()) + floor, 0)
            if w.is_floating_point()
            else None
        )
        for w, m in zip(want, most)
    ]
