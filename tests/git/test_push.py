"""The bot's branch goes to GitHub whole, once, and never over the work of others."""

import pytest

from bot.errors import TryAgain, UserError
from bot.git.changes import PushRefused, admit, commit, push
from bot.git.command import Credential
from bot.git.mirror import Mirror, Mirrors
from bot.git.worktree import Pool, Worktree
from tests.git.stage import TUTTI, WHEN, Server, Upstream, harvested, sh, three_files, write


@pytest.fixture
async def work(mirror: Mirror, worktree: Worktree) -> str:
    """A commit that is ready to be pushed."""
    tree = await three_files(mirror, worktree)
    return await commit(mirror, tree, [worktree.base], "feat: x", WHEN, TUTTI)


async def test_a_branch_is_pushed_and_a_repeat_after_a_crash_is_fine(
    mirror: Mirror, shop: Upstream, work: str, credential: Credential
) -> None:
    for _ in range(2):
        await push(mirror, work, "feature/auto-1-x", None, credential)
        assert shop.tip("feature/auto-1-x") == work


async def test_a_branch_goes_on_from_where_the_bot_left_it(
    mirror: Mirror, shop: Upstream, work: str, worktree: Worktree, credential: Credential
) -> None:
    await push(mirror, work, "auto", None, credential)
    again = await commit(mirror, worktree.tree, [worktree.base], "feat: other", WHEN, TUTTI)
    await push(mirror, again, "auto", work, credential)
    assert shop.tip("auto") == again


async def test_the_work_of_others_is_never_overwritten(
    mirror: Mirror, shop: Upstream, work: str, worktree: Worktree, credential: Credential
) -> None:
    sentence = (
        "^GitHub did not take the branch `auto`: somebody else has pushed to it meanwhile, "
        "and Tutti never overwrites the work of others.$"
    )
    theirs = shop.commit({"theirs.py": "1\n"}, branch="auto")
    for expected in (None, worktree.base):
        with pytest.raises(PushRefused, match=sentence):
            await push(mirror, work, "auto", expected, credential)
    assert shop.tip("auto") == theirs


async def test_github_refuses_in_its_own_words(
    mirror: Mirror, shop: Upstream, work: str, credential: Credential
) -> None:
    shop.refuse(
        "error: GH013: Repository rule violations found for refs/heads/auto.\n\n"
        "- Cannot create ref due to creations being restricted."
    )
    with pytest.raises(PushRefused) as caught:
        await push(mirror, work, "auto", None, credential)
    assert str(caught.value) == (
        "GitHub did not take the branch `auto`: GH013: Repository rule violations found for refs/heads/auto. "
        "- Cannot create ref due to creations being restricted."
    )


async def test_a_name_that_another_branch_stands_in_the_way_of_is_told(
    mirror: Mirror, shop: Upstream, work: str, credential: Credential
) -> None:
    shop.commit({}, branch="feature")
    with pytest.raises(PushRefused, match=r"'refs/heads/feature' exists; cannot create 'refs/heads/feature/auto-1'\.$"):
        await push(mirror, work, "feature/auto-1", None, credential)


async def test_a_clone_on_this_machine_gets_the_branch_and_keeps_its_checkout(
    mirrors: Mirrors, pool: Pool, shop: Upstream
) -> None:
    local = await mirrors.local(shop.clone)
    await local.fetch()
    sha = shop.tip("main") or ""
    worktree = await pool.take(local, sha)
    write(worktree, {"a.py": "1\n"})
    tree = await admit(local, await harvested(local, worktree))
    made = await commit(local, tree, [sha], "feat: a", WHEN, TUTTI)
    await push(local, made, "auto/1", None, None)
    assert sh("git", "rev-parse", "auto/1", cwd=shop.clone) == made
    assert sh("git", "status", "--porcelain", "--branch", cwd=shop.clone) == "## main"


async def test_a_push_that_meets_trouble_on_the_way_may_be_tried_again(
    server: Server, mirror: Mirror, shop: Upstream, work: str, credential: Credential
) -> None:
    server.failing = [503]
    with pytest.raises(TryAgain):
        await push(mirror, work, "auto", None, credential)
    with pytest.raises(UserError, match="did not accept this App's token"):
        await push(mirror, work, "auto", None, Credential(server.url, "expired"))
    await push(mirror, work, "auto", None, credential)
    assert shop.tip("auto") == work
