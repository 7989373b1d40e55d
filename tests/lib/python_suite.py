# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share: counts of checks, a batch of records, options of models."""
import sys

import numpy as np

passed = failed = 0
OPTIONS = dict(fp="strict", threads=1, search=["search"], cache="cache", backend="cc")
rng = np.random.default_rng(1)


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


def batch(n=8):
    x = rng.standard_normal((n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int32)


def end():
    """The last line of a suite, and its status."""
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
