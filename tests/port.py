"""Ports for servers that have to know theirs before they listen: none that the kernel would give anybody meanwhile.

They lie below those of outgoing connections, and each process that tests at the same time begins elsewhere.
"""

import itertools
import os
import socket
from contextlib import suppress

_FIRST, _ALL = 20_000, 10_000
_numbers = itertools.count(os.getpid() * 50)


def free_port() -> int:
    """A port of loopback at which nobody listens, another one each time."""
    for number in itertools.islice(_numbers, _ALL):
        port = _FIRST + number % _ALL
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # its last connections may be fading still
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")
