"""What an agent made is taken out of its worktree, checked, committed and pushed; what tools left is not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.git import collector
from bot.git.changes import Change, Harvest, admit, commit, commits, diff, patch
from bot.git.command import Credential
from bot.git.leftover import leftovers
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from tests.git.stage import TUTTI, WHEN, Upstream, everything, harvested, sh, three_files, write
from tests.walls import strong


async def changed(mirror: Mirror, worktree: Worktree) -> dict[str, str]:
    """Harvest and admit; gives `status mode` by path."""
    found = await harvested(mirror, worktree)
    await admit(mirror, found)
    return {c.path: f"{c.status} {c.new_mode}" for c in await diff(mirror, worktree.base, found.tree)}


async def test_everything_an_agent_did_to_files_is_in_the_harvest(mirror: Mirror, worktree: Worktree) -> None:
    write(worktree, {"src/new.py": "new\n", "tests/größe.py": "ä\n", "odd\u00a0name 🎉": "x"})
    (worktree.path / "README.md").unlink()
    (worktree.path / "src/shop.py").chmod(0o755)
    (worktree.path / "link").symlink_to("src/shop.py")
    assert await changed(mirror, worktree) == {
        "README.md": "D 000000",
        "link": "A 120000",
        "odd\u00a0name 🎉": "A 100644",
        "src/new.py": "A 100644",
        "src/shop.py": "M 100755",
        "tests/größe.py": "A 100644",
    }


async def test_what_the_agent_committed_itself_counts_as_its_files_do(mirror: Mirror, worktree: Worktree) -> None:
    write(worktree, {"a.py": "1\n"})
    sh("git", "add", "-A", cwd=worktree.path)
    sh("git", "commit", "-q", "-m", "mine", cwd=worktree.path)
    sh("git", "switch", "-q", "-c", "elsewhere", cwd=worktree.path)
    write(worktree, {"b.py": "2\n"})
    assert set(await changed(mirror, worktree)) == {"a.py", "b.py"}


async def test_no_change_is_no_change(mirror: Mirror, worktree: Worktree) -> None:
    (worktree.path / "README.md").touch()
    (worktree.path / "empty").mkdir()
    found = await harvested(mirror, worktree)
    assert found == Harvest(worktree.tree, b"")
    assert await admit(mirror, found) == worktree.tree
    assert await diff(mirror, worktree.base, found.tree) == []


async def test_a_change_in_the_second_of_the_checkout_and_of_the_same_size_is_seen(
    mirror: Mirror, pool: Pool, shop: Upstream
) -> None:
    pool.refill(mirror, shop.tip("main") or "")
    await pool.wait()
    worktree = await pool.take(mirror, shop.tip("main") or "")
    write(worktree, {"README.md": "# Shot\n"})
    assert set(await changed(mirror, worktree)) == {"README.md"}


@pytest.mark.parametrize("fraction", [0, 999_999_999])
async def test_no_fraction_of_that_second_is_trusted(mirror: Mirror, worktree: Worktree, fraction: int) -> None:
    """Whatever git compares: file and index are of one second, and only what the file holds has changed."""
    moment = int((worktree.git_dir / "index").stat().st_mtime) * 10**9
    os.utime(worktree.git_dir / "index", ns=(moment + 500_000_000, moment + 500_000_000))
    write(worktree, {"README.md": "# Shot\n"})
    os.utime(worktree.path / "README.md", ns=(moment + fraction, moment + fraction))
    assert set(await changed(mirror, worktree)) == {"README.md"}


async def test_another_owner_alone_is_no_change(mirror: Mirror, worktree: Worktree) -> None:
    strong().jail(worktree.path).own(worktree.path)
    status = ("-c", "core.checkStat=minimal", "-c", "core.trustctime=false", "diff-files", "--name-only")
    assert await mirror.git(*status, git_dir=worktree.git_dir, work_tree=worktree.path) == b""


async def test_files_become_folders_and_folders_files(mirror: Mirror, worktree: Worktree) -> None:
    (worktree.path / "README.md").unlink()
    write(worktree, {"README.md/inside.md": "x"})
    (worktree.path / "src/shop.py").unlink()
    (worktree.path / "src").rmdir()
    (worktree.path / "src").symlink_to("README.md")
    assert await changed(mirror, worktree) == {
        "README.md": "D 000000",
        "README.md/inside.md": "A 100644",
        "src": "A 120000",
        "src/shop.py": "D 000000",
    }


async def test_tracked_files_behind_a_link_are_gone_not_followed(
    mirror: Mirror, worktree: Worktree, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/shop.py").write_text("key\n")
    (worktree.path / "src/shop.py").unlink()
    (worktree.path / "src").rmdir()
    (worktree.path / "src").symlink_to(tmp_path / "secrets")
    assert await changed(mirror, worktree) == {"src": "A 120000", "src/shop.py": "D 000000"}


async def test_what_tools_leave_behind_is_no_part_of_the_change(mirror: Mirror, worktree: Worktree) -> None:
    write(
        worktree,
        {
            "src/__pycache__/shop.cpython-311.pyc": "x",
            "node_modules/left-pad/index.js": "x",
            "web/node_modules/a/b.js": "x",
            ".pytest_cache/v/x": "x",
            ".coverage": "x",
            "htmlcov/index.html": "x",
            "env/pyvenv.cfg": "home = /usr",
            "env/lib/x.py": "x",
            ".venv/bin/python": "x",
            "shop.egg-info/PKG-INFO": "x",
            "rust/Cargo.toml": "[package]",
            "rust/target/debug/x": "x",
            "some-cache/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55",
            "some-cache/x": "x",
            "kept.py": "1\n",
        },
    )
    found = await harvested(mirror, worktree)
    await admit(mirror, found)
    assert [c.path for c in await diff(mirror, worktree.base, found.tree)] == ["kept.py", "rust/Cargo.toml"]
    assert "node_modules/" in found.left_out
    assert "rust/target/" in found.left_out
    assert "src/__pycache__/" in found.left_out


def test_words_that_may_be_sources_are_kept_unless_a_tool_writes_there() -> None:
    files = {"pyproject.toml", "app/Lib.csproj"}

    def exists(path: str) -> bool:
        return path in files or (path.endswith("*.csproj") and "app/Lib.csproj".startswith(path[:-8]))

    paths = [
        "build/lib/x.py",
        "tools/build/run.py",
        "target/x",
        "app/obj/x.json",
        "web/obj/x.json",
        "a/target.py",
        "x.o",
    ]
    assert leftovers(paths, set(), exists) == {"build/lib/x.py": "build/", "app/obj/x.json": "app/obj/", "x.o": "x.o"}
    kept = leftovers(["build/new.py", "build/__pycache__/x.pyc"], {"build"}, exists)
    assert kept == {"build/__pycache__/x.pyc": "build/__pycache__/"}


async def test_a_file_that_the_repository_keeps_is_taken_whatever_its_name(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    sha = shop.commit(
        {"node_modules/own/a.js": "1\n", "dist/app.js": "1\n", ".gitignore": "*.log\n", "package.json": "{}"}
    )
    await mirror.fetch([sha], credential)
    worktree = await pool.take(mirror, sha)
    write(worktree, {"node_modules/own/a.js": "2\n", "dist/app.js": "2\n", "dist/new.js": "3\n", "debug.log": "x"})
    write(worktree, {"node_modules/added/a.js": "x", "web/node_modules/other/a.js": "x"})
    assert set(await changed(mirror, worktree)) == {
        "node_modules/own/a.js",
        "node_modules/added/a.js",
        "dist/app.js",
        "dist/new.js",
    }


def nested(worktree: Worktree) -> None:
    """A repository with a commit inside the repository."""
    write(worktree, {"vendor/lib/x.py": "1\n"})
    sh("git", "init", "-q", cwd=worktree.path / "vendor/lib")
    sh("git", "add", "-A", cwd=worktree.path / "vendor/lib")
    sh("git", "commit", "-q", "-m", "x", cwd=worktree.path / "vendor/lib")


def nested_empty(worktree: Worktree) -> None:
    """One without a commit, which makes `git add` fail."""
    write(worktree, {"vendor/lib/x.py": "1\n"})
    sh("git", "init", "-q", cwd=worktree.path / "vendor/lib")


def fifo(worktree: Worktree) -> None:
    """A pipe where a file was."""
    (worktree.path / "README.md").unlink()
    os.mkfifo(worktree.path / "README.md")


def sparse(worktree: Worktree) -> None:
    """A file that says it is large: it must not be read to find out."""
    with (worktree.path / "huge").open("wb") as file:
        file.truncate(2**40)


def many(worktree: Worktree) -> None:
    """More files than anybody reviews."""
    (worktree.path / "many").mkdir()
    for number in range(collector.MOST_FILES + 1):
        (worktree.path / f"many/{number}").touch()


def bytes_name(worktree: Worktree) -> None:
    """A name that is no UTF-8."""
    Path(os.fsdecode(os.fsencode(worktree.path) + b"/\xff\xfe")).touch()


def newline(worktree: Worktree) -> None:
    """A name of two lines."""
    (worktree.path / "two\nlines").touch()


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (nested, "The agent left a git repository of its own in `vendor/lib`; a commit cannot hold a repository."),
        (
            nested_empty,
            "The agent left a git repository of its own in `vendor/lib`; a commit cannot hold a repository.",
        ),
        (fifo, "`README.md` is no longer a file that git can hold."),
        (sparse, "The work is 1,048,576 MB large; Tutti takes 50 MB at most."),
        (many, "The work has 5,001 changed files; Tutti takes 5,000 at most."),
        (bytes_name, r"The name of the file '\udcff\udcfe' holds characters that Tutti does not publish."),
        (newline, r"The name of the file 'two\nlines' holds characters that Tutti does not publish."),
    ],
)
async def test_what_cannot_be_a_commit_is_said_in_a_sentence(
    mirror: Mirror, worktree: Worktree, plant: Callable[[Worktree], None], sentence: str
) -> None:
    plant(worktree)
    with pytest.raises(UserError) as caught:
        await harvested(mirror, worktree)
    assert str(caught.value) == sentence


async def test_a_pipe_or_an_empty_folder_beside_the_work_is_no_obstacle(mirror: Mirror, worktree: Worktree) -> None:
    os.mkfifo(worktree.path / "pipe")
    (worktree.path / "folder").mkdir()
    write(worktree, {"a.py": "1\n"})
    assert set(await changed(mirror, worktree)) == {"a.py"}


async def test_work_inside_a_submodule_is_refused_honestly_and_the_submodule_itself_left_alone(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    sh("git", "update-index", "--add", "--cacheinfo", f"160000,{shop.tip('main')},theme", cwd=shop.clone)
    (shop.clone / "theme").mkdir()
    sha = shop.commit({})
    await mirror.fetch([sha], credential)
    worktree = await pool.take(mirror, sha)
    write(worktree, {"a.py": "1\n"})
    assert set(await changed(mirror, worktree)) == {"a.py"}
    write(worktree, {"theme/new.css": "x"})
    with pytest.raises(UserError, match=r"^`theme` is a submodule: its files live in another repository"):
        await harvested(mirror, worktree)
    sh("git", "init", "-q", cwd=worktree.path / "theme")
    assert set(await changed(mirror, worktree)) == {"a.py"}
    bumped = (await mirror.git("mktree", stdin=f"160000 commit {sha}\ttheme\n".encode())).decode().strip()
    assert [c.new_mode for c in await diff(mirror, sha, bumped) if c.path == "theme"] == ["160000"]


async def test_the_harvest_is_small_and_outlives_the_worktree(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    lines = [f"line {n} {os.urandom(20).hex()}\n" for n in range(5000)]
    sha = shop.commit({"long.txt": "".join(lines)})
    await mirror.fetch([sha], credential)
    worktree = await pool.take(mirror, sha)
    write(worktree, {"long.txt": "".join([*lines, "one more\n"])})
    found = await harvested(mirror, worktree)
    assert len(found.pack) < 2000
    await pool.destroy(worktree)
    await pool.wait()
    for _ in range(2):
        assert await admit(mirror, found) == found.tree
    assert await mirror.read(found.tree, "long.txt") == "".join([*lines, "one more\n"]).encode()
    second = await pool.take(mirror, sha, tree=found.tree)
    write(second, {"b.py": "2\n"})
    assert set(await changed(mirror, second)) == {"long.txt", "b.py"}


async def test_a_damaged_or_hostile_pack_is_refused(mirror: Mirror, worktree: Worktree, tmp_path: Path) -> None:
    write(worktree, {"a.py": "1\n"})
    found = await harvested(mirror, worktree)
    with pytest.raises(UserError, match=r"^Git refuses what the agent made: "):
        await admit(mirror, Harvest(found.tree, found.pack[:-30] + b"x" * 30))
    sh("git", "init", "-q", "--bare", str(tmp_path / "evil.git"), cwd=tmp_path)
    blob = sh("git", "hash-object", "-w", "--stdin", cwd=tmp_path / "evil.git", stdin=b"[core]\n")
    raw = b"100644 .GIT\0" + bytes.fromhex(blob)
    (tmp_path / "tree").write_bytes(raw)
    tree = sh(
        "git", "hash-object", "-w", "--literally", "-t", "tree", str(tmp_path / "tree"), cwd=tmp_path / "evil.git"
    )
    sh("git", "pack-objects", "-q", str(tmp_path / "p"), cwd=tmp_path / "evil.git", stdin=f"{tree}\n{blob}\n".encode())
    pack = next(content for path, content in everything(tmp_path).items() if path.endswith(".pack"))
    with pytest.raises(UserError, match=r"hasDotgit|contains '\.git'"):
        await admit(mirror, Harvest(tree, pack))
    assert not await mirror.has(tree)


async def test_a_difference_tells_lines_modes_and_binary_files(mirror: Mirror, worktree: Worktree) -> None:
    write(worktree, {"src/shop.py": "def price() -> int:\n    return 2\n    # more\n", "logo.png": "\0\1"})
    found = await harvested(mirror, worktree)
    await admit(mirror, found)
    logo, shop = await diff(mirror, worktree.base, found.tree)
    assert (logo.path, logo.status, logo.binary, logo.old) == ("logo.png", "A", True, "0" * 40)
    assert shop == Change("src/shop.py", "M", "100644", "100644", shop.old, shop.new, 2, 1, False)
    text = await patch(mirror, worktree.base, found.tree)
    assert b"+    return 2\n" in text
    assert b"GIT binary patch" in text


async def test_a_patch_can_be_applied(mirror: Mirror, worktree: Worktree, shop: Upstream) -> None:
    write(worktree, {"src/shop.py": "new\n", "logo.png": "\0\1", "größe.txt": "ä\n"})
    (worktree.path / "latin.txt").write_bytes("größe\r\n".encode("latin-1"))
    (worktree.path / "README.md").unlink()
    found = await harvested(mirror, worktree)
    await admit(mirror, found)
    sh("git", "apply", "--index", cwd=shop.clone, stdin=await patch(mirror, worktree.base, found.tree))
    assert sh("git", "write-tree", cwd=shop.clone) == found.tree


async def test_the_work_is_committed_by_concern_and_the_same_input_gives_the_same_commits(
    mirror: Mirror, worktree: Worktree
) -> None:
    tree = await three_files(mirror, worktree)
    groups = [("feat: price", ["src/shop.py", "not/there"]), ("test: price", ["tests/test_shop.py", "src/shop.py"])]
    first = await commits(mirror, worktree.base, tree, groups, WHEN, TUTTI)
    assert await commits(mirror, worktree.base, tree, groups, WHEN, TUTTI) == first
    assert await commits(mirror, worktree.base, tree, groups, WHEN + 1, TUTTI) != first
    log = await mirror.git(
        "log", "--format=%s|%an|%ae|%cn|%ad", "--date=iso", "--name-only", f"{worktree.base}..{first}"
    )
    me = "tutti[bot]|7+tutti[bot]@users.noreply.github.com|tutti[bot]|2023-11-14 22:13:20 +0000"
    assert log.decode().split("\n\n") == [
        f"test: price|{me}",
        f"README.md\ntests/test_shop.py\nfeat: price|{me}",
        "src/shop.py\n",
    ]
    assert await mirror.tree(first) == tree


async def test_a_folder_that_replaces_a_file_may_be_split_over_commits(mirror: Mirror, worktree: Worktree) -> None:
    (worktree.path / "README.md").unlink()
    write(worktree, {"README.md/a": "1\n", "README.md/b": "2\n"})
    tree = await admit(mirror, await harvested(mirror, worktree))
    groups = [("one", ["README.md/a"]), ("two", ["README.md/b"]), ("three", ["README.md"])]
    sha = await commits(mirror, worktree.base, tree, groups, WHEN, TUTTI)
    assert await mirror.tree(sha) == tree
    assert (await mirror.git("log", "--format=%s", f"{worktree.base}..{sha}")).decode().split() == ["two", "one"]


async def test_nothing_to_commit_is_the_base_itself(mirror: Mirror, worktree: Worktree) -> None:
    assert await commits(mirror, worktree.base, worktree.tree, [("x", ["y"])], WHEN, TUTTI) == worktree.base


async def test_paths_that_no_group_names_go_with_the_last(mirror: Mirror, worktree: Worktree) -> None:
    tree = await three_files(mirror, worktree)
    sha = await commits(mirror, worktree.base, tree, [("chore: all", [])], WHEN, TUTTI)
    assert await mirror.tree(sha) == tree
    assert (await mirror.git("rev-list", "--count", f"{worktree.base}..{sha}")) == b"1\n"


async def test_a_message_is_taken_as_it_is_but_for_what_git_cannot_hold(mirror: Mirror, worktree: Worktree) -> None:
    sha = await commit(mirror, worktree.tree, [worktree.base], "fix: -F ä 🎉\0\n\nCloses #1\n", WHEN, TUTTI)
    assert (await mirror.git("log", "-1", "--format=%B", sha)).decode() == "fix: -F ä 🎉\n\nCloses #1\n\n"
