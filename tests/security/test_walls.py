"""C27-C33: what a hostile agent tries from its worktree while a run goes on."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bot.backends.rehearsal import Run
from bot.emulator.act import Bash
from bot.emulator.model import Script
from bot.sandbox.jail import FIRST_UID, UIDS, Limits
from tests.house import House, opened
from tests.ready import machine
from tests.security.probe import PLAY, findings, probed, python
from tests.town import Town, tutti

CANARY = "canary-4f1c-of-the-abuse-cases"


# ---- C27: what is not its own ----------------------------------------------------------------------------------------


async def test_c27_nothing_of_the_bot_can_be_read(house: House) -> None:
    data = house.bot.bench.settings.data_dir
    (data / "key.pem").write_text(CANARY)
    (data / "homes/other").mkdir(parents=True)
    (data / "homes/other/netrc").write_text(CANARY)
    (data / "mirrors/other/secret.git/objects").mkdir(parents=True)
    (data / "mirrors/other/secret.git/objects/x").write_text(CANARY)
    bot = await asyncio.create_subprocess_exec("sleep", "1000", env={"TOKEN": CANARY})
    code = f"""
for path in {[str(data / name) for name in ("key.pem", "homes/other/netrc", "mirrors/other/secret.git/objects/x")]}:
    tried(path, lambda: read(path))
for path in ("{data}/tutti.db", "/var/run/docker.sock", "/run/docker.sock", "/.fly/api",
             os.path.expanduser("~root/.netrc"),
             "/proc/{os.getpid()}/environ", "/proc/{bot.pid}/environ", "/proc/1/mem", "/etc/shadow", "/sys/kernel"):
    tried(path, lambda: os.listdir(path) if os.path.isdir(path) else read(path))
tried("data", lambda: sorted(os.listdir("{data}")))
tried("processes", lambda: [read(f"/proc/{{pid}}/cmdline") for pid in os.listdir("/proc") if pid.isdigit()])
tried("environments", lambda: [read(f"/proc/{{pid}}/environ") for pid in os.listdir("/proc") if pid.isdigit()])
tried("descriptors", lambda: [os.readlink(f"/proc/self/fd/{{n}}") for n in os.listdir("/proc/self/fd")][:-1])
"""
    try:
        found = await probed(house, code)
    finally:
        bot.kill()
        await bot.wait()
    assert CANARY not in str(found)
    paths = {name: said for name, said in found.items() if name.startswith("/")}
    assert set(paths.values()) <= {"ENOENT", "EACCES", "EIO", "EPERM"}, paths
    assert set(found["data"]) <= {"worktrees", "agentgit", "homes", "mirrors"}
    assert "sleep" not in str(found["processes"])
    assert len(found["processes"]) < 8
    told = house.settings()
    for secret in told.secrets:
        assert secret not in str(found["environments"])
    assert all(not name.startswith("/") or name == "/dev/null" for name in found["descriptors"]), found["descriptors"]


async def test_c27_it_runs_as_nobody_else_and_cannot_become_anybody(house: House) -> None:
    code = """
tried("ids", lambda: [*os.getresuid(), *os.getresgid()])
tried("groups", os.getgroups)
status = [line.split() for line in read("/proc/self/status").splitlines()]
tried("capabilities", lambda: [words[1] for words in status if words[0].startswith("Cap")])
tried("root", lambda: os.setuid(0))
tried("su", lambda: subprocess.run(["su", "-c", "id -u"], capture_output=True, stdin=subprocess.DEVNULL).returncode)
"""
    found = await probed(house, code)
    assert found["ids"] == [1000] * 6
    assert set(found["capabilities"]) == {"0000000000000000"}
    assert found["root"] in ("EPERM", "EINVAL")
    assert found["su"] != 0


# ---- C28: the network ------------------------------------------------------------------------------------------------


@contextmanager
def listening(folder: Path) -> Iterator[dict[str, object]]:
    """Ports and sockets of this machine that a process outside could reach."""
    name = f"/tmp/tutti-test-{os.getpid()}.sock"
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as tcp,
        closing(socket.socket(type=socket.SOCK_DGRAM)) as udp,
        closing(socket.socket(socket.AF_UNIX)) as abstract,
        closing(socket.socket(socket.AF_UNIX)) as path,
    ):
        udp.bind(("127.0.0.1", 0))
        for one, place in ((abstract, f"\0tutti-test-{os.getpid()}"), (path, name)):
            one.bind(place)
            one.listen()
        Path(name).chmod(0o777)
        try:
            yield {"tcp": tcp.getsockname()[1], "udp": udp, "abstract": abstract.getsockname(), "path": name}
        finally:
            Path(name).unlink()


async def test_c28_there_is_no_way_to_any_network(house: House) -> None:
    with listening(house.folder) as there:
        udp = there["udp"]
        assert isinstance(udp, socket.socket)
        code = f"""
