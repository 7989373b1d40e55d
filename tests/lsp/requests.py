# SPDX-License-Identifier: Apache-2.0
"""requests.py GRADC FOLDER [full]: what an editor asks about a text, and the answers."""
import os
import random
import re
import subprocess

from client import Count, Server, apply, part, place, utf16
from model import MODEL, folder, full, gradc, write

check = Count()


def hover(s, uri, text):
    def value(where, line=None):
        r = s.at("hover", uri, text, where).get("result")
        return r and r["contents"]["value"] + " @" + part(text, r["range"])
    for where, wanted in [
            ("h = x |> l^inear(hidden)", ["def linear(x: f32[..., I], out: int", "-> result: f32[4, 128]",
                                          "x w + b over the last axis.", "std/layer.nn",
                                          "f32[4, 128]  # 2,048 bytes", "@linear"]),
            ("(h^ |> linear(3)", ["h: f32[4, 128]  # 2,048 bytes", "h: f32[T, 128]  # 16,384 bytes", "local of `mlp`"]),
            ("hid^den: int = WIDE", ["hidden: int = WIDE", "hidden: 128", "argument of `mlp`"]),
            ("def ml^p(", ["Two layers.\nThe second is small.", "-> f32[B, 3]"]),
            ("param sca^le", ["param scale: f32[3] = 1", "scale: f32[3]  # 12 bytes"]),
            ("2 *^ WIDE", ["128"]), ("const WI^DE", ["const WIDE = 64"]),
            ("x^: f32[8] = field", ["x: f32[8] = field(0:8)"]),
            ("lr^ = 1e-3", ["lr: float", "argument of `adamw`"]), ("st^ep / steps", ["step: f32"]),
            ("arg^max(net(q))", ["i32[T]"]), ("net(q^)", ["q: f32[T, 8]  # 1,024 bytes"]), ("x: f32[^B, 8]", ["B: 4"]),
            ("su^m(net(ones(2, 8)))", ["f32", "@sum"]), ("einsum é\" { ^s = ", ["s: \"\U0001F600\"", "@s"])]:
        got = value(where) or ""
        check("hover " + where, all(w in got for w in wanted), got)
    check("hover on nothing", s.at("hover", uri, text, "^# a model").get("result", 1) is None)
    flops = value("h = x |> l^inear(hidden)")
    check("FLOPs of a layer", "69,632 FLOPs at most" in flops, flops)  # 32 x 128 (2 x 8 + 1)


def hover_while_typing(s, uri, text):
    """A statement that does not parse hides no types of others, before it or after it."""
    for broken in ["    y = h |> linear(\n", "    y = (h +\n    z = = 3\n"]:
        now = text.replace("    (h |> linear(3))", broken + "    (h |> linear(3))")
        s.change(uri, now)
        d = s.diagnostics(uri)
        check("a statement that does not parse", d and d[0]["severity"] == 1, d)
        for where, wanted, name in [("h = x |> l^inear(hidden)", "-> result: f32[4, 128]", "linear"),
                                    ("(h^ |> linear(3)", "h: f32[4, 128]  # 2,048 bytes", "h"),
                                    ("net(q^)", "q: f32[T, 8]  # 1,024 bytes", "q")]:
            r = s.at("hover", uri, now, where).get("result")
            check("hover %s while typing" % where, r and wanted in r["contents"]["value"] and
                  part(now, r["range"]) == name, r)
        check("hover in that statement", s.at("hover", uri, now, "y =^").get("error") is None)
    s.change(uri, text)
    s.diagnostics(uri)


