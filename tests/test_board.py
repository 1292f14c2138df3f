"""What is not waited for is stored all the same, in order, and before what is built on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.runs import Node

JOB, STEP = Node("api", 1000, "Build the API"), Node("api.agent.1", 1001, "builder works")


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    db = Database(f"sqlite:///{tmp_path / 'tutti.db'}")
    await db.migrate()
    one = Board(db)
    yield one
    await one.settled()
    await db.close()


async def tree(board: Board) -> list[tuple[str, str, bool, bool]]:
    rows = await board.db.read(lambda conn: runs.tree(conn, "r1"))
    return [(row.key, row.state, row.started_at is not None, row.ended_at is not None) for row in rows]


async def test_what_a_step_made_is_kept_after_the_news_that_it_and_its_job_began(board: Board) -> None:
    told: list[str] = []
    board.listeners.append(told.append)
    await board.plan("r1", JOB)
    await board.open("r1", JOB)
    assert await board.take_up("r1", STEP) is None
    await board.keep("r1", STEP.key, ({"said": "done"}, b"pack"), "done")
    assert await tree(board) == [("api", "running", True, False), ("api.agent.1", "done", True, True)]
    assert told == ["r1"] * 4
    assert await board.take_up("r1", STEP) == ({"said": "done"}, b"pack")  # nothing of it is done anew
    assert (await tree(board))[1][1] == "done"


async def test_changes_of_one_job_keep_their_order_and_can_be_waited_for(board: Board) -> None:
    for state in ("failed", "done"):
        await board.open("r1", JOB)
        await board.shut("r1", JOB.key, state)
    await board.settle("r1")
    assert await tree(board) == [("api", "done", True, True)]


async def test_a_beginning_that_cannot_be_stored_is_told_to_the_end_of_the_step(board: Board) -> None:
    def refuse(_conn: sa.Connection) -> None:
        raise OSError("no space")

    sa.event.listen(board.db.engine, "commit", refuse)
    await board.begin("r1", STEP)
    with pytest.raises(OSError, match="no space"):
        await board.end("r1", STEP.key, "done")
    sa.event.remove(board.db.engine, "commit", refuse)
    assert await tree(board) == []
