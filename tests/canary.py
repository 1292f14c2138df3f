"""The suite's secrets in every form, and the witness who is shown all that the suite starts, says, stores and sends.

A hit is one line: what was found, in which form, where, and in which test.
"""

import base64
import os
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import psycopg

MOST = 64 << 20  # bytes of one file that are searched
PACKED = (".pack", ".idx", ".rev", ".pyc")
HAND_WRITTEN = frozenset({"key.pem"})  # the town's, which is its bots' TUTTI_PRIVATE_KEY_FILE

# What every token that the played GitHub mints looks like: plain, as hex, and in base64 after 0, 1 or 2 other bytes.
TOKEN = re.compile(rb"ghs_[0-9a-f]{16,}")
TOKEN_HEX = re.compile(rb"(?i)6768735f(?:3[0-9]|6[1-6]){16,}")
TOKEN_BASE64 = (
    (b"", re.compile(rb"Z2hzX[\w+/-]{20,}")),
    (b"AA", re.compile(rb"doc1[89][\w+/-]{20,}")),
    (b"AAA", re.compile(rb"naHNf[\w+/-]{20,}")),
)
TAIL = re.compile(rb"hs_[0-9a-f]{14,}")
JWT = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."  # the beginning of every one that the bot signs


def forms(value: str) -> dict[str, bytes]:
    """A secret as it may hide: plain, in hex, in URLs, and in base64 of a text that has it anywhere."""
    raw = value.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "capital hex": raw.hex().upper().encode()}
    found |= {"URL": quote(value, safe="").encode(), "form": quote_plus(value).encode()}
    for shift, start in enumerate((0, 2, 3)):
        whole = b"\0" * shift + raw
        end = len(whole) * 8 // 6
        found[f"base64, {shift} before it"] = base64.b64encode(whole)[start:end]
        found[f"base64url, {shift} before it"] = base64.urlsafe_b64encode(whole)[start:end]
    return found


class Secrets:
    """What is never to be seen. Tokens and JWTs are known by their look, all others by name."""

    def __init__(self) -> None:
        self._needles: dict[bytes, str] = {}
        self._known: set[str] = set()
        self._forgiven: set[bytes] = set()
        self.know("JWT of the App", JWT)

    def know(self, kind: str, value: str) -> None:
        if value not in self._known:
            self._known.add(value)
            for form, needle in forms(value).items():
                self._needles.setdefault(needle, f"{kind}, {form}")

    def know_key(self, pem: str) -> None:
        """A private key by three lines of its body."""
        body = pem.strip().splitlines()[1:-1]
        for line in (body[1], body[len(body) // 2], body[-2]):
            self.know("private key of the App", line[:40])

    def forgive(self, token: str) -> str:
        """A token that a test was given without the bot, to be a client of the played GitHub with; itself."""
        self._forgiven.add(token.encode()[1:])
        return token

    def found(self, data: bytes) -> list[str]:
        """What of it stands in the data."""
        hits = sorted(name for needle, name in self._needles.items() if needle in data)
        ours = {form for form, token in _tokens(data) if not any(token in each for each in self._forgiven)}
        return hits + [f"installation token, {form}" for form in sorted(ours)]


def _tokens(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What looks like a token: its form, and the token without its first letter."""
    if b"ghs_" in data:
        yield from (("plain", match[0][1:]) for match in TOKEN.finditer(data))
    if b"6768735" in data:
        yield from (("hex", bytes.fromhex(match[0].decode())[1:]) for match in TOKEN_HEX.finditer(data))
    for before, pattern in TOKEN_BASE64:
        if pattern.pattern[:4] in data:
            for match in pattern.finditer(data):
                text = before + match[0].translate(bytes.maketrans(b"-_", b"+/"))
                yield from (("base64", tail[0]) for tail in TAIL.finditer(base64.b64decode(text[: len(text) // 4 * 4])))


class Witness:
    """Whoever was shown something searches it at once: `hits` are what was found, `seen` counts what was shown."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.hits: list[str] = []
        self.seen: Counter[str] = Counter()
        self._given: set[tuple[str, ...]] = set()

    def saw(self, kind: str, where: str, data: bytes | str) -> None:
        """`kind` is what sort of thing this is, `where` which one; both are for the line of a hit."""
        self.seen[kind] += 1
        raw = data.encode(errors="replace") if isinstance(data, str) else data
        self.hits += [f"{what} in {kind} {where}{_during()}" for what in self.secrets.found(raw)]

    def gives(self, *argv: str) -> None:
        """A test is about to start the bot with this command line, and gives it its settings by environment."""
        self._given.add(argv)

    def started(self, argv: Sequence[str], environment: Iterable[bytes]) -> None:
        """This process has started another."""
        self.saw("the arguments of", argv[0], "\0".join(argv))
        if tuple(argv) not in self._given:
            self.saw("the environment of", argv[0], b"\0".join(environment))

    def look_at_files(self, *folders: Path) -> None:
        """Everything below, but for what git has packed and what tests write on purpose."""
        met: set[tuple[int, int]] = set()
        for path in (path for folder in folders for path in _files(folder)):
            status = path.lstat()
            if (status.st_dev, status.st_ino) in met:
                continue
            met.add((status.st_dev, status.st_ino))
            with path.open("rb") as file:
                data = file.read(MOST)
            self.saw("the file", str(path), _unpacked(path, data))
            if data.startswith(b"SQLite format 3\0"):
                self.saw("the database", str(path), b"\n".join(_rows_of_sqlite(path)))

    def look_at_database(self, url: str) -> None:
        """Every row of one of PostgreSQL's."""
        self.saw("the database", url, "\n".join(_rows_of_postgres(url)))


def _during() -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST")
    return f", in {test.partition(' ')[0]}" if test else ""


def _files(folder: Path) -> Iterator[Path]:
    for here, _folders, names in os.walk(folder):
        for name in names:
            path = Path(here, name)
            if path.is_symlink() or not path.is_file() or path.suffix in PACKED or name in HAND_WRITTEN:
                continue
            yield path


def _unpacked(path: Path, data: bytes) -> bytes:
    """What is in a file, and in one of git's loose objects, which is compressed."""
    if len(path.name) == 38 and data[:1] == b"x":
        try:
            return zlib.decompress(data)
        except zlib.error:
            return data
    return data


def _rows_of_sqlite(path: Path) -> Iterator[bytes]:
    """Every value that is text or bytes: a long one lies in pieces in the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.text_factory = bytes
        names = [name.decode() for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            for row in db.execute(f'select * from "{name}"'):
                yield from (value for value in row if isinstance(value, bytes))


def _rows_of_postgres(url: str) -> Iterator[str]:
    """Every row of every table as text: in the server's files long values are compressed."""
    listed = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname !~ '^(pg_|information_)'"
    with psycopg.connect(url, autocommit=True) as db:
        for (table,) in db.execute(listed).fetchall():
            yield from (row for (row,) in db.execute(f"select t::text from {table} t".encode()).fetchall())
