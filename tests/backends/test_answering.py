"""The real Claude Code as an answering agent: it reads a repository that it cannot write to, and answers with data."""

from pathlib import Path

from pydantic import SecretStr

from bot.emulator.model import Answer, PlayedModel, Read, Script, Write
from tests.backends.test_reading import FILES, READ, RealDesk
from tests.counter import KEY
from tests.house import opened
from tests.shelf import only

ANSWERS = Script(
    ("Answer a question about",),
    [
        (Read(READ),),
        (Write(READ, "mine\n"),),
        (Answer({"answer": "`total()` adds up.", "refs": [{"path": READ, "line": 12}, {"path": READ, "line": None}]}),),
    ],
)


async def test_an_answering_claude_reads_writes_nothing_and_its_data_is_the_answer(tmp_path: Path) -> None:
    async with (
        PlayedModel([ANSWERS], key=KEY) as played,
        opened(
            tmp_path,
            files=FILES,
            kind=RealDesk,
            offered=only("ask"),
            played_model=played,
            extra={"anthropic_api_key": SecretStr(KEY)},
        ) as desk,
    ):
        assert isinstance(desk, RealDesk)
        issue = await desk.open_issue()
        await desk.comment(issue, "/ask how is the total made?")
        await desk.settle()
        read, written, *_ = [event.text for event in desk.heard if event.kind == "output"]
        end = await desk.end(issue)
        desk.said(issue)
        assert played.problems == []
    assert "class Cart:" in read
    assert "read-only file system" in written
    assert end.startswith("done: `total()` adds up.\n\nSee [`shop/cart.py:12`](")
    assert ", [`shop/cart.py`](" in end
