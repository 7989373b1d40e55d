#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jax_step.py WORKLOAD --threads N [--infer] [--seconds S] [--precision bf16]: one training step, or with --infer one
call with a batch of 1, in JAX, as one line of JSON, as torch_step.py has it.

One jit-compiled function with donated weights and optimizer state; images are channels-last. XLA uses the CPUs that the
process is bound to. With --precision bf16 weights and inputs are cast to bf16 inside the loss, the weights stay f32.
"""

import argparse
from functools import partial

import jax
import jax.numpy as jnp
from jax_models import workload
from measure import measure, print_row


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seconds", type=float, default=6.0, help="time to measure for (at least 3 steps)")
    p.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    p.add_argument("--infer", action="store_true", help="measure a call with a batch of 1")
    p.add_argument("--begin", type=float, default=0.0, help="when the process was started")
    return p.parse_args()


def loss_of(model, name, half):
    def cast(t):
        return jax.tree.map(lambda v: v.astype(jnp.bfloat16) if half and v.dtype == jnp.float32 else v, t)

    def loss(p, s, x, y):
        z, new = model(cast(p), s, cast(x), True)
        z = z.astype(jnp.float32)
        if name == "tiny":
            return ((z - y) ** 2).mean(), new
        z, y = z.reshape(-1, z.shape[-1]), y.reshape(-1)
        return (jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, y[:, None], -1)[:, 0]).mean(), new

    return loss


def sgd(p, g, state, lr, momentum):
    v = [momentum * b + d for b, d in zip(state, g)]
    return [w - lr * b for w, b in zip(p, v)], v


def adam(p, g, state, lr, betas, decay):
    t, m, v = state
    t = t + 1
    m = [betas[0] * a + (1 - betas[0]) * d for a, d in zip(m, g)]
    v = [betas[1] * a + (1 - betas[1]) * d * d for a, d in zip(v, g)]
    c, e = 1 - betas[0] ** t, 1 - betas[1] ** t
    new = [w - lr * (decay * w + a / c / (jnp.sqrt(b / e) + 1e-8)) for w, a, b in zip(p, m, v)]
    return new, (t, m, v)


def make_step(name, half):
    model, p, s, x, y, (kind, args) = workload(name)
    zero = [jnp.zeros_like(w) for w in p]
    state = zero if kind == "sgd" else (jnp.float32(0), zero, [jnp.zeros_like(w) for w in p])
    update, loss = partial({"sgd": sgd, "adam": adam}[kind], **args), loss_of(model, name, half)

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(p, s, state, x, y):
        (l, s), g = jax.value_and_grad(loss, has_aux=True)(p, s, x, y)
        p, state = update(p, g, state)
        return p, s, state, l

    x, y, now = jnp.asarray(x), jnp.asarray(y), [jax.device_put(p), jax.device_put(s), state]

    def once():
        *now[:], l = step(*now, x, y)
        jax.block_until_ready((now, l))

    return once


def make_call(name):
    model, p, s, x, _, _ = workload(name)

    @jax.jit
    def call(p, s, x):
        z = model(p, s, x, False)[0]
        return z if name == "tiny" else (z[:, -1] if name.startswith("gpt") else z).argmax(-1)

    p, s, x = jax.device_put(p), jax.device_put(s), jnp.asarray(x[:1])
    return lambda: call(p, s, x).block_until_ready()


def main():
    a = arguments()
    step = make_call(a.workload) if a.infer else make_step(a.workload, a.precision == "bf16")
    times, first = measure(step, a.seconds)
    print_row(times, first - a.begin if a.begin else 0, a.threads)


if __name__ == "__main__":
    main()
