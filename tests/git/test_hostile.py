"""Whatever an agent plants in its worktree or its own git folder, no call of the bot's git runs any of it."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.git.changes import admit, commits, diff, patch, push
from bot.git.command import Credential, Identity, answer
from bot.git.health import inspect
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from tests.git.stage import Upstream, harvested, here, sh
from tests.walls import strong

Plant = Callable[[Worktree, Path], None]


def payload(worktree: Worktree, marker: Path) -> str:
    """A program that leaves a mark; it is outside the worktree, as an agent's home is."""
    script = marker.parent / "payload"
    script.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    script.chmod(0o755)
    return str(script)


def config(run: str) -> str:
    """Every key of git's configuration that names a program."""
    return (
        f"[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {run}\n\tsshCommand = {run}\n\tpager = {run}\n"
        f"\thooksPath = hooks\n\talternateRefsCommand = {run}\n\tattributesFile = /dev/null\n\taskPass = {run}\n"
        f'[filter "x"]\n\tclean = {run}\n\tsmudge = {run}\n\tprocess = {run}\n\trequired = true\n'
        f'[diff]\n\texternal = {run}\n[diff "x"]\n\tcommand = {run}\n\ttextconv = {run}\n'
        f'[merge "x"]\n\tdriver = {run}\n[credential]\n\thelper = {run}\n[gpg]\n\tprogram = {run}\n'
        f"[commit]\n\tgpgSign = true\n[push]\n\tgpgSign = true\n[uploadpack]\n\tpackObjectsHook = {run}\n"
        f'[remote "origin"]\n\turl = ext::{run}\n\tuploadpack = {run}\n\treceivepack = {run}\n'
        f'[url "ext::{run} "]\n\tinsteadOf = http\n[trace2]\n\teventTarget = /tmp/x\n'
    )


def attributes(worktree: Worktree) -> None:
    (worktree.path / ".gitattributes").write_text("* filter=x diff=x merge=x text\n")
    (worktree.path / "README.md").write_text("# Changed\n")


def arm(git_dir: Path, run: str) -> None:
    """Configuration and hooks of one repository."""
    (git_dir / "config").write_text(config(run))
    (git_dir / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "pre-push", "pre-commit", "post-index-change", "fsmonitor"):
        shutil.copy(run, git_dir / "hooks" / name)
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info/attributes").write_text("* filter=x diff=x merge=x\n")


def own_git_folder(worktree: Worktree, marker: Path) -> None:
    """Its own, given git folder, armed."""
    attributes(worktree)
    arm(worktree.agent_dir, payload(worktree, marker))


def git_folder_replaced(worktree: Worktree, marker: Path) -> None:
    """`.git` is a repository of its own."""
    attributes(worktree)
    (worktree.path / ".git").unlink()
    sh("git", "init", "-q", cwd=worktree.path)
    arm(worktree.path / ".git", payload(worktree, marker))


def git_file_points_elsewhere(worktree: Worktree, marker: Path) -> None:
    """`.git` points into the worktree."""
    git_folder_replaced(worktree, marker)
    (worktree.path / ".git").rename(worktree.path / "elsewhere")
    (worktree.path / ".git").write_text(f"gitdir: {worktree.path}/elsewhere\n")


def bare_repository(worktree: Worktree, marker: Path) -> None:
    """The worktree itself looks like a bare repository."""
    attributes(worktree)
    for folder in ("objects", "refs"):
        (worktree.path / folder).mkdir()
    (worktree.path / "HEAD").write_text("ref: refs/heads/main\n")
    arm(worktree.path, payload(worktree, marker))