def definitions(s, uri, text):
    for where, wanted in [("h = x |> linear(hi^dden)", "hidden"), ("use net = m^lp(", "mlp"), ("net(^q)", "q"),
                          ("cross_entropy(n^et(x), y)", "net"), ("cross_entropy(net(^x), y)", "x"),
                          ("data = po^ints", "points"), ("mlp(hid^den = 2", "hidden"), ("* sca^le", "scale")]:
        r = s.at("definition", uri, text, where).get("result")
        got = r and r["uri"] == uri and part(text, r["range"])
        check("definition " + where, got == wanted, r)
    r = s.at("definition", uri, text, "epochs = 2\n    loss = cross_entropy(net(x), ^y)").get("result")
    check("definition of a field", r and r["range"]["start"]["line"] == 17, r)
    for where, wanted in [("h = x |> lin^ear(hidden)", "linear"), ("ad^amw(lr", "adamw"), ("adamw(l^r =", "lr")]:
        r = s.at("definition", uri, text, where).get("result")
        path = r and r["uri"][len("file://"):]
        check("definition in the library " + where, r and part(open(path).read(), r["range"]) == wanted, r)
        check("under the cache", path and path.startswith(os.environ["XDG_CACHE_HOME"]), path)
        # The library's own file, opened: no diagnostics, and its names are found.
        lib = open(path).read()
        u = s.open(path, lib)
        check("the library has no errors", s.diagnostics(u) == [])
        check("hover in the library", s.result("textDocument/hover", {
            "textDocument": {"uri": u}, "position": r["range"]["start"]}))
        s.notify("textDocument/didClose", {"textDocument": {"uri": u}})
        s.diagnostics(u)
    for where in ["s^um(net", "st^ep / steps", "^# a model"]:
        check("no definition " + where, s.at("definition", uri, text, where).get("result", 1) is None)


def references(s, uri, text):
    for where, n in [("def ml^p", 2), ("const WI^DE", 3), ("hid^den: int", 3), ("x^: f32[8] = field", 3),
                     ("use n^et", 5), ("x: f32[^B", 2), ("y^: i32", 3), ("param sc^ale", 2), ("data poi^nts", 2),
                     ("q^: f32[T", 2), ("dim ^T", 3)]:
        r = s.at("references", uri, text, where, {"context": {"includeDeclaration": True}})["result"]
        check("references " + where, len(r) == n and len({part(text, k["range"]) for k in r}) == 1,
              [part(text, k["range"]) + str(k["range"]["start"]) for k in r])
        less = s.at("references", uri, text, where, {"context": {"includeDeclaration": False}})["result"]
        check("references without the declaration " + where, 0 < len(less) < n, less)


def shape_of(path):
    """Ops and types of the graphs, to compare a program with one whose names are others."""
    r = subprocess.run([gradc, "ir", "-W", path], capture_output=True, text=True)
    ops = re.findall(r"%\d+: [a-z0-9]+\[?[0-9,]*|= \w+(?=[ (])", re.sub(r"(?m) !.*$", "", r.stdout))
    return r.returncode, len(ops), ops


def renames(s, path, uri, text):
    before = shape_of(path)
    for where in ["def ml^p", "const WI^DE", "hid^den: int", "x^: f32[8] = field", "use n^et", "x: f32[^B", "y^: i32",
                  "param sc^ale", "data poi^nts", "q^: f32[T", "    h^ = x", "{ ^s = ", "(x^: f32[B", "act^: fn"]:
        p = s.at("prepareRename", uri, text, where)
        got = p.get("result")
        check("prepareRename " + where, got and part(text, got["range"]) == got["placeholder"], p)
        r = s.at("rename", uri, text, where, {"newName": "fresh_1"})
        if "result" not in r:
            check("rename " + where, False, r)
            continue
        new = apply(text, r["result"]["changes"][uri])
        check("rename changes " + where, new != text and new.count("fresh_1") == len(r["result"]["changes"][uri]), new)
        other = write("renamed.nn", new)
        check("rename " + where, shape_of(other) == before and before[0] == 0 and before[1] > 50, shape_of(other)[:2])
        os.remove(other)
    for where, name, why in [
            ("def ml^p", "def", "word of the language"), ("def ml^p", "net", "in use"), ("def ml^p", "2x", "no name"),
            ("def ml^p", "a b", "no name"), ("def ml^p", "", "no name"), ("def ml^p", "linear", "in use"),
            ("def ml^p", "step", "name of the language"), ("    h^ = x", "x", "in use"),
            ("    h^ = x", "scale", "in use"), ("    h^ = x", "linear", "in use"), ("hid^den: int", "act", "in use"),
            ("x^: f32[8] = field", "y", "in use"), ("x^: f32[8] = field", "net", "in use"),
            ("l^inear(hidden)", "dense", "standard library"), ("arg^max(net(q))", "f", "name of the language"),
            ("lo^ss = cross", "cost", "setting"), ("metric^.acc", "f", "setting"),
            ("^# a model", "f", "no name here"), ("def ml^p", "train", "word of the")]:
        r = s.at("rename", uri, text, where, {"newName": name})
        check("rename refused %s to %s" % (where, name), why in r.get("error", {}).get("message", ""), r)


