# SPDX-License-Identifier: Apache-2.0
"""Models through the Python package. python_test.py FOLDER: one with model.nn, points.csv and search/."""
import gc
import io
import locale
import os
import sys
import threading

import numpy as np

import gradc
from python_suite import OPTIONS, batch, check, end, raises


def training(m):
    check(m.name == "model" and m.batch == 8 and [str(f) for f in m.fields] == ["x: f32[8, 4]", "y: i32[8]"], m.fields)
    check(m.info["backend"] == "cc and dlopen" and m.info["parameters"] == 171 and "171 parameters" in repr(m), m.info)
    os.rename("points.csv", "away.csv")
    raises(gradc.ModelError, "gradc_plan", lambda: m.step(*batch()), "E0684")
    os.rename("away.csv", "points.csv")
    first = m.step(*batch())  # 3 epochs of 10 steps, by the data section
    m.init(5)
    m.plan(200, 100)
    check(np.isfinite(first) and m.steps == 0, first)
    losses = [m.step(*batch()) for _ in range(200)]
    check(np.mean(losses[-20:]) < np.mean(losses[:20]) and m.loss == losses[-1] and m.steps == 200, losses[-1])
    check(set(m.metrics) == {"acc"} and 0 <= m.metrics["acc"] <= 1, m.metrics)
    x, y = batch(13)
    scores = m.evaluate(x, y)
    check(scores["acc"] == np.mean(m.classify(x[:8]) == y[:8]) or scores["acc"] > 0.5, scores)
    x64, lists = x[:8].astype(np.float64), y[:8].tolist()
    check(np.isfinite(m.step(x64, lists)), "converted arrays")
    check(np.isfinite(m.step(np.asfortranarray(x[:8]), y[:8][::1])), "columns first")
    raises(TypeError, "does not fit", lambda: m.step(x[:8], y[:8] + 0.5))
    raises(gradc.CallError, "field `x` is f32[8, 4], the array is f32[7, 4]", lambda: m.step(x[:7], y[:7]), "E0802")
    raises(ValueError, "2 fields, not 1", lambda: m.step(x[:8]))
    raises(gradc.CallError, "2 fields, not 3", lambda: m.step(x[:8], y[:8], y[:8]))
    raises(gradc.DataError, "out of range (0 to 2)", lambda: m.step(x[:8], y[:8] + 2), "E0617")
    x[2, 2] = np.nan
    h = m.weights_hash
    raises(gradc.NotFiniteError, "model.nn:", lambda: m.step(x[:8], y[:8]), "E0670")
    check(m.weights_hash == h, "a refused step changed the weights")


def exports(m):
    x, _ = batch(5)
    logits, doubled = m.both(x)
    check(logits.shape == (5, 3) and np.array_equal(doubled, 2 * x), "two results")
    check(np.array_equal(m.classify(x), logits.argmax(1)), "classify")
    check(np.array_equal(m.classify(memoryview(x)), logits.argmax(1)), "a buffer")
    check(np.array_equal(m.look(b"\1\2"), m.look([1, 2])), "bytes")
    check(np.array_equal(m.classify(np.ma.masked_array(x)), logits.argmax(1)), "no value is masked")
    raises(TypeError, "`x`: values of the array are masked", lambda: m.classify(np.ma.masked_array(x, x > 0)))
    check(np.array_equal(np.from_dlpack(m.both(x)[1]), 2 * x), "a result by DLPack")
    check(np.array_equal(m.halves(x[:4, 0], T=2), x[0:2, 0] + x[2:4, 0]), "a size by its name")
    check(m.classify.sizes == {"T": 8} and str(m.classify.inputs[0]) == "x: f32[T, 4]", m.classify)
    out = np.empty(5, np.int32)
    check(m.classify(x, out=out) is out and np.array_equal(out, m.exports["classify"](x)), "into an array")
    raises(TypeError, "dense, writable array of i32", lambda: m.classify(x, out=np.empty(5, np.int64)))
    raises(gradc.CallError, "between 0 and 8, not 9", lambda: m.classify(np.zeros((9, 4))), "E0803")
    raises(gradc.CallError, "cannot be inferred", lambda: m.halves(x[:4, 0]), "E0803")
    raises(TypeError, "no run-time size 'S'", lambda: m.halves(x[:4, 0], S=2))
    raises(AttributeError, "there is classify", lambda: m.predict(x))
    check("classify" in dir(m) and m.classify.__doc__ == "classify(x: f32[T, 4]) -> out: i32[T]", m.classify.__doc__)


