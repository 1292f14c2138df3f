"""What holds up git, or whoever walks through a worktree, is refused in a sentence before git looks."""

import os
from pathlib import Path

import pytest

from bot.agents.leftout import worth_telling
from bot.errors import UserError
from bot.git import collector, survey
from bot.git.health import inspect
from bot.git.leftover import leftovers
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from tests.git.stage import harvested
from tests.walls import strong


def deep(folder: Path, parts: int) -> None:
    """A file below so many folders, whose path may be longer than the kernel takes at once."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(parts):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.mark.parametrize("name", [".gitignore", "src/.gitattributes"])
async def test_a_pipe_where_git_looks_for_rules(mirror: Mirror, worktree: Worktree, name: str) -> None:
    os.mkfifo(worktree.path / name)
    with pytest.raises(UserError, match=rf"^'{name}' is no file that git can read its rules from"):
        await harvested(mirror, worktree)


async def test_rules_without_end(mirror: Mirror, worktree: Worktree) -> None:
    with (worktree.path / ".gitignore").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match="larger than 1 MB"):
        await harvested(mirror, worktree)


async def test_other_pipes_and_sockets_are_left_where_they_are(mirror: Mirror, worktree: Worktree) -> None:
    os.mkfifo(worktree.path / "daemon")
    assert (await harvested(mirror, worktree)).tree == worktree.tree


async def test_folders_in_folders(mirror: Mirror, pool: Pool, worktree: Worktree) -> None:
    deep(worktree.path, 1_100)
    with pytest.raises(UserError, match="more than 200 deep"):
        await collector.harvest(mirror, worktree, strong())
    (health,) = await inspect(pool, {"run-1"}, strong())
    assert health.clean is False
    assert health.size > 0
    assert worth_telling(worktree.path, ["d/"]) == [("d/", 0)]
    await pool.destroy(worktree)
    await pool.wait()
    assert list(pool.trash.iterdir()) == []


def test_leftovers_at_the_end_of_a_long_path() -> None:
    path = "d/" * 1_500
    assert leftovers([f"{path}x.py", f"{path}node_modules/y"], set(), lambda path: False) == {
        f"{path}node_modules/y": f"{path}node_modules/"
    }


def test_a_long_path(tmp_path: Path) -> None:
    (tmp_path / "/".join(["n" * 250] * 7)).mkdir(parents=True)
    survey.check(tmp_path)
    (tmp_path / "/".join(["n" * 250] * 8)).mkdir()
    with pytest.raises(UserError, match="more than 2,000 bytes"):
        survey.check(tmp_path)


async def test_more_names_than_the_bot_reads(
    mirror: Mirror, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "_MOST_SAID", 1_000)
    for number in range(100):
        (worktree.path / f"{number}-{'x' * 60}").touch()
    with pytest.raises(UserError, match="too many changed files to list"):
        await harvested(mirror, worktree)


async def test_git_that_takes_too_long(mirror: Mirror, worktree: Worktree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_PATIENCE", 0.001)
    with pytest.raises(UserError, match="could not read what the agent made"):
        await harvested(mirror, worktree)
