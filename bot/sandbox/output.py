"""What a process prints, taken in pieces: whole lines as they come, the end of it all, and how fast it comes."""

import codecs
from collections import deque
from collections.abc import Callable

_LONGEST_LINE = 8192
_FLOOD = 200  # lines in one piece of output
SECONDS = 5
MOST_LINES = 100_000  # in so many seconds


class Lines:
    """Cuts bytes into lines of text and hands each to `take`.

    A longer line than 8192 characters comes in pieces, and lines that come by the hundred come as one text: who takes
    them must keep pace.
    """

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
        if len(lines) > _FLOOD:
            self._take("\n".join(lines))
        else:
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


class Rate:
    """Counts what was printed in any 5 seconds, to a quarter of a second."""

    def __init__(self, most_bytes: int, most_lines: int = MOST_LINES) -> None:
        self._most_bytes, self._most_lines = most_bytes, most_lines
        self._pieces: deque[tuple[int, int, int]] = deque([(0, 0, 0)])
        self._bytes = self._lines = 0

    def too_much(self, chunk: bytes, now: float) -> str:
        """Count a piece at `now`, in seconds; a sentence about what is too much, or nothing."""
        moment, lines = int(now * 4), chunk.count(b"\n")
        last, size, count = self._pieces[-1]
        if last == moment:
            self._pieces[-1] = (moment, size + len(chunk), count + lines)
        else:
            self._pieces.append((moment, len(chunk), lines))
        self._bytes, self._lines = self._bytes + len(chunk), self._lines + lines
        while self._pieces[0][0] <= moment - 4 * SECONDS:
            _, size, count = self._pieces.popleft()
            self._bytes, self._lines = self._bytes - size, self._lines - count
        if self._bytes > self._most_bytes:
            return f"Resource limit: it printed more than {self._most_bytes / 2**20:.3g} MB in {SECONDS} seconds."
        if self._lines > self._most_lines:
            return f"Resource limit: it printed more than {self._most_lines:,} lines in {SECONDS} seconds."
        return ""
