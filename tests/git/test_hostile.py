"""Whatever an agent plants in its worktree or its own git folder, no call of the bot's git runs any of it."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.git.changes import admit, commits, diff, harvest, patch, push
from bot.git.command import Credential, Identity, answer
from bot.git.health import inspect
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from tests.git.stage import Upstream, harvested, here, sh
from tests.walls import NONE, strong

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
        f'[credential "http://127.0.0.1"]\n\thelper = {run}\n[extensions]\n\tworktreeConfig = true\n'
        f"[receive]\n\tprocReceiveRefs = refs\n[core]\n\teditor = {run}\n\tgitProxy = {run}\n"
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


def config_included_from_the_worktree(worktree: Worktree, marker: Path) -> None:
    """The configuration that counts lies among the files."""
    attributes(worktree)
    (worktree.path / "settings").write_text(config(payload(worktree, marker)))
    with (worktree.agent_dir / "config").open("a") as file:
        file.write(f"[include]\n\tpath = {worktree.path}/settings\n")


def git_file_is_a_link(worktree: Worktree, marker: Path) -> None:
    """`.git` is a symbolic link to a repository among the files."""
    git_file_points_elsewhere(worktree, marker)
    (worktree.path / ".git").unlink()
    (worktree.path / ".git").symlink_to("elsewhere")


def nested_repositories(worktree: Worktree, marker: Path) -> None:
    """Repositories in folders: one as usual, one bare, one whose `.git` leads to the agent's own."""
    attributes(worktree)
    run = payload(worktree, marker)
    for name, options in (("lib", []), ("lib.git", ["--bare"])):
        (worktree.path / "vendor" / name).mkdir(parents=True)
        sh("git", "init", "-q", *options, cwd=worktree.path / "vendor" / name)
    arm(worktree.path / "vendor/lib/.git", run)
    arm(worktree.path / "vendor/lib.git", run)
    arm(worktree.agent_dir, run)
    (worktree.path / "src/.git").write_text(f"gitdir: {worktree.agent_dir}\n")


def other_names_of_git(worktree: Worktree, marker: Path) -> None:
    """Names that other file systems take for `.git`."""
    attributes(worktree)
    run = payload(worktree, marker)
    for name in (".GIT", "git~1", ".g\u200cit", ".git "):
        (worktree.path / name).mkdir()
        arm(worktree.path / name, run)


def torn_objects(worktree: Worktree, marker: Path) -> None:
    """Objects, packs and an index that are no such thing, and alternates that lead everywhere."""
    attributes(worktree)
    objects = worktree.agent_dir / "objects"
    (objects / "pack").mkdir()
    for name in ("pack/pack-x.pack", "pack/pack-x.idx", "pack/multi-pack-index", "info/commit-graph"):
        (objects / name).write_bytes(b"PACK\0\0\0\2\xff\xff\xff\xff" + os.urandom(100))
    (objects / "info/alternates").write_text(f"{worktree.path}\n/proc/self/fd\n{objects}\n")
    (worktree.agent_dir / "index").unlink()
    (worktree.agent_dir / "index").symlink_to("/dev/zero")
    arm(worktree.agent_dir, payload(worktree, marker))


def module_with_an_option_for_a_url(worktree: Worktree, marker: Path) -> None:
    """A `.gitmodules` whose words are options to git."""
    attributes(worktree)
    run = payload(worktree, marker)
    (worktree.path / ".gitmodules").write_text(
        f'[submodule "theme"]\n\tpath = theme\n\turl = -u{run}\n\tupdate = !{run}\n\tbranch = --upload-pack={run}\n'
    )


PLANTS: list[Plant] = [
    config_included_from_the_worktree,
    git_file_is_a_link,
    nested_repositories,
    other_names_of_git,
    torn_objects,
    module_with_an_option_for_a_url,
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
    with suppress(UserError):  # where there are no walls to stop it
        await harvest(mirror, worktree, NONE)
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


async def test_everything_at_once_that_holds_up_whoever_reads_it(mirror: Mirror, worktree: Worktree) -> None:
    os.mkfifo(worktree.path / "pipe")
    for number in range(10_000):
        (worktree.path / f"{number}.txt").touch()
    with (worktree.path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    (worktree.path / "locked").mkdir(mode=0)
    with pytest.raises(UserError, match=r"^`locked` cannot be read"):
        await harvested(mirror, worktree)
    (worktree.path / "locked").rmdir()
    with pytest.raises(UserError, match=r"^The work has 10,001 changed files"):
        await harvested(mirror, worktree)


async def test_git_that_reads_an_agents_files_sees_nothing_else(
    mirror: Mirror, pool: Pool, worktree: Worktree, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("canary\n")
    place = strong().jail(tmp_path / "tmp", readable=(worktree.path, mirror.path))
    place.tmp.mkdir()
    place.own(place.tmp, worktree.path)
    others, mine = f"{tmp_path}/secret {pool.data_dir}/*/*", f"{worktree.path}/README.md"
    look = f"!cat {others}; cat {mine}; touch {worktree.path}/x; cat /proc/net/dev"
    said = await answer("-c", f"alias.look={look}", "look", git_dir=mirror.path, jail=place)
    assert b"# Shop" in said.stdout
    assert b"canary" not in said.stdout
    assert "Read-only file system" in said.stderr
    assert said.stdout.count(b":") == 1  # the loopback
