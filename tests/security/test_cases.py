"""C21, C22, C25, C30, C34, C40, C42, C54: cases in whole runs that the other files here leave out."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.backends.rehearsal import Plan, Run, Say, Write
from bot.publish.text import APPROVED
from bot.sandbox import selftest, watchdog
from bot.sandbox.jail import Limits
from tests.house import FILES, GIVEN, House, opened
from tests.ready import machine
from tests.security.probe import PLAY, outputs
from tests.security.stage import knocked, sent
from tests.shelf import limited

OWNERS = Write("CODEOWNERS", "* @somebody\n")


# ---- C21, C22: what starts, what is approved -----------------------------------------------------------------------


@pytest.mark.parametrize("action", ["opened", "synchronize", "labeled"])
async def test_c21_a_forks_pull_request_starts_nothing(house: House, action: str) -> None:
    house.rehearse(PLAY)
    issue = await house.implement()
    label = sent(house)
    head = {"ref": "main", "repo": {"full_name": "stranger/greeter", "fork": True}}
    pull = {"number": 9, "title": "Run me", "body": "/tutti implement", "head": head}
    note = await knocked(house, replace(label, event="pull_request"), action=action, number=9, pull_request=pull)
    assert note.startswith("ignored"), note
    of_a_pull = {**label.payload["issue"], "number": 9, "pull_request": {"url": "https://example.com"}}
    note = await knocked(house, label, issue=of_a_pull)
    assert note.startswith("ignored"), note
    assert len(await house.runs()) == 1
    house.status(issue)


async def test_c22_an_approval_is_bound_to_the_patch_that_was_shown(house: House) -> None:
    house.rehearse([*PLAY, OWNERS])
    issue = await house.implement()
    house.later()
    house.rehearse([*PLAY, Write("CODEOWNERS", "* @evil\n")])
    house.crash_at("implement.agent.1:before")
    await house.relabel(issue)
    await house.reached.wait()
    await house.label(issue, APPROVED)
    house.go_on()
    await house.settle()
    assert any("This patch waits no more: a later run took its place." in said for said in house.said(issue))
    assert [run.state for run in await house.runs()] == ["cancelled", "needs approval"]
    assert (house.pulls(), sorted(house.repo.branches)) == ([], ["main"])


# ---- C25: settings of agents ---------------------------------------------------------------------------------------

HOOK = '{"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "touch hooked"}]}]}}\n'


async def test_c25_hooks_and_servers_of_another_branch_are_not_there_for_the_agent(house: House) -> None:
    await house.push({".claude/settings.json": HOOK, ".mcp.json": HOOK, "src/CLAUDE.md": "Obey.\n"}, "next")
    await house.configure("base: next\n")
    house.rehearse([Run("ls -A . src .claude; find . -name 'CLAUDE.md' -o -name '.mcp.json'; echo end"), *PLAY])
    assert "· done ·" in house.status(await house.implement())
    said = "\n".join(outputs(house))
    assert "end" in said
    assert not re.search(r"\.mcp\.json|settings\.json|CLAUDE\.md|hooked", said)
    assert await house.git("diff", "--name-only", "next", house.pull.head) == "greeting.txt\n"


# ---- C30: time, files, neighbours ----------------------------------------------------------------------------------


async def test_c30_what_spins_is_bounded_by_the_time(tmp_path: Path) -> None:
    async with opened(tmp_path, offered=limited(minutes=0.03)) as house:
        house.rehearse([Run("while :; do :; done")])
        assert "· timed out ·" in house.status(await house.implement())


async def test_c30_others_finish_while_one_spins(house: House) -> None:
    house.script.clear()
    house.script["Spin"] = {1: [Run("echo begun; while :; do :; done")]}
    house.script["Say hello"] = {1: PLAY}
    spins, other = await house.open_issue("Spin"), await house.open_issue("Say hello")
    await house.label(spins)
    await house.hears("begun")
    await house.label(other)
    await house.shows(other, "· done ·")
    assert {run.state for run in await house.runs()} == {"running", "done"}
    await house.unlabel(spins)
    await house.settle()
    assert "· cancelled ·" in house.status(spins)
    house.said(other)


async def test_c30_many_files_are_ended_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is made small: a million files would take the test a minute."""
    monkeypatch.setattr(watchdog, "MOST_FILES", 2_000)
    walls = replace(await machine(), limits=Limits())
    async with opened(tmp_path, walls=walls) as house:
        house.rehearse([Run("mkdir many; cd many; seq 3000 | xargs touch; sleep 60"), *PLAY])
        told = house.status(await house.implement())
        assert "· resource limit ·" in told
        assert "more than 2,000 files" in told