def weights_and_calls(s):
    text = """def block(x: f32[B, 4], out: int) -> f32[B, out] {
    param w: f32[4, out] = 1
    x @ w
}
def twice(f: fn, x: f32[B, 4]) { f(f(x, out = 4), out = 4) }
use net = block(out = 4)
export def f(x: f32[1, 4]) -> f32[1, 4] { net(x) + sum(net.w) }
test "t" { assert sum(net(ones(1, 4))) == 16 }
"""
    uri = s.open(write("w.nn", text), text)
    s.diagnostics(uri)
    r = s.at("rename", uri, text, "param ^w", {"newName": "v"})
    check("weights that are named by path", "names weights" in r.get("error", {}).get("message", ""), r)
    r = s.at("rename", uri, text, "^out: int", {"newName": "v"})
    check("arguments of unknown functions", "may be the argument" in r.get("error", {}).get("message", ""), r)
    check("a path is no name", "error" in s.at("rename", uri, text, "net.^w)", {"newName": "v"}))
    s.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    s.diagnostics(uri)


def labels(s, uri, line, column):
    r = s.result("textDocument/completion", {"textDocument": {"uri": uri}, "position": {
        "line": line, "character": column}})
    return [k["label"] for k in r["items"]]


def completions(s, path):
    def complete(before, after=""):
        last = "    (h |> linear(3)) * scale\n"
        t = MODEL.replace(last, "    " + before + "%%%" + after + "\n" + last)
        line, column = place(t, "^%%%")
        uri = s.open(path, t.replace("%%%", ""))
        return labels(s, uri, line, column)
    for before, has, lacks in [
            ("k = ", ["h", "x", "hidden", "WIDE", "net", "linear", "sum", "training", "B", "true"], ["loss"]),
            ("k = linear(h, ", ["out =", "bias =", "h"], ["x ="]), ("k = h |> linear(", ["out =", "bias ="], ["x ="]),
            ("k = linear(h, out = 3, b", ["bias ="], ["out ="]),
            ("k = sum(mlp(x, ", ["hidden =", "act ="], ["axes ="]), ("k = ", [], ["_surrounded"]),
            ("", ["param", "state", "use", "h", "relu"], ["def", "data"]), ("param w: ", ["f32", "bf16"], ["float64"]),
            ("@", ["nodecay", "freeze", "checkpoint", "lr"], ["quant", "h"]), ("# li", [], ["linear"]),
            ("k = \"li", [], ["linear"]), ("k = x[", ["h"], [])]:
        got = complete(before)
        check("completion %r" % before, all(w in got for w in has) and not any(w in got for w in lacks), got[:30])
    uri = s.open(path, MODEL + "\nd")
    got = s.result("textDocument/completion", {"textDocument": {"uri": uri}, "position": {
        "line": MODEL.count("\n") + 1, "character": 1}})["items"]
    check("completion of items", {"def", "data", "export def"} <= {k["label"] for k in got}, got)
    for section, settings in [("    data = points; batch", ["loss", "optim", "epochs", "early_stop"]),
                              ("    source = csv", ["source", "holdout", "missing"])]:
        t = MODEL.replace(section, "    \n" + section)
        uri = s.open(path, t)
        line = t[:t.index(section)].count("\n") - 1
        got = s.result("textDocument/completion", {"textDocument": {"uri": uri}, "position": {
            "line": line, "character": 4}})["items"]
        names = {k["label"]: k for k in got}
        check("completion of settings", all(w in names for w in settings) and "resume" not in names, list(names)[:20])
        check("what is inserted", names[settings[1]]["insertText"] == settings[1] + " = ")
    t = MODEL.replace("cross_entropy(net(x), y)", "cross_entropy(net(x), )")
    uri = s.open(path, t)
    got = labels(s, uri, *place(t, "cross_entropy(net(x), ^)"))
    check("completion of fields", "x" in got and "y" in got and "smooth =" in got, got[:20])
    uri = s.open(path, MODEL)


