"""Who gets in: the App by its JWT, tokens for what they were minted for, nobody else."""

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.emulator.played import EVERYTHING, Played

ISSUE = "/repos/acme/shop/issues/1"
DENIED = "Resource not accessible by integration"


async def test_the_app_gets_a_token_for_one_repository_and_what_it_asked_for(played: Played) -> None:
    asked = {"repository_ids": [played.repo.id], "permissions": {"issues": "write"}}
    path = f"/app/installations/{played.installation.id}/access_tokens"
    made = await played.ask("POST", path, played.jwt(), asked)
    assert made.status == 201
    assert made.body["permissions"] == {"issues": "write", "metadata": "read"}
    assert [each["full_name"] for each in made.body["repositories"]] == ["acme/shop"]
    assert (await played.ask("GET", "/installation/repositories", made.body["token"])).body["total_count"] == 1


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": 1}, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": 9_999_999_999}, "too far in the future"),
        ({"iat": 9_999_999_999}, "'Issued at' claim"),
        ({"iss": "1"}, "'Issuer' claim"),
    ],
)
async def test_a_jwt_with_wrong_claims_is_refused(played: Played, claims: dict[str, object], said: str) -> None:
    refused = await played.ask("GET", "/app", played.jwt(**claims))
    assert refused.status == 401
    assert said in refused.body["message"]


async def test_a_jwt_of_another_key_is_refused(played: Played) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    now = int(played.clock())
    forged = jwt.encode({"iat": now - 60, "exp": now + 60, "iss": str(played.emulator.app_id)}, pem, "RS256")
    assert (await played.ask("GET", "/app", forged)).status == 401


async def test_the_jwt_opens_only_the_apps_own_doors_and_a_token_only_the_others(played: Played) -> None:
    assert (await played.ask("GET", "/repos/acme/shop", played.jwt())).status == 401
    assert (await played.ask("GET", "/app", played.token())).status == 401


async def test_a_token_ends_with_its_hour_and_when_it_is_revoked(played: Played) -> None:
    early, late = played.token(), played.token()
    assert (await played.ask("DELETE", "/installation/token", early)).status == 204
    assert (await played.ask("GET", "/repos/acme/shop", early)).body["message"] == "Bad credentials"
    played.clock.ahead = 3599
    assert (await played.ask("GET", "/repos/acme/shop", late)).status == 200
    played.clock.ahead = 3601
    assert (await played.ask("GET", "/repos/acme/shop", late)).status == 401


async def test_a_token_does_what_its_permissions_say_and_no_more(played: Played) -> None:
    await played.emulator.open_issue(played.repo, "Carts are slow")
    reader = played.token(issues="read")
    assert (await played.ask("GET", ISSUE, reader)).status == 200
    refused = await played.ask("POST", f"{ISSUE}/comments", reader, {"body": "Hello"})
    assert (refused.status, refused.body["message"]) == (403, DENIED)
    assert "issues=write" in refused.headers["X-Accepted-GitHub-Permissions"]
    assert played.repo.issues[1].comments == []


async def test_the_pull_request_permission_does_not_reach_issues(played: Played) -> None:
    await played.emulator.open_issue(played.repo, "Carts are slow")
    await played.emulator.push_commit(played.repo, "faster", {"a": "b"})
    await played.emulator.open_pull(played.repo, "faster", title="Faster carts")
    token = played.token(pull_requests="write")
    assert (await played.ask("POST", f"{ISSUE}/comments", token, {"body": "Hello"})).status == 403
    assert (await played.ask("POST", "/repos/acme/shop/issues/2/comments", token, {"body": "Hello"})).status == 201


async def test_repositories_outside_the_token_are_closed_or_not_even_there(played: Played) -> None:
    await played.emulator.create_repo("acme/open", {"a": "b"})
    hidden = await played.emulator.create_repo("acme/hidden", {"a": "b"}, private=True)
    await played.emulator.install(hidden)
    token = played.token()
    assert (await played.ask("GET", "/repos/acme/open", token)).status == 200
    assert (await played.ask("POST", "/repos/acme/open/issues", token, {"title": "Hello"})).status == 403
    assert (await played.ask("GET", "/repos/acme/hidden", token)).status == 404
    assert (await played.ask("GET", "/repos/acme/hidden")).status == 404


async def test_more_than_the_installation_has_cannot_be_asked_for(played: Played) -> None:
    other = await played.emulator.create_repo("acme/other", {"a": "b"})
    path = f"/app/installations/{played.installation.id}/access_tokens"
    strange = await played.ask("POST", path, played.jwt(), {"repository_ids": [other.id]})
    assert strange.status == 422
    assert "not accessible to the parent installation" in strange.body["message"]
    greedy = await played.ask("POST", path, played.jwt(), {"permissions": {"administration": "write"}})
    assert (greedy.status, "not granted" in greedy.body["message"]) == (422, True)


