"""The Python module. python_test.py FOLDER: one with model.nn, points.csv and search/."""
import gc
import io
import os
import sys
import threading

import numpy as np

import gradc

passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAIL ", what)


def raises(kind, words, call, code=None):
    try:
        call()
    except kind as e:
        text = str(e)
        check(words in text, f"`{words}` in: {text}")
        if code:
            check(e.code == code and e.diagnostics[0].text in text + "\n", f"{code}: {e.code}")
        return e
    check(False, f"no {kind.__name__}: {words}")
    return None


OPTIONS = dict(fp="strict", threads=1, search=["search"], cache="cache", backend="cc")
rng = np.random.default_rng(1)


def batch(n=8):
    x = rng.standard_normal((n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int32)


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
    raises(ValueError, "2 fields, 1 arrays", lambda: m.step(x[:8]))
    raises(gradc.CallError, "2 fields, 3 arrays", lambda: m.step(x[:8], y[:8], y[:8]))
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
    check(np.array_equal(m.halves(x[:4, 0], T=2), x[0:2, 0] + x[2:4, 0]), "a size by its name")
    check(m.classify.sizes == {"T": 8} and str(m.classify.inputs[0]) == "x: f32[T, 4]", m.classify)
    out = np.empty(5, np.int32)
    check(m.classify(x, out=out) is out and np.array_equal(out, m.exports["classify"](x)), "into an array")
    raises(TypeError, "dense, writable array of i32", lambda: m.classify(x, out=np.empty(5, np.int64)))
    raises(gradc.CallError, "0 to 8, not 9", lambda: m.classify(np.zeros((9, 4))), "E0803")
    raises(gradc.CallError, "shape of no input", lambda: m.halves(x[:4, 0]), "E0803")
    raises(TypeError, "no run-time size 'S'", lambda: m.halves(x[:4, 0], S=2))
    raises(AttributeError, "there is classify", lambda: m.predict)
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
    m.load_checkpoint("p.checkpoint")
    check(m.steps > 0, "load_checkpoint")
    raises(gradc.DataError, "not a safetensors file", lambda: m.load("points.csv"), "E0640")
    raises(gradc.ResourceError, "cannot write", lambda: m.save("no/such/folder/f"), "E0663")


def data(m):
    with m.data() as d:
        check(len(d) == 80 and d.held_out == 20 and len(list(d.epoch(0))) == 10, "the data section")
        x, y = d.holdout
        check(x.shape == (20, 4) and y.shape == (20,) and x.dtype == np.float32, "the hold-out")
        raises(gradc.CallError, "there are 80", lambda: d.batch(78, 8))
    raises(ValueError, "closed", lambda: d.batch(0, 8))
    raises(gradc.DataError, "`word` is not a number", lambda: m.data("bad.csv"), "E0610")
    m.init(1)
    said = io.StringIO()
    losses = list(gradc.progress(m.train(epochs=3), total=30, file=said))
    check(len(losses) == 30 and m.steps == 30 and said.getvalue().count("\n") == 10, said.getvalue())
    check("step 30 of 30" in said.getvalue(), "progress")


def errors():
    text = "def f(x: f32[2]) {\n    x + relo(x)\n}\nuse g = f()\nexport def h(x: f32[2]) { g(x) }\n"
    e = raises(gradc.ModelError, "relo", lambda: gradc.compile("in/memory.nn", text=text), None)
    d = e.diagnostics[0]
    check((d.file, d.line, d.column, d.length, d.warning) == ("in/memory.nn", 2, 9, 4, False), d)
    check("relu" in d.help and "^^^^" in str(e) and e.status == 1 and isinstance(e, gradc.Error), d)
    raises(gradc.Error, "gone.nn", lambda: gradc.check("gone.nn"), "E0501")
    raises(TypeError, "unexpected keyword", lambda: gradc.compile("model.nn", speed="high"))
    raises(ValueError, "'fast' or 'strict'", lambda: gradc.compile("model.nn", fp="exact"))
    raises(TypeError, "lists", lambda: gradc.compile("model.nn", off="fuse"))
    raises(gradc.CallError, "is no pass", lambda: gradc.compile("model.nn", off=["none"]), "E0500")
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
errors()
threads()
m = gradc.compile("model.nn", **OPTIONS)
view = m.weights.view("n.linear_1.b")
del m
gc.collect()
check(np.isfinite(view).all(), "a view keeps its model")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
