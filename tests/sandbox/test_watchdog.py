"""What uses too much is ended, with everything it started, and told in a sentence."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox import output, process, watchdog
from bot.sandbox.jail import Limits
from bot.sandbox.watchdog import LimitExceeded
from tests.walls import jail

SMALL = Limits(memory=96 << 20, processes=60, disk=24 << 20, output=1 << 20)
PYTHON = getattr(sys, "_base_executable", sys.executable)


async def limited(command: str, folder: Path, limits: Limits = SMALL, **more: Callable[[str], None]) -> str:
    """The sentence that ends a command line in a place with small limits; nothing of it lives afterwards."""
    mark, place = f"test-{os.getpid()}-{folder.name}", jail(folder, limits=limits)
    env = {"PATH": "/usr/bin:/bin", "PYTHON": PYTHON}
    with pytest.raises(LimitExceeded) as caught:
        await process.run(["sh", "-c", command], cwd=folder / "tree", env=env, run_id=mark, jail=place, **more)  # type: ignore[arg-type]
    assert process.marked(mark, place.uid) == set()
    assert str(caught.value) == caught.value.sentence
    return caught.value.sentence


HOG = '"$PYTHON" -ISc "import time; x = b\'x\' * (40 << 20); time.sleep(1000)"'


async def test_memory_of_all_processes_together(tmp_path: Path) -> None:
    sentence = await limited(f"{HOG} & {HOG} & {HOG} & wait", tmp_path)
    assert sentence == "Resource limit: its processes used more than 96 MB of memory together."


async def test_memory_that_only_a_file_without_a_name_holds(tmp_path: Path) -> None:
    hog = "import os, time; [os.write(os.memfd_create('x'), bytes(20 << 20)) for _ in range(6)]; time.sleep(1000)"
    assert "of memory together" in await limited(f'"$PYTHON" -ISc "{hog}"', tmp_path)


UNSEEN = {
    "the first thread has ended": (
        "import ctypes, threading, time\n"
        "threading.Thread(target=lambda: [bytearray(120 << 20), time.sleep(1000)]).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    ),
    "no more open, but mapped": (
        "import mmap, os, time\n"
        "held = []\n"
        "for _ in range(6):\n"
        "    f = os.memfd_create('x'); os.write(f, bytes(20 << 20))\n"
        "    held.append(mmap.mmap(f, 4096)); os.closerange(3, 99)\n"
        "time.sleep(1000)"
    ),
    "waits in sockets": "import socket, time; x = [socket.socketpair() for _ in range(250)]; time.sleep(1000)",
}


@pytest.mark.parametrize("way", UNSEEN)
async def test_memory_that_is_held_out_of_sight(tmp_path: Path, way: str) -> None:
    if way == "no more open, but mapped" and os.geteuid() != 0:
        pytest.skip("only root may look at what others have mapped")
    sentence = await limited(f'exec "$PYTHON" -ISc "$(cat <<\'END\'\n{UNSEEN[way]}\nEND\n)"', tmp_path)
    assert "of memory together" in sentence


async def test_more_open_files_than_can_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_MOST_HANDLES", 200)
    hog = "import os, time; x = [os.open('/dev/null', 0) for _ in range(250)]; time.sleep(1000)"
    assert "files open at once" in await limited(f'"$PYTHON" -ISc "{hog}"', tmp_path)


async def test_memory_is_watched_while_the_disk_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(watchdog._Disk, "too_much", lambda disk: "the scan" if over.wait(30) else "")
    try:
        assert "of memory together" in await limited(f"{HOG} & {HOG} & {HOG} & wait", tmp_path)
    finally:
        over.set()


async def test_memory_that_processes_share_counts_once(tmp_path: Path) -> None:
    """Ten of them show 400 MB together, but there are only 40."""
    forks = (
        "import os, sys; x = b'x' * (40 << 20); r, w = os.pipe()\n"
        "for _ in range(9):\n    if os.fork() == 0: os.close(w); os.read(r, 1); os._exit(0)\n"
        "print('forked', flush=True); sys.stdin.read()"
    )
    forked = asyncio.Event()
    work = asyncio.create_task(
        process.run(
            [PYTHON, "-ISc", forks],
            cwd=tmp_path / "tree",
            env={},
            run_id=f"test-{os.getpid()}-shared",
            stdin=b"",
            on_line=lambda line: forked.set(),
            jail=jail(tmp_path, limits=SMALL),
        )
    )
    await work
    assert forked.is_set()


async def test_a_fork_bomb(tmp_path: Path) -> None:
    sentence = await limited("bomb() { bomb | bomb & sleep 1000; }; bomb & exec sleep 1000", tmp_path)
    assert sentence == "Resource limit: it had 60 processes and threads at once."


async def test_files_on_disk(tmp_path: Path) -> None:
    sentence = await limited("for n in 1 2 3; do head -c 10000000 /dev/zero > $n; done; sleep 1000", tmp_path)
    assert sentence == "Resource limit: its files took more than 24 MB of the disk."


async def test_files_on_disk_without_a_name(tmp_path: Path) -> None:
    sentence = await limited("exec 3> gone; rm gone; head -c 30000000 /dev/zero >&3; sleep 1000", tmp_path)
    assert "of the disk" in sentence


async def test_very_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MOST_FILES", 500)
    sentence = await limited("for n in $(seq 600); do : > $n; done; sleep 1000", tmp_path)
    assert sentence == "Resource limit: it had more than 500 files."


async def test_folders_in_folders(tmp_path: Path) -> None:
    deep = "for n in $(seq 300); do mkdir d; cd d; done; sleep 1000"
    assert "more than 200 deep" in await limited(deep, tmp_path)


async def test_output(tmp_path: Path) -> None:
    lines: list[str] = []
    sentence = await limited("cat /dev/zero", tmp_path, on_line=lines.append)
    assert sentence == "Resource limit: it printed more than 1 MB in 5 seconds."
    assert sum(map(len, lines)) < 2 << 20


async def test_lines_of_output(tmp_path: Path) -> None:
    sentence = await limited("yes ''", tmp_path, Limits())
    assert sentence == "Resource limit: it printed more than 100,000 lines in 5 seconds."


def test_five_seconds_are_five_seconds() -> None:
    rate = output.Rate(most_bytes=10, most_lines=2)
    assert rate.too_much(b"12345\n", 100.0) == ""
    assert rate.too_much(b"1234\n", 101.0) != ""
    assert rate.too_much(b"1234\n", 105.3) == ""
    assert rate.too_much(b"\n\n", 105.4) != ""


async def test_a_link_leads_the_watchdog_nowhere(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/big").write_bytes(bytes(30 << 20))
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    assert watchdog._Disk([tmp_path / "tree"], 24 << 20)._measured().size < 1 << 20


async def test_the_watch_is_over_when_the_process_is(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    assert await watchdog.watch(child.pid, Limits(), []) == ""
