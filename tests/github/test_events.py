"""What GitHub tells becomes an event or is ignored with a reason, whatever it sends."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.github.events import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    InstallationEvent,
    IssueEvent,
    PullEvent,
    PushEvent,
    ThreadEvent,
    dump,
    load,
    parse,
    target,
)
from tests.github.example import examples

LISTENED: dict[str, type[Event]] = {
    "issues": IssueEvent,
    "pull_request": PullEvent,
    "issue_comment": CommentEvent,
    "pull_request_review_comment": CommentEvent,
    "pull_request_review": CommentEvent,
    "pull_request_review_thread": ThreadEvent,
    "push": PushEvent,
    "installation": InstallationEvent,
    "installation_repositories": InstallationEvent,
    "check_run": CheckEvent,
}

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

Keys = tuple[str | int, ...]


def installed(payload: dict[str, Any]) -> dict[str, Any]:
    """The example as an App gets it: many were recorded by a repository's webhook and name no installation."""
    return {"installation": {"id": 5}, **payload}


def issue_event(**changed: Any) -> dict[str, Any]:
    octocat = {"login": "octocat", "id": 1, "type": "User"}
    return {
        "action": "labeled",
        "installation": {"id": 5},
        "repository": {"id": 7, "full_name": "acme/shop", "default_branch": "main"},
        "sender": octocat,
        "label": {"name": "auto-implement"},
        "issue": {"number": 3, "title": "Add carts", "body": None, "user": octocat, "labels": [], "state": "open"},
        **changed,
    }


@pytest.mark.parametrize("event", sorted({event for event, _ in examples()}))
def test_every_example_becomes_its_event_or_is_ignored_by_name(event: str) -> None:
    for payload in (payload for name, payload in examples() if name == event):
        found = parse(event, installed(payload))
        if event in LISTENED:
            assert type(found) is LISTENED[event]
        else:
            assert found == Ignored(f"nothing listens to {event} events")


def test_an_event_survives_being_stored_as_json() -> None:
    for event, payload in examples():
        found = parse(event, installed(payload))
        if not isinstance(found, Ignored):
            assert load(json.loads(json.dumps(dump(found)))) == found


def test_a_label_put_on_an_issue_says_who_where_and_which() -> None:
    event = parse("issues", issue_event())
    assert isinstance(event, IssueEvent)
    assert (event.action, event.label, event.actor.login, event.actor.id) == ("labeled", "auto-implement", "octocat", 1)
    assert (event.repo.full_name, event.repo.id, event.repo.installation) == ("acme/shop", 7, 5)
    assert (event.issue.number, event.issue.body, event.issue.is_pull) == (3, "", False)
    assert target(event) == "acme/shop#3"


def test_a_comment_below_a_pull_request_belongs_to_that_pull_request() -> None:
    for event, payload in examples():
        if event == "pull_request_review_comment":
            found = parse(event, installed(payload))
            assert isinstance(found, CommentEvent)
            assert found.issue.is_pull
            assert found.comment.where == "diff"
            assert target(found).endswith(f"#{payload['pull_request']['number']}")


def test_a_pull_request_of_a_deleted_fork_counts_as_from_a_fork() -> None:
    payload = copy.deepcopy(next(payload for event, payload in examples() if event == "pull_request"))
    payload["pull_request"]["head"]["repo"] = None
    found = parse("pull_request", installed(payload))
    assert isinstance(found, PullEvent)
    assert found.pull.from_fork


def example(event: str, action: str) -> dict[str, Any]:
    """The first example of this action, fit to be changed."""
    return copy.deepcopy(
        next(installed(payload) for name, payload in examples() if name == event and payload["action"] == action)
    )


def test_a_pull_request_says_which_repository_its_head_lies_in_and_when_it_changed() -> None:
    payload = example("pull_request", "synchronize")
    payload["pull_request"]["head"]["repo"] = {"id": 8, "full_name": "stranger/shop"}
    found = parse("pull_request", payload)
    assert isinstance(found, PullEvent)
    assert (found.pull.from_fork, found.pull.head_repo, found.pull.head_repo_id) == (True, "stranger/shop", 8)
    assert found.pull.updated_at is not None
    payload["pull_request"]["head"]["repo"] = None
    gone = parse("pull_request", payload)
    assert isinstance(gone, PullEvent)
    assert (gone.pull.head_repo, gone.pull.head_repo_id) == ("", 0)


