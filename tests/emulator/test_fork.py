"""Pull requests from forks: the commits come to the base repository, the App stays outside the fork."""

from pathlib import Path

import pytest

from bot.emulator.problem import Invalid
from bot.emulator.world import Pull, Repo
from tests.emulator.played import Played, commit, git

PULLS = "/repos/acme/shop/pulls"


async def forked(played: Played) -> tuple[Repo, Pull]:
    fork = await played.emulator.fork(played.repo, "ana")
    await played.emulator.push_commit(fork, "feature/x", {"shop/cart.py": "total = 1\n"}, by="ana")
    pull = await played.emulator.open_pull(played.repo, "feature/x", title="From outside", by="ana", head_repo=fork)
    await played.emulator.delivered()
    return fork, pull


async def test_a_pull_request_of_a_fork_has_its_head_there_and_its_commits_here(played: Played, tmp_path: Path) -> None:
    fork, pull = await forked(played)
    shown = (await played.ask("GET", f"{PULLS}/1", played.token())).body
    assert (shown["head"]["label"], shown["head"]["repo"]["full_name"]) == ("ana:feature/x", "ana/shop")
    assert (shown["head"]["repo"]["fork"], shown["base"]["repo"]["full_name"]) == (True, "acme/shop")
    assert (shown["commits"], shown["mergeable"], shown["user"]["login"]) == (1, True, "ana")
    assert len((await played.ask("GET", f"{PULLS}?head=ana:feature/x", played.token())).body) == 1
    assert "feature/x" not in played.repo.branches
    clone = await played.clone(tmp_path / "clone", played.token(contents="read"))
    assert (await git("fetch", "origin", "refs/pull/1/head", cwd=clone))[0] == 0
    assert (await git("rev-parse", "FETCH_HEAD", cwd=clone))[1].strip() == fork.branches["feature/x"] == pull.head_sha


async def test_what_happens_in_a_fork_is_told_only_by_its_pull_request(played: Played) -> None:
    fork, pull = await forked(played)
    assert played.bot.names == ["installation.created", "pull_request.opened"]
    sha = await played.emulator.push_commit(fork, "feature/x", {"shop/cart.py": "total = 2\n"}, by="ana")
    await played.emulator.push_commit(fork, "another", {"a": "b"}, by="ana")
    assert (pull.head_sha, played.repo.git.refs["refs/pull/1/head"]) == (sha, sha)
    await played.emulator.move_branch(fork, "feature/x", None, by="ana")
    await played.emulator.delivered()
    assert played.bot.names[2:] == ["pull_request.synchronize", "pull_request.closed"]
    assert played.bot.heard[2].payload["repository"]["full_name"] == "acme/shop"


async def test_a_branch_of_the_same_name_here_is_another_one(played: Played) -> None:
    _, pull = await forked(played)
    sha = await played.emulator.push_commit(played.repo, "feature/x", {"b": "c"})
    assert pull.head_sha != sha
    own = await played.emulator.open_pull(played.repo, "feature/x", title="From inside")
    assert (own.number, own.head_sha) == (2, sha)
    with pytest.raises(Invalid):
        await played.emulator.open_pull(played.repo, "feature/x", title="Again", head_repo=pull.source)


async def test_the_app_may_not_push_to_a_fork_and_its_owner_may(played: Played, tmp_path: Path) -> None:
    fork, pull = await forked(played)
    clone = tmp_path / "clone"
    token = played.emulator.token_for("ana")
    assert (await git("clone", "--quiet", played.clone_url(token, fork), str(clone)))[0] == 0
    await git("switch", "--quiet", "feature/x", cwd=clone)
    await commit(clone, "feature/x", more_DOT_py="a = 1\n")
    code, said = await git("push", played.clone_url(played.token(contents="write"), fork), "feature/x", cwd=clone)
    assert (code, "Permission to ana/shop.git denied to tutti[bot]" in said) == (128, True)
    assert (await git("push", "origin", "feature/x", cwd=clone))[0] == 0
    assert pull.head_sha == fork.branches["feature/x"]


async def test_nobody_pushes_to_the_reference_of_a_pull_request(played: Played, tmp_path: Path) -> None:
    _, pull = await forked(played)
    clone = await played.clone(tmp_path / "clone", played.token(contents="write"))
    code, said = await git("push", "--force", "origin", "main:refs/pull/1/head", cwd=clone)
    assert (code, "deny updating a hidden ref" in said) == (1, True)
    assert played.repo.git.refs["refs/pull/1/head"] == pull.head_sha


async def test_a_check_on_a_forks_commit_names_no_pull_request(played: Played) -> None:
    _, pull = await forked(played)
    made = await played.ask(
        "POST", "/repos/acme/shop/check-runs", played.token(), {"name": "tutti", "head_sha": pull.head_sha}
    )
    assert (made.status, made.body["pull_requests"]) == (201, [])


async def test_a_pull_request_outlives_its_fork(played: Played) -> None:
    fork, pull = await forked(played)
    played.emulator.delete_fork(fork)
    shown = (await played.ask("GET", f"{PULLS}/1", played.token())).body
    assert (shown["head"]["repo"], shown["head"]["sha"], shown["state"]) == (None, pull.head_sha, "open")
    await played.emulator.edit_pull(pull, title="Whose was it?")
    assert (await played.ask("GET", f"{PULLS}/1/files", played.token())).body[0]["filename"] == "shop/cart.py"


async def test_a_forks_pull_request_is_merged(played: Played) -> None:
    _, pull = await forked(played)
    sha = await played.emulator.merge_pull(pull)
    assert played.repo.branches["main"] == sha
    assert "from ana/feature/x" in await played.repo.git.line("log", "-1", "--format=%s", sha)
