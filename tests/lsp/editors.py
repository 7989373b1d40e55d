# SPDX-License-Identifier: Apache-2.0
"""editors.py GRADC FOLDER: the files of editors/ know the words of the compiler: those of the lexer, the types and the
values that completion offers, the functions of the library."""
import json
import os
import re
import shutil
import subprocess

from client import Count, Server
from model import MODEL, folder, gradc, root

check = Count()
VSCODE, VIM = root + "/editors/vscode/", root + "/editors/vim"


def load(name):
    with open(VSCODE + name, encoding="utf-8") as f:
        return json.load(f)


def rules(grammar, patterns):
    for p in patterns:
        if "include" in p:
            yield from rules(grammar, grammar["repository"][p["include"][1:]]["patterns"])
        else:
            yield p


def scopes(grammar, line):
    """The scope of each character of a line, as a TextMate grammar gives it: the first rule at the leftmost place."""
    out, i = [""] * len(line), 0
    while i < len(line):
        best = None
        for p in rules(grammar, grammar["patterns"]):
            m = re.compile(p.get("match") or p["begin"]).search(line, i)
            if m and m.end() > m.start() and (best is None or m.start() < best[0].start()):
                best = (m, p)
        if not best:
            break
        m, p = best
        end = m.end()
        if "begin" in p:
            close = re.compile(r"(?:\\.|[^\"])*(" + p["end"] + ")").match(line, m.end())
            end = close.end() if close else len(line)
        out[m.start():end] = [p.get("name", "")] * (end - m.start())
        for k, c in p.get("captures", {}).items():
            a, b = m.span(int(k))
            out[a:b] = [c["name"]] * (b - a)
        i = end
    return out


