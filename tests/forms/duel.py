# SPDX-License-Identifier: Apache-2.0
# duel.py MODEL FOLDER: trains two sections in turn as the training binary does, with a checkpoint loaded half-way, and
# prints the hash of the weights.
import sys

import gradc

path, folder = sys.argv[1:]


def rounds(m, first, last):
    with m.section("").data() as a, m.section("second").data() as b:
        for r in range(first, last):
            m.section("")
            m.step(*a.batch(m.steps % 10 * 8, 8, m.steps // 10))
            if (r + 1) % 2 == 0:
                m.section("second")
                m.step(*b.batch(m.steps % 20 * 4, 4, m.steps // 20))


m = gradc.compile(path, fp="strict")
assert m.sections == ["", "second"] and m.info["section"] == "" and m.batch == 8 and list(m.metrics) == ["m", "n"]
m.plan(30, 10)
m.section("second").plan(15, 20)
assert m.batch == 4 and list(m.metrics) == ["n"] and m.info["section"] == "second"
rounds(m, 0, 12)
m.save_checkpoint(f"{folder}/duel.safetensors")
again = gradc.compile(path, fp="strict")
again.load_checkpoint(f"{folder}/duel.safetensors")
assert (again.steps, again.planned_steps, again.section("second").steps) == (12, 30, 6)
rounds(again, 12, 30)
try:
    again.section("third")
except gradc.Error as e:
    assert "no train section `third`" in str(e)
else:
    sys.exit("a section that is not there")
scores = again.section("second").evaluate(*[x[:1] for x in again.data().batch(0, 1, -1)])
assert list(scores) == ["loss", "n"]
print(again.weights_hash)