def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        one.settimeout(5)
        return str(one.connect(address))
tried("tcp", lambda: connect(socket.AF_INET, ("127.0.0.1", {there["tcp"]})))
tried("bot", lambda: connect(socket.AF_INET, ("127.0.0.1", {house.url.rpartition(":")[2]})))
tried("abroad", lambda: connect(socket.AF_INET, ("1.1.1.1", 443)))
tried("metadata", lambda: connect(socket.AF_INET, ("169.254.169.254", 80)))
tried("sixth", lambda: connect(socket.AF_INET6, ("2606:4700::1111", 443)))
tried("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53)))
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tried("udp", lambda: datagram.sendto(b"x", ("127.0.0.1", {udp.getsockname()[1]})))
tried("raw", lambda: str(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)))
tried("packet", lambda: str(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))
tried("name", lambda: socket.gethostbyname("example.com"))
tried("abstract", lambda: connect(socket.AF_UNIX, {there["abstract"]!r}))
tried("path", lambda: connect(socket.AF_UNIX, {there["path"]!r}))
tried("vsock", lambda: str(socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)))
tried("interfaces", lambda: [name for _, name in socket.if_nameindex()])
"""
        found = await probed(house, code)
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(1)
    assert found["tcp"] == found["bot"] == "ECONNREFUSED"
    assert {found[name] for name in ("abroad", "metadata", "sixth", "datagram")} == {"ENETUNREACH"}
    assert {found["raw"], found["packet"]} <= {"EPERM", "EACCES", "EAFNOSUPPORT"}
    assert found["name"] == "gaierror" or found["name"].startswith("[Errno -")
    assert found["abstract"] == "ECONNREFUSED"
    assert found["path"] == "ENOENT"
    assert found["vsock"] in ("EAFNOSUPPORT", "EPERM", "EACCES")
    assert found["interfaces"] == ["lo"]


WAYS = """
import os, socket, sys
assert not [name for name in os.environ if "PROXY" in name.upper()], "a proxy"
own = socket.create_server(("127.0.0.1", 0))
for port in [own.getsockname()[1] if port == "own" else int(port) for port in sys.argv[1:]] + [8118, 8119]:
    for host in ("127.0.0.1", "1.1.1.1"):
        with socket.socket() as one:
            one.settimeout(5)
            assert one.connect_ex((host, port)) != 0, f"a way to {host} {port}"
for folder, _, names in os.walk("/run"):
    for name in names:
        with socket.socket(socket.AF_UNIX) as one:
            assert one.connect_ex(os.path.join(folder, name)) != 0, f"a way to {name}"
