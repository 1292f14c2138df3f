"""A repository's files that nobody pushed, or of which no push tells: they are read, and their mistakes are told."""

import pytest

from bot.emulator.world import Repo
from bot.workflow.library import key
from tests.house import House
from tests.test_bad_input import OURS as OWN
from tests.test_bad_input import PLACE, WORKFLOW, verdict
from tests.test_configuration import ref

BROKEN = WORKFLOW.replace("agent: developer", "agent: develper")


async def installed(house: House, name: str, files: dict[str, str]) -> Repo:
    repo = await house.emulator.create_repo(name, files)
    await house.emulator.install(repo)
    await house.settle()
    return repo


def told_first(repo: Repo) -> str:
    (check,) = repo.checks
    assert (check.name, check.conclusion) == ("Tutti configuration", "failure")
    assert check.head_sha == repo.branches["main"]
    return check.summary or ""


@pytest.mark.parametrize("name", ["acme/other", "acme/.github"])
async def test_mistakes_that_are_there_when_the_bot_comes_are_told_on_the_newest_commit(
    house: House, name: str
) -> None:
    house.expected_log = {"repository file not adopted"}
    there = await installed(house, name, {OWN: BROKEN, ".github/tutti.yml": "version: 1\ntset: x\n"})
    summary = told_first(there)
    assert f"- ``{OWN}:8: there is no agent `develper`" in summary
    assert "- ``.github/tutti.yml:2: unknown key `tset`" in summary
    assert (await installed(house, "acme/good", {".github/tutti.yml": "version: 1\n"})).checks == []


async def test_so_are_those_of_a_repository_of_which_nothing_is_known(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    await house.down()
    there = await house.emulator.create_repo("acme/other", {".github/tutti.yml": "version: 1\ntset: x\n"})
    house.emulator.hook_url = ""
    await house.emulator.install(there)
    await house.restart()
    await house.emulator.open_issue(there, "Anything", by="stranger")
    await house.settle()
    assert "unknown key `tset`" in told_first(there)


async def test_a_label_and_a_command_whose_workflow_never_was_good_are_answered_once(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    there = await installed(house, "acme/other", {OWN: BROKEN})
    issue = await house.emulator.open_issue(there, "Anything", by="maintainer")
    for _ in range(2):
        await house.emulator.label(issue, "Auto-Implement", by="maintainer")
        await house.emulator.unlabel(issue, "Auto-Implement", by="maintainer")
        await house.settle()
    await house.emulator.comment(issue, "/implement", by="maintainer")
    await house.settle()
    by_label, by_command = [comment.body for comment in issue.comments if comment.user is house.emulator.bot]
    assert by_label.startswith(f"`Auto-Implement` starts nothing here: `{OWN}` has a mistake, and there is no earlier")
    assert by_command.startswith(f"`/implement` starts nothing here: `{OWN}` has a mistake")
    assert "**Tutti configuration**" in by_label


async def test_a_branch_that_is_set_back_takes_its_workflows_back(house: House) -> None:
    """The push names no file at all: what it takes away is in no commit of it."""
    first = house.repo.branches["main"]
    await house.push({PLACE: WORKFLOW})
    await house.settle()
    assert "greet" in await house.bot.library.workflows(key(ref(house, house.repo)))
    await house.emulator.move_branch(house.repo, "main", first)
    await house.settle()
    assert "greet" not in await house.bot.library.workflows(key(ref(house, house.repo)))
    assert verdict(house, first)[0] == "success"


async def test_any_change_of_the_configuration_finds_what_was_missed_before(house: House) -> None:
    library, mine = house.bot.library, ref(house, house.repo)
    await library.adopt(key(mine), PLACE, "0" * 40, WORKFLOW)
    assert "greet" in await library.workflows(key(mine))
    await house.configure("draft: true\n")
    await house.settle()
    assert "greet" not in await library.workflows(key(mine))
