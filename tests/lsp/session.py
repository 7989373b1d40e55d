# SPDX-License-Identifier: Apache-2.0
"""session.py GRADC FOLDER [full]: the life of a session, faults of messages, diagnostics, imports, memory."""
import json
import os
import subprocess

from client import Count, Server, frame, part, uri_of
from model import MODEL, folder, full, gradc, root, write

check = Count()


# What VS Code 1.9x and Neovim 0.10 send first, without the capabilities that the server does not read.
VSCODE = {"processId": 1, "clientInfo": {"name": "Visual Studio Code", "version": "1.96.0"}, "locale": "en",
          "rootPath": folder, "rootUri": uri_of(folder), "capabilities": {
              "general": {"positionEncodings": ["utf-16"], "regularExpressions": {"engine": "ECMAScript"}},
              "textDocument": {"synchronization": {"didSave": True, "dynamicRegistration": True},
                               "publishDiagnostics": {"relatedInformation": True, "versionSupport": False},
                               "completion": {"completionItem": {"snippetSupport": True}}},
              "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}},
          "trace": "off", "workspaceFolders": [{"uri": uri_of(folder), "name": "w"}]}
NEOVIM = {"processId": 2, "clientInfo": {"name": "Neovim", "version": "0.10.2"}, "rootUri": None, "rootPath": None,
          "workspaceFolders": None, "trace": "off", "workDoneToken": "1", "capabilities": {
              "general": {"positionEncodings": ["utf-16"]},
              "textDocument": {"hover": {"contentFormat": ["markdown", "plaintext"]},
                               "rename": {"prepareSupport": True}}}}


def life():
    s = Server(gradc)
    check("before initialize", s.request("textDocument/hover", {})["error"]["code"] == -32002)
    r = s.start(VSCODE)
    want = ["hoverProvider", "definitionProvider", "referencesProvider", "renameProvider", "completionProvider",
            "documentFormattingProvider", "documentSymbolProvider"]
    check("capabilities", r["serverInfo"]["name"] == "gradc" and all(r["capabilities"].get(k) for k in want), r)
    check("sync", r["capabilities"]["textDocumentSync"] == {"openClose": True, "change": 2}, r)
    s.notify("$/setTrace", {"value": "off"})
    s.notify("workspace/didChangeConfiguration", {"settings": {}})
    check("initialize twice", s.request("initialize", {})["error"]["code"] == -32600)
    check("unknown method", s.request("textDocument/foldingRange", {})["error"]["code"] == -32601)
    check("no params", s.request("textDocument/hover")["error"]["code"] == -32602)
    check("not open", s.request("textDocument/hover", {"textDocument": {"uri": "file:///no.nn"}, "position": {
        "line": 0, "character": 0}})["error"]["code"] == -32602)
    check("ids that are texts", (s.send({"jsonrpc": "2.0", "id": "a\"b", "method": "shutdown"}), s.read())[1] == {
        "jsonrpc": "2.0", "id": "a\"b", "result": None})
    check("after shutdown", s.request("textDocument/hover", {})["error"]["code"] == -32600)
    s.notify("exit")
    check("status", s.p.wait(20) == 0)
    s = Server(gradc)
    s.start(NEOVIM)
    s.notify("exit")
    check("exit without shutdown", s.p.wait(20) == 1)
    s = Server(gradc)
    s.p.stdin.close()
    check("end of input", s.p.wait(20) == 1)


def malformed():
    s = Server(gradc)
    s.start()
    for name, data, code in [
            ("no JSON", frame(b"{\"jsonrpc\": "), -32700), ("empty", frame(b""), -32700),
            ("half a number", frame(b"{\"id\": 01}"), -32700), ("a control character", frame(b"\"\x01\""), -32700),
            ("depth", frame(b"[" * 100000), -32700), ("more text", frame(b"{} {}"), -32700),
            ("batch", frame([]), -32600), ("a number", frame(b"7"), -32600), ("no method", frame({"id": 1}), -32600),
            ("method of another kind", frame({"id": 1, "method": 3}), -32600),
            ("id of another kind", frame({"id": {}, "method": "shutdown"}), -32600),
            ("no length", b"Content-Type: x\r\n\r\n", -32700), ("no number", b"Content-Length: x\r\n\r\n", -32700),
            ("negative", b"Content-Length: -5\r\n\r\n", -32700),
            ("huge", b"Content-Length: 99999999999999999999999\r\n\r\n", -32700),
            ("text of no end", b"x" * 5000, -32700)]:
        s.raw(data)
        m = s.read()
        check(name, m and m.get("error", {}).get("code") == code, m)
        while True:  # a fault of the framing may be several
            r = s.request("nothing")
            if r.get("error", {}).get("code") == -32601 or not r:
                break
        check("goes on after " + name, r.get("error", {}).get("code") == -32601, r)
    n = 33 << 20
    s.raw(b"Content-Length: %d\r\n\r\n" % n)
    check("too long", s.read()["error"]["message"] == "the message is too long")
    for i in range(n >> 16):
        s.raw(b" " * (1 << 16))
    check("goes on after a long one", s.request("nothing")["error"]["code"] == -32601)
    for b in frame({"jsonrpc": "2.0", "id": 900, "method": "nothing"}):
        s.raw(bytes([b]))
    check("byte by byte", s.read()["id"] == 900)
    s.raw(frame({"id": 901, "method": "nothing"}).replace(b"\r\n\r\n", b"\r\nContent-Type: x; charset=utf-8\r\n\r\n"))
    check("a further header", s.read()["id"] == 901)
    uri = s.open("/none/m.nn", MODEL)
    s.diagnostics(uri)
    hover = {"jsonrpc": "2.0", "method": "textDocument/hover", "params": {
        "textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}}
    s.send(dict(hover, id=1000), dict(hover, id=1001), {"method": "$/cancelRequest", "params": {"id": 1001}},
           {"method": "$/cancelRequest", "params": {"id": 12345}})
    first, second = s.read(), s.read()
    check("cancelled", first["id"] == 1000 and "result" in first and second["error"]["code"] == -32800, second)
    check("ends", s.stop() == 0)


def imports(s):
    parts, main = os.path.join(folder, "parts.nn"), os.path.join(folder, "main 1.nn")
    lib = "def twice(x: f32[N], by: float = 2) { by * x }\nconst K = 3\n"
    text = "import \"parts.nn\"\nexport def f(x: f32[4]) -> f32[4] { twice(x, by = K) }\n"
    write("parts.nn", lib)
    uri = "file://" + main.replace(" ", "%20")
    s.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "nn", "version": 1, "text": text}})
    check("an import is found beside the file", s.diagnostics(uri) == [])
    r = s.at("definition", uri, text, "tw^ice(x")["result"]
    check("definition in another file", r["uri"] == uri_of(parts) and part(lib, r["range"]) == "twice", r)
    check("definition of an import", s.at("definition", uri, text, "\"pa^rts.nn")["result"]["uri"] == uri_of(parts))
    other = s.open(parts, "def twice(x: i32[N]) { 2 * x }\nconst K = 3\n")
    d = s.diagnostics(uri)
    check("text that is not saved", d and any("by" in k["message"] or "i32" in k["message"] for k in d), d)
    s.change(other, "def twice(x: f32[N] { 2 }\n")
    d = s.diagnostics(uri)
    check("an error in an import", d and d[0]["range"]["start"]["line"] == 0 and "parts.nn:1" in d[0]["message"], d)
    s.change(other, lib)
    check("mended", s.diagnostics(uri) == [])
    r = s.at("rename", other, lib, "def tw^ice", {"newName": "scaled"})["result"]["changes"]
    check("rename in two files", sorted(len(v) for v in r.values()) == [1, 1] and uri in r, r)
    r = s.at("rename", other, lib, "^by: float", {"newName": "factor"})["result"]["changes"]
    check("rename of an argument in two files", sorted(len(v) for v in r.values()) == [1, 2], r)
    # The importing file is not open: its text is read from the folder.
    write("user.nn", text)
    s.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    s.diagnostics(uri)
    r = s.at("references", other, lib, "const ^K", {"context": {"includeDeclaration": True}})["result"]
    check("references in files that are not open", len(r) == 2, r)
    # So are those of other folders of the workspace.
    os.makedirs(os.path.join(folder, "deep", "v1.2"), exist_ok=True)
    write("deep/v1.2/far.nn", text.replace("parts.nn", "../../parts.nn"))
    write("deep/other.nn", "const K = 4\nexport def f(x: f32[2]) { K * x }\n")
    r = s.at("references", other, lib, "const ^K", {"context": {"includeDeclaration": True}})["result"]
    check("references in other folders", sorted(os.path.basename(k["uri"]) for k in r) == [
        "far.nn", "parts.nn", "user.nn"], r)
    r = s.at("rename", other, lib, "def tw^ice", {"newName": "scaled"})["result"]["changes"]
    check("rename in other folders", sorted(os.path.basename(k) for k in r) == ["far.nn", "parts.nn", "user.nn"], r)
    os.remove(os.path.join(folder, "deep/v1.2/far.nn"))
    s.notify("textDocument/didClose", {"textDocument": {"uri": other}})
    s.diagnostics(other)
    os.remove(os.path.join(folder, "user.nn"))


