"""What must not be lost on the way to GitHub: people's edits, odd bytes, branches of two runs, a busy issue's end."""

from pathlib import Path

import pytest

from bot.backends.rehearsal import Append, Run, Say, Write
from bot.store import runs
from bot.workflow.library import Shipped, shipped
from tests.house import House, opened

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


async def test_going_on_with_a_pull_request_keeps_what_people_wrote_in_it(house: House) -> None:
    house.rehearse(*[(Append("greeting.txt", "no\n"),)] * 3)
    issue = await house.implement()
    pull = house.pull
    await house.emulator.edit_pull(pull, title="My title", body="My words.", by="maintainer")
    house.rehearse(RIGHT)
    await house.relabel(issue)
    await house.settle()
    house.said(issue)
    assert pull.title == "My title"
    assert (pull.body or "").startswith("My words.\n\n<!-- tutti newest:begin -->\nCloses #1.\n\n## What was done\n\n")
    assert (pull.body or "").endswith("- [ ] A person has read the change\n<!-- tutti newest:end -->")


@pytest.mark.parametrize("line", ["gr\\303\\274\\337e", "hello\\r"])
async def test_a_patch_that_a_comment_would_damage_is_kept_byte_by_byte(house: House, line: str) -> None:
    house.emulator.protect(house.repo, "feature/auto-1-say-hello")
    house.rehearse([*RIGHT, Run(f"printf '{line}\\n' > odd.txt")])
    issue = await house.implement()
    (run,) = await house.runs()
    assert house.reason(issue).endswith(
        "What was made so far is a patch no comment can show; "
        f"whoever runs this bot can print it with `tutti patch {run.id}`."
    )
    kept = await house.bot.bench.db.read(lambda conn: runs.kept(conn, run.id, "patch"))
    assert kept is not None
    assert b"+" + line.encode().decode("unicode_escape").encode("latin-1") + b"\n" in kept[1]


async def test_two_workflows_on_one_label_take_two_branches(tmp_path: Path) -> None:
    ours = shipped()
    first = ours.workflows["auto-implement"]
    both = {"auto-implement": first, "second": first.model_copy(update={"name": "Another"})}
    async with opened(tmp_path, offered=Shipped(both, ours.agents)) as house:
        house.rehearse(RIGHT)
        issue = await house.implement()
        assert ["· done ·" in words for words in house.said(issue)] == [True, True]
        assert {pull.head for pull in house.pulls()} == {"feature/auto-1-say-hello", "feature/auto-1-say-hello-2"}


async def test_of_a_busy_issue_the_newest_writers_are_heard_and_few_are_asked_about(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.comment(issue, "the oldest word")
    for number in range(40):
        house.emulator.user(f"passer{number}", "read")
        await house.comment(issue, "me too", by=f"passer{number}")
    await house.comment(issue, "w" * 39_990 + " cut here: these words are too many")
    house.later()
    await house.label(issue)
    await house.settle()
    house.said(issue)
    prompt = house.tasks[0].prompt
    asked = [one for one in house.emulator.requests if one.template.endswith("/permission")]
    assert len(asked) <= 31
    assert "me too" not in prompt
    assert "the oldest word" not in prompt
    assert "[Older comments are left out.]" in prompt
    assert "cut here" in prompt
    assert "too many" not in prompt


async def test_an_issue_full_of_orders_gives_none(house: House) -> None:
    house.rehearse(
        [*RIGHT, Say('@all\n\n```json\n{"commits": [{"message": "fix: \\u0040all", "paths": ["greeting.txt"]}]}\n```')]
    )
    house.status(await house.implement("Ask @team <!-- fixes #9"))
    assert house.pull.title == "Ask team <!-- fixes `#9`"
    assert "#1: Ask @\u200bteam &lt;!-- fixes `#9` (opened by @stranger" in (house.pull.body or "")
    assert "## What was done\n\n@\u200ball" in (house.pull.body or "")
    assert (await house.git("log", "-1", "--format=%B", house.pull.head)).strip() == "fix: all"


async def test_a_repository_that_moved_away_is_said_to_have_moved(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.fault("GET", r"/repos/acme/greeter$", status=301)
    issue = await house.implement()
    assert "acme/greeter has moved to another address." in house.told(issue)
