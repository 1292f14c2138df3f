"""Inside a sandbox: loopback ports that lead to the Unix sockets of its doors, for as long as one command runs.

    python -I -S forward.py 8118=/run/tutti/8118 ... -- argv...

It listens before the command starts, and ends as the command ends: with its code, or 128 and the number of a signal.
It imports nothing of the bot, and of the library only what is written in C: `socket` alone would take ten milliseconds.
"""

import _signal  # type: ignore[import-not-found]
import _socket
import os
import select
import sys

_PIECE = 65_536  # bytes on their way in one direction of a connection: what a slow reader costs
_MOST = 400  # connections at once, below the thousand files that a process may open; more wait in the queue
_QUEUE = 128
_PATIENCE = 10.0  # seconds for a door to take a connection
_NO_DOOR, _NOT_ALLOWED, _NOT_FOUND = 125, 126, 127
_SIGNALS = _signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT
_NO_ROOM = 23, 24  # ENFILE, EMFILE
_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT


class Side:
    """One end of a connection: what was read from it and waits for `other` to take it."""

    other: "Side"

    def __init__(self, sock: _socket.socket) -> None:
        self.sock, self.fd = sock, sock.fileno()
        self.waiting = b""
        self.ended = self.passed_on = False  # nothing more comes from here; and `other` was told so
        self.watched = 0  # what of it the loop waits for

    def move(self) -> None:
        """Take what is there, and give `other` what it takes. Raises OSError where a side is gone."""
        if not self.waiting and not self.ended:
            try:
                self.waiting = self.sock.recv(_PIECE)
                self.ended = not self.waiting
            except BlockingIOError:
                pass
        if self.waiting:
            try:  # noqa: SIM105 - what would suppress it takes time to import
                self.waiting = self.waiting[self.other.sock.send(self.waiting) :]
            except BlockingIOError:
                pass
        if self.ended and not self.waiting and not self.passed_on:
            self.other.sock.shutdown(_socket.SHUT_WR)
            self.passed_on = True

    @property
    def wanted(self) -> int:
        """What to wait for at this end."""
        more = _READ if not self.waiting and not self.ended else 0
        return more | (_WRITE if self.other.waiting else 0)


class Forwarder:
    """The loop. `doors` are pairs of a loopback port and the path of a socket."""

    def __init__(self, doors: list[tuple[int, str]]) -> None:
        self.poll = select.epoll()
        self.sides: dict[int, Side] = {}
        self.doors: dict[int, tuple[_socket.socket, str]] = {}
        self.full = False
        for port, path in doors:
            listening = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            listening.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", port))
            listening.listen(_QUEUE)
            listening.setblocking(False)
            self.doors[listening.fileno()] = listening, path
            self.poll.register(listening.fileno(), _READ)

    def run(self, argv: list[str]) -> int:
        """Start the command, and pass bytes on until it has ended; its exit code."""
        news, signalled = os.pipe()
        os.set_blocking(news, False)
        os.set_blocking(signalled, False)
        self.poll.register(news, _READ)
        _signal.set_wakeup_fd(signalled)
        for number in _SIGNALS:
            _signal.signal(number, _noticed)
        command = _started(argv)
        while True:
            for fd, _ in self.poll.poll():
                if fd == news:
                    code = _heard(os.read(news, 64), command)
                    if code is not None:
                        return code
                elif fd in self.doors:
                    self.let_in(*self.doors[fd])
                elif fd in self.sides:
                    self.pass_on(self.sides[fd])

    def let_in(self, listening: _socket.socket, path: str) -> None:
        """Take a connection, and make the one to its door; both files first, so that nobody is taken in for nothing."""
        made: list[_socket.socket] = []
        try:
            made.append(_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM))
            made.append(_accepted(listening))
            _connect(made[0], path)
        except OSError as problem:
            for sock in made:
                sock.close()
            self.mind(problem.errno in _NO_ROOM and bool(self.sides))
        else:
            one, other = Side(made[1]), Side(made[0])
            one.other, other.other = other, one
            self.sides |= {one.fd: one, other.fd: other}
            self.watch(one)
            self.watch(other)
            self.mind()

    def pass_on(self, side: Side) -> None:
        """Move what can be moved in both directions of a connection."""
        try:
            side.move()
            side.other.move()
        except OSError:
            self.end(side)
            return
        if side.passed_on and side.other.passed_on:
            self.end(side)
            return
        self.watch(side)
        self.watch(side.other)

    def watch(self, side: Side) -> None:
        """Wait for what is wanted; a side of which nothing is wanted would only say again and again that it ended."""
        if side.wanted and side.watched:
            self.poll.modify(side.fd, side.wanted)
        elif side.wanted:
            self.poll.register(side.fd, side.wanted)
        elif side.watched:
            self.poll.unregister(side.fd)
        side.watched = side.wanted

    def end(self, side: Side) -> None:
        for one in (side, side.other):
            del self.sides[one.fd]
            one.sock.close()
        self.mind()

    def mind(self, full: bool = False) -> None:
        """Take nobody in while there is no room."""
        full = full or len(self.sides) >= 2 * _MOST
        if full != self.full:
            self.full = full
            for fd in self.doors:
                self.poll.modify(fd, 0 if full else _READ)


def _accepted(listening: _socket.socket) -> _socket.socket:
    number, _ = listening._accept()  # type: ignore[attr-defined]
    inside = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, number)
    inside.setblocking(False)
    inside.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return inside


def _connect(outside: _socket.socket, path: str) -> None:
    outside.settimeout(_PATIENCE)  # a door with a full queue is waited for
    outside.connect(path)
    outside.setblocking(False)


def _noticed(_number: int, _frame: object) -> None:
    """A signal came; the loop reads its number from the pipe."""


def _started(argv: list[str]) -> int:
    """Start the command with this process' own standard streams; its process id."""
    command = os.fork()
    if command:
        return command
    try:
        for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python's own wish, not the command's
            _signal.signal(number, _signal.SIG_DFL)
        if "/" in argv[0]:
            os.execv(argv[0], argv)
        os.execvp(argv[0], argv)  # which imports more to search
    except OSError as problem:
        os.write(2, f"{argv[0]}: {problem.strerror}\n".encode(errors="replace"))
        os._exit(_NOT_ALLOWED if isinstance(problem, PermissionError) else _NOT_FOUND)
    finally:
        os._exit(_NOT_FOUND)


def _heard(signals: bytes, command: int) -> int | None:
    """Pass signals on to the command; its exit code once it has one."""
    for number in signals:
        if number != _signal.SIGCHLD:
            os.kill(command, number)
    ended, status = os.waitpid(command, os.WNOHANG)
    if not ended:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main(words: list[str]) -> int:
    at = words.index("--")
    doors = [(int(port), path) for port, _, path in (word.partition("=") for word in words[:at])]
    try:
        forwarder = Forwarder(doors)
    except OSError as problem:
        os.write(2, f"no door can be made on loopback: {problem.strerror}\n".encode())
        return _NO_DOOR
    return forwarder.run(words[at + 1 :])


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # nothing is left to tidy up, and tidying takes time
