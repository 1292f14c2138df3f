"""What only people decide about: nothing of it is published before somebody who may write says yes to that patch."""

import asyncio

import pytest

from bot.backends.rehearsal import Append, Delete, Run, Say, Write
from bot.publish.text import APPROVED
from bot.store import runs
from bot.workflow.approval import _shows
from bot.workflow.library import Shipped
from tests.house import FILES, GIVEN, House, opened
from tests.shelf import only

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
OWNERS = Write("CODEOWNERS", "* @somebody\n")


async def waiting(house: House) -> str:
    """What the bot says once a change of CODEOWNERS waits."""
    house.rehearse([*RIGHT, OWNERS])
    issue = await house.implement()
    assert await house.end(issue) != ""
    return house.status(issue)


async def test_a_protected_file_waits_for_a_person_and_is_published_as_it_was_shown(house: House) -> None:
    told = await waiting(house)
    (issue,) = house.repo.issues.values()
    assert "· needs approval ·" in told
    assert "`CODEOWNERS`" in told
    assert f"sets the label `{APPROVED}`" in told
    assert "+* @somebody" in told
    assert house.pulls() == []
    await house.label(issue, APPROVED)
    await house.settle()
    first, second = house.said(issue)
    assert "· needs approval ·" in first
    assert "· done ·" in second
    assert "Read the patch that @maintainer approved" in second
    assert await house.file(house.pull.head, "CODEOWNERS") == "* @somebody\n"
    assert "## Approved by @maintainer" in (house.pull.body or "")
    assert "`CODEOWNERS`" in (house.pull.body or "")
    assert issue.labels == []


async def test_what_waits_says_who_may_approve_it_and_for_how_long(house: House) -> None:
    ours = only("auto-implement")
    strict = {"auto-implement": ours.workflows["auto-implement"].model_copy(update={"requires": "maintain"})}
    async with opened(house.folder / "second", offered=Shipped(strict, ours.agents)) as one:
        one.emulator.user("owner", "maintain")
        one.rehearse([*RIGHT, OWNERS])
        issue = await one.open_issue()
        await one.label(issue, by="owner")
        await one.settle()
        told = one.status(issue)
        assert f"someone with maintain access comments `/approve` or sets the label `{APPROVED}`." in told.replace(
            "\n", " "
        )
        assert "It waits for 90 days; to have it done again, ask for it again." in told


