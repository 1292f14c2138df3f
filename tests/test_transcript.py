"""Transcripts stay on disk and are told live."""

import asyncio
from pathlib import Path

import pytest

from bot.agents.task import AgentEvent
from bot.agents.transcript import Entry, Transcripts


def texts(transcripts: Transcripts, run: str = "run-1") -> list[str]:
    return [entry.text for entry in transcripts.read(run)]


def write(transcripts: Transcripts, *words: str, run: str = "run-1") -> None:
    for text in words:
        transcripts.write(run, "job.agent.1", AgentEvent("text", text))


async def test_what_was_said_is_read_again_by_another_process(tmp_path: Path) -> None:
    write(Transcripts(tmp_path), "one\nline", "zwei ä \ud800")
    write(Transcripts(tmp_path), "of another", run="run-2")
    assert texts(Transcripts(tmp_path)) == ["one\nline", "zwei ä \ud800"]
    assert next(Transcripts(tmp_path).read("run-1")).key == "job.agent.1"
    assert texts(Transcripts(tmp_path), "run-3") == []


async def test_a_line_cut_short_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    write(Transcripts(tmp_path), "one", "two")
    file = tmp_path / "run-1.jsonl"
    file.write_bytes(file.read_bytes()[:-5])
    write(Transcripts(tmp_path), "three")
    assert texts(Transcripts(tmp_path)) == ["one", "three"]


async def test_who_follows_gets_what_was_and_what_comes_until_the_end(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    write(transcripts, "before")
    got: list[str] = []
    first = asyncio.Event()

    async def follow() -> None:
        async for entry in transcripts.follow("run-1"):
            got.append(entry.text)
            first.set()

    follower = asyncio.create_task(follow())
    await first.wait()
    write(transcripts, "during")
    write(transcripts, "elsewhere", run="run-2")
    transcripts.close("run-1")
    await follower
    assert got == ["before", "during"]


async def test_very_long_words_are_shortened_and_say_so(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    write(transcripts, "x" * 20_000)
    (entry,) = transcripts.read("run-1")
    assert isinstance(entry, Entry)
    assert entry.text == "x" * 16_000 + "\n[4000 characters left out]"


@pytest.mark.parametrize("run", ["", "../other", ".hidden", "a/b"])
def test_a_runs_name_never_leaves_the_folder(tmp_path: Path, run: str) -> None:
    with pytest.raises(ValueError, match="no name for a file"):
        write(Transcripts(tmp_path / "t"), "x", run=run)
