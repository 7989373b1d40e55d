# SPDX-License-Identifier: Apache-2.0
# `gradc run --init` of trained weights under other names: a renamed instance, a base of LoRA, a new head. Sourced by
# run.sh.
: "${tmp:?run.sh sources this file}"
cat >base.nn <<'N'
def net(x: f32[B, 2]) { x |> linear(16) |> tanh |> linear(1) }
use model = net()
data points { source = uniform(n = 1000, lo = [-1, -1], hi = [1, 1]); x: f32[2] = field(0) }
train { data = points; batch = 50; steps = 20; seed = 3; optim = adam(lr = 1e-2)
        loss = mse(model(x), x[:, 0:1] * x[:, 1:2]) }
N
sed 's/model/other/' base.nn >renamed.nn
cat >lora.nn <<'N'
def lora(x: f32[B, I], out: int, r: int = 2) {
    @freeze
    y = x |> linear(out)
    param a: f32[I, r] = normal(0.1)
    param b: f32[r, out] = 0
    y + x @ a @ b
}
def net(x: f32[B, 2]) { x |> lora(16) |> tanh |> lora(1) }
use model = net()
N
sed -n '3,$p' base.nn >>lora.nn
sed 's/linear(1) }/linear(3) }/; s/mse(model(x), /mse(model(x)[:, 0:1], /' base.nn >head.nn
init_run() { # init_run MODEL OPTIONS…: one step from the weights of base
  model=$1; shift
  "$gradc" run "$model" --steps 1 --json --run-dir "init_$model" --force --init init_base/weights.safetensors "$@" \
    >out 2>err || fail "run $model $*: $(cat err)"
}
first_loss() { sed -n 's/.*"step":1,"loss":\([^,}]*\).*/\1/p' out; }
expect 0 '' run base.nn --run-dir init_base
init_run base.nn; want=$(first_loss)
[ -n "$want" ] && pass || fail "no loss: $(cat out)"
init_run renamed.nn --init-map model=other
equal 'a renamed instance' "$(first_loss)" "$want"
init_run lora.nn --partial --init-map model.linear_1=model.lora_1.linear --init-map model.linear_2=model.lora_2.linear
equal 'the base of LoRA' "$(first_loss)" "$want"
added='"model.lora_1.a","model.lora_1.b","model.lora_2.a","model.lora_2.b"'
equal 'the base of LoRA' "$(head -n 1 out)" "{\"event\":\"init\",\"read\":4,\"initial\":[$added],\"left_over\":[]}"
init_run head.nn --partial --init-map model.linear_2=
initial='"model.linear_2.w","model.linear_2.b"' left='"model.linear_2.b","model.linear_2.w"'
equal 'a new head' "$(head -n 1 out)" "{\"event\":\"init\",\"read\":2,\"initial\":[$initial],\"left_over\":[$left]}"
expect 4 'E0641.*`model.linear_2.b` is f32\[1\] in the file, the model has f32\[3\]' \
  run head.nn --steps 1 --run-dir init_none --partial --init init_base/weights.safetensors
expect 2 'E0601.*--partial belongs to --init' run head.nn --steps 1 --run-dir init_none --partial
