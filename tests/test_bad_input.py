"""Whatever comes in, the bot stays on its feet: configuration with mistakes, damaged deliveries, unknown events."""

import asyncio
import copy
import hashlib
import hmac
import json
import random
import uuid
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.backends.rehearsal import Say, Write
from bot.store.db import deliveries
from tests.github.example import examples
from tests.house import SECRET, House

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WORKFLOW = """name: Greet
on:
  issues:
    types: [labeled]
    labels: [greet]
jobs:
  greet:
    agent: developer
outputs:
  pull-request:
    branch-prefix: greet
    title: "Greeting: {{ issue.title }}"
"""
PLACE = ".github/tutti/workflows/greet.yml"
OURS = ".github/tutti/workflows/auto-implement.yml"


def verdict(house: House, commit: str) -> tuple[str | None, str, str]:
    """Conclusion, title and summary of the configuration's check on a commit."""
    (check,) = [one for one in house.repo.checks if one.head_sha == commit and one.name == "Tutti configuration"]
    return check.conclusion, check.title or "", check.summary or ""


# ---- a repository's files ----------------------------------------------------------------------------------------


async def test_a_good_configuration_is_confirmed_on_its_commit(house: House) -> None:
    commit = await house.configure("draft: true\n")
    await house.settle()
    assert verdict(house, commit) == (
        "success",
        "The configuration is in force",
        "Every file that this commit changed is valid and in force.",
    )


