"""Walls as this machine gives them, for tests that need a place to run something in."""

import atexit
import os
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from bot.sandbox import kit
from bot.sandbox.jail import Jail, Limits, Walls

NONE = Walls("none")


@cache
def strong() -> Walls:
    """The strong tier; as root, every place is a user of its own."""
    folder = tempfile.mkdtemp(prefix="tutti-walls-")
    atexit.register(shutil.rmtree, folder)
    return Walls("strong", own_uid=os.geteuid() == 0, kit=kit.make(Path(folder)))


def jail(folder: Path, walls: Walls | None = None, *, limits: Limits | None = None) -> Jail:
    """The jail of a place: `tree` and `home` in `folder` are its own, and `tmp` is its /tmp."""
    own = (folder / "tree", folder / "home")
    for place in (*own, folder / "tmp"):
        place.mkdir(parents=True, exist_ok=True)
    walls = walls or strong()
    walls = replace(walls, limits=limits) if limits else walls
    made = walls.jail(folder / "tmp", writable=own)
    made.own(*own, made.tmp)
    return made