def test_a_review_that_is_asked_for_says_of_whom() -> None:
    payload = example("pull_request", "review_requested")
    found = parse("pull_request", payload)
    assert isinstance(found, PullEvent)
    assert found.requested is not None
    assert found.requested.id == payload["requested_reviewer"]["id"]
    del payload["requested_reviewer"]
    of_a_team = parse("pull_request", payload | {"requested_team": {"id": 3, "name": "carts"}})
    assert isinstance(of_a_team, PullEvent)
    assert of_a_team.requested is None


def test_a_remark_at_a_diff_says_where_it_stands_and_what_it_answers() -> None:
    payload = example("pull_request_review_comment", "created")
    place = {"path": "cart.py", "line": 3, "commit_id": "c" * 40, "in_reply_to_id": 40, "pull_request_review_id": 50}
    payload["comment"].update(place)
    found = parse("pull_request_review_comment", payload)
    assert isinstance(found, CommentEvent)
    said = found.comment
    assert (said.path, said.line, said.commit, said.in_reply_to, said.review) == ("cart.py", 3, "c" * 40, 40, 50)
    payload["comment"].update(line=None, in_reply_to_id=None)
    outdated = parse("pull_request_review_comment", payload)
    assert isinstance(outdated, CommentEvent)
    assert (outdated.comment.line, outdated.comment.in_reply_to) == (None, None)


@pytest.mark.parametrize("action", ["resolved", "unresolved"])
def test_a_thread_is_known_by_the_ids_of_its_remarks(action: str) -> None:
    payload = example("pull_request_review_thread", action)
    payload["thread"]["comments"] = [{"id": 40}, {"id": 41}, {"id": "42"}]
    found = parse("pull_request_review_thread", payload)
    assert isinstance(found, ThreadEvent)
    assert (found.action, found.comments, found.pull.is_pull) == (action, (40, 41), True)
    assert target(found) == f"{payload['repository']['full_name']}#{payload['pull_request']['number']}"


def test_a_button_below_a_check_run_says_whose_pull_requests_it_stands_at() -> None:
    payload = example("check_run", "requested_action")
    here, elsewhere = ({"repo": {"id": id}} for id in (payload["repository"]["id"], 1))
    payload["check_run"]["pull_requests"] = [{"number": 4, "base": here}, {"number": 5, "base": elsewhere}]
    found = parse("check_run", payload)
    assert isinstance(found, CheckEvent)
    assert (found.pulls, found.button) == ((4,), payload["requested_action"]["identifier"])


SINCE: dict[str, set[str]] = {
    "pull": {"head_repo", "head_repo_id", "updated_at"},
    "comment": {"in_reply_to", "path", "line", "commit", "review"},
}
"""What events have had only since reviews: in their parts, and below in themselves."""


def test_an_event_that_an_earlier_version_stored_still_loads() -> None:
    for event, payload in LISTENED_EXAMPLES:
        if event != "pull_request_review_thread":
            stored = dump(read(event, payload))
            for name in ("requested", "pulls"):
                stored.pop(name, None)
            for part, names in SINCE.items():
                if part in stored:
                    stored[part] = {name: value for name, value in stored[part].items() if name not in names}
            assert target(load(stored)) == target(read(event, payload))


def read(event: str, payload: dict[str, Any]) -> Event:
    found = parse(event, payload)
    assert not isinstance(found, Ignored)
    return found


def test_a_push_names_its_paths_once_and_knows_the_default_branch() -> None:
    commits = [{"added": ["a.py"], "modified": ["b.py"]}, {"modified": ["b.py"], "removed": ["c.py"]}]
    payload = issue_event(ref="refs/heads/main", before="1" * 40, after="2" * 40, commits=commits)
    event = parse("push", payload)
    assert isinstance(event, PushEvent)
    assert event.paths == ("a.py", "b.py", "c.py")
    assert event.is_default
    assert target(event) == "acme/shop"
    other = parse("push", payload | {"ref": "refs/heads/main/2"})
    assert isinstance(other, PushEvent)
    assert not other.is_default


