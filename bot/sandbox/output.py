"""What a process prints, taken in pieces: whole lines as they come, and the end of it all."""

import codecs
from collections import deque
from collections.abc import Callable

_LONGEST_LINE = 8192


class Lines:
    """Cuts bytes into lines of text and hands each to `take`; a longer line than 8192 characters comes in pieces."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def add(self, chunk: bytes) -> None:
        self._give(self._rest + self._decoder.decode(chunk))

    def end(self) -> None:
        self._give(self._rest + self._decoder.decode(b"", True))
        if self._rest:
            self._take(self._rest)
        self._rest = ""

    def _give(self, text: str) -> None:
        *lines, self._rest = text.split("\n")
        for line in lines:
            self._take(line.removesuffix("\r"))
        while len(self._rest) > _LONGEST_LINE:
            self._take(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]


class Tail:
    """The last `limit` bytes of what was added, as text that says what is missing before it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = self._dropped = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._limit:
            gone = len(self._chunks.popleft())
            self._size -= gone
            self._dropped += gone

    def text(self) -> str:
        whole = b"".join(self._chunks)
        kept = whole[-self._limit :] if self._limit else b""
        dropped = self._dropped + len(whole) - len(kept)
        text = kept.decode("utf-8", "replace")
        return f"[{dropped} bytes before this are left out]\n{text}" if dropped else text