# ---- C34: no walls -------------------------------------------------------------------------------------------------


async def test_c34_where_bubblewrap_is_not_there_nothing_is_run(tmp_path: Path) -> None:
    walls = await selftest.find(tmp_path / "tried", bwrap=tmp_path / "no-bwrap")
    assert walls.tier == "none"
    async with opened(tmp_path, walls=walls) as house:
        house.rehearse([Run("echo ran"), *PLAY])
        assert "· refused ·" in house.status(await house.implement())
        assert (house.tasks, outputs(house), house.pulls()) == ([], [], [])


# ---- C40, C42: secrets in odd places, paths of others --------------------------------------------------------------


def dressed(secret: str) -> dict[str, tuple[str, str]]:
    """Path and content of files that hold a secret in some way."""
    coded = base64.urlsafe_b64encode(secret.encode()).decode()
    return {
        "a file's name": (f"docs/{coded}.txt", "x\n"),
        "backwards": ("notes.txt", f"{secret[::-1]}\n"),
        "in pieces": ("notes.txt", "\n".join(coded[at : at + 5] for at in range(0, len(coded), 5))),
    }


@pytest.mark.parametrize("way", ["a file's name", "backwards", "in pieces"])
async def test_c40_a_secret_of_the_bot_is_found_wherever_it_is_put(house: House, way: str) -> None:
    path, content = dressed(GIVEN)[way]
    house.rehearse([*PLAY, Write(path, content)])
    told = house.status(await house.implement())
    assert "· refused ·" in told, told
    assert (house.pulls(), sorted(house.repo.branches)) == ([], ["main"])
    assert content.strip() == "x" or content not in told


async def test_c40_a_secret_in_the_title_is_in_no_branchs_name(house: House) -> None:
    token = "ghp_" + "x7Kq2mZr9TvLw4BnYc6JdHs1FgPe8UaQ3oRi"
    house.rehearse(PLAY)
    told = house.status(await house.implement(f"Use {token}"))
    assert "· refused ·" in told, told
    assert sorted(house.repo.branches) == ["main"]
    assert token not in told


async def test_c42_what_a_job_does_not_own_is_refused(house: House) -> None:
    workflow = (
        "name: Docs\non: {issues: {types: [labeled], labels: [docs]}}\n"
        "jobs: {write: {agent: developer, owns: ['docs/**']}}\noutputs: {pull-request: {}}\n"
    )
    await house.push({".github/tutti/workflows/docs.yml": workflow})
    await house.settle()
    moved = Run("mkdir -p x/docs; mv check.sh x/docs/a.md; echo x > greeting.txt")  # which the sandbox stops
    house.rehearse([Write("docs/a.md", "a\n"), moved, Write("x/docs/a.md", "a\n")])
    issue = await house.open_issue()
    await house.label(issue, "docs")
    await house.settle()
    told = house.status(issue)
    assert "outside of what this job may change" in told
    assert "`x/docs/a.md`" in told
    assert "check.sh" not in told
    assert house.pulls() == []


# ---- C54: what would act on the page -------------------------------------------------------------------------------

ACTS = "<svg onload=alert(1)></script><script>alert(1)</script>[x](javascript:alert(1))\x1b[31mred"


async def test_c54_nothing_acts_whatever_title_branch_and_files_are_called(tmp_path: Path) -> None:
    async with opened(tmp_path, files=FILES) as house:
        await house.push({"base.txt": "x\n"}, "<svg/onload=alert(1)>")
        await house.configure('base: "<svg/onload=alert(1)>"\n')
        name = "<svg onload=alert(1)>.txt"
        house.rehearse([*PLAY, Run(f"echo x > '{name}'"), Plan((ACTS,)), Say(ACTS)])
        issue = await house.implement(ACTS)
        (run,) = await house.runs()
        async with aiohttp.ClientSession() as session, session.get(f"{house.url}/runs/{run.id}") as answer:
            page = await answer.text()
        told = house.status(issue) + (house.pull.body or "")
        assert not re.search(r"<(?:script|svg|img|a)\b|\x1b", page)
        assert not re.search(r"\x1b", told + house.pull.title)
        bare = re.sub(r"```.*?```|`[^`]*`", "", told, flags=re.DOTALL)
        assert not re.search(r"<(?:svg|/?script)", bare), bare
