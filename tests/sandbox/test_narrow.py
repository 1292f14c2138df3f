"""A place whose agent owns a part of the worktree, from inside: all can be read, and nothing else be written."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.review.glob import matcher
from bot.sandbox import jail as walled
from bot.sandbox import landlock, narrow, owned, process
from bot.sandbox.jail import Jail, Walls
from tests import walls

ROOT = os.geteuid() == 0
GLOBS = ("src/api/**", "docs/*.md", "web/new/**", "types.d/contract.ts")
FILES = {
    "README.md": "read me",
    "src/api/a.py": "mine",
    "src/web/w.ts": "theirs",
    "docs/guide.md": "mine",
    "docs/logo.svg": "theirs",
    "docs/deep/x.md": "theirs",
    "web/index.html": "theirs",
    "types.d/contract.ts": "mine",
    "types.d/other.ts": "theirs",
}


def kinds() -> list[tuple[str, bool]]:
    tiers = ["strong", *(["degraded"] if landlock.version() >= landlock.NEEDED else [])]
    return [(tier, own) for tier in tiers for own in ((True, False) if ROOT else (False,))]


@pytest.fixture(params=kinds(), ids=lambda kind: f"{kind[0]}-{'own' if kind[1] else 'shared'}")
def around(request: pytest.FixtureRequest) -> Walls:
    tier, own = request.param
    return replace(walls.strong(), tier=tier, own_uid=own)


def place(folder: Path, around: Walls, globs: Sequence[str] = GLOBS, *links: tuple[str, str]) -> Jail:
    """A worktree with `FILES`, links, and packages that were installed, narrowed to the globs."""
    tree = folder / "tree"
    for path, words in (*FILES.items(), (".git", "gitdir: ours"), ("node_modules/tool/main.js", "installed")):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(f"{words}\n")
    for path, target in links:
        (tree / path).symlink_to(target)
    made = replace(walls.jail(folder, around), readable=(tree / ".git",))
    files = [*FILES, *(path for path, _ in links)]
    return narrow.narrowed(made, tree, owned.partition(globs, files, matcher(globs)), files)


async def sh(place: Jail, *lines: str) -> list[str]:
    """Of each command line its exit code, or `done`; what it prints comes before."""
    tree, home = place.writable
    script = "\n".join(f"({line}) 2>/dev/null && echo done || echo no" for line in lines)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    argv = ["sh", "-c", script]
    said = await process.run(argv, cwd=tree, env=env, run_id="test-narrow", timeout=20, jail=place)
    return said.output_tail.split("\n")[:-1]


def content(place: Jail) -> dict[str, str]:
    tree = place.writable[0]
    return {path: (tree / path).read_text().strip() for path in FILES if (tree / path).is_file()}


async def test_what_is_not_owned_cannot_be_changed_in_any_way(tmp_path: Path, around: Walls) -> None:
    narrow = place(tmp_path, around)
    said = await sh(
        narrow,
        "echo x >src/web/w.ts",
        "echo x >README.md",
        "echo x >docs/logo.svg",
        "echo x >src/web/new.ts",
        "echo x >new",
        "mkdir more",
        "rm README.md",
        "rm -r src/web",
        "rm docs/logo.svg",
        "mv src/web src/api/web",
        "mv src src2",
        "mv docs docs2",
        "mv docs/deep docs/deeper",
        "mv docs/logo.svg docs/logo.md",
        "mv docs/guide.md docs/logo.svg",
        "ln -sf /etc/passwd docs/logo.svg",
        "ln -s ../web src/api/way; echo x >src/api/way/w.ts",
        "ln src/web/w.ts src/api/w.ts && echo x >src/api/w.ts",
        "mv src/api src/old",
        "echo x >.git",
        "mv .git g",
    )
    assert said == ["no"] * len(said)
    assert content(narrow) == FILES
    assert sorted(path.name for path in narrow.writable[0].iterdir()) == sorted(
        [".git", "README.md", "docs", "node_modules", "src", "types.d", "web"]
    )


async def test_what_is_owned_can_be_written_and_all_can_be_read(tmp_path: Path, around: Walls) -> None:
    narrow = place(tmp_path, around)
    said = await sh(
        narrow,
        f"cat {' '.join(FILES)} node_modules/tool/main.js .git | wc -l | tr -d ' '",
        "echo more >src/api/a.py",
        "mkdir src/api/v2 && echo new >src/api/v2/b.py && mv src/api/v2 src/api/v3 && chmod +x src/api/v3/b.py",
        "echo changed >docs/guide.md",
        "echo new >web/new/page.html",
        "echo agreed >types.d/contract.ts",
        "echo cache >node_modules/.cache",
        'echo x >"$HOME/x"',
    )
    assert said == ["11", *["done"] * 8]
    tree = narrow.writable[0]
    assert (tree / "src/api/v3/b.py").read_text() == (tree / "web/new/page.html").read_text() == "new\n"
    assert {path for path, words in content(narrow).items() if words != FILES[path]} == {
        *("src/api/a.py", "docs/guide.md", "types.d/contract.ts")
    }


async def test_the_strong_tier_lets_owned_files_be_made_and_replaced_beside_foreign_ones(tmp_path: Path) -> None:
    for own in (True, False) if ROOT else (False,):
        narrow = place(tmp_path / str(own), replace(walls.strong(), own_uid=own))
        said = await sh(
            narrow,
            "echo new >docs/new.md && mv docs/new.md docs/guide.md && rm docs/guide.md && echo again >docs/guide.md",
            "echo agreed >types.d/c && mv types.d/c types.d/contract.ts",
            "chmod 777 docs/logo.svg || chmod 777 src/web || touch -d 2001-01-01 README.md",
        )
        assert said == ["done", "done", "no"]


async def test_it_is_the_same_in_a_folder_that_is_not_below_tmp(
    tmp_path: Path, around: Walls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As data folders are in earnest."""
    monkeypatch.setattr(walled, "_TMP", Path("/elsewhere"))
    narrow = place(tmp_path, around)
    lines = ("echo x >src/web/w.ts", "echo x >docs/logo.svg", "echo x >new", "echo x >src/api/new")
    assert await sh(narrow, *lines) == ["no", "no", "no", "done"]