def weights(m):
    names = list(m.weights)
    check(len(m.weights) == len(names) and "n.linear_1.w" in m.weights and names[-1].startswith("optim."), names)
    w = m.weights["n.linear_1.w"]
    m.weights["n.linear_1.w"] = w + 1
    check(np.array_equal(m.weights["n.linear_1.w"], w + 1), "a weight written")
    view = m.weights.view("n.linear_1.b")
    view[:] = 3
    check(np.array_equal(m.weights["n.linear_1.b"], np.full(16, 3, np.float32)), "a view")
    check(m.weights.tensor("n.seen").kind == "state" and m.weights.tensor("t.e").shape == (10, 4), "tensors")
    raises(KeyError, "none", lambda: m.weights["none"])
    raises(gradc.CallError, "f32[10, 4]", lambda: m.weights.__setitem__("t.e", w), "E0802")
    raises(TypeError, "keeps", lambda: m.weights.__delitem__("t.e"))
    h = m.weights_hash
    m.save("p.safetensors")
    m.save_checkpoint("p.checkpoint")
    m.init(9)
    check(m.weights_hash != h and m.steps == 0, "init")
    m.load("p.safetensors")
    check(m.weights_hash == h and m.steps == 0, "load")
    head = gradc.compile("head.nn", **OPTIONS, text="def f(x: f32[B, 4]) { x |> linear(16) |> relu |> linear(5) }\n"
                         "use body = f()\nexport def g(x: f32[1, 4]) { body(x) }\n")
    said = head.load("p.safetensors", {"n": "body", "n.linear_2": ""}, partial=True)
    check(said["read"] == 2 and said["initial"] == ["body.linear_2.w", "body.linear_2.b"], said)
    check("n.linear_2.w" in said["left_over"] and "t.e" in said["left_over"], said)
    check(np.array_equal(head.weights["body.linear_1.w"], m.weights["n.linear_1.w"]), "a part of a file")
    raises(gradc.DataError, "the model has f32[5]", lambda: head.load("p.safetensors", {"n": "body"}, True), "E0641")
    check(m.load("p.safetensors") == {"read": len([t for t in m.weights if not t.startswith("optim.")]), "initial": [],
                                      "left_over": []}, "load tells what it read")
    m.load_checkpoint("p.checkpoint")
    check(m.steps > 0, "load_checkpoint")
    raises(gradc.DataError, "not a safetensors file", lambda: m.load("points.csv"), "E0640")
    raises(gradc.DataError, "a device, not a file", lambda: m.load("/dev/zero"), "E0640")
    raises(ValueError, "steps is -1; it must be from 0 to 4294967295", lambda: m.plan(-1))
    raises(ValueError, "steps_per_epoch is", lambda: m.plan(4, 2**32))
    raises(ValueError, "seed is 18446744073709551616; it must be", lambda: m.init(2**64))
    raises(TypeError, "integer", lambda: m.plan(2.5))
    raises(gradc.ResourceError, "cannot write", lambda: m.save("no/such/folder/f"), "E0663")


def scores():
    text = ('use n = linear(3)\ndata d { source = csv("points.csv"); x: f32[4] = field(0:4); y: i32 = field(4) }\n'
            "train { data = d; batch = 8; steps = 4; loss = cross_entropy(n(x), y); optim = sgd(lr = 0.1)\n"
            "metric.c = confusion(argmax(n(x)), y, 3); metric.acc = mean(argmax(n(x)) == y) }\n")
    with gradc.compile("scores.nn", text=text, **OPTIONS) as m:
        with m.data() as d:
            x, y = d.batch(0, 50, 0)
        found = m.evaluate(x, y)
        check(list(found) == ["loss", "acc", "c"] and found["c"].shape == (3, 3) and found["c"].sum() == 50, found)
        check(abs(np.trace(found["c"]) / 50 - found["acc"]) < 1e-6 and list(m.metrics) == ["acc"], found)


def data(m):
    with m.data() as d:
        check(len(d) == 80 and d.held_out == 20 and len(list(d.epoch(0))) == 10, "the data section")
        x, y = d.holdout
        check(x.shape == (20, 4) and y.shape == (20,) and x.dtype == np.float32, "the hold-out")
        raises(gradc.CallError, "there are 80", lambda: d.batch(78, 8))
    raises(ValueError, "closed", lambda: d.batch(0, 8))
    held = []
    for k in (1, 2, 3):
        with m.data(fold=(k, 3)) as d:
            held.append(d.holdout[0])
            check(len(d) + d.held_out == 100, "a fold")
    check(len({r.tobytes() for r in np.concatenate(held)}) == 100, "the folds have every record")
    raises(gradc.CallError, "counted from 1", lambda: m.data(fold=(4, 3)), "E0801")
    raises(gradc.DataError, "`word` is not a number", lambda: m.data("bad.csv"), "E0610")
    m.init(1)
    said = io.StringIO()
    losses = list(gradc.progress(m.train(epochs=3), total=30, file=said))
    check(len(losses) == 30 and m.steps == 30 and said.getvalue().count("\n") == 10, said.getvalue())
    check("step 30 of 30" in said.getvalue(), "progress")


