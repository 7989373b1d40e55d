# SPDX-License-Identifier: Apache-2.0
# The live line on terminals of many widths, and colour. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >m.nn <<'N'
def net(x: f32[B, 4]) { x |> linear(64) |> tanh |> linear(64) |> tanh |> linear(3) }
use model = net()
data points {
    source = uniform(4000, 0, 1, columns = 4); holdout = 0.2
    x: f32[4] = field(0)
    y: i32 = i32(2 * sum(field(0)) / 4)
}
train {
    data = points; batch = 16; epochs = 100000
    loss = cross_entropy(model(x), y); optim = adam(lr = 1e-4)
    metric.acc = mean(argmax(model(x)) == y)
    metric.second_metric = mean(model(x))
}
N
expect 0 '' build m.nn -o m
# shellcheck disable=SC2046  # a flag or none
tally terminal python3 -B "$here/terminal.py" "$gradc" ./m $(full && echo full)
