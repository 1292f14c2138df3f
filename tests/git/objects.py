"""A bare repository whose objects are written as git stores them, without a process: trees are made in no time."""

import hashlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.git.command import Transport
from bot.git.mirror import Mirror
from tests.git.stage import sh

File = str | bytes | tuple[str, str]  # a text; or its mode, and a text, a link's target or a submodule's commit
Files = Mapping[str, File]
FILE, TOOL, LINK, MODULE = "100644", "100755", "120000", "160000"


class Objects:
    """The repository and a mirror that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sh("git", "init", "-q", "--bare", "--template=", str(folder), cwd=folder.parent)
        self.mirror = Mirror(folder, "acme/shop", "", "file", Transport())

    def put(self, kind: str, data: bytes) -> str:
        """Store an object; gives its name."""
        raw = b"%s %d\0%s" % (kind.encode(), len(data), data)
        name = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        place = self.folder / "objects" / name[:2] / name[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(raw, 1))
        return name

    def tree(self, files: Files) -> str:
        """The tree with these files, by path."""
        root: dict[str, Any] = {}
        for path, file in files.items():
            *folders, name = path.split("/")
            at = root
            for folder in folders:
                at = at.setdefault(folder, {})
            at[name] = file
        return self._tree(root)

    def _tree(self, entries: Mapping[str, Any]) -> str:
        lines = list[tuple[bytes, bytes]]()
        for name, entry in entries.items():
            raw, below = os.fsencode(name), isinstance(entry, dict)
            mode, oid = ("40000", self._tree(entry)) if isinstance(entry, dict) else self._file(entry)
            lines.append((raw + b"/" * below, b"%s %s\0%s" % (mode.encode(), raw, bytes.fromhex(oid))))
        return self.put("tree", b"".join(line for _, line in sorted(lines)))

    def _file(self, file: File) -> tuple[str, str]:
        mode, content = file if isinstance(file, tuple) else (FILE, file)
        raw = content.encode() if isinstance(content, str) else content
        return mode, raw.decode() if mode == MODULE else self.put("blob", raw)