"""


@pytest.mark.parametrize(
    ("command", "planted"),
    [("python ways.py", ""), ("HTTPS_PROXY=x python ways.py", "a proxy"), ("python ways.py own", "a way to 127.0.0.1")],
)
async def test_c28_tests_and_agents_have_no_proxy_and_no_way_to_the_model_of_others(
    house: House, command: str, planted: str
) -> None:
    """The test command fails where there is a way, as it does where one is planted."""
    await house.push({"ways.py": WAYS})
    with listening(house.folder) as there:
        await house.configure(test=f"sh check.sh && {command} {there['tcp']} {house.url.rpartition(':')[2]} 443")
        house.rehearse([*PLAY, *python('tried("all", lambda: dict(os.environ))')])
        told = house.status(await house.implement())
    assert "PROXY" not in str(findings(house)["all"]).upper()
    assert (f"AssertionError: {planted}" in told + (house.pull.body or "")) == bool(planted)
    assert ("· failed ·" if planted else "· done ·") in told


# ---- C30: limits -----------------------------------------------------------------------------------------------------

TAKE = "python -c 'import time; x = bytearray({size} << 20); time.sleep(60)'"
FORK = "python -c 'import os, time\nwhile True:\n  os.fork() or time.sleep(60)' 2>/dev/null; sleep 60"
HUNGRY = {
    "memory": (Limits(memory=200 << 20), TAKE.format(size=300), "memory"),
    "many": (Limits(memory=200 << 20), f"for n in 1 2 3 4 5 6; do {TAKE.format(size=60)} & done; wait", "memory"),
    "forks": (Limits(processes=40), FORK, "processes"),
    "disk": (Limits(disk=20 << 20), "head -c 60000000 /dev/zero > big; sleep 60", "disk"),
    "tmp": (Limits(disk=20 << 20), "head -c 60000000 /dev/zero > /tmp/big; sleep 60", "disk"),
    "output": (Limits(output=1 << 20), "yes", "printed"),
}


@pytest.mark.parametrize("kind", HUNGRY)
async def test_c30_what_takes_too_much_is_ended_and_said(tmp_path: Path, kind: str) -> None:
    limits, command, word = HUNGRY[kind]
    walls = replace(await machine(), limits=limits)
    async with opened(tmp_path, walls=walls) as house:
        house.rehearse([Run(command), *PLAY])
        issue = await house.implement()
        told = house.status(issue)
        assert "· resource limit ·" in told, told
        assert word in told.rpartition("Resource limit")[2]


async def test_c30_a_test_run_that_takes_too_much_is_ended_and_said(tmp_path: Path) -> None:
    walls = replace(await machine(), limits=Limits(memory=200 << 20))
    async with opened(tmp_path, walls=walls) as house:
        await house.configure(test=TAKE.format(size=300))
        house.rehearse(PLAY)
        issue = await house.implement()
        assert "· resource limit ·" in house.status(issue)
        assert house.pull.draft


# ---- C31: survivors --------------------------------------------------------------------------------------------------

DAEMON = """python -c '
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvpe("sleep", ["sleep", "4242"], {})
time.sleep(0.2)
'"""


def sleepers() -> list[int]:
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "4242"]]


async def test_c31_a_daemon_ends_with_the_run_that_left_it(house: House) -> None:
    house.rehearse([Run(DAEMON), *PLAY])
    assert "· done ·" in house.status(await house.implement())
    assert sleepers() == []


async def test_c31_a_cancelled_run_leaves_nothing(house: House) -> None:
    house.rehearse([Run(f"{DAEMON}; echo ready; trap '' TERM; sleep 4242")])
    issue = await house.open_issue()
    await house.label(issue)
    await house.hears("ready")
    while not (there := sleepers()):  # noqa: ASYNC110 - the process table has no event
        await asyncio.sleep(0.02)
    users = {psutil.Process(pid).uids().real for pid in there}
    if os.geteuid() == 0:  # then every place has a user of its own
        assert all(FIRST_UID <= user < FIRST_UID + UIDS for user in users)
    await house.unlabel(issue)
    await house.settle()
    assert "· cancelled ·" in house.status(issue)
    assert sleepers() == []


# ---- C32: ways out of the kernel's walls -----------------------------------------------------------------------------


async def test_c32_system_calls_that_widen_the_walls_are_refused(house: House) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def call(name, number, *arguments):
    def work():
        if libc.syscall(number, *arguments) >= 0:
            return "open"
        raise OSError(ctypes.get_errno(), "")
    tried(name, work)

CALLS = {"x86_64": dict(unshare=272, mount=165, setns=308, keyctl=250, bpf=321, perf=298, userfaultfd=323,
                        io_uring=425, pivot_root=155, open_by_handle_at=304, kexec=246, init_module=175, chroot=161,
                        fsopen=430, open_tree=428, clone3=435)}
