# SPDX-License-Identifier: Apache-2.0
"""fit, predict of any number of records, state dicts, pickling, estimators; and how the package is built for pip.
python_tool.py FOLDER [sklearn | torch]: with the second argument only what needs that library."""
import copy
import inspect
import io
import os
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import warnings

import numpy as np

import gradc
from python_suite import OPTIONS as STRICT
from python_suite import batch, check, end, raises, rng

OPTIONS = dict(STRICT, cflags="-O0")  # the same bits, compiled sooner

NN = """dim T <= 8
def net(x: f32[B, 4]) -> f32[B, 3] { x |> linear(16) |> batchnorm |> relu |> linear(3) }
use n = net()
use one = linear(2)
data d { source = csv("points.csv"); holdout = 0.2; x: f32[4] = field(0:4); y: i32 = field(4) }
train { data = d; batch = 8; epochs = 3; seed = 5; optim = adam(lr = 1e-2 * cosine(step / steps))
        loss = cross_entropy(n(x), y); metric.acc = mean(argmax(n(x)) == y) }
export def predict(pixels: f32[T, 4]) -> i32[T] { argmax(n(pixels)) }
export def fixed(x: f32[4, 4], scale: f32) { [n(x) * scale, argmax(n(x))] }
export def single(x: f32[4]) -> f32[3] { n(reshape(x, [1, 4]))[0] }
export def total(x: f32[T, 4]) -> f32 { sum(x) }
export def sequence(y: i32[T], x: f32[T, 4]) -> f32[T, 4] { x }
export def alone(x: f32[1, 4]) { one(x) }
"""


def predictions(m):
    x, _ = batch(21)
    one = np.array([m.exports["predict"](x[i:i + 1])[0] for i in range(21)])
    for n in (0, 1, 7, 8, 9, 16, 21):
        got = m.predict(x[:n])
        check(got.dtype == np.int32 and np.array_equal(got, one[:n]), f"predict of {n} records")
        values, classes = m.predict(x[:n], np.float32(2), export="fixed")
        check(values.shape == (n, 3) and np.array_equal(classes, one[:n]), f"a batch of 4 with {n} records")
        each = m.predict(x[:n], export="single")
        check(each.shape == (n, 3) and np.array_equal(2 * each, values), f"a record each, {n} of them")
    check(m.predict(x[0], export="single").shape == (3,), "one record")
    check(np.array_equal(m.predict(x.tolist()), one) and np.array_equal(m.predict(x[:5], T=5), one[:5]), "a list")
    out = np.empty(5, np.int32)
    check(m.predict(x[:5], out=out) is out and np.array_equal(out, one[:5]), "into an array")
    raises(ValueError, "a result without an axis of records", lambda: m.predict(x, export="total"))
    raises(gradc.CallError, "f32[8, 3]", lambda: m.predict(np.zeros((9, 3), np.float32)), "E0802")
    raises(AttributeError, "there is predict", lambda: m.predict(x, export="none"))
    raises(ValueError, "`y` has 3, `x` has 9", lambda: m.sequence.records(np.zeros(3, np.int32), x[:9]))


def validated(x, y):
    """`validate` and `early_stop` of the file count in fit, too."""
    text = NN.replace("epochs = 3;", "epochs = 3; validate = every(15); early_stop = early_stop(loss, 1, 1e9);")
    with gradc.compile("tool.nn", text=text, **OPTIONS) as m:
        seen = []
        history = m.fit(x, y, epochs=4, validation=(x, y), progress=False,
                        callbacks=[gradc.EarlyStopping(), lambda model, e: seen.append(model.validation)])
        check(["val_loss" in e for e in history] == [False, True, True] and m.steps == 30, history)
        check([v and v["step"] for v in seen] == [None, 15, 30], seen)
        scores = m.validate(x, y)
        check(scores["loss"] == m.evaluate(x, y)["loss"] == m.validation["loss"] == history[-1]["val_loss"], scores)