def outline(s, uri, text):
    r = s.result("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    check("outline", [k["name"] for k in r] == ["WIDE", "T", "mlp", "net", "points", "train", "classify",
                                                "\U0001F600 einsum é"], [k["name"] for k in r])
    kids = {k["name"]: [c["name"] for c in k.get("children", [])] for k in r}
    check("outline of a def", kids["mlp"] == ["scale"], kids)
    check("outline of data", kids["points"] == ["source", "holdout", "x", "y"], kids)
    check("outline of train", kids["train"] == ["data", "batch", "epochs", "loss", "optim", "metric.acc"], kids)
    inside = all(k["range"]["start"] == k["selectionRange"]["start"] or
                 (k["range"]["start"]["line"], k["range"]["start"]["character"]) <=
                 (k["selectionRange"]["start"]["line"], k["selectionRange"]["start"]["character"]) for k in r)
    check("selections are inside", inside)
    check("selected names", [part(text, k["selectionRange"]) for k in r[:5]] == ["WIDE", "T", "mlp", "net", "points"])


def formatting(s, path, rounds):
    """Random edits in comments, by UTF-16 positions: what the server formats is what the client has."""
    rng = random.Random(7)
    pool = ["a", "é", "\U0001F600", "漢", " ", "\t", "#", "\"", "\\", "\r"]
    for newline in ["\n", "\r\n"]:
        head, tail = "def   f(x: f32[2])  {  x+1 }", "use   n = f( )"
        lines = ["# " + "".join(rng.choice(pool[:4]) for _ in range(20)) for _ in range(8)]
        text = newline.join([head] + lines + [tail, ""])
        uri = s.open(path, text)
        for version in range(rounds):
            rows = text.split("\n")
            row = rng.randrange(1, 9)
            units = utf16(rows[row].rstrip("\r"))
            a = rng.randrange(2, units + 1)
            b = min(a + rng.choice([0, 0, 1, 2, 5]), units)
            new = "".join(rng.choice(pool[:9]) for _ in range(rng.randrange(4)))
            r = {"start": {"line": row, "character": a}, "end": {"line": row, "character": b}}
            raw = rows[row].encode("utf-16-le")
            left, right = raw[:2 * a], raw[2 * b:]
            while True:  # not inside a pair
                try:
                    left.decode("utf-16-le"), right.decode("utf-16-le")
                    break
                except UnicodeDecodeError:
                    a, b = a - 1, b - 1
                    left, right = raw[:2 * a], raw[2 * b:]
                    if a < 2 or b < a:
                        a = b = units
                        left, right = raw[:2 * a], raw[2 * b:]
                    r = {"start": {"line": row, "character": a}, "end": {"line": row, "character": b}}
            rows[row] = left.decode("utf-16-le") + new + right.decode("utf-16-le")
            text = "\n".join(rows)
            s.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": version + 2},
                                                "contentChanges": [{"range": r, "rangeLength": 0, "text": new}]})
        edits = s.result("textDocument/formatting", {"textDocument": {"uri": uri}, "options": {"tabSize": 4}})
        with open(path, "w", newline="") as f:
            f.write(text)
        want = subprocess.run([gradc, "fmt", path], capture_output=True).stdout.decode()
        check("edits and formatting %r" % newline, edits and apply(text, edits) == want, edits)
    uri = s.open(path, MODEL)
    good = s.result("textDocument/formatting", {"textDocument": {"uri": uri}, "options": {}})
    s.change(uri, MODEL.replace("h |> linear(3)", "h   |>   linear(3)"))
    one = s.result("textDocument/formatting", {"textDocument": {"uri": uri}, "options": {}})
    check("only lines that change", one and len(one) == 1 and one[0]["range"]["end"]["line"] -
          one[0]["range"]["start"]["line"] <= 2, one)
    check("an edit for each layout", isinstance(good, list), good)
    s.change(uri, "def f( {")
    none = s.result("textDocument/formatting", {"textDocument": {"uri": uri}, "options": {}})
    check("errors of syntax", none is None, none)
    s.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


path = write("model.nn", MODEL)
s = Server(gradc)
s.start()
uri = s.open(path, MODEL)
d = s.diagnostics(uri)
check("no diagnostics", d == [], d)
hover(s, uri, MODEL)
hover_while_typing(s, uri, MODEL)
definitions(s, uri, MODEL)
references(s, uri, MODEL)
renames(s, path, uri, MODEL)
outline(s, uri, MODEL)
completions(s, path)
weights_and_calls(s)
formatting(s, os.path.join(folder, "format.nn"), 300 if full else 40)
check("ends", s.stop() == 0)
check.end()
