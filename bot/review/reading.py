"""What of a change is read and what is not, each file that is not with its reason. Pure."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.review.glob import among, matcher, present
from bot.review.packing import NO_ROOM, Contents, Packing, Part, pack
from bot.review.patch import FilePatch
from bot.review.rules import Globs

__all__ = ["ITS_WORD", "NO_ROOM", "TOO_LARGE", "Contents", "Coverage", "Packing", "Part", "Plan"]
__all__ += ["coverage", "digests", "fresh", "pack", "sort"]

TOO_LARGE = "too large"
ITS_WORD = "says it is generated"  # and is new: nobody but the change itself says so
Fits = Callable[[str], bool]
Paths = Collection[str]

_LOCKS: Globs = ("*.lock", "go.sum", "package-lock.json", "packages.lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml")
_LOCKS += ("bun.lockb", "gradle.lockfile")
_MADE: Globs = (
    "*.min.js",
    "*.min.css",
    "*.js.map",
    "*.css.map",
    "*_pb2.py",
    "*_pb2.pyi",
    "*_pb2_grpc.py",
    "*.pb.go",
    "*.pb.cc",
)
_MADE += ("*.pb.h", "*.g.dart", "*.freezed.dart", "*.designer.cs", "*.generated.*", "*.snap")
_GENERATED = (*_LOCKS, *_MADE, "dist/", "__snapshots__/", "__generated__/")
_VENDORED = ("vendor/", "third_party/", "node_modules/", "bower_components/", ".yarn/")
_IS_VENDORED = matcher(_VENDORED)
_SAYS_SO = (
    rb"(?im)^%s[^\w\n@<]{0,20}(?:@generated\b|<auto-?generated|code generated .{0,80}do not edit"
    rb"|(?:this (?:file|code|class) (?:is|was|has been) )?auto(?:matically |-)?generated\b)"
)
_SAID = {sign: re.compile(_SAYS_SO % re.escape(sign)) for sign in (b"+", b" ")}
_HEADER = 1_500  # bytes that are looked at: who says so does it at the top
_ATTRIBUTES = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)+)"|(?P<glob>(?!\[attr\])[^\s"#!]\S*))\s+(?P<said>.+)')
_MARK = re.compile(r"(?P<no>[-!]?)linguist-(?P<what>generated|vendored)(?:=(?P<value>\S*))?")
_TESTS = ("test/", "tests/", "spec/", "__tests__/", "*_test.*", "test_*.*", "*.test.*", "*.spec.*", "*_spec.*")
_SETTINGS: Globs = ("*.yml", "*.yaml", "*.toml", "*.ini", "*.cfg", "*.json", "*.xml", "*.properties")
_SETTINGS += ("requirements*.txt", "CMakeLists.txt")
_WORDS = ("*.md", "*.rst", "*.adoc", "*.txt", "docs/")
_ORDER = tuple((rank, matcher(globs)) for rank, globs in enumerate((_TESTS, _SETTINGS, _WORDS), 1))
_RISKY: Globs = (
    "auth",
    "login",
    "passw",
    "secret",
    "token",
    "session",
    "crypt",
    "permission",
    "acl",
    "sandbox",
    "payment",
)
_RISKY += ("sql", "migrat", "serial", "admin", "upload")


@dataclass(frozen=True)
class Plan:
    """`files` are to be read, the weightiest first; `left` are not: (path, reason in a few words)."""

    files: tuple[FilePatch, ...]
    left: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Coverage:
    """How many of the changed files were read, and which were not: (path, reason)."""

    read: int
    total: int
    left: tuple[tuple[str, str], ...]


class _Mark(NamedTuple):
    """What a `.gitattributes` says of some files: they are `what`, or they are not (None: as if nothing was said)."""

    fits: Fits
    what: str
    holds: bool | None


def sort(files: Sequence[FilePatch], ignore: Sequence[str], attributes: str = "") -> Plan:
    """What is to be read. `ignore` are globs, `attributes` the text of a trusted `.gitattributes`."""
    paths, marks = [patch.path for patch in files], _marks(attributes)
    ignored, foreign = among(ignore, paths), among(_GENERATED + _VENDORED, paths)
    reasons = [(patch, _reason(patch, ignored, foreign, marks)) for patch in files]
    other, risky = among(_TESTS + _SETTINGS + _WORDS, paths), _at_risk(paths)
    kept = sorted((patch for patch, reason in reasons if not reason), key=lambda patch: _place(patch, other, risky))
    return Plan(tuple(kept), tuple((patch.path, reason) for patch, reason in reasons if reason))


def _reason(patch: FilePatch, ignored: Paths, foreign: Paths, marks: Sequence[_Mark]) -> str:
    """Why a file is not read; empty where it is."""
    if patch.path in ignored:
        return "ignored"
    if patch.binary:
        return "binary"
    if patch.too_large:
        return TOO_LARGE
    if patch.status == "D":
        return "deleted"
    said = {mark.what: mark.holds for mark in marks if mark.fits(patch.path)} if marks else {}
    if whose := _whose(patch, said, known=patch.path in foreign):
        return whose
    return "" if not patch.blank else "renamed" if patch.status == "R" else "no text"


def _whose(patch: FilePatch, said: dict[str, bool | None], *, known: bool) -> str:
    """Whose a file is that nobody here wrote; where the repository says something of it, that counts."""
    vendored = known and _IS_VENDORED(patch.path)
    if said.get("vendored") or (said.get("vendored") is None and vendored):
        return "vendored"
    holds = said.get("generated")
    if holds or (holds is None and known and not vendored):
        return "generated"
    own = ITS_WORD if patch.status == "A" else "generated"
    return own if holds is None and _says_so(patch) else ""


def _says_so(patch: FilePatch) -> bool:
    """Whether a file says at its top that it is generated: a new one does, or one did so before this change."""
    top = patch.top(_HEADER)
    return b"enerated" in top and bool(_SAID[b"+" if patch.status == "A" else b" "].search(top))


def _marks(attributes: str) -> list[_Mark]:
    """What is said, in order: the last that fits a file counts."""
    said: list[tuple[str, bool | None, list[str]]] = []
    for line in attributes.split("\n"):
        if "linguist-" in line and (hit := _ATTRIBUTES.match(line)):
            for word in hit["said"].split():
                if mark := _MARK.fullmatch(word):
                    holds = None if mark["no"] == "!" else not mark["no"] and mark["value"] != "false"
                    if not said or said[-1][:2] != (mark["what"], holds):
                        said.append((mark["what"], holds, []))
                    said[-1][2].append(hit["glob"] or hit["quoted"])
    return [_Mark(_lenient(globs), what, holds) for what, holds, globs in said]


def _lenient(globs: Sequence[str]) -> Fits:
    """As `matcher`, without what is no glob: nobody wrote these lines for us."""
    good = []
    for glob in globs:
        try:
            matcher([glob])
        except ValueError:
            continue
        good.append(glob)
    return matcher(good)


def _at_risk(paths: Sequence[str]) -> Paths:
    low = [path.lower() for path in paths]
    words = present(_RISKY, low)
    return frozenset(path for path, name in zip(paths, low, strict=True) if any(map(name.__contains__, words)))


def _place(patch: FilePatch, other: Paths, risky: Paths) -> tuple[int, bool, int, str]:
    """Source before tests before settings before documents; what is a risk first, then the larger change."""
    path = patch.path
    kind = next((rank for rank, fits in _ORDER if fits(path)), 0) if path in other else 0
    return kind, path not in risky, -patch.size, path


def fresh(files: Sequence[FilePatch], known: Collection[str]) -> list[FilePatch]:
    """The files with those hunks alone that were not read before; files without any are left out."""
    if not known:
        return list(files)
    cut = [replace(patch, hunks=tuple(hunk for hunk in patch.hunks if hunk.digest not in known)) for patch in files]
    return [patch for patch in cut if patch.hunks]


def digests(packing: Packing, plan: Plan, known: Collection[str]) -> set[str]:
    """Of all places of the change that are read, now or, as `known` says, before."""
    now = {hunk.digest for hunks in packing.read.values() for hunk in hunks}
    before = {hunk.digest for patch in plan.files for hunk in patch.hunks} & set(known) if known else set[str]()
    return now | before


def coverage(packing: Packing, plan: Plan) -> Coverage:
    """How many files were read in whole (now, or before), and which were not."""
    left = (*packing.left.items(), *plan.left)
    return Coverage(len(plan.files) - len(packing.left), len(plan.files) + len(plan.left), left)