def fitting(m):
    x, y = batch(100)
    m.init(1)
    said, seen = io.StringIO(), []
    history = m.fit(x, y, epochs=4, validation=0.2, callbacks=lambda model, e: seen.append((model.steps, dict(e))),
                    file=said)
    check([e["epoch"] for e in history] == [1, 2, 3, 4] and [s for s, _ in seen] == [10, 20, 30, 40], seen)
    check([e for _, e in seen] == history and list(history[0]) == ["epoch", "loss", "acc", "val_loss", "val_acc"], seen)
    check(said.getvalue().count("\n") == 10 and "epoch 4/4, loss" in said.getvalue(), said.getvalue())
    check(history[-1]["loss"] < history[0]["loss"] and m.planned_steps == 40, history)
    first = m.weights_hash
    m.init(1)
    again = m.fit(x, y, epochs=4, validation=0.2, progress=False)
    check(again == history and m.weights_hash == first, "the same training has the same bits")
    m.init(1)
    with m.data() as d:  # without shuffling it is a loop over the batches
        xs, ys = d.batch(0, 40)
    m.fit(xs, ys, epochs=2, shuffle=False, progress=False)
    fitted = m.weights_hash
    m.init(1)
    m.plan(10, 5)
    for i in [0, 8, 16, 24, 32] * 2:
        m.step(xs[i:i + 8], ys[i:i + 8])
    check(m.weights_hash == fitted, "fit is step() over batches")
    scores = m.evaluate(x, y)
    last = m.fit(xs[:3], ys[:3], validation=(x, y), progress=False)  # fewer than a batch
    check(len(last) == 1 and m.steps == 11 and last[0]["val_loss"] != scores["loss"], last)
    stop = gradc.EarlyStopping("loss", patience=2, min_delta=1e9)
    check(len(m.fit(x, y, epochs=9, callbacks=[stop], progress=False)) == 3 and stop.best_epoch == 1, "early stop")
    validated(x, y)
    raises(KeyError, "no 'val_loss'", lambda: m.fit(x, y, callbacks=gradc.EarlyStopping(), progress=False))
    raises(TypeError, "2 fields (x, y), and 1 arrays", lambda: m.fit(x))
    raises(ValueError, "`x` has 100, `y` has 99", lambda: m.fit(x, y[:99]))
    raises(ValueError, "the shape [4]", lambda: m.fit(x[:, :3], y))
    raises(ValueError, "between 0 and 1", lambda: m.fit(x, y, validation=1.5))
    raises(ValueError, "at least 1", lambda: m.fit(x, y, epochs=0))
    raises(ValueError, "or none", lambda: m.fit(x[:0], y[:0]))
    raises(gradc.DataError, "out of range", lambda: m.fit(x, y + 3, progress=False), "E0617")