def in_library(s):
    """A fault inside a function of the library is shown where the user calls it."""
    text = "export def f(x: f32[2, 3]) -> f32[4] {\n    conv2d(x, 3, 2)\n}\n"
    uri = s.open(os.path.join(folder, "l.nn"), text)
    d = s.diagnostics(uri)
    check("a fault in a call of the library", d and d[0]["range"]["start"]["line"] == 1, d)
    s.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    s.diagnostics(uri)


def wrong_programs():
    """Those of tests/bad/codes.txt for `gradc check`."""
    with open(root + "/tests/bad/codes.txt", encoding="utf-8", errors="surrogateescape") as f:
        cases = f.read().split("\n#### ")[1:]
    for case in cases:
        head, _, body = case.partition("\n")
        lines = [x for x in body.split("\n") if not x.startswith("#= ")]
        for i, x in enumerate(lines):
            if x.startswith("repeat "):
                _, n, text = x.split(" ", 2)
                lines[i] = text * int(n)
        if "|" not in head:
            yield "\n".join(lines)


def same_as_check(s):
    """Diagnostics are those of `gradc check --json`."""
    programs = list(wrong_programs())
    wrong, n = [], 0
    for text in programs if full else programs[::len(programs) // 25]:
        try:
            text.encode()
        except UnicodeEncodeError:
            continue
        path = write("case.nn", text)
        r = subprocess.run([gradc, "check", "--json", path], capture_output=True)
        want = [json.loads(x) for x in r.stdout.decode("utf-8", "replace").splitlines()]
        uri = s.open(path, text)
        got = s.diagnostics(uri)
        same = len(got) == len(want) and all(
            g["code"] == w["code"] and g["severity"] == w["severity"] and
            (w["uri"] != path or (g["range"] == w["range"] and g["message"].startswith(w["message"])))
            for g, w in zip(got, want))
        n += 1
        if not same:
            wrong.append((text[:200], got[:1], want[:1]))
    check("the same diagnostics as check --json, %d files" % n, n > 20 and not wrong, wrong[:2])


def rss(s):
    with open("/proc/%d/status" % s.p.pid) as f:
        return int(next(x for x in f if x.startswith("VmRSS")).split()[1])


def cpu_seconds(s):
    with open("/proc/%d/stat" % s.p.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def long_session(s, rounds):
    path = root + "/examples/models/gpt.nn"
    with open(path) as f:
        text = f.read()
    uri = s.open(path, text)
    s.diagnostics(uri)
    first, checks, before = 0, 0, cpu_seconds(s)
    for i in range(rounds):
        r = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
        s.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": i + 2}, "contentChanges": [
            {"range": r, "text": "#"}]})
        got = s.diagnostics(uri)
        checks += 1
        s.at("hover", uri, text, "#^")
        if i % 3 == 0:
            s.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": i + 2}, "contentChanges": [
                {"range": dict(r, end={"line": 0, "character": 1}), "text": ""}]})
            got = s.diagnostics(uri)
            checks += 1
        if i == rounds // 3:
            first = rss(s)
    check("no diagnostics of a good file", got == [], got)
    check("memory does not grow", rss(s) < first + 2048, "%d KB, then %d KB" % (first, rss(s)))
    ms = 1000 * (cpu_seconds(s) - before) / checks  # of the processor: others may be busy on this machine
    check("checked within 50 ms", ms < 50, "%.1f ms" % ms)


life()
malformed()
s = Server(gradc)
s.start(VSCODE)
imports(s)
in_library(s)
same_as_check(s)
long_session(s, 1500 if full else 30)
check("ends", s.stop() == 0)
check.end()