async def test_who_may_not_write_may_not_approve(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    await house.label(issue, APPROVED, by="stranger")
    await house.settle()
    assert "@stranger, approving a change needs write access" in house.said(issue)[1]
    assert house.pulls() == []
    assert issue.labels == []


async def test_a_patch_whose_comment_somebody_edited_is_not_published(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    comment = issue.comments[-1]
    await house.emulator.edit_comment(comment, comment.body.replace("+* @somebody", "+* @another"))
    await house.label(issue, APPROVED)
    await house.settle()
    assert "The comment does not show this patch as it was made any more" in house.said(issue)[1]
    assert house.pulls() == []


async def test_a_patch_that_no_comment_can_show_whole_is_not_approved(house: House) -> None:
    await waiting(house)
    (issue,), (run,) = house.repo.issues.values(), await house.runs()
    longer = f"{run.reason}\n\n{'word ' * 14_000}"
    await house.bot.bench.db.write(
        lambda conn: runs.update(conn, run.id, reason=longer, facts={**run.facts, "shown": ""})
    )
    await house.bot.worker._p.herald.show(run.id)
    await house.label(issue, APPROVED)
    await house.settle()
    assert "No comment can show this patch whole, so nobody can see what is approved" in house.said(issue)[1]
    assert house.pulls() == []


@pytest.mark.parametrize(("body", "made"), [("", ""), ("words", ""), ("words", " \n"), ("", "words")])
def test_nothing_shows_nothing(body: str, made: str) -> None:
    assert not _shows(body, made)


async def test_a_change_that_deletes_much_is_shown_to_a_person_first(house: House) -> None:
    await house.push({f"old/{number}": f"{number}\n" for number in range(51)})
    house.rehearse([*RIGHT, Run("rm -r old")])
    issue = await house.implement()
    assert "- It deletes 51 files." in house.status(issue)
    assert house.pulls() == []
    await house.label(issue, APPROVED)
    await house.settle()
    assert "· done ·" in house.said(issue)[1]
    assert "## Approved by @maintainer" in (house.pull.body or "")


async def test_an_approval_holds_for_one_patch_only(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    house.rehearse([*RIGHT, Write("CODEOWNERS", "* @another\n")])
    await house.label(issue)
    await house.settle()
    await house.label(issue, APPROVED)
    await house.settle()
    house.said(issue)
    assert await house.file(house.pull.head, "CODEOWNERS") == "* @another\n"
    house.rehearse([*RIGHT, Write("CODEOWNERS", "* @third\n")])
    await house.label(issue)
    await house.settle()
    assert "· needs approval ·" in house.said(issue)[-1]
    assert await house.file(house.pull.head, "CODEOWNERS") == "* @another\n"


async def test_an_approval_of_nothing_is_one_sentence(house: House) -> None:
    issue = await house.open_issue()
    await house.label(issue, APPROVED)
    await house.settle()
    assert "There is nothing here that waits for approval;" in house.status(issue)
    assert issue.labels == []


async def test_a_label_that_comes_late_approves_no_patch_that_was_shown_after_it(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    house.skew = -30.0
    await house.label(issue, APPROVED)
    await house.settle()
    assert "This label was set before the newest patch was shown" in house.said(issue)[-1]
    assert house.pulls() == []


async def test_a_closed_issue_approves_nothing(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    await house.close(issue)
    await house.label(issue, APPROVED)
    await house.settle()
    assert "This issue is closed, so nothing is published for it" in house.said(issue)[-1]
    assert house.pulls() == []


async def test_a_repository_that_is_staged_by_now_publishes_nothing_and_the_patch_waits_on(house: House) -> None:
    """Abuse: what waited from before writes nothing in a repository that is to be written nothing in."""
    await waiting(house)
    (issue,) = house.repo.issues.values()
    await house.configure("staged: true\n")
    await house.settle()
    await house.label(issue, APPROVED)
    await house.settle()
    assert (
        "This repository is staged by now, so nothing is published; this patch waits on, for when"
        in house.said(issue)[1]
    )
    assert house.pulls() == []
    await house.configure()
    await house.settle()
    await house.label(issue, APPROVED)
    await house.settle()
    assert "· done ·" in house.said(issue)[2]
    assert len(house.pulls()) == 1


async def test_a_repository_that_is_staged_while_the_approved_run_waits_publishes_nothing(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    house.crash_at("start:before")
    await house.label(issue, APPROVED)
    await house.reached.wait()
    await house.configure("staged: true\n")
    house.go_on()
    await house.settle()
    assert "What a person would have to approve" in house.said(issue)[1]
    assert house.pulls() == []
    assert not [name for name in house.repo.branches if name.startswith("feature/")]


async def test_whoever_approves_knows_that_the_tests_fail(house: House) -> None:
    house.rehearse([OWNERS], [], [])
    told = house.status(await house.implement())
    assert "· needs approval ·" in told
    assert "The work is not complete, so it would be published as a draft: Failed: the tests still fail" in told


async def test_what_a_comment_cannot_show_is_not_called_seen(house: House) -> None:
    house.rehearse([*RIGHT, Write("CODEOWNERS", "* @somebody \u202e\n"), Write("long.txt", "word\n" * 9000)])
    told = house.status(await house.implement())
    assert "do not approve what you have not seen" in told


async def test_of_a_long_patch_the_parts_to_approve_are_shown(house: House) -> None:
    house.rehearse([*RIGHT, OWNERS, Write("long.txt", "word\n" * 9000)])
    told = house.status(await house.implement())
    assert "The parts that need approval, as a patch" in told
    assert "+* @somebody" in told
    assert "+word" not in told


async def test_what_a_pull_request_loosens_stays_named_and_its_status_says_what_it_is(house: House) -> None:
    both = "def test_it():\n    assert True\n\n\ndef test_more():\n    assert 1 == 1\n"
    await house.push({"test_greeting.py": both})
    house.rehearse(RIGHT)
    issue = await house.implement()
    house.rehearse([Write("test_greeting.py", "def test_it():\n    assert True\n")])
    await house.label(issue)
    await house.settle()
    assert "Look closely before you merge: it changes what the tests demand" in house.said(issue)[-1]
    assert not house.pull.draft
    house.rehearse([Write("more.txt", "more\n")])
    await house.label(issue)
    await house.settle()
    house.said(issue)
    assert "test_more" in (house.pull.body or "")
    assert house.repo.checks[-1].conclusion == "action_required"


async def test_work_on_a_pull_request_that_was_closed_is_not_published(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    house.rehearse([OWNERS])
    await house.label(issue)
    await house.settle()
    await house.emulator.close_issue(house.pull, by="maintainer")
    head = await house.git("rev-parse", house.pull.head)
    await house.label(issue, APPROVED)
    await house.settle()
    assert "is not open any more" in house.said(issue)[-1]
    assert await house.git("rev-parse", house.pull.head) == head


async def test_a_secret_in_a_name_is_shown_nowhere(house: House) -> None:
    own, token = GIVEN, "ghp_x7Kq2mZr9TvLw4BnYc6JdHs1FgPe8UaQ3oRi"
    house.rehearse([*RIGHT, Run(f"mkdir '{own}'; echo x > '{own}/a'; echo x > {token}")])
    told = house.status(await house.implement())
    assert "· refused ·" in told
    assert own not in told
    assert token not in told


async def test_a_label_that_was_there_before_approves_nothing(house: House) -> None:
    issue = await house.open_issue()
    await house.label(issue, APPROVED)
    await house.settle()
    house.rehearse([*RIGHT, OWNERS])
    await house.label(issue)
    await house.settle()
    assert "· needs approval ·" in house.said(issue)[-1]
    assert house.pulls() == []


async def test_an_approved_patch_is_published_after_a_restart(house: House) -> None:
    await waiting(house)
    (issue,) = house.repo.issues.values()
    house.crash_at("push:before")
    await house.label(issue, APPROVED)
    await house.reached.wait()
    await house.restart()
    await house.settle()
    assert "· done ·" in house.said(issue)[-1]
    assert await house.file(house.pull.head, "CODEOWNERS") == "* @somebody\n"


async def test_what_is_refused_is_kept_as_a_patch(house: House) -> None:
    house.rehearse([*RIGHT, Write(".github/workflows/ci.yml", "on: push\n")])
    issue = await house.implement()
    told = house.status(issue)
    assert "· refused ·" in told
    assert "`.github/workflows/ci.yml`" in told
    assert "+on: push" in told
    assert house.pulls() == []


async def test_a_test_that_goes_is_named_and_asks_for_a_person(house: House) -> None:
    await house.push({"test_greeting.py": "def test_it():\n    assert True\n\n\ndef test_more():\n    assert 1 == 1\n"})
    house.rehearse([*RIGHT, Write("test_greeting.py", "def test_it():\n    assert True\n")])
    issue = await house.implement()
    assert "as a draft, because it changes what the tests demand" in house.status(issue)
    assert house.pull.draft
    assert "test_more" in (house.pull.body or "")
    assert "**A person has to agree to this**" in (house.pull.body or "")
    assert house.check.conclusion == "action_required"


async def test_what_is_worth_a_look_is_said_and_published(house: House) -> None:
    await house.push({"poetry.lock": "a\n"})
    house.rehearse([*RIGHT, Append("poetry.lock", "b\n")])
    issue = await house.implement()
    assert "· done ·" in house.status(issue)
    assert "## Worth a look" in (house.pull.body or "")
    assert "`poetry.lock`" in (house.pull.body or "")


async def test_a_job_changes_only_what_it_owns(house: House) -> None:
    workflow = (
        "name: Docs only\non:\n  issues:\n    types: [labeled]\n    labels: [docs]\n"
        "jobs:\n  write:\n    agent: developer\n    owns: ['*.md']\noutputs:\n  pull-request: {}\n"
    )
    await house.push({".github/tutti/workflows/docs.yml": workflow})
    await house.settle()
    house.rehearse([*RIGHT, Delete("README.md")])
    issue = await house.open_issue()
    await house.label(issue, "docs")
    await house.settle()
    told = house.status(issue)
    assert "· refused ·" in told
    assert "`greeting.txt`" in told
    assert "`README.md`" not in told.partition("As a patch")[0].partition("What was made")[0]


async def test_an_agent_that_prints_a_secret_shows_it_nowhere(house: House) -> None:
    secret = GIVEN
    house.rehearse([*RIGHT, Run(f"echo {secret}"), Say(f"The key is {secret}.")])
    issue = await house.implement()
    assert secret not in house.status(issue) + (house.pull.body or "")
    assert [event for event in house.heard if secret in event.text and event.kind != "tool"] == []
    await asyncio.sleep(0)


async def test_settings_for_agents_come_from_the_default_branch(house: House) -> None:
    async with opened(house.folder / "second", files={**FILES, "CLAUDE.md": "ours\n"}) as one:
        await one.push({"CLAUDE.md": "theirs\n", ".mcp.json": "{}\n", ".claude/settings.json": "{}\n"}, "next")
        await one.configure("base: next\n")
        one.rehearse([*RIGHT, Run("cat CLAUDE.md; ls -A")])
        issue = await one.implement()
        assert "· done ·" in one.status(issue)
        said = [event.text for event in one.heard if event.kind == "output"]
        assert said[0] == "ours"
        assert ".mcp.json" not in said
        assert ".claude" not in said
        assert one.pull.base == "next"
        assert await one.git("diff", "--name-only", "next", one.pull.head) == "greeting.txt\n"
