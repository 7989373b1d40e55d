# SPDX-License-Identifier: Apache-2.0
"""A client of `gradc lsp` over its standard input and output, and a count of checks."""
import json
import os
import select
import subprocess
import sys


class Server:
    def __init__(self, gradc, env=None):
        self.p = subprocess.Popen([gradc, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                  env=dict(os.environ, **(env or {})))
        self.buf, self.last, self.published = b"", 0, {}

    def raw(self, data):
        self.p.stdin.write(data)

    def send(self, *messages):
        self.raw(b"".join(frame(m) for m in messages))

    def read(self, timeout=20):
        """The next message; None: the output ended, or nothing came in time."""
        while True:
            head = self.buf.find(b"\r\n\r\n")
            if head >= 0:
                n = int(self.buf[:head].split(b":")[1])
                if len(self.buf) >= head + 4 + n:
                    body, self.buf = self.buf[head + 4:head + 4 + n], self.buf[head + 4 + n:]
                    m = json.loads(body.decode("utf-8"))
                    if m.get("method") == "textDocument/publishDiagnostics":
                        self.published[m["params"]["uri"]] = m["params"]["diagnostics"]
                    return m
            if not select.select([self.p.stdout], [], [], timeout)[0]:
                return None
            data = self.p.stdout.read(1 << 16)
            if not data:
                return None
            self.buf += data

    def request(self, method, params=None):
        """The response: {"result": …} or {"error": …}."""
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        while True:
            m = self.read()
            if m is None or m.get("id") == self.last:
                return m or {}

    def result(self, method, params=None):
        return self.request(method, params).get("result")

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def start(self, params=None):
        r = self.result("initialize", params or {"processId": None, "rootUri": None, "capabilities": {}})
        self.notify("initialized", {})
        return r

    def open(self, path, text):
        uri = uri_of(path)
        self.notify("textDocument/didOpen",
                    {"textDocument": {"uri": uri, "languageId": "nn", "version": 1, "text": text}})
        return uri

    def change(self, uri, text, version=2):
        self.notify("textDocument/didChange",
                    {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]})

    def diagnostics(self, uri):
        """Those of the next publication for this text."""
        while True:
            m = self.read()
            if m is None or (m.get("method") == "textDocument/publishDiagnostics" and m["params"]["uri"] == uri):
                return m and m["params"]["diagnostics"]

    def at(self, method, uri, text, where, more=None):
        """A request about the place of `where` in the text: the character after its `^`."""
        line, column = place(text, where)
        return self.request("textDocument/" + method, dict(
            {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}, **(more or {})))

    def stop(self):
        self.request("shutdown")
        self.notify("exit")
        return self.p.wait(20)


def frame(m):
    body = m if isinstance(m, bytes) else json.dumps(m).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def uri_of(path):
    return "file://" + path


def utf16(s):
    return len(s.encode("utf-16-le")) // 2


def place(text, where):
    """The position of `a^b` in a text that has `ab` once (or at its first place)."""
    before, _, after = where.partition("^")
    i = text.index(before + after) + len(before)
    return text.count("\n", 0, i), utf16(text[text.rfind("\n", 0, i) + 1:i])


def offset(text, position):
    lines = text.split("\n")
    line = position["line"]
    if line >= len(lines):
        return len(text)
    units = lines[line].encode("utf-16-le")[:2 * position["character"]]
    return sum(len(x) + 1 for x in lines[:line]) + len(units.decode("utf-16-le"))


def part(text, r):
    return text[offset(text, r["start"]):offset(text, r["end"])]


def apply(text, edits):
    for e in sorted(edits, key=lambda e: -offset(text, e["range"]["start"])):
        text = text[:offset(text, e["range"]["start"])] + e["newText"] + text[offset(text, e["range"]["end"]):]
    return text


class Count:
    passed = failed = 0

    def __call__(self, name, ok, got=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL  %s: %s" % (name, str(got)[:400]))

    def end(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        sys.exit(self.failed > 0)
