"""A worker's place is its own as long as its process lives, and free the moment it does not."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.workflow import slot as slots
from bot.workflow.slot import Slot
from tests.postgres import Cluster

Take = Callable[[], Awaitable[Slot]]


@pytest.fixture
async def take(postgres_url: str, tmp_path: Path) -> AsyncIterator[Take]:
    """Take one more place of a PostgreSQL database."""
    async with AsyncExitStack() as taken:

        async def take() -> Slot:
            slot = await slots.take(postgres_url, tmp_path)
            taken.push_async_callback(slot.release)
            return slot

        yield take


async def test_a_second_process_on_one_folder_is_told_the_way_out(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tutti.db'}"
    first = await slots.take(url, tmp_path)
    with pytest.raises(UserError) as refusal:
        await slots.take(url, tmp_path)
    assert str(refusal.value) == (
        f"Another Tutti process is using {tmp_path}: stop it, or give this one its own folder with "
        "TUTTI_DATA_DIR, or let both share a PostgreSQL with TUTTI_DATABASE_URL."
    )
    assert (first.name, await first.alive(), await first.lead()) == ("slot-0", True, True)
    await first.release()
    assert not await first.alive()
    await (await slots.take(url, tmp_path)).release()


async def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tutti.db'}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worker", url, str(tmp_path), "go",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert await process.stdout.readline() == b"slot-0\n"
    with pytest.raises(UserError):
        await slots.take(url, tmp_path)
    process.kill()
    await process.wait()
    await (await slots.take(url, tmp_path)).release()


async def test_each_worker_has_the_lowest_free_number(take: Take) -> None:
    workers = [await take() for _ in range(3)]
    assert [worker.name for worker in workers] == ["slot-0", "slot-1", "slot-2"]
    await workers[1].release()
    again = await take()
    assert again.name == "slot-1"
    assert (await take()).name == "slot-3"


async def test_a_worker_whose_session_is_ended_knows_it(take: Take, cluster: Cluster, postgres_url: str) -> None:
    worker = await take()
    assert await worker.alive()
    cluster.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()",
        postgres_url,
    )
    assert not await worker.alive()


async def test_the_place_of_a_living_worker_cannot_be_held(take: Take) -> None:
    one, other = await take(), await take()
    async with one.hold(other.name) as free:
        assert not free
    async with one.hold(one.name) as free:
        assert not free
    assert await other.alive()


async def test_the_place_of_a_dead_worker_is_kept_from_its_successor_while_held(take: Take) -> None:
    one, dead = await take(), await take()
    await dead.release()
    async with one.hold("slot-1") as free:
        assert free
        assert (await take()).name == "slot-2"
    assert (await take()).name == "slot-1"


async def test_one_worker_leads_and_another_follows_it(take: Take) -> None:
    one, other = await take(), await take()
    assert await one.lead()
    assert not await other.lead()
    assert await one.lead()
    await one.release()
    assert await other.lead()
