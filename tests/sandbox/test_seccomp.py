"""The filter of system calls, by itself: what it refuses is refused even to root, and programs do not miss it."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bot.sandbox import seccomp

# The calls are made with arguments that do nothing: without the filter they fail with another error.
CALLS = """
import ctypes, errno, importlib.util, json, socket, sys
spec = importlib.util.spec_from_file_location("seccomp", sys.argv[1])
seccomp = importlib.util.module_from_spec(spec)
spec.loader.exec_module(seccomp)
seccomp.install(open(sys.argv[2], "rb").read())
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *arguments) >= 0:
        return "allowed"
    return errno.errorcode[ctypes.get_errno()]

def sockets(*arguments):
    try:
        socket.socket(*arguments).close()
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return "allowed"
"""
X86 = platform.machine() == "x86_64"


def under_the_filter(tmp_path: Path, script: str, *, shared_network: bool = False) -> object:
    """What a script says, as JSON, that runs with nothing but the filter around it."""
    seccomp.export(tmp_path / "filter", shared_network=shared_network)
    argv = [sys.executable, "-I", "-S", "-c", CALLS + script, seccomp.__file__, str(tmp_path / "filter")]
    return json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not X86, reason="the numbers below are those of x86_64")
def test_it_refuses_what_leads_out_of_a_sandbox(tmp_path: Path) -> None:
    numbers = {"mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308, "fsopen": 430}
    numbers |= {"fsconfig": 431, "fsmount": 432, "fspick": 433, "move_mount": 429, "open_tree": 428, "keyctl": 250}
    numbers |= {"mount_setattr": 442, "open_tree_attr": 467, "io_uring_setup": 425, "bpf": 321, "add_key": 248}
    numbers |= {"perf_event_open": 298, "userfaultfd": 323, "request_key": 249, "pidfd_getfd": 438, "kcmp": 312}
    numbers |= {"process_vm_readv": 310, "process_vm_writev": 311, "open_by_handle_at": 304, "init_module": 175}
    numbers |= {"finit_module": 313, "kexec_load": 246, "swapoff": 168, "quotactl": 179}
    script = f"print(json.dumps({{name: call(n, -1, -1, -1, -1, -1) for name, n in {numbers}.items()}}))"
    assert under_the_filter(tmp_path, script) == dict.fromkeys(numbers, "EPERM")


@pytest.mark.skipif(not X86, reason="the numbers below are those of x86_64")
def test_memory_that_belongs_to_no_process_stays_small(tmp_path: Path) -> None:
    """As much as PostgreSQL asks for is given; what is asked for with a size of none is refused by the kernel."""
    large = "call(29, 0, 65537, 0o600), call(64, 0, 65, 0o600), call(68, 0, 0o1600)"
    small = "call(29, 0, 0, 0o1600), call(64, 0, 0, 0o1600), call(29, 123, 56, 0), call(64, 123, 17, 0)"
    found = under_the_filter(tmp_path, f"print(json.dumps([{large}, {small}]))")
    assert found == ["EPERM", "EPERM", "ENOSYS", "EINVAL", "EINVAL", "ENOENT", "ENOENT"]


@pytest.mark.skipif(not X86, reason="the numbers below are those of x86_64")
def test_it_refuses_every_kind_of_new_namespace(tmp_path: Path) -> None:
    flags = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
    script = f"print(json.dumps([*(call(56, f | 17, 0, 0, 0, 0) for f in {flags}), call(272, 0), call(435, None, 0)]))"
    assert under_the_filter(tmp_path, script) == ["EPERM"] * 8 + ["ENOSYS"]


@pytest.mark.skipif(not X86, reason="the second words of x86_64")
def test_it_knows_calls_in_another_architectures_words(tmp_path: Path) -> None:
    assert under_the_filter(tmp_path, "print(json.dumps(call(0x40000000 | 39)))") == "EPERM"


def test_it_leaves_sockets_of_the_families_that_programs_use(tmp_path: Path) -> None:
    script = "print(json.dumps([n for n in range(50) if sockets(n, socket.SOCK_STREAM, 0) != 'EPERM']))"
    assert under_the_filter(tmp_path, script) == [1, 2, 10, 16]


@pytest.mark.skipif(not X86, reason="the number of x86_64")
def test_a_family_does_not_hide_behind_bits_that_the_kernel_drops(tmp_path: Path) -> None:
    script = "print(json.dumps(call(41, ctypes.c_ulong(1 << 32 | 40), ctypes.c_ulong(1), 0)))"
    assert under_the_filter(tmp_path, script) == "EPERM"


def test_nobody_types_into_a_terminal(tmp_path: Path) -> None:
    script = (
        "print(json.dumps([libc.ioctl(0, ctypes.c_ulong(r), b'x') and ctypes.get_errno() for r in (0x5412, 0x541C)]))"
    )
    assert under_the_filter(tmp_path, script) == [1, 1]


def test_threads_and_children_are_as_ever(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, threading\nheard = []\n"
        "thread = threading.Thread(target=lambda: heard.append('thread')); thread.start(); thread.join()\n"
        "heard.append(subprocess.run(['/bin/echo', 'child'], capture_output=True, text=True).stdout.strip())\n"
        "a, b = socket.socketpair(); a.send(b'pair'); heard.append(b.recv(9).decode())\n"
        "print(json.dumps(heard))"
    )
    assert under_the_filter(tmp_path, script) == ["thread", "child", "pair"]


def test_in_the_machines_own_network_only_tcp_is_left(tmp_path: Path) -> None:
    script = (
        "s = socket\n"
        "def fast():\n"
        "    try: s.socket().sendto(b'x', s.MSG_FASTOPEN, ('127.0.0.1', 9))\n"
        "    except OSError as problem: return errno.errorcode[problem.errno]\n"
        "kinds = {'tcp': (s.AF_INET, s.SOCK_STREAM), 'tcp6': (s.AF_INET6, s.SOCK_STREAM | s.SOCK_NONBLOCK),\n"
        " 'udp': (s.AF_INET, s.SOCK_DGRAM), 'raw': (s.AF_INET6, s.SOCK_RAW),\n"
        " 'mptcp': (s.AF_INET, s.SOCK_STREAM, 262),\n"
        " 'sctp': (s.AF_INET, s.SOCK_STREAM, 132), 'unix': (s.AF_UNIX, s.SOCK_DGRAM),\n"
        " 'routes': (s.AF_NETLINK, s.SOCK_RAW, 0), 'firewall': (s.AF_NETLINK, s.SOCK_RAW, 12)}\n"
        "print(json.dumps({'fast': fast(), **{name: sockets(*kind) for name, kind in kinds.items()}}))"
    )
    stopped = dict.fromkeys(("fast", "udp", "raw", "mptcp", "sctp", "firewall"), "EPERM")
    left = dict.fromkeys(("tcp", "tcp6", "unix", "routes"), "allowed")
    assert under_the_filter(tmp_path, script, shared_network=True) == stopped | left
