"""Which of the files that were left out of a change people should hear of: those that may have been meant."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from bot.git import survey
from bot.git.leftover import MARKS

# Names that nobody means to publish. Words like `build` are none of them: they may be a folder of sources.
_OBVIOUS = re.compile(
    r"__pycache__|\..*cache.*|\.(hypothesis|tox|nox|eggs|venv|npm|gradle|terraform|ipynb_checkpoints)"
    r"|node_modules|bower_components|.*\.(egg|dist)-info|.*\.py[cod]|\.coverage.*|\.DS_Store|Thumbs\.db",
    re.IGNORECASE,
)


def worth_telling(root: Path, parts: Sequence[str]) -> list[tuple[str, int]]:
    """Of the paths left out (a folder's ends in a slash), those that are no obvious cache: each with its files."""
    return [(part, _files(root / part)) for part in parts if not _is_cache(root, part)]


def _is_cache(root: Path, part: str) -> bool:
    name = part.rstrip("/").rpartition("/")[2]
    return bool(_OBVIOUS.fullmatch(name)) or any(os.path.lexists(root / part / mark) for mark in MARKS)


def _files(place: Path) -> int:
    if not os.path.isdir(place) or os.path.islink(place):  # noqa: PTH112, PTH114 - pathlib raises where it may not look
        return 1
    return sum(not entry.is_dir(follow_symlinks=False) for _, entry in survey.below(place))