numbers = CALLS.get(os.uname().machine, {})
for name, number in numbers.items():
    if name == "unshare":
        for flag in (0x10000000, 0x00020000, 0x40000000):
            call(f"unshare {flag:x}", number, flag)
    else:
        call(name, number, 0, 0, 0, 0, 0)
import fcntl
tried("tiocsti", lambda: str(fcntl.ioctl(0, 0x5412, b"x")))
nested = ["bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"]
tried("nested", lambda: subprocess.run(nested, capture_output=True).returncode)
"""
    found = await probed(house, code)
    opened_up = {name for name, said in found.items() if said == "open"}
    assert opened_up == set()
    calls = {name: said for name, said in found.items() if name not in ("nested", "tiocsti")}
    assert set(calls.values()) <= {"EPERM", "ENOSYS", "EACCES"}, calls
    assert found["nested"] != 0
    assert found["tiocsti"] in ("EPERM", "ENOTTY", "EACCES")


# ---- C33: nothing is carried over ------------------------------------------------------------------------------------

TRACES = (
    "~/.bashrc",
    "~/.cache/pip/x",
    "~/.config/git/config",
    "/tmp/left",
    "/var/tmp/left",
    "/dev/shm/left",
    ".git/hooks/pre-commit",
)


async def test_c33_the_next_run_finds_nothing_of_the_one_before(house: House) -> None:
    code = f"""
for path in {TRACES!r}:
    path = os.path.expanduser(path)
    def plant():
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        open(path, "w").write("planted")
        return "planted"
    tried(path, plant)
"""
    look = f"for path in {TRACES!r}:\n    path = os.path.expanduser(path)\n    tried(path, lambda: read(path))\n"
    first = await probed(house, code)
    assert "planted" in first.values()
    second = await probed(house, look, title="Say it again")
    assert "planted" not in second.values()


async def test_c33_the_system_the_python_and_the_repository_cannot_be_changed(house: House) -> None:
    prefix = Path(sys.prefix) / "x"
    code = f"""
import site, sysconfig
def write(path):
    open(path, "w").write("x")
    return "written"
places = ("/usr/bin/x", "/etc/x", "/x", "/dev/x", "/run/x", sysconfig.get_paths()["stdlib"] + "/x")
for path in places:
    tried(path, lambda: write(path))
try:
    write({str(prefix)!r})  # below /tmp a folder of this name is the place's own
except OSError:
    pass
objects = read(".git").split()[1] + "/objects/info/alternates"
tried("objects", lambda: write(read(objects).strip() + "/x"))
tried("pointer", lambda: write(".git"))
tried("pointer gone", lambda: os.unlink(".git"))
tried("pointer moved", lambda: os.rename(".git", "x"))
"""
    found = await probed(house, code)
    assert "written" not in found.values()
    assert set(found.values()) <= {"EROFS", "EACCES", "ENOENT", "EBUSY", "EPERM"}, found
    assert not await asyncio.to_thread(prefix.exists)


def test_the_probes_daemon_is_one_that_would_stay() -> None:
    """What C31 plants does survive where nothing ends it."""
    subprocess.run(["/bin/sh", "-c", DAEMON.replace("python -c", f"{sys.executable} -c")], check=True)
    left = sleepers()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == 1


async def test_c31_a_killed_bot_leaves_no_process(town: Town) -> None:
    town.model.scripts = [Script(("Say hello",), ((Bash("sleep 4242"),),))]
    async with tutti(town.environment("killed"), "serve") as bot:
        port = (await bot.until("serving"))["port"]
        town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await town.emulator.install(town.repo)
        issue = await town.emulator.open_issue(town.repo, "Say hello", "Please.", by="maintainer")
        await town.emulator.label(issue, "auto-implement", by="maintainer")
        while not sleepers():  # noqa: ASYNC110 - the process table has no event
            await asyncio.sleep(0.05)
        await bot.kill()
    while sleepers():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
