"""An agent that takes permissions away: its work is refused in a sentence, nothing counts as deleted."""

import pytest

from bot.errors import UserError
from bot.git.mirror import Mirror
from bot.git.worktree import Worktree
from tests.git.stage import harvested


@pytest.mark.parametrize("path", ["README.md", "new.py", "src", "more"])
async def test_what_cannot_be_read_is_named(mirror: Mirror, worktree: Worktree, path: str) -> None:
    (worktree.path / "more").mkdir()
    for file in ("new.py", "more/x.py", "README.md"):
        (worktree.path / file).write_text("changed\n")
    (worktree.path / path).chmod(0)
    with pytest.raises(UserError) as caught:
        await harvested(mirror, worktree)
    (worktree.path / path).chmod(0o700)
    assert (await harvested(mirror, worktree)).tree != worktree.tree
    assert str(caught.value) == f"`{path}` cannot be read: the agent took the permissions away."
