"""The strong tier, from inside: what a place's processes see, may and cannot do."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import doors, jail, process, venv
from bot.sandbox.jail import Door, Jail, Limits, Walls
from tests import walls

ROOT = os.geteuid() == 0
PYTHON = getattr(sys, "_base_executable", sys.executable)


@pytest.fixture
def place(tmp_path: Path) -> Jail:
    return walls.jail(tmp_path)


async def run(place: Jail, *argv: str, doors: Sequence[Door] = (), **environment: str) -> process.Finished:
    tree, home = place.writable
    env = {"PATH": f"{home}/.venv/bin:/usr/bin:/bin", "HOME": str(home), **environment}
    return await process.run(argv, cwd=tree, env=env, run_id="test-jail", timeout=20, jail=place, doors=doors)


async def sh(place: Jail, command: str) -> str:
    return (await run(place, "sh", "-c", command)).output_tail


async def python(place: Jail, script: str) -> str:
    return (await run(place, PYTHON, "-I", "-c", script)).output_tail


# ---- who and where ---------------------------------------------------------------------------------------------------


async def test_they_are_a_user_of_no_account_and_call_themselves_agent(place: Jail) -> None:
    assert await sh(place, "id -u; id -G; id -un; uname -n; touch mine") == "1000\n1000\nagent\ntutti\n"
    assert (place.writable[0] / "mine").stat().st_uid == (place.uid if ROOT else os.geteuid())


@pytest.mark.skipif(not ROOT, reason="only root gives places users of their own")
def test_every_place_is_a_user_of_its_own(tmp_path: Path) -> None:
    assert len({walls.jail(tmp_path / name).uid for name in "abc"} - {None, 0}) == 3


async def test_they_start_where_they_should_and_see_nobody_else(place: Jail) -> None:
    assert await sh(place, "pwd; ls -d /proc/[0-9]* | wc -l | tr -d ' '") in (
        f"{place.writable[0]}\n{n}\n" for n in "345"
    )


async def test_what_is_in_the_environment_is_what_was_given(place: Jail) -> None:
    names = {line.partition("=")[0] for line in (await sh(place, "env")).splitlines()}
    assert names <= {"PATH", "HOME", "TUTTI_RUN", "PWD", "OLDPWD", "SHLVL", "_"}


async def test_no_file_of_the_starter_stays_open(place: Jail) -> None:
    assert await sh(place, "ls /proc/$$/fd; true") == "0\n1\n2\n"


async def test_an_exit_code_comes_back(place: Jail) -> None:
    assert (await run(place, "sh", "-c", "exit 7")).code == 7


# ---- files -----------------------------------------------------------------------------------------------------------


async def test_they_write_in_their_own_folders_alone(place: Jail) -> None:
    mine = [*map(str, place.writable), "/tmp", "/var/tmp", "/dev/shm"]
    others = ["/", "/usr", "/usr/bin", "/etc", "/dev", "/run", "/run/tutti", "/var", "/home", "/root"]
    said = await sh(place, f"for f in {' '.join(mine + others)}; do (echo x >$f/.new) 2>/dev/null && echo $f; done")
    assert said.split() == mine
    assert (place.tmp / ".new").exists()


async def test_a_folder_beside_theirs_is_not_the_real_one(place: Jail, tmp_path: Path) -> None:
    """What lies below the machine's /tmp, as here, has its place in theirs, which is empty but for it."""
    await sh(place, f"echo x >{tmp_path}/new")
    assert not (tmp_path / "new").exists()


async def test_of_the_rest_they_see_only_the_system(place: Jail, tmp_path: Path) -> None:
    (tmp_path / "beside").write_text("secret")
    checkout = Path(__file__).parents[2]
    said = await sh(place, f"cat {tmp_path}/beside {checkout}/pyproject.toml; ls {tmp_path} / | tr '\\n' ' '")
    assert "secret" not in said
    assert "[project]" not in said
    assert {"tree", "home"} <= set(said.split())
    assert "beside " not in said.split(":")[-1]
    assert not {"sys", "opt", "srv", "boot", "mnt"} & set(said.split())


async def test_what_is_only_to_be_read_lies_over_what_may_be_written(tmp_path: Path) -> None:
    first = walls.jail(tmp_path)
    pointer = first.writable[0] / ".git"
    pointer.write_text("gitdir: ours\n")
    place = replace(first, readable=(pointer,))
    said = await sh(place, "echo x >.git; rm .git; mv .git y; ln -sf /etc/passwd .git; echo; cat .git")
    assert said.splitlines()[-1] == "gitdir: ours"
    assert (await sh(place, "ls /run/tutti/stage 2>&1")).split()[:2] in ([], ["ls:", "cannot"])
    assert pointer.read_text() == "gitdir: ours\n"