def states(m):
    names = {"n": "body", "n.linear_2": "head", "one": ("fc", "linear")}
    s = m.state_dict(names)
    check(np.array_equal(s["body.linear_1.weight"], m.weights["n.linear_1.w"].T), "linear is [out, in] in PyTorch")
    check(np.array_equal(s["fc.weight"], m.weights["one.w"].T) and s["head.bias"].shape == (3,), list(s))
    check("body.batchnorm.running_mean" in s and "body.batchnorm.weight" in s and len(s) == 10, list(s))
    x, _ = batch(4)
    check(np.allclose(x[:1] @ s["fc.weight"].T + s["fc.bias"], m.alone(x[:1]), atol=1e-6), "x Wᵀ + b")
    plain, h = m.state_dict(), m.weights_hash
    check(list(plain) == [n for n in m.weights if not n.startswith("optim.")], list(plain))
    for state, how in ((s, names), (plain, None), (m.state_dict({}), {}), (m.state_dict({"n": ""}), {"n": ""})):
        m.init(9)
        check(m.load_state_dict(state, how) == ([], []) and m.weights_hash == h, f"by {how}")
    check(list(m.state_dict({"one.w": ("w", (1, 0)), "n": "x"}))[0] != "w" and
          m.state_dict({"one.w": ("w", (1, 0))})["w"].shape == (2, 4), "axes of one tensor")
    del s["head.bias"]
    s.update(other=np.zeros(2), num=np.zeros(1))
    s["body.batchnorm.num_batches_tracked"] = np.int64(3)
    raises(ValueError, "keys missing: head.bias; keys unexpected: other, num", lambda: m.load_state_dict(s, names))
    check(m.load_state_dict(s, names, strict=False) == (["head.bias"], ["other", "num"]), "not strict")
    s["head.weight"] = s["head.weight"].T
    m.init(3)
    h = m.weights_hash
    raises(ValueError, "`head.weight` has the shape [16, 3]; `n.linear_2.w` takes [3, 16]",
           lambda: m.load_state_dict(s, names, strict=False))
    check(m.weights_hash == h, "nothing is written if one does not fit")
    raises(ValueError, "no weight 'net'", lambda: m.state_dict({"net": "x"}))
    raises(ValueError, "would both be", lambda: m.state_dict({"n.linear_1": "a", "one": ("a", "linear")}))


def pickles(m):
    x, y = batch(40)
    m.fit(x, y, epochs=2, progress=False)
    for other in (pickle.loads(pickle.dumps(m)), copy.deepcopy(m)):
        check(other.weights_hash == m.weights_hash and other.steps == m.steps, "weights and steps are pickled")
        check(other.planned_steps == m.planned_steps and np.array_equal(other.predict(x), m.predict(x)), "the plan")
        h = m.weights_hash
        other.fit(x, y, epochs=1, progress=False)
        check(other.weights_hash != h and m.weights_hash == h, "a copy of its own")
    saved = pickle.dumps(m)
    m.fit(x, y, epochs=1, progress=False)
    other = pickle.loads(saved)
    other.fit(x, y, epochs=1, progress=False)
    check(other.weights_hash == m.weights_hash, "the optimizer is pickled")
    with gradc.compile("t.nn", text="use k = linear(2)\nexport def g(x: f32[B, 3]) { k(x) }\n".replace("B", "1"),
                       **OPTIONS) as t:
        check(pickle.loads(pickle.dumps(t)).weights_hash == t.weights_hash, "a model without training")
        check("1 record" not in repr(t) and repr(t) == "<gradc model t: 8 parameters, 0 steps done; g>", repr(t))
        check(repr(t.weights) == "k.w: f32[3, 2] param\nk.b: f32[2] param", repr(t.weights))
    check("closed" in repr(t), repr(t))
    with m.data() as d:
        check(repr(d) == "<gradc data: 80 records, 20 held out>", repr(d))
    check(repr(d) == "<gradc data: closed>" and gradc.__version__ == gradc.version(), repr(d))


