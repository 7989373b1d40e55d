# SPDX-License-Identifier: Apache-2.0
"""Texts: tokenizers and Model.generate. python_text.py FOLDER: one with the files of tests/weights."""
import os
import subprocess
import sys

import numpy as np

import gradc
from python_suite import OPTIONS, check, end, raises

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SIZES = dict(VOCAB=320, WIDTH=8, LAYERS=2, HEADS=2, CONTEXT=24)
PROMPT = "The licence doesn't"


def wanted(file):
    return [int(i) for i in open(file).read().split(",")]


def tokenizers():
    for file, texts, want in (("tokenizer.json", "odd.txt", "bpe.want"), ("llama2.model", "more.txt", "llama2.want")):
        t = gradc.Tokenizer(file)
        read = [bytes.fromhex(line).decode() for line in open(texts)]
        got = [" ".join(map(str, t.encode(s))) for s in read]
        check(got == open(want).read().splitlines(), f"tokens of {file}")
    check(len(t) == 400 and t.begin == 1 and t.end == 2 and t.encode("x", prompt=True)[0] == 1, t)
    t = gradc.Tokenizer("tokenizer.json")
    check(t.begin is None and t.end == 0 and "320 tokens" in repr(t), t)
    check(all(t.decode(t.encode(s)) == s for s in ("", "a b  c", "na\u00efve \U0001f600", "\n")), "there and back")
    check(t.decode(t.encode("\u00e9")[:1]) == "\ufffd", "a part of a character")
    check(t.decode(np.array([[]], np.int32)) == "" and t.decode(iter(t.encode("ab"))) == "ab", "other lists")
    raises(gradc.DataError, "no.json", lambda: gradc.Tokenizer("no.json"), "E0646")
    raises(TypeError, "list of integers", lambda: t.decode([0.5]))
    raises(ValueError, "negative", lambda: t.decode([-1]))


class Other:
    """As those of transformers."""
    eos_token_id = 0

    def __init__(self):
        self.own = gradc.Tokenizer("vocab.json")
        self.encode, self.decode = self.own.encode, self.own.decode


def generation(m):
    t = gradc.Tokenizer("tokenizer.json")
    ids, want, last = t.encode(PROMPT), wanted("greedy_cached.want"), wanted("greedy.want")
    n = len(ids)
    check(ids == want[:n], "the prompt")
    check(m.generate(ids, 40, temperature=0) == want[n:], "greedy, keys and values kept")
    check(m.generate(np.array([ids], np.int64), 40, 0, export="next") == last[n:], "greedy, all tokens again")
    check(m.generate(ids, 40, top_k=1) == want[n:] and m.generate(ids, 40, top_p=1e-6) == want[n:], "one candidate")
    text = t.decode(want[n:])
    for tokenizer in ("tokenizer.json", t, Other()):
        check(m.generate(PROMPT, 40, temperature=0, tokenizer=tokenizer) == text, f"as a text, {tokenizer}")
    seen = []
    check(m.generate(ids, 40, 0, callback=lambda i: seen.append(i) or len(seen) == 5) == want[n:n + 5] == seen, seen)
    check(m.generate(ids, 40, 0, end=want[n + 3]) == want[n:want.index(want[n + 3], n)], "an end")
    check(m.generate("", 3, 0, tokenizer=t) == m.generate("<|endoftext|>", 3, 0, tokenizer=t), "nothing")
    drawn = [m.generate(ids, 20, seed=s) for s in (1, 2, 1)]
    check(drawn[0] == drawn[2] != drawn[1] and len(drawn[0]) == 20, drawn)
    save_and_command(m, ids, drawn[0])
    raises(TypeError, "needs tokenizer=", lambda: m.generate("x"))
    raises(ValueError, "top_k", lambda: m.generate(ids, top_k=-1))
    raises(gradc.CallError, "temperature", lambda: m.generate(ids, temperature=-1), "E0801")
    raises(gradc.CallError, "needs a token", lambda: m.generate([]), "E0801")
    raises(gradc.DataError, "out of range", lambda: m.generate([320]), "E0617")
    raises(AttributeError, "no `export def f`", lambda: m.generate(ids, export="f"))
    raises(ZeroDivisionError, "", lambda: m.generate(ids, callback=lambda i: 1 // 0))


def save_and_command(m, ids, drawn):
    """The same tokens as `gradc generate`."""
    m.save("again.safetensors")
    sizes = [f"--set={k}={v}" for k, v in SIZES.items()]
    said = subprocess.run([os.environ["GRADC"], "generate", ROOT + "/examples/models/gpt2.nn", *sizes, "--fp=strict",
                           "--threads=1", "--weights=again.safetensors", "--tokenizer=tokenizer.json",
                           f"--prompt={PROMPT}", "--tokens=20", "--seed=1", "--json"], capture_output=True, text=True)
    check('"tokens":[' + ",".join(map(str, ids + drawn)) + "]" in said.stdout, said)


def main():
    os.chdir(sys.argv[1])
    tokenizers()
    model = ROOT + "/examples/models/gpt2.nn"
    subprocess.run([os.environ["GRADC"], "weights", "gpt2.safetensors", "--map", "gpt2", "-o", "gpt2.map.safetensors"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with gradc.compile(model, **SIZES, **{**OPTIONS, "search": []}) as m:
        m.load("gpt2.map.safetensors")
        generation(m)
    end()


main()
