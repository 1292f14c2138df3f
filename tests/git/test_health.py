"""`tutti worktrees` shows what is there, and prunes what no run owns."""

from bot.git.command import Credential
from bot.git.health import inspect, prune
from bot.git.mirror import Mirror
from bot.git.worktree import Pool
from tests.git.stage import Upstream, here, sh
from tests.walls import NONE, strong


async def test_every_worktree_is_told_with_its_run_and_its_state(
    mirror: Mirror, pool: Pool, shop: Upstream, credential: Credential
) -> None:
    sha = shop.tip("main") or ""
    await mirror.default_head(credential)
    going, over = await pool.take(mirror, sha, run="going"), await pool.take(mirror, sha, run="over")
    pool.refill(mirror, sha)
    await pool.wait()
    (going.path / "new.py").write_text("x" * 10_000)
    sh("git", "add", "-A", cwd=going.path)
    sh("git", "commit", "-q", "-m", "mine", cwd=going.path)
    place = strong().jail(pool.data_dir)
    place.own(going.path, going.agent_dir)
    for number in range(3):
        shop.commit({"README.md": f"{number}\n"})
    await mirror.fetch(["main"], credential)

    found = {health.id: health for health in await inspect(pool, {"going"}, strong())}
    assert len(found) == 4
    mine = found[going.id]
    assert (mine.repository, mine.run, mine.path) == ("acme/shop", "going", going.path)
    assert (mine.clean, mine.stale, mine.fresh, mine.ahead, mine.behind) == (False, False, False, 1, 3)
    assert mine.size > 10_000
    assert 0 <= mine.age < 60
    other = found[over.id]
    assert (other.clean, other.stale, other.fresh, other.ahead, other.behind) == (True, True, False, 0, 3)
    fresh = [health for health in found.values() if health.fresh]
    assert [(h.run, h.clean, h.stale, h.ahead) for h in fresh] == [("", True, False, 0)] * 2


async def test_what_no_run_owns_is_pruned_and_fresh_ones_stay(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    sha = shop.tip("main") or ""
    going, over = await pool.take(mirror, sha, run="going"), await pool.take(mirror, sha, run="over")
    pool.refill(mirror, sha)
    await pool.wait()
    assert await prune(pool, {"going"}) == [over.id]
    assert not here(over.path, over.agent_dir, over.git_dir)
    assert [worktree.id for worktree in pool.taken()] == [going.id]
    assert len(pool.fresh()) == 2


async def test_an_agent_that_broke_its_own_git_hides_nothing_else(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    worktree = await pool.take(mirror, shop.tip("main") or "", run="run-1")
    (worktree.agent_dir / "HEAD").write_text("f" * 40)
    (worktree.agent_dir / "objects/info/alternates").write_text("/nowhere\n")
    (health,) = await inspect(pool, set(), strong())
    assert (health.ahead, health.behind, health.clean) == (None, 0, True)
    (worktree.agent_dir / "HEAD").unlink()
    (worktree.agent_dir / "HEAD").symlink_to("/dev/zero")
    (health,) = await inspect(pool, set(), strong())
    assert health.ahead == 0


async def test_without_walls_nothing_of_an_agent_is_read(mirror: Mirror, pool: Pool, shop: Upstream) -> None:
    worktree = await pool.take(mirror, shop.tip("main") or "", run="run-1")
    sh("git", "commit", "-q", "--allow-empty", "-m", "mine", cwd=worktree.path)
    (health,) = await inspect(pool, {"run-1"}, NONE)
    assert (health.ahead, health.behind, health.clean) == (None, 0, None)
