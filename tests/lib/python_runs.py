# SPDX-License-Identifier: Apache-2.0
"""The figures of the training binary through the Python package: validations, plans, checkpoints. python_runs.py
FOLDER"""
import json
import os
import subprocess
import sys

import numpy as np

import gradc
from python_suite import OPTIONS, check, end


def validation():
    """The validations, the early stop and the best step of `gradc run`, also by a checkpoint from between them."""
    text = ("use net = linear(1)\nuse factor = plateau(factor = 0.5, patience = 1)\n"
            "data p { source = uniform(n = 40, lo = [0], hi = [1]); holdout = 0.2; x: f32[1] = field(0) }\n"
            "data v { source = uniform(n = 9, lo = [0], hi = [2]); x: f32[1] = field(0) }\n"
            "train { data = p; batch = 4; epochs = 9; seed = 5; save = best(loss); early_stop = patience(3); OTHER\n"
            "        optim = sgd(lr = 0.05 * factor(validate.loss)); metric.far = max(abs(net(x) - x))\n"
            "        loss = mse(net(x), x) + (step / 4) * 0.15 * mean(net(x) ** 2) }\n")
    for other in ("", "validate.data = v; validate = every(7)"):
        with open("early.nn", "w") as f:
            f.write(text.replace("OTHER", other))
        subprocess.run([os.environ["GRADC"], "run", "early.nn", "--fp=strict", "--run-dir", "early", "--force"],
                       check=True, capture_output=True)
        with open("early/metrics.jsonl") as f:
            events = [json.loads(line) for line in f]
        want = [{k: v if k == "step" else np.float32(v) for k, v in e.items() if k != "event"}
                for e in events if e["event"] == "validate"]
        done = events[-1]
        check(done.get("early_stop") and len(want) > 3, f"{other}: {done}")
        with gradc.compile("early.nn", **OPTIONS) as m, m.data() as d:
            got, best = [], 0
            for _ in m.train(data=d):
                if m.validation and m.validation["step"] == m.steps:
                    got.append(m.validation)
                    best = m.steps if m.best_step == m.steps else best
                if len(got) == 2 and m.validation["step"] + 2 == m.steps:
                    m.save_checkpoint("between.safetensors")
            check(got == want, f"{other}: {got}, not {want}")
            check(m.stops_early and m.steps == done["steps"], f"{other}: {m.steps}, {done}")
            check(best == done["best_step"], f"{other}: the best step is {best}, {done}")
            last = m.weights_hash
        with gradc.compile("early.nn", **OPTIONS) as m, m.data() as d:
            m.load_checkpoint("between.safetensors")
            check(list(m.train(data=d)) and m.stops_early, f"{other}: gone on with: {m.steps}")
            check(m.weights_hash == last, f"{other}: other weights when gone on with")
            m.init(5)
            check(m.validation is None and m.best_step == 0 and not m.stops_early, f"{other}: after init")
    with gradc.compile("early.nn", text=text.replace("holdout = 0.2; ", "").replace("save = best(loss)", "keep = 2")
                       .replace("early_stop = patience(3); OTHER", "").replace(" * factor(validate.loss)", ""),
                       **OPTIONS) as m, m.data() as d:
        check(len(list(m.train(epochs=1, data=d))) == 10 and m.validation is None, "validates without a hold-out")
        try:
            m.validate(d)
            check(False, "validate without a hold-out")
        except gradc.CallError as e:
            check("nothing to validate on" in str(e), f"validate without a hold-out: {e}")


def runs():
    """The figures of the training binary: at the end of a training, with its checkpoint loaded, and gone on with."""
    def command(*args):
        return subprocess.run(args, check=True, capture_output=True, text=True).stdout.splitlines()[-1:]
    for plan in ("steps = 20", "epochs = 3", "steps = 9; accumulate = 2"):
        text = ("use net = linear(1)\n"
                "data p { source = uniform(n = 40, lo = [0], hi = [1]); holdout = 0.2; x: f32[1] = field(0) }\n"
                f"train {{ data = p; batch = 4; {plan}; seed = 5; save = every(4)\n"
                "        optim = sgd(lr = 0.05 * cosine(step / steps))\n"
                "        loss = mse(net(x), x) + (step / 4) * 0.1 * mean(net(x) ** 2) + epoch * 0.01\n"
                "        metric.rate = cosine(step / steps); metric.epoch = epoch + 0 * loss }\n")
        with open("plan.nn", "w") as f:
            f.write(text)
        command(os.environ["GRADC"], "build", "plan.nn", "--fp=strict", "-o", "plan")
        done = json.loads(command("./plan", "train", "--json", "--run-dir", "whole", "--force")[0])
        command("./plan", "train", "--json", "--run-dir", "part", "--force", "--stop-at", "5")
        scores = {name: np.float32(v) for name, v in done["holdout"].items()}
        with gradc.compile("plan.nn", **OPTIONS) as m, m.data() as d:
            check(len(list(m.train())) == m.steps == m.planned_steps == done["steps"], f"{plan}: {m.steps} steps")
            check(m.weights_hash == done["weights_hash"], f"{plan}: other weights")
            check(m.evaluate(*d.holdout) == scores, f"{plan}: {m.evaluate(*d.holdout)}, not {scores}")
        with gradc.compile("plan.nn", **OPTIONS) as m, m.data() as d:
            m.load_checkpoint(f"whole/checkpoint-{done['steps']}.safetensors")
            check(m.evaluate(*d.holdout) == scores, f"{plan}: {m.evaluate(*d.holdout)} by the checkpoint, not {scores}")
            m.load_checkpoint("part/checkpoint-5.safetensors")
            check(m.steps == 5 and m.planned_steps == done["steps"], f"{plan}: {m.planned_steps} steps planned")
            check(len(list(m.train())) == done["steps"] - 5, f"{plan}: gone on with")
            check(m.weights_hash == done["weights_hash"], f"{plan}: other weights when gone on with")
        with gradc.compile("plan.nn", **OPTIONS) as m, m.data() as d:
            check(m.evaluate(*d.holdout)["rate"] == 1, f"{plan}: evaluate finds the plan by itself")


os.chdir(sys.argv[1])
validation()
runs()
end()
