"""What all houses of a process can share: the walls of this machine, and an empty database of the engine."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.sandbox import selftest
from bot.sandbox.jail import Limits, Walls

_engine: bytes | None = None  # an empty database of the engine, whose making takes a tenth of a short story


def begun(file: Path) -> None:
    """Put it where the engine will look for its own."""
    if _engine is not None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_bytes(_engine)


def kept(file: Path) -> None:
    """Keep the first one that the engine made, before any run is in it."""
    global _engine
    if _engine is None:
        with closing(sqlite3.connect(file)) as there:
            _engine = there.serialize()


_machine: Walls | None = None


async def machine(folder: Path) -> Walls:
    """The walls of this machine as a start finds them, tried once for all houses; they must be strong."""
    global _machine
    if _machine is None:
        found = await selftest.find(folder, wanted="strong", tools=(), limits=Limits())
        assert found.tier == "strong", found.reason
        _machine = found
    return _machine
