"""Workers in processes of their own, killed for real: the next one or a neighbour goes on."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Process:
    """A worker in a process of its own (tests/worker.py), which can really be killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout

    async def hear(self, expected: str) -> list[str]:
        """What it says up to that line."""
        heard: list[str] = []
        while expected not in heard:
            line = await self._out.readline()
            assert line, f"it ended after {heard} without {expected!r}"
            heard.append(line.decode().strip())
        return heard

    async def answer(self, command: str) -> str:
        """The next thing it says after the command."""
        self._in.write(f"{command}\n".encode())
        return (await self._out.readline()).decode().strip()

    def tell(self, command: str) -> None:
        self._in.write(f"{command}\n".encode())

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()

    async def end(self) -> int:
        self._in.close()
        return await self._process.wait()


@asynccontextmanager
async def worker_process(url: str, data_dir: Path, mode: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worker", url, str(data_dir), mode,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_process_is_gone_on_with_by_the_next(database_url: str, tmp_path: Path) -> None:
    async with worker_process(database_url, tmp_path, "hang") as killed:
        await killed.hear("slot-0")
        killed.tell("start r1")
        assert await killed.hear("r1 two") == ["r1 one", "r1 two"]
        await killed.kill()
    async with worker_process(database_url, tmp_path, "go") as next_one:
        await next_one.hear("slot-0")
        next_one.tell("settle")
        assert await next_one.hear("settled 0") == ["r1 two", "r1 three", "settled 0"]
        assert await next_one.end() == 0


async def test_a_worker_takes_up_the_runs_of_a_killed_one_but_not_of_a_living_one(
    postgres_url: str, tmp_path: Path
) -> None:
    async with worker_process(postgres_url, tmp_path / "a", "hang") as killed:
        await killed.hear("slot-0")
        killed.tell("start r1")
        await killed.hear("r1 two")
        async with worker_process(postgres_url, tmp_path / "b", "go") as other:
            await other.hear("slot-1")
            assert await other.answer("adopt") == "adopted"
            await killed.kill()
            while (answer := await other.answer("adopt")) == "adopted":
                continue  # the server has not seen the end of the connection yet
            assert answer == "adopted r1"
            assert await other.hear("r1 three") == ["r1 two", "r1 three"]
            other.tell("settle")
            assert await other.hear("settled 0") == ["settled 0"]
            assert await other.end() == 0