async def test_a_mistake_is_said_on_its_commit_and_the_last_good_copy_stays_in_force(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    commit = await house.push({".github/tutti.yml": "version: 1\nbackend: rehearsal\n\ntets: sh other.sh\n"})
    await house.settle()
    assert verdict(house, commit) == (
        "failure",
        "The configuration has a mistake",
        "- ``.github/tutti.yml:4: unknown key `tets` (did you mean `test`?)``\n\n"
        "The last good copy of each stays in force until this is mended.",
    )
    house.rehearse(RIGHT)
    assert "Run the tests: `sh check.sh`" in house.status(await house.implement())


async def test_a_configuration_that_was_never_good_refuses_the_run_with_its_mistake(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    other = await house.emulator.create_repo("acme/other", {".github/tutti.yml": "version: 1\nlimits: {usd: -1}\n"})
    await house.emulator.install(other)
    issue = await house.emulator.open_issue(other, "Anything", by="maintainer")
    await house.emulator.label(issue, "auto-implement", by="maintainer")
    await house.settle()
    (status,) = [comment.body for comment in issue.comments]
    assert "· refused ·" in status
    assert (
        "The configuration is not valid, and there is no earlier good copy of it: "
        "``.github/tutti.yml:2: `limits.usd`: input should be greater than 0``."
    ) in status


async def test_a_repositorys_own_workflow_runs_under_its_own_rules(house: House) -> None:
    commit = await house.push({PLACE: WORKFLOW})
    await house.settle()
    assert verdict(house, commit)[0] == "success"
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.label(issue, "greet")
    await house.settle()
    assert "**Greet** · done" in house.status(issue)
    assert (house.pull.head, house.pull.title) == ("greet-1-say-hello", "Greeting: Say hello")


async def test_a_workflow_that_does_not_parse_stops_nothing_and_its_last_good_copy_stays(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    await house.push({PLACE: WORKFLOW})
    commit = await house.push({PLACE: WORKFLOW.replace("agent: developer", "agent: develper") + "\tx"})
    await house.settle()
    conclusion, _, summary = verdict(house, commit)
    assert conclusion == "failure"
    assert summary.startswith(f"- `{PLACE}:13: not valid YAML: ")
    house.rehearse(RIGHT)
    for label in ("greet", "auto-implement"):
        issue = await house.open_issue(f"Say hello for {label}")
        await house.label(issue, label)
        await house.settle()
        assert "· done ·" in house.status(issue)
    assert [pull.head.partition("-")[0] for pull in house.repo.pulls] == ["greet", "feature/auto"]


async def test_a_workflow_that_never_was_good_stops_ours_of_its_name_in_that_repository_alone(house: House) -> None:
    """Its writers wanted other rules, such as `requires: admin`: ours must not start in their place."""
    house.expected_log = {"repository file not adopted"}
    await house.push({OURS: WORKFLOW.replace("[greet]", "[auto-implement]\nrequires: admn")})
    await house.settle()
    for _ in range(2):
        issue = await house.open_issue()
        await house.label(issue)
        await house.settle()
        (answer,) = house.said(issue)
        assert f"starts nothing here: `{OURS}` has a mistake" in answer
        await house.restart()
    assert await house.runs() == []
    await house.push({OURS: None})
    await house.settle()
    house.rehearse(RIGHT)
    assert "**Implement an issue** · done" in house.status(await house.implement())


async def test_a_workflow_that_asks_for_more_than_the_operator_allows_is_refused_with_its_line(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    commit = await house.push({PLACE: WORKFLOW + "limits:\n  minutes: 30\n  usd: 6\n"})
    await house.settle()
    assert verdict(house, commit)[2].startswith(
        f"- ``{PLACE}:15: `limits.usd`: this installation allows 5 USD at most "
        "(whoever runs it can raise TUTTI_MAX_USD)``"
    )
    issue = await house.open_issue()
    await house.label(issue, "greet")
    await house.settle()
    assert await house.runs() == []


async def test_a_workflow_may_ask_for_less_than_the_operator_allows(house: House) -> None:
    commit = await house.push({PLACE: WORKFLOW + "limits: {usd: 0.5, minutes: 3}\n"})
    await house.settle()
    assert verdict(house, commit)[0] == "success"


async def test_the_labels_of_a_repositorys_own_workflow_are_created_when_it_is_read(house: House) -> None:
    await house.push({PLACE: WORKFLOW + "    labels: [greeting]\n"})
    await house.settle()
    assert {"greet", "greeting", "auto-implement"} <= {label.name for label in house.repo.labels}


@pytest.mark.parametrize("name", ["g" * 101, "g" * 240])
async def test_a_workflow_whose_name_is_too_long_is_refused(house: House, name: str) -> None:
    house.expected_log = {"repository file not adopted"}
    path = f".github/tutti/workflows/{name}.yml"
    commit = await house.push({path: WORKFLOW})
    await house.settle()
    assert verdict(house, commit)[2].startswith(f"- `{path}:1: the file's name is longer than 100 characters`")


async def test_a_label_is_the_same_in_any_case(house: House) -> None:
    """As on GitHub, where one that is there as `Greet` stays so when `greet` is asked for."""
    await house.push({PLACE: WORKFLOW.replace("[greet]", "[GREET]")})
    await house.settle()
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.label(issue, "greet")
    await house.settle()
    assert "**Greet** · done" in house.status(issue)


async def test_two_workflows_of_one_label_both_run(house: House) -> None:
    await house.push({PLACE: WORKFLOW.replace("[greet]", "[auto-implement]")})
    await house.settle()
    house.rehearse(RIGHT)
    issue = await house.implement()
    assert sorted(said.partition(" · ")[0] for said in house.said(issue)) == ["**Greet**", "**Implement an issue**"]
    assert len(house.repo.pulls) == 2


async def test_a_workflow_that_is_deleted_starts_nothing_any_more(house: House) -> None:
    await house.push({PLACE: WORKFLOW})
    await house.push({PLACE: None})
    await house.settle()
    issue = await house.open_issue()
    await house.label(issue, "greet")
    await house.settle()
    assert await house.runs() == []


async def test_the_last_good_workflow_outlives_a_restart(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    await house.push({PLACE: WORKFLOW})
    await house.push({PLACE: "nonsense"})
    await house.settle()
    await house.restart()
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.label(issue, "greet")
    await house.settle()
    assert "**Greet** · done" in house.status(issue)


async def test_other_files_and_other_branches_are_not_read(house: House) -> None:
    notes = {".github/tutti/workflows/README.md": "# Ours\n", ".github/tutti/notes.yml": "- a\n", "tutti.yml": "- a\n"}
    await house.push(notes)
    await house.push({".github/tutti.yml": "nonsense"}, branch="topic")
    await house.settle()
    assert house.repo.checks == []
    assert (await house.notes())[-1] == "ignored: no workflow asks for this (push)"


async def test_a_file_is_read_at_the_commit_that_changed_it(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    bad = await house.push({".github/tutti.yml": "version: 2\n"})
    good = await house.configure()
    await house.settle()
    assert (verdict(house, bad)[0], verdict(house, good)[0]) == ("failure", "success")


# ---- deliveries --------------------------------------------------------------------------------------------------


async def posted(house: House, requests: list[tuple[str, bytes]]) -> list[int]:
    """Send signed deliveries to the real door, many at a time; the status of each answer."""
    room = asyncio.Semaphore(32)

    async def post(session: aiohttp.ClientSession, event: str, body: bytes) -> int:
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": "sha256=" + hmac.digest(SECRET.encode(), body, hashlib.sha256).hex(),
        }
        async with room, session.post(f"{house.url}/webhooks/github", data=body, headers=headers) as answer:
            return answer.status

    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(post(session, event, body) for event, body in requests))


def damaged(payload: Any, chance: random.Random) -> Any:
    """The payload with one thing in it missing or replaced, wherever that is."""
    payload = copy.deepcopy(payload)
    holder, key = payload, chance.choice(list(payload))
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
        holder = holder[key]
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    if chance.random() < 0.3:
        del holder[key]
    else:
        holder[key] = chance.choice([None, "", "\0", "x" * 5000, -1, 10**30, 1.5, True, [], {}, [[]], "../..", "🎉"])
    return payload


async def outcomes(house: House, guids_from: int) -> list[tuple[str, str]]:
    query = sa.select(deliveries.c.status, deliveries.c.note).where(deliveries.c.seq > guids_from)
    rows = await house.bot.bench.db.read(lambda conn: conn.execute(query).all())
    return [(row.status, row.note) for row in rows]


async def test_every_example_of_github_damaged_in_any_way_is_stored_and_settled_with_a_reason(house: House) -> None:
    chance = random.Random(2)
    before = len(await house.notes())
    whole = [(event, payload | {"installation": {"id": 99}}) for event, payload in examples()]
    broken = [(event, damaged(payload, chance)) for event, payload in whole for _ in range(3)]
    requests = [(event, json.dumps(payload).encode()) for event, payload in [*whole, *broken]]
    assert set(await posted(house, requests)) == {202}
    await house.bot.worker.settled()
    found = await outcomes(house, before)
    assert len(found) == len(requests)
    assert {status for status, _ in found} == {"done"}
    assert [note for _, note in found if not note.startswith(("ignored: ", "refused: ", "left ", "welcomed "))] == []
    assert await house.runs() == []


async def test_a_trigger_damaged_in_any_way_starts_no_run_in_a_repository_that_is_not_ours(house: House) -> None:
    chance = random.Random(3)
    label = next(payload for event, payload in examples() if event == "issues" and payload["action"] == "labeled")
    trigger = label | {"label": {"name": "auto-implement"}, "installation": {"id": 99}}
    trigger["issue"]["state"] = "open"
    requests = [("issues", json.dumps(damaged(trigger, chance)).encode()) for _ in range(100)]
    before = len(await house.notes())
    assert set(await posted(house, requests)) == {202}
    await house.bot.worker.settled()
    notes = [note for _, note in await outcomes(house, before)]
    assert [note for note in notes if not note.startswith(("ignored: ", "refused: "))] == []
    assert any(note.startswith("ignored: The App is not installed on") for note in notes)


async def test_bodies_that_are_no_event_at_all_are_stored_and_ignored(house: House) -> None:
    bodies = [b"x", b"[", b"null", b"[]", b'"a"', b"1e999", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"action":{}}']
    before = len(await house.notes())
    assert await posted(house, [("issues", body) for body in bodies]) == [202] * len(bodies)
    await house.bot.worker.settled()
    found = await outcomes(house, before)
    assert {status for status, _ in found} == {"done"}
    assert {note for _, note in found} <= {
        "ignored: the body is not JSON",
        "ignored: the issues delivery has no usable action",
        "ignored: the issues delivery has no usable installation.id",
    }


async def test_an_event_nobody_knows_is_stored_and_ignored_with_its_reason(house: House) -> None:
    assert await posted(house, [("brand_new_event", b'{"action":"made"}')]) == [202]
    await house.bot.worker.settled()
    assert (await house.notes())[-1] == "ignored: nothing listens to brand_new_event events"


async def test_what_is_refused_at_the_door_is_never_stored(house: House) -> None:
    before = await house.notes()
    assert await posted(house, [("issues", b""), ("no event name!", b"{}"), ("x" * 65, b"{}")]) == [400] * 3
    assert await house.notes() == before
