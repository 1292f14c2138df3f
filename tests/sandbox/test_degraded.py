"""The weaker tier, from inside: what it promises, and what it is known not to stop (`selftest.HOLES`)."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import jail, landlock, process
from bot.sandbox.jail import Door, Jail, Limits, Walls
from tests import walls

ROOT = os.geteuid() == 0
PYTHON = getattr(sys, "_base_executable", sys.executable)
pytestmark = pytest.mark.skipif(landlock.version() < landlock.NEEDED, reason="this kernel's Landlock is too old")


@pytest.fixture
def weak() -> Walls:
    return replace(walls.strong(), tier="degraded", limits=Limits(processes=60))


@pytest.fixture
def place(tmp_path: Path, weak: Walls) -> Jail:
    return walls.jail(tmp_path, weak)


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the bot's own user."""
    with subprocess.Popen(["sleep", "60.25"], env={"SECRET": "canary"}) as started:
        yield started
        started.kill()


async def run(place: Jail, *argv: str, doors: tuple[Door, ...] = ()) -> process.Finished:
    tree, home = place.writable
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(place.tmp)}
    return await process.run(argv, cwd=tree, env=env, run_id="test-degraded", timeout=20, jail=place, doors=doors)


async def sh(place: Jail, command: str) -> str:
    return (await run(place, "sh", "-c", command)).output_tail


async def python(place: Jail, script: str, *doors: Door) -> str:
    return (await run(place, PYTHON, "-I", "-c", TRIED + script, doors=doors)).output_tail


TRIED = """
import os, socket, sys
def tried(attempt, *arguments):
    try:
        attempt(*arguments)
    except OSError as problem:
        return type(problem).__name__
    return "done"
"""


# ---- what it promises ------------------------------------------------------------------------------------------------


async def test_they_write_in_their_own_folders_alone(place: Jail, tmp_path: Path) -> None:
    mine = [*map(str, place.writable), str(place.tmp)]
    others = [str(tmp_path), "/tmp", "/var/tmp", "/dev/shm", "/usr/bin", "/etc", "/run"]
    said = await sh(
        place, f"pwd; for f in {' '.join(mine + others)}; do (echo x >$f/.new) 2>/dev/null && echo $f; done"
    )
    assert said.split() == [str(place.writable[0]), *mine]


