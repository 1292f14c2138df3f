"""Whatever is started in a jail ends with it, at once and completely."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from bot.sandbox import process
from bot.sandbox.jail import Jail
from tests.walls import NONE, jail

ENV = {"PATH": "/usr/bin:/bin"}
STAYS = "(trap '' TERM HUP INT; setsid sh -c 'sleep 1000 & sleep 1000' &) ; setsid env -i sleep 1000 & echo begun; "


@pytest.fixture
def place(tmp_path: Path) -> Jail:
    return jail(tmp_path)


async def shell(command: str, place: Jail, mark: str, **more: object) -> process.Finished:
    return await process.run(
        ["sh", "-c", command],
        cwd=place.writable[0],
        env=ENV,
        run_id=mark,
        jail=place,
        **more,  # type: ignore[arg-type]
    )


def mark(tmp_path: Path) -> str:
    return f"test-{os.getpid()}-{tmp_path.name}"


async def test_it_runs_where_it_should_with_what_it_is_given(place: Jail, tmp_path: Path) -> None:
    done = await shell("pwd; wc -c; env | grep -c TUTTI_RUN; exit 3", place, mark(tmp_path), stdin=b"12345")
    assert (done.code, done.output_tail.split()) == (3, [str(tmp_path / "tree"), "5", "1"])


async def test_a_jail_without_walls_is_the_plain_machine(tmp_path: Path) -> None:
    place = jail(tmp_path, NONE)
    assert (await shell("pwd", place, mark(tmp_path))).output_tail.strip() == str(tmp_path / "tree")


async def test_what_it_leaves_behind_is_gone_when_it_ends(place: Jail, tmp_path: Path) -> None:
    done = await shell(STAYS, place, mark(tmp_path))
    assert (done.ending, done.output_tail) == ("exited", "begun\n")
    assert process.marked(mark(tmp_path), place.uid) == set()


async def test_a_cancel_ends_it_at_once(place: Jail, tmp_path: Path) -> None:
    begun = asyncio.Event()
    work = asyncio.create_task(
        shell(STAYS + "trap '' TERM; wait", place, mark(tmp_path), on_line=lambda line: begun.set())
    )
    await begun.wait()
    assert process.marked(mark(tmp_path), place.uid)
    asked = time.monotonic()
    work.cancel()
    await asyncio.wait({work})
    assert work.cancelled()
    assert time.monotonic() - asked < process.GRACE  # nothing in there is asked whether it would like to end
    assert process.marked(mark(tmp_path), place.uid) == set()


async def test_it_ends_with_a_bot_that_is_killed(tmp_path: Path) -> None:
    """Nobody is left to sweep: the walls fall by themselves, and everything within."""
    bot = (
        "import asyncio, sys; from pathlib import Path; from tests.walls import jail; from bot.sandbox import process\n"
        "place = jail(Path(sys.argv[1])); print(place.uid, flush=True)\n"
        "run = process.run(['sh', '-c', sys.argv[2]], cwd=place.writable[0], env={'PATH': '/usr/bin:/bin'},\n"
        "    run_id=sys.argv[3], jail=place, on_line=lambda line: print(line, flush=True))\n"
        "asyncio.run(run)"
    )
    command = [sys.executable, "-c", bot, str(tmp_path), f"{STAYS} wait", mark(tmp_path)]
    root = Path(__file__).parents[2]
    killed = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=root)
    assert killed.stdout
    said = (await killed.stdout.readline()).strip()
    uid = None if said == b"None" else int(said)
    assert await killed.stdout.readline() == b"begun\n"
    assert process.marked(mark(tmp_path), uid)
    killed.kill()
    await killed.wait()
    async with asyncio.timeout(5):
        while process.marked(mark(tmp_path), uid):
            await asyncio.to_thread(os.sched_yield)


async def test_others_have_the_first_turn(place: Jail, tmp_path: Path) -> None:
    assert (await shell("nice", place, mark(tmp_path))).output_tail == "5\n"


@pytest.mark.parametrize(
    "how", ["from bot.sandbox import process; process.hide()", "from bot import cli; cli.app = int; cli.main()"]
)
async def test_the_bot_hides_its_environment_and_memory_whatever_it_is_asked_to_do(how: str) -> None:
    asked = f"import ctypes; {how}; print(ctypes.CDLL(None).prctl(3))"
    said = await process.run([sys.executable, "-c", asked], cwd=Path(__file__).parents[2], env=ENV, run_id="hidden")
    assert said.output_tail == "0\n"
