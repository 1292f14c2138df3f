"""The authority table: every command, by everybody, on an issue, a pull request, at a line and on a fork's change."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from bot.emulator.world import Comment, Issue, Pull, Remark, User
from bot.github.content import LEVELS, Level
from bot.publish.subject import event_of
from bot.workflow.command import Command
from bot.workflow.commander import commands
from bot.workflow.library import Shipped, shipped
from bot.workflow.spec import Workflow
from tests.desk import BASE, DISCOUNT
from tests.house import House, opened
from tests.security.stage import handled

Word = Command | Workflow
Said = Comment | Remark

PLACES = ("issue", "pull request", "line", "fork")
BOT = "helper[bot]"  # nobody lists it
HAS: Mapping[str, Level] = {"author": "read", "stranger": "read", "helper": "triage", "maintainer": "write"}
# What has to be there for a command to do something, said by the maintainer before somebody says it who may.
BEFORE = {"cancel": "/test", "pause": "/test", "resume": "/test\n/pause", "retry": "/test\n/cancel"}
NOTHING_WAITS = "There is nothing here that waits for approval"  # what /approve says to who may


@cache
def ours() -> Shipped:
    return shipped()


def table() -> dict[str, Word]:
    """Every command by its word."""
    flows = {flow.on.command: flow for flow in ours().workflows.values() if flow.on.command}
    return {**commands(), **flows}


def expected(word: Word, login: str, place: str) -> str:
    """`taken`, `elsewhere`, `no right` or `silence`, as the data has it."""
    if login == BOT:
        return "silence"
    reaches = LEVELS.index(HAS[login]) >= LEVELS.index(word.requires)
    if isinstance(word, Command):
        return "taken" if reaches or (word.own and login == "author") else "no right"
    if ("issues" if place == "issue" else "pull_request") not in word.command_places:
        return "elsewhere"
    return "taken" if reaches else "no right"


RIGHTS = {
    "read": {"help"},
    "triage": {"ask", "config", "cost", "explain", "plan", "split", "status", "why"},
    "write": {
        "approve",
        "cancel",
        "describe",
        "fix",
        "hot-fix",
        "implement",
        "pause",
        "rebase",
        "resume",
        "retry",
        "review",
        "test",
    },
}


def test_who_gives_a_command_to_more_people_says_so_here_too() -> None:
    assert {right: {name for name, word in table().items() if word.requires == right} for right in RIGHTS} == RIGHTS
    assert {name for name, word in table().items() if isinstance(word, Command) and word.own} == {"cancel", "status"}
    assert set(table()) == set().union(*RIGHTS.values())


@dataclass(frozen=True)
class Cell:
    """Somebody said a command somewhere."""

    word: str
    login: str
    said: Said
    issue: Issue


class Hall(House):
    """A house where one agent keeps the only room, so that whatever starts waits and costs nothing."""

    async def fill(self) -> None:
        self.emulator.user("helper", "triage")
        self.emulator.user("author", "read")
        self.emulator.world.person(BOT, "Bot")
        self.gate.close()
        await self.comment(await self.open_issue("The first"), "/ask what is this?")
        await self.gate.reached()

    async def conversation(self, place: str, name: str) -> tuple[Issue, Remark | None]:
        """Where commands are said, opened by `author`; and the thread, where it is one at a line."""
        if place == "issue":
            return await self.open_issue(name, by="author"), None
        pull = await (self._afar(name) if place == "fork" else self._near(name))
        at_line = place == "line"
        return pull, await self.emulator.remark(pull, "shop/cart.py", 12, "Why?") if at_line else None

    async def _near(self, name: str) -> Pull:
        await self.repo.git.set_ref(f"refs/heads/{name}", self.repo.branches["topic"])
        return await self.emulator.open_pull(self.repo, name, title=name, by="author")

    async def _afar(self, name: str) -> Pull:
        fork = self.emulator.world.repos["author/greeter"]
        await fork.git.set_ref(f"refs/heads/{name}", fork.branches["topic"])
        return await self.emulator.open_pull(self.repo, name, title=name, head_repo=fork, by="author")

    async def says(self, issue: Issue, thread: Remark | None, words: str, by: str) -> Said:
        who: User = self.emulator.world.users[by.lower()]
        if thread is not None:
            return await self.emulator.reply(thread, words, by=who)
        return await self.emulator.comment(issue, words, by=who)

    async def heard_all(self) -> None:
        """Until every comment was handled; what started waits."""
        await self.emulator.delivered()
        await handled(self)

    async def empty(self) -> None:
        """Whatever waits ends."""
        await self.bot.worker._dispatcher.end([run.id for run in await self.runs()], "The hall closes.")
        await self.gate.open()
        await self.settle()
        for issue in self.repo.issues.values():
            self.said(issue)

    def answers(self, issue: Issue) -> list[str]:
        """What the bot said there, but for the comments that show how a run stands."""
        said: list[Said] = [*issue.comments, *(issue.remarks if isinstance(issue, Pull) else [])]
        mine = [one.body for one in said if one.user is self.emulator.bot]
        return [body for body in mine if "<!-- tutti run:" not in body]


def quiet() -> Shipped:
    """What is shipped, started by commands alone."""
    deaf = {"pull_request": None, "check_run": None, "issues": None}
    flows = ours().workflows.items()
    changed = {name: flow.model_copy(update={"on": flow.on.model_copy(update=deaf)}) for name, flow in flows}
    return Shipped(changed, ours().agents)


@asynccontextmanager
async def hall(folder: Path, place: str) -> AsyncIterator[Hall]:
    extra = {"max_runs": 1, "actor_runs_a_day": 1000, "repo_runs_a_day": 1000}
    async with opened(folder, files=BASE, kind=Hall, offered=quiet(), extra=extra) as house:
        assert isinstance(house, Hall)
        await house.fill()
        await house.push({"shop/cart.py": DISCOUNT}, branch="topic")
        if place == "fork":
            await house.emulator.fork(house.repo, "author")
        yield house
        await house.empty()


async def everybody(house: Hall, place: str) -> list[Cell]:
    """Every command said by everybody, who may least first, each command in a conversation of its own."""
    cells: list[Cell] = []
    for name, word in table().items():
        issue, thread = await house.conversation(place, name)
        usage = " how so" if isinstance(word, Workflow) and word.usage.startswith("<") else ""
        for login in (BOT, "stranger", "author", "helper", "maintainer"):
            if expected(word, login, place) == "taken":
                before = BEFORE.get(name, "") if isinstance(word, Command) else "/cancel"
                if before:
                    await house.says(issue, thread, before, "maintainer")
            cells.append(Cell(name, login, await house.says(issue, thread, f"/{name}{usage}", login), issue))
    await house.heard_all()
    return cells


async def outcome(house: Hall, cell: Cell, runs: Mapping[int, str]) -> str:
    """What came of a cell, told by reactions, answers and runs alone."""
    reactions = [content for _, _, content, _ in cell.said.reactions]
    mine = [body for body in house.answers(cell.issue) if f":{cell.said.id}" in body]
    if cell.said.id in runs:
        assert (reactions[0], mine) == ("eyes", [])
        return "taken"
    if not reactions:
        assert mine == []
        return "silence"
    if reactions == ["eyes", "rocket"]:
        assert len(mine) <= 1
        return "taken"
    assert reactions[-1] == "confused"
    assert len(mine) <= 1
    said = mine[0] if mine else one_for_strangers(house, cell)
    assert re.fullmatch(r"[^\n]+\.", said.partition("\n\n<!--")[0]), said
    if " is for " in said:
        return "elsewhere"
    if cell.word == "approve" and NOTHING_WAITS in said:
        return "taken"
    if mine:
        needs = table()[cell.word].requires
        assert said.startswith(f"@{cell.login}, ")
        assert f"needs {needs} access to this repository, and you have {HAS[cell.login]} access." in said
    return "no right"


def one_for_strangers(house: Hall, cell: Cell) -> str:
    """The one sentence that all strangers of a conversation share."""
    assert HAS[cell.login] == "read"
    (said,) = [body for body in house.answers(cell.issue) if "refusal:right" in body]
    return said


@pytest.mark.parametrize("place", PLACES)
async def test_every_command_does_for_everybody_what_its_data_says_and_no_more(tmp_path: Path, place: str) -> None:
    words = table()
    async with hall(tmp_path, place) as house:
        cells = await everybody(house, place)
        runs = {
            event.comment.id: run.workflow for run in await house.runs() if (event := event_of(run)).kind == "comment"
        }
        found = {(cell.word, cell.login): await outcome(house, cell, runs) for cell in cells}
        assert found == {(cell.word, cell.login): expected(words[cell.word], cell.login, place) for cell in cells}


async def test_their_own_is_what_somebody_opened_or_asked_for_and_nothing_else(tmp_path: Path) -> None:
    async with hall(tmp_path, "issue") as house:
        house.emulator.user("sorter", "triage")
        mine, other = await house.open_issue(by="author"), await house.open_issue("Another")
        for issue in (mine, other):
            await house.says(issue, None, "/ask how?", "helper")
        refused = [
            await house.says(other, None, "/cancel", "author"),
            await house.says(other, None, "/status", "author"),
            await house.says(other, None, "/cancel", "sorter"),
            await house.says(mine, None, "/pause", "author"),
            await house.says(other, None, "/pause", "helper"),
        ]
        await house.heard_all()
        assert [run.state for run in await house.runs()] == ["running", "queued", "queued"]
        assert all([content for _, _, content, _ in said.reactions] == ["eyes", "confused"] for said in refused)
        await house.says(other, None, "/cancel", "helper")
        await house.says(mine, None, "/cancel", "author")
        await house.heard_all()
        assert [run.state for run in await house.runs()] == ["running", "cancelled", "cancelled"]
        again = await house.says(other, None, "/cancel", "helper")
        await house.heard_all()
        assert any(f"refusal:{again.id}" in body for body in house.answers(other)), "what has ended is nobody's"
