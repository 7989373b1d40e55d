# SPDX-License-Identifier: Apache-2.0
"""The model of the tests, and their arguments: GRADC FOLDER [full]."""
import os
import sys

gradc, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
full = "full" in sys.argv[3:]
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

MODEL = """# a model
const WIDE = 64
dim T <= 32

# Two layers.
# The second is small.
def mlp(x: f32[B, 8], hidden: int = WIDE, act: fn = relu) -> f32[B, 3] {
    h = x |> linear(hidden) |> act
    param scale: f32[3] = 1
    (h |> linear(3)) * scale
}

use net = mlp(hidden = 2 * WIDE)

data points {
    source = csv("points.csv"); holdout = 0.2
    x: f32[8] = field(0:8)
    y: i32 = field(8)
}

train {
    data = points; batch = 4; epochs = 2
    loss = cross_entropy(net(x), y)
    optim = adamw(lr = 1e-3 * cosine(step / steps))
    metric.acc = mean(argmax(net(x)) == y)
}

export def classify(q: f32[T, 8]) -> i32[T] { argmax(net(q)) }

test "\U0001F600 einsum é" { s = "\U0001F600"; assert s == "\U0001F600" and sum(net(ones(2, 8))) < inf }
"""


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path