async def test_they_read_the_system_and_what_is_given_to_them(tmp_path: Path, weak: Walls) -> None:
    for name in ("secret", "tools/greet", "objects/x"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {name}\n")
        path.chmod(0o755)
    place = replace(walls.jail(tmp_path, replace(weak, tools=(tmp_path / "tools",))), readable=(tmp_path / "objects",))
    said = await sh(place, f"{tmp_path}/tools/greet; cat {tmp_path}/objects/x {tmp_path}/secret; ls {tmp_path}; id -u")
    assert "tools/greet\n" in said
    assert "echo objects/x" in said
    assert "echo secret" not in said
    assert said.count("Permission denied") == 2
    assert said.splitlines()[-1] == str(place.uid if ROOT else os.geteuid())


async def test_they_reach_the_ports_of_their_doors_and_open_none(place: Jail, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as model, socket.create_server(("127.0.0.1", 0)) as other:
        door = Door(8118, tmp_path / "socket", model.getsockname()[1])
        said = await python(
            place,
            f"for port in ({door.tcp}, {other.getsockname()[1]}):\n"
            "    print(tried(socket.create_connection, ('127.0.0.1', port), 1))\n"
            "print(tried(socket.socket().bind, ('127.0.0.1', 0)))\n"
            "print(tried(socket.socket, socket.AF_INET, socket.SOCK_DGRAM))\n",
            door,
        )
    assert said.split() == ["done", "PermissionError", "PermissionError", "PermissionError"]


async def test_processes_of_others_are_out_of_reach(place: Jail, other: "subprocess.Popen[bytes]") -> None:
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0test-{other.pid}")
        abstract.listen()
        said = await python(
            place,
            f"print(tried(os.kill, {other.pid}, 15), tried(open, '/proc/{other.pid}/environ', 'rb'),\n"
            f"tried(open, '/proc/{other.pid}/mem', 'rb'), tried(os.listdir, '/proc/{other.pid}/root'),\n"
            f"tried(socket.socket(socket.AF_UNIX).connect, '\\0test-{other.pid}'))",
        )
    assert other.poll() is None
    assert said.split() == ["PermissionError"] * 5


@pytest.mark.skipif(not ROOT, reason="only root gives places users of their own")
async def test_another_places_files_are_out_of_reach_and_so_are_its_processes(tmp_path: Path, weak: Walls) -> None:
    one, two = walls.jail(tmp_path / "a", weak), walls.jail(tmp_path / "b", weak)
    await sh(one, "echo notes >notes")
    assert "Permission denied" in await sh(two, f"cat {one.writable[0]}/notes")
    assert one.uid != two.uid


async def test_it_gives_no_rights_and_makes_no_namespaces(place: Jail) -> None:
    said = await sh(
        place, "grep -E '^(NoNewPrivs|Seccomp|CapBnd|CapEff):' /proc/self/status; unshare -U id || echo refused"
    )
    words = said.split()
    assert words[words.index("NoNewPrivs:") + 1] == "1"
    assert words[words.index("Seccomp:") + 1] == "2"
    assert int(words[words.index("CapEff:") + 1], 16) in (0, 4)  # to pass through folders, see landlock
    assert words[-1] == "refused"


async def test_the_kernels_limits_hold(place: Jail) -> None:
    said = await sh(place, "ulimit -n; ulimit -c; ulimit -Hu 2>/dev/null || ulimit -Hp")
    assert said.split()[:2] == ["4096", "0"]


@pytest.mark.skipif(not ROOT, reason="what has left its group is found by its user")
async def test_a_daemon_does_not_outlive_its_place(place: Jail) -> None:
    await sh(place, "setsid -f env -i sleep 60; setsid -f env -i sh -c 'trap \"\" TERM; sleep 60'")
    place.end()
    assert process.marked("nobody's", place.uid) == set()


THREADED = """
import ctypes, os, threading, time
if os.fork() == 0:
    os.setsid()
    ready, told = os.pipe()
    if os.fork() == 0:
        def go_on():
            while "Z" not in open(f"/proc/{os.getpid()}/stat").read().rpartition(")")[2]: time.sleep(0.01)
            os.write(told, b"x"); time.sleep(60)
        threading.Thread(target=go_on).start()
        ctypes.CDLL(None).pthread_exit(None)
    os.read(ready, 1); os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not ROOT, reason="what has left its group is found by its user")
def test_a_daemon_whose_first_thread_has_ended_does_not_outlive_its_place(place: Jail) -> None:
    argv = place.wrap([PYTHON, "-I", "-c", THREADED], cwd=place.writable[0])
    subprocess.run(argv, env={}, cwd=place.writable[0], check=True, timeout=20)
    assert place.uid is not None
    [left] = jail._of_user(place.uid)
    assert "\nState:\tZ" in Path(f"/proc/{left}/status").read_text()
    place.end()
    while jail._of_user(place.uid):  # the kernel takes its time
        pass


async def test_a_program_that_is_not_there_is_told_as_a_shell_tells(place: Jail) -> None:
    done = await run(place, "no-such-program")
    assert (done.code, done.output_tail) == (127, "sandbox: no-such-program: No such file or directory\n")
    (place.writable[0] / "text").write_text("")
    assert (await run(place, str(place.writable[0] / "text"))).code == 126


async def test_what_cannot_be_made_runs_nothing(place: Jail, tmp_path: Path) -> None:
    broken = replace(place, walls=replace(place.walls, kit=tmp_path))
    done = await run(broken, "echo", "unprotected")
    assert done.code != 0
    assert done.output_tail.startswith("sandbox: ")
    assert "unprotected" not in done.output_tail


# ---- what it is known not to stop ------------------------------------------------------------------------------------


async def test_hole_sockets_in_folders(place: Jail, tmp_path: Path) -> None:
    """A socket that everybody may write to, in a folder that everybody may pass through."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        (tmp_path / "s").chmod(0o777)
        listening.listen()
        assert await python(place, f"print(tried(socket.socket(socket.AF_UNIX).connect, '{tmp_path}/s'))") == "done\n"


async def test_hole_any_host_at_a_doors_port(place: Jail, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]
        door = Door(8118, tmp_path / "socket", port)
        said = await python(place, f"print(tried(socket.create_connection, ('127.0.0.2', {port}), 1))", door)
    assert said == "done\n"


async def test_hole_command_lines(place: Jail, other: "subprocess.Popen[bytes]") -> None:
    assert await sh(place, f"tr '\\0' ' ' </proc/{other.pid}/cmdline") == "sleep 60.25 "


async def test_hole_the_pointer_of_the_worktree(tmp_path: Path, weak: Walls) -> None:
    place = walls.jail(tmp_path, weak)
    (place.writable[0] / ".git").write_text("gitdir: ours")
    await sh(replace(place, readable=(place.writable[0] / ".git",)), "rm -f .git; echo theirs >.git")
    assert (place.writable[0] / ".git").read_text() == "theirs\n"


@pytest.mark.skipif(not ROOT, reason="another user could not see that much")
async def test_hole_marks_of_files(place: Jail, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("four")
    assert await sh(place, f"stat -c %s {tmp_path}/secret") == "4\n"