async def test_it_is_the_same_in_a_folder_that_is_not_below_tmp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As data folders are in earnest."""
    monkeypatch.setattr(jail, "_TMP", Path("/elsewhere"))
    await test_what_is_only_to_be_read_lies_over_what_may_be_written(tmp_path)


@pytest.mark.skipif(not ROOT, reason="nobody else has two layers of walls")
@pytest.mark.parametrize("tmp", ["/tmp", "/elsewhere"])
def test_root_looks_for_nothing_where_they_may_have_made_links(
    tmp: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jail, "_TMP", Path(tmp))
    first = walls.jail(tmp_path)
    place = replace(first, readable=(first.writable[0] / ".git", first.writable[1] / "a/b"))
    argv = place.wrap(["true"], cwd=first.writable[0])
    roots, theirs = argv[: argv.index(jail.SETPRIV)], argv[argv.index(jail.SETPRIV) :]
    assert [word for word in roots if {*Path(word).parents} & {*place.writable}] == []
    assert str(first.writable[0] / ".git") in theirs


async def test_a_link_made_inside_leads_nothing_of_ours_away(tmp_path: Path) -> None:
    first = walls.jail(tmp_path)
    (first.writable[0] / "own").mkdir()
    (first.writable[0] / "own/settings").write_text("ours")
    await sh(first, f"mv own was && ln -s {tmp_path}/outside own")
    place = replace(first, readable=(first.writable[0] / "own/settings",))
    with pytest.raises(OSError, match="symbolic link"):
        await sh(place, "true")
    assert not (tmp_path / "outside").exists()


async def test_tools_are_to_be_read_and_started(tmp_path: Path) -> None:
    tool = tmp_path / "tools/greet"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho good day\n")
    tool.chmod(0o755)
    place = walls.jail(tmp_path, replace(walls.strong(), tools=(tool.parent, tmp_path / "not there")))
    assert (await sh(place, f"{tool}; echo >{tool} || echo kept")).startswith("good day\n")
    assert tool.read_text().startswith("#!")


async def test_a_file_of_root_with_the_users_bit_makes_nobody_root(place: Jail) -> None:
    shutil.copy("/usr/bin/id", place.writable[0] / "id")
    if ROOT:
        os.chown(place.writable[0] / "id", 0, 0)
    (place.writable[0] / "id").chmod(0o4755)
    said = await sh(place, "./id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status")
    assert said.split() == ["1000", "CapEff:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"]


# ---- ways out --------------------------------------------------------------------------------------------------------


async def test_there_is_no_network_but_their_own_loopback(place: Jail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        said = await python(
            place,
            "import socket\n"
            "def tried(*way):\n"
            "    try: socket.create_connection(way, 1)\n"
            "    except OSError as problem: return type(problem).__name__\n"
            f"print(tried('127.0.0.1', {outside.getsockname()[1]}), tried('192.0.2.1', 80), tried('example.com', 80))\n"
            "with socket.create_server(('127.0.0.1', 0)) as own: print(tried(*own.getsockname()))\n"
            "print(*(name for _, name in socket.if_nameindex()))",
        )
    assert said.splitlines() == ["ConnectionRefusedError OSError gaierror", "None", "lo"]


async def test_the_kernels_side_doors_are_shut(place: Jail) -> None:
    said = await sh(place, "unshare -U true; unshare -n true; mount -t tmpfs x /tmp; nsenter -t 1 -m true; echo $?")
    assert said.count("Operation not permitted") + said.count("permission denied") >= 3, said
    assert said.splitlines()[-1] != "0"


async def test_a_debugger_reaches_only_what_is_inside(place: Jail) -> None:
    trace = "import ctypes; print(ctypes.CDLL(None).ptrace(0x4206, {pid}, 0, 0))"
    inside = "import os, signal, time; child = os.fork()\nif not child: signal.pause()\n"
    said = await python(place, inside + trace.format(pid="child") + "; os.kill(child, 9)")
    assert said == "0\n"
    assert await python(place, trace.format(pid=os.getpid())) == "-1\n"


async def test_a_door_leads_to_whoever_listens_behind_it(place: Jail, tmp_path: Path) -> None:
    listening = doors.listen(tmp_path / "doors", 8118, uid=place.uid)
    answering = asyncio.create_task(_answer(listening.sockets[0]))
    ask = (
        "import socket; s = socket.create_connection(('127.0.0.1', 8118)); s.send(b'hello'); print(s.recv(99).decode())"
    )
    done = await run(place, PYTHON, "-I", "-c", ask, doors=[listening.door])
    await answering
    listening.close()
    assert (done.code, done.output_tail) == (0, "hello yourself\n")


async def _answer(listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    connection, _ = await loop.sock_accept(listening)
    with connection:
        await loop.sock_sendall(connection, await loop.sock_recv(connection, 99) + b" yourself")


def test_a_door_is_on_the_loopback_and_elsewhere_where_that_is_the_machines(tmp_path: Path) -> None:
    door = Door(8118, tmp_path / "socket", 4711)
    assert walls.jail(tmp_path).url(door) == "http://127.0.0.1:8118"
    assert Walls("degraded").jail(tmp_path).url(door) == "http://127.0.0.1:4711"


# ---- limits and ends -------------------------------------------------------------------------------------------------


def unwatched(place: Jail, script: str) -> str:
    """What a script says that only the kernel holds to limits, which are wider than those that the watchdog keeps."""
    argv = place.wrap([PYTHON, "-I", "-c", script], cwd=place.writable[0])
    return subprocess.run(argv, env={}, capture_output=True, check=True, text=True).stdout


def test_the_kernel_holds_each_process_to_its_limits(tmp_path: Path) -> None:
    limits = Limits(memory=300 << 20, processes=40, disk=1 << 20)
    said = unwatched(
        walls.jail(tmp_path, limits=limits),
        "import json, resource as r\n"
        "print(json.dumps([r.getrlimit(getattr(r, 'RLIMIT_' + n)) for n in ('NOFILE', 'CORE', 'FSIZE', 'DATA')]))\n"
        "try: bytearray(900 << 20)\n"
        "except MemoryError: print('no memory')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: open('big', 'wb').write(bytes(9 << 20))\n"
        "except OSError as problem: print(problem.strerror)\n",
    )
    first, *rest = said.splitlines()
    kernels = limits.of_a_process(shared=not ROOT)
    assert json.loads(first) == [[kernels[f"RLIMIT_{name}"]] * 2 for name in ("NOFILE", "CORE", "FSIZE", "DATA")]
    assert rest == ["no memory", "File too large"]


@pytest.mark.skipif(not ROOT, reason="processes are counted by user")
def test_a_fork_bomb_fills_its_own_place_alone(tmp_path: Path) -> None:
    bomb = (
        "import os, signal\ncount = 0\n"
        "try:\n    while count < 100:\n        if not os.fork(): signal.pause()\n        count += 1\n"
        "except OSError: pass\nprint(count)"
    )
    counts = [int(unwatched(walls.jail(tmp_path / name, limits=Limits(processes=30)), bomb)) for name in "ab"]
    assert all(40 <= count < 60 for count in counts), counts


async def test_nothing_is_left_when_the_first_process_ends(place: Jail) -> None:
    said = await sh(
        place, "for i in 1 2 3; do setsid nohup sh -c 'trap \"\" TERM; sleep 60' >/dev/null 2>&1 & done; echo ok"
    )
    assert said == "ok\n"
    assert [pid for pid in os.listdir("/proc") if pid.isdigit() and _is(pid, place.uid)] == []  # noqa: PTH208


def _is(pid: str, uid: int | None) -> bool:
    try:
        return uid is not None and f"\nUid:\t{uid}\t" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


# ---- what must work --------------------------------------------------------------------------------------------------


async def test_python_with_all_it_usually_does(place: Jail) -> None:
    said = await python(
        place,
        "import asyncio, multiprocessing, pathlib, sqlite3, subprocess, tempfile, threading, concurrent.futures, time\n"
        "async def main():\n"
        "    p = await asyncio.create_subprocess_exec('echo', 'child', stdout=-1)\n"
        "    return (await p.communicate())[0].decode().strip()\n"
        "db = sqlite3.connect('x.db'); db.execute('create table t (n)'); db.commit()\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: doubled = pool.map(abs, [-1, -2])\n"
        "with tempfile.TemporaryDirectory() as folder: there = folder\n"
        "print(asyncio.run(main()), doubled, there.startswith('/tmp/'), pathlib.Path.home().name)",
    )
    assert said == "child [1, 2] True home\n"


async def test_pytest_without_a_set_up(place: Jail) -> None:
    tree, home = place.writable
    venv.make(home / ".venv")
    (tree / "test_it.py").write_text("def test_it(tmp_path): (tmp_path / 'x').write_text('')\n")
    place.own(tree, home)
    done = await run(place, "pytest", "-q", "-p", "no:cacheprovider", "test_it.py", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "1 passed" in done.output_tail, done.output_tail


@pytest.mark.skipif(not Path("/usr/bin/node").exists(), reason="Node.js is not there")
async def test_node_with_threads(place: Jail) -> None:
    script = 'new (require(\'worker_threads\').Worker)(\'require("fs").writeFileSync("n", "");\', {eval: true})'
    done = await run(place, "node", "-e", script)
    assert (done.code, done.output_tail, (place.writable[0] / "n").exists()) == (0, "", True)


# ---- no walls --------------------------------------------------------------------------------------------------------


def test_without_walls_a_command_line_stays_as_it_is(tmp_path: Path) -> None:
    assert Walls("none").jail(tmp_path).wrap(["true"], cwd=tmp_path) == ["true"]


@pytest.mark.parametrize("tier", ["strong", "degraded"])
def test_walls_that_nobody_has_tried_are_no_walls(tier: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="self-test"):
        Walls(tier).jail(tmp_path).wrap(["true"], cwd=tmp_path)  # type: ignore[arg-type]
