"""A repository's own workflow files: each is read once, beside everything else, and there may be so many of them."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.spec import AgentSpec
from bot.store.db import Database
from bot.workflow import library as module
from bot.workflow.bounds import DEFAULT
from bot.workflow.configuration import PATH, WORKFLOWS
from bot.workflow.library import Library, key
from bot.workflow.parsed import LETTERS, Parsed
from bot.workflow.spec import Workflow
from tests.house import House
from tests.shelf import shipped
from tests.test_bad_input import verdict
from tests.test_configuration import ref

GOOD = "name: {}\non: {{command: mine}}\njobs: {{a: {{agent: developer}}}}\noutputs: {{pull-request: {{}}}}\n"


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    db = Database(f"sqlite:///{tmp_path}/a.db")
    await db.migrate()
    yield Library(db, shipped(), frozenset())
    await db.close()


def at(name: str) -> str:
    return f"{WORKFLOWS}/{name}.yml"


class Watched(dict[str, AgentSpec]):
    """Agents that know in which threads somebody asked for one."""

    def __init__(self) -> None:
        super().__init__(shipped().agents)
        self.threads = list[int]()

    def __contains__(self, name: object) -> bool:
        self.threads.append(threading.get_ident())
        return super().__contains__(name)


async def test_a_file_is_read_once_and_in_a_thread() -> None:
    agents = Watched()
    parsed = Parsed(agents, DEFAULT)
    first = await parsed.of(at("a"), GOOD.format("A"))
    asked = len(agents.threads)
    assert asked
    assert threading.get_ident() not in agents.threads
    assert await parsed.of(at("a"), GOOD.format("A")) is first
    assert await parsed.of(at("b"), "name: B\n") is await parsed.of(at("b"), "name: B\n")
    assert len(agents.threads) == asked
    other = await parsed.of(at("a"), GOOD.format("Other"))
    assert isinstance(other, Workflow)
    assert other.name == "Other"


async def test_only_so_much_of_what_was_read_is_remembered() -> None:
    parsed, long = (
        Parsed(dict(shipped().agents), DEFAULT),
        "#" * (LETTERS // 4),
    )  # too long for a file, which is seen soon
    first, second = await parsed.of(at("a"), GOOD.format("A")), await parsed.of(at("b"), GOOD.format("B"))
    for number in range(4):
        await parsed.of(at(str(number)), long)
        assert await parsed.of(at("b"), GOOD.format("B")) is second
    assert await parsed.of(at("a"), GOOD.format("A")) is not first


async def test_the_same_workflow_is_given_to_all_who_ask(library: Library) -> None:
    assert await library.adopt("a/b", at("mine"), "c1", GOOD.format("Mine")) == ""
    first, again = await library.workflows("a/b"), await library.workflows("a/b")
    assert first["mine"] is again["mine"]


async def test_a_repository_has_so_many_files_of_its_own(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OWN", 2)
    for name in ("a", "b"):
        assert await library.adopt("a/b", at(name), "c1", GOOD.format(name)) == ""
    said = f"{at('review')}:1: a repository has 2 workflow files of its own at most: this one is not read"
    assert await library.adopt("a/b", at("review"), "c1", GOOD.format("x")) == said
    assert "review" not in await library.workflows("a/b")  # ours does not start in its place
    assert await library.adopt("a/b", PATH, "c1", "version: 1\n") == ""
    assert await library.adopt("a/b", at("a"), "c2", GOOD.format("new")) == ""
    assert await library.adopt("a/b", at("b"), "c2", None) == ""
    assert await library.adopt("a/b", at("review"), "c2", GOOD.format("x")) == ""
    found = await library.workflows("a/b")
    assert (found["a"].name, found["review"].name, "b" in found) == ("new", "x", False)


async def test_of_too_many_files_those_are_read_first_that_stand_in_the_way_of_ours(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OWN", 1)
    files = {at(name): GOOD.format(name) for name in ("a", "b", "auto-implement")}
    house.expected_log = {"repository file not adopted"}
    before = len(house.emulator.requests)
    commit = await house.push(files)
    await house.settle()
    found = await house.bot.library.workflows(key(ref(house, house.repo)))
    assert ("a" in found, "b" in found) == (True, False)
    assert "auto-implement" not in found
    said = [f"{at(name)}:1: a repository has 1 workflow files of its own at most" for name in ("b", "auto-implement")]
    assert all(words in verdict(house, commit)[2] for words in said)
    asked = [one.path for one in house.emulator.requests[before:] if one.path.endswith("/b.yml")]
    assert asked == []
    later = await house.emulator.create_repo("acme/later", files)
    await house.emulator.install(later)
    await house.settle()
    found = await house.bot.library.workflows(key(ref(house, later)))
    assert (found["auto-implement"].name, "a" in found, "b" in found) == ("auto-implement", False, False)
    (check,) = later.checks
    assert f"{at('a')}:1: a repository has 1 workflow files of its own at most: this one and 1 more are not read" in (
        check.summary or ""
    )
