"""Which system calls the processes inside may make: a filter for the kernel, made once at the start.

What is named here is refused, the rest may pass. New ways to make namespaces and mounts, the kernel's own services
that break out most often, sockets of rare families, and calls in another architecture's words are refused. `ptrace`
stays for debuggers: it reaches only what `/proc` shows.
"""

import ctypes
import errno
import importlib
from pathlib import Path
from typing import Any

_MOUNTS = "mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr"
_NAMESPACES = "setns unshare"
_SERVICES = "io_uring_setup io_uring_enter io_uring_register bpf perf_event_open userfaultfd add_key request_key keyctl"
_OTHERS = "pidfd_getfd process_vm_readv process_vm_writev kcmp open_by_handle_at fanotify_init lookup_dcookie"
_MACHINE = (
    "kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff acct syslog quotactl "
    "quotactl_fd settimeofday clock_settime iopl ioperm vhangup nfsservctl uselib"
)
_REFUSED = " ".join((_MOUNTS, "open_tree_attr", _NAMESPACES, _SERVICES, _OTHERS, _MACHINE)).split()
# The numbers of what an older libseccomp has no name for; they are the same on every architecture.
_NUMBERS = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "clone3": 435}
_NUMBERS |= {"move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438}
_NUMBERS |= {"mount_setattr": 442, "quotactl_fd": 443, "open_tree_attr": 467}
_NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
_TERMINAL = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX put words into the terminal as if they were typed
_SEGMENT, _SEMAPHORES = 64 * 1024, 64  # PostgreSQL asks for 56 bytes and 17
_UNIX, _INET, _NETLINK, _INET6 = 1, 2, 16, 10
_STREAM, _TCP, _FASTOPEN = 1, 6, 0x20000000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_INSTRUCTION = 8  # bytes


def export(path: Path, *, shared_network: bool) -> None:
    """Write the filter to a file. With `shared_network`, for processes in the machine's own network, only TCP is left.

    Raises RuntimeError where there is no libseccomp, OSError where the file cannot be written.
    """
    made = _Filter()
    for name in _REFUSED:
        made.refuse(name)
    made.refuse("clone3", error=errno.ENOSYS)  # its flags are out of a filter's sight; `clone` takes its place
    for flag in _NEW_NAMESPACES:
        made.refuse("clone", made.has(0, flag))
    for request in _TERMINAL:
        made.refuse("ioctl", made.has(1, request, 0xFFFFFFFF))
    for call in ("socket", "socketpair"):
        for family in {*range(_NETLINK)} - {_UNIX, _INET, _INET6}:
            made.refuse(call, made.equals(0, family))
        made.refuse(call, made.above(0, _NETLINK))
    made.refuse("shmget", made.above(1, _SEGMENT))  # nobody could count what is held in there
    made.refuse("semget", made.above(1, _SEMAPHORES))
    made.refuse("msgget", error=errno.ENOSYS)
    if shared_network:
        _only_tcp(made)
    made.write(path)


def _only_tcp(made: "_Filter") -> None:
    """What Landlock does not see: datagrams, other protocols with streams, and connecting by sending."""
    for family in (_INET, _INET6):
        for kind in {*range(16)} - {_STREAM}:
            made.refuse("socket", made.equals(0, family), made.has(1, kind, 0xF))
        for protocol in range(1, _TCP):
            made.refuse("socket", made.equals(0, family), made.equals(2, protocol))
        made.refuse("socket", made.equals(0, family), made.above(2, _TCP))
    for call, flags in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        made.refuse(call, made.has(flags, _FASTOPEN))
    made.refuse("socket", made.equals(0, _NETLINK), made.above(2, 0))  # routes, and nothing else


class _Filter:
    """The library's filter, in the few words that are needed here."""

    def __init__(self) -> None:
        self._library: Any = importlib.import_module("pyseccomp")  # looks for libseccomp when it is imported
        self._rules = self._library.SyscallFilter(self._library.ALLOW)
        self._rules.set_attr(self._library.Attr.ACT_BADARCH, self._library.ERRNO(errno.EPERM))

    def equals(self, argument: int, value: int) -> Any:
        return self._library.Arg(argument, self._library.EQ, value)

    def above(self, argument: int, value: int) -> Any:
        return self._library.Arg(argument, self._library.GT, value)

    def has(self, argument: int, value: int, mask: int = 0) -> Any:
        return self._library.Arg(argument, self._library.MASKED_EQ, mask or value, value)

    def refuse(self, call: str, *arguments: Any, error: int = errno.EPERM) -> None:
        """Refuse a call, or only with such arguments. One that this architecture does not have is passed over."""
        number = self._library.resolve_syscall(self._library.Arch.NATIVE, call)
        number = number if number >= 0 else _NUMBERS.get(call, -1)
        if number >= 0:
            self._rules.add_rule(self._library.ERRNO(error), number, *arguments)

    def write(self, path: Path) -> None:
        with path.open("wb") as file:
            self._rules.export_bpf(file)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(instructions: bytes) -> None:
    """Put a filter over this process and all it will start, for good. Raises OSError where the kernel refuses."""
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // _INSTRUCTION, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    for option, second, third in (
        (_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero),
        (_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(program)),
    ):
        if libc.prctl(option, second, third, zero, zero) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