def estimators():
    x = rng.standard_normal((120, 3)) * [1, 100, 1e-3] + [0, 1e4, 5]
    labels = np.array(["left", "right"])[(x[:, 0] + (x[:, 1] - 1e4) / 100 > 0).astype(int)]
    quick = dict(epochs=30, random_state=0, options=OPTIONS)
    c = gradc.Classifier((16,), **quick).fit(x, labels)
    check(c.score(x, labels) > 0.9 and list(c.classes_) == ["left", "right"] and len(c.history_) == 30, c.history_[-1])
    p = c.predict_proba(x)
    check(p.shape == (120, 2) and np.allclose(p.sum(1), 1) and
          np.array_equal(c.classes_[p.argmax(1)], c.predict(x)), "probabilities")
    check(np.array_equal(p[:7], c.predict_proba(x[:7])), "a record has the same bits in any batch")
    other = pickle.loads(pickle.dumps(c))
    check(np.array_equal(other.predict_proba(x), p), "a pickled estimator")
    check(np.array_equal(gradc.Classifier((16,), **quick).fit(x, labels).predict_proba(x), p), "the same seed")
    check(repr(gradc.Classifier(lr=0.1)) == "Classifier(lr=0.1)" and c.get_params()["hidden"] == (16,), repr(c))
    check(c.set_params(lr=0.5) is c and c.lr == 0.5, "set_params")
    raises(ValueError, "no parameter 'rate'", lambda: c.set_params(rate=1))
    raises(ValueError, "call fit() first", lambda: gradc.Classifier().predict(x))
    raises(ValueError, "contains NaN", lambda: c.fit(np.full((3, 2), np.nan), [0, 1, 0]))
    raises(ValueError, "Expected 2D array, got 1D", lambda: c.fit(x[0], labels))
    raises(ValueError, "X has 2 features, but Classifier is expecting 3", lambda: c.predict(x[:, :2]))
    raises(ValueError, "continuous", lambda: c.fit(x, x[:, 0]))
    raises(ValueError, "X has 120, y has 3", lambda: c.fit(x, labels[:3]))
    raises(gradc.ModelError, "unknown name `rely`", lambda: gradc.Classifier(activation="rely").fit(x, labels), "E0201")
    y = np.stack([x[:, 0] * 1000, x[:, 0] - x[:, 2]], axis=1)
    r = gradc.Regressor((16,), **quick).fit(x, y)
    check(r.predict(x).shape == (120, 2) and r.score(x, y) > 0.8, r.score(x, y))
    own = gradc.Classifier(model="tool.nn", **quick).fit(np.c_[x, x[:, 0]], (labels == "left").astype(int) * 2)
    check(set(own.predict(np.c_[x, x[:, 0]])) <= {0, 2} and own.predict(np.zeros((9, 4))).shape == (9,), "an own file")
    raises(AttributeError, "no `export def proba`", lambda: own.predict_proba(np.zeros((2, 4))))


def typed():
    """Public functions and methods state all of their types, and have a sentence of documentation."""
    public = [getattr(gradc, name) for name in gradc.__all__]
    methods = [m for c in public if inspect.isclass(c) for n, m in vars(c).items() if n[0] != "_" and callable(m)]
    for f in [f for f in public if inspect.isfunction(f)] + methods:
        s = inspect.signature(f)
        bare = [p for p in s.parameters.values() if p.annotation is p.empty and p.name != "self"]
        check(not bare and s.return_annotation is not s.empty and f.__doc__, f"{f.__qualname__}: {bare}")
    folder = os.path.dirname(gradc.__file__)
    check(os.path.exists(os.path.join(folder, "py.typed")), "py.typed")