async def test_a_link_in_the_repository_leads_nothing_elsewhere(tmp_path: Path, around: Walls) -> None:
    (tmp_path / "outside").mkdir()
    links = (("lib", str(tmp_path / "outside")), ("docs/link", "../src/web"))
    narrow = place(tmp_path, around, ("lib/**", "docs/link/**", "lib/new/**"), *links)
    said = await sh(narrow, "echo x >lib/x", "echo x >docs/link/w.ts", "mkdir lib/new/x")
    assert said == ["no"] * 3
    assert [*(tmp_path / "outside").iterdir()] == []
    assert content(narrow) == FILES


async def test_a_second_process_finds_the_walls_that_the_first_had(tmp_path: Path, around: Walls) -> None:
    narrow = place(tmp_path, around)
    await sh(
        narrow, "rm -rf src/api web/new docs/*.md; ln -s ../../outside src/api/x; ln -s ../../../outside web/new/y"
    )
    said = await sh(narrow, "echo x >src/api/a.py", "echo x >web/new/p", "echo x >docs/logo.svg", "mv src/web src/w")
    assert said == ["done", "done", "no", "no"]


def test_only_the_places_own_user_looks_into_the_worktree(tmp_path: Path) -> None:
    if not ROOT:
        return
    argv = place(tmp_path, walls.strong()).wrap(["true"], cwd=tmp_path / "tree")
    roots, theirs = argv[: argv.index(walled.SETPRIV)], argv[argv.index(walled.SETPRIV) :]
    assert [word for word in roots if f"{tmp_path}/tree/" in word] == []
    assert f"{tmp_path}/tree/src/api" in theirs


async def test_a_link_that_came_later_keeps_every_process_out(tmp_path: Path, around: Walls) -> None:
    """Nobody inside can put one there; if it stands there all the same, nothing is started."""
    narrow = place(tmp_path, around)
    (tmp_path / "tree/src/api").rename(tmp_path / "was")
    (tmp_path / "tree/src/api").symlink_to(tmp_path / "was")
    try:
        said = await sh(narrow, "echo x >src/api/a.py")
    except OSError as refused:
        said = [str(refused)]
    assert "done" not in said
    assert "ymbolic link" in said[0]
    assert (tmp_path / "was/a.py").read_text() == "mine\n"