def words_of_compiler():
    with open(root + "/frontend/syntax/lex.c") as f:
        lexer = f.read()
    keywords = re.findall(r'\{"([a-z]+)", TK_', lexer[lexer.index("WORDS[]"):lexer.index("SYMBOLS[]")])
    s = Server(gradc)
    s.start()

    def offered(text):
        uri = s.open(folder + "/words.nn", text.replace("^", ""))
        before = text[:text.index("^")]
        r = s.result("textDocument/completion", {"textDocument": {"uri": uri}, "position": {
            "line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}})
        return r["items"]
    types = [k["label"] for k in offered("def f(x: ^")]
    rest = offered("def f(x: f32[2]) { y = ^ }")
    functions = [k["label"] for k in rest if k["kind"] == 3]
    s.stop()
    return keywords, types, functions


# A line in which each word stands where it is a keyword.
PLACES = {"data": "data d {", "train": "train {", "target": "target t {", "test": "test \"t\" {", "dim": "dim T <= 3",
          "import": "import \"a.nn\"", "export": "export def f(x: f32[1]) { x }", "true": "y = true",
          "false": "y = false"}
VALUES = ["training", "inf", "nan", "pi", "none", "step", "steps", "epoch"]


def lines_to_show(keywords, types, functions):
    """(line, column, word, what it is)"""
    for w in keywords:
        line = PLACES.get(w, w + " x {")
        yield line, line.index(w), w, "value" if w in ("true", "false") else "keyword"
    for w in VALUES:
        yield "y = " + w + " + 1", 4, w, "value"
    for w in types:
        yield "def f(x: " + w + ", y: int) {", 9, w, "type"
    for w in ["data", "train", "test", "dim"]:  # names elsewhere
        yield "    y = " + w + " + 1", 8, w, ""
    for w in functions:
        if w not in VALUES:
            yield "    y = " + w + "(x)", 8, w, "call"
    yield "y = 1 # if", 8, "if", "comment"
    yield "y = \"if\\\" def\" + 1", 10, "def", "string"
    yield "y = 19_560K + 3e-4", 4, "19_560K", "number"
    yield "    @nodecay", 4, "@nodecay", "hint"


def vscode(shown):
    package, grammar = load("package.json"), load("syntaxes/nn.tmLanguage.json")
    load("language-configuration.json")
    given = package["contributes"]
    files = [package["main"], given["languages"][0]["configuration"], given["grammars"][0]["path"]]
    check("files of the extension", all(os.path.isfile(VSCODE + f) for f in files), files)
    check("scope", given["grammars"][0]["scopeName"] == grammar["scopeName"] == "source.nn")
    with open(root + "/lib/gradc.h") as f:
        check("version", '"%s"' % package["version"] in f.read(), package["version"])
    wanted = {"keyword": r"keyword|storage", "value": r"(constant|variable)\.language", "type": r"support\.type",
              "call": r"entity\.name\.function|support\.type", "comment": "comment", "string": "string", "": r"^$",
              "number": r"constant\.numeric", "hint": "hint"}
    wrong = []
    for line, at, word, kind in shown:
        got = set(scopes(grammar, line)[at:at + len(word)])
        if len(got) != 1 or not re.search(wanted[kind], got.pop()):
            wrong.append((line, word, kind, scopes(grammar, line)[at]))
    check("highlighting of %d words" % len(shown), not wrong, wrong[:4])
    if shutil.which("node"):
        stub = """const M = require('module'), load = M._load;
M._load = (n, ...a) => n === 'vscode' ? {workspace: {getConfiguration: () => ({get: () => 'GRADC'})}}
  : n === 'vscode-languageclient/node' ? {TransportKind: {stdio: 0}, LanguageClient: class {
      constructor(id, name, s, c) { console.log(s.command, s.args.join(' '), c.documentSelector[0].language) }
      start() { console.log('started') } stop() { console.log('stopped') } }} : load(n, ...a);
const e = require(process.argv[1]); e.activate(); e.deactivate();"""
        r = subprocess.run(["node", "-e", stub, VSCODE + "extension.js"], capture_output=True, text=True)
        check("extension.js", r.stdout.split("\n")[:3] == ["GRADC lsp nn", "started", "stopped"], r.stdout + r.stderr)


def extra_words(keywords, types):
    """The lists of both editors have no words that the compiler lacks."""
    known = set(keywords) | set(types) | set(VALUES)
    with open(VIM + "/syntax/nn.vim") as f:
        listed = re.findall(r"syntax keyword nn(?!Todo)\w+ (.*)", f.read())
    words = {w for x in listed for w in x.split()}
    check("words of Vim", words <= known, words - known)
    grammar = load("syntaxes/nn.tmLanguage.json")
    found = [re.match(r"\\b\(\?:([a-z0-9|]+)\)\\b", p.get("match", "")) for p in rules(grammar, grammar["patterns"])]
    lists = [m.group(1) for m in found if m]
    words = {w for x in lists for w in x.split("|")}
    check("words of VS Code", len(lists) > 4 and words <= known, words - known)


def vim(shown):
    if not shutil.which("vim") or b"+syntax" not in subprocess.run(["vim", "--version"], capture_output=True).stdout:
        return
    source, script, out = (os.path.join(folder, n) for n in ["words.nn", "words.vim", "words.txt"])
    with open(source, "w") as f:
        f.write("\n".join(line for line, _, _, _ in shown) + "\n")
    with open(script, "w") as f:
        f.write("let r = []\n")
        for i, (_, at, word, _) in enumerate(shown):
            f.write("call add(r, synIDattr(synID(%d, %d, 1), 'name'))\n" % (i + 1, at + 1))
        f.write("call add(r, &filetype . ' ' . &commentstring)\ncall writefile(r, '%s')\nqall!\n" % out)
    subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "--cmd", "set rtp^=" + VIM, "--cmd",
                    "filetype plugin on | syntax on", source, "-S", script], timeout=60, stdin=subprocess.DEVNULL)
    with open(out) as f:
        got = f.read().split("\n")
    wanted = {"keyword": "nnDeclaration|nnItem|nnControl|nnOperatorWord", "value": "nnBoolean|nnConstant",
              "type": "nnType", "call": "^$|nnType", "comment": "nnComment", "string": "nnString", "": "^$",
              "number": "nnNumber", "hint": "nnHint"}
    wrong = [(x, g) for x, g in zip(shown, got) if not re.search(wanted[x[3]], g)]
    check("Vim highlights %d words" % len(shown), not wrong, wrong[:4])
    check("Vim knows the file", got[len(shown)] == "nn # %s", got[len(shown):])


found = words_of_compiler()
check("words of the compiler", len(found[0]) > 20 and "f32" in found[1] and len(found[2]) > 300, found)
shown = list(lines_to_show(*found))
vscode(shown)
extra_words(found[0], found[1])
vim(shown)
check.end()