async def test_a_suspended_installation_gives_nothing_until_it_is_back(played: Played) -> None:
    token = played.token()
    await played.emulator.suspend(played.installation)
    path = f"/app/installations/{played.installation.id}/access_tokens"
    assert (await played.ask("POST", path, played.jwt(), {})).status == 403
    refused = await played.ask("GET", "/repos/acme/shop", token)
    assert (refused.status, refused.body["message"]) == (403, "This installation has been suspended")
    await played.emulator.open_issue(played.repo, "Nobody is told of this")
    await played.emulator.unsuspend(played.installation)
    assert (await played.ask("GET", "/repos/acme/shop", token)).status == 200
    await played.emulator.delivered()
    assert played.bot.names == ["installation.created", "installation.suspend", "installation.unsuspend"]


async def test_an_uninstalled_app_has_lost_its_tokens(played: Played) -> None:
    token = played.token()
    await played.emulator.uninstall(played.installation)
    assert (await played.ask("GET", "/installation/repositories", token)).status == 401
    assert (await played.ask("GET", "/repos/acme/shop/installation", played.jwt())).status == 404


async def test_an_archived_repository_can_only_be_read(played: Played) -> None:
    played.emulator.archive(played.repo)
    assert (await played.ask("GET", "/repos/acme/shop", played.token())).body["archived"] is True
    refused = await played.ask("POST", "/repos/acme/shop/issues", played.token(), {"title": "Too late"})
    assert (refused.status, refused.body["message"]) == (403, "Repository was archived so is read-only.")


@pytest.mark.parametrize(
    ("login", "private", "answer"),
    [
        ("maintainer", True, ("write", "maintain")),
        ("helper", True, ("read", "triage")),
        ("acme", True, ("admin", "admin")),
        ("stranger", False, ("read", "read")),
        ("stranger", True, ("none", "none")),
    ],
)
async def test_what_a_person_may_do_is_told_in_old_and_new_words(
    played: Played, login: str, private: bool, answer: tuple[str, str]
) -> None:
    played.repo.private = private
    played.emulator.user("helper", "triage", played.repo)
    played.emulator.user("stranger")
    path = f"/repos/acme/shop/collaborators/{login}/permission"
    told = await played.ask("GET", path, played.token())
    assert (told.body["permission"], told.body["role_name"]) == answer
    assert told.body["user"]["id"] == played.emulator.world.find_user(login).id


async def test_somebody_unknown_is_said_to_be_no_user(played: Played) -> None:
    told = await played.ask("GET", "/repos/acme/shop/collaborators/ghost/permission", played.token())
    assert (told.status, told.body["message"]) == (404, "ghost is not a user")


async def test_what_github_refuses_whatever_is_asked(played: Played) -> None:
    assert (await played.ask("GET", "/repos/acme/shop", **{"User-Agent": ""})).status == 403
    assert (await played.ask("GET", "/repos/acme/shop", **{"X-GitHub-Api-Version": "1999-01-01"})).status == 400
    assert (await played.ask("GET", "/repos/acme/shop", "ghs_invented")).status == 401
    url = f"{played.emulator.api_url}/repos/acme/shop/issues"
    async with played.session.post(url, data=b"{", headers={"Authorization": f"Bearer {played.token()}"}) as answer:
        assert answer.status == 400


async def test_a_route_that_is_not_played_is_noted(played: Played) -> None:
    assert (await played.ask("GET", "/repos/acme/shop/milestones", played.token(**EVERYTHING))).status == 501
    assert played.emulator.unknown == ["GET /repos/acme/shop/milestones"]
    played.emulator.unknown.clear()


async def test_what_did_not_change_costs_only_a_304(played: Played) -> None:
    first = await played.ask("GET", "/repos/acme/shop", played.token())
    again = await played.ask("GET", "/repos/acme/shop", played.token(), **{"If-None-Match": first.headers["Etag"]})
    assert again.status == 304


async def test_the_app_finds_its_installations_and_itself(played: Played) -> None:
    assert (await played.ask("GET", "/app", played.jwt())).body["slug"] == "tutti"
    listed = (await played.ask("GET", "/app/installations", played.jwt())).body
    assert [each["account"]["login"] for each in listed] == ["acme"]
    for path in (f"/app/installations/{played.installation.id}", "/users/acme/installation"):
        assert (await played.ask("GET", path, played.jwt())).body["id"] == played.installation.id
    for path in ("/app/installations/1", "/users/maintainer/installation"):
        assert (await played.ask("GET", path, played.jwt())).status == 404


async def test_anybody_may_look_up_people_and_the_limit(played: Played) -> None:
    bot = (await played.ask("GET", "/users/tutti%5Bbot%5D")).body
    assert (bot["id"], bot["type"]) == (played.emulator.bot.id, "Bot")
    assert (await played.ask("GET", "/users/ghost")).status == 404
    assert (await played.ask("GET", "/rate_limit")).body["rate"]["limit"] == 5000
    first, second = [await played.ask("GET", "/users/acme") for _ in range(2)]
    left = [int(each.headers["X-RateLimit-Remaining"]) for each in (first, second)]
    assert left[0] - left[1] == 1


async def test_a_collaborator_is_told_from_a_stranger(played: Played) -> None:
    path = "/repos/acme/shop/collaborators"
    assert (await played.ask("GET", f"{path}/maintainer", played.token())).status == 204
    assert (await played.ask("GET", f"{path}/ghost", played.token())).status == 404
