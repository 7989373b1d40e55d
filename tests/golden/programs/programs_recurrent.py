# SPDX-License-Identifier: Apache-2.0
"""Scans with outputs of their own and last carries; recurrent layers against nn.RNN, GRU, LSTM."""

import torch

from program import Layer, Program
from values import RNG, rand

T = torch
RNG.seed("recurrent")
FLAT = """def flat(l: any) {
    y = reshape(l[0], [-1])
    for i in 1..len(l) { y = concat([y, reshape(l[i], [-1])], axis = 0) }
    y
}
"""


def program(name, lines, outs, fn, **kw):
    return Program("recurrent_" + name, lines, outs, fn, file="recurrent", **kw)


def flat(tensors):
    return T.cat([t.flatten() for t in tensors])


# ---- scan -----------------------------------------------------------------------------------------------------------

STEPS = """def count_up(x: f32[...], y: f32[...], h: f32[...], n: i32) {
    h = 0.5 * h * y + x
    [h * y, tanh(h) - x, h, n + 1]
}
def mix(x: f32[B], h: f32[B], c: f32[B]) { [sin(c) * x, h * 0.5 + x, c - 0.25 * h * c] }
def within(x: f32, h: f32) { [x * h, h + 0.5 * x * x] }
def rows(x: f32[T], h: f32) { y, h = scan(x, 0, within, h, states = true); [y, h] }
def add_to(x: f32[...], h: f32[...]) { 0.5 * h + x }
"""


def scanned(rows, step, carry):
    """Stacked outputs of step(row, *carry) -> (outputs, carries), and the last carries."""
    outs = []
    for row in rows:
        out, carry = step(row, *carry)
        outs.append(out)
    return [T.stack(o) for o in zip(*outs)], carry


def several(v):
    def step(xy, h, n):
        h = 0.5 * h * xy[1] + xy[0]
        return (h * xy[1], T.tanh(h) - xy[0]), (h, n + 1)

    (a, b), (h, n) = scanned(list(zip(v["x"].unbind(1), v["y"].unbind(1))), step, (v["h"], T.tensor(3)))
    return a.movedim(0, 1), b.movedim(0, 1), h, n


program("several", "a, b, k, n = scan([x, y], 1, count_up, [h, i32(3)], states = true)", ["a", "b", "k", "n"], several,
        helpers=[STEPS], x=rand(2, 5, 3), y=rand(2, 5, 3), h=rand(2, 3))  # fmt: skip


def mixed(v):
    def step(x, h, c):
        return (T.sin(c) * x,), (h * 0.5 + x, c - 0.25 * h * c)

    (y,), (h, c) = scanned(v["x"].unbind(1)[::-1], step, (v["h"], v["c"]))
    return y.flip(0).T, h, c


program("reverse", "y, a, b = scan(x, 1, mix, [h, c], reverse = true, states = true)", ["y", "a", "b"], mixed,
        x=rand(3, 4), h=rand(3), c=rand(3))  # fmt: skip
program("outputs_alone", "", "scan(x, 1, mix, [h, c], true)", lambda v: mixed(v)[0], x=rand(2, 3), h=rand(2), c=rand(2))
program("carries_alone", "_, a, b = scan(x, 1, mix, [h, c], true, true)", ["a", "b"], lambda v: mixed(v)[1:],
        x=rand(2, 3), h=rand(2), c=rand(2))  # fmt: skip


def nested(v):
    def within(x, h):
        return (x * h,), (h + 0.5 * x * x,)

    def rows(x, h):
        (y,), (h,) = scanned(x.unbind(0), within, (h,))
        return (y,), (h,)

    (y,), (h,) = scanned(v["x"].unbind(0), rows, (v["h"],))
    return y, h


NESTED = "y, k = scan(x, 0, rows, h, states = true)"
program("nested", NESTED, ["y", "k"], nested, x=rand(3, 4), h=rand(1)[0])
program("nested_twice", NESTED, ["y", "k"], nested, x=rand(2, 3), h=rand(1)[0],
        more=[("grad(grad(l, x) * x, x)", lambda v, o, l: T.autograd.grad((T.autograd.grad(l, v["x"], create_graph=True)[0] * v["x"]).sum(), v["x"])[0])])  # fmt: skip
program("one", "y, k = scan(x, 0, add_to, h, states = true)", ["y", "k"], lambda v: (h := 0.5 * v["h"] + v["x"][0], (h[None], h))[1],
        x=rand(1, 2), h=rand(2))  # fmt: skip
program("none", "y, k = scan(x, 0, add_to, h, states = true)", ["y", "k"], lambda v: (v["x"] * 1, v["h"] * 1), known="nothing in it",
        x=rand(0, 2), h=rand(2))  # fmt: skip

# ---- cells ----------------------------------------------------------------------------------------------------------


def eye(v):
    return T.eye(v["z"].shape[1], dtype=v["z"].dtype)


for name, b, h in [("cells", 2, 3), ("cells_one", 1, 1)]:
    program(name, "a = gru_cell(z, h, w, bh)", ["a", "rnn_cell(h, c, u)", "rnn_cell(h, c, u, relu)"],
            lambda v: (T.gru_cell(v["z"], v["h"], eye(v), v["w"].T, T.zeros_like(v["bh"]), v["bh"]),
                       T.rnn_tanh_cell(v["h"], v["c"], T.eye(v["h"].shape[1], dtype=v["h"].dtype), v["u"].T),
                       T.rnn_relu_cell(v["h"], v["c"], T.eye(v["h"].shape[1], dtype=v["h"].dtype), v["u"].T)),
            z=rand(b, 3 * h), h=rand(b, h), c=rand(b, h), w=rand(h, 3 * h), u=rand(h, h), bh=rand(3 * h))  # fmt: skip
    program("lstm_" + name, "a, b = lstm_cell(z, h, c, w)", ["a", "b"],
            lambda v: T.lstm_cell(v["z"], (v["h"], v["c"]), eye(v), v["w"].T, T.zeros_like(v["z"][0]), T.zeros_like(v["z"][0])),
            z=rand(b, 4 * h), h=rand(b, h), c=rand(b, h), w=rand(h, 4 * h))  # fmt: skip

