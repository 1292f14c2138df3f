"""C4, C24, C58 for commands: replays, comments that are gone, floods, options that mean harm, words in disguise."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backends.rehearsal import Say, Write
from bot.emulator.discussion import BODY_LIMIT
from bot.slash import orders, strays, suggestion
from bot.workflow.commander import commands
from bot.workflow.library import shipped
from tests.desk import BASE, DISCOUNT
from tests.house import House, opened
from tests.security.stage import knocked
from tests.security.test_commands import says, told
from tests.shelf import only
from tests.spoken import reactions
from tests.test_ask import TOTAL, said

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WORDS = frozenset(commands()) | {flow.on.command for flow in shipped().workflows.values() if flow.on.command}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, offered=only("auto-implement", "ask", "test")) as house:
        house.rehearse(RIGHT)
        yield house


# ---- C4: the same comment again --------------------------------------------------------------------------------------


async def test_c4_a_comment_that_comes_again_under_another_guid_starts_and_retries_nothing(house: House) -> None:
    """No signature covers the GUID: who saw a delivery once can send it again."""
    issue = await house.open_issue()
    first = told(house, await says(house, issue, "/test"))
    again = told(house, await says(house, issue, "/retry"))
    house.status(issue)
    for one in (first, again, first):
        assert (await knocked(house, one)) == f"ignored: this was delivered already, as {one.guid}"
    assert [(run.state, run.life) for run in await house.runs()] == [("failed", 2)]


async def test_c4_an_old_cancel_ends_nothing_that_was_asked_for_since(house: House) -> None:
    house.rehearse([said(TOTAL)])
    issue = await house.open_issue()
    await says(house, issue, "/ask how?\n/pause")
    end = told(house, await says(house, issue, "/cancel"))
    on = told(house, await says(house, issue, "/resume"))
    await says(house, issue, "/ask how now?\n/pause")
    for one in (end, on):
        assert (await knocked(house, one)) == f"ignored: this was delivered already, as {one.guid}"
    assert [run.state for run in await house.runs()] == ["cancelled", "waiting"]
    await says(house, issue, "/cancel")
    house.said(issue)


# ---- comments that are gone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["/implement", "/status", "/implment"])
async def test_a_comment_that_is_deleted_before_it_is_read_troubles_nobody(house: House, words: str) -> None:
    issue = await house.open_issue()
    comment = await house.comment(issue, words)
    await house.emulator.delete_comment(comment)
    await house.settle()
    assert reactions(comment) == []
    assert len(house.said(issue)) == 1
    assert "dead" not in {status for status, count in (await house.bot.inbox.counts()).items() if count}


async def test_a_remark_that_is_deleted_before_it_is_read_is_answered_in_the_conversation(tmp_path: Path) -> None:
    async with opened(tmp_path, files=BASE, offered=only("ask")) as house:
        await house.push({"shop/cart.py": DISCOUNT}, branch="topic")
        pull = await house.emulator.open_pull(house.repo, "topic", title="Topic")
        remark = await house.emulator.remark(pull, "shop/cart.py", 12, "/status")
        await house.emulator.delete_remark(remark)
        await house.settle()
        assert "Nothing was ever started here." in house.status(pull)


# ---- floods ----------------------------------------------------------------------------------------------------------


async def test_c58_a_thousand_commands_in_a_comment_are_as_many_answers_as_one(house: House) -> None:
    house.rehearse([said(TOTAL)])
    for word in ("status", "help", "cancel", "implment", "ask how?"):
        issue = await house.open_issue()
        since = len(house.emulator.requests)
        await says(house, issue, f"/{word}\n" * 1000)
        assert len(await house.runs()) <= 1
        assert 1 <= len(house.said(issue)) <= 2, word
        assert len(house.emulator.requests) - since < 120


async def test_c58_ten_commands_of_a_comment_are_heard_in_their_order_and_no_more(house: House) -> None:
    issue = await house.open_issue()
    words = ["status", "cost", "why", "config", "help", "pause", "resume", "retry", "cancel", "approve"]
    await says(house, issue, "\n".join(f"/{word}" for word in [*words, "implement"]))
    notes = next(note for note in await house.notes() if "/status" in note)
    assert [part.partition(" ")[0] for part in notes.split("; ")[:5]] == [f"/{word}" for word in words[:5]]
    assert notes.count("refused: ") == 5
    assert await house.runs() == []
    house.said(issue)


@pytest.mark.parametrize(
    "unit", ["/status\n\n", "/ask ", "/ask a=", "@tutti ", "/implment\n\n", "> /cancel\n", "[/ask](", "<b>\n/ask\n"]
)
async def test_c24_the_longest_comment_is_read_at_once(house: House, unit: str) -> None:
    house.rehearse([said(TOTAL)])
    issue = await house.open_issue()
    whole = unit * (BODY_LIMIT // len(unit))
    await says(house, issue, whole)
    assert len(await house.runs()) <= 1
    assert len(house.said(issue)) <= 1


# ---- options that mean harm ------------------------------------------------------------------------------------------

EVIL = "model=opus branch=main base=topic repo=evil/greeter budget=1000 test=true"


async def test_options_after_words_of_ones_own_are_words(house: House) -> None:
    issue, other = await house.open_issue(), await house.open_issue("Say it once more")
    before = house.repo.branches["main"]
    await says(house, issue, "/implement")
    await says(house, other, f"/implement {EVIL}")
    plain, given = house.tasks
    assert (given.model, given.max_turns) == (plain.model, plain.max_turns)
    assert f"{EVIL}\nEND DATA" in given.prompt
    assert EVIL not in given.prompt.partition("BEGIN DATA")[0]
    assert house.repo.branches["main"] == before
    assert sorted(house.repo.branches) == ["feature/auto-1-say-hello", "feature/auto-2-say-it-once-more", "main"]
    assert "Run the tests: `sh check.sh`" in house.status(other)
    house.said(issue)


ODD = [
    "/test repo=evil/greeter",
    "/test ;id x=1",
    '/test a="b" "c',
    "/cancel run=all",
    "/retry from=prepare",
    "/retry --force",
    "/approve force=true",
    "/pause seconds=99",
    "/resume from=1",
    "/config key=value",
    "/status ../../etc",
    "/help me=now",
]


async def test_options_that_no_command_takes_are_refused_in_a_sentence(house: House) -> None:
    for words in ODD:
        issue = await house.open_issue()
        comment = await says(house, issue, words)
        assert reactions(comment)[-1] == "confused"
        (answer,) = house.said(issue)
        assert "\n" not in answer.partition("\n\n<!--")[0]
    assert await house.runs() == []


# ---- words in disguise -----------------------------------------------------------------------------------------------

DISGUISED = [
    "/im\u0440lement",  # a Cyrillic letter
    "/\uff49mplement",  # a wide one
    "\uff0fimplement",  # slashes that are none
    "\u2215implement",
    "\u2044implement",
    "\u29f8implement",
    "\u200b/implement",
    "/\u200bimplement",
    "/imple\u200bment",
    "/implement\u200b",
    "\ufeff/implement",
    "\u2060/implement",
    "\u00ad/implement",
    "\u202e/tnemelpmi",
    "\u202etnemelpmi/",
    "\u2066/implement\u2069",
    "/implement\u202c",
    "/imp\u0301lement",
    "&#47;implement",
    "\\/implement",
    "//implement",
    "/implement/",
    "/implement.",
    "/tutti/implement",
    "/implement@tutti",
    "@tutti-other implement this",
    "@tutti\u200b implement this",
    "@tutt\u0456 implement this",
    "@tutti/team implement this",
    "\u200b@tutti implement this",
    "\uff20tutti implement this",
]


async def test_c24_words_in_disguise_command_nothing(house: House) -> None:
    house.emulator.world.users["tutti"] = house.emulator.world.person("tutti")
    issue = await house.open_issue()
    said = [await house.comment(issue, words.replace("@tutti", f"@{house.emulator.slug}")) for words in DISGUISED]
    await house.settle()
    assert [one.body for one in said if reactions(one)] == []
    assert (house.said(issue), await house.runs()) == ([], [])


async def test_the_ends_of_lines_of_any_system_are_ends_of_lines(house: House) -> None:
    issue = await house.open_issue()
    comment = await says(house, issue, "Yes.\r\n\r\n/implement\r\n")
    assert reactions(comment) == ["eyes", "rocket"]
    house.status(issue)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(WORDS)), st.characters(categories=["Cf", "Mn"]), st.integers(0, 30))
def test_c24_what_is_not_seen_makes_no_command_of_a_word(word: str, unseen: str, at: int) -> None:
    said = f"/{word}"
    said = said[: at % (len(said) + 1)] + unseen + said[at % (len(said) + 1) :]
    assert orders(said, WORDS) == []
    assert [close for one in strays(said, WORDS) if (close := suggestion(one.word, WORDS))] == []