def constants():
    text = "const K = 2\nconst F = relu\nconst S = \"a\"\nconst L = [1.5]\nconst B = false\n" \
           "test \"t\" { assert S == \"a\" }\nexport def f(x: f32[3]) { K * F(x) + sum(L) + where(B, 1, 0) }\n"

    def value(**options):
        with gradc.compile("k.nn", text=text, **OPTIONS, **options) as m:
            return m.f(np.array([-1, 0, 1], np.float32)).tolist()
    check(value() == [1.5, 1.5, 3.5], value())
    check(value(K=3, F="abs", L=[1, 2.5], B=True) == [7.5, 4.5, 7.5], "constants")
    check(value(K=np.int64(3), set={"L": np.array([0.25, 0.25])}, S='"b" \\ c', B=np.bool_(True)) == [1.5, 1.5, 4.5],
          "numpy")
    raises(gradc.ModelError, "is an int, as 2", lambda: value(K=3.0), "E0322")
    raises(gradc.ModelError, "did you mean `K`", lambda: value(k=3), "E0321")
    raises(gradc.ModelError, "set twice", lambda: value(K=3, set={"K": 4}), "E0308")
    raises(TypeError, "not NoneType", lambda: value(K=None))


TABLE = """def net(x: f32[B, 2]) { x |> linear(2) }
use model = net()
data t { source = csv("kinds.csv"); x: f32[2] = standardize(field("a":"b")); y: i32 = classes(field("kind")) }
train { data = t; batch = 2; steps = 2; loss = cross_entropy(model(x), y); optim = sgd(lr = 0.1) }
export def seen(x: f32[2]) -> f32[2] { x }
"""


def tables():
    with open("kinds.csv", "w") as f:
        f.write("a,b,kind\n1,2,pear\n3,6,apple\n5,4,pear\n7,8,apple\n")
    m = gradc.compile("kinds.nn", text=TABLE, **OPTIONS)
    x, y = m.data().batch(0, 4)
    check(sorted(y.tolist()) == [0, 0, 1, 1] and abs(x.mean()) < 1e-6 and abs(x.std() - 1) < 1e-6, (x, y))
    gc.collect()
    m.save("kinds.safetensors")  # after the data is closed
    n = gradc.compile("kinds.nn", text=TABLE, **OPTIONS)
    n.load("kinds.safetensors")
    n.save("again.safetensors")
    with open("kinds.safetensors", "rb") as a, open("again.safetensors", "rb") as b:
        check(a.read() == b.read(), "classes and numbers of columns are loaded")
    check(np.allclose(n.seen(np.array([4, 5], np.float32)), 0), "exports take raw values")
    with open("more.csv.kinds", "w") as f:
        f.write("b,kind,a\n2,pear,1\n")
    with n.data("more.csv.kinds") as d:
        x, y = d.batch(0, 1)
        check(np.allclose(x, [[-3 / 5 ** 0.5, -3 / 5 ** 0.5]]) and y == 1, f"columns by the names of training: {x}, {y}")
    with open("more.csv.kinds", "w") as f:
        f.write("kind,a,b\napple,1,2\naple,1,2\n")
    e = raises(gradc.DataError, "`aple` is no class of training", lambda: n.data("more.csv.kinds"))
    check(str(e).count("kinds.nn:3:") == 1 and "did you mean `apple`" in str(e), e)