@pytest.mark.parametrize(("commits", "forced", "incomplete"), [(1, False, False), (1, True, True), (0, False, True)])
def test_a_push_says_whether_its_commits_are_all_that_changed(commits: int, forced: bool, incomplete: bool) -> None:
    about: dict[str, Any] = {"ref": "refs/heads/main", "before": "1" * 40, "after": "2" * 40, "forced": forced}
    event = parse("push", issue_event(**about, commits=[{"added": ["a.py"]}] * commits))
    assert isinstance(event, PushEvent)
    assert event.incomplete is incomplete
    cut = parse("push", issue_event(**{**about, "forced": False}, commits=[{"added": ["a.py"]}] * 2048))
    assert isinstance(cut, PushEvent)
    assert cut.incomplete


def test_repositories_added_and_removed_are_told_apart() -> None:
    change = {
        "installation": {"id": 5},
        "sender": {"login": "octocat", "id": 1, "type": "User"},
        "repositories_added": [{"id": 7, "full_name": "acme/shop"}],
        "repositories_removed": [{"id": 8, "full_name": "acme/old"}],
    }
    added, removed = (parse("installation_repositories", change | {"action": word}) for word in ("added", "removed"))
    assert isinstance(added, InstallationEvent)
    assert isinstance(removed, InstallationEvent)
    assert [repo.full_name for repo in added.repos] == ["acme/shop"]
    assert [repo.full_name for repo in removed.repos] == ["acme/old"]
    assert target(added) == "installation/5"


def test_an_author_whose_account_is_gone_is_nobody() -> None:
    payload = issue_event()
    payload["issue"]["user"] = None
    event = parse("issues", payload)
    assert isinstance(event, IssueEvent)
    assert (event.issue.author.login, event.issue.author.id) == ("ghost", 0)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"installation": None}, "installation.id"),
        ({"installation": {"id": True}}, "installation.id"),
        ({"installation": {"id": 2**63}}, "installation.id"),
        ({"sender": {"login": "octocat", "id": "1"}}, "id"),
        ({"action": 4}, "action"),
        ({"issue": []}, "number"),
        ({"repository": {"id": 7, "full_name": "acme/.."}}, "repository.full_name"),
        ({"repository": {"id": 7, "full_name": "acme/shop/../../evil"}}, "repository.full_name"),
        ({"repository": {"id": 7, "full_name": "acme/sh?op"}}, "repository.full_name"),
    ],
)
def test_what_cannot_be_acted_on_is_ignored_and_says_why(changed: dict[str, Any], reason: str) -> None:
    assert parse("issues", issue_event(**changed)) == Ignored(f"the issues delivery has no usable {reason}")


def test_text_that_no_database_would_hold_is_made_storable() -> None:
    payload = issue_event()
    payload["issue"]["title"] = "a\x00b\ud800c"
    event = parse("issues", payload)
    assert isinstance(event, IssueEvent)
    assert event.issue.title == "a\ufffdb\ufffdc"
    assert json.dumps(dump(event), ensure_ascii=False).encode()


LISTENED_EXAMPLES = [(event, installed(payload)) for event, payload in examples() if event in LISTENED]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def places(value: object, here: Keys = ()) -> list[Keys]:
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [here, *(place for key, item in inner for place in places(item, (*here, key)))]


def damaged(payload: dict[str, Any], place: Keys, value: object, *, gone: bool) -> object:
    if not place:
        return value
    result = copy.deepcopy(payload)
    holder: Any = result
    for key in place[:-1]:
        holder = holder[key]
    if gone:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return result


def well_formed(found: object) -> bool:
    return isinstance(found, Ignored) or (
        isinstance(found, Event) and bool(target(found)) and load(dump(found)) == found
    )


@untimed
@given(st.data())
def test_an_example_damaged_anywhere_never_raises(data: st.DataObject) -> None:
    event, payload = data.draw(st.sampled_from(LISTENED_EXAMPLES))
    place = data.draw(st.sampled_from(places(payload)))
    found = parse(event, damaged(payload, place, data.draw(json_values), gone=data.draw(st.booleans())))
    assert well_formed(found)


@untimed
@given(st.sampled_from([*LISTENED, "star", "\ud800\x00"]), json_values)
def test_any_json_at_all_never_raises(event: str, payload: object) -> None:
    assert well_formed(parse(event, payload))


def test_every_single_field_may_be_missing_or_null() -> None:
    for event in LISTENED:
        payload = next(payload for name, payload in LISTENED_EXAMPLES if name == event)
        for place in places(payload)[1:]:
            for gone in (True, False):
                assert well_formed(parse(event, damaged(payload, place, None, gone=gone)))