def building():
    """What pip asks of python/build.py, without compiling."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(gradc.__file__)), ".."))
    import build
    import elf
    with open(os.environ["GRADC_LIBRARY"], "rb") as f:
        data = f.read()
    libraries, versions = elf.needs(data)
    said = subprocess.run(["objdump", "-p", os.environ["GRADC_LIBRARY"]], capture_output=True, text=True).stdout
    check(versions == set(re.findall(r"^ +0x\w+ 0x\w+ \d+ (\S+)$", said, re.M)), versions)
    check(libraries == set(re.findall(r"^ +NEEDED +(\S+)$", said, re.M)) and "libc.so.6" in libraries, libraries)
    newest = max(tuple(map(int, v[6:].split("."))) for v in versions if v.startswith("GLIBC_"))
    tag, pictures = elf.platform_tag([data], "linux-x86_64"), any("png" in n or "jpeg" in n for n in libraries)
    check(tag == ("linux_x86_64" if pictures else f"manylinux_{newest[0]}_{newest[1]}_x86_64"), tag)
    if pictures and shutil.which("dpkg-query"):  # a wheel has them
        files, licences = build.beside([data], os.environ["GRADC_LIBRARY"])
        check(sorted(n[:6] for n in files) == ["libjpe", "libpng"] and len(licences) == 2, (list(files), licences))
        tag = elf.platform_tag([data, *files.values()], "linux-x86_64", files)
        check(re.fullmatch(r"manylinux_2_\d+_x86_64", tag), tag)
        check(re.search(r"RUNPATH +\$ORIGIN$", said, re.M), "where the library looks for them")
    with open(os.path.join(os.path.dirname(os.environ["GRADC_LIBRARY"]), "libgradc_cuda_driver.so"), "rb") as f:
        check(elf.platform_tag([f.read()], "linux-x86_64").startswith("manylinux_2_"), "only libc and libm")
    check(elf.platform_tag([b"#!/bin/sh"], "linux-x86_64") == "linux_x86_64", "a script")
    check(elf.platform_tag([data[:n] for n in (3000,)], "linux-x86_64") == "linux_x86_64", "half a file")
    check(elf.platform_tag([data.replace(b"\0libm.so.6\0", b"\0libx.so.6\0")], "linux-x86_64") == "linux_x86_64",
          "a library that others lack")
    name = build.build_sdist(".")
    with open(name, "rb") as f:
        first = f.read()
    build.build_sdist(".")
    with open(name, "rb") as f:
        check(f.read() == first, "the source distribution has the same bytes each time")
    with tarfile.open(name) as t:
        names = t.getnames()
        check(all(n.startswith(f"gradc-{gradc.__version__}/") for n in names), names[:3])
        check({n.split("/", 1)[1] for n in names} >= {"PKG-INFO", "pyproject.toml", "Makefile", "ir/ops.def"},
              "files of the source distribution")


def sklearn():
    """The checks that scikit-learn has for estimators, 1.6 and newer."""
    from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, check_estimator
    warnings.simplefilter("ignore")
    for e in (gradc.Classifier(random_state=0), gradc.Regressor(random_state=0)):
        for done in check_estimator(e, on_fail=None, on_skip=None):
            check(done["status"] != "failed", f"{e}: {done['check_name']}: {done['exception']!r}")
        try:
            check_dataframe_column_names_consistency(type(e).__name__, e)
        except Exception as error:
            check("Skip" in type(error).__name__, f"{e}: names of columns: {error!r}")


def torch():
    """A state dict of PyTorch, read and given back; the same results."""
    import torch
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
                              torch.nn.Linear(64, 3)).eval()
    net[1].running_mean.uniform_(-1, 1)
    text = ("def f(x: f32[B, 2, 6, 6]) { x |> conv2d(4, 3) |> batchnorm |> relu |> flatten |> linear(3) }\n"
            "use n = f()\nexport def predict(x: f32[5, 2, 6, 6]) -> f32[5, 3] { n(x) }\n")
    names = {"n.conv2d": "0", "n.batchnorm": "1", "n.linear": "4"}
    with gradc.compile("torch.nn", text=text, **OPTIONS) as m:
        check(m.load_state_dict(net.state_dict(), names) == ([], []), "PyTorch's state")
        x = torch.randn(12, 2, 6, 6)
        check(np.allclose(m.predict(x), net(x).detach().numpy(), atol=1e-5), "the same results")
        m.init(4)
        net.load_state_dict({k: torch.from_numpy(v) for k, v in m.state_dict(names).items()}, strict=False)
        check(np.allclose(m.predict(x), net(x).detach().numpy(), atol=1e-5), "the same results, the other way")
        half = {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in net.state_dict().items()}
        check(m.load_state_dict(half, names) == ([], []), "bf16")


os.chdir(sys.argv[1])
if sys.argv[2:]:
    {"sklearn": sklearn, "torch": torch}[sys.argv[2]]()
    end()
with open("tool.nn", "w") as f:
    f.write(NN)
with gradc.compile("tool.nn", **OPTIONS) as model:
    predictions(model)
    fitting(model)
    states(model)
    pickles(model)
estimators()
typed()
building()
end()
