"""git over HTTP: real clones and pushes, refused where and in the words GitHub refuses them."""

import asyncio
from pathlib import Path

import pytest

from tests.emulator.played import Played, commit, git


async def test_a_clone_a_push_and_what_the_world_hears_of_it(played: Played, tmp_path: Path) -> None:
    clone = await played.clone(tmp_path / "clone", played.token(contents="write"))
    await commit(clone, "feature/faster", shop__cart_DOT_py="total = 1\n", new_DOT_txt="new\n")
    code, said = await git("push", "origin", "feature/faster", cwd=clone)
    assert code == 0, said
    sha = (await git("rev-parse", "HEAD", cwd=clone))[1].strip()
    assert played.repo.branches["feature/faster"] == sha
    await played.emulator.delivered()
    pushed = played.bot.heard[-1].payload
    assert (pushed["ref"], pushed["after"], pushed["created"]) == ("refs/heads/feature/faster", sha, True)
    assert pushed["sender"]["login"] == "tutti[bot]"
    assert [(each["added"], each["modified"]) for each in pushed["commits"]] == [(["new.txt"], ["shop/cart.py"])]


async def test_a_forced_push_is_told_as_one_and_a_deleted_branch_closes_its_pull_request(
    played: Played, tmp_path: Path
) -> None:
    clone = await played.clone(tmp_path / "clone", played.token())
    await commit(clone, "feature", a="1\n")
    await git("push", "origin", "feature", cwd=clone)
    pull = await played.emulator.open_pull(played.repo, "feature", title="One")
    await git("reset", "--quiet", "--hard", "origin/main", cwd=clone)
    await commit(clone, "feature", b="2\n")
    assert (await git("push", "origin", "feature", cwd=clone))[0] == 1
    assert (await git("push", "--force", "origin", "feature", cwd=clone))[0] == 0
    assert pull.head_sha == played.repo.branches["feature"]
    assert (await git("push", "origin", ":feature", cwd=clone))[0] == 0
    assert pull.state == "closed"
    await played.emulator.delivered()
    forced = [each.payload["forced"] for each in played.bot.heard if each.name == "push"]
    assert forced == [False, True, False]
    assert played.bot.names[-4:] == ["push", "pull_request.synchronize", "push", "pull_request.closed"]


async def test_a_lease_that_is_stale_is_refused(played: Played, tmp_path: Path) -> None:
    clone = await played.clone(tmp_path / "clone", played.token())
    await commit(clone, "feature", a="1\n")
    await played.emulator.push_commit(played.repo, "feature", {"b": "somebody was faster\n"})
    code, said = await git("push", "--force-with-lease=refs/heads/feature:", "origin", "feature", cwd=clone)
    assert code == 1
    assert "stale info" in said


async def test_any_commit_can_be_fetched_by_its_sha_and_pulls_by_their_reference(
    played: Played, tmp_path: Path
) -> None:
    old = await played.emulator.push_commit(played.repo, "feature", {"a": "1\n"})
    await played.emulator.open_pull(played.repo, "feature", title="One")
    await played.emulator.move_branch(played.repo, "feature", None)
    clone = await played.clone(tmp_path / "clone", played.token(contents="read"))
    assert (await git("fetch", "origin", old, cwd=clone))[0] == 0
    code, said = await git("fetch", "origin", "refs/pull/1/head:refs/heads/pull", cwd=clone)
    assert (code, (await git("rev-parse", "pull", cwd=clone))[1].strip()) == (0, old), said


async def test_a_protected_branch_and_a_ruleset_say_why(played: Played, tmp_path: Path) -> None:
    clone = await played.clone(tmp_path / "clone", played.token())
    await commit(clone, "main", a="1\n")
    played.emulator.protect(played.repo)
    played.emulator.ruleset(played.repo, "feature/**", "creation")
    code, said = await git("push", "origin", "main", cwd=clone)
    assert code == 1
    assert "remote: error: GH006: Protected branch update failed for refs/heads/main." in said
    assert "[remote rejected] main -> main (protected branch hook declined)" in said
    code, said = await git("push", "origin", "main:feature/x", cwd=clone)
    assert code == 1
    assert "remote: - Cannot create ref due to creations being restricted." in said
    assert "(push declined due to repository rule violations)" in said
    assert set(played.repo.branches) == {"main"}


