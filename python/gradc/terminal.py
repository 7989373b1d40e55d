# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal, in a notebook, or as lines."""
from __future__ import annotations

import os
import shutil
import sys
import time
from typing import Any, Iterable, Iterator, Optional


class Live:
    """One line that is written again and again where that is possible, otherwise a line for each tenth of the work.
    `total` 0: not known."""

    def __init__(self, total: int, file: Any = None):
        self.file, self.total, self.done = sys.stderr if file is None else file, total, 0
        terminal = bool(getattr(self.file, "isatty", lambda: False)())
        self.live = terminal and os.environ.get("TERM", "dumb") not in ("", "dumb") or \
            "ipykernel" in sys.modules and self.file in (sys.stderr, sys.stdout)
        self.start, self._shown, self._length = time.monotonic(), 0.0, 0
        encoding = (getattr(self.file, "encoding", None) or "ascii").lower().replace("-", "")
        self._marks = "━─" if encoding == "utf8" else "#."

    def advance(self, words: str) -> None:
        """One more step done; the words describe it."""
        self.done += 1
        now = time.monotonic()
        if self.live and now - self._shown > 0.1:
            self._shown = now
            self._write(self._line(words))
        elif not self.live and self.total and self.done * 10 // self.total > (self.done - 1) * 10 // self.total:
            self.file.write(words + self.rate() + "\n")

    def end(self, words: str) -> None:
        """The last line stays."""
        if self.live:
            self._write(self._line(words))
            self.file.write("\n")

    def rate(self) -> str:
        """", 1,590 steps/s, 3 s left"."""
        passed = time.monotonic() - self.start
        left = passed / self.done * (self.total - self.done) if self.done else 0
        return f", {self.done / max(passed, 1e-9):,.0f} steps/s" + (f", {left:.0f} s left" if self.total else "")

    def _line(self, words: str) -> str:
        width = shutil.get_terminal_size().columns - 1
        text = words + self.rate()
        room = min(width - len(text) - 1, 30) if self.total else 0
        if room >= 5:
            full = room * self.done // self.total
            text += " " + self._marks[0] * full + self._marks[1] * (room - full)
        return text[:width]

    def _write(self, text: str) -> None:
        self.file.write("\r" + text + " " * (self._length - len(text)))
        self.file.flush()
        self._length = len(text)


def progress(losses: Iterable[float], total: Optional[int] = None, file: Any = None) -> Iterator[float]:
    """Passes losses through and shows progress: one live line on a terminal, otherwise a line for each tenth.

        for loss in gradc.progress(m.train(epochs=5), total): ...
    """
    live, words = Live(total or 0, file), "no steps"
    try:
        for loss in losses:
            words = f"step {live.done + 1}{f' of {total}' if total else ''}, loss {loss:.4f}"
            live.advance(words)
            yield loss
    finally:
        live.end(words)
