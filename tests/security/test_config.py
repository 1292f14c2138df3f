"""C23, C24: what configures the bot comes from files of the default branch, and from nothing that only looks so."""

from collections.abc import Mapping

import pytest

from bot.backends.rehearsal import Say, Write
from tests.house import CONFIGURATION, House
from tests.test_bad_input import PLACE, WORKFLOW, verdict

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
CONFIG = ".github/tutti.yml"
NOT_ADOPTED = {"repository file not adopted"}


# ---- the default branch alone ----------------------------------------------------------------------------------------


async def test_c23_what_other_branches_and_pull_requests_configure_is_not_in_force(house: House) -> None:
    hostile = f"version: 1\nbackend: rehearsal\ntest: touch {house.folder}/reached; true\n"
    await house.push({CONFIG: hostile, PLACE: WORKFLOW}, branch="topic")
    await house.emulator.open_pull(house.repo, title="Topic", head="topic", base="main", by="stranger")
    house.rehearse(RIGHT)
    assert "Run the tests: `sh check.sh`" in house.status(await house.implement())
    other = await house.open_issue("Greet")
    await house.label(other, "greet")
    await house.settle()
    assert house.said(other) == []
    assert not (house.folder / "reached").exists()


async def test_c23_what_a_run_goes_on_with_does_not_configure_it(house: House) -> None:
    """The pull request's own branch, where people may have pushed."""
    house.rehearse(RIGHT)
    issue = await house.implement()
    await house.push({CONFIG: "version: 1\nbackend: rehearsal\ntest: touch reached\n"}, branch=house.pull.head)
    house.rehearse((Write("greeting.txt", "hello again\n"),))
    await house.relabel(issue)
    await house.settle()
    assert "Run the tests: `sh check.sh`" in house.said(issue)[1]


# ---- hostile files ---------------------------------------------------------------------------------------------------

VALUE = "hunter2-in-a-value"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
FILES: Mapping[str, str | bytes] = {
    "a tag of Python": f"version: 1\ntest: !!python/object/apply:os.system [{VALUE}]\n",
    "a tag of its own": f"version: 1\ntest: !run {VALUE}\n",
    "a billion laughs": f"version: 1\ntest: {VALUE}\n{LAUGHS}",
    "five megabytes": f"version: 1\ntest: {VALUE}\n# " + "x" * 5_000_000,
    "a megabyte": f"version: 1\ntest: {VALUE}\n# " + "x" * 900_000,
    "deep": f"version: 1\ntest: {VALUE}\nlimits: " + "[" * 5000,
    "an unknown key": f"version: 1\ntest: {VALUE}\nsandbox: off\n",
    "a merge": f"version: 1\n<<: {{test: {VALUE}}}\n",
    "a list": f"- version: 1\n- {VALUE}\n",
    "no YAML": f"version: 1\ntest: [{VALUE}\n  :\n",
    "no text": f"version: 1\ntest: {VALUE}\n\0\ud7ff".encode() + b"\xff\xfe",
    "a number too long": f"version: 1\ntest: {VALUE}\nlimits: {{usd: {'9' * 5000}}}\n",
}


@pytest.mark.parametrize("first", range(3))
async def test_c24_a_hostile_configuration_changes_nothing_and_its_content_is_not_shown(
    house: House, first: int
) -> None:
    """A third of them, one after another: had any been taken, it would be the last good copy, which a run shows."""
    house.expected_log = NOT_ADOPTED
    for content in [*FILES.values()][first::3]:
        commit = await house.push({CONFIG: content})
        await house.settle()
        conclusion, _, summary = verdict(house, commit)
        assert conclusion == "failure"
        assert f"`{CONFIG}:" in summary
        assert VALUE not in summary
    house.rehearse(RIGHT)
    issue = await house.implement()
    status = house.status(issue)
    assert "Run the tests: `sh check.sh`" in status, "the last good copy"
    assert VALUE not in status + str(house.log)


async def test_c24_a_link_in_the_place_of_the_configuration_is_not_followed(house: House) -> None:
    house.expected_log = NOT_ADOPTED
    followed = f"version: 1\nbackend: rehearsal\ntest: touch {house.folder}/reached\n"
    for target in ("../docs/other.yml", "/etc/passwd", "../README.md", "version: 1"):
        commit = await house.push({"docs/other.yml": followed, CONFIG: ("120000", target)})
        await house.settle()
        conclusion, _, summary = verdict(house, commit)
        assert conclusion == "failure"
        assert "this is no file but a link or the like, which is not followed" in summary
    house.rehearse(RIGHT)
    assert "Run the tests: `sh check.sh`" in house.status(await house.implement())
    assert not (house.folder / "reached").exists()


async def test_c24_a_submodule_in_its_place_is_not_followed(house: House) -> None:
    house.expected_log = NOT_ADOPTED
    await house.push({CONFIG: ("160000", "1" * 40)})
    house.rehearse(RIGHT)
    assert "Run the tests: `sh check.sh`" in house.status(await house.implement())


async def test_c24_a_link_above_it_is_not_followed(house: House) -> None:
    await house.push({CONFIG: None, "x/tutti.yml": CONFIGURATION, ".github": ("120000", "x")})
    house.rehearse(RIGHT)
    assert "sh check.sh" not in house.status(await house.implement())


async def test_c24_a_workflow_that_is_a_link_is_none(house: House) -> None:
    house.expected_log = NOT_ADOPTED
    await house.push({"docs/greet.yml": WORKFLOW, PLACE: ("120000", "../../../docs/greet.yml")})
    await house.settle()
    issue = await house.open_issue()
    await house.label(issue, "greet")
    await house.settle()
    assert await house.runs() == []
    assert house.said(issue) == []
