"""Whose settings an agent reads: those of a trusted commit stand in for those of the branch it works on.

Made from git objects alone, by an index that nobody else has: no file of anybody is read or written.
"""

import posixpath
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.git.mirror import Entry, Mirror

IsSetting = Callable[[str], bool]
_Files = Mapping[str, Entry]
_LINK, _MODULE = "120000", "160000"
_MOST_HOPS, _MOST_NAMES = 8, 256


async def masked(mirror: Mirror, tree: str, trusted: str, is_setting: IsSetting) -> str:
    """`tree` with every setting as commit or tree `trusted` has it, without those that it has not.

    A setting is also what a link in the tree makes one: a file that is seen by such a path. A trusted setting that is a
    link itself stands as a file where the branch changed the text behind it.
    """
    tree = await mirror.tree(tree)
    given, ours = await _files(mirror, tree), await _files(mirror, trusted)
    changed = [path for path in {**given, **ours} if given.get(path) != ours.get(path)]
    folders = await _links(mirror, given)
    names = [path for path in changed if any(map(is_setting, _names(path, folders)))]
    names += [path for path in changed if path in folders and is_setting(f"{path}/settings.json")]
    names += [path for path, entry in ours.items() if entry.mode == _LINK and is_setting(path)]
    wanted = {path: await _resolved(mirror, path, ours, given, is_setting) for path in dict.fromkeys(names)}
    return await _rewritten(mirror, tree, given, wanted)


async def unmasked(mirror: Mirror, made: str, given: str, original: str) -> str:
    """What an agent `made` of `given`, the masked tree: what it left alone there is as in `original` again."""
    made = await mirror.tree(made)
    new, mask, branch = [await _files(mirror, tree) for tree in (made, given, original)]
    hidden = [path for path in {**mask, **branch} if mask.get(path) != branch.get(path)]
    wanted = {path: branch.get(path) for path in hidden if new.get(path) == mask.get(path)}
    return await _rewritten(mirror, made, new, wanted)


async def _files(mirror: Mirror, tree: str) -> dict[str, Entry]:
    return {entry.path: entry for entry in await mirror.listing(tree)}


async def _links(mirror: Mirror, files: _Files) -> dict[str, str]:
    """The links that lead to folders or nowhere, and the submodules: with the folder that each stands for."""
    links = [entry for entry in files.values() if entry.mode == _LINK]
    texts = await mirror.blobs({entry.oid for entry in links}) if links else {}
    found = {entry.path: _led(entry.path, texts.get(entry.oid, b"")) for entry in links}
    found |= {entry.path: entry.path for entry in files.values() if entry.mode == _MODULE}
    plain = {path for path, entry in files.items() if entry.mode not in (_LINK, _MODULE)}
    return {path: folder for path, folder in found.items() if folder not in plain}


def _led(link: str, target: bytes) -> str:
    """Where a link leads to from the root; empty for the root itself."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target.decode(errors="surrogateescape")))
    return "" if path == "." else path


def _names(path: str, links: Mapping[str, str]) -> set[str]:
    """All names of a file: its own, and by links to the folders it is in, and by links to those."""
    names, fresh = {path}, {path}
    for _ in range(_MOST_HOPS):
        more = {
            f"{link}/{name[len(folder) :].lstrip('/')}"
            for name in fresh
            for link, folder in links.items()
            if (not folder or name.startswith(f"{folder}/")) and link != folder
        }
        fresh = more - names
        names |= fresh
        if not fresh or len(names) > _MOST_NAMES:
            break
    return names


async def _resolved(mirror: Mirror, path: str, ours: _Files, given: _Files, is_setting: IsSetting) -> Entry | None:
    """What the trusted commit has there, even where it is a link to a text that the branch changed.

    None: it has nothing, or nothing that is certain.
    """
    at = ours.get(path)
    for _ in range(_MOST_HOPS):
        if at is None or at.mode != _LINK:
            break
        target = _led(at.path, (await mirror.blobs([at.oid])).get(at.oid, b""))
        below = [other for other in ours if other.startswith(f"{target}/")]
        if below and all(map(is_setting, below)):
            return ours[path]
        at = ours.get(target)
    if at is None or at.mode == _LINK:
        return None
    certain = at.path == path or is_setting(at.path) or given.get(at.path) == at
    return ours[path] if certain else replace(at, path=path)


async def _rewritten(mirror: Mirror, tree: str, files: _Files, wanted: Mapping[str, Entry | None]) -> str:
    """The tree with these paths as wanted; what another file or folder stands in the way of is left out."""
    changes = {path: entry for path, entry in wanted.items() if files.get(path) != entry}
    left = {path for path in files if path not in changes}
    folders = {folder for path in left for folder in _above(path)}
    gone = [path for path in changes if path in files]
    new = [entry for path, entry in changes.items() if entry and path not in folders and not _above(path) & left]
    if not gone and not new:
        return tree
    lines = [f"0 {'0' * len(tree)}\t{path}\0" for path in gone]
    lines += [f"{entry.mode} {entry.oid}\t{entry.path}\0" for entry in new]
    with tempfile.TemporaryDirectory(prefix="tutti-mask-") as folder:
        index = Path(folder) / "index"
        await mirror.git("read-tree", tree, index=index)
        stdin = "".join(lines).encode(errors="surrogateescape")
        await mirror.git("update-index", "-z", "--index-info", index=index, stdin=stdin)
        return (await mirror.git("write-tree", index=index)).decode().strip()


def _above(path: str) -> set[str]:
    parts = path.split("/")[:-1]
    return {"/".join(parts[: number + 1]) for number in range(len(parts))}
