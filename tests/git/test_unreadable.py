"""An agent that takes permissions away: its work is refused in a sentence, nothing counts as deleted."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.git.changes import harvest
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from tests.git.stage import Upstream

NOBODY = 65534


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that others than its owner may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
async def worktree(mirror: Mirror, pool: Pool, shop: Upstream) -> Worktree:
    """The shop, given to an agent."""
    return await pool.take(mirror, shop.tip("main") or "")


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Root reads everything: as root, be nobody for a while, and own the folder as such."""
    if os.geteuid():
        yield
        return
    for root, _, files in os.walk(folder):
        for path in (root, *(os.path.join(root, name) for name in files)):  # noqa: PTH118
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("path", ["README.md", "new.py", "src", "more"])
async def test_what_cannot_be_read_is_named(mirror: Mirror, worktree: Worktree, data_dir: Path, path: str) -> None:
    (worktree.path / "more").mkdir()
    for file in ("new.py", "more/x.py", "README.md"):
        (worktree.path / file).write_text("changed\n")
    with without_privileges(data_dir):
        (worktree.path / path).chmod(0)
        with pytest.raises(UserError) as caught:
            await harvest(mirror, worktree)
        (worktree.path / path).chmod(0o700)
        assert (await harvest(mirror, worktree)).tree != worktree.tree
    assert str(caught.value) == f"`{path}` cannot be read: the agent took the permissions away."
