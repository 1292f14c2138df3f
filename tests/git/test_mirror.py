"""A mirror fetches what is asked for and missing, and says honestly what it cannot have."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.errors import TryAgain, UserError
from bot.git.command import Credential, GitError
from bot.git.mirror import Entry, Head, Mirror, Mirrors, Traits
from bot.github.entity import split_name
from bot.github.shape import MissingError
from tests.git.stage import TOKEN, Server, Upstream, here, holding, sh


async def test_a_new_commit_is_fetched_and_a_known_one_costs_no_request(
    server: Server, mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    sha = shop.commit({"new.txt": "new\n"})
    assert not await mirror.has(sha)
    await mirror.fetch([sha], credential)
    assert await mirror.resolve("main") == sha
    before = len(server.requests)
    await mirror.fetch([sha, shop.tip("main") or ""], credential)
    assert len(server.requests) == before


async def test_five_who_miss_the_same_commit_fetch_it_once(
    server: Server, mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    sha = shop.commit({"new.txt": "new\n"})
    server.requests.clear()
    await asyncio.gather(*(mirror.fetch([sha], credential) for _ in range(5)))
    assert await mirror.has(sha)
    assert sum("POST" in request for request in server.requests) <= 3


async def test_a_pull_request_is_fetched_by_its_ref(mirror: Mirror, shop: Upstream, credential: Credential) -> None:
    sha = shop.commit({"fork.txt": "from a fork\n"}, branch="fork")
    sh("git", "update-ref", "refs/pull/7/head", sha, cwd=shop.bare)
    sh("git", "update-ref", "-d", "refs/heads/fork", cwd=shop.bare)
    await mirror.fetch(["refs/pull/7/head", sha], credential)
    assert await mirror.resolve("refs/pull/7/head") == sha
    assert await mirror.read(sha, "fork.txt") == b"from a fork\n"


async def test_one_branch_is_fetched_alone_and_a_force_push_is_followed(
    mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    first = shop.tip("main")
    other = shop.commit({"a": "1\n"}, branch="other")
    sh("git", "reset", "-q", "--hard", "HEAD~1", cwd=shop.clone)
    rewritten = shop.commit({"b": "2\n"})
    await mirror.fetch(["other"], credential)
    assert (await mirror.resolve("other"), await mirror.resolve("main")) == (other, first)
    await mirror.fetch(["main"], credential)
    assert await mirror.resolve("main") == rewritten


async def test_branches_that_went_away_make_room_for_others(
    mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    shop.commit({}, branch="feature")
    await mirror.fetch(credential=credential)
    sh("git", "update-ref", "-d", "refs/heads/feature", cwd=shop.bare)
    nested = shop.commit({}, branch="feature/new")
    await mirror.fetch(credential=credential)
    assert await mirror.resolve("feature") is None
    assert await mirror.resolve("feature/new") == nested


async def test_replacement_refs_of_the_origin_are_never_taken_over(
    mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    old = shop.tip("main") or ""
    new = shop.commit({"README.md": "replaced\n"})
    sh("git", "update-ref", f"refs/replace/{old}", new, cwd=shop.bare)
    await mirror.fetch(credential=credential)
    assert await mirror.read(old, "README.md") == b"# Shop\n"


async def test_what_is_not_there_is_said_in_a_sentence(
    server: Server, mirrors: Mirrors, mirror: Mirror, credential: Credential
) -> None:
    with pytest.raises(UserError, match=r"^`gone` does not exist in acme/shop \(any more\)\.$"):
        await mirror.fetch(["gone"], credential)
    with pytest.raises(UserError, match=r"^There is no repository acme/nothing that this App may read\.$"):
        await (await mirrors.get("acme/nothing")).fetch(credential=credential)
    with pytest.raises(UserError, match=r"^GitHub did not accept this App's token for acme/shop\.$"):
        await mirror.fetch(["main"], Credential(server.url, "expired"))


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_repository_that_was_renamed_meanwhile_is_said_to_be(
    server: Server, mirror: Mirror, credential: Credential, status: int
) -> None:
    server.failing = [status] * 2
    with pytest.raises(UserError, match=r"^acme/shop was renamed or moved on GitHub meanwhile; start this again under"):
        await mirror.fetch(["main"], credential)


@given(st.from_regex(r"[aZ0_.-]{0,4}/[aZ0_.-]{0,4}", fullmatch=True) | st.text(max_size=9))
@example("jane_corp/tool")
@example("acme/..")
@example("acme/.github")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_a_name_to_the_events_is_one_to_the_mirrors(tmp_path: Path, name: str) -> None:
    try:
        split_name(name)
    except MissingError:
        with pytest.raises(ValueError, match="is not the name of a repository"):
            asyncio.run(Mirrors(tmp_path, "https://github.example").get(name))
    else:
        assert asyncio.run(Mirrors(tmp_path, "https://github.example").get(name)).name == name


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_trouble_that_passes_is_worth_another_try(
    server: Server, mirror: Mirror, credential: Credential, status: int
) -> None:
    server.failing = [status]
    with pytest.raises(TryAgain, match="acme/shop"):
        await mirror.fetch(["main"], credential)
    await mirror.fetch(["main"], credential)


async def test_a_server_that_is_not_there_is_worth_another_try(tmp_path: Path) -> None:
    mirror = await Mirrors(tmp_path, "http://127.0.0.1:1").get("acme/shop")
    with pytest.raises(TryAgain):
        await mirror.fetch()
    with pytest.raises(TryAgain):
        await mirror.default_head()


async def test_the_default_branch_is_the_origins_and_an_empty_repository_has_none(
    server: Server, mirrors: Mirrors, mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    assert await mirror.default_head(credential) == Head("main", shop.tip("main") or "")
    sha = shop.commit({}, branch="trunk/2")
    sh("git", "symbolic-ref", "HEAD", "refs/heads/trunk/2", cwd=shop.bare)
    assert await mirror.default_head(credential) == Head("trunk/2", sha)
    server.upstream("acme/empty")
    empty = await mirrors.get("acme/empty")
    await empty.fetch(credential=credential)
    assert await empty.default_head(credential) is None
    assert await empty.traits(None) == Traits((), False, True)


async def test_files_are_read_as_they_are_written(mirror: Mirror, shop: Upstream, credential: Credential) -> None:
    (shop.clone / "link").symlink_to("/etc/passwd")
    sha = shop.commit({"run.sh": "#!/bin/sh\n", "new\nline": "odd\n", ":(top)x": "magic\n", "empty": ""})
    await mirror.fetch([sha], credential)
    assert await mirror.read(sha, "link") == b"/etc/passwd"
    assert await mirror.read(sha, "new\nline") == b"odd\n"
    assert await mirror.read(sha, ":(top)x") == b"magic\n"
    assert await mirror.read(sha, "src") is None
    assert await mirror.read(sha, "../../etc/passwd") is None
    with pytest.raises(GitError):
        await mirror.read("0" * 39 + "1", "link")
    entries = {entry.path: entry for entry in await mirror.listing(sha)}
    assert entries["link"].mode == "120000"
    assert await mirror.listing(sha, "src/") == [Entry("src/shop.py", "100644", entries["src/shop.py"].oid)]
    texts = await mirror.blobs([entries["empty"].oid, "0" * 40, entries["new\nline"].oid])
    assert texts == {entries["empty"].oid: b"", entries["new\nline"].oid: b"odd\n"}


async def test_what_never_changes_is_asked_of_git_once(mirror: Mirror, shop: Upstream, credential: Credential) -> None:
    sha = shop.commit({"NEWS.md": "Something new\n"})
    await mirror.fetch([sha], credential)
    tree, entries = await mirror.tree(sha), await mirror.listing(sha)
    given = await mirror.listing(sha)
    given.clear()
    (mirror.path / "HEAD").unlink()  # git would say that this is no repository
    assert (await mirror.tree(sha), await mirror.listing(sha)) == (tree, entries)
    with pytest.raises(GitError):
        await mirror.listing(tree)


async def test_submodules_and_large_files_are_told(mirror: Mirror, shop: Upstream, credential: Credential) -> None:
    assert await mirror.traits(shop.tip("main")) == Traits((), False, False)
    sh("git", "update-index", "--add", "--cacheinfo", f"160000,{shop.tip('main')},lib/theme", cwd=shop.clone)
    (shop.clone / "lib/theme").mkdir(parents=True)
    sha = shop.commit({"art/.gitattributes": "*.psd filter=lfs diff=lfs merge=lfs -text\n"})
    await mirror.fetch([sha], credential)
    assert await mirror.traits(sha) == Traits(("lib/theme",), True, False)


async def test_a_ref_is_never_an_option(mirror: Mirror) -> None:
    for hostile in ("--upload-pack=touch x", "-x", "$(id)", "main~1000", "a..b", ""):
        assert await mirror.resolve(hostile) is None


@pytest.mark.parametrize("name", ["acme", "acme/..", "../x", "acme/shop/x", "acme/sh op", "-x/y", "acme/", "a/b\n"])
async def test_what_is_no_name_of_a_repository_gets_no_folder(mirrors: Mirrors, data_dir: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not the name"):
        await mirrors.get(name)
    assert not here(data_dir)


async def test_a_repository_has_one_mirror_however_its_name_is_written(mirrors: Mirrors, mirror: Mirror) -> None:
    assert await mirrors.get("ACME/Shop") is mirror
    assert await mirrors.all() == [mirror]


async def test_another_process_waits_for_the_lock(mirror: Mirror) -> None:
    with holding(f"{mirror.path}.lock") as other:
        assert other.stdin
        order: list[str] = []

        async def enter() -> None:
            async with mirror.lock():
                order.append("entered")

        waiting = asyncio.create_task(enter())
        for _ in range(20):
            await asyncio.to_thread(lambda: None)
        order.append("released")
        other.stdin.close()
        await waiting
    assert order == ["released", "entered"]


async def test_what_a_killed_git_left_is_tidied(
    mirrors: Mirrors, mirror: Mirror, shop: Upstream, credential: Credential
) -> None:
    left = [
        mirror.path / "refs/heads/main.lock",
        mirror.path / "packed-refs.lock",
        mirror.path / "objects/pack/tmp_pack_x",
    ]
    for place in left:
        place.parent.mkdir(exist_ok=True)
        place.write_text("")
    sha = shop.commit({"new.txt": "new\n"})
    with pytest.raises(GitError):
        await mirror.fetch([sha], credential)
    await mirrors.tidy()
    assert not here(*left)
    await mirror.fetch(["main"], credential)
    assert await mirror.resolve("main") == sha


async def test_a_clone_on_this_machine_has_a_mirror_of_its_own(mirrors: Mirrors, shop: Upstream) -> None:
    mirror = await mirrors.local(shop.clone)
    await mirror.fetch()
    assert await mirror.default_head() == Head("main", shop.tip("main") or "")
    assert await mirrors.all() == []
    assert TOKEN not in str(mirror.path)
