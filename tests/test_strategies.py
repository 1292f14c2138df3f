"""Worktree strategies: what is an experiment, what waits for a word, what is mended in a hurry, who does which part."""

from pathlib import Path

import pytest

from bot.backends.rehearsal import Write
from bot.policy.judge import judge
from bot.policy.work import File, Work
from tests.graphs import FILES, offered
from tests.house import opened

JOB = "jobs: {api: {agent: developer, focus: build it}}\n"


@pytest.mark.parametrize(
    ("key", "why", "branch"),
    [
        ("approval: result", "The workflow wants a person to look at what it made", "feature/auto-1-say-hello"),
        ("worktrees: experiment", "This was an experiment", "experiment/auto-1-say-hello"),
    ],
)
async def test_what_is_to_be_looked_at_is_published_by_a_persons_word_and_no_sooner(
    tmp_path: Path, key: str, why: str, branch: str
) -> None:
    async with opened(tmp_path, files=FILES, offered=offered(f"{key}\n{JOB}")) as shop:
        shop.rehearse([Write("api/made.txt", "1\n")])
        issue = await shop.implement()
        assert shop.pulls() == []
        assert "· needs approval ·" in shop.status(issue)
        assert f"Needs approval: this change is not published yet.\n\n- {why}" in shop.status(issue)
        assert "+++ b/api/made.txt" in shop.status(issue)
        played = len(shop.played)
        await shop.comment(issue, "/approve")
        await shop.settle()
        assert shop.pull.head == branch
        assert await shop.file(branch, "api/made.txt") == "1\n"
        assert f"## Approved by @maintainer\n\n- {why}" in (shop.pull.body or "")
        assert len(shop.played) == played
        assert "done" in shop.said(issue)[-1]


def change(lines: int, path: str = "a.txt", binary: bool = False) -> File:
    return File(path, "M", "100644", "100644", b"", b"", lines, 0, binary, 1)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([change(200)], []),
        ([change(201)], ["A hot fix is small: this one changes 201 lines."]),
        ([change(1, f"{number}.txt") for number in range(11)], ["A hot fix is small: this one changes 11 files."]),
        ([change(0, binary=True)], ["A hot fix is easy to read: 1 of the files here are no text."]),
    ],
)
def test_a_hot_fix_that_is_not_small_needs_approval(files: list[File], found: list[str]) -> None:
    def findings(*, smallest: bool) -> list[str]:
        work = Work(tuple(files), frozenset(), {}, smallest=smallest)
        return [one.sentence for one in judge(work) if one.policy == "hot fixes" and one.level == "approve"]

    assert findings(smallest=True) == found
    assert findings(smallest=False) == []