# ---- layers ---------------------------------------------------------------------------------------------------------

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
MODULE = {"rnn": T.nn.RNN, "gru": T.nn.GRU, "lstm": T.nn.LSTM}


def run(v, kind, i, hidden, layers, both, act, p):
    """PyTorch's module over the weights of the layer: outputs and last states."""
    prefix = lambda k: kind + "." if layers * (1 + both) == 1 else f"{kind}.{kind}_{k + 1}."  # noqa: E731
    more = {"nonlinearity": act} if kind == "rnn" else {}
    module = MODULE[kind](i, hidden, layers, batch_first=True, bidirectional=both, dropout=p, **more).to(v["x"].dtype)
    weights, x = {}, v["x"]
    for k in range(layers * (1 + both)):
        at, to = prefix(k), f"_l{k // (1 + both)}{'_reverse' if both and k % 2 else ''}"
        weights |= {"weight_ih" + to: v[at + "wx"].T, "weight_hh" + to: v[at + "wh"].T, "bias_ih" + to: v[at + "b"]}
        weights["bias_hh" + to] = v[at + "bh"] if kind == "gru" else T.zeros_like(v[at + "b"])
    state = [v[s] if v[s].dim() == 3 else v[s][None] for s in ("h", "c") if s in v]
    if state and kind == "lstm" and len(state) == 1:
        state.append(T.zeros_like(state[0]))
    args = [tuple(state) if kind == "lstm" else state[0]] if state else []
    if "n" in v:
        x = T.nn.utils.rnn.pack_padded_sequence(x, v["n"], batch_first=True, enforce_sorted=False)
    y, s = T.func.functional_call(module, weights, (x, *args))
    if "n" in v:
        y, _ = T.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=v["x"].shape[1])
    return [y, *(s if kind == "lstm" else [s])]


def layer(name, kind, b, t, i, hidden, args="", layers=1, both=False, act="tanh", p=0.0, backwards=False, states=False, **inputs):
    passes, g = layers * (1 + both), GATES[kind]
    weights = {}
    for k in range(passes):
        at = kind + "." if passes == 1 else f"{kind}.{kind}_{k + 1}."
        width = i if k < 1 + both else hidden * (1 + both)
        low = 0.125 if act == "relu" else -1  # relu: most are above 0
        weights |= {at + "wx": rand(width, g * hidden, lo=low, hi=1), at + "wh": rand(hidden, g * hidden, lo=low, hi=1)}
        weights |= {at + n: rand(g * hidden, lo=low, hi=1) for n in (["b", "bh"] if kind == "gru" else ["b"])}

    def fn(v):
        u = v | {"x": v["x"].flip(1)} if backwards else v
        out = run(u, kind, i, hidden, layers, both, act, p)
        out[0] = out[0].flip(1) if backwards else out[0]
        out = [out[0], *(s[0] if passes == 1 else s for s in out[1:])]
        return flat(out) if states else out[0]

    call = f"{kind}(x, {hidden}{args}{', states = true' if states else ''})"
    made = Layer(f"{kind}_{name}", f"flat({call})" if states else call, fn, weights, file="layers_recurrent", known="seen in the cells",
                 x=rand(b, t, i), **inputs)  # fmt: skip
    made.helpers = [FLAT] if states else []


layer("plain", "rnn", 2, 4, 2, 3)
layer("relu", "rnn", 1, 3, 2, 2, ", act = relu, h = h", act="relu", h=rand(1, 2))
layer("reverse", "rnn", 2, 3, 1, 2, ", reverse = true, h = h", backwards=True, states=True, h=rand(2, 2))
layer("deep", "rnn", 2, 3, 2, 2, ", relu, layers = 3, h = h", layers=3, act="relu", states=True, h=rand(3, 2, 2))
layer("one", "gru", 1, 1, 1, 1, states=True)
layer("plain", "gru", 2, 4, 2, 3, ", h = h", h=rand(2, 3))
layer("reverse", "gru", 1, 3, 2, 2, ", true", backwards=True, states=True)
layer("lengths", "gru", 3, 4, 2, 2, ", lengths = n, h = h", states=True, h=rand(3, 2), n=T.tensor([2, 4, 1]))
layer("both", "gru", 2, 3, 2, 2, ", bidirectional = true, lengths = n", both=True, states=True, n=T.tensor([3, 1]))
layer("states", "lstm", 2, 3, 2, 3, ", h = h, c = c", states=True, h=rand(2, 3), c=rand(2, 3))
layer("half", "lstm", 2, 2, 2, 2, ", h = h", h=rand(2, 2))
layer("both", "lstm", 2, 3, 2, 2, ", bidirectional = true", both=True)
layer("lengths", "lstm", 3, 4, 1, 2, ", lengths = n", n=T.tensor([4, 1, 3]))
layer("all", "lstm", 2, 4, 2, 2, ", layers = 2, bidirectional = true, h = h, c = c, lengths = n", layers=2, both=True, states=True,
      h=rand(4, 2, 2), c=rand(4, 2, 2), n=T.tensor([2, 4]))  # fmt: skip
layer("dropped", "lstm", 2, 2, 2, 2, ", layers = 2, p = 1", layers=2, p=1.0)
