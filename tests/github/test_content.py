"""What is read of a repository: somebody's right, facts, files, folders, branches."""

from typing import Any

import pytest

from bot.errors import TryAgain
from bot.github.api import Facts, Item, Permission, Repository
from bot.github.entity import Person
from bot.github.refusal import RefusalError
from tests.github.served import Served, Told

R = "/repos/acme/shop"
OCTOCAT = {"login": "octocat", "id": 1, "type": "User"}
SHA = "a" * 40


@pytest.mark.parametrize(
    ("told", "permission"),
    [
        ({"permission": "admin", "role_name": "admin", "user": OCTOCAT}, Permission("admin", 1)),
        ({"permission": "write", "role_name": "maintain", "user": OCTOCAT}, Permission("maintain", 1)),
        ({"permission": "write", "role_name": "release-crew", "user": OCTOCAT}, Permission("write", 1)),
        ({"permission": "read", "role_name": "triage", "user": OCTOCAT}, Permission("triage", 1)),
        ({"permission": "none", "role_name": "none", "user": None}, Permission("none", None)),
    ],
)
async def test_somebodys_right_is_githubs_answer(
    served: Served, shop: Repository, told: dict[str, Any], permission: Permission
) -> None:
    served.tell(f"GET {R}/collaborators/octocat/permission", Told(told))
    assert await shop.permission("octocat") == permission


async def test_who_is_unknown_to_github_has_no_right(shop: Repository) -> None:
    assert await shop.permission("Copilot") == Permission("none", None)


async def test_an_answer_without_a_right_grants_none(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/collaborators/octocat/permission", Told({"user": OCTOCAT}))
    with pytest.raises(TryAgain):
        await shop.permission("octocat")


def test_a_right_belongs_to_a_person_not_to_a_name() -> None:
    writer = Permission("write", 1)
    assert writer.reaches("write", Person("octocat", 1, False))
    assert writer.reaches("triage", Person("renamed", 1, False))
    assert not writer.reaches("maintain", Person("octocat", 1, False))
    assert not writer.reaches("read", Person("octocat", 2, False))
    assert not Permission("none", None).reaches("read", Person("ghost", 0, False))


@pytest.mark.parametrize(("size", "branches", "empty"), [(0, [], True), (0, [{"name": "main"}], False), (9, [], False)])
async def test_an_empty_repository_is_one_without_branches(
    served: Served, shop: Repository, size: int, branches: list[Any], empty: bool
) -> None:
    served.tell(
        f"GET {R}",
        Told({"full_name": "acme/shop", "default_branch": "main", "archived": True, "size": size}),
    )
    served.tell(f"GET {R}/branches", Told(branches))
    assert await shop.facts() == Facts("main", True, empty)


async def test_a_file_is_read_at_a_commit_and_may_be_absent(served: Served, shop: Repository) -> None:
    path = f"GET {R}/contents/.github/a%20%23b.yml"
    served.tell(path, Told({"type": "file", "encoding": "base64", "content": "dmVyc2lv\nbjogMQ==\n"}))
    assert await shop.content(".github/a #b.yml", SHA) == b"version: 1"
    assert served.last(path).query == {"ref": SHA}
    assert await shop.content("absent", SHA) is None


@pytest.mark.parametrize(
    "told", [Told([]), Told({"type": "submodule"}), Told({"message": "This repository is empty."}, 404)]
)
async def test_what_is_no_file_has_no_content(served: Served, shop: Repository, told: Told) -> None:
    served.tell(f"GET {R}/contents/docs", told)
    assert await shop.content("docs", SHA) is None


async def test_a_file_too_large_for_this_way_is_said_to_be(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/contents/big", Told({"type": "file", "encoding": "none", "content": ""}))
    with pytest.raises(RefusalError, match="big in acme/shop is larger than 1 MB"):
        await shop.content("big", SHA)


async def test_a_path_that_would_climb_is_refused(shop: Repository) -> None:
    with pytest.raises(RefusalError):
        await shop.content("docs/../../../../app", SHA)


async def test_a_folder_is_listed(served: Served, shop: Repository) -> None:
    listed = [{"name": "a.yml", "path": "w/a.yml", "type": "file", "sha": SHA, "size": 3}]
    served.tell(f"GET {R}/contents/w", Told(listed))
    served.tell(f"GET {R}/contents/", Told([]))
    assert await shop.directory("w", SHA) == [Item("a.yml", "w/a.yml", "file", SHA, 3)]
    assert await shop.directory("", SHA) == []
    assert await shop.directory("absent", SHA) == []


async def test_a_branch_is_there_or_not_even_where_nothing_is(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/git/ref/heads/feature/x", Told({"ref": "refs/heads/feature/x", "object": {"sha": SHA}}))
    served.tell(f"GET {R}/git/ref/heads/main", Told({"message": "Git Repository is empty."}, 409))
    assert await shop.branch_head("feature/x") == SHA
    assert not await shop.branch_exists("main")
    assert not await shop.branch_exists("absent")
