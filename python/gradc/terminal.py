# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal."""
from __future__ import annotations

import os
import sys
import time
from typing import Any, Iterable, Iterator, Optional


def progress(losses: Iterable[float], total: Optional[int] = None, file: Any = None) -> Iterator[float]:
    """Passes losses through and shows progress: one live line on a terminal, otherwise a line for each tenth.

        for loss in gradc.progress(m.train(epochs=5), total): ...
    """
    file = sys.stderr if file is None else file
    live = bool(getattr(file, "isatty", lambda: False)()) and os.environ.get("TERM", "dumb") not in ("", "dumb")
    start, shown, n, loss = time.monotonic(), 0.0, 0, float("nan")

    def line() -> str:
        passed = time.monotonic() - start
        left = f", {passed / n * (total - n):.0f} s left" if total and n else ""
        return f"step {n}{f' of {total}' if total else ''}, loss {loss:.4f}, {n / max(passed, 1e-9):.0f} steps/s{left}"
    for loss in losses:
        n += 1
        now = time.monotonic()
        if live and now - shown > 0.1:
            shown = now
            file.write(f"\r{line()}\033[K")
            file.flush()
        elif not live and total and n * 10 // total > (n - 1) * 10 // total:
            file.write(line() + "\n")
        yield loss
    if live:
        file.write(f"\r{line()}\033[K\n")
