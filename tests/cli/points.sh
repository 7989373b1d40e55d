# SPDX-License-Identifier: Apache-2.0
# Sourced by arrays.sh and jsonl.sh: one model whose records come from several sources and must train to the same
# weights.
: "${gradc:?run.sh sources this file}"
model() { # model SOURCE X Y: on standard output
  cat <<N
def net(x: f32[B, 4]) { x |> linear(3) }
use model = net()
data points {
    source = $1
    x: f32[4] = $2
    y: i32 = $3
}
train { data = points; batch = 16; steps = 7; loss = cross_entropy(model(x), y); optim = adam(lr = 0.05) }
N
}
made() { "$gradc" run "$@" --json --run-dir d --force --threads 1 2>err | hash_of; } # the hash of the weights
trained() { # trained NAME SOURCE X Y [ARGUMENTS...]: to the weights $want
  what=$1; model "$2" "$3" "$4" >t.nn; shift 4
  equal "$what" "$(made t.nn "$@")" "$want"
  ! grep -q error err && pass || fail "$what: $(head -c 300 err)"
}
