"""Starts a program in the weaker tier: `python -I -S launch.py RULES PROGRAM ARGUMENT...`; RULES is `Rules` as JSON.

It takes from itself what the program shall not have (privileges, files, ports, system calls), then becomes it. As root
it becomes another user first. Of root's powers one may stay, where root has it: to pass through folders that are
closed to others; what can be opened there is Landlock's to say.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TypedDict

_NO_NEW_PRIVS, _PDEATHSIG, _KEEPCAPS, _AMBIENT, _AMBIENT_RAISE = 38, 1, 8, 47, 2
_READ_SEARCH = 2  # CAP_DAC_READ_SEARCH
_CAPABILITIES = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


class Rules(TypedDict):
    """What the program may do, and where. `limits` go by their names in `resource`; `filter` is a file."""

    uid: int | None
    cwd: str
    read: list[str]
    write: list[str]
    devices: list[str]
    ports: list[int]
    limits: dict[str, int]
    filter: str


def main() -> None:
    """Become the program. Ends with one sentence on what could not be done."""
    rules: Rules = json.loads(sys.argv[1])
    program = sys.argv[2:]
    parent = os.getppid()
    try:
        _confine(rules, parent)
    except (OSError, ValueError, AttributeError) as problem:
        sys.exit(f"sandbox: {problem}")
    try:
        os.execvp(program[0], program)
    except OSError as problem:
        print(f"sandbox: {program[0]}: {problem.strerror}", file=sys.stderr)  # noqa: T201 - this is the program's own
        sys.exit(127 if isinstance(problem, FileNotFoundError) else 126)


def _confine(rules: Rules, parent: int) -> None:
    sys.path.append(str(Path(__file__).parent))  # by their own names: of the bot nothing else is loaded
    landlock, seccomp = importlib.import_module("landlock"), importlib.import_module("seccomp")
    instructions = Path(rules["filter"]).read_bytes()
    for name, limit in rules["limits"].items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    _prctl(_NO_NEW_PRIVS, 1)
    landlock.confine(rules["read"], rules["write"], rules["devices"], rules["ports"])
    if rules["uid"] is not None:
        _become(rules["uid"])
    os.chdir(rules["cwd"])
    _prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise ProcessLookupError("whoever wanted this is gone")
    seccomp.install(instructions)


def _become(uid: int) -> None:
    keep = _may_pass()
    if keep:
        _prctl(_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if keep:
        _keep_only(1 << _READ_SEARCH)
        _prctl(_AMBIENT, _AMBIENT_RAISE, _READ_SEARCH)


def _may_pass() -> bool:
    words = Path("/proc/self/status").read_text(encoding="utf-8").split()
    return bool(int(words[words.index("CapPrm:") + 1], 16) & 1 << _READ_SEARCH)


def _keep_only(capabilities: int) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)(capabilities, capabilities, capabilities, 0, 0, 0)
    if _libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(option: int, second: int, third: int = 0) -> None:
    if _libc.prctl(option, ctypes.c_ulong(second), ctypes.c_ulong(third), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main()
