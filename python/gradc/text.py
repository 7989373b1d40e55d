# SPDX-License-Identifier: Apache-2.0
"""Tokenizers, and the continuation of texts."""
from __future__ import annotations

import os
from ctypes import byref, c_int32, c_size_t, c_uint64, c_void_p, create_string_buffer, pointer, sizeof
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Optional, Tuple, Union

import numpy as np

from ._library import TOKEN_SINK, CSampling, lib, natural
from .compiler import Path
from .errors import call

if TYPE_CHECKING:
    from .model import Model

Generated = Union[str, List[int]]

class Tokenizer:
    """Reads tokenizer.json, vocab.json with merges.txt beside it, or tokenizer.model. `begin` and `end` are the tokens
    that begin and end a text, or None; len() is the number of tokens."""

    def __init__(self, path: Path):
        self._handle = c_void_p()
        call("tokenizer_open", os.fsencode(path), None, byref(self._handle))
        begin, end = lib["tokenizer_begin"](self._handle), lib["tokenizer_end"](self._handle)
        self.begin: Optional[int] = begin if begin >= 0 else None
        self.end: Optional[int] = end if end >= 0 else None

    def __del__(self) -> None:
        if lib is not None:
            lib["tokenizer_free"](self._handle)

    def __len__(self) -> int:
        return int(lib["tokenizer_size"](self._handle))

    def __repr__(self) -> str:
        return f"<gradc tokenizer: {len(self)} tokens>"

    def encode(self, text: str, prompt: bool = False) -> List[int]:
        """The tokens of a text. prompt: with the one that begins a text, as generate() has them."""
        data, n = text.encode("utf-8", "surrogatepass"), c_size_t()
        room = len(data) + 8
        while True:
            tokens = (c_int32 * room)()
            call("encode", self._handle, data, len(data), int(prompt), tokens, room, byref(n))
            if n.value <= room:
                return tokens[:n.value]
            room = n.value

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens. Those such as `begin` and `end` have none; bytes that are no text become U+FFFD."""
        ids = _numbers(tokens)
        n = c_size_t()
        call("decode", self._handle, ids, len(ids), None, 0, byref(n))
        text = create_string_buffer(n.value + 1)
        call("decode", self._handle, ids, len(ids), text, n.value, byref(n))
        return text.raw[:n.value].decode("utf-8", "replace")


def _numbers(tokens: Any) -> Any:
    """Tokens as an array of C: of a list, or of an array of one or two axes, as i32[1, T]."""
    a = np.asarray(tokens if isinstance(tokens, np.ndarray) or hasattr(tokens, "__array__") else list(tokens))
    if a.ndim == 2 and len(a) == 1:
        a = a[0]
    if a.ndim != 1 or (a.size and a.dtype.kind not in "iu"):
        raise TypeError(f"tokens are a list of integers, not {a.dtype}{list(a.shape)}")
    if a.size and not (0 <= a.min() and a.max() < 1 << 31):
        raise ValueError("a token is negative or too large")
    return (c_int32 * a.size)(*a.tolist())


def _tokens_of(prompt: Any, tokenizer: Any) -> Tuple[Any, Optional[int]]:
    """The prompt's tokens, and the one that ends a text."""
    if not isinstance(prompt, str):
        return _numbers(prompt), getattr(tokenizer, "end", getattr(tokenizer, "eos_token_id", None))
    if tokenizer is None:
        raise TypeError("a text needs tokenizer=: a file, or an object with encode and decode")
    if isinstance(tokenizer, Tokenizer):
        return _numbers(tokenizer.encode(prompt, prompt=True)), tokenizer.end
    ids = tokenizer.encode(prompt)
    return _numbers(getattr(ids, "ids", ids)), getattr(tokenizer, "eos_token_id", None)


def generate(model: "Model", prompt: Any, max_tokens: int, temperature: float, top_k: int, top_p: float,
             seed: Optional[int], tokenizer: Any, end: Optional[int], export: Optional[str],
             callback: Optional[Callable[[int], Any]]) -> Generated:
    if isinstance(tokenizer, (str, bytes, os.PathLike)):
        tokenizer = Tokenizer(tokenizer)
    ids, found = _tokens_of(prompt, tokenizer)
    last = end if end is not None else found
    number = -1 if export is None else model.exports[export]._number if export in model.exports else \
        model.__getattr__(export)._number
    tokens: List[int] = []
    raised: List[BaseException] = []

    def sink(_user: Any, token: int) -> int:
        tokens.append(token)
        try:
            return int(callback is not None and callback(token) is True)
        except BaseException as e:  # ctypes would only print it
            raised.append(e)
            return 1
    draw = pointer(c_uint64(natural("seed", seed, 64))) if seed is not None else None
    how = CSampling(sizeof(CSampling), temperature, top_p, natural("top_k", top_k, 31), -1 if last is None else last,
                    draw)
    call("generate", model._open(), number, ids, len(ids), byref(how), natural("max_tokens", max_tokens, 31),
         TOKEN_SINK(sink), None)
    if raised:
        raise raised[0]
    return tokenizer.decode(tokens) if isinstance(prompt, str) else tokens
