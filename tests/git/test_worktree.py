"""A worktree is given once, with the content that was asked for, and never comes back."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.git.command import Credential, GitError
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from tests.git.stage import Upstream, everything, here, sh

SHOP = {"README.md": b"# Shop\n", "src/shop.py": b"def price() -> int:\n    return 1\n"}


async def test_an_agent_gets_a_checkout_in_which_git_works(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    sha = shop.tip("main") or ""
    worktree = await pool.take(mirror, sha, run="run-1")
    assert everything(worktree.path) == SHOP
    assert sh("git", "status", "--porcelain", cwd=worktree.path) == ""
    assert sh("git", "log", "--format=%H %s", cwd=worktree.path) == f"{sha} Change"
    sh("git", "commit", "-q", "--allow-empty", "-m", "mine", cwd=worktree.path)
    sh("git", "branch", "side", cwd=worktree.path)
    assert await mirror.resolve("main") == sha
    assert await mirror.resolve("side") is None
    assert worktree.id in sh("git", f"--git-dir={mirror.path}", "worktree", "list", cwd=worktree.path)


async def test_a_pooled_one_is_taken_as_it_is_or_moved_to_another_commit(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    old = shop.tip("main") or ""
    pool.refill(mirror, old)
    await pool.wait()
    ready = {worktree.id for worktree in pool.fresh()}
    assert len(ready) == 2
    new = shop.commit({"README.md": None, "src/more.py": "2\n", "src/shop.py": "3\n"})
    await mirror.fetch([new], credential)
    same, moved = await pool.take(mirror, old), await pool.take(mirror, new)
    assert {same.id, moved.id} == ready
    assert everything(same.path) == SHOP
    assert everything(moved.path) == {"src/more.py": b"2\n", "src/shop.py": b"3\n"}
    assert sh("git", "status", "--porcelain", cwd=moved.path) == ""
    assert sh("git", "rev-parse", "HEAD", cwd=moved.path) == new
    assert pool.fresh() == []


async def test_refilling_moves_the_older_ones_on(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    pool.refill(mirror, shop.tip("main") or "")
    await pool.wait()
    before = {worktree.id for worktree in pool.fresh()}
    new = shop.commit({"src/more.py": "2\n"})
    await mirror.fetch([new], credential)
    pool.refill(mirror, new)
    pool.refill(mirror, new)
    await pool.wait()
    assert {worktree.id for worktree in pool.fresh()} == before
    assert {worktree.base for worktree in pool.fresh()} == {new}
    assert all(everything(worktree.path)["src/more.py"] == b"2\n" for worktree in pool.fresh())


async def test_the_pool_stays_small_over_many_repositories(data_dir: Path, mirror: Mirror, shop: Upstream) -> None:
    pool = Pool(data_dir, size=3, most=2)
    pool.refill(mirror, shop.tip("main") or "")
    await pool.wait()
    assert len(pool.fresh()) == 2
    assert len(everything(data_dir / "worktrees")) == 2 * (len(SHOP) + 2)


async def test_the_work_of_an_earlier_try_is_laid_out_again(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    sha = shop.tip("main") or ""
    blob = (await mirror.git("hash-object", "-w", "--stdin", stdin=b"kept\n")).decode().strip()
    tree = (await mirror.git("mktree", stdin=f"100755 blob {blob}\tkept.sh\n".encode())).decode().strip()
    worktree = await pool.take(mirror, sha, tree=tree)
    assert everything(worktree.path) == {"kept.sh": b"kept\n"}
    assert (worktree.base, worktree.tree) == (sha, tree)
    assert sh("git", "rev-parse", "HEAD", cwd=worktree.path) == sha


async def test_eight_at_once_are_eight(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    sha = shop.tip("main") or ""
    pool.refill(mirror, sha)
    taken = await asyncio.gather(*(pool.take(mirror, sha, run=f"run-{n}") for n in range(8)))
    assert len({worktree.path for worktree in taken}) == 8
    assert all(everything(worktree.path) == SHOP for worktree in taken)


async def test_what_an_agent_had_is_gone_with_all_its_traces(
    mirror: Mirror, pool: Pool, shop: Upstream, data_dir: Path
) -> None:
    worktree = await pool.take(mirror, shop.tip("main") or "", run="run-1")
    locked = worktree.path / "locked"
    locked.mkdir()
    (locked / "file").write_text("x")
    locked.chmod(0)
    await pool.destroy(worktree)
    assert not here(worktree.path, worktree.agent_dir, worktree.git_dir)
    await pool.destroy(worktree)
    await pool.wait()
    assert pool.taken() == []
    assert [place for place in everything(data_dir) if worktree.id in place] == []
    assert everything(data_dir / "trash") == {}
    again = await pool.take(mirror, shop.tip("main") or "")
    assert again.id != worktree.id


async def test_a_commit_that_is_missing_leaves_nothing_behind(mirror: Mirror, pool: Pool, data_dir: Path) -> None:
    with pytest.raises(GitError):
        await pool.take(mirror, "1" * 40)
    await pool.wait()
    assert everything(data_dir / "worktrees") == {}


async def test_at_the_next_start_fresh_ones_are_adopted_and_all_else_is_destroyed(
    mirror: Mirror, pool: Pool, shop: Upstream, data_dir: Path
) -> None:
    sha = shop.tip("main") or ""
    lost, kept = await pool.take(mirror, sha, run="lost"), await pool.take(mirror, sha, run="kept")
    pool.refill(mirror, sha)
    await pool.wait()
    fresh = pool.fresh()
    (data_dir / "worktrees/half-made").mkdir()
    (data_dir / "trash/old").mkdir()

    restarted = Pool(data_dir)
    await restarted.sweep(keep={"kept"})
    await restarted.wait()
    assert [worktree.id for worktree in restarted.taken()] == [kept.id]
    assert restarted.fresh() == fresh
    assert not here(lost.path, lost.agent_dir, lost.git_dir, data_dir / "worktrees/half-made", data_dir / "trash/old")
    assert everything(kept.path) == SHOP
    assert (await restarted.take(mirror, sha)).id in {worktree.id for worktree in fresh}


@pytest.mark.parametrize("touch", ["edit", "add", "ignore", "delete"])
async def test_a_fresh_one_that_somebody_touched_is_not_adopted(
    mirror: Mirror, pool: Pool, shop: Upstream, data_dir: Path, credential: Credential, touch: str
) -> None:
    sha = shop.commit({".gitignore": "*.log\n"})
    await mirror.fetch([sha], credential)
    pool.refill(mirror, sha)
    await pool.wait()
    worktree = pool.fresh()[0]
    if touch == "edit":
        (worktree.path / "README.md").write_text("# Shot\n")
    elif touch == "delete":
        (worktree.path / "README.md").unlink()
    else:
        (worktree.path / ("x.log" if touch == "ignore" else "x.py")).write_text("x")
    restarted = Pool(data_dir)
    await restarted.sweep(keep=set())
    await restarted.wait()
    assert worktree.id not in {other.id for other in restarted.fresh()}
    assert not here(worktree.path)
    assert len(restarted.fresh()) == 1


async def test_a_damaged_fresh_one_is_replaced_when_asked_for(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    pool.refill(mirror, shop.tip("main") or "")
    await pool.wait()
    for worktree in pool.fresh():
        (worktree.git_dir / "index").write_bytes(b"torn")
    new = shop.commit({"src/more.py": "2\n"})
    await mirror.fetch([new], credential)
    assert everything((await pool.take(mirror, new)).path) == SHOP | {"src/more.py": b"2\n"}


async def test_two_processes_never_get_the_same_one(mirror: Mirror, shop: Upstream, data_dir: Path) -> None:
    sha = shop.tip("main") or ""
    pools = [Pool(data_dir, size=4), Pool(data_dir, size=4)]
    pools[0].refill(mirror, sha)
    await pools[0].wait()
    taken = await asyncio.gather(*(pools[n % 2].take(mirror, sha) for n in range(6)))
    assert len({worktree.id for worktree in taken}) == 6


async def test_a_worktree_survives_as_a_record(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    worktree = await pool.take(mirror, shop.tip("main") or "", run="run-1")
    assert Worktree.of(worktree.record()) == worktree
    assert pool.taken() == [worktree]


async def test_a_take_that_is_cancelled_leaves_nothing_behind(
    mirror: Mirror, pool: Pool, shop: Upstream, data_dir: Path
) -> None:
    sha = shop.tip("main") or ""
    pool.refill(mirror, sha)
    await pool.wait()
    for rounds in range(6):
        taking = asyncio.create_task(pool.take(mirror, sha, run="cancelled"))
        for _ in range(rounds):
            await asyncio.to_thread(lambda: None)
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pool.destroy(await taking)
    await pool.wait()
    assert pool.taken() == []
    assert {place.split("/")[0] for place in everything(data_dir / "worktrees")} == {
        name for worktree in pool.fresh() for name in (worktree.id, f"{worktree.id}.fresh")
    }


async def test_a_refill_that_fails_is_logged_and_harms_nobody(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    with capture_logs() as said:
        pool.refill(mirror, "1" * 40)
        await pool.wait()
    assert [(line["event"], line["log_level"]) for line in said] == [("pool.refill", "warning")]
    pool.refill(mirror, shop.tip("main") or "")
    await pool.wait()
    assert len(pool.fresh()) == 2


async def test_closing_ends_a_refill_and_the_next_start_sweeps_up_after_it(
    mirror: Mirror, shop: Upstream, data_dir: Path
) -> None:
    pool = Pool(data_dir)
    async with mirror.lock():
        pool.refill(mirror, shop.tip("main") or "")
        await asyncio.to_thread(lambda: None)
        await pool.close()
    restarted = Pool(data_dir)
    await restarted.sweep(keep=set())
    await restarted.wait()
    assert everything(data_dir / "worktrees") == {}
    assert (await restarted.take(mirror, shop.tip("main") or "")).path.is_dir()


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever runs the tests is not root, and stands in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    if os.geteuid() != 0:
        yield
        return
    os.chown(tmp_path, 12_345, 12_345)
    os.seteuid(12_345)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("nobody")
async def test_a_folder_that_the_agent_closed_goes_away_all_the_same() -> None:
    pool = Pool(Path("data"))
    for name in ("destroyed", "swept"):
        (pool.folder / name / "closed").mkdir(parents=True)
        (pool.folder / name / "closed").chmod(0)
        (pool.folder / name).chmod(0o555)
    path, other = pool.folder / "destroyed", Path("none")
    await pool.destroy(Worktree("destroyed", path, other, other, other, "acme/shop", "", "", 0.0))
    assert here(path) == []
    await pool.sweep(set())
    await pool.wait()
    assert [*pool.folder.iterdir(), *pool.trash.iterdir()] == []


async def test_what_does_not_go_away_stops_nobody(pool: Pool, worktree: Worktree) -> None:
    pool.trash.rmdir()
    pool.trash.write_text("no folder")
    with capture_logs() as logs:
        pool._drop(worktree.path)
    assert [log["event"] for log in logs] == ["pool.drop"]
    pool.trash.unlink()
    pool.trash.mkdir()
