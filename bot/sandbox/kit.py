"""What the walls are built from, made once at the start: the filters of system calls, and the few files of /etc."""

import os
import tempfile
from pathlib import Path

from bot.sandbox import seccomp

FILTER, FILTER_OF_STREAMS = "filter.bpf", "filter-tcp.bpf"
USER, INSIDE, HOST = "agent", 1000, "tutti"
ETC = {
    "passwd": f"root:x:0:0::/:/bin/sh\n{USER}:x:{INSIDE}:{INSIDE}::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "group": f"root:x:0:\n{USER}:x:{INSIDE}:\nnogroup:x:65534:\n",
    "hosts": f"127.0.0.1 localhost {HOST}\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n",
    "resolv.conf": "# There are no names to be found here.\noptions timeout:1 attempts:1\n",
}


def make(folder: Path) -> Path:
    """Put the kit into `folder`, which may hold an older one that is in use. Raises RuntimeError without libseccomp."""
    (folder / "etc").mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in ETC.items():
        _put(folder / "etc" / name, text.encode())
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        for name in (FILTER, FILTER_OF_STREAMS):
            made = Path(fresh, name)
            seccomp.export(made, shared_network=name == FILTER_OF_STREAMS)
            made.replace(folder / name)
    return folder


def _put(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o644)
    Path(file.name).replace(path)
