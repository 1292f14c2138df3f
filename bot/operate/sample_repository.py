"""Small repositories to try workflows on: each of them builds, and is tested with nothing but Python."""

import shutil
import time
from pathlib import Path

from rich.table import Table

from bot.errors import UserError
from bot.git.command import Identity, git
from bot.workflow.library import SHIPPED

SAMPLES = SHIPPED / "examples/samples"
IDENTITY = Identity("Tutti", "tutti@localhost")


def names() -> list[str]:
    """Those there are; none where the examples are not installed."""
    return sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()) if SAMPLES.is_dir() else []


def table() -> Table:
    """Each by its name, with what it is in a line: the first of its README."""
    made = Table(box=None, show_header=False, pad_edge=False)
    for name in names():
        _, _, words = (SAMPLES / name / "README.md").read_text(encoding="utf-8").partition("\n\n")
        made.add_row(name, words.partition("\n")[0])
    return made


async def make(name: str, path: Path | None) -> str:
    """Make the repository `name` in the folder `path`, one commit on `main`; says where it is. Raises UserError."""
    if name not in names():
        raise UserError(f"There is no sample {name}; there are {', '.join(names())}.")
    if path is None:
        raise UserError(f"Say in which folder to make it: tutti sample {name} PATH.")
    folder = _copied(name, path)
    where = folder / ".git"
    await git("init", "--quiet", "--template=", str(folder))
    await git("add", "--all", git_dir=where, work_tree=folder)
    words = ("commit", "--quiet", "--message", f"Begin with the sample {name}")
    await git(*words, git_dir=where, work_tree=folder, identity=IDENTITY, when=int(time.time()))
    return f"{path} has the sample {name}: a git repository with one commit."


def _copied(name: str, path: Path) -> Path:
    """The whole path of the folder that has the files now."""
    folder = path.resolve()
    try:
        if folder.exists() and next(folder.iterdir(), None) is not None:
            raise UserError(f"{path} is not empty: name a new folder.")
        left_out = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(SAMPLES / name, folder, dirs_exist_ok=True, ignore=left_out)
    except OSError as problem:
        raise UserError(f"The sample cannot be made in {path}: {problem}.") from problem
    return folder
