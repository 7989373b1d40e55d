# SPDX-License-Identifier: Apache-2.0
"""fuzz.py GRADC ROUNDS: messages and texts with random faults. The server must answer or ignore each, and end when its
input does."""
import json
import os
import random
import subprocess
import sys

from client import Count, frame

gradc, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2])
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
check = Count()
METHODS = ["hover", "definition", "references", "prepareRename", "rename", "completion", "formatting",
           "documentSymbol"]
WORDS = ["def ", "(", ")", "{", "}", "[", "]", "x", "linear(", "|> ", "param w: f32[", "use n = ", "train {",
         "data d {", "\n", "\"", "#", "@", "é", "\U0001F600", ", ", " = ", ":", "..", "import \"a.nn\"", "\r\n",
         "1e9", "\t", "sum[i](x[i])"]


def any_value(r, depth=0):
    k = r.randrange(9 if depth < 3 else 6)
    if k < 6:
        return [None, True, r.randrange(-5, 2000), 1e300, "a\u0000\ud800", 1 << 70][k]
    if k < 8:
        return [any_value(r, depth + 1) for _ in range(r.randrange(3))]
    return {r.choice(["line", "character", "uri", "text", "range", "start"]): any_value(r, depth + 1) for _ in range(3)}


def position(r):
    return {"line": r.choice([0, 1, 2, 5, 9, 40, 1 << 40, -1]), "character": r.choice([0, 1, 4, 8, 20, 90, 1 << 40])}


def message(r, n):
    doc = {"uri": "file:///f/%d.nn" % r.randrange(2), "version": n}
    k = r.randrange(12)
    if k == 0:
        return {"id": n, "method": r.choice(METHODS), "params": any_value(r)}
    if k < 5:
        changes = [{"text": "".join(r.choice(WORDS) for _ in range(r.randrange(6))), "range": {
            "start": position(r), "end": position(r)}} for _ in range(r.randrange(3))]
        if r.randrange(12) == 0:
            changes.append({"text": r.choice(TEXTS)})
        return {"method": "textDocument/didChange", "params": {"textDocument": doc, "contentChanges": changes}}
    if k == 5:
        return {"method": "textDocument/didOpen", "params": {"textDocument": dict(doc, text=r.choice(TEXTS))}}
    if k == 6 and r.randrange(6) == 0:
        return {"method": "textDocument/didClose", "params": {"textDocument": doc}}
    return {"id": n, "method": "textDocument/" + r.choice(METHODS), "params": {
        "textDocument": doc, "position": position(r), "newName": r.choice(["a", "x", "def", "", "é"]), "options": {}}}


def spoil(r, data):
    b = bytearray(data)
    for _ in range(r.randrange(1, 4)):
        i = r.randrange(len(b))
        k = r.randrange(4)
        if k == 0:
            b[i] = r.randrange(256)
        elif k == 1:
            del b[i:i + r.randrange(20)]
        elif k == 2:
            b[i:i] = bytes(r.randrange(256) for _ in range(r.randrange(5)))
        else:
            b[i:i] = b[max(0, i - 30):i]
        if not b:
            b = bytearray(b"x")
    return bytes(b)


TEXTS = []
for name in ["digits", "lstm", "gan", "iris"]:
    with open("%s/examples/models/%s.nn" % (root, name)) as f:
        TEXTS.append(f.read())
START = frame({"id": 0, "method": "initialize", "params": {}}) + frame({"method": "initialized", "params": {}})
END = frame({"id": "end", "method": "shutdown"}) + frame({"method": "exit"})
for seed in range(rounds):
    r = random.Random(seed)
    data = START
    for n in range(1, 40):
        m = frame(json.dumps(message(r, n)).encode())
        data += spoil(r, m) if r.randrange(10) == 0 and seed % 2 else m
    p = subprocess.run([gradc, "lsp"], input=data + (b"\r\n\r\n" if seed % 2 else b"") + END, capture_output=True, timeout=300)
    check("seed %d" % seed, p.returncode in (0, 1) and b"ERROR" not in p.stderr and b"runtime error" not in p.stderr,
          "status %d: %s" % (p.returncode, p.stderr[:300]))
    if seed % 2 == 0:  # without faults of the framing every request has its answer
        asked = data.count(b'"id"') - data.count(b"\\\"id\\\"") + 1
        check("answers of seed %d" % seed, p.stdout.count(b'"id":') == asked, (p.stdout.count(b'"id":'), asked))
check.end()