def nested_at_the_submodule(worktree: Worktree, marker: Path) -> None:
    """A repository where the base has a submodule: git would ask it for its status."""
    attributes(worktree)
    theme = worktree.path / "theme"
    shutil.rmtree(theme, ignore_errors=True)
    theme.mkdir()
    (theme / "x").write_text("x")
    sh("git", "init", "-q", cwd=theme)
    sh("git", "add", "-A", cwd=theme)
    sh("git", "commit", "-q", "-m", "x", cwd=theme)
    (theme / ".gitattributes").write_text("* filter=x\n")
    (theme / "x").write_text("changed")
    arm(theme / ".git", payload(worktree, marker))


def commondir(worktree: Worktree, marker: Path) -> None:
    """Its git folder names another one as the common one, and a worktree configuration."""
    attributes(worktree)
    evil = worktree.path / "evil"
    (evil / "objects").mkdir(parents=True)
    arm(evil, payload(worktree, marker))
    (worktree.agent_dir / "commondir").write_text(f"{evil}\n")
    (worktree.agent_dir / "config.worktree").write_text(config(payload(worktree, marker)))


PLANTS: list[Plant] = [
    own_git_folder,
    git_folder_replaced,
    git_file_points_elsewhere,
    bare_repository,
    nested_at_the_submodule,
    commondir,
]


@pytest.fixture
async def worktree(mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential) -> Worktree:
    """A worktree of a repository with a submodule."""
    sh("git", "update-index", "--add", "--cacheinfo", f"160000,{shop.tip('main')},theme", cwd=shop.clone)
    (shop.clone / "theme").mkdir()
    sha = shop.commit({})
    await mirror.fetch([sha], credential)
    return await pool.take(mirror, sha, run="run-1")


@pytest.mark.parametrize("plant", PLANTS)
async def test_nothing_planted_ever_runs(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential, worktree: Worktree, tmp_path: Path, plant: Plant
) -> None:
    marker = tmp_path / "ran"
    plant(worktree, marker)
    await inspect(pool, {"run-1"}, strong())
    with suppress(UserError):
        found = await harvested(mirror, worktree)
        await admit(mirror, found)
        await diff(mirror, worktree.base, found.tree)
        await patch(mirror, worktree.base, found.tree)
        sha = await commits(mirror, worktree.base, found.tree, [("x", ["README.md"])], 1, Identity("T", "t@x"))
        await push(mirror, sha, f"auto-{plant.__name__}", None, credential)
        assert shop.tip(f"auto-{plant.__name__}") == sha
        await pool.destroy(await pool.take(mirror, worktree.base, tree=found.tree))
    await mirror.fetch(["main"], credential)
    await pool.take(mirror, worktree.base)
    restarted = Pool(pool.data_dir)
    await restarted.sweep(keep={"run-1"})
    await restarted.wait()
    await pool.destroy(worktree)
    await pool.wait()
    assert not here(marker)


async def test_the_plants_are_live(worktree: Worktree, tmp_path: Path) -> None:
    """A plain `git status` in the same worktree does run them: else the tests above would prove nothing."""
    marker = tmp_path / "ran"
    own_git_folder(worktree, marker)
    with suppress(Exception):
        sh("git", "add", "-A", cwd=worktree.path)
    assert here(marker)
    marker.unlink()
    nested_at_the_submodule(worktree, marker)
    await answer("status", git_dir=worktree.git_dir, work_tree=worktree.path)
    assert not here(marker)
    sh("git", f"--git-dir={worktree.git_dir}", f"--work-tree={worktree.path}", "status", cwd=worktree.path)
    assert here(marker)


async def test_a_planted_tree_is_not_written_outside_the_worktree(
    mirror: Mirror, pool: Pool, worktree: Worktree, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (worktree.path / "src/shop.py").unlink()
    (worktree.path / "src").rmdir()
    (worktree.path / "src").symlink_to(target)
    found = await harvested(mirror, worktree)
    await admit(mirror, found)
    second = await pool.take(mirror, worktree.base, tree=found.tree)
    assert (second.path / "src").readlink() == target
    await pool.destroy(second)
    await pool.destroy(worktree)
    await pool.wait()
    assert here(target) == [target]
    assert list(os.scandir(target)) == []