def errors():
    text = "def f(x: f32[2]) {\n    x + relo(x)\n}\nuse g = f()\nexport def h(x: f32[2]) { g(x) }\n"
    e = raises(gradc.ModelError, "relo", lambda: gradc.compile("in/memory.nn", text=text), None)
    d = e.diagnostics[0]
    check((d.file, d.line, d.column, d.length, d.warning) == ("in/memory.nn", 2, 9, 4, False), d)
    check("relu" in d.help and "^^^^" in str(e) and e.status == 1 and isinstance(e, gradc.Error), d)
    raises(gradc.Error, "gone.nn", lambda: gradc.check("gone.nn"), "E0501")
    raises(gradc.ModelError, "no constant `speed`",
           lambda: gradc.compile("model.nn", speed="high", **OPTIONS), "E0321")
    raises(ValueError, "'fast' or 'strict'", lambda: gradc.compile("model.nn", fp="exact"))
    raises(TypeError, "lists", lambda: gradc.compile("model.nn", off="fuse"))
    raises(gradc.CallError, "is not a pass", lambda: gradc.compile("model.nn", off=["none"]), "E0500")
    twice = "export def twice(x: f32[3]) -> f32[3] { x * 2 }\n"
    files = gradc.emit_c("two.nn", text=twice)
    check(list(files) == ["two.c", "two.h"] and "two_twice" in files["two.h"], files.keys())
    check("mul" in gradc.dump("two.nn", text=twice, after="") and gradc.dump("two.nn", text=twice), "dump")
    cost = gradc.report("two.nn", text=twice)
    m = gradc.compile("two.nn", text=twice, **{**OPTIONS, "backend": "auto"})
    check(m.report()["ram_bytes"] == m.info["memory_bytes"] == cost["ram_bytes"] and cost["parameters"] == 0, cost)
    check(list(m.twice([1, 2, 3])) == [2, 4, 6], "a model without training")
    raises(gradc.ModelError, "no train section", lambda: m.step(), "E0687")
    m.close()
    m.close()
    raises(ValueError, "closed", lambda: m.twice([1, 2, 3]))
    raises(ValueError, "closed", lambda: m.weights.view("x"))


def comma():
    """A program whose locale writes 0,5: what the library prints and reads is not of that."""
    text = "export def f(x: f32[3]) -> f32[3] { x * 0.1 + 1e-8 - 2.5 * x ** 1.5 }\n"
    said = [f("comma.nn", text=text) for f in (gradc.emit_c, gradc.dump, gradc.report)]
    try:
        locale.setlocale(locale.LC_NUMERIC, os.environ["COMMA_LOCALE"])
    except (KeyError, locale.Error) as e:
        check(False, f"no locale with a decimal comma: {e}")
        return
    check(locale.localeconv()["decimal_point"] == ",", "the locale")
    again = [f("comma.nn", text=text) for f in (gradc.emit_c, gradc.dump, gradc.report)]
    check(again == said, "texts under another locale")
    with gradc.compile("comma.nn", text=text, **{**OPTIONS, "cache": ""}) as m:
        got = m.f([1, 2, 3])
    with gradc.compile("model.nn", **OPTIONS) as m:
        check(len(m.data()) == 80 and m.data().batch(0, 1)[0].any(), "data under another locale")
    check(locale.localeconv()["decimal_point"] == ",", "the locale stays")
    locale.setlocale(locale.LC_NUMERIC, "C")
    with gradc.compile("comma.nn", text=text, **{**OPTIONS, "cache": ""}) as m:
        check(np.array_equal(m.f([1, 2, 3]), got), f"code under another locale: {got}")


def draws():
    """Random numbers of an export go on with each call, from the seed."""
    text = ("export def f(x: f32[3]) -> f32[3] { x + uniform(x) }\nuse n = linear(1)\n"
            "export def g(x: f32[1, 3]) { n(x) }\n")
    with gradc.compile("draws.nn", text=text, **OPTIONS) as m, gradc.compile("draws.nn", text=text, **OPTIONS) as other:
        m.init(7)
        calls = [m.f([0, 0, 0]) for _ in range(12)]
        check(len({c.tobytes() for c in calls}) == 12, "12 calls, 12 results")
        m.init(7)
        other.init(7)
        m.g([[1, 2, 3]])
        check(all(np.array_equal(m.f([0, 0, 0]), c) for c in calls), "the same seed gives the same numbers")
        check(all(np.array_equal(other.f([0, 0, 0]), c) for c in calls), "another model of the same seed")
        other.init(8)
        check(not np.array_equal(other.f([0, 0, 0]), calls[0]), "another seed")


def threads():
    hashes = [None] * 4

    def run(i):
        with gradc.compile("model.nn", **OPTIONS) as m:
            m.plan(20, 10)
            for b in list(m.data().epoch(0)) * 2:
                m.step(*b)
            hashes[i] = m.weights_hash
    all_of_them = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for t in all_of_them:
        t.start()
    for t in all_of_them:
        t.join()
    check(hashes[0] and len(set(hashes)) == 1, hashes)


os.chdir(sys.argv[1])
with gradc.compile("model.nn", **OPTIONS) as model:
    training(model)
    exports(model)
    weights(model)
    data(model)
    loose = model.weights.view("n.linear_1.b")
    check(model.warnings == [], model.warnings)
scores()
constants()
tables()
errors()
comma()
draws()
threads()
m = gradc.compile("model.nn", **OPTIONS)
view = m.weights.view("n.linear_1.b")
del m
gc.collect()
check(np.isfinite(view).all(), "a view keeps its model")
end()