async def test_workflow_files_of_actions_need_a_right_of_their_own(played: Played, tmp_path: Path) -> None:
    clone = await played.clone(tmp_path / "clone", played.token())
    await commit(clone, "ci", _DOT_github__workflows__ci_DOT_yml="on: push\n")
    code, said = await git("push", "origin", "ci", cwd=clone)
    assert code == 1
    assert "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml`" in said
    assert "ci" not in played.repo.branches


@pytest.mark.parametrize(
    ("permissions", "said"),
    [({"contents": "read"}, "denied to tutti[bot]"), ({"issues": "write"}, "denied to tutti[bot]")],
)
async def test_a_push_without_the_right_is_denied(
    played: Played, tmp_path: Path, permissions: dict[str, str], said: str
) -> None:
    clone = await played.clone(tmp_path / "clone", played.token(**permissions))
    await commit(clone, "feature", a="1\n")
    code, heard = await git("push", "origin", "feature", cwd=clone)
    assert code == 128
    assert said in heard


async def test_an_archived_repository_takes_no_push(played: Played, tmp_path: Path) -> None:
    clone = await played.clone(tmp_path / "clone", played.token())
    await commit(clone, "feature", a="1\n")
    played.emulator.archive(played.repo)
    code, said = await git("push", "origin", "feature", cwd=clone)
    assert (code, "archived so it is read-only" in said) == (128, True)


async def test_a_private_repository_is_not_there_for_strangers(played: Played, tmp_path: Path) -> None:
    hidden = await played.emulator.create_repo("acme/hidden", {"a": "b"}, private=True)
    for token in ("", "ghs_invented", played.token()):
        code, _ = await git("clone", played.clone_url(token, hidden), str(tmp_path / "never"))
        assert code == 128
    code, said = await git("clone", played.clone_url(played.emulator.token_for("acme"), hidden), str(tmp_path / "own"))
    assert code == 0, said


async def test_an_empty_repository_can_be_cloned_and_filled(played: Played, tmp_path: Path) -> None:
    empty = await played.emulator.create_repo("acme/empty")
    await played.emulator.install(empty)
    token = played.emulator.token_for("maintainer")
    assert (await git("clone", "--quiet", played.clone_url(token, empty), str(tmp_path / "clone")))[0] == 0
    await commit(tmp_path / "clone", "main", a="1\n")
    code, said = await git("push", "origin", "main", cwd=tmp_path / "clone")
    assert (code, set(empty.branches)) == (0, {"main"}), said


async def test_a_request_that_is_no_push_harms_nothing(played: Played) -> None:
    url = f"{played.emulator.url}/acme/shop.git/git-receive-pack"
    headers = {"Authorization": f"Bearer {played.token()}"}
    for body in (b"", b"zzzz", b"0030garbage", b"ffff\xff\xff"):
        async with played.session.post(url, data=body, headers=headers) as answer:
            assert answer.status in (200, 400)
    assert set(played.repo.branches) == {"main"}


async def test_pushes_and_commits_at_once_are_told_one_by_one(played: Played, tmp_path: Path) -> None:
    clone = await played.clone(tmp_path / "clone", played.token())
    for number in range(3):
        await commit(clone, f"side-{number}", a=f"{number}\n")
    await asyncio.gather(
        *(git("push", "origin", f"side-{number}", cwd=clone) for number in range(3)),
        *(played.emulator.push_commit(played.repo, f"own-{number}", {"b": "b"}) for number in range(3)),
    )
    assert len(played.repo.branches) == 7
    await played.emulator.delivered()
    told = [(each.payload["ref"], each.payload["after"]) for each in played.bot.heard if each.name == "push"]
    assert sorted(told) == sorted((ref, sha) for ref, sha in played.repo.git.refs.items() if ref != "refs/heads/main")
